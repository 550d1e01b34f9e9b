//! Public names: asked for, given, taken.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use img_api::alias::{Alias, AliasQuery, AliasTarget, parse_alias};
use img_api::image::alias_url;
use img_api::problem::Problem as ProblemDocument;
use img_core::model::access::Verb;
use img_core::model::alias::AliasName;
use img_core::model::image_id::ImageId;
use img_core::origin::act::ActError;

use crate::answer;
use crate::app::App;
use crate::input::{Json, Params, parse};
use crate::problem::Problem;
use crate::who::Who;

/// What a name names.
#[utoipa::path(
    get, path = "/api/v1/aliases", tag = "aliases", operation_id = "get_alias",
    params(AliasQuery),
    responses(
        (status = 200, body = Alias),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn get(
    State(app): State<App>,
    who: Who,
    Params(query): Params<AliasQuery>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Read)?;
    let name = name(&query)?;
    who.caller.require_alias(&name.path)?;
    let id = app.origin.catalog.find_alias(&name).await?;
    let id = id.ok_or_else(|| ActError::UnknownAlias { name: name.clone() })?;
    Ok(tell(&app, &name, id, StatusCode::OK, "named"))
}

/// Name an image.
///
/// A name of another image is left as it is and answered with 409.
#[utoipa::path(
    put, path = "/api/v1/aliases", tag = "aliases", operation_id = "put_alias",
    params(AliasQuery),
    request_body = AliasTarget,
    responses(
        (status = 201, body = Alias, description = "The name is new."),
        (status = 200, body = Alias, description = "It named this image already."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn put(
    State(app): State<App>,
    who: Who,
    Params(query): Params<AliasQuery>,
    target: Json<AliasTarget>,
) -> Result<Response, Problem> {
    let name = name(&query)?;
    let id: ImageId = parse("id", &target.value.id)?;
    let act = who.act(query.reason)?;
    let is_new = app.origin.put_alias(&act, &name, id).await?;
    let (status, word) = if is_new {
        (StatusCode::CREATED, "new")
    } else {
        (StatusCode::OK, "same")
    };
    Ok(tell(&app, &name, id, status, word))
}

/// Take a name away. The image stays, and so do its other names.
#[utoipa::path(
    delete, path = "/api/v1/aliases", tag = "aliases", operation_id = "remove_alias",
    params(AliasQuery),
    responses(
        (status = 200, body = Alias),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    who: Who,
    Params(query): Params<AliasQuery>,
) -> Result<Response, Problem> {
    let name = name(&query)?;
    let act = who.act(query.reason)?;
    let id = app.origin.remove_alias(&act, &name).await?;
    Ok(tell(&app, &name, id, StatusCode::OK, "removed"))
}

fn name(query: &AliasQuery) -> Result<AliasName, Problem> {
    parse_alias(&query.path, query.host.as_deref())
        .map_err(|error| Problem::bad_request("alias-invalid", error.to_string()))
}

fn tell(app: &App, name: &AliasName, id: ImageId, status: StatusCode, word: &str) -> Response {
    let alias = Alias {
        path: name.path.to_string(),
        host: name.host.as_ref().map(ToString::to_string),
        url: alias_url(&app.site.url, name),
        id: id.to_string(),
        status: word.to_owned(),
    };
    answer::json(status, &alias)
}
