//! Names given and taken, erasures and the block list, over either engine.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::catalog::engine::{Arg, Durability, Engine, Write, query_error, without_nul};
use crate::catalog::relational::{RACES_MAX, Relational, host_column};
use crate::catalog::rows::{self, Fields, SqlRow};
use crate::catalog::{AliasOutcome, Catalog, CatalogError, RemovalCatalog, sql};
use crate::model::alias::AliasName;
use crate::model::audit::{AuditEntry, Block, Tombstone};
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::record::DerivativeKey;

#[async_trait]
impl<E: Engine> RemovalCatalog for Relational<E> {
    async fn put_alias(
        &self,
        name: &AliasName,
        id: ImageId,
        audit: &AuditEntry,
    ) -> Result<AliasOutcome, CatalogError> {
        let action = "put alias";
        let add = Write {
            sql: ADD_ALIAS,
            args: &[
                Arg::Text(host_column(name)),
                Arg::Bytes(name.path.as_bytes()),
                Arg::Bytes(id.as_bytes()),
            ],
        };
        for _ in 0..RACES_MAX {
            if self.change(action, add, &[], audit).await? {
                return Ok(AliasOutcome::New);
            }
            match self.find_alias(name).await? {
                Some(by) if by == id => return Ok(AliasOutcome::Same),
                Some(by) => return Ok(AliasOutcome::Taken { by }),
                // Nothing stands in the way, so it is the image that is missing; or the alias went a moment ago.
                None if self.find_image(id).await?.is_none() => break,
                None => {}
            }
        }
        Err(query_error(action)(sqlx::Error::RowNotFound))
    }

    async fn remove_alias(
        &self,
        name: &AliasName,
        id: ImageId,
        at: UnixSeconds,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let args = [
            Arg::Text(host_column(name)),
            Arg::Bytes(name.path.as_bytes()),
            Arg::Bytes(id.as_bytes()),
            Arg::Int(at),
        ];
        let remove = Write {
            sql: REMOVE_ALIAS,
            args: &args[..3],
        };
        let remember = Write {
            sql: ADD_FORMER_ALIAS,
            args: &args,
        };
        self.change("remove alias", remove, &[remember], audit)
            .await
    }

    async fn erase_image(
        &self,
        tombstone: &Tombstone,
        block: Option<&Block>,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let (by, reason) = (
            without_nul(&tombstone.erased_by),
            tombstone.reason.as_deref().map(without_nul),
        );
        let id = Arg::Bytes(tombstone.id.as_bytes());
        let bury = [
            id,
            Arg::Int(tombstone.erased_at),
            Arg::Text(&by),
            Arg::MaybeText(reason.as_deref()),
        ];
        let blocked = block.map(BlockColumns::of);
        let block = blocked.as_ref().map(BlockColumns::args);
        let mut writes: Vec<Write<'_>> = ERASE
            .iter()
            .map(|&(sql, args)| Write {
                sql,
                args: &bury[..args],
            })
            .collect();
        writes.extend(block.iter().map(|args| Write {
            sql: ADD_BLOCK,
            args,
        }));
        // Takes the row: of two at once, the second finds no image.
        let first = Write {
            sql: sql::LOCK_IMAGE,
            args: &bury[..1],
        };
        let mut attempts = 0..RACES_MAX;
        loop {
            match self.change("erase image", first, &writes, audit).await {
                // A derivative or an alias came between two of the statements: its row refers to the image. Or each waited
                // for a row of the other's.
                Err(CatalogError::Query { source, .. })
                    if (is_still_referred_to(&source) || is_deadlock(&source))
                        && attempts.next().is_some() => {}
                done => return done,
            }
        }
    }

    async fn finish_erasure(&self, id: ImageId) -> Result<(), CatalogError> {
        let finish = Write {
            sql: FINISH_ERASURE,
            args: &[Arg::Bytes(id.as_bytes())],
        };
        self.write("finish erasure", Durability::Durable, &[finish])
            .await?;
        Ok(())
    }

    async fn list_unfinished_erasures(&self, limit: u32) -> Result<Vec<Tombstone>, CatalogError> {
        let action = "list unfinished erasures";
        let args = [Arg::Int(i64::from(limit))];
        let found = self.read(action, LIST_UNFINISHED_ERASURES, &args).await?;
        found.iter().map(|row| tombstone(action, row)).collect()
    }

    async fn find_tombstone(&self, id: ImageId) -> Result<Option<Tombstone>, CatalogError> {
        let action = "find tombstone";
        let args = [Arg::Bytes(id.as_bytes())];
        let found = self.read(action, FIND_TOMBSTONE, &args).await?;
        let row = found.first();
        row.map(|row| tombstone(action, row)).transpose()
    }

    async fn find_tombstone_of_alias(
        &self,
        name: &AliasName,
    ) -> Result<Option<Tombstone>, CatalogError> {
        let action = "find tombstone of alias";
        let args = [
            Arg::Text(host_column(name)),
            Arg::Bytes(name.path.as_bytes()),
        ];
        let found = self.read(action, FIND_TOMBSTONE_OF_ALIAS, &args).await?;
        let row = found.first();
        row.map(|row| tombstone(action, row)).transpose()
    }

