//! People: their accounts, passwords and sessions.

use std::net::Ipv6Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota as Rate, RateLimiter};

use crate::catalog::CatalogError;
use crate::cpu::CpuError;
use crate::model::access::{Actor, Role, UserName, Verb};
use crate::model::grant::{PasswordHash, Session, User};
use crate::model::secret::{Secret, random_bytes};
use crate::origin::Origin;
use crate::origin::act::{Act, ActError, Caller};
use crate::origin::error::OriginError;
use crate::origin::keys::invalid;

/// Length of passwords, in bytes: NIST SP 800-63B asks for 8 at least; beyond 1,000 they only cost time.
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 8..=1000;
/// Memory of one hash in KiB, passes, lanes: the first choice of OWASP's Password Storage Cheat Sheet for argon2id.
const ARGON2_COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Attempts to sign in that may come at once, for one name and for one address; each comes back after a while.
const ATTEMPTS_OF_NAME: u32 = 10;
const ATTEMPTS_OF_ADDRESS: u32 = 30;
const ATTEMPT_EVERY: Duration = Duration::from_secs(60);
/// Names and addresses remembered before those that may try again are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// A password as someone typed it.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    pub fn new(text: String) -> Result<Self, ActError> {
        if PASSWORD_LEN.contains(&text.len()) {
            Ok(Self(text))
        } else {
            let (least, most) = (PASSWORD_LEN.start(), PASSWORD_LEN.end());
            let what = format!("a password has {least} to {most} bytes");
            Err(invalid("password-length", what))
        }
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Someone who has just signed in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub user: User,
    pub session: Session,
    /// For the cookie.
    pub secret: Secret,
}

/// Why someone did not get in.
#[derive(Debug, thiserror::Error)]
pub enum LoginFault {
    /// Which of the two is not told.
    #[error("name or password is wrong")]
    Wrong,
    #[error("too many attempts to sign in")]
    TooOften { retry_after_s: u64 },
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl LoginFault {
    /// Stable name for logs and problem documents; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wrong => "login-wrong",
            Self::TooOften { .. } => "login-limited",
            Self::Cpu(_) => "image-pool",
            Self::Catalog(error) => error.code(),
        }
    }
}

/// Counts attempts to sign in. In memory: a restart forgives them.
#[derive(Debug)]
pub(crate) struct LoginGate {
    of_name: DefaultKeyedRateLimiter<String>,
    of_address: DefaultKeyedRateLimiter<String>,
}

impl LoginGate {
    pub(crate) fn new() -> Self {
        let gate = |burst| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            let rate = Rate::with_period(ATTEMPT_EVERY).map(|rate| rate.allow_burst(burst));
            RateLimiter::keyed(rate.unwrap_or(Rate::per_minute(NonZeroU32::MIN)))
        };
        Self {
            of_name: gate(ATTEMPTS_OF_NAME),
            of_address: gate(ATTEMPTS_OF_ADDRESS),
        }
    }

    /// Counts one attempt of `name` from `address`. What nobody can be named counts as one name, however long it is.
    fn check(&self, name: Option<&UserName>, address: &str) -> Result<(), LoginFault> {
        let name = name.map(UserName::as_str).unwrap_or_default();
        let address = subscriber(address);
        for (gate, key) in [(&self.of_address, &*address), (&self.of_name, name)] {
            if gate.len() > REMEMBERED_MAX {
                gate.retain_recent();
            }
            gate.check_key(&key.to_owned()).map_err(|not_until| {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                LoginFault::TooOften {
                    retry_after_s: wait.as_secs() + 1,
                }
            })?;
        }
        Ok(())
    }
}

