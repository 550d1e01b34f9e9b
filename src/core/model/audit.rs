//! What was done, by whom and why: entries of the audit log, the block list, and what is left of erased images.

use std::collections::BTreeMap;

use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::media::MediaType;

/// One act. Never changed, never removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Such as `key:3fa2…`, `user:ana`, `local:root`.
    pub actor: String,
    /// Such as `image.ingest`, `key.create`.
    pub action: String,
    /// What it was done to: an id, an alias, a name. Empty: the origin.
    pub target: String,
    /// In the words of whoever did it.
    pub reason: Option<String>,
    /// Of the HTTP request; stands in nginx's log too.
    pub request_id: Option<String>,
    /// How many of what, such as `bytes`, `images`, `aliases`.
    pub counts: BTreeMap<String, u64>,
}

/// An entry with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    pub number: i64,
    pub entry: AuditEntry,
}

/// Bytes that are not wanted here, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub id: ImageId,
    pub blocked_at: UnixSeconds,
    pub blocked_by: String,
    pub reason: Option<String>,
}

/// What is left of an erased image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub id: ImageId,
    pub media: MediaType,
    pub erased_at: UnixSeconds,
    pub erased_by: String,
    pub reason: Option<String>,
}

/// What an erasure removed, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasedCounts {
    pub aliases: u64,
    pub derivatives: u64,
    pub bytes: u64,
}
