//! From a configuration to an open origin.

use std::sync::Arc;

use crate::blobs::{BlobError, Tree};
use crate::catalog::{self, CatalogError};
use crate::config::{Config, ConfigError};
use crate::model::clock::{Clock, SystemClock};
use crate::origin::presets::PresetBook;
use crate::origin::{Origin, OriginError, OriginParts};

impl Config {
    /// Opens tree, catalog, presets and keys, in the order in which they can be missing.
    pub async fn open_origin(&self) -> Result<Arc<Origin>, OpenError> {
        let tree = Tree::open(&self.data, self.floor)?;
        let catalog = catalog::open(&self.catalog_url, &self.catalog).await?;
        let clock = Arc::new(SystemClock);
        let presets = PresetBook::load(&catalog, self.presets.clone(), clock.now()).await?;
        let signing_keys = self.load_signing_keys()?;
        let settings = self.origin.clone();
        let parts = OriginParts {
            catalog,
            tree,
            presets,
            signing_keys,
            scan: self.scan_hook(),
            webhook_secret: self.load_webhook_secret()?,
            address_guard: self.address_guard(),
            settings,
            clock,
        };
        Ok(Origin::open(parts)?)
    }
}

/// Each as it is: what is missing decides what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Origin(#[from] OriginError),
}
