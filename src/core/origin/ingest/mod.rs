//! Bytes become originals: read, checked, stripped, hashed in parallel; committed in batches; then acknowledged.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::blobs::staging::Staging;
use crate::imaging::{MetadataMode, MetadataOutcome};
use crate::model::alias::AliasName;
use crate::model::preset::Preset;
use crate::model::record::Image;
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::error::OriginError;

mod queue; // from the one who finds files to those who read them
mod prepare; // one file: read, check, strip, hash, stage
mod scan; // someone else is asked first
mod spooled; // the same for what came over a wire
mod admission; // the block list, quotas
mod standing; // a batch on disk
mod commit; // a batch: flush, place, record
pub mod upload; // single images, committed with those that come at the same time

pub use prepare::{Input, Rejection, Symlinks};

use commit::{Committer, Placement};
use prepare::Prepared;
use queue::Queue;

/// Candidates read ahead of the workers.
const CANDIDATES_MAX: usize = 256;
/// Prepared files ahead of the commit: two batches, so that workers go on while one is committed.
const PREPARED_MAX: usize = 2 * BATCH_MAX;
/// Files that are made durable together.
///
/// Four flushes for each batch, whatever its size: at 1,000 they took longer than the files.
const BATCH_MAX: usize = 4000;
/// The same when derivatives are made too, which takes a thousand times as long.
const DERIVE_BATCH_MAX: usize = 32;
/// How long a batch waits to fill.
const BATCH_LINGER: Duration = Duration::from_millis(100);
const BATCH_POLL: Duration = Duration::from_millis(5);
/// Candidates that a worker takes at a time.
const HANDFUL_MAX: usize = 16;

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
    /// Put on every image, also on those that are there already.
    pub tags: Vec<Tag>,
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
    /// Those it was brought with, in order.
    pub tags: Vec<Tag>,
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
        let committer = Committer::open(self, &options, &staging)?;
        let mut prepared = self.spawn_workers(candidates, &options, &staging, &stop);
        let batch_max = if options.derive.is_empty() {
            BATCH_MAX
        } else {
            DERIVE_BATCH_MAX
        };
        let mut placed = Placement::default();
        let committed = loop {
            let next = async {
                let mut batch = Vec::with_capacity(batch_max);
                if stop.is_set() || prepared.recv_many(&mut batch, batch_max).await == 0 {
                    return Ok(None);
                }
                fill(&mut batch, batch_max, &mut prepared).await;
                committer.place(batch).await.map(Some)
            };
            // The next batch is written while this one is put on record.
            let record = committer.record(std::mem::take(&mut placed), &mut report);
            match tokio::join!(record, next) {
                (Ok(()), Ok(Some(batch))) => placed = batch,
                (Ok(()), Ok(None)) => break Ok(()),
                (Err(error), _) | (Ok(()), Err(error)) => break Err(error),
            }
        };
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
        let queue = Arc::new(Queue::new(CANDIDATES_MAX));
        let (send, prepared) = mpsc::channel(PREPARED_MAX);
        let (offered, stopped) = (Arc::clone(&queue), stop.clone());
        std::thread::spawn(move || {
            let _all_pushed = candidates
                .into_iter()
                .all(|candidate| offered.push(candidate, &stopped));
            offered.close();
        });
        for _ in 0..worker_count(options.jobs) {
            let (origin, options) = (Arc::clone(self), Arc::clone(options));
            let staging = Arc::clone(staging);
            let (queue, send, stop) = (Arc::clone(&queue), send.clone(), stop.clone());
            std::thread::spawn(move || {
                loop {
                    let handful = queue.take(HANDFUL_MAX, &stop);
                    if handful.is_empty() {
                        return;
                    }
                    for candidate in handful {
                        let prepared =
                            prepare::prepare_safely(&origin, &staging, candidate, &options);
                        if prepared.is_disk_full() {
                            stop.stop();
                        }
                        if send.blocking_send(prepared).is_err() {
                            return;
                        }
                        if stop.is_set() {
                            return;
                        }
                    }
                }
            });
        }
        prepared
    }
}

fn worker_count(jobs: usize) -> usize {
    match jobs {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        jobs => jobs,
    }
}

/// Waits a little for a batch to fill, since a thousand files cost little more to make durable than one.
///
/// By looking, not by being woken: a wake-up for each file would cost as much as reading it.
async fn fill(
    batch: &mut Vec<Prepared>,
    batch_max: usize,
    prepared: &mut mpsc::Receiver<Prepared>,
) {
    let deadline = tokio::time::Instant::now() + BATCH_LINGER;
    while tokio::time::Instant::now() < deadline {
        while batch.len() < batch_max {
            match prepared.try_recv() {
                Ok(more) => batch.push(more),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return,
            }
        }
        if batch.len() == batch_max {
            return;
        }
        tokio::time::sleep(BATCH_POLL).await;
    }
}
