-- The catalog, version 1, for PostgreSQL.
--
-- An id is the first 20 bytes of BLAKE3 of an original: what `b3sum --length 20 FILE` prints, as BYTEA.
-- Times are whole seconds since 1970 (UTC); columns ending in _ms are milliseconds. The views below show both readably.
-- Text that is sorted or compared has collation "C": the same order on every server, and as in SQLite.

CREATE TABLE schema_version (
    version    BIGINT PRIMARY KEY,
    applied_at BIGINT NOT NULL DEFAULT extract(epoch FROM now())::BIGINT
);

-- Originals.
CREATE TABLE image (
    id          BYTEA  NOT NULL PRIMARY KEY CHECK (octet_length(id) = 20),
    media       TEXT   NOT NULL,               -- the extension: jpg, png, …
    size_bytes  BIGINT NOT NULL,
    width_px    BIGINT NOT NULL,               -- as stored, before orientation; 0: has none
    height_px   BIGINT NOT NULL,
    frames      BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,               -- modification time of all its files, on every node
    ingested_at BIGINT NOT NULL,
    ingested_by TEXT   NOT NULL
);

-- What came lately. Grows at its end, so it costs bulk ingest little.
CREATE INDEX image_ingested_at ON image (ingested_at);

-- Public paths, other than /i/…, that name an image.
CREATE TABLE alias (
    host     TEXT COLLATE "C" NOT NULL,        -- '': every host that has no alias of its own at this path
    path     BYTEA NOT NULL,                   -- percent-decoded bytes: old systems wrote many encodings
    image_id BYTEA NOT NULL REFERENCES image (id),
    PRIMARY KEY (host, path)
);

CREATE INDEX alias_image_id ON alias (image_id, host, path);

-- Every revision that a preset ever had: a URL with an old one is still answered.
CREATE TABLE preset (
    name       TEXT COLLATE "C" NOT NULL,
    revision   BIGINT NOT NULL CHECK (revision > 0),
    definition TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (name, revision),
    UNIQUE (name, definition)
);

-- The ledger of emitted URLs: what an erasure must purge, even if the file was removed since.
CREATE TABLE derivative (
    image_id    BYTEA NOT NULL REFERENCES image (id),
    variant     TEXT COLLATE "C" NOT NULL,     -- thumb~1, or w=320,h=240
    format      TEXT COLLATE "C" NOT NULL,
    size_bytes  BIGINT,                        -- NULL: not made yet
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, variant, format)
);

-- Who is making what. A row past its time counts as absent.
CREATE TABLE claim (
    image_id BYTEA NOT NULL,
    variant  TEXT COLLATE "C" NOT NULL,
    format   TEXT COLLATE "C" NOT NULL,
    owner    TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (image_id, variant, format)
);

-- What could not be made, and need not be tried again before its time. A row past its time counts as absent.
CREATE TABLE failure (
    image_id BYTEA NOT NULL,
    variant  TEXT COLLATE "C" NOT NULL,
    format   TEXT COLLATE "C" NOT NULL,
    code     TEXT NOT NULL,
    detail   TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (image_id, variant, format)
);

-- Where resumable jobs stand.
CREATE TABLE cursor (
    job      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
);

-- For people.
CREATE VIEW image_hex AS
SELECT encode(id, 'hex') AS id, media, size_bytes, width_px, height_px, frames,
       to_timestamp(recorded_at) AS recorded_at,
       to_timestamp(ingested_at) AS ingested_at, ingested_by
FROM image;

CREATE VIEW alias_hex AS
SELECT host, encode(path, 'escape') AS path, encode(image_id, 'hex') AS image_id
FROM alias;

CREATE VIEW derivative_hex AS
SELECT encode(image_id, 'hex') AS image_id, variant, format, size_bytes,
       to_timestamp(recorded_at) AS recorded_at
FROM derivative;

-- Answered before it was known to be whole on disk: looked at after a crash, and nearly always empty.
CREATE INDEX derivative_unsettled ON derivative (image_id) WHERE size_bytes IS NULL;
