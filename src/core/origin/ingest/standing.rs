//! A batch on disk: written, at its names, and agreeing with what is on record. Blocks.

use std::path::PathBuf;

use crate::blobs::durable::Flusher;
use crate::blobs::originals::Placed;
use crate::blobs::staging::Staging;
use crate::blobs::{BlobError, Tree};
use crate::catalog::{AliasOutcome, Recorded};
use crate::model::alias::AliasName;
use crate::model::image_id::ImageId;
use crate::origin::ingest::commit::Entry;
use crate::origin::ingest::prepare::{Rejection, Staged};

/// Writes what was held in memory for the batch. What cannot be written costs only itself.
pub(crate) fn write_held(staging: &Staging, entries: &mut [Entry]) {
    for entry in entries {
        let Some(Staged::Held(bytes)) = &entry.ready.staged else {
            continue;
        };
        match staging.write(bytes, entry.ready.image.recorded_at) {
            Ok(file) => entry.ready.staged = Some(Staged::File(file)),
            Err(error) => entry.refuse(error.into()),
        }
    }
}

/// Bytes, then names: after this every original of the batch would survive power loss.
pub(crate) fn place_all(
    tree: &Tree,
    flusher: &Flusher,
    mut entries: Vec<Entry>,
) -> Result<Vec<Entry>, BlobError> {
    let staged: Vec<PathBuf> = entries
        .iter()
        .filter_map(|entry| match &entry.ready.staged {
            Some(Staged::File(file)) => Some(file.path().to_owned()),
            Some(Staged::Held(_)) | None => None,
        })
        .collect();
    flusher.flush(staged.iter().map(PathBuf::as_path))?;
    let mut names = Vec::with_capacity(entries.len());
    for entry in entries.iter_mut().filter(|entry| entry.refused.is_none()) {
        place(tree, entry)?;
        names.push(
            tree.originals()
                .path(entry.ready.image.id, entry.ready.image.media),
        );
        if let Some(name) = &entry.ready.alias
            && let Err(error) = tree.aliases().check_name(name)
        {
            entry.fault = Some(alias_unusable(name, &error));
        }
    }
    flusher.flush_names(names.iter().map(PathBuf::as_path))?;
    Ok(entries)
}

fn place(tree: &Tree, entry: &mut Entry) -> Result<(), BlobError> {
    let image = &entry.ready.image;
    let Some(Staged::File(staged)) = entry.ready.staged.take() else {
        // It stood there when it was read, and was erased since.
        let originals = tree.originals();
        if !originals.is_whole(image.id, image.media, image.size_bytes) {
            entry.refuse(vanished());
        }
        return Ok(());
    };
    entry.healed = tree.originals().place(staged, image.id, image.media)? == Placed::Healed;
    if entry.healed {
        tracing::warn!(image.id = %image.id, "the original {} had other bytes and was replaced", image.id);
    }
    Ok(())
}

/// Makes the tree agree with what the catalog decided, durably. Answers with each entry whether its image is new.
///
/// Aliases are linked only now: a name that nginx answered before the catalog knew it could show another image than the
/// one on record, and be cached, and never be purged. The record alone is sound: imgd puts a missing alias back.
pub(crate) fn reconcile_all(
    tree: &Tree,
    staging: &Staging,
    flusher: &Flusher,
    recorded: Vec<(Entry, Option<Recorded>)>,
) -> Result<Vec<(Entry, bool)>, BlobError> {
    let mut linked = Vec::new();
    let mut reconciled = Vec::with_capacity(recorded.len());
    for (mut entry, recorded) in recorded {
        let Some(recorded) = recorded else {
            reconciled.push((entry, false));
            continue;
        };
        match reconcile(tree, staging, &mut entry, &recorded) {
            Ok(link) => linked.extend(link),
            // Someone erased it in this moment.
            Err(error) if error.is_missing() => {
                entry.refuse(vanished());
            }
            Err(error) => return Err(error),
        }
        reconciled.push((entry, recorded.new));
    }
    flusher.flush_names(linked.iter().map(PathBuf::as_path))?;
    Ok(reconciled)
}

/// Answers the alias that was linked, if one was.
fn reconcile(
    tree: &Tree,
    staging: &Staging,
    entry: &mut Entry,
    recorded: &Recorded,
) -> Result<Option<PathBuf>, BlobError> {
    let image = &mut entry.ready.image;
    image.recorded_at = recorded.recorded_at;
    // Another time than on record: of another file with the same bytes, or of a run that a crash kept from recording it.
    tree.originals()
        .ensure_modified(image.id, image.media, recorded.recorded_at)?;
    let (Some(name), Some(outcome)) = (&entry.ready.alias, recorded.aliases.first()) else {
        return Ok(None);
    };
    if let AliasOutcome::Taken { by } = outcome {
        entry.fault = Some(alias_taken(name, *by, image.id));
        return Ok(None);
    }
    let original = tree.originals().path(image.id, image.media);
    match tree.aliases().link(staging, &original, name) {
        Ok(()) => Ok(Some(tree.aliases().path(name))),
        Err(error) if error.is_full() || error.is_missing() => Err(error),
        Err(error) => {
            entry.fault = Some(alias_unusable(name, &error));
            Ok(None)
        }
    }
}

fn vanished() -> Rejection {
    Rejection::new("vanished", "it was removed while it was taken in")
        .with_hint("ingest it again, if it is to stay")
}

pub(crate) fn alias_taken(name: &AliasName, by: ImageId, id: ImageId) -> Rejection {
    let message = format!("alias {name} names image {by} already; the image is kept as {id}");
    Rejection::new("alias-taken", message).with_hint("choose another --alias-prefix")
}

fn alias_unusable(name: &AliasName, error: &BlobError) -> Rejection {
    let message = format!(
        "alias {name} cannot be made: {}",
        crate::origin::error::chain(error)
    );
    Rejection::new("alias-unusable", message)
        .with_hint("a file cannot be a directory too: choose another --alias-prefix")
}
