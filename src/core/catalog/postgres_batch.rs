//! Many rows at once in PostgreSQL: one array for each column.

use std::collections::BTreeSet;

use sqlx::PgTransaction;

use crate::catalog::CatalogError;
use crate::catalog::batch::{Batch, Before};
use crate::catalog::engine::{counts_json, query_error, to_i64, without_nul};
use crate::catalog::relational::host_column;
use crate::catalog::rows::{self, Fields};
use crate::catalog::sql::image_columns;
use crate::model::audit::AuditEntry;
use crate::model::image_id::ImageId;
use crate::model::record::{Derivative, Image};

const RECORD: &str = "record images";

/// Waits for other sessions that insert the same ids, and then leaves theirs.
pub(super) async fn insert_images(
    transaction: &mut PgTransaction<'_>,
    batch: &Batch<'_>,
    before: &mut Before,
) -> Result<(), CatalogError> {
    let images = &batch.images;
    let ints = |column: fn(&Image) -> i64| -> Vec<i64> {
        images.iter().map(|image| column(image)).collect()
    };
    let ids: Vec<&[u8]> = images
        .iter()
        .map(|image| &image.id.as_bytes()[..])
        .collect();
    let media: Vec<&str> = images.iter().map(|image| image.media.extension()).collect();
    let by: Vec<String> = images
        .iter()
        .map(|image| without_nul(&image.ingested_by))
        .collect();
    let inserted = sqlx::query(INSERT_IMAGES)
        .bind(ids)
        .bind(media)
        .bind(ints(|image| to_i64(image.size_bytes)))
        .bind(ints(|image| i64::from(image.width_px)))
        .bind(ints(|image| i64::from(image.height_px)))
        .bind(ints(|image| i64::from(image.frames)))
        .bind(ints(|image| image.recorded_at))
        .bind(ints(|image| image.ingested_at))
        .bind(by)
        .fetch_all(&mut **transaction)
        .await
        .map_err(query_error(RECORD))?;
    let fields = inserted.iter().map(|row| Fields {
        action: RECORD,
        row,
    });
    let new = fields
        .map(|fields| fields.id("id"))
        .collect::<Result<BTreeSet<ImageId>, _>>()?;
    clear_tombstones(transaction, &new).await?;
    let known: Vec<&[u8]> = images
        .iter()
        .filter(|image| !new.contains(&image.id))
        .map(|image| &image.id.as_bytes()[..])
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    // A statement of its own: the one above does not see what it waited for. An erasure waits for us from here on, or
    // is over: else each could wait for a name or a tag of the other's.
    let found = sqlx::query(FIND_RECORDED)
        .bind(&known)
        .fetch_all(&mut **transaction)
        .await
        .map_err(query_error(RECORD))?;
    expect_all(found.len(), known.len())?;
    for row in &found {
        let fields = Fields {
            action: RECORD,
            row,
        };
        let recorded_at = fields.int("recorded_at")?;
        before.images.insert(fields.id("id")?, recorded_at);
    }
    Ok(())
}

/// Images may come back once their files are gone, and not before: whoever removes these would remove the new ones.
async fn clear_tombstones(
    transaction: &mut PgTransaction<'_>,
    new: &BTreeSet<ImageId>,
) -> Result<(), CatalogError> {
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<&[u8]> = new.iter().map(|id| &id.as_bytes()[..]).collect();
    let clear = sqlx::query(CLEAR_TOMBSTONES).bind(&ids);
    let cleared = clear.execute(&mut **transaction).await;
    cleared.map_err(query_error(RECORD))?;
    let left = sqlx::query(FIND_TOMBSTONES)
        .bind(&ids)
        .fetch_optional(&mut **transaction)
        .await
        .map_err(query_error(RECORD))?;
    match left {
        None => Ok(()),
        Some(row) => Err(CatalogError::BeingErased {
            id: Fields {
                action: RECORD,
                row: &row,
            }
            .id("image_id")?,
        }),
    }
}

