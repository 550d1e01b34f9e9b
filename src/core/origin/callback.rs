//! Telling others what became of an upload: queued on record, sent signed, tried again for a day.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::catalog::CatalogError;
use crate::catalog::access::{Callback, CallbackOutcome, OldAccess};
use crate::fetch::webhook::{WebhookCall, WebhookId};
use crate::fetch::{FetchUrl, Reach};
use crate::model::access::TicketId;
use crate::origin::Origin;
use crate::origin::error::chain;

/// Waits before each further try. With ten minutes of trouble nothing is late by more than that; after a day the other
/// side has to ask by itself.
const RETRY_AFTER_S: [i64; 8] = [10, 60, 300, 1800, 3600, 7200, 21_600, 43_200];
/// For one try, the answer included.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Longer than a try takes: another process tries what this one has not settled by then.
const LEASE_MS: i64 = 60_000;
/// Sent at the same time.
const SENDING_MAX: usize = 64;
const POLL: Duration = Duration::from_secs(1);
/// How often what is over is forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// Answers to repeated requests are kept for a day, callbacks given up on for a month.
const IDEMPOTENT_KEPT_MS: i64 = 24 * 3600 * 1000;
const CALLBACKS_KEPT_S: i64 = 30 * 24 * 3600;
/// Long enough to look up what became of one.
const TICKETS_KEPT_S: i64 = 30 * 24 * 3600;

impl Origin {
    /// Queues a notice. It survives a crash, and is sent by whichever imgd runs.
    pub async fn queue_callback(&self, url: &str, body: String) -> Result<(), CatalogError> {
        let callback = Callback {
            id: format!("msg_{}", TicketId::generate()),
            url: url.to_owned(),
            body,
            created_at: self.clock.now(),
            attempts: 0,
            next_ms: self.clock.now_ms(),
        };
        self.catalog.add_callback(&callback).await
    }

    /// Sends what is due and forgets what is over, until `stop` changes. What is being sent then is sent again later.
    pub async fn run_callbacks(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tidied: Option<tokio::time::Instant> = None;
        let mut sending = JoinSet::new();
        loop {
            if let Err(error) = self.send_due_callbacks(&mut sending).await {
                tracing::warn!("callbacks wait: {}", chain(&error));
            }
            if tidied.is_none_or(|at| at.elapsed() > TIDY_EVERY) {
                tidied = Some(tokio::time::Instant::now());
                if let Err(error) = self.forget_old_access().await {
                    tracing::warn!("what is over was not forgotten: {}", chain(&error));
                }
                if let Err(error) = self.finish_old_erasures().await {
                    tracing::warn!("erasures wait: {}", chain(&error));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => return,
            }
        }
    }

    async fn send_due_callbacks(
        self: &Arc<Self>,
        sending: &mut JoinSet<()>,
    ) -> Result<(), CatalogError> {
        while let Some(sent) = sending.try_join_next() {
            if let Err(error) = sent {
                tracing::error!("a callback panicked: {error}");
            }
        }
        let free = SENDING_MAX.saturating_sub(sending.len());
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        if limit == 0 {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let lease_ms = now_ms + LEASE_MS;
        let due = self
            .catalog
            .take_due_callbacks(now_ms, lease_ms, limit)
            .await?;
        for callback in due {
            let origin = Arc::clone(self);
            sending.spawn(async move {
                let outcome = origin.send_callback(&callback).await;
                let settled = origin.catalog.settle_callback(&callback.id, &outcome).await;
                if let Err(error) = settled {
                    tracing::warn!(callback.id = callback.id, "sent, but not noted: {error}");
                }
            });
        }
        Ok(())
    }

    async fn send_callback(&self, callback: &Callback) -> CallbackOutcome {
        let fault = match self.try_callback(callback).await {
            Ok(()) => return CallbackOutcome::Done,
            Err(fault) => fault,
        };
        let wait_s = usize::try_from(callback.attempts)
            .ok()
            .and_then(|attempts| RETRY_AFTER_S.get(attempts));
        if let Some(wait_s) = wait_s {
            return CallbackOutcome::Retry {
                next_ms: self.clock.now_ms() + wait_s * 1000,
                fault,
            };
        }
        tracing::warn!(callback.id = callback.id, "given up: {fault}");
        CallbackOutcome::GivenUp {
            at: self.clock.now(),
            fault,
        }
    }

    async fn try_callback(&self, callback: &Callback) -> Result<(), String> {
        let url: FetchUrl = callback.url.parse().map_err(|error| chain(&error))?;
        let id: WebhookId = callback.id.parse().map_err(|error| chain(&error))?;
        let secret = self.webhook_secret.as_ref();
        let secret = secret.ok_or("webhook.secret is not set in imgctl.toml")?;
        let fetcher = self.fetcher().map_err(|error| chain(&error))?;
        let call = WebhookCall {
            url: &url,
            reach: Reach::Public,
            secret,
            id: &id,
            timestamp: self.clock.now(),
            body: &callback.body,
            timeout: TIMEOUT,
        };
        let sent = fetcher.post_webhook(&call).await;
        sent.map(|_| ()).map_err(|error| chain(&error))
    }

    async fn forget_old_access(&self) -> Result<(), CatalogError> {
        let now = self.clock.now();
        let old = OldAccess {
            sessions_before: now,
            idempotent_before_ms: self.clock.now_ms() - IDEMPOTENT_KEPT_MS,
            callbacks_before: now - CALLBACKS_KEPT_S,
            tickets_before: now - TICKETS_KEPT_S,
        };
        self.catalog.forget_old_access(&old).await?;
        Ok(())
    }
}
