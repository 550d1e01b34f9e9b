//! Lists by more than id, tags and looks, over either engine.

use async_trait::async_trait;
use data_encoding::HEXLOWER;

use crate::catalog::CatalogError;
use crate::catalog::engine::{Arg, Durability, Engine, Write};
use crate::catalog::relational::Relational;
use crate::catalog::rows::{self, Fields, SqlRow};
use crate::catalog::search::{
    ImageMatch, ImageMatches, ImageSearch, SearchCatalog, SearchOrder, TagChange,
};
use crate::catalog::sql::{self, image_columns};
use crate::model::alias::{AliasName, HostName};
use crate::model::audit::AuditEntry;
use crate::model::image_id::ImageId;
use crate::model::record::Appearance;
use crate::model::tag::Tag;

const SEARCH: &str = "search images";
/// Rows read at a time: some milliseconds, little memory.
const CHUNK: u32 = if cfg!(test) { 5 } else { 1000 };

#[async_trait]
impl<E: Engine> SearchCatalog for Relational<E> {
    async fn search_images(&self, search: &ImageSearch) -> Result<ImageMatches, CatalogError> {
        let limit = search.limit.clamp(1, ImageSearch::LIMIT_MAX) as usize;
        let mut matches = ImageMatches {
            found: Vec::new(),
            next: Some(search.order.clone()),
        };
        let mut examined = 0;
        while let Some(order) = matches.next.clone()
            && examined < ImageSearch::EXAMINED_MAX
        {
            let rows = self.read_chunk(&order, search).await?;
            // A full page and one more chunk would be read for nothing, were the end not seen here.
            let is_last = rows.len() < CHUNK as usize;
            matches.next = (!is_last).then_some(order);
            for row in &rows {
                if matches.found.len() == limit {
                    matches.next = Some(position_after(&search.order, &matches.found));
                    return Ok(matches);
                }
                examined += 1;
                let found = read_match(row, &search.order)?;
                if !is_last {
                    matches.next = Some(position_at(&search.order, &found));
                }
                let tagged = Fields {
                    action: SEARCH,
                    row,
                }
                .int("tagged")?;
                if tagged != 0 && search.filter.passes(&found.image) {
                    matches.found.push(found);
                }
            }
        }
        Ok(matches)
    }

    async fn tag_image(
        &self,
        id: ImageId,
        change: &TagChange,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError> {
        let id = Arg::Bytes(id.as_bytes());
        let removed = change.remove.iter().map(|tag| (REMOVE_TAG, tag));
        let added = change.add.iter().map(|tag| (ADD_TAG, tag));
        let steps: Vec<(&'static str, [Arg<'_>; 2])> = removed
            .chain(added)
            .map(|(sql, tag)| (sql, [id, Arg::Text(tag.as_str())]))
            .collect();
        let writes: Vec<Write<'_>> = steps
            .iter()
            .map(|(sql, args)| Write { sql, args })
            .collect();
        // Changes nothing, but takes the row: an erasure waits for the tags, or they find no image.
        let lock = Write {
            sql: sql::LOCK_IMAGE,
            args: &[id],
        };
        self.change("tag image", lock, &writes, audit).await
    }

    async fn list_tags_of(&self, id: ImageId) -> Result<Vec<Tag>, CatalogError> {
        let action = "list tags";
        let args = [Arg::Bytes(id.as_bytes())];
        let found = self.read(action, LIST_TAGS_OF, &args).await?;
        let tags = found.iter().map(|row| Fields { action, row }.parsed("tag"));
        tags.collect()
    }

    async fn find_appearance(&self, id: ImageId) -> Result<Option<Appearance>, CatalogError> {
        let action = "find appearance";
        let args = [Arg::Bytes(id.as_bytes())];
        let found = self.read(action, FIND_APPEARANCE, &args).await?;
        let found = found.first();
        found.map(|row| rows::appearance(action, row)).transpose()
    }

    async fn record_appearance(
        &self,
        id: ImageId,
        appearance: &Appearance,
    ) -> Result<(), CatalogError> {
        let add = Write {
            sql: ADD_APPEARANCE,
            args: &[
                Arg::Bytes(id.as_bytes()),
                Arg::Text(&appearance.blurhash),
                Arg::Text(&HEXLOWER.encode(&appearance.dominant_rgb)),
                Arg::Bytes(&appearance.thumbhash),
                Arg::Text(&rows::palette_text(&appearance.palette)),
                Arg::Text(&appearance.perceptual_hash.to_string()),
                Arg::Int(i64::from(appearance.sharpness)),
            ],
        };
        self.write("record appearance", Durability::Lazy, &[add])
            .await?;
        Ok(())
    }
}

