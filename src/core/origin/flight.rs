//! One derivation however many ask: among tasks by a table, among processes by a claim in the catalog.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::blobs::durable::Flusher;
use crate::blobs::staging::Staging;
use crate::blobs::{Tree, blocking};
use crate::catalog::{Catalog, CatalogError, Claim, Failure};
use crate::model::recipe::Recipe;
use crate::model::record::{Derivative, DerivativeKey, Image};
use crate::origin::Origin;
use crate::origin::derive::Made;
use crate::origin::error::{DeriveError, OriginError, chain};
use crate::origin::settings::OriginSettings;

type Landed = Result<Made, Arc<DeriveError>>;

/// What is being made by this process, and what it has yet to put on record.
#[derive(Debug)]
pub(crate) struct Flights {
    /// Names this process in claims.
    owner: String,
    flying: Mutex<HashMap<DerivativeKey, watch::Receiver<Option<Landed>>>>,
    /// Workers and those who wait for one.
    queue: Arc<Semaphore>,
    staging: Arc<Staging>,
    settle: mpsc::Sender<Settle>,
}

/// Made and answered, but not known to survive power loss.
#[derive(Debug)]
enum Settle {
    Made {
        derivative: Derivative,
        path: PathBuf,
    },
    Close(oneshot::Sender<()>),
}

/// For how long an image that took too long is not tried again.
const TIMED_OUT_TTL: Duration = Duration::from_secs(30);
/// Derivatives that may be waiting to be settled, and how long the first waits for others.
const SETTLE_MAX: usize = 1024;
const SETTLE_LINGER: Duration = Duration::from_millis(100);
/// How often a process looks whether another one has landed.
const POLL: Duration = Duration::from_millis(20);
/// How often it looks whether that other one is still alive.
const ORPHAN_POLL: Duration = Duration::from_secs(1);

impl Flights {
    pub(crate) fn start(
        catalog: &Arc<dyn Catalog>,
        tree: &Tree,
        settings: &OriginSettings,
        workers: usize,
    ) -> Result<Self, OriginError> {
        let staging = Arc::new(tree.stage()?);
        let owner = staging.name();
        let (settle, waiting) = mpsc::channel(SETTLE_MAX);
        let settler = Settler {
            owner: owner.clone(),
            catalog: Arc::clone(catalog),
            flusher: Arc::new(Flusher::open(tree.root())?),
        };
        tokio::spawn(settler.run(waiting));
        Ok(Self {
            owner,
            flying: Mutex::default(),
            queue: Arc::new(Semaphore::new(workers + settings.queue_max)),
            staging,
            settle,
        })
    }

    /// Of this process, among all that work on the tree.
    pub(crate) fn name(&self) -> &str {
        &self.owner
    }

    pub(crate) fn staging(&self) -> &Arc<Staging> {
        &self.staging
    }

    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.settle.send(Settle::Close(done)).await.is_ok() {
            // An error means that the settler is gone, and with it all there was to wait for.
            let _ = closed.await;
        }
    }
}

impl Origin {
    /// The derivative on disk; made if it is not there, once, however many tasks and processes ask.
    pub async fn ensure_derivative(self: &Arc<Self>, key: &DerivativeKey) -> Landed {
        let mut landed = self.join_flight(key);
        let wait_timeout = self.settings.wait_timeout;
        match tokio::time::timeout(wait_timeout, landed.wait_for(Option::is_some)).await {
            Ok(Ok(result)) => result.clone().expect("waited until it is some"),
            // The task ended without a result only if it panicked or the runtime stops.
            Ok(Err(_)) | Err(_) => Err(Arc::new(DeriveError::WaitedTooLong {
                waited_s: wait_timeout.as_secs(),
            })),
        }
    }

    /// Joins the flight for `key`, or starts one that goes on whoever stops waiting.
    fn join_flight(self: &Arc<Self>, key: &DerivativeKey) -> watch::Receiver<Option<Landed>> {
        let mut flying = self
            .flights
            .flying
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(landed) = flying.get(key) {
            return landed.clone();
        }
        let (land, landed) = watch::channel(None);
        flying.insert(key.clone(), landed.clone());
        let (origin, key) = (Arc::clone(self), key.clone());
        tokio::spawn(async move {
            let _leave = Leave {
                origin: &origin,
                key: &key,
            };
            let result = origin.fly(&key).await.map_err(Arc::new);
            land.send_replace(Some(result));
        });
        landed
    }

