//! Uploads by ticket: for browsers and phones, which hold a URL and no key.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use img_api::alias::parse_alias;
use img_api::image::{UploadOptions, Uploaded};
use img_api::problem::Problem as ProblemDocument;
use img_core::model::access::TicketId;
use img_core::model::alias::HostName;
use img_core::model::grant::{Ticket, TicketAlias};
use img_core::origin::act::Act;
use img_core::origin::ingest::Ingested;
use img_core::origin::ingest::upload::{Upload, UploadSize, UploadWish};
use img_core::origin::tickets::TicketHolder;
use img_core::origin::view::Looks;
use serde_json::json;

use crate::answer;
use crate::app::App;
use crate::form;
use crate::handler::upload::{Viewer, declared_bytes, describe, receive, to_the_end};
use crate::handler::wish::{Afterwards, wish};
use crate::input::Named;
use crate::problem::Problem;
use crate::who::request_id;

/// What an uploader may say: all else is decided by the ticket.
const MAY_SAY: &str = "with a ticket, only alias and modified can be chosen";

/// Upload with a ticket: a form with one file, or the bytes.
#[utoipa::path(
    post, path = "/api/v1/upload/{id}", tag = "upload", operation_id = "upload_by_ticket_form",
    params(
        ("id" = String, Path, description = "Of the ticket, as in its URL", pattern = "^[0-9a-f]{32}$"),
        ("s" = String, Query, description = "As in the ticket's URL"),
        ("e" = String, Query, description = "As in the ticket's URL"),
        ("alias" = Option<String>, Query, description = "A name below the prefix of the ticket"),
        ("modified" = Option<i64>, Query, description = "When the file was last changed, in seconds since 1970"),
    ),
    request_body(
        content((Vec<u8> = "application/octet-stream"), (Vec<u8> = "image/*"), (TicketForm = "multipart/form-data")),
        description = "The image, or a form with it in the field `file`."
    ),
    responses(
        (status = 201, body = Uploaded),
        (status = 200, body = Uploaded, description = "The same bytes were here before."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn post(
    State(app): State<App>,
    Named(id): Named<TicketId>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let answered = upload(&app, id, request).await;
    let shown = match answered {
        Ok((uploaded, status)) if form::is_wanted(&headers) => form::done(status, &uploaded),
        Ok((uploaded, status)) => answer::json(status, &uploaded),
        Err(problem) => problem.into_response(),
    };
    allow_origin(&app, &headers, shown)
}

/// Upload with a ticket: the bytes.
#[utoipa::path(
    put, path = "/api/v1/upload/{id}", tag = "upload", operation_id = "upload_by_ticket",
    params(
        ("id" = String, Path, description = "Of the ticket, as in its URL", pattern = "^[0-9a-f]{32}$"),
        ("s" = String, Query, description = "As in the ticket's URL"),
        ("e" = String, Query, description = "As in the ticket's URL"),
        ("alias" = Option<String>, Query, description = "A name below the prefix of the ticket"),
        ("modified" = Option<i64>, Query, description = "When the file was last changed, in seconds since 1970"),
    ),
    request_body(content((Vec<u8> = "application/octet-stream"), (Vec<u8> = "image/*"))),
    responses(
        (status = 201, body = Uploaded),
        (status = 200, body = Uploaded, description = "The same bytes were here before."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn put(state: State<App>, id: Named<TicketId>, request: Request) -> Response {
    post(state, id, request).await
}

/// A form to try a ticket by hand.
#[utoipa::path(
    get, path = "/api/v1/upload/{id}", tag = "upload", operation_id = "show_ticket_form",
    params(
        ("id" = String, Path, description = "Of the ticket, as in its URL", pattern = "^[0-9a-f]{32}$"),
        ("s" = String, Query, description = "As in the ticket's URL"),
        ("e" = String, Query, description = "As in the ticket's URL"),
        ("alias" = Option<String>, Query, description = "A name below the prefix of the ticket"),
        ("modified" = Option<i64>, Query, description = "When the file was last changed, in seconds since 1970"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn get(
    State(app): State<App>,
    Named(id): Named<TicketId>,
    uri: Uri,
) -> Result<Response, Problem> {
    let holder = app
        .origin
        .open_ticket(id, uri.query().unwrap_or_default())
        .await?;
    let limit = app.origin.settings.limits.bytes_max;
    Ok(form::page(&holder.ticket, limit))
}

/// What a browser asks before it uploads from the page of another site.
#[utoipa::path(
    options, path = "/api/v1/upload/{id}", tag = "upload", operation_id = "ask_ticket_cors",
    params(("id" = String, Path, description = "Of the ticket, as in its URL", pattern = "^[0-9a-f]{32}$")),
    responses((status = 204)),
    security(()),
)]
pub(crate) async fn options(State(app): State<App>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let out = response.headers_mut();
    let allow = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, PUT"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in allow {
        out.insert(name, HeaderValue::from_static(value));
    }
    allow_origin(&app, &headers, response)
}

/// The fields of the form.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes a form, which is read field by field"
)]
pub(crate) struct TicketForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// A name below the ticket's prefix.
    alias: Option<String>,
}

