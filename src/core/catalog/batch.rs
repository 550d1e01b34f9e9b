//! A batch of images: what of it is sent to the database, and what became of each entry.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{AliasOutcome, NewImage, Recorded};
use crate::model::alias::AliasName;
use crate::model::audit::AuditEntry;
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::record::Image;
use crate::model::tag::Tag;

/// Each id and each alias once, as its first entry has it.
///
/// In ascending order: two batches at once lock what they share in the same order, so that neither waits for ever; and
/// neighbours in an index are written one after the other.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) images: Vec<&'a Image>,
    pub(super) aliases: Vec<(&'a AliasName, ImageId)>,
    pub(super) tags: Vec<(ImageId, &'a Tag)>,
    /// In the order of the entries.
    pub(super) audits: Vec<&'a AuditEntry>,
}

/// What of a batch was on record before it.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) images: BTreeMap<ImageId, UnixSeconds>,
    pub(super) aliases: BTreeMap<AliasName, ImageId>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(entries: &'a [NewImage]) -> Self {
        let mut images = BTreeMap::new();
        let mut aliases = BTreeMap::new();
        let mut tags = BTreeSet::new();
        for entry in entries {
            images.entry(entry.image.id).or_insert(&entry.image);
            for name in &entry.aliases {
                aliases.entry(name).or_insert(entry.image.id);
            }
            tags.extend(entry.tags.iter().map(|tag| (entry.image.id, tag)));
        }
        Self {
            images: images.into_values().collect(),
            aliases: aliases.into_iter().collect(),
            tags: tags.into_iter().collect(),
            audits: entries.iter().flat_map(|entry| &entry.audits).collect(),
        }
    }
}

/// The outcome of each entry: it sees what was before the batch, and the entries before it.
pub(super) fn outcomes(entries: &[NewImage], before: Before) -> Vec<Recorded> {
    let Before {
        mut images,
        mut aliases,
    } = before;
    let mut recorded = Vec::with_capacity(entries.len());
    for NewImage {
        image,
        aliases: names,
        ..
    } in entries
    {
        let known = images.get(&image.id).copied();
        let recorded_at = known.unwrap_or(image.recorded_at);
        images.insert(image.id, recorded_at);
        let name_outcome = |name: &AliasName| match aliases.get(name) {
            None => {
                aliases.insert(name.clone(), image.id);
                AliasOutcome::New
            }
            Some(&by) if by == image.id => AliasOutcome::Same,
            Some(&by) => AliasOutcome::Taken { by },
        };
        recorded.push(Recorded {
            new: known.is_none(),
            recorded_at,
            aliases: names.iter().map(name_outcome).collect(),
        });
    }
    recorded
}
