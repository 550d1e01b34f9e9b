//! API keys on the wire.

use img_core::model::grant;
use img_core::origin::keys::Issued;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time;

/// A key to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// For people.
    pub name: String,
    /// `read`, `ingest`, `alias`, `erase`, `admin`.
    pub verbs: Vec<String>,
    /// The only directory of aliases that it may touch [default: all].
    #[serde(default)]
    pub prefix: Option<String>,
    /// How many bytes of originals it may store.
    #[serde(default)]
    pub bytes_max: Option<u64>,
    /// How many images it may store.
    #[serde(default)]
    pub images_max: Option<u64>,
    /// Requests in a minute [default: as configured].
    #[serde(default)]
    pub rate_per_min: Option<u32>,
    /// It ends after this many seconds [default: never].
    #[serde(default)]
    pub expires_in_s: Option<u64>,
    /// Why, for the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// 16 hex digits; no secret.
    pub id: String,
    pub name: String,
    pub verbs: Vec<String>,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub bytes_max: Option<u64>,
    #[serde(default)]
    pub images_max: Option<u64>,
    pub bytes_used: u64,
    pub images_used: u64,
    #[serde(default)]
    pub rate_per_min: Option<u32>,
    pub created_at: String,
    pub created_by: String,
    #[serde(default)]
    pub expires_at: Option<String>,
    #[serde(default)]
    pub revoked_at: Option<String>,
    /// To the minute or so.
    #[serde(default)]
    pub last_used_at: Option<String>,
    /// The secret before the last rotation is valid until then.
    #[serde(default)]
    pub previous_until: Option<String>,
}

/// A key with its secret: shown now and never again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedKey {
    #[serde(flatten)]
    pub key: Key,
    /// To be sent as `Authorization: Bearer …`. Absent when a request is repeated with its Idempotency-Key.
    #[serde(default)]
    pub token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyList {
    pub keys: Vec<Key>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// How long the secret before stays valid, in seconds [default: a day].
    #[serde(default)]
    pub overlap_s: Option<u64>,
    /// Why, for the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Key {
    pub fn of(key: &grant::Key) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            verbs: key.verbs.iter().map(|verb| verb.to_string()).collect(),
            prefix: key.prefix.as_ref().map(ToString::to_string),
            bytes_max: key.quota.bytes_max,
            images_max: key.quota.images_max,
            bytes_used: key.used.bytes,
            images_used: key.used.images,
            rate_per_min: key.rate_per_min,
            created_at: time::format(key.created_at),
            created_by: key.created_by.clone(),
            expires_at: key.expires_at.map(time::format),
            revoked_at: key.revoked_at.map(time::format),
            last_used_at: key.last_used_at.map(time::format),
            previous_until: key
                .previous_secret
                .as_ref()
                .map(|(_, until)| time::format(*until)),
        }
    }
}

impl IssuedKey {
    pub fn of(issued: &Issued) -> Self {
        Self {
            key: Key::of(&issued.key),
            token: Some(issued.token.reveal()),
        }
    }
}
