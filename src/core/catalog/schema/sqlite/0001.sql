-- The catalog, version 1, for SQLite. Read it with: sqlite3 -readonly catalog.db
--
-- An id is the first 20 bytes of BLAKE3 of an original: what `b3sum --length 20 FILE` prints, as a BLOB.
-- Times are whole seconds since 1970 (UTC); columns ending in _ms are milliseconds. The views below show both readably.

CREATE TABLE schema_version (
    version    INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;

-- Originals.
CREATE TABLE image (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    media       TEXT    NOT NULL,              -- the extension: jpg, png, …
    size_bytes  INTEGER NOT NULL,
    width_px    INTEGER NOT NULL,              -- as stored, before orientation; 0: has none
    height_px   INTEGER NOT NULL,
    frames      INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,              -- modification time of all its files, on every node
    ingested_at INTEGER NOT NULL,
    ingested_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What came lately. Grows at its end, so it costs bulk ingest little.
CREATE INDEX image_ingested_at ON image (ingested_at);

-- Public paths, other than /i/…, that name an image.
CREATE TABLE alias (
    host     TEXT NOT NULL,                    -- '': every host that has no alias of its own at this path
    path     BLOB NOT NULL,                    -- percent-decoded bytes: old systems wrote many encodings
    image_id BLOB NOT NULL REFERENCES image (id),
    PRIMARY KEY (host, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX alias_image_id ON alias (image_id);

-- Every revision that a preset ever had: a URL with an old one is still answered.
CREATE TABLE preset (
    name       TEXT    NOT NULL,
    revision   INTEGER NOT NULL CHECK (revision > 0),
    definition TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, revision),
    UNIQUE (name, definition)
) STRICT, WITHOUT ROWID;

-- The ledger of emitted URLs: what an erasure must purge, even if the file was removed since.
CREATE TABLE derivative (
    image_id    BLOB    NOT NULL REFERENCES image (id),
    variant     TEXT    NOT NULL,              -- thumb~1, or w=320,h=240
    format      TEXT    NOT NULL,
    size_bytes  INTEGER,                       -- NULL: not made yet
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (image_id, variant, format)
) STRICT, WITHOUT ROWID;

-- Who is making what. A row past its time counts as absent.
CREATE TABLE claim (
    image_id BLOB    NOT NULL,
    variant  TEXT    NOT NULL,
    format   TEXT    NOT NULL,
    owner    TEXT    NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (image_id, variant, format)
) STRICT, WITHOUT ROWID;

-- What could not be made, and need not be tried again before its time. A row past its time counts as absent.
CREATE TABLE failure (
    image_id BLOB    NOT NULL,
    variant  TEXT    NOT NULL,
    format   TEXT    NOT NULL,
    code     TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (image_id, variant, format)
) STRICT, WITHOUT ROWID;

-- Where resumable jobs stand.
CREATE TABLE cursor (
    job      TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- For people.
CREATE VIEW image_hex AS
SELECT lower(hex(id)) AS id, media, size_bytes, width_px, height_px, frames,
       datetime(recorded_at, 'unixepoch') AS recorded_at,
       datetime(ingested_at, 'unixepoch') AS ingested_at, ingested_by
FROM image;

CREATE VIEW alias_hex AS
SELECT host, CAST(path AS TEXT) AS path, lower(hex(image_id)) AS image_id
FROM alias;

CREATE VIEW derivative_hex AS
SELECT lower(hex(image_id)) AS image_id, variant, format, size_bytes,
       datetime(recorded_at, 'unixepoch') AS recorded_at
FROM derivative;

-- Answered before it was known to be whole on disk: looked at after a crash, and nearly always empty.
CREATE INDEX derivative_unsettled ON derivative (image_id) WHERE size_bytes IS NULL;
