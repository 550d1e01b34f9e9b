//! Deriving ahead: many images, in chunks, resumable.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use crate::blobs::blocking;
use crate::blobs::durable::Flusher;
use crate::catalog::ImagePage;
use crate::imaging::can_decode;
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::preset::Preset;
use crate::model::recipe::Recipe;
use crate::model::record::{Derivative, DerivativeKey, Image};
use crate::origin::Origin;
use crate::origin::derive::Made;
use crate::origin::error::{DeriveError, OriginError, chain};
use crate::origin::ingest::{Effect, Rejection, StopFlag};

/// Images whose derivatives are recorded, synced and reported together: some seconds of work, one flush.
const CHUNK: u32 = 16;

#[derive(Clone, Debug)]
pub struct BulkOptions {
    pub presets: Vec<Preset>,
    pub which: Which,
    pub since: Option<Since>,
    pub effect: Effect,
    /// Images worked on at once; 0 means one for each worker.
    pub jobs: usize,
    pub start: Start,
}

/// Images ingested at a time or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    pub at: UnixSeconds,
    /// As the operator said it: `7d` names the same run an hour later.
    pub asked: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Also what is there already is made again.
    All,
    /// Only what is not on disk.
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Where a run with the same options was interrupted.
    Resume,
    Anew,
}

/// What became of one image.
#[derive(Debug)]
pub struct BulkOutcome {
    pub id: ImageId,
    /// Derivatives made, or to be made in a dry run.
    pub made: usize,
    pub bytes: u64,
    /// Why nothing could be made. `None` with nothing made: it was there, or no derivatives are made of its type.
    pub fault: Option<Rejection>,
}

/// How a run began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkReport {
    pub resumed_after: Option<ImageId>,
    pub finished: bool,
}

/// What to make of a handful of images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) presets: &'a [Preset],
    pub(crate) which: Which,
    /// Images worked on at once; 0 means one for each worker.
    pub(crate) jobs: usize,
}

type Wanted = Vec<(DerivativeKey, Recipe)>;

impl Origin {
    /// Makes the derivatives of every image by `options.presets`, and calls `report` for each image.
    pub async fn derive_all(
        self: &Arc<Self>,
        options: &BulkOptions,
        stop: &StopFlag,
        mut report: impl FnMut(BulkOutcome),
    ) -> Result<BulkReport, OriginError> {
        let job = job_name(options);
        // What is missing is found by looking, wherever in the order of ids it came since: only a run that makes
        // everything again has a place to go on from.
        let mut after = match options.start {
            Start::Resume if options.which == Which::All => self
                .catalog
                .find_cursor(&job)
                .await?
                .and_then(|cursor| cursor.parse().ok()),
            Start::Resume | Start::Anew => None,
        };
        let resumed_after = after;
        let flusher = Arc::new(Flusher::open(self.tree.root())?);
        loop {
            if stop.is_set() {
                return Ok(BulkReport {
                    resumed_after,
                    finished: false,
                });
            }
            let page = ImagePage {
                after,
                ingested_since: options.since.as_ref().map(|since| since.at),
                limit: CHUNK,
            };
            let images = self.catalog.list_images(&page).await?;
            let Some(last) = images.last().map(|image| image.id) else {
                break;
            };
            // Types without a decoder are no news in every run: their originals are served, and that is all.
            let (images, others): (Vec<Image>, Vec<Image>) = images
                .into_iter()
                .partition(|image| can_decode(image.media));
            for image in others {
                report(BulkOutcome {
                    id: image.id,
                    made: 0,
                    bytes: 0,
                    fault: None,
                });
            }
            self.derive_chunk(images, options, &flusher, &mut report)
                .await?;
            after = Some(last);
            if options.effect == Effect::Apply {
                self.catalog
                    .set_cursor(&job, Some(&last.to_string()))
                    .await?;
            }
        }
        if options.effect == Effect::Apply {
            self.catalog.set_cursor(&job, None).await?;
        }
        Ok(BulkReport {
            resumed_after,
            finished: true,
        })
    }

    async fn derive_chunk(
        self: &Arc<Self>,
        images: Vec<Image>,
        options: &BulkOptions,
        flusher: &Arc<Flusher>,
        report: &mut impl FnMut(BulkOutcome),
    ) -> Result<(), OriginError> {
        match options.effect {
            Effect::Apply => {
                let batch = Batch {
                    presets: &options.presets,
                    which: options.which,
                    jobs: options.jobs,
                };
                self.derive_batch(images, &batch, flusher, report).await
            }
            Effect::DryRun => {
                for image in images {
                    let made = self.wanted(&image, &options.presets, options.which).len();
                    report(BulkOutcome {
                        id: image.id,
                        made,
                        bytes: 0,
                        fault: None,
                    });
                }
                Ok(())
            }
        }
    }

    /// Makes what is missing of one image by `presets`, durably, and answers how many that were.
    pub async fn derive_ahead(
        self: &Arc<Self>,
        image: &Image,
        presets: &[Preset],
    ) -> Result<Result<usize, Rejection>, OriginError> {
        let ahead = self.ahead.acquire().await;
        let _ahead = ahead.expect("the semaphore is never closed");
        let flusher = Arc::new(Flusher::open(self.tree.root())?);
        let batch = Batch {
            presets,
            which: Which::Missing,
            jobs: 1,
        };
        let mut made = Ok(0);
        let report = |outcome: BulkOutcome| made = outcome.fault.map_or(Ok(outcome.made), Err);
        let derived = self
            .derive_batch(vec![image.clone()], &batch, &flusher, report)
            .await;
        // Erased meanwhile, at whatever step.
        let id = image.id;
        if (derived.is_err() || made.is_err()) && self.catalog.find_image(id).await?.is_none() {
            return Err(OriginError::UnknownImage { id });
        }
        derived?;
        Ok(made)
    }