    async fn list_former_aliases_of(&self, id: ImageId) -> Result<Vec<AliasName>, CatalogError> {
        let action = "list former aliases";
        let args = [Arg::Bytes(id.as_bytes())];
        let found = self.read(action, LIST_FORMER_ALIASES, &args).await?;
        found.iter().map(|row| rows::alias(action, row)).collect()
    }

    async fn list_former_derivatives_of(
        &self,
        id: ImageId,
    ) -> Result<Vec<DerivativeKey>, CatalogError> {
        let action = "list former derivatives";
        let args = [Arg::Bytes(id.as_bytes())];
        let found = self.read(action, LIST_FORMER_DERIVATIVES, &args).await?;
        let keys = found.iter().map(|row| {
            let fields = Fields { action, row };
            Ok(DerivativeKey {
                id,
                variant: fields.parsed("variant")?,
                format: fields.parsed("format")?,
            })
        });
        keys.collect()
    }

    async fn is_claimed(&self, id: ImageId, now_ms: i64) -> Result<bool, CatalogError> {
        let args = [Arg::Bytes(id.as_bytes()), Arg::Int(now_ms)];
        let found = self.read("find claims", FIND_CLAIMS, &args).await?;
        Ok(!found.is_empty())
    }

    async fn add_blocks(&self, blocks: &[Block], audit: &AuditEntry) -> Result<(), CatalogError> {
        let action = "block";
        // In ascending order: two at once wait for each other in turn, and never for ever.
        let mut blocks: Vec<&Block> = blocks.iter().collect();
        blocks.sort_by_key(|block| block.id);
        let ids: Vec<ImageId> = blocks.iter().map(|block| block.id).collect();
        for _ in 0..RACES_MAX {
            let known: BTreeSet<ImageId> = self.find_blocked(&ids).await?.into_iter().collect();
            blocks.retain(|block| !known.contains(&block.id));
            let columns: Vec<BlockColumns> =
                blocks.iter().map(|block| BlockColumns::of(block)).collect();
            let args: Vec<[Arg<'_>; 4]> = columns.iter().map(BlockColumns::args).collect();
            let writes: Vec<Write<'_>> = args
                .iter()
                .map(|args| Write {
                    sql: ADD_BLOCK,
                    args,
                })
                .collect();
            let Some((&first, then)) = writes.split_first() else {
                return Ok(());
            };
            if self.change(action, first, then, audit).await? {
                return Ok(());
            }
            // The first one was blocked a moment ago.
        }
        Err(query_error(action)(sqlx::Error::RowNotFound))
    }

    async fn remove_block(&self, id: ImageId, audit: &AuditEntry) -> Result<bool, CatalogError> {
        let remove = Write {
            sql: REMOVE_BLOCK,
            args: &[Arg::Bytes(id.as_bytes())],
        };
        self.change("unblock", remove, &[], audit).await
    }

    async fn list_blocks(
        &self,
        after: Option<ImageId>,
        limit: u32,
    ) -> Result<Vec<Block>, CatalogError> {
        let action = "list blocks";
        let after = after.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
        let args = [Arg::Bytes(&after), Arg::Int(i64::from(limit))];
        let found = self.read(action, LIST_BLOCKS, &args).await?;
        let blocks = found.iter().map(|row| {
            let fields = Fields { action, row };
            Ok(Block {
                id: fields.id("image_id")?,
                blocked_at: fields.int("blocked_at")?,
                blocked_by: fields.text("blocked_by")?,
                reason: fields.text_or_null("reason")?,
            })
        });
        blocks.collect()
    }

    async fn find_blocked(&self, ids: &[ImageId]) -> Result<Vec<ImageId>, CatalogError> {
        let action = "find blocked";
        let found = self.engine.find_blocked(ids).await;
        let found = found.map_err(query_error(action))?;
        let ids = found
            .iter()
            .map(|row| Fields { action, row }.id("image_id"));
        ids.collect()
    }
}

fn tombstone(action: &'static str, row: &impl SqlRow) -> Result<Tombstone, CatalogError> {
    let fields = Fields { action, row };
    Ok(Tombstone {
        id: fields.id("image_id")?,
        media: fields.parsed("media")?,
        erased_at: fields.int("erased_at")?,
        erased_by: fields.text("erased_by")?,
        reason: fields.text_or_null("reason")?,
    })
}

fn is_still_referred_to(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}

/// PostgreSQL ends one of those that wait for each other.
fn is_deadlock(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("40P01")
}

/// The text form of an entry of the block list.
struct BlockColumns {
    id: [u8; ImageId::LEN],
    at: UnixSeconds,
    by: String,
    reason: Option<String>,
}

impl BlockColumns {
    fn of(block: &Block) -> Self {
        Self {
            id: *block.id.as_bytes(),
            at: block.blocked_at,
            by: without_nul(&block.blocked_by),
            reason: block.reason.as_deref().map(without_nul),
        }
    }