async fn upload(
    app: &App,
    id: TicketId,
    request: Request,
) -> Result<(Uploaded, StatusCode), Problem> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let holder = app.origin.open_ticket(id, &query).await?;
    let place = match &holder.key {
        Some(key) => Some(key.begin_upload()?),
        None => None,
    };
    let act = Act {
        caller: holder.caller.clone(),
        reason: Some(format!("ticket {id}")),
        request_id: request_id(request.headers()),
    };
    // What cannot be is said before the bytes are sent.
    let said = said_in_query(&query);
    let wish = ticket_wish(&holder.ticket, &said)?;
    app.origin.check_wish(&act, &wish)?;
    let used = Used::take(app, id).await?;
    let received = take_in(app, &holder.ticket, act, said, request).await;
    let app = app.clone();
    to_the_end(async move {
        let _place = place;
        let finished = match received {
            Ok((upload, wish)) => upload.finish(wish).await.map_err(Problem::from),
            Err(problem) => Err(problem),
        };
        match finished {
            Ok(ingested) => {
                used.keep();
                tell(&app, &holder, ingested).await
            }
            Err(problem) => {
                // Before the answer: whoever has it may try again at once.
                used.give_back().await;
                Err(problem)
            }
        }
    })
    .await
}

/// All bytes of an image, and what is to become of them.
async fn take_in(
    app: &App,
    ticket: &Ticket,
    act: Act,
    mut said: UploadOptions,
    request: Request,
) -> Result<(Upload, UploadWish), Problem> {
    let (parts, body) = request.into_parts();
    let size = UploadSize {
        bytes_max: ticket.bytes_max.unwrap_or(u64::MAX),
        declared_bytes: declared_bytes(&parts.headers),
    };
    let mut upload = app.origin.begin_upload(act, size)?;
    receive(&parts.headers, body, &app.site.api, &mut upload, &mut said).await?;
    // A form may have said more.
    let wish = ticket_wish(ticket, &said)?;
    Ok((upload, wish))
}

/// Tells who uploads, and whom the ticket names.
async fn tell(
    app: &App,
    holder: &TicketHolder,
    ingested: Ingested,
) -> Result<(Uploaded, StatusCode), Problem> {
    let ticket = &holder.ticket;
    let presets = ticket.presets.iter();
    let then = Afterwards {
        // One that is no more is not made.
        presets: presets
            .filter_map(|name| app.origin.presets.find(name).cloned())
            .collect(),
        looks: Looks::Wanted,
    };
    let mut uploaded = describe(app, Viewer::Stranger, ingested, &then).await?;
    uploaded.0.details.image.ingested_by = format!("ticket:{}", ticket.id);
    if let Some(url) = &ticket.callback_url {
        let id = ticket.id.to_string();
        let body = json!({"event": "image.uploaded", "ticket": id, "image": uploaded.0});
        app.origin.queue_callback(url, body.to_string()).await?;
    }
    Ok(uploaded)
}

