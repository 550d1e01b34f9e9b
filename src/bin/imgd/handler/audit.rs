//! The audit log, for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use img_api::audit::{AuditEntry, AuditList, AuditQuery};
use img_api::cursor;
use img_api::problem::Problem as ProblemDocument;
use img_core::catalog::access::AuditPage;
use img_core::model::access::Verb;
use img_core::model::time;

use crate::answer;
use crate::app::App;
use crate::input::{Params, parse};
use crate::problem::Problem;
use crate::who::Who;

const LIST: &str = "audit";
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1000;

/// What was done, the latest first.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "access", operation_id = "list_audit_log",
    params(AuditQuery),
    responses(
        (status = 200, body = AuditList),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    who: Who,
    Params(query): Params<AuditQuery>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Admin)?;
    who.caller.require_no_prefix("the audit log")?;
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let detail = format!("limit is 1 to {LIMIT_MAX}");
        return Err(Problem::bad_request("value-invalid", detail));
    }
    let moment_ms = |field: &str, text: Option<&str>| {
        let parse = |text: &str| {
            let at = time::parse_since(text, app.origin.clock.now());
            at.map(|at| at.saturating_mul(1000))
                .map_err(|error| Problem::bad_request("value-invalid", format!("{field}: {error}")))
        };
        text.map(parse).transpose()
    };
    let before = query.cursor.as_deref().map(|cursor| {
        let position = cursor::decode(LIST, cursor)
            .map_err(|error| Problem::bad_request("cursor-invalid", error.to_string()))?;
        parse::<i64>("cursor", &position)
    });
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let page = AuditPage {
        before: before.transpose()?,
        since_ms: moment_ms("since", query.since.as_deref())?,
        until_ms: moment_ms("until", query.until.as_deref())?,
        actor: given(query.actor),
        action: given(query.action),
        target: given(query.target),
        limit,
    };
    let entries = app.origin.catalog.list_audit(&page).await?;
    let is_full = entries.len() == limit as usize;
    let last = entries.last().filter(|_| is_full);
    let list = AuditList {
        next: last.map(|last| cursor::encode(LIST, &last.number.to_string())),
        entries: entries.iter().map(AuditEntry::of).collect(),
    };
    Ok(answer::json(StatusCode::OK, &list))
}
