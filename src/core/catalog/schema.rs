//! The schema of the database: which one it has, and raising it step by step.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection, raw_sql};

use crate::catalog::engine::query_error;
use crate::catalog::{CatalogError, CatalogUrl, SCHEMA_VERSION, sqlite};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// No tables of ours, or no database file.
    Empty,
    Current,
    /// Made by an older build: `imgctl schema apply` raises it.
    Older {
        found: u32,
    },
    /// Made by a newer build.
    Newer {
        found: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaReport {
    pub from: SchemaState,
    pub to: u32,
    /// The versions that were made, in order; none if the schema was current.
    pub applied: Vec<u32>,
}

/// The SQL that makes version `index + 1` of the version before it.
const SQLITE_STEPS: [&str; SCHEMA_VERSION as usize] = [
    include_str!("schema/sqlite/0001.sql"),
    include_str!("schema/sqlite/0002.sql"),
    include_str!("schema/sqlite/0003.sql"),
];
const POSTGRES_STEPS: [&str; SCHEMA_VERSION as usize] = [
    include_str!("schema/postgres/0001.sql"),
    include_str!("schema/postgres/0002.sql"),
    include_str!("schema/postgres/0003.sql"),
];

/// How long to wait for whoever else changes the schema.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
/// Taken by all who change the schema of this database: `imgctl`, in ASCII.
const POSTGRES_LOCK: i64 = 0x69_6d_67_63_74_6c;
const FIND_VERSION: &str = "SELECT MAX(version) FROM schema_version";
const ADD_VERSION: &str = "INSERT INTO schema_version (version) VALUES ($1)";

/// Reads which schema the database has. Creates nothing.
pub async fn schema_state(url: &CatalogUrl) -> Result<SchemaState, CatalogError> {
    let found = match url {
        CatalogUrl::Sqlite(path) => sqlite_state(path).await,
        CatalogUrl::Postgres(postgres) => postgres_state(&postgres.options()).await,
    };
    found.map_err(|source| CatalogError::Open {
        location: url.to_string(),
        source,
    })
}

/// Raises the schema to the one of this build; a SQLite file is created if there is none.
///
/// Safe to repeat, and to run twice at once: one waits for the other. Each version is made in one transaction.
pub async fn apply_schema(url: &CatalogUrl) -> Result<SchemaReport, CatalogError> {
    let open = |source| CatalogError::Open {
        location: url.to_string(),
        source,
    };
    let mut report = SchemaReport {
        from: schema_state(url).await?,
        to: SCHEMA_VERSION,
        applied: Vec::new(),
    };
    if let SchemaState::Newer { .. } = report.from {
        return Err(CatalogError::Schema {
            location: url.to_string(),
            state: report.from,
        });
    }
    let applied = match url {
        CatalogUrl::Sqlite(path) => {
            let options = sqlite::connect_options(path, LOCK_TIMEOUT).create_if_missing(true);
            let mut connection = options.connect().await.map_err(open)?;
            sqlite::ensure_wal(&mut connection, LOCK_TIMEOUT)
                .await
                .map_err(open)?;
            let applied = apply_to_sqlite(&mut connection).await;
            connection.close().await.map_err(open)?;
            applied
        }
        CatalogUrl::Postgres(postgres) => {
            let mut connection = postgres.options().connect().await.map_err(open)?;
            let applied = apply_to_postgres(&mut connection).await;
            connection.close().await.map_err(open)?;
            applied
        }
    };
    report.applied = applied.map_err(query_error("apply schema"))?;
    Ok(report)
}

impl SchemaState {
    fn of(found: Option<i64>) -> Self {
        match found.map(|version| u32::try_from(version).unwrap_or(u32::MAX)) {
            None => Self::Empty,
            Some(SCHEMA_VERSION) => Self::Current,
            Some(found) if found < SCHEMA_VERSION => Self::Older { found },
            Some(found) => Self::Newer { found },
        }
    }

    /// The version to make next, if any.
    fn next(self) -> Option<u32> {
        match self {
            Self::Empty => Some(1),
            Self::Older { found } => Some(found + 1),
            Self::Current | Self::Newer { .. } => None,
        }
    }
}

/// Reads after the name of a database: `is empty`, `has schema 3`.
impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Current => write!(f, "has schema {SCHEMA_VERSION}"),
            Self::Older { found } | Self::Newer { found } => write!(f, "has schema {found}"),
        }
    }
}

async fn sqlite_state(path: &Path) -> Result<SchemaState, sqlx::Error> {
    // SQLite makes no difference between a file that is missing and a directory that is; we do not create either.
    if !tokio::fs::try_exists(path).await? {
        return Ok(SchemaState::Empty);
    }
    let options = sqlite::connect_options(path, LOCK_TIMEOUT);
    let mut connection = options.connect().await?;
    let state = find_in_sqlite(&mut connection).await;
    connection.close().await?;
    state
}

async fn find_in_sqlite(connection: &mut SqliteConnection) -> Result<SchemaState, sqlx::Error> {
    let ours: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if ours == 0 {
        return Ok(SchemaState::Empty);
    }
    let found: Option<i64> = sqlx::query_scalar(FIND_VERSION)
        .fetch_one(connection)
        .await?;
    Ok(SchemaState::of(Some(found.unwrap_or(0))))
}

async fn apply_to_sqlite(connection: &mut SqliteConnection) -> Result<Vec<u32>, sqlx::Error> {
    let mut applied = Vec::new();
    loop {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let Some(version) = find_in_sqlite(&mut transaction).await?.next() else {
            return Ok(applied);
        };
        raw_sql(SQLITE_STEPS[version as usize - 1])
            .execute(&mut *transaction)
            .await?;
        sqlx::query(ADD_VERSION)
            .bind(i64::from(version))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        applied.push(version);
    }
}

async fn postgres_state(
    options: &sqlx::postgres::PgConnectOptions,
) -> Result<SchemaState, sqlx::Error> {
    let mut connection = options.connect().await?;
    let state = find_in_postgres(&mut connection).await;
    connection.close().await?;
    state
}

async fn find_in_postgres(connection: &mut PgConnection) -> Result<SchemaState, sqlx::Error> {
    let ours: bool = sqlx::query_scalar("SELECT to_regclass('schema_version') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !ours {
        return Ok(SchemaState::Empty);
    }
    let found: Option<i64> = sqlx::query_scalar(FIND_VERSION)
        .fetch_one(connection)
        .await?;
    Ok(SchemaState::of(Some(found.unwrap_or(0))))
}

async fn apply_to_postgres(connection: &mut PgConnection) -> Result<Vec<u32>, sqlx::Error> {
    let mut applied = Vec::new();
    loop {
        // Not in a snapshot from before the lock, whatever the default of the server is.
        let mut transaction = connection
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(POSTGRES_LOCK)
            .execute(&mut *transaction)
            .await?;
        let Some(version) = find_in_postgres(&mut transaction).await?.next() else {
            return Ok(applied);
        };
        raw_sql(POSTGRES_STEPS[version as usize - 1])
            .execute(&mut *transaction)
            .await?;
        sqlx::query(ADD_VERSION)
            .bind(i64::from(version))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        applied.push(version);
    }
}
