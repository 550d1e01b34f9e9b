//! The block list: bytes that are not taken in here, by whomever.

use crate::imaging::{self, MetadataMode};
use crate::model::access::Verb;
use crate::model::audit::Block;
use crate::model::image_id::ImageId;
use crate::origin::Origin;
use crate::origin::act::{Act, ActError};

impl Origin {
    /// Refuses these from now on. Those that are on record stay there: erasing is another act.
    pub async fn block_images(&self, act: &Act, ids: &[ImageId]) -> Result<(), ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("the block list")?;
        for &id in ids {
            let block = Block {
                id,
                blocked_at: self.clock.now(),
                blocked_by: act.caller.actor.to_string(),
                reason: act.reason.clone(),
            };
            let entry = act.entry(self.clock.now_ms(), "block.add", id.to_string());
            self.catalog.add_blocks(&[block], &entry).await?;
        }
        Ok(())
    }

    pub async fn unblock_image(&self, act: &Act, id: ImageId) -> Result<(), ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("the block list")?;
        let entry = act.entry(self.clock.now_ms(), "block.remove", id.to_string());
        if self.catalog.remove_block(id, &entry).await? {
            Ok(())
        } else {
            Err(ActError::NotBlocked { id })
        }
    }

    /// At most `limit`, ascending by id, strictly after `after`.
    pub async fn list_blocks(
        &self,
        act: &Act,
        after: Option<ImageId>,
        limit: u32,
    ) -> Result<Vec<Block>, ActError> {
        act.caller.require(Verb::Admin)?;
        act.caller.require_no_prefix("the block list")?;
        Ok(self.catalog.list_blocks(after, limit).await?)
    }
}

/// Every id under which these bytes could be stored: as they are, and by each way of removing metadata.
pub fn ids_of_file(bytes: &[u8]) -> Vec<ImageId> {
    let mut ids = vec![ImageId::of(bytes)];
    if let Some(media) = imaging::sniff(bytes) {
        for mode in [MetadataMode::StripGps, MetadataMode::StripAll] {
            // What cannot be stripped is refused at ingest anyway.
            if let Ok(stripped) = imaging::strip(bytes, media, mode) {
                ids.push(ImageId::of(&stripped.bytes));
            }
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}
