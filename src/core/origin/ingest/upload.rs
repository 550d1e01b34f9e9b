//! Uploads: each is received by itself and committed together with those that are ready at the same time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::blobs::blocking;
use crate::blobs::staging::Staging;
use crate::imaging::MetadataMode;
use crate::model::access::Verb;
use crate::model::alias::AliasName;
use crate::model::clock::UnixSeconds;
use crate::model::media::MediaType;
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::act::{Act, ActError};
use crate::origin::error::OriginError;
use crate::origin::ingest::commit::{Committer, Placement};
use crate::origin::ingest::prepare::{Prepared, Ready, Rejection};
use crate::origin::ingest::spooled::{Spool, Wanted};
use crate::origin::ingest::{Effect, IngestOptions, Ingested, Outcome, scan};

/// Uploads committed together: as many as there can be in progress, in most configurations.
const BATCH_MAX: usize = 512;
/// Batches made to stand at the same time: while one waits for the disk, another is written.
const PLACERS: usize = 2;
/// How long an answer waits for the commit before the client is told to try again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(60);

/// What is to become of an upload.
#[derive(Clone, Debug)]
pub struct UploadWish {
    pub alias: Option<AliasName>,
    pub tags: Vec<Tag>,
    pub metadata: MetadataMode,
    /// None: any.
    pub types: Vec<MediaType>,
    /// When the file was last changed; `None`: now.
    pub modified: Option<UnixSeconds>,
}

/// How large an upload may be, and how large the client says it is.
#[derive(Clone, Copy, Debug)]
pub struct UploadSize {
    /// The limit of the origin counts too, if it is lower.
    pub bytes_max: u64,
    pub declared_bytes: Option<u64>,
}

/// An upload whose bytes are arriving. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    origin: Arc<Origin>,
    act: Act,
    spool: Spool,
    _place: OwnedSemaphorePermit,
}

/// The one committer of all uploads of this process.
#[derive(Debug)]
pub(crate) struct Uploads {
    places: Arc<Semaphore>,
    places_max: usize,
    committer: Mutex<Option<mpsc::Sender<Pending>>>,
}

#[derive(Debug)]
struct Pending {
    ready: Ready,
    done: Reply,
}

type Reply = oneshot::Sender<Result<Ingested, ActError>>;

impl Uploads {
    pub(crate) fn new(places_max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            committer: Mutex::default(),
        }
    }
}

impl Origin {
    /// Whether an upload may end as wished; best asked before its bytes are read.
    pub fn check_wish(&self, act: &Act, wish: &UploadWish) -> Result<(), ActError> {
        act.caller.require(Verb::Ingest)?;
        if let Some(name) = &wish.alias {
            act.caller.require(Verb::Alias)?;
            act.caller.require_alias(&name.path)?;
            // A name that cannot be made is said before anything is stored.
            let checked = self.tree.aliases().check_name(name);
            checked.map_err(|source| ActError::AliasUnusable {
                name: name.clone(),
                source,
            })?;
        }
        if wish.tags.len() > Tag::COUNT_MAX {
            return Err(ActError::TooManyTags);
        }
        Ok(())
    }

    /// Takes a place for an upload, or says that there is none; nothing is read or written yet.
    pub fn begin_upload(self: &Arc<Self>, act: Act, size: UploadSize) -> Result<Upload, ActError> {
        act.caller.require(Verb::Ingest)?;
        let place = Arc::clone(&self.uploads.places).try_acquire_owned();
        let place = place.map_err(|_| {
            let max = self.uploads.places_max;
            let message = format!("{max} uploads are in progress already");
            ActError::Rejected(Rejection::new("busy", message).with_hint("try again in a moment"))
        })?;
        let bytes_max = size.bytes_max.min(self.settings.limits.bytes_max);
        if let Some(declared_bytes) = size.declared_bytes {
            let fits = Spool::check_size(declared_bytes, bytes_max);
            fits.map_err(|rejection| self.refuse_upload(rejection, bytes_max))?;
            self.tree.check_space(declared_bytes)?;
        }
        Ok(Upload {
            origin: Arc::clone(self),
            spool: Spool::new(bytes_max),
            act,
            _place: place,
        })
    }

