//! The catalog in one SQLite file, shared by the processes of one machine.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, Sqlite as Sqlite3, SqlitePool};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::catalog::batch::{Batch, Before};
use crate::catalog::engine::{Arg, Durability, Engine, Write, bind_all, query_error};
use crate::catalog::sql::{self, image_columns};
use crate::catalog::{CatalogError, CatalogSettings, ImagePage, sqlite_batch};
use crate::model::image_id::ImageId;
use crate::model::record::Derivative;

/// Pages (4 KiB) of log after which a durable commit copies it into the file: 16 MiB, so that bulk ingest does not
/// rewrite the same page for each batch.
const CHECKPOINT_PAGES: u32 = 4096;
/// The same for commits that are not durable. They are to wait for no disk, so they leave the copying to the durable
/// ones, unless there are none for long: 64 MiB.
const LAZY_CHECKPOINT_PAGES: u32 = 16_384;
/// Up to here it is faster to sort all images since a time than to walk past those before it.
const SORTED_IMAGES_MAX: i64 = 20_000;

/// SQLite has one writer at a time, over all processes. Every write takes the lock at its start (`BEGIN IMMEDIATE`, or
/// a single statement): a transaction that read first and then wanted it could fail at once, however long it may wait.
#[derive(Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    /// `synchronous=FULL`: a commit waits until the log is on disk.
    durable: SqlitePool,
    /// `synchronous=NORMAL`: a commit writes the log, and the next durable one carries it to disk.
    lazy: SqlitePool,
    /// Writers of this process queue here: SQLite itself would poll, with pauses of up to 100 ms, and unfairly.
    turn: Mutex<()>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, settings: &CatalogSettings) -> Result<Self, sqlx::Error> {
        let options = connect_options(path, settings.busy_timeout);
        let pool = |connections_max| {
            SqlitePoolOptions::new()
                .max_connections(connections_max)
                .acquire_timeout(settings.busy_timeout)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = |synchronous, checkpoint_pages: u32| {
            let options = options
                .clone()
                .synchronous(synchronous)
                .pragma("cache_size", "-32768") // KiB: the upper levels of the trees of 10 M images
                .pragma("wal_autocheckpoint", checkpoint_pages.to_string());
            pool(1).connect_with(options)
        };
        let durable = writer(SqliteSynchronous::Full, CHECKPOINT_PAGES).await?;
        // A copy made by `VACUUM INTO` has lost the mode, and readers would block writers.
        ensure_wal(&mut *durable.acquire().await?, settings.busy_timeout).await?;
        Ok(Self {
            lazy: writer(SqliteSynchronous::Normal, LAZY_CHECKPOINT_PAGES).await?,
            readers: pool(settings.connections_max.max(1))
                .connect_with(options.clone().pragma("query_only", "ON"))
                .await?,
            durable,
            turn: Mutex::new(()),
        })
    }

    fn writer(&self, durability: Durability) -> &SqlitePool {
        match durability {
            Durability::Durable => &self.durable,
            Durability::Lazy => &self.lazy,
        }
    }
}

/// Of a file that exists.
pub(super) fn connect_options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(busy_timeout)
}