impl<E: Engine> Relational<E> {
    /// The next rows in this order, whatever the filter, but for time where the order is by time.
    async fn read_chunk(
        &self,
        order: &SearchOrder,
        search: &ImageSearch,
    ) -> Result<Vec<E::Row>, CatalogError> {
        let tag = search.filter.tag.as_ref().map_or("", Tag::as_str);
        let (tag, limit) = (Arg::Text(tag), Arg::Int(i64::from(CHUNK)));
        match order {
            SearchOrder::Newest { after } => {
                let last = (
                    search.filter.until.unwrap_or(i64::MAX),
                    ImageId::from_bytes([0; ImageId::LEN]),
                );
                let (at, id) = after.unwrap_or(last);
                let since = Arg::Int(search.filter.since.unwrap_or(i64::MIN));
                let args = [Arg::Int(at), Arg::Bytes(id.as_bytes()), since, tag, limit];
                self.read(SEARCH, NEWEST, &args).await
            }
            SearchOrder::Tag { tag: by, after } => {
                let after = after.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
                let args = [Arg::Text(by.as_str()), Arg::Bytes(&after), tag, limit];
                self.read(SEARCH, BY_TAG, &args).await
            }
            SearchOrder::Alias {
                host,
                prefix,
                after,
            } => {
                let from = after.as_ref().map_or(prefix.as_bytes(), |it| it.as_bytes());
                // A prefix ends with `/`, and `0` is the byte after it.
                let mut end = prefix.as_bytes().to_vec();
                end.pop();
                end.push(b'0');
                let args = [
                    Arg::Text(host.as_ref().map_or("", HostName::as_str)),
                    Arg::Bytes(from),
                    Arg::Bytes(&end),
                    tag,
                    limit,
                ];
                self.read(SEARCH, BY_ALIAS, &args).await
            }
        }
    }
}

fn read_match(row: &impl SqlRow, order: &SearchOrder) -> Result<ImageMatch, CatalogError> {
    let alias: Option<AliasName> = match order {
        SearchOrder::Alias { .. } => Some(rows::alias(SEARCH, row)?),
        SearchOrder::Newest { .. } | SearchOrder::Tag { .. } => None,
    };
    let image = rows::image(SEARCH, row)?;
    Ok(ImageMatch { image, alias })
}

/// Where a search goes on that stops at a full page.
fn position_after(order: &SearchOrder, found: &[ImageMatch]) -> SearchOrder {
    let last = found.last().expect("a page holds one at least");
    position_at(order, last)
}

fn position_at(order: &SearchOrder, last: &ImageMatch) -> SearchOrder {
    let image = &last.image;
    match order {
        SearchOrder::Newest { .. } => SearchOrder::Newest {
            after: Some((image.ingested_at, image.id)),
        },
        SearchOrder::Tag { tag, .. } => SearchOrder::Tag {
            tag: tag.clone(),
            after: Some(image.id),
        },
        SearchOrder::Alias { host, prefix, .. } => SearchOrder::Alias {
            host: host.clone(),
            prefix: prefix.clone(),
            after: last.alias.as_ref().map(|name| name.path.clone()),
        },
    }
}

/// 1 if an image has the tag of the filter, or there is none.
macro_rules! tagged {
    ($tag:literal) => {
        concat!(
            "CAST(CASE WHEN ",
            $tag,
            " = '' OR EXISTS (
                SELECT 1 FROM image_tag t WHERE t.image_id = image.id AND t.tag = ",
            $tag,
            ") THEN 1 ELSE 0 END AS BIGINT) AS tagged"
        )
    };
}

pub(super) const NEWEST: &str = concat!(
    "SELECT ",
    image_columns!(),
    ", ",
    tagged!("$4"),
    " FROM image WHERE (ingested_at, id) < ($1, $2) AND ingested_at >= $3
    ORDER BY ingested_at DESC, id DESC LIMIT $5"
);

// CROSS JOIN: the index of tags or aliases leads, and images are looked up.
pub(super) const BY_TAG: &str = concat!(
    "SELECT ",
    image_columns!(),
    ", ",
    tagged!("$3"),
    " FROM image_tag CROSS JOIN image
    WHERE image.id = image_tag.image_id AND image_tag.tag = $1 AND image_tag.image_id > $2
    ORDER BY image_tag.image_id LIMIT $4"
);

pub(super) const BY_ALIAS: &str = concat!(
    "SELECT host, path, ",
    image_columns!(),
    ", ",
    tagged!("$4"),
    " FROM alias CROSS JOIN image
    WHERE image.id = alias.image_id AND host = $1 AND path > $2 AND path < $3
    ORDER BY host, path LIMIT $5"
);

const ADD_TAG: &str =
    "INSERT INTO image_tag (image_id, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const REMOVE_TAG: &str = "DELETE FROM image_tag WHERE image_id = $1 AND tag = $2";

const LIST_TAGS_OF: &str = "SELECT tag FROM image_tag WHERE image_id = $1 ORDER BY tag";

// Rows of schema 2 do not tell all, and count as none.
const FIND_APPEARANCE: &str = "
    SELECT blurhash, dominant, thumbhash, palette, phash, sharpness
    FROM appearance WHERE image_id = $1 AND sharpness IS NOT NULL";

const ADD_APPEARANCE: &str = "
    INSERT INTO appearance (image_id, blurhash, dominant, thumbhash, palette, phash, sharpness)
    SELECT id, $2, $3, $4, $5, $6, $7 FROM image WHERE id = $1
    ON CONFLICT (image_id) DO UPDATE SET
        blurhash = excluded.blurhash, dominant = excluded.dominant, thumbhash = excluded.thumbhash,
        palette = excluded.palette, phash = excluded.phash, sharpness = excluded.sharpness
    WHERE appearance.sharpness IS NULL";
