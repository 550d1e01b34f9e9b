//! Upload tickets: signed URLs with which whoever holds them may upload a little, for a while.

use std::sync::Arc;

use crate::fetch::FetchUrl;
use crate::model::access::{TicketId, Verb};
use crate::model::clock::UnixSeconds;
use crate::model::grant::{Ticket, TicketAlias};
use crate::model::media::MediaType;
use crate::model::preset::PresetName;
use crate::model::signature::{self, SignatureFault};
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::act::{Act, ActError, Caller};
use crate::origin::keyring::KeyHolder;
use crate::origin::keys::invalid;

/// What a new ticket is to be.
#[derive(Clone, Debug)]
pub struct NewTicket {
    pub expires_at: UnixSeconds,
    pub uses: u32,
    pub bytes_max: Option<u64>,
    pub types: Vec<MediaType>,
    pub alias: TicketAlias,
    pub tags: Vec<Tag>,
    pub presets: Vec<PresetName>,
    pub callback_url: Option<FetchUrl>,
}

/// Someone who came with a ticket, and in whose name they upload.
#[derive(Clone, Debug)]
pub struct TicketHolder {
    pub ticket: Ticket,
    pub caller: Caller,
    /// Of the key that handed the ticket out.
    pub key: Option<Arc<KeyHolder>>,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct TicketPage {
    /// May be none while there are more.
    pub tickets: Vec<Ticket>,
    /// Where to go on; `None` after the last page.
    pub next: Option<TicketId>,
}

/// Why a ticket does not open anything.
#[derive(Debug, thiserror::Error)]
pub enum TicketFault {
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// Also: whoever handed it out may not any more.
    #[error("the ticket is not valid")]
    Wrong,
    #[error("the ticket was revoked")]
    Revoked,
    #[error("the ticket is used up")]
    UsedUp,
    #[error(transparent)]
    Catalog(#[from] crate::catalog::CatalogError),
}

impl TicketFault {
    /// Stable name for logs and problem documents; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(SignatureFault::Expired) => "ticket-expired",
            Self::Signature(SignatureFault::Missing | SignatureFault::Wrong) | Self::Wrong => {
                "ticket-wrong"
            }
            Self::Revoked => "ticket-revoked",
            Self::UsedUp => "ticket-used-up",
            Self::Catalog(error) => error.code(),
        }
    }
}

/// Longest life of a ticket: it stands in the address bars and histories of others.
pub const TICKET_LIFETIME_MAX_S: i64 = 30 * 24 * 3600;
/// Above this, what is wanted is a key.
pub const TICKET_USES_MAX: u32 = 10_000;

impl Origin {
    pub async fn create_ticket(&self, act: &Act, new: NewTicket) -> Result<Ticket, ActError> {
        act.caller.require(Verb::Ingest)?;
        let now = self.clock.now();
        if new.expires_at <= now || new.expires_at > now.saturating_add(TICKET_LIFETIME_MAX_S) {
            let days = TICKET_LIFETIME_MAX_S / 86_400;
            let what = format!("a ticket ends in the future, within {days} days");
            return Err(invalid("ticket-expires", what));
        }
        if !(1..=TICKET_USES_MAX).contains(&new.uses) {
            let what = format!("a ticket has 1 to {TICKET_USES_MAX} uses");
            return Err(invalid("ticket-uses", what));
        }
        if new.tags.len() > Tag::COUNT_MAX {
            return Err(ActError::TooManyTags);
        }
        check_ticket_alias(act, &new.alias)?;
        let unknown = new
            .presets
            .iter()
            .find(|name| self.presets.find(name).is_none());
        if let Some(name) = unknown {
            return Err(ActError::UnknownPreset { name: name.clone() });
        }
        if self.signing_keys.is_empty() {
            let what = "tickets are signed, and there is no signing key in imgctl.toml";
            return Err(invalid("no-signing-key", what));
        }
        if new.callback_url.is_some() && self.webhook_secret.is_none() {
            let what = "callbacks are signed, and webhook.secret is not set in imgctl.toml";
            return Err(invalid("no-webhook-secret", what));
        }
        let ticket = Ticket {
            id: TicketId::generate(),
            created_by: act.caller.actor.to_string(),
            key: act.caller.key(),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            uses_max: new.uses,
            uses_left: new.uses,
            bytes_max: new.bytes_max,
            types: new.types,
            alias: new.alias,
            tags: new.tags,
            presets: new.presets,
            callback_url: new.callback_url.map(|url| url.as_str().to_owned()),
        };
        let entry = act.entry(self.clock.now_ms(), "ticket.create", ticket.id.to_string());
        self.catalog.add_ticket(&ticket, &entry).await?;
        Ok(ticket)
    }

    /// The path and query with which a ticket is used. Whoever has it can upload: it is a secret of those it is given to.
    pub fn ticket_url(&self, ticket: &Ticket) -> Option<String> {
        let path = ticket_path(ticket.id);
        let key = self.signing_keys.first()?;
        let query = key.sign(&path, Some(ticket.expires_at));
        Some(format!("{path}?{query}"))
    }