    /// A limit of those who may upload is not the operator's to raise.
    fn refuse_upload(&self, rejection: Rejection, bytes_max: u64) -> ActError {
        let is_own = bytes_max < self.settings.limits.bytes_max && rejection.code == "limit-bytes";
        ActError::Rejected(Rejection {
            hint: rejection.hint.filter(|_| !is_own),
            ..rejection
        })
    }

    fn committer(self: &Arc<Self>) -> Result<mpsc::Sender<Pending>, OriginError> {
        let known = self.uploads.committer.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        // One that panicked is replaced: what waited for it was told to try again.
        if let Some(send) = known.as_ref().filter(|send| !send.is_closed()) {
            return Ok(send.clone());
        }
        let options = Arc::new(IngestOptions {
            metadata: MetadataMode::Keep,
            derive: Vec::new(),
            actor: String::new(),
            tags: Vec::new(),
            effect: Effect::Apply,
            jobs: 0,
        });
        let committer = Committer::open(self, &options, self.staging())?;
        let (send, pending) = mpsc::channel(BATCH_MAX);
        let (placed, placements) = mpsc::channel(PLACERS);
        let (committer, pending) = (
            Arc::new(committer),
            Arc::new(tokio::sync::Mutex::new(pending)),
        );
        for _ in 0..PLACERS {
            let (committer, pending) = (Arc::clone(&committer), Arc::clone(&pending));
            tokio::spawn(place_all(committer, pending, placed.clone()));
        }
        tokio::spawn(record_all(committer, placements));
        *known = Some(send.clone());
        Ok(send)
    }
}

impl Upload {
    /// Why it is done, where that is said behind the bytes.
    pub fn set_reason(&mut self, reason: Option<String>) {
        self.act.reason = reason;
    }

