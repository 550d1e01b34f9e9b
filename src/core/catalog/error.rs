//! What can go wrong between the origin and its database.

use crate::catalog::{SCHEMA_VERSION, SchemaState};
use crate::model::image_id::ImageId;

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("open catalog {location}")]
    Open {
        /// A URL without its password.
        location: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("catalog {location} {state}, this build needs schema {SCHEMA_VERSION}")]
    Schema {
        location: String,
        state: SchemaState,
    },
    #[error("`{url}` is not a catalog URL: {reason}; expected sqlite:PATH or postgres://…")]
    Url {
        /// Without what may be a password.
        url: String,
        reason: String,
    },
    #[error("{action}")]
    Query {
        /// A bare verb phrase, such as `record images`.
        action: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("image {id} is being erased")]
    BeingErased { id: ImageId },
    #[error("{action}: column {column} holds {found}")]
    Row {
        action: &'static str,
        column: &'static str,
        found: String,
    },
}

impl CatalogError {
    /// Whether the same call may succeed later without anyone acting.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Query { source, .. } => is_passing(source),
            Self::BeingErased { .. } => true,
            Self::Schema { .. } | Self::Url { .. } | Self::Row { .. } => false,
        }
    }

    /// No room for a database that is a file of ours.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Query { source, .. } => is_sqlite_full(source),
            Self::BeingErased { .. }
            | Self::Schema { .. }
            | Self::Url { .. }
            | Self::Row { .. } => false,
        }
    }

    /// Stable name for logs and JSON; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            _ if self.is_full() => "disk-full",
            Self::Open { .. } => "catalog-unavailable",
            Self::Schema { .. } => "catalog-schema",
            Self::Url { .. } => "catalog-url",
            Self::Query { .. } => "catalog-query",
            Self::Row { .. } => "catalog-row",
            Self::BeingErased { .. } => "being-erased",
        }
    }

    /// What to do next, if anything can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Schema { state, .. } => match state {
                SchemaState::Newer { .. } => {
                    "a newer build made it: use that build, or restore a copy from before"
                }
                SchemaState::Empty | SchemaState::Current | SchemaState::Older { .. } => {
                    "run `imgctl schema apply`"
                }
            },
            _ if self.is_full() => {
                "free some space on the file system of the catalog; nothing that was reported as done is lost"
            }
            Self::Open { .. } => "check `catalog.url` in imgctl.toml and that the database runs",
            Self::BeingErased { .. } => "try again in a moment",
            Self::Url { .. } | Self::Query { .. } | Self::Row { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn is_sqlite_full(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE for the index of the log. SQLSTATEs of PostgreSQL have five characters.
        .is_some_and(|code| matches!(&*code, "13" | "4874"))
}

fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        // RowNotFound: a row that a statement just met was removed before the next one read it.
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::RowNotFound => true,
        error => error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| {
                matches!(
                    &*code,
                    // SQLITE_BUSY and its forms: RECOVERY, SNAPSHOT, TIMEOUT.
                    "5" | "261" | "517" | "773"
                    // serialization_failure, deadlock_detected, too_many_connections.
                    | "40001" | "40P01" | "53300"
                    // admin_shutdown, crash_shutdown, cannot_connect_now.
                    | "57P01" | "57P02" | "57P03"
                )
            }),
    }
}
