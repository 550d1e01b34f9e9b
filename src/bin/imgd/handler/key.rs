//! API keys, for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use img_api::key::{IssuedKey, Key, KeyList, KeyRotation, NewKey};
use img_api::problem::Problem as ProblemDocument;
use img_core::model::access::{KeyId, Verb, Verbs};
use img_core::model::grant::Quota;
use img_core::origin::keys::{self, Issued};

use crate::answer;
use crate::app::App;
use crate::handler::image::Why;
use crate::idempotency::{Answered, Repeatable};
use crate::input::{Json, Named, Params, parse};
use crate::problem::Problem;
use crate::who::Who;

/// A day.
const OVERLAP_S: u64 = 86_400;

/// All keys, also those that are over.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "keys", operation_id = "list_keys",
    responses(
        (status = 200, body = KeyList),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn list(State(app): State<App>, who: Who) -> Result<Response, Problem> {
    let keys = app.origin.list_keys(&who.act(None)?).await?;
    let keys = keys.iter().map(Key::of).collect();
    Ok(answer::json(StatusCode::OK, &KeyList { keys }))
}

/// Make a key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "keys", operation_id = "create_key",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request is answered as before, but without the token")),
    request_body = NewKey,
    responses(
        (status = 201, body = IssuedKey),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn create(
    State(app): State<App>,
    who: Who,
    parts: Parts,
    Json { value, bytes }: Json<NewKey>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Admin)?;
    let once = async {
        let act = who.act(value.reason.clone())?;
        let new = new_key(&app, value)?;
        let issued = app.origin.create_key(&act, new).await?;
        Ok(answered(StatusCode::CREATED, &issued))
    };
    let repeatable = Repeatable {
        app: &app,
        who: &who,
        parts: &parts,
        body: &bytes,
    };
    let (status, body) = repeatable.run(once).await?;
    Ok(answer::json_text(status, body))
}

fn new_key(app: &App, value: NewKey) -> Result<keys::NewKey, Problem> {
    let now = app.origin.clock.now();
    let prefix = value.prefix.as_deref().map(|text| parse("prefix", text));
    let expires_at = value.expires_in_s.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        now.saturating_add(seconds)
    });
    Ok(keys::NewKey {
        name: value.name,
        verbs: match value.verbs.as_slice() {
            [] => Verbs::default(),
            verbs => parse("verbs", &verbs.join(","))?,
        },
        prefix: prefix.transpose()?,
        quota: Quota {
            bytes_max: value.bytes_max,
            images_max: value.images_max,
        },
        rate_per_min: value.rate_per_min,
        expires_at,
    })
}

/// The token is never kept.
fn answered(status: StatusCode, issued: &Issued) -> Answered {
    let issued = IssuedKey::of(issued);
    let kept = IssuedKey {
        token: None,
        ..issued.clone()
    };
    let text = |issued: &IssuedKey| serde_json::to_string(issued).unwrap_or_default();
    Answered {
        status,
        body: text(&issued),
        kept: text(&kept),
    }
}

/// Another secret for a key; the one before stays valid for a while.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/rotate", tag = "keys", operation_id = "rotate_key",
    params(
        ("id" = String, Path, description = "16 hex digits", pattern = "^[0-9a-f]{16}$"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request is answered as before, but without the token"),
    ),
    request_body = KeyRotation,
    responses(
        (status = 200, body = IssuedKey),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn rotate(
    State(app): State<App>,
    who: Who,
    Named(id): Named<KeyId>,
    parts: Parts,
    Json { value, bytes }: Json<KeyRotation>,
) -> Result<Response, Problem> {
    who.caller.require(Verb::Admin)?;
    let once = async {
        let act = who.act(value.reason.clone())?;
        let overlap_s = i64::try_from(value.overlap_s.unwrap_or(OVERLAP_S)).unwrap_or(i64::MAX);
        let issued = app.origin.rotate_key(&act, id, overlap_s).await?;
        Ok(answered(StatusCode::OK, &issued))
    };
    let repeatable = Repeatable {
        app: &app,
        who: &who,
        parts: &parts,
        body: &bytes,
    };
    let (status, body) = repeatable.run(once).await?;
    Ok(answer::json_text(status, body))
}

/// End a key.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "revoke_key",
    params(("id" = String, Path, description = "16 hex digits", pattern = "^[0-9a-f]{16}$"), Why),
    responses(
        (status = 204, description = "It opens nothing any more: here at once, on other nodes within a second."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    who: Who,
    Named(id): Named<KeyId>,
    Params(why): Params<Why>,
) -> Result<StatusCode, Problem> {
    app.origin.revoke_key(&who.act(why.reason)?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
