//! Rows about access into model values.

use std::str::FromStr;

use crate::catalog::CatalogError;
use crate::catalog::access::{Callback, IdempotentAnswer};
use crate::catalog::rows::{Fields, SqlRow};
use crate::model::access::AliasPrefix;
use crate::model::alias::{AliasName, AliasPath};
use crate::model::audit::{AuditEntry, Audited};
use crate::model::grant::{Key, PasswordHash, Quota, Ticket, TicketAlias, Usage, User};
use crate::model::secret::SecretHash;

pub(super) fn key(action: &'static str, row: &impl SqlRow) -> Result<Key, CatalogError> {
    let fields = Fields { action, row };
    let previous = fields.bytes_or_null("previous")?;
    let previous_until = fields.int_or_null("previous_until")?;
    let prefix = fields.bytes("prefix")?;
    Ok(Key {
        id: fields.parsed("id")?,
        name: fields.text("name")?,
        verbs: fields.parsed("verbs")?,
        prefix: prefix_of(&fields, "prefix", &prefix)?,
        secret: fields.secret("secret", &fields.bytes("secret")?)?,
        previous_secret: match (previous, previous_until) {
            (Some(hash), Some(until)) => Some((fields.secret("previous", &hash)?, until)),
            _ => None,
        },
        quota: Quota {
            bytes_max: fields.unsigned_or_null("bytes_max")?,
            images_max: fields.unsigned_or_null("images_max")?,
        },
        used: Usage {
            bytes: fields.unsigned("bytes_used")?,
            images: fields.unsigned("images_used")?,
        },
        rate_per_min: fields.unsigned_or_null("rate_per_min")?,
        created_at: fields.int("created_at")?,
        created_by: fields.text("created_by")?,
        expires_at: fields.int_or_null("expires_at")?,
        revoked_at: fields.int_or_null("revoked_at")?,
        last_used_at: fields.int_or_null("last_used_at")?,
    })
}

pub(super) fn ticket(action: &'static str, row: &impl SqlRow) -> Result<Ticket, CatalogError> {
    let fields = Fields { action, row };
    let key = fields.text_or_null("key_id")?;
    let key = key
        .map(|id| id.parse().map_err(|_| fields.fault("key_id", id)))
        .transpose()?;
    Ok(Ticket {
        id: fields.parsed("id")?,
        created_by: fields.text("created_by")?,
        key,
        created_at: fields.int("created_at")?,
        expires_at: fields.int("expires_at")?,
        revoked_at: fields.int_or_null("revoked_at")?,
        uses_max: fields.unsigned("uses_max")?,
        uses_left: fields.unsigned("uses_left")?,
        bytes_max: fields.unsigned_or_null("bytes_max")?,
        types: fields.list("types")?,
        alias: ticket_alias(&fields)?,
        tags: fields.list("tags")?,
        presets: fields.list("presets")?,
        callback_url: fields.text_or_null("callback_url")?,
    })
}

fn ticket_alias<R: SqlRow>(fields: &Fields<'_, R>) -> Result<TicketAlias, CatalogError> {
    let host = fields.host("alias_host")?;
    let path = fields.bytes("alias_path")?;
    let kind = fields.text("alias_kind")?;
    match kind.as_str() {
        "none" => Ok(TicketAlias::None),
        "exact" => {
            let path = AliasPath::from_decoded(path)
                .map_err(|invalid| fields.fault("alias_path", invalid.to_string()))?;
            Ok(TicketAlias::Exact(AliasName { host, path }))
        }
        "below" => {
            let prefix = prefix_of(fields, "alias_path", &path)?;
            let prefix = prefix.ok_or_else(|| fields.fault("alias_path", String::new()))?;
            Ok(TicketAlias::Below { host, prefix })
        }
        _ => Err(fields.fault("alias_kind", kind)),
    }
}

fn prefix_of<R: SqlRow>(
    fields: &Fields<'_, R>,
    column: &'static str,
    path: &[u8],
) -> Result<Option<AliasPrefix>, CatalogError> {
    if path.is_empty() {
        return Ok(None);
    }
    let prefix = AliasPrefix::from_decoded(path);
    prefix
        .map(Some)
        .map_err(|invalid| fields.fault(column, invalid.to_string()))
}

pub(super) fn user(action: &'static str, row: &impl SqlRow) -> Result<User, CatalogError> {
    let fields = Fields { action, row };
    Ok(User {
        name: fields.parsed("name")?,
        role: fields.parsed("role")?,
        password: PasswordHash(fields.text("password")?),
        created_at: fields.int("created_at")?,
        created_by: fields.text("created_by")?,
        last_login_at: fields.int_or_null("last_login_at")?,
    })
}

pub(super) fn audited(action: &'static str, row: &impl SqlRow) -> Result<Audited, CatalogError> {
    let fields = Fields { action, row };
    let counts = fields.text("counts")?;
    let counts = serde_json::from_str(&counts).map_err(|_| fields.fault("counts", counts))?;
    Ok(Audited {
        number: fields.int("number")?,
        entry: AuditEntry {
            at_ms: fields.int("at_ms")?,
            actor: fields.text("actor")?,
            action: fields.text("action")?,
            target: fields.text("target")?,
            reason: fields.text_or_null("reason")?,
            request_id: fields.text_or_null("request_id")?,
            counts,
        },
    })
}

/// The fingerprint of the request, and its answer if there is one yet.
pub(super) fn idempotent(
    action: &'static str,
    row: &impl SqlRow,
) -> Result<(Vec<u8>, Option<IdempotentAnswer>), CatalogError> {
    let fields = Fields { action, row };
    let answer = match fields.unsigned_or_null("status")? {
        None => None,
        Some(status) => Some(IdempotentAnswer {
            status,
            body: fields.text("answer")?,
        }),
    };
    Ok((fields.bytes("fingerprint")?, answer))
}

pub(super) fn callback(action: &'static str, row: &impl SqlRow) -> Result<Callback, CatalogError> {
    let fields = Fields { action, row };
    Ok(Callback {
        id: fields.text("id")?,
        url: fields.text("url")?,
        body: fields.text("body")?,
        created_at: fields.int("created_at")?,
        attempts: fields.unsigned("attempts")?,
        next_ms: fields.int("next_ms")?,
    })
}

impl<R: SqlRow> Fields<'_, R> {
    fn secret(&self, column: &'static str, bytes: &[u8]) -> Result<SecretHash, CatalogError> {
        let hash = bytes.try_into().map(SecretHash::from_bytes);
        hash.map_err(|_| self.fault(column, format!("{} bytes", bytes.len())))
    }

    /// Words between commas.
    fn list<T: FromStr>(&self, column: &'static str) -> Result<Vec<T>, CatalogError> {
        let text = self.text(column)?;
        let words = text.split(',').filter(|word| !word.is_empty());
        let parse = |word: &str| {
            word.parse()
                .map_err(|_| self.fault(column, word.to_owned()))
        };
        words.map(parse).collect()
    }
}
