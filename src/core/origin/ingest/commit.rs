//! A batch of prepared files: let in, placed, recorded, acknowledged, in that order.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedRwLockReadGuard;

use crate::blobs::blocking;
use crate::blobs::durable::Flusher;
use crate::blobs::staging::Staging;
use crate::catalog::{CatalogError, NewImage, Recorded};
use crate::model::image_id::ImageId;
use crate::model::record::Image;
use crate::origin::Origin;
use crate::origin::bulk::{Batch, BulkOutcome, Which};
use crate::origin::error::OriginError;
use crate::origin::ingest::admission::charges;
use crate::origin::ingest::prepare::{Prepared, Ready, Rejection};
use crate::origin::ingest::standing::{alias_taken, place_all, reconcile_all, write_held};
use crate::origin::ingest::{Effect, IngestOptions, Ingested, Outcome};

#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) origin: Arc<Origin>,
    options: Arc<IngestOptions>,
    staging: Arc<Staging>,
    flusher: Arc<Flusher>,
    /// Ids that a dry run would have recorded.
    would_be_new: Mutex<HashSet<ImageId>>,
}

/// A batch whose originals stand.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    entries: Vec<Entry>,
    rejected: Vec<Outcome>,
    /// Until it is on record, nothing of it is removed as that of an image off the record.
    standing: Vec<OwnedRwLockReadGuard<()>>,
}

impl Placement {
    /// Takes another batch in, behind what is there: they are put on record together.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
        self.rejected.append(&mut other.rejected);
        self.standing.append(&mut other.standing);
    }
}

/// A prepared file on its way through the batch.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    pub(crate) ready: Ready,
    /// Set when the image is not taken in: nothing of it is on record.
    pub(crate) refused: Option<Rejection>,
    /// Set when its alias cannot stand; the image itself is kept.
    pub(crate) fault: Option<Rejection>,
    /// Whether bad bytes stood at the original's name, and so at its older aliases too.
    pub(crate) healed: bool,
}

impl Committer {
    pub(crate) fn open(
        origin: &Arc<Origin>,
        options: &Arc<IngestOptions>,
        staging: &Arc<Staging>,
    ) -> Result<Self, OriginError> {
        Ok(Self {
            origin: Arc::clone(origin),
            options: Arc::clone(options),
            staging: Arc::clone(staging),
            flusher: Arc::new(Flusher::open(origin.tree.root())?),
            would_be_new: Mutex::default(),
        })
    }

    /// Makes the originals of a batch stand, durably. Nothing of it is on record yet.
    pub(crate) async fn place(&self, batch: Vec<Prepared>) -> Result<Placement, OriginError> {
        let mut placement = Placement::default();
        for Prepared { path, result } in batch {
            match result {
                Ok(ready) => placement.entries.push(Entry {
                    path,
                    ready,
                    refused: None,
                    fault: None,
                    healed: false,
                }),
                Err(rejection) => placement.rejected.push(Outcome {
                    path,
                    result: Err(rejection),
                }),
            }
        }
        if placement.entries.is_empty() {
            return Ok(placement);
        }
        let standing = Arc::clone(&self.origin.standing).read_owned().await;
        placement.standing.push(standing);
        self.refuse_blocked(&mut placement.entries).await?;
        if self.options.effect == Effect::Apply {
            self.charge(&mut placement.entries).await?;
            let charged = charges(&placement.entries);
            let (origin, flusher) = (Arc::clone(&self.origin), Arc::clone(&self.flusher));
            let staging = Arc::clone(&self.staging);
            let mut entries = placement.entries;
            let place = move || {
                write_held(&staging, &mut entries);
                place_all(&origin.tree, &flusher, entries)
            };
            match blocking(place).await {
                Ok(entries) => placement.entries = entries,
                Err(error) => {
                    self.refund(charged).await;
                    return Err(error.into());
                }
            }
        }
        Ok(placement)
    }

    /// Puts a batch on record and reports what became of it.
    pub(crate) async fn record(
        &self,
        Placement {
            entries,
            rejected,
            standing: _standing,
        }: Placement,
        report: &mut impl FnMut(Outcome),
    ) -> Result<(), OriginError> {
        rejected.into_iter().for_each(&mut *report);
        if entries.is_empty() {
            return Ok(());
        }
        match self.options.effect {
            Effect::Apply => self.apply(entries, report).await,
            Effect::DryRun => self.pretend(entries, report).await,
        }
    }

    async fn apply(
        &self,
        entries: Vec<Entry>,
        report: &mut impl FnMut(Outcome),
    ) -> Result<(), OriginError> {
        let mut entries = entries;
        let recorded = match self.put_on_record(&mut entries).await {
            Ok(recorded) => recorded,
            Err(error) => {
                self.refund(charges(&entries)).await;
                return Err(error);
            }
        };
        let is_new = |recorded: &Option<Recorded>| recorded.as_ref().is_some_and(|it| it.new);
        let not_kept = entries.iter().zip(&recorded).filter(|it| !is_new(it.1));
        self.refund(charges(not_kept.map(|(entry, _)| entry))).await;
        self.mend_aliases(&entries).await?;
        let (origin, staging, flusher) = (
            Arc::clone(&self.origin),
            Arc::clone(&self.staging),
            Arc::clone(&self.flusher),
        );
        let recorded: Vec<(Entry, Option<Recorded>)> = entries.into_iter().zip(recorded).collect();
        let reconcile = move || reconcile_all(&origin.tree, &staging, &flusher, recorded);
        let reconciled = blocking(reconcile).await?;
        let mut derived = self.derive(&reconciled).await?;
        for (
            Entry {
                path,
                ready,
                refused,
                fault,
                ..
            },
            new,
        ) in reconciled
        {
            let Ready {
                image,
                metadata,
                alias,
                mut tags,
                ..
            } = ready;
            tags.sort();
            tags.dedup();
            let derived = derived.remove(&image.id).unwrap_or(Ok(0));
            let ingested = Ingested {
                image,
                new,
                metadata,
                alias,
                tags,
                derived,
            };
            let result = refused.or(fault).map_or(Ok(ingested), Err);
            report(Outcome { path, result });
        }
        Ok(())
    }

