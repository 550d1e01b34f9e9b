-- The catalog, version 2: who may write, what was done, and what is not wanted.
-- The same as for SQLite, but for types.
--
-- Secrets are kept as hashes only. `…_at` are whole seconds since 1970 (UTC), `…_ms` milliseconds.

-- Words on images.
CREATE TABLE image_tag (
    image_id BYTEA NOT NULL REFERENCES image (id),
    tag      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image_id, tag)
);

CREATE INDEX image_tag_tag ON image_tag (tag, image_id);

-- What an image looks like before it is loaded. Made when it is first asked for.
CREATE TABLE appearance (
    image_id BYTEA NOT NULL PRIMARY KEY REFERENCES image (id),
    blurhash TEXT NOT NULL,
    dominant TEXT NOT NULL                     -- rrggbb
);

CREATE TABLE api_key (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- 16 hex digits; ingested_by of an image is 'key:' and this
    name          TEXT    NOT NULL,
    verbs         TEXT    NOT NULL,            -- read,ingest,…
    prefix        BYTEA NOT NULL,            -- '': all aliases
    secret        BYTEA NOT NULL,            -- SHA-256
    previous      BYTEA,                        -- SHA-256 of the secret before the last rotation
    previous_until BIGINT,
    bytes_max     BIGINT,
    images_max    BIGINT,
    bytes_used    BIGINT NOT NULL,
    images_used   BIGINT NOT NULL,
    rate_per_min  BIGINT,
    created_at    BIGINT NOT NULL,
    created_by    TEXT    NOT NULL,
    expires_at    BIGINT,
    revoked_at    BIGINT,
    last_used_at  BIGINT
);

-- Permissions to upload, for whoever holds their URL.
CREATE TABLE ticket (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- 32 hex digits
    created_by   TEXT    NOT NULL,
    key_id       TEXT,                         -- whose quota; the ticket ends with the key
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT,
    uses_max     BIGINT NOT NULL,
    uses_left    BIGINT NOT NULL CHECK (uses_left >= 0),
    bytes_max    BIGINT,
    types        TEXT    NOT NULL,             -- extensions, by comma; '': any
    alias_kind   TEXT    NOT NULL CHECK (alias_kind IN ('none', 'exact', 'below')),
    alias_host   TEXT    NOT NULL,
    alias_path   BYTEA NOT NULL,
    tags         TEXT    NOT NULL,             -- by comma
    presets      TEXT    NOT NULL,             -- by comma
    callback_url TEXT
);

CREATE INDEX ticket_expires_at ON ticket (expires_at);

-- People.
CREATE TABLE person (
    name          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    role          TEXT    NOT NULL,
    password      TEXT    NOT NULL,            -- PHC string, argon2id
    created_at    BIGINT NOT NULL,
    created_by    TEXT    NOT NULL,
    last_login_at BIGINT
);

CREATE TABLE session (
    secret     BYTEA NOT NULL PRIMARY KEY,   -- SHA-256
    person     TEXT COLLATE "C" NOT NULL REFERENCES person (name),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX session_person ON session (person);

-- Who did what and why. Rows are added and never touched again.
CREATE TABLE audit (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms      BIGINT NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    target     TEXT    NOT NULL,
    reason     TEXT,
    request_id TEXT,
    counts     TEXT    NOT NULL                -- a JSON object of numbers
);

CREATE INDEX audit_at_ms ON audit (at_ms);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Bytes that are not wanted here.
CREATE TABLE block (
    image_id   BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(image_id) = 20),
    blocked_at BIGINT NOT NULL,
    blocked_by TEXT    NOT NULL,
    reason     TEXT
);

-- Images that were erased. While files_gone is 0, their files may still stand and be served.
CREATE TABLE tombstone (
    image_id   BYTEA NOT NULL PRIMARY KEY,
    media      TEXT    NOT NULL,
    erased_at  BIGINT NOT NULL,
    erased_by  TEXT    NOT NULL,
    reason     TEXT,
    files_gone BIGINT NOT NULL
);

-- URLs that answered once, and that caches may still hold.
CREATE TABLE former_alias (
    host       TEXT COLLATE "C" NOT NULL,
    path       BYTEA NOT NULL,
    image_id   BYTEA NOT NULL,
    dropped_at BIGINT NOT NULL,
    PRIMARY KEY (host, path, image_id)
);

CREATE INDEX former_alias_image_id ON former_alias (image_id);

CREATE TABLE former_derivative (
    image_id   BYTEA NOT NULL,
    variant    TEXT COLLATE "C" NOT NULL,
    format     TEXT COLLATE "C" NOT NULL,
    dropped_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, variant, format)
);

-- Answers to requests with an Idempotency-Key. No status: in progress.
CREATE TABLE idempotent (
    actor       TEXT COLLATE "C" NOT NULL,
    token       TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,              -- of method, path and body
    started_ms  BIGINT NOT NULL,
    status      BIGINT,
    answer      TEXT,
    PRIMARY KEY (actor, token)
);

-- Others who are to be told. given_up_at: not tried again.
CREATE TABLE callback (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url         TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    created_at  BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    next_ms     BIGINT NOT NULL,
    fault       TEXT,
    given_up_at BIGINT
);

CREATE INDEX callback_due ON callback (next_ms) WHERE given_up_at IS NULL;

-- Lists go by time, newest first.
CREATE INDEX image_ingested_at_id ON image (ingested_at, id);
DROP INDEX image_ingested_at;

-- For people.
CREATE VIEW audit_log AS
SELECT number, to_timestamp(at_ms / 1000) AS at, actor, action, target, reason, request_id, counts
FROM audit;

CREATE VIEW block_hex AS
SELECT encode(image_id, 'hex') AS image_id, to_timestamp(blocked_at) AS blocked_at, blocked_by, reason
FROM block;

CREATE VIEW tombstone_hex AS
SELECT encode(image_id, 'hex') AS image_id, media, to_timestamp(erased_at) AS erased_at, erased_by, reason, files_gone
FROM tombstone;
