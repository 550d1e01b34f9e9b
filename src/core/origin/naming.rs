//! What is said about images: aliases given and taken, tags, and whose images are whose.

use std::sync::Arc;

use crate::blobs::blocking;
use crate::catalog::AliasOutcome;
use crate::catalog::search::TagChange;
use crate::model::access::Verb;
use crate::model::alias::AliasName;
use crate::model::image_id::ImageId;
use crate::model::record::Image;
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::act::{Act, ActError};

/// How tags of an image are to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagWish {
    /// These and no others.
    Set(Vec<Tag>),
    Change(TagChange),
}

impl Origin {
    /// An image on record; one that was erased is told apart from one that never was.
    pub async fn get_image(&self, id: ImageId) -> Result<Image, ActError> {
        if let Some(image) = self.catalog.find_image(id).await? {
            return Ok(image);
        }
        Err(match self.catalog.find_tombstone(id).await? {
            Some(_) => ActError::Erased { id },
            None => ActError::UnknownImage { id },
        })
    }

    /// Names an image. Answers whether the name is new; a name of another image is left as it is.
    pub async fn put_alias(
        self: &Arc<Self>,
        act: &Act,
        name: &AliasName,
        id: ImageId,
    ) -> Result<bool, ActError> {
        act.caller.require(Verb::Alias)?;
        act.caller.require_alias(&name.path)?;
        let image = self.get_image(id).await?;
        let unusable = |source| ActError::AliasUnusable {
            name: name.clone(),
            source,
        };
        self.tree.aliases().check_name(name).map_err(unusable)?;
        let entry = act.entry(self.clock.now_ms(), "alias.put", name.to_string());
        let _standing = self.standing.read().await;
        let outcome = self.catalog.put_alias(name, id, &entry).await?;
        if let AliasOutcome::Taken { by } = outcome {
            let name = name.clone();
            return Err(ActError::AliasTaken { name, by });
        }
        // The record stands; should the link fail, imgd makes it when it is first asked for.
        let (origin, linked) = (Arc::clone(self), name.clone());
        let link = move || {
            let original = origin.tree.originals().path(id, image.media);
            let staging = origin.staging();
            origin.tree.aliases().link(staging, &original, &linked)
        };
        blocking(link).await.map_err(unusable)?;
        Ok(outcome == AliasOutcome::New)
    }

    /// Takes a name away and answers whose it was. The image stays, and so do its other names.
    pub async fn remove_alias(
        self: &Arc<Self>,
        act: &Act,
        name: &AliasName,
    ) -> Result<ImageId, ActError> {
        act.caller.require(Verb::Alias)?;
        act.caller.require_alias(&name.path)?;
        let unknown = || ActError::UnknownAlias { name: name.clone() };
        let id = self.catalog.find_alias(name).await?.ok_or_else(unknown)?;
        let entry = act.entry(self.clock.now_ms(), "alias.remove", name.to_string());
        let now = self.clock.now();
        let _alone = self.standing.write().await;
        // First the file: a name on record without one is made again when it is asked for, and after a crash nobody
        // would remove the file of a name that is not on record.
        self.remove_alias_file(name).await?;
        if !self.catalog.remove_alias(name, id, now, &entry).await? {
            return Err(unknown());
        }
        // Another process may have made it again in between.
        self.remove_alias_file(name).await?;
        Ok(id)
    }

    async fn remove_alias_file(self: &Arc<Self>, name: &AliasName) -> Result<(), ActError> {
        let (origin, removed) = (Arc::clone(self), name.clone());
        Ok(blocking(move || origin.tree.aliases().remove(&removed)).await?)
    }

    /// Changes the tags of an image and answers what they are now.
    pub async fn tag_image(
        &self,
        act: &Act,
        id: ImageId,
        wish: TagWish,
    ) -> Result<Vec<Tag>, ActError> {
        act.caller.require(Verb::Ingest)?;
        let image = self.get_image(id).await?;
        self.require_own(act, &image).await?;
        let present = self.catalog.list_tags_of(id).await?;
        let change = match wish {
            TagWish::Change(change) => change,
            TagWish::Set(tags) => TagChange {
                remove: present
                    .iter()
                    .filter(|tag| !tags.contains(tag))
                    .cloned()
                    .collect(),
                add: tags,
            },
        };
        let mut after: Vec<Tag> = present
            .into_iter()
            .filter(|tag| !change.remove.contains(tag))
            .chain(change.add.iter().cloned())
            .collect();
        after.sort();
        after.dedup();
        if after.len() > Tag::COUNT_MAX {
            return Err(ActError::TooManyTags);
        }
        let mut entry = act.entry(self.clock.now_ms(), "image.tag", id.to_string());
        entry.counts = counts([
            ("added", change.add.len()),
            ("removed", change.remove.len()),
        ]);
        if !self.catalog.tag_image(id, &change, &entry).await? {
            return Err(ActError::UnknownImage { id });
        }
        Ok(after)
    }

    /// A key with a prefix may touch what it brought itself, or another key of its prefix.
    ///
    /// That an image has a name there says nothing: such a name it could give to any image.
    pub(crate) async fn require_own(&self, act: &Act, image: &Image) -> Result<(), ActError> {
        let Some(prefix) = &act.caller.prefix else {
            return Ok(());
        };
        if image.ingested_by == act.caller.actor.to_string() {
            return Ok(());
        }
        let bringer = image.ingested_by.strip_prefix("key:");
        if let Some(id) = bringer.and_then(|id| id.parse().ok())
            && let Some(key) = self.catalog.find_key(id).await?
            && act.caller.covers(key.prefix.as_ref())
        {
            return Ok(());
        }
        Err(ActError::NotYours {
            id: image.id,
            prefix: prefix.clone(),
        })
    }
}

pub(crate) fn counts<const N: usize>(
    counts: [(&str, usize); N],
) -> std::collections::BTreeMap<String, u64> {
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(what, count)| (what.to_owned(), count as u64))
        .collect()
}
