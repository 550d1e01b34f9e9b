//! What can go wrong between the origin and its database.

use crate::catalog::SCHEMA_VERSION;

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("open catalog {location}")]
    Open {
        /// A path, or a URL without its password.
        location: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("catalog {location} {state}, this build needs schema {SCHEMA_VERSION}")]
    Schema {
        location: String,
        /// `is empty`, `has schema 3`
        state: String,
    },
    #[error("`{url}` is not a catalog URL: expected sqlite:PATH or postgres://…")]
    Url { url: String },
    #[error("{action}")]
    Query {
        /// A bare verb phrase, such as `record images`.
        action: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("{action}: column {column} holds {found}")]
    Row { action: &'static str, column: &'static str, found: String },
}

impl CatalogError {
    /// Whether the same call may succeed later without anyone acting.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Query { source, .. } => {
                matches!(source, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut)
                    || source.as_database_error().is_some_and(|error| {
                        // SQLITE_BUSY; PostgreSQL serialization_failure, deadlock_detected, admin_shutdown.
                        matches!(error.code().as_deref(), Some("5" | "40001" | "40P01" | "57P01"))
                    })
            }
            Self::Schema { .. } | Self::Url { .. } | Self::Row { .. } => false,
        }
    }

    /// Stable name for logs and JSON; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "catalog-unavailable",
            Self::Schema { .. } => "catalog-schema",
            Self::Url { .. } => "catalog-url",
            Self::Query { .. } => "catalog-query",
            Self::Row { .. } => "catalog-row",
        }
    }

    /// What to do next, if anything can be said.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Schema { .. } => Some("run `imgctl schema apply`".to_owned()),
            Self::Open { .. } => {
                Some("check `catalog.url` in imgctl.toml and that the database runs".to_owned())
            }
            Self::Url { .. } | Self::Query { .. } | Self::Row { .. } => None,
        }
    }
}
