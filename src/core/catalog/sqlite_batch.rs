//! Many rows at once in SQLite.

use data_encoding::HEXLOWER;
use sqlx::{SqlitePool, SqliteTransaction};

use crate::catalog::CatalogError;
use crate::catalog::batch::{Batch, Before};
use crate::catalog::engine::{counts_json, query_error, to_i64, without_nul};
use crate::catalog::relational::host_column;
use crate::catalog::rows::{self, Fields};
use crate::catalog::sql::image_columns;
use crate::model::image_id::ImageId;
use crate::model::record::Derivative;

pub(super) async fn find_before(
    transaction: &mut SqliteTransaction<'_>,
    batch: &Batch<'_>,
) -> Result<Before, CatalogError> {
    let action = "record images";
    let mut before = Before::default();
    let images = sqlx::query(FIND_RECORDED)
        .bind(json_ids(batch.images.iter().map(|image| &image.id)))
        .fetch_all(&mut **transaction)
        .await
        .map_err(query_error(action))?;
    for row in &images {
        let fields = Fields { action, row };
        let recorded_at = fields.int("recorded_at")?;
        before.images.insert(fields.id("id")?, recorded_at);
    }
    if batch.aliases.is_empty() {
        return Ok(before);
    }
    let names = batch.aliases.iter().map(|(name, _)| {
        let path = HEXLOWER.encode(name.path.as_bytes());
        (host_column(name), path)
    });
    let aliases = sqlx::query(FIND_TAKEN)
        .bind(json(names))
        .fetch_all(&mut **transaction)
        .await
        .map_err(query_error(action))?;
    for row in &aliases {
        let by = Fields { action, row }.id("image_id")?;
        before.aliases.insert(rows::alias(action, row)?, by);
    }
    Ok(before)
}

pub(super) async fn insert_missing(
    transaction: &mut SqliteTransaction<'_>,
    batch: &Batch<'_>,
    before: &Before,
) -> Result<(), CatalogError> {
    let failed = query_error("record images");
    let images: Vec<_> = batch
        .images
        .iter()
        .filter(|image| !before.images.contains_key(&image.id))
        .map(|image| {
            (
                image.id.to_string(),
                image.media.extension(),
                to_i64(image.size_bytes),
                image.width_px,
                image.height_px,
                image.frames,
                image.recorded_at,
                image.ingested_at,
                without_nul(&image.ingested_by),
            )
        })
        .collect();
    if !images.is_empty() {
        let ids = json(images.iter().map(|(id, ..)| id));
        let insert = sqlx::query(INSERT_IMAGES).bind(json(images.into_iter()));
        insert.execute(&mut **transaction).await.map_err(&failed)?;
        clear_tombstones(transaction, &ids).await?;
    }
    let aliases: Vec<_> = batch
        .aliases
        .iter()
        .filter(|(name, _)| !before.aliases.contains_key(*name))
        .map(|(name, id)| {
            let path = HEXLOWER.encode(name.path.as_bytes());
            (host_column(name), path, id.to_string())
        })
        .collect();
    if !aliases.is_empty() {
        let insert = sqlx::query(INSERT_ALIASES).bind(json(aliases.into_iter()));
        insert.execute(&mut **transaction).await.map_err(&failed)?;
    }
    insert_notes(transaction, batch).await.map_err(&failed)
}

/// Images may come back once their files are gone, and not before: whoever removes these would remove the new ones.
async fn clear_tombstones(
    transaction: &mut SqliteTransaction<'_>,
    ids: &str,
) -> Result<(), CatalogError> {
    let action = "record images";
    let clear = sqlx::query(CLEAR_TOMBSTONES).bind(ids);
    let cleared = clear.execute(&mut **transaction).await;
    cleared.map_err(query_error(action))?;
    let left = sqlx::query(FIND_TOMBSTONES)
        .bind(ids)
        .fetch_optional(&mut **transaction)
        .await
        .map_err(query_error(action))?;
    match left {
        None => Ok(()),
        Some(row) => Err(CatalogError::BeingErased {
            id: Fields { action, row: &row }.id("image_id")?,
        }),
    }
}

