//! What every handler has at hand.

use std::sync::Arc;
use std::time::Instant;

use img_core::catalog::Totals;
use img_core::config::ApiSettings;
use img_core::origin::Origin;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Mutex;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) origin: Arc<Origin>,
    pub(crate) site: Arc<Site>,
}

/// What stays the same while imgd runs.
pub(crate) struct Site {
    /// What URLs start with, without a slash at the end.
    pub(crate) url: String,
    pub(crate) api: ApiSettings,
    pub(crate) metrics: PrometheusHandle,
    /// Counted lately: counting reads whole tables.
    pub(crate) totals: Mutex<Option<(Instant, Totals)>>,
    /// The OpenAPI document, as served.
    pub(crate) openapi: String,
}