    /// A ticket of one's own, or any for an administrator.
    pub async fn get_ticket(&self, act: &Act, id: TicketId) -> Result<Ticket, ActError> {
        act.caller.require(Verb::Ingest)?;
        let ticket = self.catalog.find_ticket(id).await?;
        ticket
            .filter(|ticket| is_own(act, ticket))
            .ok_or(ActError::UnknownTicket { id })
    }

    /// Of `limit` tickets strictly after `after`, one's own, or all for an administrator.
    pub async fn list_tickets(
        &self,
        act: &Act,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<TicketPage, ActError> {
        act.caller.require(Verb::Ingest)?;
        let mut tickets = self.catalog.list_tickets(after, limit).await?;
        let is_full = tickets.len() == limit as usize;
        let next = tickets.last().filter(|_| is_full).map(|last| last.id);
        tickets.retain(|ticket| is_own(act, ticket));
        Ok(TicketPage { tickets, next })
    }

    pub async fn revoke_ticket(&self, act: &Act, id: TicketId) -> Result<(), ActError> {
        self.get_ticket(act, id).await?;
        let entry = act.entry(self.clock.now_ms(), "ticket.revoke", id.to_string());
        let now = self.clock.now();
        if self.catalog.revoke_ticket(id, now, &entry).await? {
            Ok(())
        } else {
            Err(ActError::UnknownTicket { id })
        }
    }

    /// Whom a ticket lets in, by its id and the query of its URL. Takes no use yet.
    pub async fn open_ticket(
        &self,
        id: TicketId,
        query: &str,
    ) -> Result<TicketHolder, TicketFault> {
        let now = self.clock.now();
        // What is not signed costs no look into the catalog.
        signature::verify(&self.signing_keys, &ticket_path(id), query, now)?;
        let ticket = self.catalog.find_ticket(id).await?;
        let ticket = ticket.ok_or(TicketFault::Wrong)?;
        if ticket.revoked_at.is_some() {
            return Err(TicketFault::Revoked);
        }
        if now > ticket.expires_at {
            return Err(SignatureFault::Expired.into());
        }
        let (caller, key) = self.ticket_caller(&ticket, now).await?;
        if ticket.uses_left == 0 {
            return Err(TicketFault::UsedUp);
        }
        Ok(TicketHolder {
            ticket,
            caller,
            key,
        })
    }

    /// A ticket does what the one who handed it out may do still, and nothing else than take images in.
    async fn ticket_caller(
        &self,
        ticket: &Ticket,
        now: UnixSeconds,
    ) -> Result<(Caller, Option<Arc<KeyHolder>>), TicketFault> {
        let (caller, key) = if let Some(id) = ticket.key {
            let holder = self.keyring.find(id).await?.ok_or(TicketFault::Wrong)?;
            if !holder.key.is_valid(now) {
                return Err(TicketFault::Wrong);
            }
            (holder.caller(), Some(holder))
        } else if let Some(name) = ticket.created_by.strip_prefix("user:") {
            let name = name.parse().map_err(|_| TicketFault::Wrong)?;
            let user = self.catalog.find_user(&name).await?;
            let user = user.ok_or(TicketFault::Wrong)?;
            (crate::origin::users::caller_of(&user), None)
        } else {
            let account = ticket.created_by.strip_prefix("local:");
            (Caller::local(account.unwrap_or_default()), None)
        };
        caller
            .require(Verb::Ingest)
            .map_err(|_| TicketFault::Wrong)?;
        Ok((caller, key))
    }

    /// Takes one use, before any byte is read.
    pub async fn take_ticket_use(&self, id: TicketId) -> Result<(), TicketFault> {
        let taken = self.catalog.take_use(id, self.clock.now()).await?;
        taken.then_some(()).ok_or(TicketFault::UsedUp)
    }

    /// Nothing came of a use.
    pub async fn give_back_ticket_use(&self, id: TicketId) {
        if let Err(error) = self.catalog.give_back_use(id).await {
            tracing::warn!(ticket.id = %id, "a use was not given back: {error}");
        }
    }
}

fn ticket_path(id: TicketId) -> String {
    format!("/api/v1/upload/{id}")
}

fn is_own(act: &Act, ticket: &Ticket) -> bool {
    // An administrator of one prefix is not told the URLs of tickets for others.
    let is_admin = act.caller.verbs.allow(Verb::Admin) && act.caller.prefix.is_none();
    is_admin || ticket.created_by == act.caller.actor.to_string()
}

/// Nobody hands out names that are not theirs to give.
fn check_ticket_alias(act: &Act, alias: &TicketAlias) -> Result<(), ActError> {
    match alias {
        TicketAlias::None => Ok(()),
        TicketAlias::Exact(name) => {
            act.caller.require(Verb::Alias)?;
            act.caller.require_alias(&name.path)
        }
        TicketAlias::Below { prefix, .. } => {
            act.caller.require(Verb::Alias)?;
            act.caller.require_prefix(prefix)
        }
    }
}
