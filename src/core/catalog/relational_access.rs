//! Access over either engine.

use async_trait::async_trait;

use crate::catalog::access::{
    AccessCatalog, AuditPage, Callback, CallbackOutcome, Idempotent, IdempotentAnswer,
    IdempotentRequest, OldAccess, Rotation,
};
use crate::catalog::engine::{Arg, Durability, Engine, Write, counts_json, to_i64, without_nul};
use crate::catalog::relational::Relational;
use crate::catalog::{CatalogError, access_rows as rows, access_sql as sql};
use crate::model::access::{KeyId, Role, TicketId, UserName};
use crate::model::alias::HostName;
use crate::model::audit::{AuditEntry, Audited};
use crate::model::clock::UnixSeconds;
use crate::model::grant::{Key, PasswordHash, Session, Ticket, TicketAlias, Usage, User};
use crate::model::preset::PresetName;
use crate::model::secret::SecretHash;
use crate::model::tag::Tag;

#[async_trait]
impl<E: Engine> AccessCatalog for Relational<E> {
    async fn add_key(&self, key: &Key, audit: &AuditEntry) -> Result<(), CatalogError> {
        let (id, verbs, name) = (
            key.id.to_string(),
            key.verbs.to_string(),
            without_nul(&key.name),
        );
        let prefix = key.prefix.as_ref().map_or(&b""[..], |it| it.as_bytes());
        let add = Write {
            sql: sql::ADD_KEY,
            args: &[
                Arg::Text(&id),
                Arg::Text(&name),
                Arg::Text(&verbs),
                Arg::Bytes(prefix),
                Arg::Bytes(key.secret.as_bytes()),
                Arg::MaybeInt(key.quota.bytes_max.map(to_i64)),
                Arg::MaybeInt(key.quota.images_max.map(to_i64)),
                Arg::MaybeInt(key.rate_per_min.map(i64::from)),
                Arg::Int(key.created_at),
                Arg::Text(&key.created_by),
                Arg::MaybeInt(key.expires_at),
            ],
        };
        self.change("add key", add, &[], audit).await?;
        Ok(())
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<Key>, CatalogError> {
        let action = "find key";
        let args = [Arg::Text(&id.to_string())];
        let found = self.read(action, sql::FIND_KEY, &args).await?;
        found.first().map(|row| rows::key(action, row)).transpose()
    }

    async fn list_keys(&self) -> Result<Vec<Key>, CatalogError> {
        let action = "list keys";
        let found = self.read(action, sql::LIST_KEYS, &[]).await?;
        found.iter().map(|row| rows::key(action, row)).collect()
    }

    async fn revoke_key(
        &self,
        id: KeyId,
        at: UnixSeconds,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let revoke = Write {
            sql: sql::REVOKE_KEY,
            args: &[Arg::Text(&id.to_string()), Arg::Int(at)],
        };
        self.change("revoke key", revoke, &[], audit).await
    }

    async fn rotate_key(
        &self,
        rotation: &Rotation,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let rotate = Write {
            sql: sql::ROTATE_KEY,
            args: &[
                Arg::Text(&rotation.id.to_string()),
                Arg::Bytes(rotation.secret.as_bytes()),
                Arg::Int(rotation.previous_until),
            ],
        };
        self.change("rotate key", rotate, &[], audit).await
    }

    async fn touch_key(&self, id: KeyId, at: UnixSeconds) -> Result<(), CatalogError> {
        let args = [Arg::Text(&id.to_string()), Arg::Int(at)];
        self.write_one("touch key", Durability::Lazy, sql::TOUCH_KEY, &args)
            .await?;
        Ok(())
    }

    async fn charge_key(&self, id: KeyId, usage: Usage) -> Result<bool, CatalogError> {
        let args = usage_args(usage);
        let args = [Arg::Text(&id.to_string()), args[0], args[1]];
        let changed = self
            .write_one("charge key", Durability::Lazy, sql::CHARGE_KEY, &args)
            .await?;
        Ok(changed > 0)
    }

    async fn refund_key(&self, id: KeyId, usage: Usage) -> Result<(), CatalogError> {
        let args = usage_args(usage);
        let args = [Arg::Text(&id.to_string()), args[0], args[1]];
        self.write_one("refund key", Durability::Lazy, sql::REFUND_KEY, &args)
            .await?;
        Ok(())
    }

    async fn add_ticket(&self, ticket: &Ticket, audit: &AuditEntry) -> Result<(), CatalogError> {
        let columns = TicketColumns::of(ticket);
        let add = Write {
            sql: sql::ADD_TICKET,
            args: &columns.args(ticket),
        };
        self.change("add ticket", add, &[], audit).await?;
        Ok(())
    }

    async fn find_ticket(&self, id: TicketId) -> Result<Option<Ticket>, CatalogError> {
        let action = "find ticket";
        let args = [Arg::Text(&id.to_string())];
        let found = self.read(action, sql::FIND_TICKET, &args).await?;
        let row = found.first();
        row.map(|row| rows::ticket(action, row)).transpose()
    }

    async fn list_tickets(
        &self,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<Ticket>, CatalogError> {
        let action = "list tickets";
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let args = [Arg::Text(&after), Arg::Int(i64::from(limit))];
        let found = self.read(action, sql::LIST_TICKETS, &args).await?;
        found.iter().map(|row| rows::ticket(action, row)).collect()
    }

    async fn revoke_ticket(
        &self,
        id: TicketId,
        at: UnixSeconds,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let revoke = Write {
            sql: sql::REVOKE_TICKET,
            args: &[Arg::Text(&id.to_string()), Arg::Int(at)],
        };
        self.change("revoke ticket", revoke, &[], audit).await
    }

    async fn take_use(&self, id: TicketId, now: UnixSeconds) -> Result<bool, CatalogError> {
        let args = [Arg::Text(&id.to_string()), Arg::Int(now)];
        let changed = self
            .write_one("take use", Durability::Durable, sql::TAKE_USE, &args)
            .await?;
        Ok(changed > 0)
    }

    async fn give_back_use(&self, id: TicketId) -> Result<(), CatalogError> {
        let args = [Arg::Text(&id.to_string())];
        self.write_one(
            "give back use",
            Durability::Durable,
            sql::GIVE_BACK_USE,
            &args,
        )
        .await?;
        Ok(())
    }

    async fn add_user(&self, user: &User, audit: &AuditEntry) -> Result<bool, CatalogError> {
        let add = Write {
            sql: sql::ADD_USER,
            args: &[
                Arg::Text(user.name.as_str()),
                Arg::Text(user.role.as_str()),
                Arg::Text(&user.password.0),
                Arg::Int(user.created_at),
                Arg::Text(&user.created_by),
            ],
        };
        self.change("add user", add, &[], audit).await
    }

    async fn find_user(&self, name: &UserName) -> Result<Option<User>, CatalogError> {
        let action = "find user";
        let args = [Arg::Text(name.as_str())];
        let found = self.read(action, sql::FIND_USER, &args).await?;
        found.first().map(|row| rows::user(action, row)).transpose()
    }

    async fn list_users(&self) -> Result<Vec<User>, CatalogError> {
        let action = "list users";
        let found = self.read(action, sql::LIST_USERS, &[]).await?;
        found.iter().map(|row| rows::user(action, row)).collect()
    }

    async fn set_password(
        &self,
        name: &UserName,
        password: &PasswordHash,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let args = [Arg::Text(name.as_str()), Arg::Text(&password.0)];
        let set = Write {
            sql: sql::SET_PASSWORD,
            args: &args,
        };
        let end = Write {
            sql: sql::REMOVE_SESSIONS_OF,
            args: &args[..1],
        };
        self.change("set password", set, &[end], audit).await
    }

    async fn set_role(
        &self,
        name: &UserName,
        role: Role,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let set = Write {
            sql: sql::SET_ROLE,
            args: &[Arg::Text(name.as_str()), Arg::Text(role.as_str())],
        };
        self.change("set role", set, &[], audit).await
    }

    async fn remove_user(&self, name: &UserName, audit: &AuditEntry) -> Result<bool, CatalogError> {
        let args = &[Arg::Text(name.as_str())];
        // Changes nothing, but takes the row: who signs in meanwhile waits, and finds no user.
        let lock = Write {
            sql: sql::LOCK_USER,
            args,
        };
        let remove = [sql::REMOVE_SESSIONS_OF, sql::REMOVE_USER].map(|sql| Write { sql, args });
        self.change("remove user", lock, &remove, audit).await
    }

    async fn add_session(
        &self,
        session: &Session,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let user = Arg::Text(session.user.as_str());
        let log_in = Write {
            sql: sql::LOG_IN,
            args: &[user, Arg::Int(session.created_at)],
        };
        let add = Write {
            sql: sql::ADD_SESSION,
            args: &[
                Arg::Bytes(session.secret.as_bytes()),
                user,
                Arg::Int(session.created_at),
                Arg::Int(session.expires_at),
            ],
        };
        self.change("add session", log_in, &[add], audit).await
    }

    async fn find_session(
        &self,
        secret: &SecretHash,
        now: UnixSeconds,
    ) -> Result<Option<User>, CatalogError> {
        let action = "find session";
        let args = [Arg::Bytes(secret.as_bytes()), Arg::Int(now)];
        let found = self.read(action, sql::FIND_SESSION, &args).await?;
        found.first().map(|row| rows::user(action, row)).transpose()
    }

    async fn remove_session(&self, secret: &SecretHash) -> Result<(), CatalogError> {
        let args = [Arg::Bytes(secret.as_bytes())];
        let (action, sql) = ("remove session", sql::REMOVE_SESSION);
        self.write_one(action, Durability::Durable, sql, &args)
            .await?;
        Ok(())
    }

    async fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), CatalogError> {
        let columns: Vec<AuditColumns> = entries.iter().map(AuditColumns::of).collect();
        let args: Vec<[Arg<'_>; 7]> = columns.iter().map(AuditColumns::args).collect();
        let writes: Vec<Write<'_>> = args
            .iter()
            .map(|args| Write {
                sql: sql::ADD_AUDIT,
                args,
            })
            .collect();
        self.write("append to the audit log", Durability::Durable, &writes)
            .await?;
        Ok(())
    }

    async fn list_audit(&self, page: &AuditPage) -> Result<Vec<Audited>, CatalogError> {
        let action = "list audit log";
        let whole = |text: &Option<String>| text.as_deref().map(without_nul);
        let (by, act, target) = (whole(&page.actor), whole(&page.action), whole(&page.target));
        let args = [
            Arg::Int(page.before.unwrap_or(i64::MAX)),
            Arg::Int(page.since_ms.unwrap_or(i64::MIN)),
            Arg::Int(page.until_ms.unwrap_or(i64::MAX)),
            Arg::MaybeText(by.as_deref()),
            Arg::MaybeText(act.as_deref()),
            Arg::MaybeText(target.as_deref()),
            Arg::Int(i64::from(page.limit)),
        ];
        let found = self.read(action, sql::LIST_AUDIT, &args).await?;
        found.iter().map(|row| rows::audited(action, row)).collect()
    }

    async fn begin_idempotent(
        &self,
        request: &IdempotentRequest<'_>,
    ) -> Result<Idempotent, CatalogError> {
        let action = "begin request";
        let args = [
            Arg::Text(request.actor),
            Arg::Text(request.token),
            Arg::Bytes(request.fingerprint),
            Arg::Int(request.now_ms),
            Arg::Int(request.stale_ms),
        ];
        let (durability, sql) = (Durability::Durable, sql::BEGIN_IDEMPOTENT);
        if self.write_one(action, durability, sql, &args).await? > 0 {
            return Ok(Idempotent::First);
        }
        let found = self.read(action, sql::FIND_IDEMPOTENT, &args[..2]).await?;
        let row = found.first().map(|row| rows::idempotent(action, row));
        Ok(match row.transpose()? {
            Some((fingerprint, _)) if fingerprint != request.fingerprint => Idempotent::Different,
            // None: abandoned a moment ago, so to the caller it is in progress still.
            None | Some((_, None)) => Idempotent::InProgress,
            Some((_, Some(answer))) => Idempotent::Answered(answer),
        })
    }

    async fn finish_idempotent(
        &self,
        actor: &str,
        token: &str,
        answer: &IdempotentAnswer,
    ) -> Result<(), CatalogError> {
        let args = [
            Arg::Text(actor),
            Arg::Text(token),
            Arg::Int(i64::from(answer.status)),
            Arg::Text(&answer.body),
        ];
        let (action, sql) = ("finish request", sql::FINISH_IDEMPOTENT);
        self.write_one(action, Durability::Durable, sql, &args)
            .await?;
        Ok(())
    }

    async fn abandon_idempotent(&self, actor: &str, token: &str) -> Result<(), CatalogError> {
        let args = [Arg::Text(actor), Arg::Text(token)];
        let (action, sql) = ("abandon request", sql::ABANDON_IDEMPOTENT);
        self.write_one(action, Durability::Durable, sql, &args)
            .await?;
        Ok(())
    }

    async fn add_callback(&self, callback: &Callback) -> Result<(), CatalogError> {
        let args = [
            Arg::Text(&callback.id),
            Arg::Text(&callback.url),
            Arg::Text(&callback.body),
            Arg::Int(callback.created_at),
            Arg::Int(i64::from(callback.attempts)),
            Arg::Int(callback.next_ms),
        ];
        let (action, sql) = ("add callback", sql::ADD_CALLBACK);
        self.write_one(action, Durability::Durable, sql, &args)
            .await?;
        Ok(())
    }

    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        lease_ms: i64,
        limit: u32,
    ) -> Result<Vec<Callback>, CatalogError> {
        let action = "take due callbacks";
        let args = [Arg::Int(now_ms), Arg::Int(i64::from(limit))];
        let due = self.read(action, sql::LIST_DUE_CALLBACKS, &args).await?;
        let mut taken = Vec::new();
        for row in &due {
            let callback = rows::callback(action, row)?;
            let args = [
                Arg::Text(&callback.id),
                Arg::Int(callback.next_ms),
                Arg::Int(lease_ms),
            ];
            let (durability, sql) = (Durability::Lazy, sql::LEASE_CALLBACK);
            if self.write_one(action, durability, sql, &args).await? > 0 {
                taken.push(callback);
            }
        }
        Ok(taken)
    }

    async fn settle_callback(
        &self,
        id: &str,
        outcome: &CallbackOutcome,
    ) -> Result<(), CatalogError> {
        let (sql, at, fault) = match outcome {
            CallbackOutcome::Done => (sql::REMOVE_CALLBACK, None, None),
            CallbackOutcome::Retry { next_ms, fault } => {
                (sql::RETRY_CALLBACK, Some(*next_ms), Some(fault))
            }
            CallbackOutcome::GivenUp { at, fault } => {
                (sql::GIVE_UP_CALLBACK, Some(*at), Some(fault))
            }
        };
        let fault = fault.map(|text| without_nul(text));
        let mut args = vec![Arg::Text(id)];
        args.extend(at.map(Arg::Int));
        args.extend(fault.as_deref().map(Arg::Text));
        self.write_one("settle callback", Durability::Durable, sql, &args)
            .await?;
        Ok(())
    }

    async fn forget_old_access(&self, old: &OldAccess) -> Result<u64, CatalogError> {
        let forget = [
            (sql::FORGET_SESSIONS, old.sessions_before),
            (sql::FORGET_IDEMPOTENT, old.idempotent_before_ms),
            (sql::FORGET_CALLBACKS, old.callbacks_before),
            (sql::FORGET_TICKETS, old.tickets_before),
        ];
        let args = forget.map(|(_, before)| [Arg::Int(before)]);
        let writes: Vec<Write<'_>> = forget
            .iter()
            .zip(&args)
            .map(|((sql, _), args)| Write { sql, args })
            .collect();
        self.write("forget what is over", Durability::Lazy, &writes)
            .await
    }
}

impl<E: Engine> Relational<E> {
    /// Makes a change with its audit entry, if `first` finds what it is to change.
    pub(super) async fn change(
        &self,
        action: &'static str,
        first: Write<'_>,
        then: &[Write<'_>],
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let columns = AuditColumns::of(audit);
        let args = columns.args();
        let mut writes = then.to_vec();
        writes.push(Write {
            sql: sql::ADD_AUDIT,
            args: &args,
        });
        self.write_if(action, first, &writes).await
    }

    async fn write_one(
        &self,
        action: &'static str,
        durability: Durability,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<u64, CatalogError> {
        self.write(action, durability, &[Write { sql, args }]).await
    }
}

fn usage_args(usage: Usage) -> [Arg<'static>; 2] {
    [
        Arg::Int(to_i64(usage.bytes)),
        Arg::Int(to_i64(usage.images)),
    ]
}

/// The text form of an audit entry.
struct AuditColumns {
    at_ms: i64,
    actor: String,
    action: String,
    target: String,
    reason: Option<String>,
    request_id: Option<String>,
    counts: String,
}

impl AuditColumns {
    fn of(entry: &AuditEntry) -> Self {
        Self {
            at_ms: entry.at_ms,
            actor: without_nul(&entry.actor),
            action: without_nul(&entry.action),
            target: without_nul(&entry.target),
            reason: entry.reason.as_deref().map(without_nul),
            request_id: entry.request_id.as_deref().map(without_nul),
            counts: counts_json(&entry.counts),
        }
    }

    fn args(&self) -> [Arg<'_>; 7] {
        [
            Arg::Int(self.at_ms),
            Arg::Text(&self.actor),
            Arg::Text(&self.action),
            Arg::Text(&self.target),
            Arg::MaybeText(self.reason.as_deref()),
            Arg::MaybeText(self.request_id.as_deref()),
            Arg::Text(&self.counts),
        ]
    }
}

/// The text form of a ticket.
struct TicketColumns<'a> {
    id: String,
    key: Option<String>,
    types: String,
    alias_kind: &'static str,
    alias_host: &'a str,
    alias_path: &'a [u8],
    tags: String,
    presets: String,
}

impl<'a> TicketColumns<'a> {
    fn of(ticket: &'a Ticket) -> Self {
        let (alias_kind, host, alias_path) = match &ticket.alias {
            TicketAlias::None => ("none", &None, &b""[..]),
            TicketAlias::Exact(name) => ("exact", &name.host, name.path.as_bytes()),
            TicketAlias::Below { host, prefix } => ("below", host, prefix.as_bytes()),
        };
        let types: Vec<&str> = ticket.types.iter().map(|media| media.extension()).collect();
        let tags: Vec<&str> = ticket.tags.iter().map(Tag::as_str).collect();
        let presets: Vec<&str> = ticket.presets.iter().map(PresetName::as_str).collect();
        Self {
            id: ticket.id.to_string(),
            key: ticket.key.map(|id| id.to_string()),
            types: types.join(","),
            alias_kind,
            alias_host: host.as_ref().map_or("", HostName::as_str),
            alias_path,
            tags: tags.join(","),
            presets: presets.join(","),
        }
    }

    fn args(&'a self, ticket: &'a Ticket) -> [Arg<'a>; 15] {
        [
            Arg::Text(&self.id),
            Arg::Text(&ticket.created_by),
            Arg::MaybeText(self.key.as_deref()),
            Arg::Int(ticket.created_at),
            Arg::Int(ticket.expires_at),
            Arg::Int(i64::from(ticket.uses_max)),
            Arg::Int(i64::from(ticket.uses_left)),
            Arg::MaybeInt(ticket.bytes_max.map(to_i64)),
            Arg::Text(&self.types),
            Arg::Text(self.alias_kind),
            Arg::Text(self.alias_host),
            Arg::Bytes(self.alias_path),
            Arg::Text(&self.tags),
            Arg::Text(&self.presets),
            Arg::MaybeText(ticket.callback_url.as_deref()),
        ]
    }
}
