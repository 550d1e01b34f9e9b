//! What an image looks like before it is loaded: computed once, then on record.

use std::sync::Arc;
use std::time::Instant;

use crate::cpu::Deadline;
use crate::imaging::{self, can_decode};
use crate::model::record::{Appearance, Image};
use crate::origin::Origin;
use crate::origin::error::DeriveError;

impl Origin {
    /// `None` where the pixels cannot be read: no decoder, or damaged.
    pub async fn ensure_appearance(
        self: &Arc<Self>,
        image: &Image,
    ) -> Result<Option<Appearance>, DeriveError> {
        if !can_decode(image.media) {
            return Ok(None);
        }
        if let Some(known) = self.catalog.find_appearance(image.id).await? {
            return Ok(Some(known));
        }
        let appearance = match self.compute_appearance(image).await {
            Ok(appearance) => appearance,
            Err(error) if error.is_of_the_image() => return Ok(None),
            Err(error) => return Err(error),
        };
        self.catalog
            .record_appearance(image.id, &appearance)
            .await?;
        Ok(Some(appearance))
    }

    async fn compute_appearance(
        self: &Arc<Self>,
        image: &Image,
    ) -> Result<Appearance, DeriveError> {
        let id = image.id;
        let ahead = self.ahead.acquire().await;
        let _ahead = ahead.expect("the semaphore is never closed");
        // Whoever waits for a worker does so without an original in memory.
        let in_hand = self.in_hand.acquire().await;
        let _in_hand = in_hand.expect("the semaphore is never closed");
        let original = self.read_original(image).await?;
        let limits = self.settings.limits;
        let at_fault = move |source| DeriveError::Imaging { id, source };
        let inspected = imaging::inspect(&original, &limits).map_err(at_fault)?;
        let memory_bytes = imaging::appearance_memory_needed(&original, &inspected);
        let timeout = self.settings.derive_timeout;
        let look = move || {
            let deadline = Deadline(Instant::now() + timeout);
            imaging::appearance(&original, &limits, &deadline)
        };
        let looked = self.cpu.run(memory_bytes, look).await;
        let looked = looked.map_err(|source| DeriveError::Cpu { id, source })?;
        let looked = looked.map_err(at_fault)?;
        Ok(Appearance {
            blurhash: looked.blurhash,
            thumbhash: looked.thumbhash,
            dominant_rgb: looked.dominant.0,
            palette: looked.palette,
            perceptual_hash: looked.perceptual_hash,
            sharpness: looked.sharpness,
        })
    }
}
