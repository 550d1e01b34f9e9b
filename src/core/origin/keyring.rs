//! Who holds a key: checked on every request, at the price of a look into memory.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota as Rate, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::catalog::{Catalog, CatalogError};
use crate::model::access::{Actor, KeyId};
use crate::model::clock::{Clock, UnixSeconds};
use crate::model::grant::Key;
use crate::model::secret::{KeyToken, Secret, SecretHash};
use crate::origin::act::Caller;

/// How long a key is believed to be as it was: a revocation by another process is in force after this.
const BELIEVED_FOR: Duration = Duration::from_secs(1);
/// `last_used_at` is to the minute.
const TOUCH_EVERY_S: i64 = 60;

/// Keys that were used lately. Bounded by the keys there are: what is no key is not kept.
#[derive(Debug)]
pub(crate) struct Keyring {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    settings: KeyringSettings,
    known: Mutex<HashMap<KeyId, Arc<KeyHolder>>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyringSettings {
    /// For keys without a rate of their own.
    pub(crate) rate_per_min: u32,
    pub(crate) uploads_per_key_max: usize,
}

/// A key that was used, with what counts its use.
#[derive(Debug)]
pub struct KeyHolder {
    pub key: Key,
    limiter: Arc<DefaultDirectRateLimiter>,
    uploads: Arc<Semaphore>,
    uploads_max: usize,
    found_at: Instant,
    touched_at: UnixSeconds,
}

/// Why a key does not open anything.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Malformed, unknown, or of another secret: which of these is not told.
    #[error("the key is not valid")]
    Wrong,
    #[error("the key expired")]
    Expired,
    #[error("the key was revoked")]
    Revoked,
    #[error("the key's rate of {per_min} requests in a minute is passed")]
    TooFast { per_min: u32, retry_after_s: u64 },
    #[error("{max} uploads by this key are in progress already")]
    TooManyUploads { max: usize },
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl KeyFault {
    /// Stable name for logs and problem documents; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wrong => "key-wrong",
            Self::Expired => "key-expired",
            Self::Revoked => "key-revoked",
            Self::TooFast { .. } => "rate-limited",
            Self::TooManyUploads { .. } => "uploads-limited",
            Self::Catalog(error) => error.code(),
        }
    }
}

impl KeyHolder {
    pub fn caller(&self) -> Caller {
        Caller {
            actor: Actor::Key(self.key.id),
            verbs: self.key.verbs,
            prefix: self.key.prefix.clone(),
        }
    }

    /// A place for one upload, so that one key does not take those of all others.
    pub fn begin_upload(&self) -> Result<OwnedSemaphorePermit, KeyFault> {
        let place = Arc::clone(&self.uploads).try_acquire_owned();
        place.map_err(|_| KeyFault::TooManyUploads {
            max: self.uploads_max,
        })
    }

    fn opens(&self, secret: &Secret, now: UnixSeconds) -> bool {
        let current = self.key.secret.matches(secret);
        let previous = match &self.key.previous_secret {
            Some((hash, until)) if now < *until => hash.matches(secret),
            _ => false,
        };
        current | previous
    }

    fn check_rate(&self) -> Result<(), KeyFault> {
        self.limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            KeyFault::TooFast {
                per_min: not_until.quota().burst_size().get(),
                retry_after_s: wait.as_secs() + 1,
            }
        })
    }
}

impl Keyring {
    pub(crate) fn new(
        catalog: &Arc<dyn Catalog>,
        clock: &Arc<dyn Clock>,
        settings: KeyringSettings,
    ) -> Self {
        Self {
            catalog: Arc::clone(catalog),
            clock: Arc::clone(clock),
            settings,
            known: Mutex::default(),
        }
    }

