//! Who is let in: the block list, and the quotas of keys.

use std::collections::{BTreeMap, HashSet};

use crate::model::access::KeyId;
use crate::model::grant::Usage;
use crate::model::image_id::ImageId;
use crate::origin::error::OriginError;
use crate::origin::ingest::commit::{Committer, Entry};
use crate::origin::ingest::prepare::Rejection;

impl Committer {
    /// Before anything of a blocked image can be seen under its name.
    pub(crate) async fn refuse_blocked(&self, entries: &mut [Entry]) -> Result<(), OriginError> {
        let ids: Vec<ImageId> = entries
            .iter()
            .flat_map(|entry| [Some(entry.ready.image.id), entry.ready.raw_id])
            .flatten()
            .collect();
        let blocked = self.origin.catalog.find_blocked(&ids).await?;
        if blocked.is_empty() {
            return Ok(());
        }
        for entry in entries {
            let ids = [Some(entry.ready.image.id), entry.ready.raw_id];
            if let Some(id) = ids.into_iter().flatten().find(|id| blocked.contains(id)) {
                // Nothing of it is charged, so that nothing will be refunded.
                entry.ready.charge = None;
                entry.refuse(
                    Rejection::new("blocked", format!("image {id} is on the block list"))
                        .with_hint("`imgctl block list` says since when and why"),
                );
            }
        }
        Ok(())
    }

    /// Takes what images need of the quotas of their keys: of all together if it suffices, else of as many as fit.
    pub(crate) async fn charge(&self, entries: &mut [Entry]) -> Result<(), OriginError> {
        let mut by_key: BTreeMap<KeyId, Vec<&mut Entry>> = BTreeMap::new();
        for entry in entries.iter_mut().filter(|entry| entry.refused.is_none()) {
            if let Some(key) = entry.ready.charge {
                by_key.entry(key).or_default().push(entry);
            }
        }
        let catalog = &self.origin.catalog;
        for (key, entries) in by_key {
            let total = Usage {
                bytes: entries.iter().map(|it| it.ready.image.size_bytes).sum(),
                images: entries.len() as u64,
            };
            if catalog.charge_key(key, total).await? {
                continue;
            }
            // What is here already needs nothing. It is asked only now, since most quotas suffice.
            let ids: Vec<ImageId> = entries.iter().map(|it| it.ready.image.id).collect();
            let known = catalog.find_images(&ids).await?;
            let mut known: HashSet<ImageId> = known.into_iter().map(|image| image.id).collect();
            for entry in entries {
                if known.contains(&entry.ready.image.id) {
                    entry.ready.charge = None;
                } else if catalog.charge_key(key, entry.usage()).await? {
                    known.insert(entry.ready.image.id);
                } else {
                    entry.ready.charge = None;
                    entry.refuse(
                        Rejection::new(
                            "quota-passed",
                            format!("the quota of key {key} is used up"),
                        )
                        .with_hint("an administrator sees it with `imgctl key list`"),
                    );
                }
            }
        }
        Ok(())
    }

    /// Gives back what was charged for images that were there already, or were not kept.
    pub(crate) async fn refund(&self, charged: BTreeMap<KeyId, Usage>) {
        for (key, usage) in charged {
            if let Err(error) = self.origin.catalog.refund_key(key, usage).await {
                tracing::warn!(key.id = %key, "its quota was not refunded: {error}");
            }
        }
    }
}

/// What was taken of the quotas of keys.
pub(crate) fn charges<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> BTreeMap<KeyId, Usage> {
    let mut by_key: BTreeMap<KeyId, Usage> = BTreeMap::new();
    for entry in entries {
        if let Some(key) = entry.ready.charge {
            let usage = by_key.entry(key).or_default();
            usage.bytes += entry.ready.image.size_bytes;
            usage.images += 1;
        }
    }
    by_key
}

impl Entry {
    fn usage(&self) -> Usage {
        Usage {
            bytes: self.ready.image.size_bytes,
            images: 1,
        }
    }
}
