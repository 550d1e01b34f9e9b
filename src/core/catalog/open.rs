//! From a URL to a catalog.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::postgres::Postgres;
use crate::catalog::relational::Relational;
use crate::catalog::sqlite::Sqlite;
use crate::catalog::{Catalog, CatalogError, CatalogUrl, SchemaState, schema_state};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogSettings {
    /// How long a call waits for a lock of another process, or for a free connection.
    pub busy_timeout: Duration,
    /// SQLite: connections that read, beside two that write. PostgreSQL: all connections.
    pub connections_max: u32,
}

impl Default for CatalogSettings {
    fn default() -> Self {
        Self {
            // Longer than any transaction of ours; a checkpoint on a slow disk takes seconds.
            busy_timeout: Duration::from_secs(10),
            // Lookups take some 0.1 ms: eight answer tens of thousands in a second, and 12 nodes fit into the 100
            // connections that PostgreSQL allows unless told otherwise.
            connections_max: 8,
        }
    }
}

/// Opens the catalog at `url`, if its schema is the one of this build.
pub async fn open(
    url: &CatalogUrl,
    settings: &CatalogSettings,
) -> Result<Arc<dyn Catalog>, CatalogError> {
    let state = schema_state(url).await?;
    if state != SchemaState::Current {
        return Err(CatalogError::Schema {
            location: url.to_string(),
            state,
        });
    }
    let failed = |source| CatalogError::Open {
        location: url.to_string(),
        source,
    };
    Ok(match url {
        CatalogUrl::Sqlite(path) => {
            let engine = Sqlite::open(path, settings).await.map_err(failed)?;
            Arc::new(Relational::new(engine))
        }
        CatalogUrl::Postgres(postgres) => {
            let engine = Postgres::open(postgres.options(), settings)
                .await
                .map_err(failed)?;
            Arc::new(Relational::new(engine))
        }
    })
}
