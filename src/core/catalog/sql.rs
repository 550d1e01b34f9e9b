//! SQL that SQLite and PostgreSQL read alike. `$1` is the first argument in both.

/// Columns of `rows::image`.
macro_rules! image_columns {
    () => {
        "id, media, size_bytes, width_px, height_px, frames, recorded_at, ingested_at, ingested_by"
    };
}
pub(super) use image_columns;

pub(super) const FIND_IMAGE: &str =
    concat!("SELECT ", image_columns!(), " FROM image WHERE id = $1");

/// Changes nothing, but takes the row until the commit. Changes a row if the image is on record.
pub(super) const LOCK_IMAGE: &str = "UPDATE image SET ingested_at = ingested_at WHERE id = $1";

pub(super) const LIST_IMAGES: &str = concat!(
    "SELECT ",
    image_columns!(),
    " FROM image WHERE id > $1 ORDER BY id LIMIT $2"
);

pub(super) const LIST_IMAGES_SINCE: &str = concat!(
    "SELECT ",
    image_columns!(),
    " FROM image WHERE id > $1 AND ingested_at >= $3 ORDER BY id LIMIT $2"
);

pub(super) const FIND_ALIAS: &str = "SELECT image_id FROM alias WHERE host = $1 AND path = $2";

pub(super) const LIST_ALIASES_OF: &str =
    "SELECT host, path FROM alias WHERE image_id = $1 ORDER BY host, path";

pub(super) const FIND_REVISION: &str =
    "SELECT revision FROM preset WHERE name = $1 AND definition = $2";

/// Changes nothing if another session took the revision, or made this definition, at the same moment.
pub(super) const ADD_REVISION: &str = "
    INSERT INTO preset (name, revision, definition, created_at)
    SELECT $1, COALESCE(MAX(revision), 0) + 1, $2, $3 FROM preset WHERE name = $1
    ON CONFLICT DO NOTHING";

pub(super) const FIND_PRESET: &str =
    "SELECT definition FROM preset WHERE name = $1 AND revision = $2";

/// One statement, so that a claim on a free key is one round trip. Changes a row if, and only if, it is granted.
pub(super) const CLAIM: &str = "
    INSERT INTO claim (image_id, variant, format, owner, until_ms)
    SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (
        SELECT 1 FROM failure
        WHERE image_id = $1 AND variant = $2 AND format = $3 AND until_ms > $6)
    ON CONFLICT (image_id, variant, format) DO UPDATE
    SET owner = excluded.owner, until_ms = excluded.until_ms
    WHERE claim.until_ms <= $6";

pub(super) const FIND_FAILURE: &str = "
    SELECT code, detail, until_ms FROM failure
    WHERE image_id = $1 AND variant = $2 AND format = $3 AND until_ms > $4";

pub(super) const FIND_CLAIM: &str = "
    SELECT until_ms FROM claim
    WHERE image_id = $1 AND variant = $2 AND format = $3 AND until_ms > $4";

pub(super) const RELEASE_CLAIM: &str =
    "DELETE FROM claim WHERE image_id = $1 AND variant = $2 AND format = $3 AND owner = $4";

pub(super) const RELEASE_CLAIMS_OF: &str = "DELETE FROM claim WHERE owner = $1";

pub(super) const LIST_UNSETTLED: &str = "
    SELECT d.image_id, d.variant, d.format, d.size_bytes, d.recorded_at FROM derivative d
    WHERE d.size_bytes IS NULL AND NOT EXISTS (
        SELECT 1 FROM claim c
        WHERE c.image_id = d.image_id AND c.variant = d.variant AND c.format = d.format
            AND c.until_ms > $1)
    ORDER BY d.recorded_at LIMIT $2";

pub(super) const RECORD_FAILURE: &str = "
    INSERT INTO failure (image_id, variant, format, code, detail, until_ms)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (image_id, variant, format) DO UPDATE
    SET code = excluded.code, detail = excluded.detail, until_ms = excluded.until_ms";

pub(super) const FORGET_FAILURES: &str = "DELETE FROM failure WHERE until_ms <= $1";

pub(super) const FORGET_CLAIMS: &str = "DELETE FROM claim WHERE until_ms <= $1";

pub(super) const LIST_DERIVATIVES_OF: &str = "
    SELECT image_id, variant, format, size_bytes, recorded_at FROM derivative
    WHERE image_id = $1 ORDER BY variant, format";

pub(super) const FIND_CURSOR: &str = "SELECT position FROM cursor WHERE job = $1";

pub(super) const SET_CURSOR: &str = "
    INSERT INTO cursor (job, position) VALUES ($1, $2)
    ON CONFLICT (job) DO UPDATE SET position = excluded.position";

pub(super) const DROP_CURSOR: &str = "DELETE FROM cursor WHERE job = $1";

pub(super) const TOTALS: &str = "
    SELECT
        (SELECT COUNT(*) FROM image) AS images,
        (SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM image) AS image_bytes,
        (SELECT COUNT(*) FROM alias) AS aliases,
        (SELECT COUNT(*) FROM derivative) AS derivatives,
        (SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM derivative) AS derivative_bytes,
        (SELECT COUNT(*) FROM failure) AS failures";

/// Changes nothing, yet is a commit: a durable one carries all commits before it to the disk.
pub(super) const TOUCH: &str = "UPDATE schema_version SET applied_at = applied_at";