/// Beside the signature, the query may hold the alias.
fn said_in_query(query: &str) -> UploadOptions {
    let pairs = percent_pairs(query);
    let said = |name: &str| {
        let pair = pairs.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.clone())
    };
    UploadOptions {
        alias: said("alias"),
        modified: said("modified").and_then(|value| value.parse().ok()),
        ..UploadOptions::default()
    }
}

fn percent_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
        decoded.into_owned()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn ticket_wish(ticket: &Ticket, said: &UploadOptions) -> Result<UploadWish, Problem> {
    let only = UploadOptions {
        alias: said.alias.clone(),
        modified: said.modified,
        ..UploadOptions::default()
    };
    if *said != only {
        return Err(Problem::bad_request("ticket-field", MAY_SAY));
    }
    let alias = match (&ticket.alias, said.alias.as_deref()) {
        (TicketAlias::None | TicketAlias::Exact(_), Some(_)) => {
            let detail = "this ticket leaves no choice of an alias";
            return Err(Problem::bad_request("ticket-alias", detail));
        }
        (TicketAlias::None | TicketAlias::Below { .. }, None) => None,
        (TicketAlias::Exact(name), None) => Some(name.clone()),
        (TicketAlias::Below { host, prefix }, Some(chosen)) => {
            let name = parse_alias(chosen, host.as_ref().map(HostName::as_str))
                .map_err(|error| Problem::bad_request("alias-invalid", error.to_string()))?;
            if !prefix.covers(&name.path) {
                let detail = format!("{name} is not below {prefix}, as this ticket wants it");
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "outside-prefix",
                    detail,
                ));
            }
            Some(name)
        }
    };
    Ok(UploadWish {
        alias,
        tags: ticket.tags.clone(),
        types: ticket.types.clone(),
        ..wish(&UploadOptions {
            modified: said.modified,
            ..UploadOptions::default()
        })?
    })
}

/// A use of a ticket that is given back unless something came of it.
struct Used {
    app: App,
    id: Option<TicketId>,
}

impl Used {
    /// Taken on a task of its own: if nobody waits for it any more, it is given back.
    async fn take(app: &App, id: TicketId) -> Result<Self, Problem> {
        let app = app.clone();
        to_the_end(async move {
            app.origin.take_ticket_use(id).await?;
            Ok(Self { app, id: Some(id) })
        })
        .await
    }

    fn keep(mut self) {
        self.id = None;
    }

    async fn give_back(mut self) {
        if let Some(id) = self.id.take() {
            self.app.origin.give_back_ticket_use(id).await;
        }
    }
}

/// Also when the client went away and the request was dropped.
impl Drop for Used {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let origin = std::sync::Arc::clone(&self.app.origin);
            tokio::spawn(async move { origin.give_back_ticket_use(id).await });
        }
    }
}

/// Without credentials: whoever has the URL has all there is.
fn allow_origin(app: &App, headers: &HeaderMap, mut response: Response) -> Response {
    let allowed = &app.site.api.ticket_origins;
    let asked = headers.get(header::ORIGIN);
    let value = if allowed.iter().any(|origin| origin == "*") {
        Some(HeaderValue::from_static("*"))
    } else {
        asked
            .filter(|asked| {
                allowed
                    .iter()
                    .any(|origin| origin.as_bytes() == asked.as_bytes())
            })
            .cloned()
    };
    let out = response.headers_mut();
    if let Some(value) = value {
        out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        let expose = HeaderValue::from_static("x-request-id, retry-after");
        out.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose);
    }
    out.insert(header::VARY, HeaderValue::from_static("origin"));
    response
}
