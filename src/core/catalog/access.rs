//! What the catalog keeps of those who may act here, and of what they did.

use async_trait::async_trait;

use crate::catalog::CatalogError;
use crate::model::access::{KeyId, Role, TicketId, UserName};
use crate::model::audit::{AuditEntry, Audited};
use crate::model::clock::UnixSeconds;
use crate::model::grant::{Key, PasswordHash, Session, Ticket, Usage, User};
use crate::model::secret::SecretHash;

/// Keys, tickets, people, sessions, the audit log, answers to repeated requests, and who is to be called back.
///
/// Contract (tested by `run` of `contract_access`, `contract_tickets`, `contract_people`, `contract_audit` and
/// `contract_requests` on SQLite and PostgreSQL), besides that of [`super::Catalog`]:
/// * a change and its audit entry are one transaction;
/// * a method that answers `bool` says whether it found what it was to change; if not, nothing is audited either;
/// * audit entries are numbered in the order in which they are written, and can be neither changed nor removed.
#[async_trait]
pub trait AccessCatalog: Send + Sync {
    async fn add_key(&self, key: &Key, audit: &AuditEntry) -> Result<(), CatalogError>;

    async fn find_key(&self, id: KeyId) -> Result<Option<Key>, CatalogError>;

    /// All of them, also those that are over, the oldest first.
    async fn list_keys(&self) -> Result<Vec<Key>, CatalogError>;

    /// Ends a key that was not ended before.
    async fn revoke_key(
        &self,
        id: KeyId,
        at: UnixSeconds,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Gives a key that was not revoked another secret; the one before it stays valid for a while.
    async fn rotate_key(
        &self,
        rotation: &Rotation,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Remembers that a key was used. Not durable.
    async fn touch_key(&self, id: KeyId, at: UnixSeconds) -> Result<(), CatalogError>;

    /// Adds to what a key has stored, unless that would pass its quota. Not durable.
    async fn charge_key(&self, id: KeyId, usage: Usage) -> Result<bool, CatalogError>;

    /// Takes back what was charged and not stored. Not durable.
    async fn refund_key(&self, id: KeyId, usage: Usage) -> Result<(), CatalogError>;

    async fn add_ticket(&self, ticket: &Ticket, audit: &AuditEntry) -> Result<(), CatalogError>;

    async fn find_ticket(&self, id: TicketId) -> Result<Option<Ticket>, CatalogError>;

    /// At most `limit`, ascending by id, strictly after `after`.
    async fn list_tickets(
        &self,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<Ticket>, CatalogError>;

    /// Ends a ticket that was not ended before.
    async fn revoke_ticket(
        &self,
        id: TicketId,
        at: UnixSeconds,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Takes one use of a ticket that is open. However many ask at once, no more succeed than there are uses.
    async fn take_use(&self, id: TicketId, now: UnixSeconds) -> Result<bool, CatalogError>;

    /// Gives a use back: nothing came of it.
    async fn give_back_use(&self, id: TicketId) -> Result<(), CatalogError>;

    /// `false`: there is one of this name.
    async fn add_user(&self, user: &User, audit: &AuditEntry) -> Result<bool, CatalogError>;

    async fn find_user(&self, name: &UserName) -> Result<Option<User>, CatalogError>;

    /// All of them, by name.
    async fn list_users(&self) -> Result<Vec<User>, CatalogError>;

    /// Also ends the sessions of the user.
    async fn set_password(
        &self,
        name: &UserName,
        password: &PasswordHash,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// In force with the next request of the user.
    async fn set_role(
        &self,
        name: &UserName,
        role: Role,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Also ends the sessions of the user.
    async fn remove_user(&self, name: &UserName, audit: &AuditEntry) -> Result<bool, CatalogError>;

    /// Begins a session of a user who is on record.
    async fn add_session(
        &self,
        session: &Session,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// The user of a session that is not over.
    async fn find_session(
        &self,
        secret: &SecretHash,
        now: UnixSeconds,
    ) -> Result<Option<User>, CatalogError>;

    /// Ends a session; none is as good.
    async fn remove_session(&self, secret: &SecretHash) -> Result<(), CatalogError>;

    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), CatalogError>;

    /// Descending by number: the latest first.
    async fn list_audit(&self, page: &AuditPage) -> Result<Vec<Audited>, CatalogError>;

    /// Asks whether a request with an Idempotency-Key is the first of its kind. If so, the caller is to call
    /// [`Self::finish_idempotent`] or [`Self::abandon_idempotent`].
    ///
    /// What began before `request.stale_ms` and has no answer is taken over: its process is gone.
    async fn begin_idempotent(
        &self,
        request: &IdempotentRequest<'_>,
    ) -> Result<Idempotent, CatalogError>;

    async fn finish_idempotent(
        &self,
        actor: &str,
        token: &str,
        answer: &IdempotentAnswer,
    ) -> Result<(), CatalogError>;

    /// As if it had never been asked.
    async fn abandon_idempotent(&self, actor: &str, token: &str) -> Result<(), CatalogError>;

    async fn add_callback(&self, callback: &Callback) -> Result<(), CatalogError>;

    /// At most `limit` that are due, each for this caller alone until `lease_ms`.
    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        lease_ms: i64,
        limit: u32,
    ) -> Result<Vec<Callback>, CatalogError>;

    async fn settle_callback(
        &self,
        id: &str,
        outcome: &CallbackOutcome,
    ) -> Result<(), CatalogError>;

    /// Removes sessions, tickets, answers to repeated requests and callbacks given up on that are older than they need be.
    /// Not durable.
    async fn forget_old_access(&self, old: &OldAccess) -> Result<u64, CatalogError>;
}

/// Another secret for a key.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub id: KeyId,
    pub secret: SecretHash,
    /// How long the secret before it stays valid.
    pub previous_until: UnixSeconds,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Strictly before this number; `None`: from the latest.
    pub before: Option<i64>,
    pub since_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// Exactly this one.
    pub actor: Option<String>,
    /// This one, or all that start with it and a dot: `key` finds `key.create`.
    pub action: Option<String>,
    /// Exactly this one.
    pub target: Option<String>,
    pub limit: u32,
}

#[derive(Clone, Copy, Debug)]
pub struct IdempotentRequest<'a> {
    pub actor: &'a str,
    /// The value of Idempotency-Key.
    pub token: &'a str,
    /// Of method, path and body.
    pub fingerprint: &'a [u8; 32],
    pub now_ms: i64,
    pub stale_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotent {
    First,
    InProgress,
    Answered(IdempotentAnswer),
    /// The key was used for another request.
    Different,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentAnswer {
    pub status: u16,
    /// Without what is shown once only.
    pub body: String,
}

/// Someone who is to be told of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub id: String,
    pub url: String,
    pub body: String,
    pub created_at: UnixSeconds,
    /// Made so far.
    pub attempts: u32,
    pub next_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackOutcome {
    Done,
    Retry { next_ms: i64, fault: String },
    GivenUp { at: UnixSeconds, fault: String },
}

/// What may be forgotten: that which ended before these times.
#[derive(Clone, Copy, Debug)]
pub struct OldAccess {
    pub sessions_before: UnixSeconds,
    pub idempotent_before_ms: i64,
    pub callbacks_before: UnixSeconds,
    /// By their end.
    pub tickets_before: UnixSeconds,
}