    /// The holder of `token`, if it opens anything now.
    ///
    /// Only what is right is answered from memory. All that is wrong takes the same way: one look into the catalog and
    /// one comparison, so that time does not tell an unknown key from a wrong secret.
    pub(crate) async fn authenticate(&self, token: &str) -> Result<Arc<KeyHolder>, KeyFault> {
        let now = self.clock.now();
        let token: Option<KeyToken> = token.parse().ok();
        if let Some(token) = &token
            && let Some(holder) = self.find_fresh(token.id)
            && holder.key.is_valid(now)
            && holder.opens(&token.secret, now)
        {
            holder.check_rate()?;
            return Ok(holder);
        }
        let token = token.unwrap_or_else(nobodys_token);
        let found = self.catalog.find_key(token.id).await?;
        let Some(key) = found else {
            let _never = SecretHash::NOBODYS.matches(&token.secret);
            return Err(KeyFault::Wrong);
        };
        let holder = self.keep(key);
        if !holder.opens(&token.secret, now) {
            return Err(KeyFault::Wrong);
        }
        // Whoever has the secret may know what became of it.
        if holder.key.revoked_at.is_some() {
            return Err(KeyFault::Revoked);
        }
        if !holder.key.is_valid(now) {
            return Err(KeyFault::Expired);
        }
        holder.check_rate()?;
        self.touch(&holder, now);
        Ok(holder)
    }

    /// The holder of a key by whose ticket someone comes.
    pub(crate) async fn find(&self, id: KeyId) -> Result<Option<Arc<KeyHolder>>, CatalogError> {
        if let Some(holder) = self.find_fresh(id) {
            return Ok(Some(holder));
        }
        let found = self.catalog.find_key(id).await?;
        Ok(found.map(|key| self.keep(key)))
    }

    /// Looks anew when it is next used.
    pub(crate) fn forget(&self, id: KeyId) {
        self.lock().remove(&id);
    }

    fn find_fresh(&self, id: KeyId) -> Option<Arc<KeyHolder>> {
        let known = self.lock();
        let holder = known.get(&id)?;
        (holder.found_at.elapsed() < BELIEVED_FOR).then(|| Arc::clone(holder))
    }

    /// Keeps what counts the key's use, unless its rate has changed.
    fn keep(&self, key: Key) -> Arc<KeyHolder> {
        let mut known = self.lock();
        let before = known.get(&key.id);
        let rate = |key: &Key| key.rate_per_min.unwrap_or(self.settings.rate_per_min);
        let limiter = match before {
            Some(before) if rate(&before.key) == rate(&key) => Arc::clone(&before.limiter),
            _ => Arc::new(limiter(rate(&key))),
        };
        let uploads_max = self.settings.uploads_per_key_max;
        let uploads = before.map(|before| Arc::clone(&before.uploads));
        let holder = Arc::new(KeyHolder {
            limiter,
            uploads: uploads.unwrap_or_else(|| Arc::new(Semaphore::new(uploads_max))),
            uploads_max,
            found_at: Instant::now(),
            touched_at: key.last_used_at.unwrap_or(0),
            key,
        });
        known.insert(holder.key.id, Arc::clone(&holder));
        holder
    }

    /// In the background: nobody waits for a time that is there to be looked at.
    fn touch(&self, holder: &KeyHolder, now: UnixSeconds) {
        if now - holder.touched_at < TOUCH_EVERY_S {
            return;
        }
        let (catalog, id) = (Arc::clone(&self.catalog), holder.key.id);
        tokio::spawn(async move {
            if let Err(error) = catalog.touch_key(id, now).await {
                tracing::warn!(key.id = %id, "its use was not noted: {error}");
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Arc<KeyHolder>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A minute's worth may come at once.
fn limiter(per_min: u32) -> DefaultDirectRateLimiter {
    let per_min = NonZeroU32::new(per_min).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct(Rate::per_minute(per_min))
}

fn nobodys_token() -> KeyToken {
    KeyToken {
        id: KeyId::generate(),
        secret: Secret::generate(),
    }
}
