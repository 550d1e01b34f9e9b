//! People: signing in and out, and who one is.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use img_api::problem::Problem as ProblemDocument;
use img_api::session::{Identity, Login};
use img_api::time;
use img_core::origin::users::caller_of;

use crate::answer;
use crate::app::App;
use crate::input::Json;
use crate::problem::Problem;
use crate::who::{COOKIE, Who, cookie, request_id};

/// Who one is.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "access", operation_id = "get_identity",
    responses(
        (status = 200, body = Identity),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn me(who: Who) -> Response {
    answer::json(StatusCode::OK, &Identity::of(&who.caller))
}

/// Sign in.
///
/// The session is a cookie that no script can read, that goes over HTTPS only and to this site only.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "access", operation_id = "log_in",
    request_body = Login,
    responses(
        (status = 201, body = Identity, headers(("set-cookie" = String, description = "The session"))),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    Json { value, .. }: Json<Login>,
) -> Result<Response, Problem> {
    let address = headers.get("x-forwarded-for");
    let address = address.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let id = request_id(&headers);
    let entered = app
        .origin
        .log_in(&value.name, value.password, address, id)
        .await?;
    let lifetime_s = entered.session.expires_at - entered.session.created_at;
    let identity = Identity {
        expires_at: Some(time::format(entered.session.expires_at)),
        ..Identity::of(&caller_of(&entered.user))
    };
    let response = answer::json(StatusCode::CREATED, &identity);
    Ok(set_cookie(response, &entered.secret.reveal(), lifetime_s))
}

/// Sign out.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "access", operation_id = "log_out",
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("session" = [])),
)]
pub(crate) async fn log_out(
    State(app): State<App>,
    who: Who,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Whoever came with a key has no session to end.
    if who.key.is_none()
        && let Some(cookie) = cookie(&headers)
    {
        app.origin.log_out(cookie).await?;
    }
    Ok(set_cookie(StatusCode::NO_CONTENT.into_response(), "", 0))
}

fn set_cookie(mut response: Response, value: &str, lifetime_s: i64) -> Response {
    let cookie = format!(
        "{COOKIE}={value}; Path=/; Max-Age={lifetime_s}; HttpOnly; Secure; SameSite=Strict"
    );
    let cookie = HeaderValue::try_from(cookie).expect("hex digits and the attributes are ASCII");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
