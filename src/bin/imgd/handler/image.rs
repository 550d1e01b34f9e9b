//! Images on record: one, many, tags, derivatives, erasure.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use img_api::cursor;
use img_api::image::{
    DeriveAhead, DerivedAhead, EraseOptions, Erased, ImageDetails, ImageList, ImageQuery, Known,
    ListedImage, Lookup, TagPatch, Tags, preset_urls,
};
use img_api::problem::Problem as ProblemDocument;
use img_core::catalog::search::{ImageFilter, ImageSearch, SearchOrder, TagChange};
use img_core::model::access::Verb;
use img_core::model::alias::AliasPath;
use img_core::model::clock::UnixSeconds;
use img_core::model::image_id::ImageId;
use img_core::model::time;
use img_core::origin::act::{ActError, Caller};
use img_core::origin::erase::AndThen;
use img_core::origin::naming::TagWish;
use img_core::origin::view::Looks;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer;
use crate::app::App;
use crate::handler::wish::find_presets;
use crate::input::{Json, Named, Params, parse, parse_all, parse_host};
use crate::problem::Problem;
use crate::who::Who;

/// Ids asked about in one request.
const LOOKUP_MAX: usize = 1000;
const LIMIT: u32 = 50;

/// Why, for the audit log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// Why, for the audit log.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// One image.
#[utoipa::path(
    get, path = "/api/v1/images/{id}", tag = "images", operation_id = "get_image",
    params(("id" = String, Path, description = "40 hex digits", pattern = "^[0-9a-f]{40}$")),
    responses(
        (status = 200, body = ImageDetails),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn get(
    State(app): State<App>,
    who: Who,
    Named(id): Named<ImageId>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Read)?;
    let image = app.origin.get_image(id).await?;
    let view = app
        .origin
        .view_image(&who.caller, image, Looks::Wanted)
        .await?;
    let details = ImageDetails::of(&app.site.url, &view);
    Ok(answer::json(StatusCode::OK, &details))
}

/// Many images.
///
/// The newest first; by name if names are searched; by id if a tag is.
#[utoipa::path(
    get, path = "/api/v1/images", tag = "images", operation_id = "list_images",
    params(ImageQuery),
    responses(
        (status = 200, body = ImageList),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    who: Who,
    Params(query): Params<ImageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=ImageSearch::LIMIT_MAX).contains(&limit) {
        let detail = format!("limit is 1 to {}", ImageSearch::LIMIT_MAX);
        return Err(Problem::bad_request("value-invalid", detail));
    }
    let now = app.origin.clock.now();
    let list = list_name(&query);
    let order = order(&who.caller, &query)?;
    let order = match &query.cursor {
        None => order,
        Some(cursor) => {
            let position = cursor::decode(&list, cursor)
                .map_err(|error| Problem::bad_request("cursor-invalid", error.to_string()))?;
            resume(order, &position)?
        }
    };
    let search = ImageSearch {
        filter: filter(&query, &order, now)?,
        order,
        limit,
    };
    let matches = app.origin.search_images(&who.caller, &search).await?;
    let images = matches.found.iter();
    let page = ImageList {
        images: images
            .map(|found| ListedImage::of(&app.site.url, found))
            .collect(),
        next: matches
            .next
            .map(|next| cursor::encode(&list, &position(&next))),
    };
    Ok(answer::json(StatusCode::OK, &page))
}

/// What a cursor belongs to: everything that is asked for but the page.
fn list_name(query: &ImageQuery) -> String {
    let of = ImageQuery {
        cursor: None,
        limit: None,
        ..query.clone()
    };
    serde_json::to_string(&of).unwrap_or_default()
}

