//! Files prepared on many threads, and asked for together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;

use img_core::imaging::MetadataMode;
use img_core::model::image_id::ImageId;
use img_core::origin::ingest::{Candidate, StopFlag};
use tokio::sync::mpsc;

use crate::command::ingest::prepare::{Prepared, prepare};
use crate::remote::RemoteError;

/// Ids asked for in one request.
const LOOKUP_MAX: usize = 1000;
/// Files read ahead of those that are sent: what is known of them, not their bytes.
const PREPARED_MAX: usize = LOOKUP_MAX;

pub(super) fn spawn_workers(
    candidates: impl Iterator<Item = Candidate> + Send + 'static,
    mode: MetadataMode,
    stop: &StopFlag,
) -> mpsc::Receiver<Prepared> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (offer, offered) = std::sync::mpsc::sync_channel(PREPARED_MAX);
    let (send, prepared) = mpsc::channel(PREPARED_MAX);
    let stopped = stop.clone();
    thread::spawn(move || {
        let _all_offered = candidates
            .into_iter()
            .all(|candidate| !stopped.is_set() && offer.send(candidate).is_ok());
    });
    let offered = Arc::new(Mutex::new(offered));
    for _ in 0..workers {
        let (offered, send) = (Arc::clone(&offered), send.clone());
        thread::spawn(move || {
            loop {
                let next = offered.lock().map(|offered| offered.recv());
                let Ok(Ok(candidate)) = next else { return };
                if send.blocking_send(prepare(candidate, mode)).is_err() {
                    return;
                }
            }
        });
    }
    prepared
}

/// What there is, at least one; as many as can be asked for at once.
pub(super) async fn next_batch(
    mut prepared: mpsc::Receiver<Prepared>,
) -> Option<(Vec<Prepared>, mpsc::Receiver<Prepared>)> {
    let mut batch = Vec::new();
    let count = prepared.recv_many(&mut batch, LOOKUP_MAX).await;
    (count > 0).then_some((batch, prepared))
}

/// Files of a batch with the same bytes: the first is sent, and the others are known then.
pub(super) struct Group {
    pub(super) known: bool,
    pub(super) members: Vec<Prepared>,
    /// Ends the run.
    pub(super) failure: Option<RemoteError>,
}

impl Group {
    pub(super) fn failed(failure: RemoteError) -> Self {
        Self {
            known: false,
            members: Vec::new(),
            failure: Some(failure),
        }
    }
}

fn id_of(prepared: &Prepared) -> Option<ImageId> {
    Some(prepared.result.as_ref().ok()?.image.id)
}

pub(super) fn ids_of(batch: &[Prepared]) -> Vec<ImageId> {
    let mut ids: Vec<ImageId> = batch.iter().filter_map(id_of).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// In the order in which they came.
pub(super) fn group(batch: Vec<Prepared>, known: &[ImageId]) -> Vec<Group> {
    let (mut groups, mut at) = (Vec::<Group>::new(), HashMap::<ImageId, usize>::new());
    for prepared in batch {
        let id = id_of(&prepared);
        if let Some(index) = id.and_then(|id| at.get(&id).copied()) {
            groups[index].members.push(prepared);
            continue;
        }
        at.extend(id.map(|id| (id, groups.len())));
        groups.push(Group {
            known: id.is_some_and(|id| known.contains(&id)),
            members: vec![prepared],
            failure: None,
        });
    }
    groups
}