    /// Answers `None` for what was refused before, and for images whose erasure is not finished.
    async fn put_on_record(
        &self,
        entries: &mut [Entry],
    ) -> Result<Vec<Option<Recorded>>, OriginError> {
        loop {
            let new = new_images(entries);
            match self.origin.catalog.record_images(&new).await {
                Ok(recorded) => {
                    let mut recorded = recorded.into_iter();
                    let of = |entry: &Entry| entry.refused.is_none().then(|| recorded.next());
                    return Ok(entries.iter().map(of).map(Option::flatten).collect());
                }
                Err(CatalogError::BeingErased { id }) => {
                    let same = entries.iter_mut().filter(|it| it.ready.image.id == id);
                    for entry in same {
                        let message = format!("image {id} is being erased at this moment");
                        entry.refuse(
                            Rejection::new("being-erased", message)
                                .with_hint("try again in a moment"),
                        );
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Aliases are hard links: those of an original that was healed still hold the bad bytes.
    async fn mend_aliases(&self, entries: &[Entry]) -> Result<(), OriginError> {
        for Entry { ready, .. } in entries.iter().filter(|entry| entry.healed) {
            let original = self
                .origin
                .tree
                .originals()
                .path(ready.image.id, ready.image.media);
            for name in self.origin.catalog.list_aliases_of(ready.image.id).await? {
                let aliases = self.origin.tree.aliases();
                aliases.link(&self.staging, &original, &name)?;
            }
        }
        Ok(())
    }

    /// Whether a dry run has not met this image before.
    fn is_first(&self, id: ImageId) -> bool {
        let mut met = self
            .would_be_new
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        met.insert(id)
    }

    /// Derives each image of the batch once.
    async fn derive(
        &self,
        entries: &[(Entry, bool)],
    ) -> Result<HashMap<ImageId, Result<usize, Rejection>>, OriginError> {
        let mut derived = HashMap::new();
        if self.options.derive.is_empty() {
            return Ok(derived);
        }
        let mut images: Vec<Image> = entries
            .iter()
            .filter(|(entry, _)| entry.refused.is_none())
            .map(|(entry, _)| entry.ready.image.clone())
            .collect();
        images.sort_by_key(|image| image.id);
        images.dedup_by_key(|image| image.id);
        let batch = Batch {
            presets: &self.options.derive,
            which: Which::Missing,
            jobs: 0,
        };
        let report = |outcome: BulkOutcome| {
            derived.insert(outcome.id, outcome.fault.map_or(Ok(outcome.made), Err));
        };
        self.origin
            .derive_batch(images, &batch, &self.flusher, report)
            .await?;
        Ok(derived)
    }

    async fn pretend(
        &self,
        entries: Vec<Entry>,
        report: &mut impl FnMut(Outcome),
    ) -> Result<(), OriginError> {
        let ids: Vec<ImageId> = entries.iter().map(|entry| entry.ready.image.id).collect();
        let known = self.origin.catalog.find_images(&ids).await?;
        let known: HashSet<ImageId> = known.into_iter().map(|image| image.id).collect();
        for Entry {
            path,
            ready,
            refused,
            ..
        } in entries
        {
            if let Some(rejection) = refused {
                let result = Err(rejection);
                report(Outcome { path, result });
                continue;
            }
            let Ready {
                image,
                metadata,
                alias,
                ..
            } = ready;
            let taken = match &alias {
                Some(name) => self.origin.catalog.find_alias(name).await?,
                None => None,
            };
            let result = match (taken, alias) {
                (Some(by), Some(name)) if by != image.id => Err(alias_taken(&name, by, image.id)),
                (_, alias) => {
                    let new = !known.contains(&image.id) && self.is_first(image.id);
                    Ok(Ingested {
                        image,
                        new,
                        metadata,
                        alias,
                        tags: Vec::new(),
                        derived: Ok(0),
                    })
                }
            };
            report(Outcome { path, result });
        }
        Ok(())
    }
}

impl Entry {
    /// Nothing of it is kept: what was staged goes.
    pub(crate) fn refuse(&mut self, rejection: Rejection) {
        self.refused.get_or_insert(rejection);
        self.ready.staged = None;
    }
}

fn new_images(entries: &[Entry]) -> Vec<NewImage> {
    let aliases = |entry: &Entry| match entry.fault {
        Some(_) => Vec::new(),
        None => entry.ready.alias.iter().cloned().collect(),
    };
    entries
        .iter()
        .filter(|entry| entry.refused.is_none())
        .map(|entry| NewImage {
            image: entry.ready.image.clone(),
            aliases: aliases(entry),
            tags: entry.ready.tags.clone(),
            audits: entry.ready.audits.clone(),
        })
        .collect()
}
