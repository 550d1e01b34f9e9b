//! Who asks for something to be done, whether they may, and what is said if not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::blobs::BlobError;
use crate::catalog::CatalogError;
use crate::model::access::{Actor, AliasPrefix, KeyId, TicketId, UserName, Verb, Verbs};
use crate::model::alias::{AliasName, AliasPath};
use crate::model::audit::AuditEntry;
use crate::model::image_id::ImageId;
use crate::model::preset::PresetName;
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::error::{DeriveError, OriginError};
use crate::origin::ingest::Rejection;

/// Someone whose identity has been established, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub actor: Actor,
    pub verbs: Verbs,
    /// Aliases outside of it are not theirs to touch; `None`: all are.
    pub prefix: Option<AliasPrefix>,
}

impl Caller {
    /// Someone on the machine itself, who could change the files by hand as well.
    pub fn local(account: impl Into<String>) -> Self {
        Self {
            actor: Actor::Local(account.into()),
            verbs: Verbs::of(&[Verb::Admin]),
            prefix: None,
        }
    }

    /// The key that they came with, whose quota counts.
    pub fn key(&self) -> Option<KeyId> {
        match &self.actor {
            Actor::Key(id) => Some(*id),
            Actor::Local(_) | Actor::User(_) => None,
        }
    }

    pub fn require(&self, verb: Verb) -> Result<(), ActError> {
        if self.verbs.allow(verb) {
            Ok(())
        } else {
            Err(ActError::Verb { verb })
        }
    }