    async fn fly(self: &Arc<Self>, key: &DerivativeKey) -> Result<Made, DeriveError> {
        let queue_max = self.settings.queue_max;
        let queue = Arc::clone(&self.flights.queue);
        let _place = queue
            .try_acquire_owned()
            .map_err(|_| DeriveError::Busy { queue_max })?;
        // Before any claim: whoever makes names up must cost a lookup and no more.
        let image = self.find_image(key.id).await?;
        let recipe = self.presets.recipe(key).await?;
        let started = Instant::now();
        let mut looked = started;
        loop {
            if let Some(size_bytes) = self.tree.derived().find_size(key) {
                return Ok(Made {
                    key: key.clone(),
                    size_bytes,
                });
            }
            let (now_ms, lease) = (self.clock.now_ms(), self.lease());
            let owner = &self.flights.owner;
            match self
                .catalog
                .claim_derivative(key, owner, now_ms, lease)
                .await?
            {
                // Whoever held the claim a moment ago may have made it since.
                Claim::Granted if self.tree.derived().find_size(key).is_some() => {
                    self.catalog.release_claim(key, owner).await?;
                }
                Claim::Granted => return self.make_claimed(key, &image, recipe).await,
                Claim::Failed(failure) => return Err(remembered(failure, now_ms)),
                Claim::Held { .. } if started.elapsed() < self.settings.wait_timeout => {
                    if looked.elapsed() >= ORPHAN_POLL {
                        self.release_orphaned_claims().await?;
                        looked = Instant::now();
                    }
                    tokio::time::sleep(POLL).await;
                }
                Claim::Held { .. } => {
                    let waited_s = started.elapsed().as_secs();
                    return Err(DeriveError::WaitedTooLong { waited_s });
                }
            }
        }
    }

    /// Long enough to wait for a worker, derive and settle; short enough that a killed process holds nobody up.
    fn lease(&self) -> Duration {
        self.settings.derive_timeout + self.settings.wait_timeout
    }

    /// Gives back what processes that are gone have claimed: nobody need wait for their leases.
    async fn release_orphaned_claims(self: &Arc<Self>) -> Result<(), DeriveError> {
        let origin = Arc::clone(self);
        let reaped = blocking(move || origin.tree.reap_staging()).await?;
        for owner in &reaped.gone {
            self.catalog.release_claims_of(owner).await?;
        }
        Ok(())
    }

    async fn make_claimed(
        self: &Arc<Self>,
        key: &DerivativeKey,
        image: &Image,
        recipe: Recipe,
    ) -> Result<Made, DeriveError> {
        let (id, name) = (key.id, format!("{}.{}", key.variant, key.format));
        tracing::debug!(image.id = %id, "deriving {name} of {id}");
        let started = Instant::now();
        let result = self.make_recorded(key, image, recipe).await;
        match &result {
            Ok((made, recorded)) => {
                let (duration_ms, size_bytes) = (started.elapsed().as_millis(), made.size_bytes);
                tracing::info!(image.id = %id, size_bytes, duration_ms, "derived {name} of {id} in {duration_ms} ms");
                let settle = Settle::Made {
                    derivative: Derivative {
                        size_bytes: Some(made.size_bytes),
                        ..recorded.clone()
                    },
                    path: self.tree.derived().path(key),
                };
                if self.flights.settle.send(settle).await.is_err() {
                    tracing::error!("the settler is gone: {key:?} stays unsettled");
                }
            }
            Err(error) => {
                // Erased meanwhile: whatever went wrong, nobody need look into it.
                let erased = self.catalog.find_image(id).await?.is_none();
                if !erased {
                    self.remember_failure(key, error).await;
                }
                self.catalog.release_claim(key, &self.flights.owner).await?;
                if erased {
                    return Err(DeriveError::UnknownImage { id });
                }
            }
        }
        result.map(|(made, _)| made)
    }

