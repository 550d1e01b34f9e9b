-- The catalog, version 2: who may write, what was done, and what is not wanted.
--
-- Secrets are kept as hashes only. `…_at` are whole seconds since 1970 (UTC), `…_ms` milliseconds.

-- Words on images.
CREATE TABLE image_tag (
    image_id BLOB NOT NULL REFERENCES image (id),
    tag      TEXT NOT NULL,
    PRIMARY KEY (image_id, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX image_tag_tag ON image_tag (tag, image_id);

-- What an image looks like before it is loaded. Made when it is first asked for.
CREATE TABLE appearance (
    image_id BLOB NOT NULL PRIMARY KEY REFERENCES image (id),
    blurhash TEXT NOT NULL,
    dominant TEXT NOT NULL                     -- rrggbb
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id            TEXT    NOT NULL PRIMARY KEY, -- 16 hex digits; ingested_by of an image is 'key:' and this
    name          TEXT    NOT NULL,
    verbs         TEXT    NOT NULL,            -- read,ingest,…
    prefix        BLOB    NOT NULL,            -- '': all aliases
    secret        BLOB    NOT NULL,            -- SHA-256
    previous      BLOB,                        -- SHA-256 of the secret before the last rotation
    previous_until INTEGER,
    bytes_max     INTEGER,
    images_max    INTEGER,
    bytes_used    INTEGER NOT NULL,
    images_used   INTEGER NOT NULL,
    rate_per_min  INTEGER,
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Permissions to upload, for whoever holds their URL.
CREATE TABLE ticket (
    id           TEXT    NOT NULL PRIMARY KEY, -- 32 hex digits
    created_by   TEXT    NOT NULL,
    key_id       TEXT,                         -- whose quota; the ticket ends with the key
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER,
    uses_max     INTEGER NOT NULL,
    uses_left    INTEGER NOT NULL CHECK (uses_left >= 0),
    bytes_max    INTEGER,
    types        TEXT    NOT NULL,             -- extensions, by comma; '': any
    alias_kind   TEXT    NOT NULL CHECK (alias_kind IN ('none', 'exact', 'below')),
    alias_host   TEXT    NOT NULL,
    alias_path   BLOB    NOT NULL,
    tags         TEXT    NOT NULL,             -- by comma
    presets      TEXT    NOT NULL,             -- by comma
    callback_url TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX ticket_expires_at ON ticket (expires_at);

-- People.
CREATE TABLE person (
    name          TEXT    NOT NULL PRIMARY KEY,
    role          TEXT    NOT NULL,
    password      TEXT    NOT NULL,            -- PHC string, argon2id
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    last_login_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    secret     BLOB    NOT NULL PRIMARY KEY,   -- SHA-256
    person     TEXT    NOT NULL REFERENCES person (name),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_person ON session (person);

-- Who did what and why. Rows are added and never touched again.
CREATE TABLE audit (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms      INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    reason     TEXT,
    request_id TEXT,
    counts     TEXT    NOT NULL                -- a JSON object of numbers
) STRICT;

CREATE INDEX audit_at_ms ON audit (at_ms);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- INSERT OR REPLACE removes without asking the trigger below.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Bytes that are not wanted here.
CREATE TABLE block (
    image_id   BLOB    NOT NULL PRIMARY KEY CHECK (length(image_id) = 20),
    blocked_at INTEGER NOT NULL,
    blocked_by TEXT    NOT NULL,
    reason     TEXT
) STRICT, WITHOUT ROWID;

-- Images that were erased. While files_gone is 0, their files may still stand and be served.
CREATE TABLE tombstone (
    image_id   BLOB    NOT NULL PRIMARY KEY,
    media      TEXT    NOT NULL,
    erased_at  INTEGER NOT NULL,
    erased_by  TEXT    NOT NULL,
    reason     TEXT,
    files_gone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- URLs that answered once, and that caches may still hold.
CREATE TABLE former_alias (
    host       TEXT    NOT NULL,
    path       BLOB    NOT NULL,
    image_id   BLOB    NOT NULL,
    dropped_at INTEGER NOT NULL,
    PRIMARY KEY (host, path, image_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX former_alias_image_id ON former_alias (image_id);

CREATE TABLE former_derivative (
    image_id   BLOB    NOT NULL,
    variant    TEXT    NOT NULL,
    format     TEXT    NOT NULL,
    dropped_at INTEGER NOT NULL,
    PRIMARY KEY (image_id, variant, format)
) STRICT, WITHOUT ROWID;

-- Answers to requests with an Idempotency-Key. No status: in progress.
CREATE TABLE idempotent (
    actor       TEXT    NOT NULL,
    token       TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,              -- of method, path and body
    started_ms  INTEGER NOT NULL,
    status      INTEGER,
    answer      TEXT,
    PRIMARY KEY (actor, token)
) STRICT, WITHOUT ROWID;

-- Others who are to be told. given_up_at: not tried again.
CREATE TABLE callback (
    id          TEXT    NOT NULL PRIMARY KEY,
    url         TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    next_ms     INTEGER NOT NULL,
    fault       TEXT,
    given_up_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX callback_due ON callback (next_ms) WHERE given_up_at IS NULL;

-- For people.
CREATE VIEW audit_log AS
SELECT number, datetime(at_ms / 1000, 'unixepoch') AS at, actor, action, target, reason, request_id, counts
FROM audit;

CREATE VIEW block_hex AS
SELECT lower(hex(image_id)) AS image_id, datetime(blocked_at, 'unixepoch') AS blocked_at, blocked_by, reason
FROM block;

CREATE VIEW tombstone_hex AS
SELECT lower(hex(image_id)) AS image_id, media, datetime(erased_at, 'unixepoch') AS erased_at, erased_by, reason, files_gone
FROM tombstone;