/// A key with a prefix sees what is named below it, and need not say so.
fn order(caller: &Caller, query: &ImageQuery) -> Result<SearchOrder, Problem> {
    let prefix = match &query.alias_prefix {
        Some(prefix) => Some(parse("alias_prefix", prefix)?),
        None => caller.prefix.clone(),
    };
    if let Some(prefix) = prefix {
        return Ok(SearchOrder::Alias {
            host: parse_host(query.alias_host.as_deref())?,
            prefix,
            after: None,
        });
    }
    if query.alias_host.is_some() {
        let detail = "alias_host says nothing without alias_prefix";
        return Err(Problem::bad_request("value-invalid", detail));
    }
    match &query.tag {
        Some(tag) => Ok(SearchOrder::Tag {
            tag: parse("tag", tag)?,
            after: None,
        }),
        None => Ok(SearchOrder::Newest { after: None }),
    }
}

fn filter(
    query: &ImageQuery,
    order: &SearchOrder,
    now: UnixSeconds,
) -> Result<ImageFilter, Problem> {
    let moment = |field: &str, text: &Option<String>| {
        let parse = |text: &String| {
            time::parse_since(text, now)
                .map_err(|error| Problem::bad_request("value-invalid", format!("{field}: {error}")))
        };
        text.as_ref().map(parse).transpose()
    };
    let tag = query.tag.as_deref();
    let tag = tag.filter(|_| !matches!(order, SearchOrder::Tag { .. }));
    Ok(ImageFilter {
        media: query
            .media
            .as_deref()
            .map(|text| parse("type", text))
            .transpose()?,
        bytes_min: query.bytes_min,
        bytes_max: query.bytes_max,
        since: moment("since", &query.since)?,
        until: moment("until", &query.until)?,
        tag: tag.map(|tag| parse("tag", tag)).transpose()?,
    })
}

/// The text of a position; [`resume`] reads it.
fn position(order: &SearchOrder) -> String {
    match order {
        SearchOrder::Newest { after } => after
            .map(|(at, id)| format!("{at} {id}"))
            .unwrap_or_default(),
        SearchOrder::Tag { after, .. } => after.map(|id| id.to_string()).unwrap_or_default(),
        SearchOrder::Alias { after, .. } => {
            after.as_ref().map(ToString::to_string).unwrap_or_default()
        }
    }
}

fn resume(order: SearchOrder, position: &str) -> Result<SearchOrder, Problem> {
    let invalid = || Problem::bad_request("cursor-invalid", cursor::InvalidCursor.to_string());
    Ok(match order {
        SearchOrder::Newest { .. } => {
            let (at, id) = position.split_once(' ').ok_or_else(invalid)?;
            let at = at.parse().map_err(|_| invalid())?;
            SearchOrder::Newest {
                after: Some((at, id.parse().map_err(|_| invalid())?)),
            }
        }
        SearchOrder::Tag { tag, .. } => SearchOrder::Tag {
            tag,
            after: Some(position.parse().map_err(|_| invalid())?),
        },
        SearchOrder::Alias { host, prefix, .. } => {
            let after = AliasPath::from_encoded(position).map_err(|_| invalid())?;
            if !prefix.covers(&after) {
                return Err(invalid());
            }
            SearchOrder::Alias {
                host,
                prefix,
                after: Some(after),
            }
        }
    })
}