/// Tags and audit entries.
async fn insert_notes(
    transaction: &mut SqliteTransaction<'_>,
    batch: &Batch<'_>,
) -> Result<(), sqlx::Error> {
    if !batch.tags.is_empty() {
        let tags = batch
            .tags
            .iter()
            .map(|(id, tag)| (id.to_string(), tag.as_str()));
        let insert = sqlx::query(INSERT_TAGS).bind(json(tags));
        insert.execute(&mut **transaction).await?;
    }
    if !batch.audits.is_empty() {
        let audits = batch.audits.iter().map(|entry| {
            (
                entry.at_ms,
                without_nul(&entry.actor),
                without_nul(&entry.action),
                without_nul(&entry.target),
                entry.reason.as_deref().map(without_nul),
                entry.request_id.as_deref().map(without_nul),
                counts_json(&entry.counts),
            )
        });
        let insert = sqlx::query(INSERT_AUDITS).bind(json(audits));
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

/// No two of `made` have the same key.
pub(super) async fn upsert_derivatives(
    pool: &SqlitePool,
    made: &[Derivative],
) -> Result<(), sqlx::Error> {
    let rows = made.iter().map(|derivative| {
        let key = &derivative.key;
        (
            key.id.to_string(),
            key.variant.to_string(),
            key.format.extension(),
            derivative.size_bytes.map(to_i64),
            derivative.recorded_at,
        )
    });
    sqlx::query(UPSERT_DERIVATIVES)
        .bind(json(rows))
        .execute(pool)
        .await?;
    Ok(())
}

/// A batch is one JSON argument: one round trip and one prepared statement for any number of rows.
fn json(rows: impl Iterator<Item = impl serde::Serialize>) -> String {
    let rows: Vec<_> = rows.collect();
    serde_json::to_string(&rows).expect("text and numbers have a JSON form")
}

pub(super) fn json_ids<'a>(ids: impl Iterator<Item = &'a ImageId>) -> String {
    json(ids.map(ImageId::to_string))
}
const FIND_RECORDED: &str =
    "SELECT id, recorded_at FROM image WHERE id IN (SELECT unhex(value) FROM json_each($1))";

// CROSS JOIN: in this order, one look-up for each name.
const FIND_TAKEN: &str = "
    SELECT alias.host, alias.path, alias.image_id
    FROM json_each($1) AS entry CROSS JOIN alias
    ON alias.host = entry.value ->> 0 AND alias.path = unhex(entry.value ->> 1)";

const INSERT_IMAGES: &str = concat!(
    "INSERT INTO image (",
    image_columns!(),
    ") SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4,
    value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each($1)"
);

// WHERE true: without it, SQLite takes ON for a join.
const UPSERT_DERIVATIVES: &str = "
    INSERT INTO derivative (image_id, variant, format, size_bytes, recorded_at)
    SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4
    FROM json_each($1) WHERE true
    ON CONFLICT (image_id, variant, format) DO UPDATE
    SET size_bytes = excluded.size_bytes
    WHERE excluded.size_bytes IS NOT derivative.size_bytes";

const CLEAR_TOMBSTONES: &str = "
    DELETE FROM tombstone
    WHERE files_gone <> 0 AND image_id IN (SELECT unhex(value) FROM json_each($1))";

const FIND_TOMBSTONES: &str = "
    SELECT image_id FROM tombstone
    WHERE image_id IN (SELECT unhex(value) FROM json_each($1)) LIMIT 1";

const INSERT_TAGS: &str = "
    INSERT INTO image_tag (image_id, tag)
    SELECT unhex(value ->> 0), value ->> 1 FROM json_each($1) WHERE true
    ON CONFLICT DO NOTHING";

const INSERT_AUDITS: &str = "
    INSERT INTO audit (at_ms, actor, action, target, reason, request_id, counts)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    FROM json_each($1) ORDER BY key";

const INSERT_ALIASES: &str = "
    INSERT INTO alias (host, path, image_id)
    SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM json_each($1)";