impl Origin {
    pub async fn add_user(
        self: &Arc<Self>,
        act: &Act,
        name: UserName,
        role: Role,
        password: Password,
    ) -> Result<User, ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("people")?;
        let user = User {
            password: self.hash_password(password).await?,
            role,
            created_at: self.clock.now(),
            created_by: act.caller.actor.to_string(),
            last_login_at: None,
            name,
        };
        let entry = act.entry(self.clock.now_ms(), "user.create", user.name.as_str());
        if self.catalog.add_user(&user, &entry).await? {
            Ok(user)
        } else {
            Err(ActError::UserExists { name: user.name })
        }
    }

    pub async fn list_users(&self, act: &Act) -> Result<Vec<User>, ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("people")?;
        Ok(self.catalog.list_users().await?)
    }

    /// Also ends the sessions of the user.
    pub async fn set_password(
        self: &Arc<Self>,
        act: &Act,
        name: &UserName,
        password: Password,
    ) -> Result<(), ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("people")?;
        let hash = self.hash_password(password).await?;
        let entry = act.entry(self.clock.now_ms(), "user.password", name.as_str());
        let done = self.catalog.set_password(name, &hash, &entry).await?;
        found(done, name)
    }

    pub async fn set_role(&self, act: &Act, name: &UserName, role: Role) -> Result<(), ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("people")?;
        let entry = act.entry(self.clock.now_ms(), "user.role", name.as_str());
        found(self.catalog.set_role(name, role, &entry).await?, name)
    }

    pub async fn remove_user(&self, act: &Act, name: &UserName) -> Result<(), ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("people")?;
        let entry = act.entry(self.clock.now_ms(), "user.remove", name.as_str());
        found(self.catalog.remove_user(name, &entry).await?, name)
    }

    /// Begins a session. `address` is the client's, as nginx knows it.
    pub async fn log_in(
        self: &Arc<Self>,
        name: &str,
        password: String,
        address: &str,
        request_id: Option<String>,
    ) -> Result<LoggedIn, LoginFault> {
        let name = name.parse::<UserName>().ok();
        self.logins.check(name.as_ref(), address)?;
        let user = match &name {
            Some(name) => self.catalog.find_user(name).await?,
            None => None,
        };
        // A password is hashed for nobody too: time does not tell who has an account.
        let hash = user.as_ref().map(|user| user.password.clone());
        let right = self.verify_password(password, hash).await?;
        let Some(user) = user.filter(|_| right) else {
            return Err(LoginFault::Wrong);
        };
        let now = self.clock.now();
        let secret = Secret::generate();
        let lifetime_s = i64::try_from(self.settings.access.session_lifetime.as_secs());
        let session = Session {
            secret: secret.hash(),
            user: user.name.clone(),
            created_at: now,
            expires_at: now.saturating_add(lifetime_s.unwrap_or(i64::MAX)),
        };
        let act = Act {
            caller: caller_of(&user),
            reason: None,
            request_id,
        };
        let entry = act.entry(self.clock.now_ms(), "session.begin", user.name.as_str());
        // Removed a moment ago.
        if !self.catalog.add_session(&session, &entry).await? {
            return Err(LoginFault::Wrong);
        }
        Ok(LoggedIn {
            user,
            session,
            secret,
        })
    }

    /// Whose session a cookie is.
    pub async fn find_session(&self, cookie: &str) -> Result<Option<User>, CatalogError> {
        let Ok(secret) = cookie.parse::<Secret>() else {
            return Ok(None);
        };
        let now = self.clock.now();
        self.catalog.find_session(&secret.hash(), now).await
    }

    pub async fn log_out(&self, cookie: &str) -> Result<(), CatalogError> {
        match cookie.parse::<Secret>() {
            Ok(secret) => self.catalog.remove_session(&secret.hash()).await,
            Err(_) => Ok(()),
        }
    }

    async fn hash_password(&self, password: Password) -> Result<PasswordHash, ActError> {
        let salt: [u8; 16] = random_bytes();
        let hash = move || -> PasswordHash {
            let hashed: phc::PasswordHash = hasher()
                .hash_password_with_salt(password.0.as_bytes(), &salt)
                .expect("the lengths of password and salt are within those of argon2");
            PasswordHash(hashed.to_string())
        };
        let hashed = self.cpu.run(hash_memory_bytes(), hash).await;
        hashed.map_err(|error| OriginError::from(error).into())
    }

    async fn verify_password(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<bool, CpuError> {
        let salt: [u8; 16] = random_bytes();
        let verify = move || {
            let hash = hash.and_then(|hash| phc::PasswordHash::new(&hash.0).ok());
            if let Some(hash) = hash {
                let verified = hasher().verify_password(password.as_bytes(), &hash);
                return verified.is_ok();
            }
            let hashed: Result<phc::PasswordHash, _> =
                hasher().hash_password_with_salt(password.as_bytes(), &salt);
            drop(hashed);
            false
        };
        self.cpu.run(hash_memory_bytes(), verify).await
    }
}

/// Whoever has one address of IPv6 has the 2⁶⁴ that share its first half.
fn subscriber(address: &str) -> String {
    match address.parse::<Ipv6Addr>() {
        Ok(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        },
        Err(_) => address.to_owned(),
    }
}

/// What a person may do.
pub fn caller_of(user: &User) -> Caller {
    Caller {
        actor: Actor::User(user.name.clone()),
        verbs: user.role.verbs(),
        prefix: None,
    }
}

fn hasher() -> Argon2<'static> {
    let (memory_kib, passes, lanes) = ARGON2_COST;
    let params = Params::new(memory_kib, passes, lanes, None);
    let params = params.expect("the constants are within the limits of argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_memory_bytes() -> u64 {
    u64::from(ARGON2_COST.0) << 10
}

fn found(done: bool, name: &UserName) -> Result<(), ActError> {
    done.then_some(())
        .ok_or_else(|| ActError::UnknownUser { name: name.clone() })
}
