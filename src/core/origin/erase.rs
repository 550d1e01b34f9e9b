//! Removing an image: off the record with a tombstone first, then its files; resumable at every step.

use std::sync::Arc;
use std::time::Duration;

use crate::blobs::blocking;
use crate::model::access::Verb;
use crate::model::alias::AliasName;
use crate::model::audit::{Block, Tombstone};
use crate::model::image_id::ImageId;
use crate::model::image_name::ImageName;
use crate::model::record::Image;
use crate::origin::Origin;
use crate::origin::act::{Act, ActError};
use crate::origin::error::OriginError;
use crate::origin::naming::counts;

/// What an erasure removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasePlan {
    pub image: Image,
    pub aliases: Vec<AliasName>,
    /// Paths of derivatives on the ledger.
    pub derivatives: Vec<String>,
    /// Of the original and of derivatives, as far as known.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AndThen {
    Nothing,
    /// The same bytes are not taken in again.
    Block,
}

/// How long to wait for a derivation that has begun, before its files are looked for a last time.
const CLAIM_POLL: Duration = Duration::from_millis(50);

impl Origin {
    /// What would go, if the caller may.
    pub async fn plan_erase(&self, act: &Act, id: ImageId) -> Result<ErasePlan, ActError> {
        act.caller.require(Verb::Erase)?;
        let image = self.get_image(id).await?;
        self.require_own(act, &image).await?;
        let aliases = self.catalog.list_aliases_of(id).await?;
        if let Some(prefix) = &act.caller.prefix
            && aliases.iter().any(|name| !prefix.covers(&name.path))
        {
            return Err(ActError::Shared {
                id,
                prefix: prefix.clone(),
            });
        }
        let ledger = self.catalog.list_derivatives_of(id).await?;
        let derived: u64 = ledger.iter().filter_map(|entry| entry.size_bytes).sum();
        let path = |key| ImageName::Derivative(key).url_path();
        Ok(ErasePlan {
            bytes: image.size_bytes.saturating_add(derived),
            derivatives: ledger.into_iter().map(|entry| path(entry.key)).collect(),
            aliases,
            image,
        })
    }

    /// Erases an image and answers what went. After it is on record, a crash only delays the removal of files.
    pub async fn erase_image(
        self: &Arc<Self>,
        act: &Act,
        id: ImageId,
        then: AndThen,
    ) -> Result<ErasePlan, ActError> {
        let plan = self.plan_erase(act, id).await?;
        if then == AndThen::Block {
            act.caller.require(Verb::Admin)?;
        }
        let tombstone = Tombstone {
            id,
            media: plan.image.media,
            erased_at: self.clock.now(),
            erased_by: act.caller.actor.to_string(),
            reason: act.reason.clone(),
        };
        let block = (then == AndThen::Block).then(|| Block {
            id,
            blocked_at: tombstone.erased_at,
            blocked_by: tombstone.erased_by.clone(),
            reason: act.reason.clone(),
        });
        let mut entry = act.entry(self.clock.now_ms(), "image.erase", id.to_string());
        entry.counts = counts([
            ("aliases", plan.aliases.len()),
            ("derivatives", plan.derivatives.len()),
        ]);
        entry.counts.insert("bytes".to_owned(), plan.bytes);
        let erased = self
            .catalog
            .erase_image(&tombstone, block.as_ref(), &entry)
            .await?;
        if !erased {
            return Err(ActError::UnknownImage { id });
        }
        self.remove_files(&tombstone).await?;
        Ok(plan)
    }

    /// Removes the files of an image that is off the record.
    pub(crate) async fn remove_files(
        self: &Arc<Self>,
        tombstone: &Tombstone,
    ) -> Result<(), OriginError> {
        let id = tombstone.id;
        let alone = self.standing.write().await;
        self.remove_standing(tombstone).await?;
        drop(alone);
        // Whoever claimed a derivative before the image went off the record may write its file yet.
        while self.catalog.is_claimed(id, self.clock.now_ms()).await? {
            tokio::time::sleep(CLAIM_POLL).await;
        }
        // So may whoever took the same bytes in, or gave the image a name; from here on they find it erased.
        let _alone = self.standing.write().await;
        self.remove_standing(tombstone).await?;
        Ok(self.catalog.finish_erasure(id).await?)
    }

    async fn remove_standing(self: &Arc<Self>, tombstone: &Tombstone) -> Result<(), OriginError> {
        let (id, media) = (tombstone.id, tombstone.media);
        for name in self.catalog.list_former_aliases_of(id).await? {
            // It may be another image's by now.
            if self.catalog.find_alias(&name).await?.is_none() {
                let origin = Arc::clone(self);
                blocking(move || origin.tree.aliases().remove(&name)).await?;
            }
        }
        let origin = Arc::clone(self);
        let remove = move || {
            origin.tree.originals().remove(id, media)?;
            origin.tree.derived().remove_all_of(id)
        };
        Ok(blocking(remove).await?)
    }
}
