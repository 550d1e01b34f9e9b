//! Who asks: by key, or by the cookie of a session.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use img_core::origin::act::{Act, Caller};
use img_core::origin::keyring::KeyHolder;
use img_core::origin::users::caller_of;

use crate::app::App;
use crate::problem::Problem;

/// Bound to HTTPS, this host and the whole site by its prefix (RFC 6265bis).
pub(crate) const COOKIE: &str = "__Host-imgctl";

/// Someone whose identity has been established.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) caller: Caller,
    /// If they came with a key.
    pub(crate) key: Option<Arc<KeyHolder>>,
    pub(crate) request_id: Option<String>,
}

impl Who {
    pub(crate) fn act(&self, reason: Option<String>) -> Result<Act, Problem> {
        let reason = reason.filter(|reason| !reason.is_empty());
        let too_long = reason
            .as_ref()
            .is_some_and(|reason| reason.len() > Act::REASON_LEN_MAX);
        if too_long {
            let detail = format!("a reason has {} bytes at most", Act::REASON_LEN_MAX);
            return Err(Problem::bad_request("reason-length", detail));
        }
        Ok(Act {
            caller: self.caller.clone(),
            reason,
            request_id: self.request_id.clone(),
        })
    }
}

impl FromRequestParts<App> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let request_id = request_id(&parts.headers);
        if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
            let token = authorization.to_str().ok().and_then(bearer);
            let token = token.ok_or_else(|| {
                let detail = "Authorization must be `Bearer` and a key";
                Problem::unauthorized("key-wrong", detail)
            })?;
            let holder = app.origin.authenticate(token).await?;
            return Ok(Self {
                caller: holder.caller(),
                key: Some(holder),
                request_id,
            });
        }
        if let Some(cookie) = cookie(&parts.headers) {
            let user = app.origin.find_session(cookie).await?;
            let user = user.ok_or_else(|| {
                Problem::unauthorized("session-over", "the session is over: sign in again")
            })?;
            require_same_site(parts)?;
            return Ok(Self {
                caller: caller_of(&user),
                key: None,
                request_id,
            });
        }
        let problem = Problem::unauthorized("key-missing", "this needs a key");
        Err(problem.with_hint("send it as `Authorization: Bearer imgk_…`"))
    }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?;
    id.to_str().ok().map(str::to_owned)
}

/// The value of our cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        pair.trim()
            .strip_prefix(COOKIE)
            .and_then(|rest| rest.strip_prefix('='))
    })
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

/// nginx passes on the host alone, and cookies are those of all ports.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

/// The cookie is SameSite=Strict. A browser too old for that says where a request comes from in other ways.
fn require_same_site(parts: &Parts) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let fetched_from = header("sec-fetch-site");
    let own_site = match (fetched_from, header("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| without_port(host));
            host.is_some() && host == header("host").map(without_port)
        }
        (None, None) => true,
    };
    own_site.then_some(()).ok_or_else(|| {
        let detail = "a page of another site cannot act in your name";
        Problem::new(axum::http::StatusCode::FORBIDDEN, "cross-site", detail)
    })
}