    /// Takes a piece of the body.
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), ActError> {
        let bytes_max = self.spool.bytes_max();
        let pushed = self.spool.push(piece);
        if pushed.map_err(|rejection| self.origin.refuse_upload(rejection, bytes_max))? {
            let origin = Arc::clone(&self.origin);
            let mut spool = std::mem::replace(&mut self.spool, Spool::new(0));
            let spill = move || {
                let spilled = spool.spill(&origin, origin.staging());
                (spool, spilled)
            };
            let (spool, spilled) = blocking(spill).await;
            self.spool = spool;
            spilled.map_err(ActError::Rejected)?;
        }
        Ok(())
    }

    /// All bytes have arrived. Answers when the image is durable and on record, with its aliases and tags.
    pub async fn finish(self, wish: UploadWish) -> Result<Ingested, ActError> {
        let Self {
            origin,
            act,
            spool,
            _place,
        } = self;
        origin.check_wish(&act, &wish)?;
        let preparing = Arc::clone(&origin);
        let is_quick = spool.is_quick(&origin);
        let prepare = move || {
            let origin = preparing;
            let prepared =
                AssertUnwindSafe(|| prepare(&origin, origin.staging(), spool, &act, &wish));
            catch_unwind(prepared).unwrap_or_else(|_| {
                Err(Rejection::new(
                    "panicked",
                    "reading it made the program panic",
                ))
            })
        };
        let ready = if is_quick {
            prepare()
        } else {
            blocking(prepare).await
        };
        let ready = ready.map_err(ActError::Rejected)?;
        origin.check_alias_of(&ready).await?;
        origin.check_tags_of(&ready).await?;
        let (done, ingested) = oneshot::channel();
        let busy = || {
            let message = "it could not be put on record in time";
            ActError::Rejected(Rejection::new("busy", message))
        };
        let pending = Pending { ready, done };
        let sent = origin.committer()?.send(pending).await;
        sent.map_err(|_| busy())?;
        match tokio::time::timeout(COMMIT_TIMEOUT, ingested).await {
            Ok(Ok(ingested)) => ingested,
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

impl Origin {
    /// Whoever brings bytes may tag them, also those that are here already; but an image has room for so many only.
    async fn check_tags_of(&self, ready: &Ready) -> Result<(), ActError> {
        if ready.tags.is_empty() {
            return Ok(());
        }
        let mut tags = self.catalog.list_tags_of(ready.image.id).await?;
        tags.extend(ready.tags.iter().cloned());
        tags.sort();
        tags.dedup();
        if tags.len() > Tag::COUNT_MAX {
            return Err(ActError::TooManyTags);
        }
        Ok(())
    }

    /// A name that is another image's already is said before anything is stored; of two that come at once, the commit
    /// decides.
    async fn check_alias_of(&self, ready: &Ready) -> Result<(), ActError> {
        let Some(name) = &ready.alias else {
            return Ok(());
        };
        match self.catalog.find_alias(name).await? {
            Some(by) if by != ready.image.id => Err(ActError::AliasTaken {
                name: name.clone(),
                by,
            }),
            _ => Ok(()),
        }
    }
}

fn prepare(
    origin: &Origin,
    staging: &Staging,
    spool: Spool,
    act: &Act,
    wish: &UploadWish,
) -> Result<Ready, Rejection> {
    let actor = act.caller.actor.to_string();
    let wanted = Wanted {
        metadata: wish.metadata,
        modified: wish.modified.unwrap_or_else(|| origin.clock.now()),
        actor: &actor,
    };
    let mut ready = spool.prepare(origin, staging, &wanted)?;
    let media = ready.image.media;
    if !wish.types.is_empty() && !wish.types.contains(&media) {
        let allowed: Vec<&str> = wish.types.iter().map(|it| it.extension()).collect();
        let message = format!("it is {media}, and allowed are {}", allowed.join(", "));
        return Err(Rejection::new("type-refused", message));
    }
    scan::ask(origin, &ready, wish.alias.as_ref())?;
    let id = ready.image.id.to_string();
    let mut entry = act.entry(origin.clock.now_ms(), "image.ingest", id);
    entry
        .counts
        .insert("bytes".to_owned(), ready.image.size_bytes);
    ready.audits.push(entry);
    if let Some(name) = &wish.alias {
        let entry = act.entry(origin.clock.now_ms(), "alias.put", name.to_string());
        ready.audits.push(entry);
    }
    ready.alias.clone_from(&wish.alias);
    ready.tags.clone_from(&wish.tags);
    ready.charge = act.caller.key();
    Ok(ready)
}

/// Makes batches stand, until the last sender is gone.
async fn place_all(
    committer: Arc<Committer>,
    pending: Arc<tokio::sync::Mutex<mpsc::Receiver<Pending>>>,
    placed: mpsc::Sender<(Placement, Vec<Reply>)>,
) {
    loop {
        let mut batch = Vec::new();
        if pending.lock().await.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let (prepared, replies): (Vec<Prepared>, Vec<Reply>) =
            batch.into_iter().map(Pending::split).unzip();
        match committer.place(prepared).await {
            Ok(placement) => {
                // It panicked: with the last of us goes the channel, and the next upload makes another committer.
                if placed.send((placement, replies)).await.is_err() {
                    return;
                }
            }
            Err(error) => fail(error, replies.into_iter()),
        }
    }
}

/// Puts on record together what stands by then, until the last that makes it stand is gone.
async fn record_all(
    committer: Arc<Committer>,
    mut placed: mpsc::Receiver<(Placement, Vec<Reply>)>,
) {
    let mut batches = Vec::new();
    while placed.recv_many(&mut batches, PLACERS).await > 0 {
        let (mut together, mut replies) = (Placement::default(), Vec::new());
        for (placement, waiting) in batches.drain(..) {
            together.append(placement);
            replies.extend(waiting);
        }
        record(&committer, together, replies).await;
    }
}

/// Everyone is answered as soon as it is known, whenever the next batch comes.
async fn record(committer: &Committer, batch: Placement, waiting: Vec<Reply>) {
    // Outcomes come in the order of the entries.
    let mut waiting = waiting.into_iter();
    let mut answer = |outcome: Outcome| {
        if let Some(reply) = waiting.next() {
            // Who asked may be gone; the image stays all the same.
            let _ = reply.send(outcome.result.map_err(ActError::Rejected));
        }
    };
    if let Err(error) = committer.record(batch, &mut answer).await {
        fail(error, waiting);
    }
}

/// Tells all that wait that nothing of theirs is on record.
fn fail(error: OriginError, waiting: impl Iterator<Item = Reply>) {
    let error = Arc::new(error);
    tracing::error!(
        error.code = error.code(),
        "uploads were not put on record: {}",
        crate::origin::error::chain(&*error)
    );
    for reply in waiting {
        let _ = reply.send(Err(ActError::Commit(Arc::clone(&error))));
    }
}

impl Pending {
    fn split(self) -> (Prepared, Reply) {
        let prepared = Prepared {
            path: PathBuf::new(),
            result: Ok(self.ready),
        };
        (prepared, self.done)
    }
}
