//! Bytes become originals: read, checked, stripped, hashed in parallel; committed in batches; then acknowledged.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::blobs::staging::Staging;
use crate::imaging::{MetadataMode, MetadataOutcome};
use crate::model::alias::AliasName;
use crate::model::preset::Preset;
use crate::model::record::Image;
use crate::origin::Origin;
use crate::origin::error::OriginError;

mod prepare; // one file: read, check, strip, hash, stage
mod commit; // a batch: flush, place, record

pub use prepare::{Input, Rejection, Symlinks};

use prepare::Prepared;

/// Candidates read ahead of the workers.
const CANDIDATES_MAX: usize = 256;
/// Prepared files ahead of the commit: two batches, so that workers go on while one is committed.
const PREPARED_MAX: usize = 2 * BATCH_MAX;
/// Files that are made durable together.
const BATCH_MAX: usize = 1000;
/// The same when derivatives are made too, which takes a thousand times as long.
const DERIVE_BATCH_MAX: usize = 32;
/// How long a batch waits to fill.
const BATCH_LINGER: Duration = Duration::from_millis(100);
/// How often a worker without work looks whether it is to stop.
const STOP_POLL: Duration = Duration::from_millis(100);

/// One thing to ingest.
#[derive(Debug)]
pub struct Candidate {
    /// As the caller knows it; opaque here.
    pub path: PathBuf,
    pub input: Input,
    pub alias: Option<AliasName>,
}

#[derive(Clone, Debug)]
pub struct IngestOptions {
    pub metadata: MetadataMode,
    /// Derived from each image before it is acknowledged.
    pub derive: Vec<Preset>,
    /// Recorded with each new image.
    pub actor: String,
    pub effect: Effect,
    /// Threads that read, check and hash; 0 means one for each core.
    pub jobs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Apply,
    /// Everything but writing.
    DryRun,
}

/// What became of one candidate. An `Ok` is durable.
#[derive(Debug)]
pub struct Outcome {
    pub path: PathBuf,
    pub result: Result<Ingested, Rejection>,
}

#[derive(Clone, Debug)]
pub struct Ingested {
    pub image: Image,
    /// Whether it was not on record before.
    pub new: bool,
    pub metadata: MetadataOutcome,
    pub alias: Option<AliasName>,
    /// Derivatives made; an error says why none could be.
    pub derived: Result<usize, Rejection>,
}

/// Asks a run to finish what it has begun and begin nothing new.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Origin {
    /// Ingests candidates in parallel and calls `report` for each, in no particular order.
    ///
    /// Memory does not grow with the number of candidates. After an error, and after `stop`, everything that was reported
    /// as ingested is durable; everything else can be ingested again.
    pub async fn ingest(
        self: &Arc<Self>,
        candidates: impl Iterator<Item = Candidate> + Send + 'static,
        options: IngestOptions,
        stop: StopFlag,
        mut report: impl FnMut(Outcome),
    ) -> Result<(), OriginError> {
        let options = Arc::new(options);
        let staging = Arc::new(self.tree.stage()?);
        let mut committer = commit::Committer::open(self, &options, &staging)?;
        let mut prepared = self.spawn_workers(candidates, &options, &staging, &stop);
        let batch_max = if options.derive.is_empty() {
            BATCH_MAX
        } else {
            DERIVE_BATCH_MAX
        };
        let mut batch = Vec::with_capacity(batch_max);
        let mut committed = Ok(());
        while committed.is_ok() && prepared.recv_many(&mut batch, batch_max).await > 0 {
            fill(&mut batch, batch_max, &mut prepared).await;
            committed = committer
                .commit(std::mem::take(&mut batch), &mut report)
                .await;
            if stop.is_set() {
                break;
            }
        }
        if committed.is_err() {
            stop.stop();
        }
        // After a stop, files that are prepared but not committed are dropped: a thousand of them would take their time,
        // and on a full disk they hold the room that others need. The loop ends when the last worker has.
        while let Some(Prepared { path, result }) = prepared.recv().await {
            if let Err(rejection) = result {
                report(Outcome {
                    path,
                    result: Err(rejection),
                });
            }
        }
        committed
    }

    fn spawn_workers(
        self: &Arc<Self>,
        candidates: impl Iterator<Item = Candidate> + Send + 'static,
        options: &Arc<IngestOptions>,
        staging: &Arc<Staging>,
        stop: &StopFlag,
    ) -> mpsc::Receiver<Prepared> {
        let (offer, offered) = std_mpsc::sync_channel(CANDIDATES_MAX);
        let (send, prepared) = mpsc::channel(PREPARED_MAX);
        let stopped = stop.clone();
        std::thread::spawn(move || {
            for candidate in candidates {
                if stopped.is_set() || offer.send(candidate).is_err() {
                    return;
                }
            }
        });
        let offered = Arc::new(Mutex::new(offered));
        for _ in 0..worker_count(options.jobs) {
            let (origin, options) = (Arc::clone(self), Arc::clone(options));
            let staging = Arc::clone(staging);
            let (offered, send, stop) = (Arc::clone(&offered), send.clone(), stop.clone());
            std::thread::spawn(move || {
                while let Some(candidate) = next(&offered, &stop) {
                    let prepared = prepare::prepare_safely(&origin, &staging, candidate, &options);
                    if prepared.is_disk_full() {
                        stop.stop();
                    }
                    if send.blocking_send(prepared).is_err() {
                        return;
                    }
                }
            });
        }
        prepared
    }
}

/// The next candidate; none after the last, and after a stop, even if the list of candidates is waiting for its author.
fn next(offered: &Mutex<std_mpsc::Receiver<Candidate>>, stop: &StopFlag) -> Option<Candidate> {
    while !stop.is_set() {
        let offered = offered.lock().unwrap_or_else(PoisonError::into_inner);
        match offered.recv_timeout(STOP_POLL) {
            Ok(candidate) => return Some(candidate),
            Err(std_mpsc::RecvTimeoutError::Timeout) => {}
            Err(std_mpsc::RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

fn worker_count(jobs: usize) -> usize {
    match jobs {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        jobs => jobs,
    }
}

/// Waits a little for a batch to fill, since a thousand files cost little more to make durable than one.
async fn fill(
    batch: &mut Vec<Prepared>,
    batch_max: usize,
    prepared: &mut mpsc::Receiver<Prepared>,
) {
    let deadline = tokio::time::Instant::now() + BATCH_LINGER;
    while batch.len() < batch_max {
        let room = batch_max - batch.len();
        match tokio::time::timeout_at(deadline, prepared.recv_many(batch, room)).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