/// Tags and audit entries.
pub(super) async fn insert_notes(
    transaction: &mut PgTransaction<'_>,
    batch: &Batch<'_>,
) -> Result<(), sqlx::Error> {
    if !batch.tags.is_empty() {
        let ids: Vec<&[u8]> = batch
            .tags
            .iter()
            .map(|(id, _)| &id.as_bytes()[..])
            .collect();
        let tags: Vec<&str> = batch.tags.iter().map(|(_, tag)| tag.as_str()).collect();
        let insert = sqlx::query(INSERT_TAGS).bind(ids).bind(tags);
        insert.execute(&mut **transaction).await?;
    }
    if batch.audits.is_empty() {
        return Ok(());
    }
    let texts = |column: fn(&AuditEntry) -> &str| -> Vec<String> {
        let entries = batch.audits.iter();
        entries.map(|entry| without_nul(column(entry))).collect()
    };
    let maybe_texts = |column: fn(&AuditEntry) -> Option<&str>| -> Vec<Option<String>> {
        let entries = batch.audits.iter();
        entries
            .map(|entry| column(entry).map(without_nul))
            .collect()
    };
    let at_ms: Vec<i64> = batch.audits.iter().map(|entry| entry.at_ms).collect();
    let counts: Vec<String> = batch
        .audits
        .iter()
        .map(|entry| counts_json(&entry.counts))
        .collect();
    sqlx::query(INSERT_AUDITS)
        .bind(at_ms)
        .bind(texts(|entry| &entry.actor))
        .bind(texts(|entry| &entry.action))
        .bind(texts(|entry| &entry.target))
        .bind(maybe_texts(|entry| entry.reason.as_deref()))
        .bind(maybe_texts(|entry| entry.request_id.as_deref()))
        .bind(counts)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) async fn insert_aliases(
    transaction: &mut PgTransaction<'_>,
    batch: &Batch<'_>,
    before: &mut Before,
) -> Result<(), CatalogError> {
    let mut hosts = Vec::with_capacity(batch.aliases.len());
    let mut paths: Vec<&[u8]> = Vec::with_capacity(batch.aliases.len());
    let mut ids: Vec<&[u8]> = Vec::with_capacity(batch.aliases.len());
    for (name, id) in &batch.aliases {
        hosts.push(host_column(name));
        paths.push(name.path.as_bytes());
        ids.push(id.as_bytes());
    }
    let inserted = sqlx::query(INSERT_ALIASES)
        .bind(&hosts)
        .bind(&paths)
        .bind(ids)
        .fetch_all(&mut **transaction)
        .await
        .map_err(query_error(RECORD))?;
    if inserted.len() == batch.aliases.len() {
        return Ok(());
    }
    let found = sqlx::query(FIND_NAMED)
        .bind(&hosts)
        .bind(&paths)
        .fetch_all(&mut **transaction)
        .await
        .map_err(query_error(RECORD))?;
    expect_all(found.len(), batch.aliases.len())?;
    for row in &found {
        let by = Fields {
            action: RECORD,
            row,
        }
        .id("image_id")?;
        before.aliases.insert(rows::alias(RECORD, row)?, by);
    }
    for row in &inserted {
        before.aliases.remove(&rows::alias(RECORD, row)?);
    }
    Ok(())
}

/// No two of `made` have the same key: PostgreSQL updates a row once in a statement.
pub(super) async fn upsert_derivatives(
    transaction: &mut PgTransaction<'_>,
    made: &[Derivative],
) -> Result<(), sqlx::Error> {
    let mut ids: Vec<&[u8]> = Vec::with_capacity(made.len());
    let mut variants = Vec::with_capacity(made.len());
    let mut formats = Vec::with_capacity(made.len());
    let mut sizes_bytes = Vec::with_capacity(made.len());
    let mut recorded_at = Vec::with_capacity(made.len());
    for derivative in made {
        ids.push(derivative.key.id.as_bytes());
        variants.push(derivative.key.variant.to_string());
        formats.push(derivative.key.format.extension());
        sizes_bytes.push(derivative.size_bytes.map(to_i64));
        recorded_at.push(derivative.recorded_at);
    }
    sqlx::query(UPSERT_DERIVATIVES)
        .bind(ids)
        .bind(variants)
        .bind(formats)
        .bind(sizes_bytes)
        .bind(recorded_at)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// What was there a statement ago, and is not now, was erased in between: the caller may try again.
fn expect_all(found: usize, expected: usize) -> Result<(), CatalogError> {
    if found == expected {
        Ok(())
    } else {
        Err(query_error(RECORD)(sqlx::Error::RowNotFound))
    }
}

const INSERT_IMAGES: &str = concat!(
    "INSERT INTO image (",
    image_columns!(),
    ") SELECT * FROM UNNEST($1::BYTEA[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[],
    $6::BIGINT[], $7::BIGINT[], $8::BIGINT[], $9::TEXT[])
    ON CONFLICT (id) DO NOTHING RETURNING id"
);

const CLEAR_TOMBSTONES: &str = "DELETE FROM tombstone WHERE files_gone <> 0 AND image_id = ANY($1)";

const FIND_TOMBSTONES: &str = "SELECT image_id FROM tombstone WHERE image_id = ANY($1) LIMIT 1";

const INSERT_TAGS: &str = "
    INSERT INTO image_tag (image_id, tag) SELECT * FROM UNNEST($1::BYTEA[], $2::TEXT[])
    ON CONFLICT DO NOTHING";

const INSERT_AUDITS: &str = "
    INSERT INTO audit (at_ms, actor, action, target, reason, request_id, counts)
    SELECT * FROM UNNEST($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[],
    $6::TEXT[], $7::TEXT[])";

const FIND_RECORDED: &str =
    "SELECT id, recorded_at FROM image WHERE id = ANY($1) ORDER BY id FOR SHARE";

const INSERT_ALIASES: &str = "
    INSERT INTO alias (host, path, image_id)
    SELECT * FROM UNNEST($1::TEXT[], $2::BYTEA[], $3::BYTEA[])
    ON CONFLICT (host, path) DO NOTHING RETURNING host, path";

const FIND_NAMED: &str = "
    SELECT alias.host, alias.path, alias.image_id
    FROM UNNEST($1::TEXT[], $2::BYTEA[]) AS entry (host, path)
    JOIN alias ON alias.host = entry.host AND alias.path = entry.path";

const UPSERT_DERIVATIVES: &str = "
    INSERT INTO derivative (image_id, variant, format, size_bytes, recorded_at)
    SELECT * FROM UNNEST($1::BYTEA[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[])
    ON CONFLICT (image_id, variant, format) DO UPDATE
    SET size_bytes = excluded.size_bytes
    WHERE excluded.size_bytes IS DISTINCT FROM derivative.size_bytes";
