//! The use cases: the only code that writes originals, derivatives, aliases and records.

use std::sync::{Arc, OnceLock};

use tokio::sync::{RwLock, Semaphore};

use crate::blobs::Tree;
use crate::blobs::staging::Staging;
use crate::catalog::Catalog;
use crate::cpu::CpuPool;
use crate::fetch::scan::ScanHook;
use crate::fetch::webhook::WebhookSecret;
use crate::fetch::{AddressGuard, FetchError, Fetcher};
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
pub mod act; // who asks, and whether they may
pub mod keys; // API keys
pub mod keyring; // who holds one
pub mod users; // people and their sessions
pub mod tickets; // uploads by whoever holds a URL
pub mod callback; // telling others
pub mod naming; // aliases and tags
pub mod block; // what is not wanted
pub mod erase; // removing an image
pub mod appearance; // what it looks like
pub mod view; // what is told of images
pub mod recover; // after a crash

pub use error::{DeriveError, OriginError};
pub use settings::{AccessSettings, OriginSettings};

use flight::Flights;
use ingest::upload::Uploads;
use keyring::{KeyFault, KeyHolder, Keyring, KeyringSettings};
use presets::PresetBook;
use users::LoginGate;

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
    /// Asked before an image is taken in.
    pub scan: Option<ScanHook>,
    /// Signs callbacks.
    pub webhook_secret: Option<WebhookSecret>,
    address_guard: AddressGuard,
    fetcher: OnceLock<Fetcher>,
    /// Where threads that are not the runtime's wait for what is.
    runtime: tokio::runtime::Handle,
    keyring: Keyring,
    logins: LoginGate,
    uploads: Uploads,
    flights: Flights,
    /// Shared by those who put a file where the catalog says it is, from looking or recording to the file; held alone by
    /// those who take files away because the catalog does not say so any more. Of this process.
    standing: Arc<RwLock<()>>,
    /// What is computed ahead of being asked for: never on all workers, so that misses find one.
    ahead: Semaphore,
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
    pub scan: Option<ScanHook>,
    pub webhook_secret: Option<WebhookSecret>,
    pub address_guard: AddressGuard,
    pub settings: OriginSettings,
    pub clock: Arc<dyn Clock>,
}

impl Origin {
    /// Within a runtime.
    pub fn open(parts: OriginParts) -> Result<Arc<Self>, OriginError> {
        let OriginParts {
            catalog,
            tree,
            presets,
            signing_keys,
            scan,
            webhook_secret,
            address_guard,
            settings,
            clock,
        } = parts;
        let cpu = CpuPool::new(settings.workers, settings.memory_bytes_max)?;
        let flights = Flights::start(&catalog, &tree, &settings, cpu.threads())?;
        let in_hand = Semaphore::new(cpu.threads() + 1);
        let ahead_max = (cpu.threads() / 2).max(1);
        let access = settings.access;
        let keyring = KeyringSettings {
            rate_per_min: access.rate_per_min,
            uploads_per_key_max: access.uploads_per_key_max,
        };
        Ok(Arc::new(Self {
            scan,
            webhook_secret,
            address_guard,
            fetcher: OnceLock::new(),
            runtime: tokio::runtime::Handle::current(),
            keyring: Keyring::new(&catalog, &clock, keyring),
            logins: LoginGate::new(),
            uploads: Uploads::new(access.uploads_max),
            catalog,
            tree,
            presets,
            signing_keys,
            settings,
            cpu,
            clock,
            flights,
            standing: Arc::default(),
            ahead: Semaphore::new(ahead_max),
            in_hand,
        }))
    }

    /// Who holds this key.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<KeyHolder>, KeyFault> {
        self.keyring.authenticate(token).await
    }

    /// Speaks to others. Made when it is first needed: reading certificates takes its time.
    pub fn fetcher(&self) -> Result<&Fetcher, FetchError> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher);
        }
        let fetcher = Fetcher::new(self.address_guard.clone())?;
        Ok(self.fetcher.get_or_init(|| fetcher))
    }

    /// Where this process writes files.
    pub(crate) fn staging(&self) -> &Arc<Staging> {
        self.flights.staging()
    }

    /// Waits until everything that was answered is on record for good.
    pub async fn close(&self) {
        self.flights.close().await;
        self.catalog.close().await;
    }
}
