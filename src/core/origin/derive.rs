//! Makes derivatives of one original: read, check, reserve, one decode, files. Records nothing.

use std::sync::Arc;
use std::time::Instant;

use crate::blobs::BlobError;
use crate::blobs::staging::{StagedFile, Staging};
use crate::cpu::Deadline;
use crate::imaging::{self, DeriveRequest, Encoded, ImagingError};
use crate::model::image_id::ImageId;
use crate::model::recipe::Recipe;
use crate::model::record::{DerivativeKey, Image};
use crate::origin::Origin;
use crate::origin::error::DeriveError;

/// A derivative that stands on disk, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub key: DerivativeKey,
    pub size_bytes: u64,
}

/// A derivative that is made but not yet seen.
#[derive(Debug)]
pub(crate) struct Staged {
    key: DerivativeKey,
    file: StagedFile,
}

impl Origin {
    pub async fn find_image(&self, id: ImageId) -> Result<Image, DeriveError> {
        self.catalog
            .find_image(id)
            .await?
            .ok_or(DeriveError::UnknownImage { id })
    }

    /// Makes `wanted` of one image with one decode, in staging.
    ///
    /// The files carry the image's recorded time; they are not synced.
    pub(crate) async fn stage_derivatives(
        self: &Arc<Self>,
        image: &Image,
        wanted: Vec<(DerivativeKey, Recipe)>,
        staging: &Arc<Staging>,
    ) -> Result<Vec<Staged>, DeriveError> {
        self.tree.check_space(0)?;
        let (keys, recipes): (Vec<DerivativeKey>, Vec<Recipe>) = wanted.into_iter().unzip();
        // Whoever waits for a worker does so without an original in memory.
        let in_hand = self.in_hand.acquire().await;
        let _in_hand = in_hand.expect("the semaphore is never closed");
        let original = self.read_original(image).await?;
        let limits = self.settings.limits;
        let at_fault = |source| DeriveError::Imaging {
            id: image.id,
            source,
        };
        let inspected = imaging::inspect(&original, &limits).map_err(at_fault)?;
        let memory_bytes = imaging::memory_needed(&original, &inspected, &recipes, &limits);
        let timeout = self.settings.derive_timeout;
        let (staging, recorded_at) = (Arc::clone(staging), image.recorded_at);
        let watermarks = Arc::clone(&self.settings.watermarks);
        let job = move || {
            let request = DeriveRequest {
                original: &original,
                recipes: &recipes,
                watermarks: &watermarks,
                limits: &limits,
                stop: &Deadline(Instant::now() + timeout),
            };
            let encoded = imaging::derive(&request)?;
            Ok(stage_all(&staging, &encoded, recorded_at))
        };
        let outcome: Result<Result<Vec<StagedFile>, BlobError>, ImagingError> = self
            .cpu
            .run(memory_bytes, job)
            .await
            .map_err(|source| DeriveError::Cpu {
                id: image.id,
                source,
            })?;
        let staged = outcome.map_err(at_fault)??;
        let staged = keys.into_iter().zip(staged);
        Ok(staged.map(|(key, file)| Staged { key, file }).collect())
    }

    /// Puts derivatives at their names, whole to every reader. From now on nginx answers with them, so their URLs must
    /// be on the ledger.
    pub(crate) fn place_derivatives(&self, staged: Vec<Staged>) -> Result<Vec<Made>, BlobError> {
        let place = |Staged { key, file }| {
            let size_bytes = file.size_bytes();
            self.tree.derived().place(file, &key)?;
            Ok(Made { key, size_bytes })
        };
        staged.into_iter().map(place).collect()
    }

    pub(crate) async fn read_original(
        self: &Arc<Self>,
        image: &Image,
    ) -> Result<Vec<u8>, DeriveError> {
        let origin = Arc::clone(self);
        let (id, media) = (image.id, image.media);
        let bytes_max = self.settings.limits.bytes_max;
        let read = move || origin.tree.originals().read(id, media, bytes_max);
        Ok(crate::blobs::blocking(read).await?)
    }
}

fn stage_all(
    staging: &Staging,
    encoded: &[Encoded],
    recorded_at: i64,
) -> Result<Vec<StagedFile>, BlobError> {
    encoded
        .iter()
        .map(|output| staging.write(&output.bytes, recorded_at))
        .collect()
}
