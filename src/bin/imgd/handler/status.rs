//! How imgd stands: health, metrics, how much of everything there is, and the document of the API.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use img_api::problem::Problem as ProblemDocument;
use img_api::status::{Health, PresetInfo, PresetList, Status};
use img_core::catalog::Totals;
use img_core::model::access::Verb;
use img_core::origin::error::chain;

use crate::answer;
use crate::app::App;
use crate::problem::Problem;
use crate::who::Who;

/// How old the counts of `status` may be.
const TOTALS_KEPT: Duration = Duration::from_secs(2);

/// Whether imgd runs.
#[utoipa::path(
    get, path = "/api/v1/health/live", tag = "status", operation_id = "is_live",
    responses((status = 200, body = Health)),
    security(()),
)]
pub(crate) async fn live() -> Response {
    tell(BTreeMap::new())
}

/// Whether imgd can do its work: catalog, tree, room on the disk.
#[utoipa::path(
    get, path = "/api/v1/health/ready", tag = "status", operation_id = "is_ready",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Health, description = "The checks say what is wrong."),
    ),
    security(()),
)]
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let mut checks = BTreeMap::new();
    if let Err(error) = app.origin.catalog.find_cursor("ready").await {
        tracing::error!("not ready: {}", chain(&error));
        checks.insert("catalog".to_owned(), error.code().to_owned());
    }
    if let Err(error) = app.origin.tree.check_space(0) {
        tracing::error!("not ready: {}", chain(&error));
        checks.insert("space".to_owned(), error.code().to_owned());
    }
    tell(checks)
}

fn tell(checks: BTreeMap<String, String>) -> Response {
    let (status, word) = if checks.is_empty() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "failing")
    };
    let health = Health {
        status: word.to_owned(),
        checks,
    };
    answer::json(status, &health)
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(
    get, path = "/api/v1/metrics", tag = "status", operation_id = "get_metrics",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn metrics(State(app): State<App>, who: Who) -> Result<Response, Problem> {
    who.caller.require(Verb::Read)?;
    let text = app.site.metrics.render();
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((kind, text).into_response())
}

/// How much of everything there is. May take seconds with millions of images.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status", operation_id = "get_status",
    responses(
        (status = 200, body = Status),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn status(State(app): State<App>, who: Who) -> Result<Response, Problem> {
    who.caller.require(Verb::Read)?;
    let totals = count(&app).await?;
    let status = Status::of(env!("CARGO_PKG_VERSION"), &totals);
    Ok(answer::json(StatusCode::OK, &status))
}

/// One at a time, and not again for a while.
async fn count(app: &App) -> Result<Totals, Problem> {
    let mut known = app.site.totals.lock().await;
    if let Some((at, totals)) = *known
        && at.elapsed() < TOTALS_KEPT
    {
        return Ok(totals);
    }
    let totals = app.origin.catalog.totals().await?;
    *known = Some((Instant::now(), totals));
    Ok(totals)
}

/// The presets, with their current revisions.
#[utoipa::path(
    get, path = "/api/v1/presets", tag = "status", operation_id = "list_presets",
    responses(
        (status = 200, body = PresetList),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn presets(State(app): State<App>, who: Who) -> Result<Response, Problem> {
    // Whoever may upload may choose what is derived.
    if !who.caller.verbs.allow(Verb::Ingest) {
        who.caller.require(Verb::Read)?;
    }
    let presets = app.origin.presets.current().map(PresetInfo::of).collect();
    Ok(answer::json(StatusCode::OK, &PresetList { presets }))
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "status", operation_id = "get_openapi",
    responses((status = 200, body = serde_json::Value, content_type = "application/json")),
    security(()),
)]
pub(crate) async fn openapi(State(app): State<App>) -> Response {
    answer::json_text(StatusCode::OK, app.site.openapi.clone())
}
