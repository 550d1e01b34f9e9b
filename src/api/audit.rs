//! The audit log on the wire.

use std::collections::BTreeMap;

use img_core::model::audit::Audited;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::time;

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    pub number: i64,
    pub at: String,
    /// `key:…`, `user:…`, `local:…`.
    pub actor: String,
    /// Such as `image.ingest`.
    pub action: String,
    pub target: String,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub request_id: Option<String>,
    pub counts: BTreeMap<String, u64>,
}

/// The latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditList {
    pub entries: Vec<AuditEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which entries, and which page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// 1 to 1000 [default: 100].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// At this time or later: `2026-01-31`, `2026-01-31T12:00:00Z`, or `7d` ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Such as `key.create`, or `key` for all that is done to keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl AuditEntry {
    pub fn of(Audited { number, entry }: &Audited) -> Self {
        Self {
            number: *number,
            at: time::format_ms(entry.at_ms),
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            target: entry.target.clone(),
            reason: entry.reason.clone(),
            request_id: entry.request_id.clone(),
            counts: entry.counts.clone(),
        }
    }
}
