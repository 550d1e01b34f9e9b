//! The catalog over either engine.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use crate::catalog::batch::{self, Batch};
use crate::catalog::engine::{Arg, Durability, Engine, Write, query_error, without_nul};
use crate::catalog::rows::{self, Fields};
use crate::catalog::{
    Catalog, CatalogError, Claim, Failure, ImagePage, NewImage, Recorded, Totals, sql,
};
use crate::model::alias::{AliasName, HostName};
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::preset::{PresetDefinition, PresetName};
use crate::model::record::{Derivative, DerivativeKey, Image};

/// How often a claim or a preset is tried again when another session was quicker. Each time someone got through, so
/// this many in a row means that the database does not do what it says.
pub(super) const RACES_MAX: u32 = 100;

#[derive(Debug)]
pub(super) struct Relational<E> {
    pub(super) engine: E,
}

impl<E: Engine> Relational<E> {
    pub(super) fn new(engine: E) -> Self {
        Self { engine }
    }

    pub(super) async fn read(
        &self,
        action: &'static str,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<E::Row>, CatalogError> {
        let rows = self.engine.read(sql, args).await;
        rows.map_err(query_error(action))
    }

    pub(super) async fn write(
        &self,
        action: &'static str,
        durability: Durability,
        writes: &[Write<'_>],
    ) -> Result<u64, CatalogError> {
        let changed = self.engine.write(durability, writes).await;
        changed.map_err(query_error(action))
    }

    /// Durable; `false` if `first` changed nothing, and then nothing is written.
    pub(super) async fn write_if(
        &self,
        action: &'static str,
        first: Write<'_>,
        then: &[Write<'_>],
    ) -> Result<bool, CatalogError> {
        let done = self.engine.write_if(first, then).await;
        done.map_err(query_error(action))
    }
}

#[async_trait]
impl<E: Engine> Catalog for Relational<E> {
    async fn record_images(&self, batch: &[NewImage]) -> Result<Vec<Recorded>, CatalogError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let before = self.engine.insert_images(&Batch::of(batch)).await?;
        Ok(batch::outcomes(batch, before))
    }

    async fn find_image(&self, id: ImageId) -> Result<Option<Image>, CatalogError> {
        let action = "find image";
        let args = [Arg::Bytes(id.as_bytes())];
        let rows = self.read(action, sql::FIND_IMAGE, &args).await?;
        rows.first().map(|row| rows::image(action, row)).transpose()
    }

    async fn find_images(&self, ids: &[ImageId]) -> Result<Vec<Image>, CatalogError> {
        let action = "find images";
        let rows = self.engine.find_images(ids).await;
        let rows = rows.map_err(query_error(action))?;
        rows.iter().map(|row| rows::image(action, row)).collect()
    }

    async fn list_images(&self, page: &ImagePage) -> Result<Vec<Image>, CatalogError> {
        let action = "list images";
        let rows = self.engine.list_images(page).await;
        let rows = rows.map_err(query_error(action))?;
        rows.iter().map(|row| rows::image(action, row)).collect()
    }

    async fn find_alias(&self, name: &AliasName) -> Result<Option<ImageId>, CatalogError> {
        let action = "find alias";
        let args = [
            Arg::Text(host_column(name)),
            Arg::Bytes(name.path.as_bytes()),
        ];
        let rows = self.read(action, sql::FIND_ALIAS, &args).await?;
        let row = rows.first().map(|row| Fields { action, row });
        row.map(|fields| fields.id("image_id")).transpose()
    }

    async fn list_aliases_of(&self, id: ImageId) -> Result<Vec<AliasName>, CatalogError> {
        let action = "list aliases";
        let args = [Arg::Bytes(id.as_bytes())];
        let rows = self.read(action, sql::LIST_ALIASES_OF, &args).await?;
        rows.iter().map(|row| rows::alias(action, row)).collect()
    }

    async fn ensure_preset(
        &self,
        name: &PresetName,
        definition: &PresetDefinition,
        now: UnixSeconds,
    ) -> Result<u32, CatalogError> {
        let action = "ensure preset";
        let definition = definition.to_string();
        let args = [
            Arg::Text(name.as_str()),
            Arg::Text(&definition),
            Arg::Int(now),
        ];
        for _ in 0..RACES_MAX {
            let rows = self.read(action, sql::FIND_REVISION, &args[..2]).await?;
            if let Some(row) = rows.first() {
                return Fields { action, row }.unsigned("revision");
            }
            let add = Write {
                sql: sql::ADD_REVISION,
                args: &args,
            };
            self.write(action, Durability::Durable, &[add]).await?;
        }
        Err(query_error(action)(sqlx::Error::RowNotFound))
    }

    async fn find_preset(
        &self,
        name: &PresetName,
        revision: u32,
    ) -> Result<Option<PresetDefinition>, CatalogError> {
        let action = "find preset";
        let args = [Arg::Text(name.as_str()), Arg::Int(i64::from(revision))];
        let rows = self.read(action, sql::FIND_PRESET, &args).await?;
        let row = rows.first().map(|row| Fields { action, row });
        row.map(|fields| fields.parsed("definition")).transpose()
    }

    async fn claim_derivative(
        &self,
        key: &DerivativeKey,
        owner: &str,
        now_ms: i64,
        lease: Duration,
    ) -> Result<Claim, CatalogError> {
        let action = "claim derivative";
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let columns = KeyColumns::of(key);
        let now = Arg::Int(now_ms);
        let until = Arg::Int(now_ms.saturating_add(lease_ms));
        for _ in 0..RACES_MAX {
            let claim = Write {
                sql: sql::CLAIM,
                args: &columns.and([Arg::Text(owner), until, now]),
            };
            if self.write(action, Durability::Lazy, &[claim]).await? > 0 {
                return Ok(Claim::Granted);
            }
            let args = columns.and([now]);
            let rows = self.read(action, sql::FIND_FAILURE, &args).await?;
            if let Some(row) = rows.first() {
                return Ok(Claim::Failed(rows::failure(action, row)?));
            }
            let rows = self.read(action, sql::FIND_CLAIM, &args).await?;
            if let Some(row) = rows.first() {
                let until_ms = Fields { action, row }.int("until_ms")?;
                return Ok(Claim::Held { until_ms });
            }
            // What stood in the way was removed a moment ago.
        }
        Err(query_error(action)(sqlx::Error::RowNotFound))
    }

    async fn release_claim(&self, key: &DerivativeKey, owner: &str) -> Result<(), CatalogError> {
        let columns = KeyColumns::of(key);
        let release = Write {
            sql: sql::RELEASE_CLAIM,
            args: &columns.and([Arg::Text(owner)]),
        };
        self.write("release claim", Durability::Lazy, &[release])
            .await?;
        Ok(())
    }

    async fn release_claims_of(&self, owner: &str) -> Result<(), CatalogError> {
        let args = &[Arg::Text(owner)];
        let release = Write {
            sql: sql::RELEASE_CLAIMS_OF,
            args,
        };
        self.write("release claims", Durability::Lazy, &[release])
            .await?;
        Ok(())
    }

    async fn record_derivatives(&self, made: &[Derivative]) -> Result<(), CatalogError> {
        let made = merge_by_key(made);
        if made.is_empty() {
            return Ok(());
        }
        let done = self.engine.upsert_derivatives(&made).await;
        done.map_err(query_error("record derivatives"))
    }

    async fn list_derivatives_of(&self, id: ImageId) -> Result<Vec<Derivative>, CatalogError> {
        let action = "list derivatives";
        let args = [Arg::Bytes(id.as_bytes())];
        let rows = self.read(action, sql::LIST_DERIVATIVES_OF, &args).await?;
        let derivatives = rows.iter().map(|row| rows::derivative(action, row));
        derivatives.collect()
    }

    async fn list_unsettled(
        &self,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Derivative>, CatalogError> {
        let action = "list unsettled derivatives";
        let args = [Arg::Int(now_ms), Arg::Int(i64::from(limit))];
        let rows = self.read(action, sql::LIST_UNSETTLED, &args).await?;
        rows.iter()
            .map(|row| rows::derivative(action, row))
            .collect()
    }

    async fn record_failure(
        &self,
        key: &DerivativeKey,
        failure: &Failure,
    ) -> Result<(), CatalogError> {
        let detail = without_nul(&failure.detail);
        let columns = KeyColumns::of(key);
        let record = Write {
            sql: sql::RECORD_FAILURE,
            args: &columns.and([
                Arg::Text(&failure.code),
                Arg::Text(&detail),
                Arg::Int(failure.until_ms),
            ]),
        };
        self.write("record failure", Durability::Lazy, &[record])
            .await?;
        Ok(())
    }

    async fn forget_expired(&self, now_ms: i64) -> Result<u64, CatalogError> {
        let args = &[Arg::Int(now_ms)];
        let forget = [sql::FORGET_FAILURES, sql::FORGET_CLAIMS].map(|sql| Write { sql, args });
        self.write("forget what expired", Durability::Lazy, &forget)
            .await
    }

    async fn find_cursor(&self, job: &str) -> Result<Option<String>, CatalogError> {
        let action = "find cursor";
        let rows = self
            .read(action, sql::FIND_CURSOR, &[Arg::Text(job)])
            .await?;
        let row = rows.first().map(|row| Fields { action, row });
        row.map(|fields| fields.text("position")).transpose()
    }

    async fn set_cursor(&self, job: &str, cursor: Option<&str>) -> Result<(), CatalogError> {
        let set = match cursor {
            Some(cursor) => Write {
                sql: sql::SET_CURSOR,
                args: &[Arg::Text(job), Arg::Text(cursor)],
            },
            None => Write {
                sql: sql::DROP_CURSOR,
                args: &[Arg::Text(job)],
            },
        };
        self.write("set cursor", Durability::Lazy, &[set]).await?;
        Ok(())
    }

    async fn totals(&self) -> Result<Totals, CatalogError> {
        let action = "count";
        let rows = self.read(action, sql::TOTALS, &[]).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound);
        rows::totals(action, row.map_err(query_error(action))?)
    }

    async fn close(&self) {
        let touch = Write {
            sql: sql::TOUCH,
            args: &[],
        };
        if let Err(error) = self.engine.write(Durability::Durable, &[touch]).await {
            warn!(error = %error, "the last claims and cursors may not be on disk yet");
        }
        self.engine.close().await;
    }
}

/// `''` stands for every host: NULL cannot be part of a primary key.
pub(super) fn host_column(name: &AliasName) -> &str {
    name.host.as_ref().map_or("", HostName::as_str)
}

/// The text form of a derivative's key, as it is in three tables.
struct KeyColumns {
    id: [u8; ImageId::LEN],
    variant: String,
    format: &'static str,
}

impl KeyColumns {
    fn of(key: &DerivativeKey) -> Self {
        Self {
            id: *key.id.as_bytes(),
            variant: key.variant.to_string(),
            format: key.format.extension(),
        }
    }

    fn and<'a, const N: usize>(&'a self, more: [Arg<'a>; N]) -> Vec<Arg<'a>> {
        let key = [
            Arg::Bytes(&self.id),
            Arg::Text(&self.variant),
            Arg::Text(self.format),
        ];
        key.into_iter().chain(more).collect()
    }
}

/// One entry for each key, ascending, for the reasons of [`Batch`]: the first time, and the last size that is known.
fn merge_by_key(made: &[Derivative]) -> Vec<Derivative> {
    let mut merged: BTreeMap<_, Derivative> = BTreeMap::new();
    for derivative in made {
        let key = &derivative.key;
        merged
            .entry((key.id, key.variant.to_string(), key.format))
            .and_modify(|first| first.size_bytes = derivative.size_bytes)
            .or_insert_with(|| derivative.clone());
    }
    merged.into_values().collect()
}
