//! The catalog in PostgreSQL, shared by the nodes of an origin.
//!
//! Every statement is right under READ COMMITTED, however many sessions there are.

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};

use crate::catalog::batch::{Batch, Before};
use crate::catalog::engine::{Arg, Durability, Engine, Write, bind_all, query_error};
use crate::catalog::relational::RACES_MAX;
use crate::catalog::sql::{self, image_columns};
use crate::catalog::{CatalogError, CatalogSettings, ImagePage, postgres_batch};
use crate::model::image_id::ImageId;
use crate::model::record::Derivative;

const BEGIN_DURABLE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// Local to the transaction, so that no pool between us and the server can carry it to another.
const BEGIN_LAZY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off";

#[derive(Debug)]
pub(super) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    pub(super) async fn open(
        options: PgConnectOptions,
        settings: &CatalogSettings,
    ) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections_max.max(1))
            .acquire_timeout(settings.busy_timeout)
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    async fn try_insert_images(&self, batch: &Batch<'_>) -> Result<Before, CatalogError> {
        let failed = query_error("record images");
        let begun = self.pool.begin_with(BEGIN_DURABLE).await;
        let mut transaction = begun.map_err(&failed)?;
        let mut before = Before::default();
        postgres_batch::insert_images(&mut transaction, batch, &mut before).await?;
        if !batch.aliases.is_empty() {
            postgres_batch::insert_aliases(&mut transaction, batch, &mut before).await?;
        }
        postgres_batch::insert_notes(&mut transaction, batch)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(before)
    }
}

#[async_trait]
impl Engine for Postgres {
    type Row = PgRow;

    async fn read(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<PgRow>, sqlx::Error> {
        bind_all!(sql, args).fetch_all(&self.pool).await
    }

    async fn write(
        &self,
        durability: Durability,
        writes: &[Write<'_>],
    ) -> Result<u64, sqlx::Error> {
        let begin = match durability {
            Durability::Durable => BEGIN_DURABLE,
            Durability::Lazy => BEGIN_LAZY,
        };
        let mut transaction = self.pool.begin_with(begin).await?;
        let mut changed = 0;
        for write in writes {
            let query = bind_all!(write.sql, write.args);
            changed += query.execute(&mut *transaction).await?.rows_affected();
        }
        transaction.commit().await?;
        Ok(changed)
    }

    async fn write_if(&self, first: Write<'_>, then: &[Write<'_>]) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin_with(BEGIN_DURABLE).await?;
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

    async fn insert_images(&self, batch: &Batch<'_>) -> Result<Before, CatalogError> {
        for _ in 1..RACES_MAX {
            match self.try_insert_images(batch).await {
                // What stood in the way was erased, or its name taken away, a moment ago.
                Err(CatalogError::Query {
                    source: sqlx::Error::RowNotFound,
                    ..
                }) => {}
                done => return done,
            }
        }
        self.try_insert_images(batch).await
    }

    async fn find_images(&self, ids: &[ImageId]) -> Result<Vec<PgRow>, sqlx::Error> {
        let ids: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
        sqlx::query(FIND_IMAGES)
            .bind(ids)
            .fetch_all(&self.pool)
            .await
    }

    async fn find_blocked(&self, ids: &[ImageId]) -> Result<Vec<PgRow>, sqlx::Error> {
        let ids: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
        sqlx::query("SELECT image_id FROM block WHERE image_id = ANY($1)")
            .bind(ids)
            .fetch_all(&self.pool)
            .await
    }

    async fn list_images(&self, page: &ImagePage) -> Result<Vec<PgRow>, sqlx::Error> {
        let after = page.after.map(|id| id.as_bytes().to_vec());
        let after = after.unwrap_or_default();
        let limit = i64::from(page.limit.clamp(1, ImagePage::LIMIT_MAX));
        let args = [
            Arg::Bytes(&after),
            Arg::Int(limit),
            Arg::Int(page.ingested_since.unwrap_or_default()),
        ];
        match page.ingested_since {
            None => self.read(sql::LIST_IMAGES, &args[..2]).await,
            Some(_) => self.read(sql::LIST_IMAGES_SINCE, &args).await,
        }
    }

    async fn upsert_derivatives(&self, made: &[Derivative]) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin_with(BEGIN_DURABLE).await?;
        postgres_batch::upsert_derivatives(&mut transaction, made).await?;
        transaction.commit().await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

const FIND_IMAGES: &str = concat!(
    "SELECT ",
    image_columns!(),
    " FROM image WHERE id = ANY($1)"
);

#[cfg(test)]
mod tests {
    use img_test_postgres::TestPostgres;

    use super::*;
    use crate::catalog::{CatalogUrl, apply_schema, contract, contract_schema, open};

    fn create(postgres: &TestPostgres, name: &str) -> CatalogUrl {
        postgres.create_database(name).parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_keeps_the_contract() {
        let postgres = TestPostgres::start();
        let url = create(&postgres, "contract");
        apply_schema(&url).await.unwrap();
        let settings = CatalogSettings::default();
        contract::run(async || open(&url, &settings).await.unwrap()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn postgres_keeps_the_contract_of_the_schema() {
        let postgres = TestPostgres::start();
        let execute = async |url: &CatalogUrl, sql: &'static str| {
            let CatalogUrl::Postgres(url) = url else {
                unreachable!("a PostgreSQL test")
            };
            let pool = PgPool::connect_with(url.options()).await.unwrap();
            sqlx::query(sql).execute(&pool).await.unwrap();
            pool.close().await;
        };
        contract_schema::run(async |name| create(&postgres, name), execute).await;
    }

    #[tokio::test]
    async fn the_audit_log_can_only_grow() {
        let postgres = TestPostgres::start();
        let url = create(&postgres, "audit");
        apply_schema(&url).await.unwrap();
        let catalog = open(&url, &CatalogSettings::default()).await.unwrap();
        let entry = contract::entry("key.create", "3f");
        catalog.append_audit(&[entry]).await.unwrap();
        let CatalogUrl::Postgres(raw) = url else {
            unreachable!("a PostgreSQL test")
        };
        let pool = PgPool::connect_with(raw.options()).await.unwrap();
        for sql in [
            "UPDATE audit SET actor = 'nobody'",
            "DELETE FROM audit",
            "TRUNCATE audit",
        ] {
            let refused = sqlx::query(sql).execute(&pool).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
        let audited = contract::audited(&*catalog, "3f").await;
        assert_eq!(audited, ["key.create"]);
        pool.close().await;
        catalog.close().await;
    }

    #[tokio::test]
    async fn only_lazy_commits_do_not_wait_for_the_disk() {
        let postgres = TestPostgres::start();
        let CatalogUrl::Postgres(url) = create(&postgres, "durability") else {
            unreachable!("a PostgreSQL test")
        };
        let pool = PgPool::connect_with(url.options()).await.unwrap();
        for (begin, expected) in [(BEGIN_LAZY, "off"), (BEGIN_DURABLE, "on")] {
            let mut transaction = pool.begin_with(begin).await.unwrap();
            let setting: String = sqlx::query_scalar("SHOW synchronous_commit")
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            assert_eq!(setting, expected);
        }
        pool.close().await;
    }
}
