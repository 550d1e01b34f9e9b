//! The use cases: the only code that writes originals, derivatives, aliases and records.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::blobs::Tree;
use crate::catalog::Catalog;
use crate::cpu::CpuPool;
use crate::model::clock::Clock;
use crate::model::signature::SigningKey;

pub mod settings; // what an operator can set
pub mod error; // what can go wrong
pub mod presets; // names to recipes
pub mod ingest; // bytes become originals
pub mod derive; // originals become derivatives
pub mod flight; // one derivation however many ask
pub mod miss; // what nginx did not find
pub mod bulk; // deriving ahead
pub mod alias; // public names
pub mod recover; // after a crash

pub use error::{DeriveError, OriginError};
pub use settings::OriginSettings;

use flight::Flights;
use presets::PresetBook;

/// An origin: its tree, its catalog, its presets, and the means to work on them.
#[derive(Debug)]
pub struct Origin {
    pub catalog: Arc<dyn Catalog>,
    pub tree: Tree,
    pub presets: PresetBook,
    pub signing_keys: Vec<SigningKey>,
    pub settings: OriginSettings,
    pub cpu: CpuPool,
    pub clock: Arc<dyn Clock>,
    flights: Flights,
    /// Originals read and not yet done with: as many as there are workers, and one on its way.
    in_hand: Semaphore,
}

/// What an origin is made of.
#[derive(Debug)]
pub struct OriginParts {
    pub catalog: Arc<dyn Catalog>,
    pub tree: Tree,
    pub presets: PresetBook,
    pub signing_keys: Vec<SigningKey>,
    pub settings: OriginSettings,
    pub clock: Arc<dyn Clock>,
}

impl Origin {
    pub fn open(parts: OriginParts) -> Result<Arc<Self>, OriginError> {
        let OriginParts {
            catalog,
            tree,
            presets,
            signing_keys,
            settings,
            clock,
        } = parts;
        let cpu = CpuPool::new(settings.workers, settings.memory_bytes_max)?;
        let flights = Flights::start(&catalog, &tree, &settings, cpu.threads())?;
        let in_hand = Semaphore::new(cpu.threads() + 1);
        Ok(Arc::new(Self {
            catalog,
            tree,
            presets,
            signing_keys,
            settings,
            cpu,
            clock,
            flights,
            in_hand,
        }))
    }

    /// Waits until everything that was answered is on record for good.
    pub async fn close(&self) {
        self.flights.close().await;
        self.catalog.close().await;
    }
}
