//! After a crash: removes what was being written, and derivatives that may be torn.

use crate::blobs::staging::Reaped;
use crate::model::record::Derivative;
use crate::origin::Origin;
use crate::origin::error::OriginError;

/// Ledger entries looked at in one go.
const UNSETTLED_MAX: u32 = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    pub reaped: Reaped,
    /// Derivatives removed, to be made again when asked for.
    pub unsettled: u64,
}

impl Origin {
    /// Cleans up after processes that are gone. Safe at any time, also while others work.
    ///
    /// A derivative whose size is not on record was answered before it was synced: after power loss its name may hold
    /// fewer bytes than it should, and nginx would serve them for a year. It is removed and made again on demand. While
    /// another process works on this tree there was no power loss since, and what it makes must be left alone.
    pub async fn recover(&self) -> Result<Recovered, OriginError> {
        let mut recovered = Recovered {
            reaped: self.tree.reap_staging()?,
            unsettled: 0,
        };
        let now_ms = self.clock.now_ms();
        self.catalog.forget_expired(now_ms).await?;
        for owner in &recovered.reaped.gone {
            // Nobody need wait for the lease of a process that is known to be gone.
            self.catalog.release_claims_of(owner).await?;
        }
        if recovered
            .reaped
            .alive
            .iter()
            .any(|name| *name != self.flights.name())
        {
            return Ok(recovered);
        }
        loop {
            let torn = self.catalog.list_unsettled(now_ms, UNSETTLED_MAX).await?;
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
