//! Upload tickets on the wire.

use img_core::model::grant::{self, TicketAlias};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time;

/// A ticket to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTicket {
    /// It ends after this many seconds, at most 30 days [default: an hour].
    #[serde(default)]
    pub expires_in_s: Option<u64>,
    /// How many images it takes [default: 1].
    #[serde(default)]
    pub uses: Option<u32>,
    /// Largest image, in bytes [default: as configured].
    #[serde(default)]
    pub bytes_max: Option<u64>,
    /// Extensions of the types it takes, such as `jpg` [default: all].
    #[serde(default)]
    pub types: Vec<String>,
    /// The public name that the image gets.
    #[serde(default)]
    pub alias: Option<String>,
    /// The uploader may choose a name below this directory.
    #[serde(default)]
    pub alias_prefix: Option<String>,
    /// The name answers on this host only.
    #[serde(default)]
    pub alias_host: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// Presets to derive before the answer, or `all`.
    #[serde(default)]
    pub derive: Vec<String>,
    /// Told of every image: `https://…`.
    #[serde(default)]
    pub callback_url: Option<String>,
    /// Why, for the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// 32 hex digits; no secret.
    pub id: String,
    /// Where to upload, for whoever is given it. POST a form or the bytes, PUT the bytes, GET a form to fill in.
    #[serde(default)]
    pub url: Option<String>,
    pub created_at: String,
    pub created_by: String,
    pub expires_at: String,
    #[serde(default)]
    pub revoked_at: Option<String>,
    pub uses_max: u32,
    pub uses_left: u32,
    #[serde(default)]
    pub bytes_max: Option<u64>,
    pub types: Vec<String>,
    #[serde(default)]
    pub alias: Option<String>,
    #[serde(default)]
    pub alias_prefix: Option<String>,
    #[serde(default)]
    pub alias_host: Option<String>,
    pub tags: Vec<String>,
    pub derive: Vec<String>,
    #[serde(default)]
    pub callback_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketList {
    pub tickets: Vec<Ticket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Ticket {
    /// `url`: path and query, if it is to be told.
    pub fn of(site_url: &str, ticket: &grant::Ticket, url: Option<&str>) -> Self {
        let (alias, alias_prefix, alias_host) = match &ticket.alias {
            TicketAlias::None => (None, None, &None),
            TicketAlias::Exact(name) => (Some(name.path.to_string()), None, &name.host),
            TicketAlias::Below { host, prefix } => (None, Some(prefix.to_string()), host),
        };
        Self {
            id: ticket.id.to_string(),
            url: url.map(|url| format!("{site_url}{url}")),
            created_at: time::format(ticket.created_at),
            created_by: ticket.created_by.clone(),
            expires_at: time::format(ticket.expires_at),
            revoked_at: ticket.revoked_at.map(time::format),
            uses_max: ticket.uses_max,
            uses_left: ticket.uses_left,
            bytes_max: ticket.bytes_max,
            types: ticket.types.iter().map(ToString::to_string).collect(),
            alias,
            alias_prefix,
            alias_host: alias_host.as_ref().map(ToString::to_string),
            tags: ticket.tags.iter().map(ToString::to_string).collect(),
            derive: ticket.presets.iter().map(ToString::to_string).collect(),
            callback_url: ticket.callback_url.clone(),
        }
    }
}
