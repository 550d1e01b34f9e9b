//! Metrics: what is counted and timed, and the room that takes.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// From a look into memory to the longest derivation, in seconds.
const BUCKETS_S: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 15.0];
/// What was timed is kept one by one until it is sorted into buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Within a runtime.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    let metrics = PrometheusBuilder::new()
        .set_buckets(&BUCKETS_S)?
        .install_recorder()?;
    let kept = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            kept.run_upkeep();
        }
    });
    Ok(metrics)
}

pub(crate) async fn requests(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("miss", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("imgd_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("imgd_request_seconds", "route" => route)
        .record(started.elapsed().as_secs_f64());
    response
}

/// Clients can make methods up, and each would be counted by itself.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
