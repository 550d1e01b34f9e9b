//! Upload tickets: made, looked at, ended.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use img_api::alias::parse_alias;
use img_api::cursor;
use img_api::problem::Problem as ProblemDocument;
use img_api::ticket::{NewTicket, Ticket, TicketList};
use img_core::model::access::{TicketId, Verb};
use img_core::model::grant::{self, TicketAlias};
use img_core::origin::tickets;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer;
use crate::app::App;
use crate::handler::image::Why;
use crate::handler::wish::find_presets;
use crate::idempotency::{Answered, Repeatable};
use crate::input::{Json, Named, Params, parse, parse_all, parse_host};
use crate::problem::Problem;
use crate::who::Who;

/// An hour: long enough to choose a picture.
const EXPIRES_IN_S: u64 = 3600;
const LIST: &str = "tickets";
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1000;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// 1 to 1000 [default: 100].
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u32>,
}

impl Page {
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let limit = self.limit.unwrap_or(LIMIT);
        (1..=LIMIT_MAX)
            .contains(&limit)
            .then_some(limit)
            .ok_or_else(|| {
                Problem::bad_request("value-invalid", format!("limit is 1 to {LIMIT_MAX}"))
            })
    }

    /// The last id of the page before, in the list `list`.
    pub(crate) fn after<T: std::str::FromStr>(&self, list: &str) -> Result<Option<T>, Problem> {
        let invalid = |_| {
            let detail = cursor::InvalidCursor.to_string();
            Problem::bad_request("cursor-invalid", detail)
        };
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let position = cursor::decode(list, cursor).map_err(invalid)?;
        let after = position.parse().map_err(|_| cursor::InvalidCursor);
        after.map(Some).map_err(invalid)
    }
}

/// Make a ticket: a URL with which whoever holds it may upload.
#[utoipa::path(
    post, path = "/api/v1/tickets", tag = "tickets", operation_id = "create_ticket",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request is answered as before")),
    request_body = NewTicket,
    responses(
        (status = 201, body = Ticket),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn create(
    State(app): State<App>,
    who: Who,
    parts: Parts,
    Json { value, bytes }: Json<NewTicket>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Ingest)?;
    let once = async {
        let act = who.act(value.reason.clone())?;
        let new = new_ticket(&app, &value)?;
        let ticket = app.origin.create_ticket(&act, new).await?;
        let text = |ticket: &Ticket| serde_json::to_string(ticket).unwrap_or_default();
        Ok(Answered {
            status: StatusCode::CREATED,
            body: text(&tell(&app, &ticket)),
            kept: text(&Ticket::of(&app.site.url, &ticket, None)),
        })
    };
    let repeatable = Repeatable {
        app: &app,
        who: &who,
        parts: &parts,
        body: &bytes,
    };
    let (status, body) = repeatable.run(once).await?;
    Ok(answer::json_text(status, with_url(&app, body).await?))
}

/// The URL is a secret and was not kept; it is signed anew for a repetition.
async fn with_url(app: &App, body: String) -> Result<String, Problem> {
    let Ok(ticket) = serde_json::from_str::<Ticket>(&body) else {
        return Ok(body);
    };
    if ticket.url.is_some() {
        return Ok(body);
    }
    let found = app
        .origin
        .catalog
        .find_ticket(parse("id", &ticket.id)?)
        .await?;
    let told = found.map(|ticket| tell(app, &ticket));
    Ok(told
        .and_then(|ticket| serde_json::to_string(&ticket).ok())
        .unwrap_or(body))
}

fn new_ticket(app: &App, value: &NewTicket) -> Result<tickets::NewTicket, Problem> {
    let seconds = value.expires_in_s.unwrap_or(EXPIRES_IN_S);
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let presets = find_presets(&app.origin, &value.derive)?;
    let callback_url = value.callback_url.as_deref();
    Ok(tickets::NewTicket {
        expires_at: app.origin.clock.now().saturating_add(seconds),
        uses: value.uses.unwrap_or(1),
        bytes_max: value.bytes_max,
        types: parse_all("types", &value.types)?,
        alias: ticket_alias(value)?,
        tags: parse_all("tags", &value.tags)?,
        presets: presets.into_iter().map(|preset| preset.name).collect(),
        callback_url: callback_url
            .map(|url| parse("callback_url", url))
            .transpose()?,
    })
}

fn ticket_alias(value: &NewTicket) -> Result<TicketAlias, Problem> {
    let host = value.alias_host.as_deref();
    match (&value.alias, &value.alias_prefix) {
        (None, None) if host.is_some() => {
            let detail = "alias_host says nothing without alias or alias_prefix";
            Err(Problem::bad_request("value-invalid", detail))
        }
        (None, None) => Ok(TicketAlias::None),
        (Some(path), None) => parse_alias(path, host)
            .map(TicketAlias::Exact)
            .map_err(|error| Problem::bad_request("alias-invalid", error.to_string())),
        (None, Some(prefix)) => Ok(TicketAlias::Below {
            host: parse_host(host)?,
            prefix: parse("alias_prefix", prefix)?,
        }),
        (Some(_), Some(_)) => {
            let detail = "a ticket has either alias or alias_prefix";
            Err(Problem::bad_request("value-invalid", detail))
        }
    }
}

fn tell(app: &App, ticket: &grant::Ticket) -> Ticket {
    let url = app.origin.ticket_url(ticket);
    Ticket::of(&app.site.url, ticket, url.as_deref())
}

/// One's own tickets, or all for an administrator.
#[utoipa::path(
    get, path = "/api/v1/tickets", tag = "tickets", operation_id = "list_tickets",
    params(Page),
    responses(
        (status = 200, body = TicketList),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    who: Who,
    Params(page): Params<Page>,
) -> Result<Response, Problem> {
    let after: Option<TicketId> = page.after(LIST)?;
    let act = who.act(None)?;
    let listed = app.origin.list_tickets(&act, after, page.limit()?).await?;
    let tickets = TicketList {
        next: listed.next.map(|id| cursor::encode(LIST, &id.to_string())),
        tickets: listed
            .tickets
            .iter()
            .map(|ticket| Ticket::of(&app.site.url, ticket, None))
            .collect(),
    };
    Ok(answer::json(StatusCode::OK, &tickets))
}

/// One ticket.
#[utoipa::path(
    get, path = "/api/v1/tickets/{id}", tag = "tickets", operation_id = "get_ticket",
    params(("id" = String, Path, description = "32 hex digits", pattern = "^[0-9a-f]{32}$")),
    responses(
        (status = 200, body = Ticket),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn get(
    State(app): State<App>,
    who: Who,
    Named(id): Named<TicketId>,
) -> Result<Response, Problem> {
    let ticket = app.origin.get_ticket(&who.act(None)?, id).await?;
    Ok(answer::json(StatusCode::OK, &tell(&app, &ticket)))
}

/// End a ticket.
#[utoipa::path(
    delete, path = "/api/v1/tickets/{id}", tag = "tickets", operation_id = "revoke_ticket",
    params(("id" = String, Path, description = "32 hex digits", pattern = "^[0-9a-f]{32}$"), Why),
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    who: Who,
    Named(id): Named<TicketId>,
    Params(why): Params<Why>,
) -> Result<StatusCode, Problem> {
    app.origin.revoke_ticket(&who.act(why.reason)?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