/// Which of these are here? Ask before uploading.
#[utoipa::path(
    post, path = "/api/v1/images/lookup", tag = "images", operation_id = "lookup_images",
    request_body = Lookup,
    responses(
        (status = 200, body = Known),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn lookup(
    State(app): State<App>,
    who: Who,
    lookup: Json<Lookup>,
) -> Result<Response, Problem> {
    // Whoever may upload may know what need not be.
    if !who.caller.verbs.allow(Verb::Ingest) {
        who.caller.require(Verb::Read)?;
    }
    let ids = lookup.value.ids;
    if ids.len() > LOOKUP_MAX {
        let detail = format!("{LOOKUP_MAX} ids at most");
        return Err(Problem::bad_request("value-invalid", detail));
    }
    let ids: Vec<ImageId> = parse_all("ids", &ids)?;
    let found = app.origin.catalog.find_images(&ids).await?;
    let known = found.iter().map(|image| image.id.to_string()).collect();
    Ok(answer::json(StatusCode::OK, &Known { known }))
}

/// Set all tags of an image.
#[utoipa::path(
    put, path = "/api/v1/images/{id}/tags", tag = "images", operation_id = "set_tags",
    params(("id" = String, Path, description = "40 hex digits", pattern = "^[0-9a-f]{40}$"), Why),
    request_body = Tags,
    responses(
        (status = 200, body = Tags),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn set_tags(
    State(app): State<App>,
    who: Who,
    Named(id): Named<ImageId>,
    Params(why): Params<Why>,
    tags: Json<Tags>,
) -> Result<Response, Problem> {
    let wish = TagWish::Set(parse_all("tags", &tags.value.tags)?);
    change_tags(&app, &who, id, why, wish).await
}

/// Add and remove tags of an image.
#[utoipa::path(
    patch, path = "/api/v1/images/{id}/tags", tag = "images", operation_id = "change_tags",
    params(("id" = String, Path, description = "40 hex digits", pattern = "^[0-9a-f]{40}$"), Why),
    request_body = TagPatch,
    responses(
        (status = 200, body = Tags),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn patch_tags(
    State(app): State<App>,
    who: Who,
    Named(id): Named<ImageId>,
    Params(why): Params<Why>,
    patch: Json<TagPatch>,
) -> Result<Response, Problem> {
    let wish = TagWish::Change(TagChange {
        add: parse_all("add", &patch.value.add)?,
        remove: parse_all("remove", &patch.value.remove)?,
    });
    change_tags(&app, &who, id, why, wish).await
}

async fn change_tags(
    app: &App,
    who: &Who,
    id: ImageId,
    why: Why,
    wish: TagWish,
) -> Result<Response, Problem> {
    let act = who.act(why.reason)?;
    let tags = app.origin.tag_image(&act, id, wish).await?;
    let tags = tags.iter().map(ToString::to_string).collect();
    Ok(answer::json(StatusCode::OK, &Tags { tags }))
}

/// Derive ahead.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/derivatives", tag = "images", operation_id = "derive_image",
    params(("id" = String, Path, description = "40 hex digits", pattern = "^[0-9a-f]{40}$")),
    request_body = DeriveAhead,
    responses(
        (status = 200, body = DerivedAhead),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn derive(
    State(app): State<App>,
    who: Who,
    Named(id): Named<ImageId>,
    ahead: Json<DeriveAhead>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Ingest)?;
    let presets = find_presets(&app.origin, &ahead.value.presets)?;
    let image = app.origin.get_image(id).await?;
    let made = app.origin.derive_ahead(&image, &presets).await;
    let made = made.map_err(ActError::from)?;
    let made = made.map_err(ActError::Rejected)? as u64;
    let urls = app.origin.list_urls(&image).await?;
    let mut urls = preset_urls(&app.site.url, &urls);
    urls.retain(|url| presets.iter().any(|it| it.name.as_str() == url.preset));
    let presets = urls;
    Ok(answer::json(
        StatusCode::OK,
        &DerivedAhead { made, presets },
    ))
}

/// Erase an image with all its names and derivatives.
#[utoipa::path(
    delete, path = "/api/v1/images/{id}", tag = "images", operation_id = "erase_image",
    params(("id" = String, Path, description = "40 hex digits", pattern = "^[0-9a-f]{40}$"), EraseOptions),
    responses(
        (status = 200, body = Erased),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn erase(
    State(app): State<App>,
    who: Who,
    Named(id): Named<ImageId>,
    Params(options): Params<EraseOptions>,
) -> Result<Response, Problem> {
    let act = who.act(options.reason.clone())?;
    let then = if options.block == Some(true) {
        act.caller.require(Verb::Admin)?;
        AndThen::Block
    } else {
        AndThen::Nothing
    };
    let plan = if options.dry_run == Some(true) {
        app.origin.plan_erase(&act, id).await?
    } else {
        app.origin.erase_image(&act, id, then).await?
    };
    let erased = Erased::of(&app.site.url, &plan, &options);
    Ok(answer::json(StatusCode::OK, &erased))
}