    /// Puts the URL on the ledger, durably, while the pixels are made: whichever takes longer hides the other.
    async fn make_recorded(
        self: &Arc<Self>,
        key: &DerivativeKey,
        image: &Image,
        recipe: Recipe,
    ) -> Result<(Made, Derivative), DeriveError> {
        let entry = Derivative {
            key: key.clone(),
            size_bytes: None,
            recorded_at: self.clock.now(),
        };
        let record = self
            .catalog
            .record_derivatives(std::slice::from_ref(&entry));
        let wanted = vec![(key.clone(), recipe)];
        let stage = self.stage_derivatives(image, wanted, &self.flights.staging);
        let (recorded, staged) = tokio::join!(record, stage);
        let staged = staged?;
        recorded?;
        // Only now: a file that stood there before its URL was on the ledger could be answered and never purged.
        let mut made = self.place_derivatives(staged)?;
        Ok((made.remove(0), entry))
    }

    async fn remember_failure(&self, key: &DerivativeKey, error: &DeriveError) {
        if !error.is_of_the_image() {
            return;
        }
        // Out of time may mean a busy machine: soon enough it is worth another try.
        let ttl = match error {
            DeriveError::Imaging { source, .. } if source.is_retryable() => {
                self.settings.failure_ttl.min(TIMED_OUT_TTL)
            }
            _ => self.settings.failure_ttl,
        };
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let failure = Failure {
            code: error.code().to_owned(),
            detail: chain(error),
            until_ms: self.clock.now_ms().saturating_add(ttl_ms),
        };
        if let Err(error) = self.catalog.record_failure(key, &failure).await {
            tracing::warn!("a failure will not be remembered: {}", chain(&error));
        }
    }
}

fn remembered(failure: Failure, now_ms: i64) -> DeriveError {
    let left_ms = u64::try_from(failure.until_ms - now_ms).unwrap_or(0);
    DeriveError::Remembered {
        code: failure.code,
        detail: failure.detail,
        retry_after_s: left_ms.div_ceil(1000),
    }
}

/// Takes a flight off the table when it has landed or crashed.
struct Leave<'a> {
    origin: &'a Origin,
    key: &'a DerivativeKey,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let flying = &self.origin.flights.flying;
        flying
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(self.key);
    }
}

/// Syncs what was made, puts its size on record, and only then gives the claim back.
///
/// A ledger entry without a size therefore means "not known to be whole": see [`Origin::recover`].
#[derive(Debug)]
struct Settler {
    owner: String,
    catalog: Arc<dyn Catalog>,
    flusher: Arc<Flusher>,
}

impl Settler {
    async fn run(self, mut waiting: mpsc::Receiver<Settle>) {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, SETTLE_MAX).await > 0 {
            let closing = batch
                .iter()
                .any(|settle| matches!(settle, Settle::Close(_)));
            if !closing {
                tokio::time::sleep(SETTLE_LINGER).await;
                while batch.len() < SETTLE_MAX
                    && let Ok(more) = waiting.try_recv()
                {
                    batch.push(more);
                }
            }
            let (mut made, mut closers) = (Vec::new(), Vec::new());
            for settle in batch.drain(..) {
                match settle {
                    Settle::Made { derivative, path } => made.push((derivative, path)),
                    Settle::Close(done) => closers.push(done),
                }
            }
            self.settle(made).await;
            for done in closers {
                let _ = done.send(()); // the closer may have given up
            }
        }
    }

    /// Those of an image that was erased meanwhile have no place, and must not keep the others from theirs.
    async fn record(&self, derivatives: &[Derivative]) -> Result<(), CatalogError> {
        if self.catalog.record_derivatives(derivatives).await.is_ok() {
            return Ok(());
        }
        for derivative in derivatives {
            if self.catalog.find_image(derivative.key.id).await?.is_some() {
                let one = std::slice::from_ref(derivative);
                self.catalog.record_derivatives(one).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, made: Vec<(Derivative, PathBuf)>) {
        if made.is_empty() {
            return;
        }
        let (derivatives, paths): (Vec<Derivative>, Vec<PathBuf>) = made.into_iter().unzip();
        let flusher = Arc::clone(&self.flusher);
        let flushed = blocking(move || flusher.flush_standing(&paths)).await;
        let recorded = match flushed {
            Ok(()) => self.record(&derivatives).await.map_err(OriginError::from),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = recorded {
            tracing::warn!(
                "derivatives stay unsettled until the next start: {}",
                chain(&error)
            );
        }
        for derivative in &derivatives {
            if let Err(error) = self
                .catalog
                .release_claim(&derivative.key, &self.owner)
                .await
            {
                tracing::warn!("a claim stays until its lease ends: {}", chain(&error));
            }
        }
    }
}
