//! After a crash: removes what was being written, and derivatives that may be torn.

use std::sync::Arc;

use crate::blobs::staging::Reaped;
use crate::model::clock::UnixSeconds;
use crate::model::record::Derivative;
use crate::origin::Origin;
use crate::origin::error::{OriginError, chain};

/// No erasure takes longer: it waits for claims, whose lease is a fraction of this.
const ERASURE_S_MAX: i64 = 300;
/// Ledger entries looked at in one go.
const UNSETTLED_MAX: u32 = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    pub reaped: Reaped,
    /// Derivatives removed, to be made again when asked for.
    pub unsettled: u64,
    /// Erasures finished that were interrupted.
    pub erased: u64,
}

impl Origin {
    /// Cleans up after processes that are gone. Safe at any time, also while others work.
    ///
    /// A derivative whose size is not on record was answered before it was synced: after power loss its name may hold
    /// fewer bytes than it should, and nginx would serve them for a year. It is removed and made again on demand. While
    /// another process works on this tree, only what is older than the machine's last start can be torn.
    pub async fn recover(self: &Arc<Self>) -> Result<Recovered, OriginError> {
        let mut recovered = Recovered {
            reaped: self.tree.reap_staging()?,
            unsettled: 0,
            erased: 0,
        };
        let now_ms = self.clock.now_ms();
        self.catalog.forget_expired(now_ms).await?;
        for owner in &recovered.reaped.gone {
            // Nobody need wait for the lease of a process that is known to be gone.
            self.catalog.release_claims_of(owner).await?;
        }
        let alone = recovered
            .reaped
            .alive
            .iter()
            .all(|name| name == self.flights.name());
        recovered.erased = if alone {
            self.finish_erasures(UnixSeconds::MAX).await?
        } else {
            self.finish_old_erasures().await?
        };
        let booted_at = booted_at();
        // What another process answered since the machine started, it is about to settle.
        let is_torn = |entry: &Derivative| {
            alone || booted_at.is_some_and(|booted_at| entry.recorded_at < booted_at)
        };
        loop {
            let mut torn = self.catalog.list_unsettled(now_ms, UNSETTLED_MAX).await?;
            torn.retain(is_torn);
            if torn.is_empty() {
                return Ok(recovered);
            }
            for derivative in &torn {
                self.tree.derived().remove(&derivative.key)?;
                recovered.unsettled += 1;
            }
            let settled: Vec<Derivative> = torn
                .into_iter()
                .map(|derivative| Derivative {
                    size_bytes: Some(0),
                    ..derivative
                })
                .collect();
            self.catalog.record_derivatives(&settled).await?;
        }
    }
}

impl Origin {
    /// Finishes erasures that nobody can be at any more.
    ///
    /// Two at one erasure could remove what was taken in again between them, so a young one is left to whoever began it.
    pub(crate) async fn finish_old_erasures(self: &Arc<Self>) -> Result<u64, OriginError> {
        let before = self.clock.now().saturating_sub(ERASURE_S_MAX);
        self.finish_erasures(before).await
    }

    /// Removes the files of images that were taken off the record before that time. What cannot be removed is told and
    /// left to the next try.
    async fn finish_erasures(self: &Arc<Self>, before: UnixSeconds) -> Result<u64, OriginError> {
        let mut finished = 0;
        let unfinished = self.catalog.list_unfinished_erasures(UNSETTLED_MAX).await?;
        for tombstone in unfinished.iter().filter(|it| it.erased_at < before) {
            match self.remove_files(tombstone).await {
                Ok(()) => finished += 1,
                Err(OriginError::Blob(error)) => {
                    tracing::error!(image.id = %tombstone.id, "its files cannot be removed: {}", chain(&error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(finished)
    }
}

/// When this machine was started (`btime` of proc_stat(5)); `None` where the kernel does not say.
fn booted_at() -> Option<UnixSeconds> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}