    /// Derives a handful of images: on the ledger together, made side by side, settled together.
    pub(crate) async fn derive_batch(
        self: &Arc<Self>,
        images: Vec<Image>,
        batch: &Batch<'_>,
        flusher: &Arc<Flusher>,
        mut report: impl FnMut(BulkOutcome),
    ) -> Result<(), OriginError> {
        let work: Vec<(Image, Wanted)> = images
            .into_iter()
            .map(|image| {
                let wanted = self.wanted(&image, batch.presets, batch.which);
                (image, wanted)
            })
            .collect();
        let keys = work
            .iter()
            .flat_map(|(_, wanted)| wanted)
            .map(|(key, _)| key.clone());
        self.record_wanted(keys).await?;
        // One more than there are workers, so that a file is read while the others are worked on.
        let at_once = if batch.jobs == 0 {
            self.cpu.threads() + 1
        } else {
            batch.jobs
        };
        let mut making = stream::iter(work)
            .map(|(image, wanted)| async move {
                let made = self.make_if_any(&image, wanted).await;
                (image.id, made)
            })
            .buffer_unordered(at_once);
        let (mut outcomes, mut settling) = (Vec::new(), Vec::new());
        while let Some((id, made)) = making.next().await {
            let (outcome, made) = judge(id, made)?;
            settling.extend(made);
            outcomes.push(outcome);
        }
        self.settle(flusher, settling).await?;
        outcomes.into_iter().for_each(&mut report);
        Ok(())
    }

    fn wanted(&self, image: &Image, presets: &[Preset], which: Which) -> Wanted {
        let all = presets
            .iter()
            .flat_map(|preset| preset.derivatives_of(image.id));
        match which {
            Which::All => all.collect(),
            Which::Missing => all
                .filter(|(key, _)| self.tree.derived().find_size(key).is_none())
                .collect(),
        }
    }

    async fn make_if_any(
        self: &Arc<Self>,
        image: &Image,
        wanted: Wanted,
    ) -> Result<Vec<Made>, DeriveError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let staged = self
            .stage_derivatives(image, wanted, self.flights.staging())
            .await?;
        let made = self.place_derivatives(staged)?;
        // Erased meanwhile: whoever erased it may have looked for its files before these stood.
        if self.catalog.find_image(image.id).await?.is_none() {
            for Made { key, .. } in &made {
                self.tree.derived().remove(key)?;
            }
            return Err(DeriveError::UnknownImage { id: image.id });
        }
        Ok(made)
    }

    /// The ledger before the files: whatever happens next, every URL that may be seen is on record.
    async fn record_wanted(
        &self,
        keys: impl Iterator<Item = DerivativeKey>,
    ) -> Result<(), OriginError> {
        let recorded_at = self.clock.now();
        let entry = |key| Derivative {
            key,
            size_bytes: None,
            recorded_at,
        };
        let entries: Vec<Derivative> = keys.map(entry).collect();
        Ok(self.catalog.record_derivatives(&entries).await?)
    }

    async fn settle(&self, flusher: &Arc<Flusher>, made: Vec<Made>) -> Result<(), OriginError> {
        let paths: Vec<PathBuf> = made
            .iter()
            .map(|made| self.tree.derived().path(&made.key))
            .collect();
        let flusher = Arc::clone(flusher);
        blocking(move || flusher.flush_standing(&paths)).await?;
        let recorded_at = self.clock.now();
        let entry = |made: Made| Derivative {
            key: made.key,
            size_bytes: Some(made.size_bytes),
            recorded_at,
        };
        let entries: Vec<Derivative> = made.into_iter().map(entry).collect();
        Ok(self.catalog.record_derivatives(&entries).await?)
    }
}

/// What became of an image, and what was made of it; an error that no other image would escape ends the run.
fn judge(
    id: ImageId,
    made: Result<Vec<Made>, DeriveError>,
) -> Result<(BulkOutcome, Vec<Made>), OriginError> {
    match made {
        Ok(made) => {
            let bytes = made.iter().map(|made| made.size_bytes).sum();
            Ok((
                BulkOutcome {
                    id,
                    made: made.len(),
                    bytes,
                    fault: None,
                },
                made,
            ))
        }
        Err(error) if error.is_fatal() => Err(Box::new(error).into()),
        Err(error) => {
            let mut fault = Rejection::new(error.code(), chain(&error));
            fault.hint = error.hint();
            Ok((
                BulkOutcome {
                    id,
                    made: 0,
                    bytes: 0,
                    fault: Some(fault),
                },
                Vec::new(),
            ))
        }
    }
}

/// Runs with the same name continue one another.
fn job_name(options: &BulkOptions) -> String {
    let presets: Vec<String> = options
        .presets
        .iter()
        .map(|preset| format!("{}~{}", preset.name, preset.revision))
        .collect();
    let since = options
        .since
        .as_ref()
        .map_or(String::new(), |since| format!(" since {}", since.asked));
    format!("derive {:?} {}{since}", options.which, presets.join(" "))
}