    fn args(&self) -> [Arg<'_>; 4] {
        [
            Arg::Bytes(&self.id),
            Arg::Int(self.at),
            Arg::Text(&self.by),
            Arg::MaybeText(self.reason.as_deref()),
        ]
    }
}

const ADD_ALIAS: &str = "
    INSERT INTO alias (host, path, image_id) SELECT $1, $2, id FROM image WHERE id = $3
    ON CONFLICT DO NOTHING";

const REMOVE_ALIAS: &str = "DELETE FROM alias WHERE host = $1 AND path = $2 AND image_id = $3";

const ADD_FORMER_ALIAS: &str = "
    INSERT INTO former_alias (host, path, image_id, dropped_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (host, path, image_id) DO UPDATE SET dropped_at = excluded.dropped_at";

/// In order, each with how many of the arguments of the first it takes.
const ERASE: [(&str, usize); 11] = [
    (
        "INSERT INTO tombstone (image_id, media, erased_at, erased_by, reason, files_gone)
        SELECT id, media, $2, $3, $4, 0 FROM image WHERE id = $1
        ON CONFLICT (image_id) DO UPDATE SET media = excluded.media, erased_at = excluded.erased_at,
            erased_by = excluded.erased_by, reason = excluded.reason, files_gone = 0",
        4,
    ),
    (
        "UPDATE api_key SET
            bytes_used = CASE WHEN bytes_used > image.size_bytes THEN bytes_used - image.size_bytes ELSE 0 END,
            images_used = CASE WHEN images_used > 0 THEN images_used - 1 ELSE 0 END
        FROM image WHERE image.id = $1 AND image.ingested_by = 'key:' || api_key.id",
        1,
    ),
    // Takes the rows in the order in which the removal of an alias does, so that neither waits for ever.
    (
        "UPDATE alias SET image_id = image_id WHERE image_id = $1",
        1,
    ),
    (
        "INSERT INTO former_alias (host, path, image_id, dropped_at)
        SELECT host, path, image_id, $2 FROM alias WHERE image_id = $1
        ON CONFLICT (host, path, image_id) DO UPDATE SET dropped_at = excluded.dropped_at",
        2,
    ),
    (
        "INSERT INTO former_derivative (image_id, variant, format, dropped_at)
        SELECT image_id, variant, format, $2 FROM derivative WHERE image_id = $1
        ON CONFLICT (image_id, variant, format) DO UPDATE SET dropped_at = excluded.dropped_at",
        2,
    ),
    // What came since the statements above is not known as former: it stays, and with it the image, for another attempt.
    (
        "DELETE FROM alias WHERE image_id = $1 AND EXISTS (
            SELECT 1 FROM former_alias f
            WHERE f.host = alias.host AND f.path = alias.path AND f.image_id = alias.image_id)",
        1,
    ),
    (
        "DELETE FROM derivative WHERE image_id = $1 AND EXISTS (
            SELECT 1 FROM former_derivative f
            WHERE f.image_id = derivative.image_id AND f.variant = derivative.variant
                AND f.format = derivative.format)",
        1,
    ),
    ("DELETE FROM image_tag WHERE image_id = $1", 1),
    ("DELETE FROM appearance WHERE image_id = $1", 1),
    ("DELETE FROM failure WHERE image_id = $1", 1),
    // Last: the rows above refer to it.
    ("DELETE FROM image WHERE id = $1", 1),
];

const FINISH_ERASURE: &str = "UPDATE tombstone SET files_gone = 1 WHERE image_id = $1";

const LIST_UNFINISHED_ERASURES: &str = "
    SELECT image_id, media, erased_at, erased_by, reason FROM tombstone
    WHERE files_gone = 0 ORDER BY erased_at LIMIT $1";

const FIND_TOMBSTONE: &str =
    "SELECT image_id, media, erased_at, erased_by, reason FROM tombstone WHERE image_id = $1";

const FIND_TOMBSTONE_OF_ALIAS: &str = "
    SELECT image_id, media, erased_at, erased_by, reason FROM tombstone
    WHERE image_id = (
        SELECT image_id FROM former_alias
        WHERE host = $1 AND path = $2 ORDER BY dropped_at DESC LIMIT 1)";

const LIST_FORMER_ALIASES: &str =
    "SELECT host, path FROM former_alias WHERE image_id = $1 ORDER BY host, path";

const LIST_FORMER_DERIVATIVES: &str =
    "SELECT variant, format FROM former_derivative WHERE image_id = $1 ORDER BY variant, format";

const FIND_CLAIMS: &str =
    "SELECT until_ms FROM claim WHERE image_id = $1 AND until_ms > $2 LIMIT 1";

const ADD_BLOCK: &str = "
    INSERT INTO block (image_id, blocked_at, blocked_by, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

const REMOVE_BLOCK: &str = "DELETE FROM block WHERE image_id = $1";

const LIST_BLOCKS: &str = "
    SELECT image_id, blocked_at, blocked_by, reason FROM block
    WHERE image_id > $1 ORDER BY image_id LIMIT $2";