/// Switches the file to a write-ahead log if it has none yet. SQLite does not wait for the lock that this takes, so we do.
pub(super) async fn ensure_wal(
    connection: &mut SqliteConnection,
    timeout: Duration,
) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + timeout;
    loop {
        let done = sqlx::query("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await;
        match done {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() < deadline && is_busy(&error) => {
                sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// `SQLITE_BUSY`, or one of its forms, which keep it in the low byte.
fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

#[async_trait]
impl Engine for Sqlite {
    type Row = SqliteRow;

    async fn read(
        &self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        bind_all!(sql, args).fetch_all(&self.readers).await
    }

    async fn write(
        &self,
        durability: Durability,
        writes: &[Write<'_>],
    ) -> Result<u64, sqlx::Error> {
        let _turn = self.turn.lock().await;
        let pool = self.writer(durability);
        if let [write] = writes {
            let done = bind_all!(write.sql, write.args).execute(pool).await?;
            return Ok(done.rows_affected());
        }
        let mut connection = pool.acquire().await?;
        let written = write_all(&mut connection, writes).await;
        keep_if_sound(connection, written)
    }

    async fn write_if(&self, first: Write<'_>, then: &[Write<'_>]) -> Result<bool, sqlx::Error> {
        let _turn = self.turn.lock().await;
        let mut connection = self.durable.acquire().await?;
        let written = write_if(&mut connection, first, then).await;
        keep_if_sound(connection, written)
    }

    async fn insert_images(&self, batch: &Batch<'_>) -> Result<Before, CatalogError> {
        let _turn = self.turn.lock().await;
        let acquired = self.durable.acquire().await;
        let mut connection = acquired.map_err(query_error("record images"))?;
        let inserted = insert_images(&mut connection, batch).await;
        keep_if_sound(connection, inserted)
    }

    async fn find_images(&self, ids: &[ImageId]) -> Result<Vec<SqliteRow>, sqlx::Error> {
        sqlx::query(FIND_IMAGES)
            .bind(sqlite_batch::json_ids(ids.iter()))
            .fetch_all(&self.readers)
            .await
    }

    async fn find_blocked(&self, ids: &[ImageId]) -> Result<Vec<SqliteRow>, sqlx::Error> {
        sqlx::query(FIND_BLOCKED)
            .bind(sqlite_batch::json_ids(ids.iter()))
            .fetch_all(&self.readers)
            .await
    }

    async fn list_images(&self, page: &ImagePage) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let after = page.after.map(|id| id.as_bytes().to_vec());
        let after = after.unwrap_or_default();
        let limit = i64::from(page.limit.clamp(1, ImagePage::LIMIT_MAX));
        let Some(since) = page.ingested_since else {
            let args = [Arg::Bytes(&after), Arg::Int(limit)];
            return self.read(sql::LIST_IMAGES, &args).await;
        };
        // Without statistics SQLite cannot know which order of work is better, so it is told.
        let few: bool = sqlx::query_scalar(ARE_FEW_SINCE)
            .bind(since)
            .bind(SORTED_IMAGES_MAX)
            .fetch_one(&self.readers)
            .await?;
        let list = if few {
            LIST_FEW_IMAGES_SINCE
        } else {
            LIST_MANY_IMAGES_SINCE
        };
        let args = [Arg::Bytes(&after), Arg::Int(limit), Arg::Int(since)];
        self.read(list, &args).await
    }

    async fn upsert_derivatives(&self, made: &[Derivative]) -> Result<(), sqlx::Error> {
        let _turn = self.turn.lock().await;
        sqlite_batch::upsert_derivatives(&self.durable, made).await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.lazy.close().await;
        // Last, because the last to close empties the log, and waits for the disk.
        self.durable.close().await;
    }
}

/// Closes a connection whose transaction failed. SQLite may have rolled it back by itself (a full disk does that), and then
/// the pool's count of open transactions is wrong for ever.
fn keep_if_sound<T, E>(
    mut connection: PoolConnection<Sqlite3>,
    done: Result<T, E>,
) -> Result<T, E> {
    if done.is_err() {
        connection.close_on_drop();
    }
    done
}

async fn write_all(
    connection: &mut PoolConnection<Sqlite3>,
    writes: &[Write<'_>],
) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut changed = 0;
    for write in writes {
        let query = bind_all!(write.sql, write.args);
        changed += query.execute(&mut *transaction).await?.rows_affected();
    }
    transaction.commit().await?;
    Ok(changed)
}

async fn write_if(
    connection: &mut PoolConnection<Sqlite3>,
    first: Write<'_>,
    then: &[Write<'_>],
) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let query = bind_all!(first.sql, first.args);
    if query.execute(&mut *transaction).await?.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    for write in then {
        let query = bind_all!(write.sql, write.args);
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

async fn insert_images(
    connection: &mut PoolConnection<Sqlite3>,
    batch: &Batch<'_>,
) -> Result<Before, CatalogError> {
    let failed = query_error("record images");
    let begun = connection.begin_with("BEGIN IMMEDIATE").await;
    let mut transaction = begun.map_err(&failed)?;
    let before = sqlite_batch::find_before(&mut transaction, batch).await?;
    sqlite_batch::insert_missing(&mut transaction, batch, &before).await?;
    transaction.commit().await.map_err(&failed)?;
    Ok(before)
}

const FIND_IMAGES: &str = concat!(
    "SELECT ",
    image_columns!(),
    " FROM image WHERE id IN (SELECT unhex(value) FROM json_each($1))"
);

const FIND_BLOCKED: &str =
    "SELECT image_id FROM block WHERE image_id IN (SELECT unhex(value) FROM json_each($1))";

const ARE_FEW_SINCE: &str = "
    SELECT COUNT(*) < $2 FROM (SELECT 1 FROM image WHERE ingested_at >= $1 LIMIT $2)";

const LIST_FEW_IMAGES_SINCE: &str = concat!(
    "SELECT ",
    image_columns!(),
    " FROM image INDEXED BY image_ingested_at
    WHERE id > $1 AND ingested_at >= $3 ORDER BY id LIMIT $2"
);

// +: not by the index.
const LIST_MANY_IMAGES_SINCE: &str = concat!(
    "SELECT ",
    image_columns!(),
    " FROM image WHERE id > $1 AND +ingested_at >= $3 ORDER BY id LIMIT $2"
);

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::catalog::{
        CatalogUrl, SchemaState, apply_schema, contract, contract_schema, open, relational_search,
    };

    fn database(dir: &tempfile::TempDir, name: &str) -> CatalogUrl {
        CatalogUrl::Sqlite(dir.path().join(name))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_keeps_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        let url = database(&dir, "catalog.db");
        apply_schema(&url).await.unwrap();
        let settings = CatalogSettings::default();
        contract::run(async || open(&url, &settings).await.unwrap()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sqlite_keeps_the_contract_of_the_schema() {
        let dir = tempfile::tempdir().unwrap();
        let execute = async |url: &CatalogUrl, sql: &'static str| {
            let CatalogUrl::Sqlite(path) = url else {
                unreachable!("a SQLite test")
            };
            let pool = SqlitePool::connect_with(
                SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true),
            );
            let pool = pool.await.unwrap();
            sqlx::query(sql).execute(&pool).await.unwrap();
            pool.close().await;
        };
        contract_schema::run(async |name| database(&dir, name), execute).await;
    }

    #[tokio::test]
    async fn a_missing_file_is_not_created_by_looking() {
        let dir = tempfile::tempdir().unwrap();
        let url = database(&dir, "catalog.db");
        assert_eq!(
            crate::catalog::schema_state(&url).await.unwrap(),
            SchemaState::Empty
        );
        assert!(open(&url, &CatalogSettings::default()).await.is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.db");
        std::fs::write(
            &path,
            "not a database, but as long as its header is ".repeat(9),
        )
        .unwrap();
        let url = CatalogUrl::Sqlite(path);
        for error in [
            open(&url, &CatalogSettings::default()).await.unwrap_err(),
            apply_schema(&url).await.unwrap_err(),
        ] {
            assert!(error.to_string().contains("catalog.db"), "{error}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("file is not a database"), "{cause}");
        }
    }

    #[tokio::test]
    async fn claims_do_not_wait_for_the_disk_and_records_do() {
        let dir = tempfile::tempdir().unwrap();
        let url = database(&dir, "catalog.db");
        apply_schema(&url).await.unwrap();
        let path = dir.path().join("catalog.db");
        let engine = Sqlite::open(&path, &CatalogSettings::default())
            .await
            .unwrap();
        let pragma = async |sql: &'static str, durability| {
            let row = sqlx::query(sql).fetch_one(engine.writer(durability)).await;
            row.unwrap().get::<i64, _>(0)
        };
        // 1: NORMAL, 2: FULL.
        let synchronous = "PRAGMA synchronous";
        assert_eq!(pragma(synchronous, Durability::Lazy).await, 1);
        assert_eq!(pragma(synchronous, Durability::Durable).await, 2);
    }

    #[tokio::test]
    async fn the_audit_log_can_only_grow() {
        let dir = tempfile::tempdir().unwrap();
        let url = database(&dir, "catalog.db");
        apply_schema(&url).await.unwrap();
        let catalog = open(&url, &CatalogSettings::default()).await.unwrap();
        let entry = contract::entry("key.create", "3f");
        catalog.append_audit(&[entry]).await.unwrap();
        let pool = raw(&dir).await;
        for sql in ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"] {
            let refused = sqlx::query(sql).execute(&pool).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
        let audited = contract::audited(&*catalog, "3f").await;
        assert_eq!(audited, ["key.create"]);
    }

    #[tokio::test]
    async fn searches_follow_an_index() {
        let dir = tempfile::tempdir().unwrap();
        apply_schema(&database(&dir, "catalog.db")).await.unwrap();
        let pool = raw(&dir).await;
        for (sql, expected) in [
            (
                relational_search::NEWEST,
                "INDEX image_ingested_at (ingested_at>? AND (ingested_at,id)<(?,?))",
            ),
            (
                relational_search::BY_TAG,
                "INDEX image_tag_tag (tag=? AND image_id>?); SEARCH image USING PRIMARY KEY (id=?)",
            ),
            (
                relational_search::BY_ALIAS,
                "SEARCH alias USING PRIMARY KEY (host=? AND path>? AND path<?); SEARCH image USING PRIMARY KEY (id=?)",
            ),
        ] {
            let plan = plan(&pool, sql).await;
            assert!(plan.contains(expected), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
            assert!(!plan.contains("SCAN image"), "{plan}");
        }
    }

    #[tokio::test]
    async fn lists_since_a_time_read_no_more_than_they_must() {
        let dir = tempfile::tempdir().unwrap();
        let url = database(&dir, "catalog.db");
        apply_schema(&url).await.unwrap();
        let pool = raw(&dir).await;
        let many = plan(&pool, LIST_MANY_IMAGES_SINCE).await;
        assert_eq!(many, "SEARCH image USING PRIMARY KEY (id>?)");
        let few = plan(&pool, LIST_FEW_IMAGES_SINCE).await;
        assert!(
            few.contains("INDEX image_ingested_at (ingested_at>?"),
            "{few}"
        );
        let aliases = plan(&pool, sql::LIST_ALIASES_OF).await;
        assert!(
            aliases.contains("INDEX alias_image_id (image_id=?)"),
            "{aliases}"
        );
        assert!(!aliases.contains("TEMP B-TREE"), "{aliases}");
    }

    async fn raw(dir: &tempfile::TempDir) -> SqlitePool {
        let path = dir.path().join("catalog.db");
        let pool = SqlitePool::connect_with(connect_options(&path, Duration::from_secs(1)));
        pool.await.unwrap()
    }

    async fn plan(pool: &SqlitePool, sql: &str) -> String {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
        let details = rows.iter().map(|row| row.get::<String, _>("detail"));
        details.collect::<Vec<_>>().join("; ")
    }
}
