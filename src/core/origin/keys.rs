//! API keys: made, listed, changed, ended.

use crate::catalog::access::Rotation;
use crate::model::access::{AliasPrefix, KeyId, Verb, Verbs};
use crate::model::clock::UnixSeconds;
use crate::model::grant::{Key, Quota, Usage};
use crate::model::secret::{KeyToken, Secret};
use crate::model::time::LATEST;
use crate::origin::Origin;
use crate::origin::act::{Act, ActError};

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub name: String,
    pub verbs: Verbs,
    pub prefix: Option<AliasPrefix>,
    pub quota: Quota,
    pub rate_per_min: Option<u32>,
    pub expires_at: Option<UnixSeconds>,
}

/// A key with its secret, which is shown now and never again.
#[derive(Clone, Debug)]
pub struct Issued {
    pub key: Key,
    pub token: KeyToken,
}

impl Origin {
    pub async fn create_key(&self, act: &Act, new: NewKey) -> Result<Issued, ActError> {
        act.caller.require(Verb::Admin)?;
        check_name(&new.name)?;
        if new.verbs.is_empty() {
            return Err(invalid("key-verbs", "a key needs one verb at least"));
        }
        let now = self.clock.now();
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(invalid("key-expires", "a key must end in the future"));
        }
        if new.expires_at.is_some_and(|at| at > LATEST) {
            return Err(invalid(
                "key-expires",
                "a key ends before the year 10000, or never",
            ));
        }
        if new.rate_per_min == Some(0) {
            return Err(invalid("key-rate", "a rate of nothing allows nothing"));
        }
        require_within(act, new.prefix.as_ref())?;
        let token = KeyToken {
            id: KeyId::generate(),
            secret: Secret::generate(),
        };
        let key = Key {
            id: token.id,
            name: new.name,
            verbs: new.verbs,
            prefix: new.prefix,
            secret: token.secret.hash(),
            previous_secret: None,
            quota: new.quota,
            used: Usage::default(),
            rate_per_min: new.rate_per_min,
            created_at: now,
            created_by: act.caller.actor.to_string(),
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let entry = act.entry(self.clock.now_ms(), "key.create", key.id.to_string());
        self.catalog.add_key(&key, &entry).await?;
        Ok(Issued { key, token })
    }

    pub async fn list_keys(&self, act: &Act) -> Result<Vec<Key>, ActError> {
        act.caller.require(Verb::Admin)?;
        let mut keys = self.catalog.list_keys().await?;
        keys.retain(|key| act.caller.covers(key.prefix.as_ref()));
        Ok(keys)
    }

    pub async fn revoke_key(&self, act: &Act, id: KeyId) -> Result<(), ActError> {
        self.require_key(act, id).await?;
        let entry = act.entry(self.clock.now_ms(), "key.revoke", id.to_string());
        let now = self.clock.now();
        if self.catalog.revoke_key(id, now, &entry).await? {
            self.keyring.forget(id);
            Ok(())
        } else {
            Err(ActError::UnknownKey { id })
        }
    }

    /// Another secret for a key; the one before it stays valid for `overlap_s` seconds.
    pub async fn rotate_key(
        &self,
        act: &Act,
        id: KeyId,
        overlap_s: i64,
    ) -> Result<Issued, ActError> {
        self.require_key(act, id).await?;
        let token = KeyToken {
            id,
            secret: Secret::generate(),
        };
        let now = self.clock.now();
        let rotation = Rotation {
            id,
            secret: token.secret.hash(),
            previous_until: now.saturating_add(overlap_s.max(0)).min(LATEST),
        };
        let entry = act.entry(self.clock.now_ms(), "key.rotate", id.to_string());
        if !self.catalog.rotate_key(&rotation, &entry).await? {
            return Err(ActError::UnknownKey { id });
        }
        self.keyring.forget(id);
        let key = self.catalog.find_key(id).await?;
        let key = key.ok_or(ActError::UnknownKey { id })?;
        Ok(Issued { key, token })
    }

    /// A key that the caller may change. Whoever gets another secret for it has all that it may.
    async fn require_key(&self, act: &Act, id: KeyId) -> Result<(), ActError> {
        act.caller.require(Verb::Admin)?;
        let key = self.catalog.find_key(id).await?;
        let key = key.ok_or(ActError::UnknownKey { id })?;
        require_within(act, key.prefix.as_ref())
    }
}

fn require_within(act: &Act, prefix: Option<&AliasPrefix>) -> Result<(), ActError> {
    let within = act.caller.covers(prefix);
    within.then_some(()).ok_or(ActError::MoreThanOwn {
        what: "the prefix is wider",
    })
}

pub(crate) fn invalid(code: &'static str, what: impl Into<String>) -> ActError {
    ActError::Invalid {
        code,
        what: what.into(),
    }
}

/// For people, in one line.
fn check_name(name: &str) -> Result<(), ActError> {
    /// Of a name that fits into a table, in bytes.
    const LEN_MAX: usize = 100;
    let fits = (1..=LEN_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    fits.then_some(()).ok_or_else(|| {
        let what = format!("a key has a name of 1 to {LEN_MAX} bytes without control characters");
        invalid("key-name", what)
    })
}