    pub fn require_alias(&self, path: &AliasPath) -> Result<(), ActError> {
        match &self.prefix {
            Some(prefix) if !prefix.covers(path) => Err(ActError::Prefix {
                alias: path.to_string(),
                prefix: prefix.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// For what concerns all images alike, such as the block list.
    pub fn require_no_prefix(&self, what: &str) -> Result<(), ActError> {
        match &self.prefix {
            Some(prefix) => Err(ActError::Prefix {
                alias: what.to_owned(),
                prefix: prefix.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Whether nothing of `prefix`, which another key has, is outside of one's own.
    pub(crate) fn covers(&self, prefix: Option<&AliasPrefix>) -> bool {
        match (&self.prefix, prefix) {
            (None, _) => true,
            (Some(own), Some(wanted)) => own.covers_prefix(wanted),
            (Some(_), None) => false,
        }
    }

    pub fn require_prefix(&self, wanted: &AliasPrefix) -> Result<(), ActError> {
        match &self.prefix {
            Some(prefix) if !prefix.covers_prefix(wanted) => Err(ActError::Prefix {
                alias: wanted.to_string(),
                prefix: prefix.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// One request for a change: by whom, why, and how it is found in the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub caller: Caller,
    pub reason: Option<String>,
    pub request_id: Option<String>,
}

impl Act {
    /// Longest reason kept, in bytes; what is longer is refused at the edge.
    pub const REASON_LEN_MAX: usize = 1000;

    pub fn entry(&self, at_ms: i64, action: &str, target: impl Into<String>) -> AuditEntry {
        AuditEntry {
            at_ms,
            actor: self.caller.actor.to_string(),
            action: action.to_owned(),
            target: target.into(),
            reason: self.reason.clone(),
            request_id: self.request_id.clone(),
            counts: BTreeMap::new(),
        }
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("this needs the verb `{verb}`")]
    Verb { verb: Verb },
    #[error("{alias} is outside of {prefix}, which is all that this key may name")]
    Prefix { alias: String, prefix: AliasPrefix },
    #[error("image {id} was not brought by this key, nor by another one of {prefix}")]
    NotYours { id: ImageId, prefix: AliasPrefix },
    /// Which alias is not told: names outside of their prefix are not theirs to see.
    #[error("image {id} has an alias outside of {prefix} too")]
    Shared { id: ImageId, prefix: AliasPrefix },
    #[error("more cannot be handed out than one has: {what}")]
    MoreThanOwn { what: &'static str },
    #[error("there is no image {id}")]
    UnknownImage { id: ImageId },
    #[error("image {id} was erased")]
    Erased { id: ImageId },
    #[error("nothing is named {name}")]
    UnknownAlias { name: AliasName },
    #[error("alias {name} names image {by} already")]
    AliasTaken { name: AliasName, by: ImageId },
    #[error("alias {name} cannot be made")]
    AliasUnusable {
        name: AliasName,
        #[source]
        source: BlobError,
    },
    #[error("there is no preset `{name}`")]
    UnknownPreset { name: PresetName },
    #[error("an image has {} tags at most", Tag::COUNT_MAX)]
    TooManyTags,
    #[error("there is no valid key {id}")]
    UnknownKey { id: KeyId },
    #[error("there is no open ticket {id}")]
    UnknownTicket { id: TicketId },
    #[error("there is no user `{name}`")]
    UnknownUser { name: UserName },
    #[error("there is a user `{name}` already")]
    UserExists { name: UserName },
    #[error("image {id} is not blocked")]
    NotBlocked { id: ImageId },
    #[error("{what}")]
    Invalid {
        /// Stable, such as `ticket-uses`.
        code: &'static str,
        what: String,
    },
    #[error("{}", .0.message)]
    Rejected(Rejection),
    /// Of a batch that was not put on record.
    #[error("put it on record")]
    Commit(#[source] Arc<OriginError>),
    #[error(transparent)]
    Origin(OriginError),
}

const ALIAS_TAKEN: &str = "take the alias from that image first, or choose another";
const ALIAS_UNUSABLE: &str = "a file cannot be a directory too";

/// Whose fault it is, from which every protocol makes its own status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActKind {
    Forbidden,
    NotFound,
    Gone,
    Conflict,
    Invalid,
    TooLarge,
    UnsupportedType,
    Unprocessable,
    Busy,
    Full,
    /// An operator must act.
    Broken,
}

impl ActError {
    /// Stable name for logs, JSON and problem documents; never reworded.
    pub fn code(&self) -> &str {
        match self {
            Self::Verb { .. } => "verb-missing",
            Self::Prefix { .. } => "outside-prefix",
            Self::NotYours { .. } => "not-yours",
            Self::Shared { .. } => "image-shared",
            Self::MoreThanOwn { .. } => "more-than-own",
            Self::UnknownImage { .. } => "unknown-image",
            Self::Erased { .. } => "erased",
            Self::UnknownAlias { .. } => "unknown-alias",
            Self::AliasTaken { .. } => "alias-taken",
            Self::AliasUnusable { source, .. } if source.is_full() => source.code(),
            Self::AliasUnusable { .. } => "alias-unusable",
            Self::UnknownPreset { .. } => "unknown-preset",
            Self::TooManyTags => "too-many-tags",
            Self::UnknownKey { .. } => "unknown-key",
            Self::UnknownTicket { .. } => "unknown-ticket",
            Self::UnknownUser { .. } => "unknown-user",
            Self::UserExists { .. } => "user-exists",
            Self::NotBlocked { .. } => "not-blocked",
            Self::Invalid { code, .. } => code,
            Self::Rejected(rejection) => &rejection.code,
            Self::Commit(error) => error.code(),
            Self::Origin(error) => error.code(),
        }
    }

    pub fn kind(&self) -> ActKind {
        match self {
            Self::Verb { .. }
            | Self::Prefix { .. }
            | Self::NotYours { .. }
            | Self::Shared { .. }
            | Self::MoreThanOwn { .. } => ActKind::Forbidden,
            Self::UnknownImage { .. }
            | Self::UnknownAlias { .. }
            | Self::UnknownKey { .. }
            | Self::UnknownTicket { .. }
            | Self::UnknownUser { .. }
            | Self::NotBlocked { .. } => ActKind::NotFound,
            Self::Erased { .. } => ActKind::Gone,
            Self::AliasUnusable { source, .. } if source.is_full() => ActKind::Full,
            Self::AliasTaken { .. } | Self::AliasUnusable { .. } | Self::UserExists { .. } => {
                ActKind::Conflict
            }
            Self::UnknownPreset { .. } | Self::TooManyTags | Self::Invalid { .. } => {
                ActKind::Invalid
            }
            Self::Rejected(rejection) => rejection_kind(&rejection.code),
            Self::Commit(error) => origin_kind(error),
            Self::Origin(error) => origin_kind(error),
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Rejected(rejection) => match &*rejection.code {
                // Those of the rejection are for the command line.
                "alias-taken" => Some(ALIAS_TAKEN.to_owned()),
                "alias-unusable" => Some(ALIAS_UNUSABLE.to_owned()),
                _ => rejection.hint.clone(),
            },
            Self::Origin(error) => error.hint(),
            Self::AliasUnusable { source, .. } if source.is_full() => source.hint(),
            Self::AliasUnusable { .. } => Some(ALIAS_UNUSABLE.to_owned()),
            Self::AliasTaken { .. } => Some(ALIAS_TAKEN.to_owned()),
            _ => None,
        }
    }
}

fn rejection_kind(code: &str) -> ActKind {
    match code {
        "not-an-image" | "svg-refused" | "type-refused" => ActKind::UnsupportedType,
        "limit-bytes" => ActKind::TooLarge,
        "disk-full" => ActKind::Full,
        "blocked" | "quota-passed" => ActKind::Forbidden,
        "alias-taken" | "alias-unusable" => ActKind::Conflict,
        "alias-invalid" => ActKind::Invalid,
        "busy" | "scan-unanswered" | "being-erased" | "vanished" => ActKind::Busy,
        "panicked" | "unreadable" | "blob-io" | "image-read" => ActKind::Broken,
        code if code.starts_with("fetch-") => ActKind::Broken,
        _ => ActKind::Unprocessable,
    }
}

fn origin_kind(error: &OriginError) -> ActKind {
    match error {
        OriginError::UnknownImage { .. } => ActKind::NotFound,
        OriginError::UnknownPreset { .. } => ActKind::Invalid,
        OriginError::Blob(error) if error.is_full() => ActKind::Full,
        OriginError::Catalog(error) if error.is_full() => ActKind::Full,
        OriginError::Catalog(error) if error.is_retryable() => ActKind::Busy,
        OriginError::Derive(error) => match &**error {
            DeriveError::UnknownImage { .. } => ActKind::NotFound,
            DeriveError::Busy { .. } | DeriveError::WaitedTooLong { .. } => ActKind::Busy,
            DeriveError::Blob(error) if error.is_full() => ActKind::Full,
            DeriveError::Blob(_) | DeriveError::Catalog(_) => ActKind::Broken,
            _ => ActKind::Unprocessable,
        },
        OriginError::Blob(_) | OriginError::Catalog(_) | OriginError::Cpu(_) => ActKind::Broken,
    }
}

impl From<OriginError> for ActError {
    fn from(error: OriginError) -> Self {
        Self::Origin(error)
    }
}

impl From<CatalogError> for ActError {
    fn from(error: CatalogError) -> Self {
        Self::Origin(error.into())
    }
}

impl From<BlobError> for ActError {
    fn from(error: BlobError) -> Self {
        Self::Origin(error.into())
    }
}

impl From<DeriveError> for ActError {
    fn from(error: DeriveError) -> Self {
        match error {
            DeriveError::UnknownImage { id } => Self::UnknownImage { id },
            error => Self::Origin(OriginError::Derive(Box::new(error))),
        }
    }
}

impl Origin {
    /// Puts an act on the audit log that changed nothing by itself, or that was written to the catalog before.
    pub async fn note(
        &self,
        act: &Act,
        action: &str,
        target: impl Into<String> + Send,
        counts: BTreeMap<String, u64>,
    ) -> Result<(), CatalogError> {
        let mut entry = act.entry(self.clock.now_ms(), action, target);
        entry.counts = counts;
        self.catalog.append_audit(&[entry]).await
    }
}
