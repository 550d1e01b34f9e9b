//! SQL about access that SQLite and PostgreSQL read alike.

macro_rules! key_columns {
    () => {
        "id, name, verbs, prefix, secret, previous, previous_until, bytes_max, images_max,
        bytes_used, images_used, rate_per_min, created_at, created_by, expires_at, revoked_at, last_used_at"
    };
}

macro_rules! ticket_columns {
    () => {
        "id, created_by, key_id, created_at, expires_at, revoked_at, uses_max, uses_left, bytes_max,
        types, alias_kind, alias_host, alias_path, tags, presets, callback_url"
    };
}

macro_rules! user_columns {
    () => {
        "name, role, password, person.created_at AS created_at, created_by, last_login_at"
    };
}

pub(super) const ADD_AUDIT: &str = "
    INSERT INTO audit (at_ms, actor, action, target, reason, request_id, counts)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// An action is asked for whole, or by its first word: `$5` is the word and what follows the dot sorts before `/`.
pub(super) const LIST_AUDIT: &str = "
    SELECT number, at_ms, actor, action, target, reason, request_id, counts FROM audit
    WHERE number < $1 AND at_ms >= $2 AND at_ms < $3 AND ($4 IS NULL OR actor = $4)
        AND ($5 IS NULL OR action = $5 OR (action > $5 || '.' AND action < $5 || '/'))
        AND ($6 IS NULL OR target = $6)
    ORDER BY number DESC LIMIT $7";

pub(super) const ADD_KEY: &str = concat!(
    "INSERT INTO api_key (",
    key_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, NULL, NULL, $6, $7, 0, 0, $8, $9, $10, $11, NULL, NULL)"
);

pub(super) const FIND_KEY: &str = concat!("SELECT ", key_columns!(), " FROM api_key WHERE id = $1");

pub(super) const LIST_KEYS: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_key ORDER BY created_at, id"
);

pub(super) const REVOKE_KEY: &str =
    "UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

pub(super) const ROTATE_KEY: &str = "
    UPDATE api_key SET previous = secret, previous_until = $3, secret = $2
    WHERE id = $1 AND revoked_at IS NULL";

pub(super) const TOUCH_KEY: &str = "
    UPDATE api_key SET last_used_at = $2
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

pub(super) const CHARGE_KEY: &str = "
    UPDATE api_key SET bytes_used = bytes_used + $2, images_used = images_used + $3
    WHERE id = $1 AND (bytes_max IS NULL OR bytes_used + $2 <= bytes_max)
        AND (images_max IS NULL OR images_used + $3 <= images_max)";

pub(super) const REFUND_KEY: &str = "
    UPDATE api_key SET
        bytes_used = CASE WHEN bytes_used > $2 THEN bytes_used - $2 ELSE 0 END,
        images_used = CASE WHEN images_used > $3 THEN images_used - $3 ELSE 0 END
    WHERE id = $1";

pub(super) const ADD_TICKET: &str = concat!(
    "INSERT INTO ticket (",
    ticket_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, NULL, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
);

pub(super) const FIND_TICKET: &str =
    concat!("SELECT ", ticket_columns!(), " FROM ticket WHERE id = $1");

pub(super) const LIST_TICKETS: &str = concat!(
    "SELECT ",
    ticket_columns!(),
    " FROM ticket WHERE id > $1 ORDER BY id LIMIT $2"
);

pub(super) const REVOKE_TICKET: &str =
    "UPDATE ticket SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

pub(super) const TAKE_USE: &str = "
    UPDATE ticket SET uses_left = uses_left - 1
    WHERE id = $1 AND uses_left > 0 AND revoked_at IS NULL AND expires_at >= $2";

pub(super) const GIVE_BACK_USE: &str =
    "UPDATE ticket SET uses_left = uses_left + 1 WHERE id = $1 AND uses_left < uses_max";

pub(super) const ADD_USER: &str = "
    INSERT INTO person (name, role, password, created_at, created_by, last_login_at)
    VALUES ($1, $2, $3, $4, $5, NULL) ON CONFLICT DO NOTHING";

