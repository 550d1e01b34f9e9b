//! What is handed out to others: API keys, upload tickets, user accounts.

use crate::model::access::{AliasPrefix, KeyId, Role, TicketId, UserName, Verbs};
use crate::model::alias::{AliasName, HostName};
use crate::model::clock::UnixSeconds;
use crate::model::media::MediaType;
use crate::model::preset::PresetName;
use crate::model::secret::SecretHash;
use crate::model::tag::Tag;

/// An API key on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: KeyId,
    /// For people.
    pub name: String,
    pub verbs: Verbs,
    /// Aliases outside of it are not the key's to touch; `None`: all are.
    pub prefix: Option<AliasPrefix>,
    pub secret: SecretHash,
    /// Valid until then beside the current one: the time to roll a new one out.
    pub previous_secret: Option<(SecretHash, UnixSeconds)>,
    pub quota: Quota,
    pub used: Usage,
    /// Requests in a minute; `None`: as configured for all.
    pub rate_per_min: Option<u32>,
    pub created_at: UnixSeconds,
    pub created_by: String,
    pub expires_at: Option<UnixSeconds>,
    pub revoked_at: Option<UnixSeconds>,
    /// To the minute or so.
    pub last_used_at: Option<UnixSeconds>,
}

impl Key {
    pub fn is_valid(&self, now: UnixSeconds) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

/// How much may be stored by one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    pub bytes_max: Option<u64>,
    pub images_max: Option<u64>,
}

/// What is stored by one key: images that it was the first to bring, and that were not erased since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub bytes: u64,
    pub images: u64,
}

/// Permission to upload, for whoever holds its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: TicketId,
    /// Who handed it out, and in whose name it uploads.
    pub created_by: String,
    /// Whose quota it uses; the ticket ends with the key.
    pub key: Option<KeyId>,
    pub created_at: UnixSeconds,
    pub expires_at: UnixSeconds,
    pub revoked_at: Option<UnixSeconds>,
    pub uses_max: u32,
    pub uses_left: u32,
    pub bytes_max: Option<u64>,
    /// None: any.
    pub types: Vec<MediaType>,
    pub alias: TicketAlias,
    pub tags: Vec<Tag>,
    /// Derived from each image before it is answered.
    pub presets: Vec<PresetName>,
    /// Told of every image.
    pub callback_url: Option<String>,
}

impl Ticket {
    pub fn is_open(&self, now: UnixSeconds) -> bool {
        self.revoked_at.is_none() && now <= self.expires_at && self.uses_left > 0
    }
}

/// Which public name an upload by ticket gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketAlias {
    None,
    /// This one.
    Exact(AliasName),
    /// One of the uploader's choice below it.
    Below {
        host: Option<HostName>,
        prefix: AliasPrefix,
    },
}

/// A person who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: UserName,
    pub role: Role,
    pub password: PasswordHash,
    pub created_at: UnixSeconds,
    pub created_by: String,
    pub last_login_at: Option<UnixSeconds>,
}

/// A hash in the PHC string format, such as `$argon2id$v=19$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

/// A person who has signed in, by the hash of the cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub secret: SecretHash,
    pub user: UserName,
    pub created_at: UnixSeconds,
    pub expires_at: UnixSeconds,
}