pub(super) const FIND_USER: &str =
    concat!("SELECT ", user_columns!(), " FROM person WHERE name = $1");

pub(super) const LIST_USERS: &str =
    concat!("SELECT ", user_columns!(), " FROM person ORDER BY name");

pub(super) const SET_PASSWORD: &str = "UPDATE person SET password = $2 WHERE name = $1";

pub(super) const SET_ROLE: &str = "UPDATE person SET role = $2 WHERE name = $1";

pub(super) const LOCK_USER: &str = "UPDATE person SET role = role WHERE name = $1";

pub(super) const REMOVE_USER: &str = "DELETE FROM person WHERE name = $1";

pub(super) const LOG_IN: &str = "UPDATE person SET last_login_at = $2 WHERE name = $1";

pub(super) const ADD_SESSION: &str =
    "INSERT INTO session (secret, person, created_at, expires_at) VALUES ($1, $2, $3, $4)";

pub(super) const FIND_SESSION: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM session JOIN person ON person.name = session.person
    WHERE session.secret = $1 AND session.expires_at > $2"
);

pub(super) const REMOVE_SESSION: &str = "DELETE FROM session WHERE secret = $1";

pub(super) const REMOVE_SESSIONS_OF: &str = "DELETE FROM session WHERE person = $1";

pub(super) const FORGET_SESSIONS: &str = "DELETE FROM session WHERE expires_at < $1";

/// Changes a row if, and only if, the caller is the first, or the one before it is gone.
pub(super) const BEGIN_IDEMPOTENT: &str = "
    INSERT INTO idempotent (actor, token, fingerprint, started_ms) VALUES ($1, $2, $3, $4)
    ON CONFLICT (actor, token) DO UPDATE SET started_ms = excluded.started_ms
    WHERE idempotent.status IS NULL AND idempotent.started_ms < $5
        AND idempotent.fingerprint = excluded.fingerprint";

pub(super) const FIND_IDEMPOTENT: &str =
    "SELECT fingerprint, status, answer FROM idempotent WHERE actor = $1 AND token = $2";

pub(super) const FINISH_IDEMPOTENT: &str =
    "UPDATE idempotent SET status = $3, answer = $4 WHERE actor = $1 AND token = $2";

pub(super) const ABANDON_IDEMPOTENT: &str =
    "DELETE FROM idempotent WHERE actor = $1 AND token = $2 AND status IS NULL";

pub(super) const FORGET_IDEMPOTENT: &str = "DELETE FROM idempotent WHERE started_ms < $1";

pub(super) const ADD_CALLBACK: &str = "
    INSERT INTO callback (id, url, body, created_at, attempts, next_ms)
    VALUES ($1, $2, $3, $4, $5, $6)";

pub(super) const LIST_DUE_CALLBACKS: &str = "
    SELECT id, url, body, created_at, attempts, next_ms FROM callback
    WHERE next_ms <= $1 AND given_up_at IS NULL ORDER BY next_ms LIMIT $2";

/// Changes a row if nobody else was quicker.
pub(super) const LEASE_CALLBACK: &str =
    "UPDATE callback SET next_ms = $3 WHERE id = $1 AND next_ms = $2 AND given_up_at IS NULL";

pub(super) const REMOVE_CALLBACK: &str = "DELETE FROM callback WHERE id = $1";

pub(super) const RETRY_CALLBACK: &str =
    "UPDATE callback SET attempts = attempts + 1, next_ms = $2, fault = $3 WHERE id = $1";

pub(super) const GIVE_UP_CALLBACK: &str =
    "UPDATE callback SET attempts = attempts + 1, given_up_at = $2, fault = $3 WHERE id = $1";

pub(super) const FORGET_TICKETS: &str = "DELETE FROM ticket WHERE expires_at < $1";

pub(super) const FORGET_CALLBACKS: &str = "DELETE FROM callback WHERE given_up_at < $1";
