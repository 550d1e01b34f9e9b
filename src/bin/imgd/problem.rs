//! Errors on the wire: problem documents (RFC 9457) with a stable code, never cached for long.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use img_core::catalog::CatalogError;
use img_core::model::image_name::InvalidImageName;
use img_core::origin::act::{ActError, ActKind};
use img_core::origin::error::chain;
use img_core::origin::keyring::KeyFault;
use img_core::origin::miss::{MissError, MissKind};
use img_core::origin::tickets::TicketFault;
use img_core::origin::users::LoginFault;

/// Seconds that a "not found" may be cached: a new image is seen by everyone a minute after it was asked for too early.
const NOT_FOUND_TTL: &str = "public, max-age=60";
/// What was erased stays so; an hour, in case it comes back.
const GONE_TTL: &str = "public, max-age=3600";
const NO_STORE: &str = "no-store";
/// For the world; the log has the rest.
const OPERATOR: &str = "an operator must look";
/// Seconds after which a client may try again when nothing says better.
const RETRY_AFTER_S: u64 = 1;

#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    hint: Option<String>,
    retry_after_s: Option<u64>,
    cache_control: &'static str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
            retry_after_s: None,
            cache_control: NO_STORE,
        }
    }

    pub(crate) fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    fn with_retry_after(self, retry_after_s: u64) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..self
        }
    }

    /// For images, whose answers caches may keep.
    pub(crate) fn cacheable(self) -> Self {
        let cache_control = match self.status {
            StatusCode::NOT_FOUND => NOT_FOUND_TTL,
            StatusCode::GONE => GONE_TTL,
            _ => NO_STORE,
        };
        Self {
            cache_control,
            ..self
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "nothing has this name")
    }

    pub(crate) fn unauthorized(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// The log says what happened.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", OPERATOR)
    }

    pub(crate) fn invalid_name(error: &InvalidImageName) -> Self {
        match error {
            // Options are the one part that people write by hand, and deserve to be told.
            InvalidImageName::Variant(variant) => {
                Self::bad_request("invalid-options", variant.to_string())
            }
            InvalidImageName::NoExtension
            | InvalidImageName::Id(_)
            | InvalidImageName::Media(_)
            | InvalidImageName::Format(_) => {
                Self::new(StatusCode::NOT_FOUND, "not-found", error.to_string())
            }
        }
    }

    pub(crate) fn method_not_allowed(detail: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    pub(crate) fn busy() -> Self {
        let detail = "too many requests are in progress";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).with_retry_after(RETRY_AFTER_S)
    }

    pub(crate) fn from_miss(error: &MissError) -> Self {
        let detail = chain(error);
        let (status, retry_after_s) = match error.kind() {
            MissKind::NotFound => (StatusCode::NOT_FOUND, None),
            MissKind::Gone => (StatusCode::GONE, None),
            MissKind::Forbidden => (StatusCode::FORBIDDEN, None),
            MissKind::BadRequest => (StatusCode::BAD_REQUEST, None),
            MissKind::Unprocessable { retry_after_s } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(retry_after_s).filter(|&s| s > 0),
            ),
            MissKind::Busy { retry_after_s } => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(retry_after_s))
            }
            MissKind::Full => (StatusCode::INSUFFICIENT_STORAGE, None),
            MissKind::Broken => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        match error.kind() {
            MissKind::Broken | MissKind::Full => {
                tracing::error!(error.code = error.code(), "{detail}");
            }
            MissKind::Unprocessable { .. } | MissKind::Busy { .. } => {
                tracing::warn!(error.code = error.code(), "{detail}");
            }
            MissKind::NotFound | MissKind::Gone | MissKind::Forbidden | MissKind::BadRequest => {}
        }
        // Paths and database errors are for the log, not for the world.
        let told = if matches!(error.kind(), MissKind::Broken | MissKind::Full) {
            OPERATOR.into()
        } else {
            detail
        };
        Self {
            retry_after_s,
            ..Self::new(status, error.code(), told)
        }
    }

    /// As JSON, with the id of the request that it answers.
    pub(crate) fn render(&self, request_id: Option<&HeaderValue>) -> Response {
        let body = img_api::problem::Problem {
            kind: "about:blank".to_owned(),
            title: self
                .status
                .canonical_reason()
                .unwrap_or_default()
                .to_owned(),
            status: self.status.as_u16(),
            code: self.code.clone(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            request_id: request_id
                .and_then(|id| id.to_str().ok())
                .map(str::to_owned),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        self.write_headers(response.headers_mut());
        response
    }

    pub(crate) fn render_for(&self, request: &Request) -> Response {
        self.render(request.headers().get("x-request-id"))
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        let cache_control = HeaderValue::from_static(self.cache_control);
        headers.insert(header::CACHE_CONTROL, cache_control);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 wants one with each 401.
            let scheme = HeaderValue::from_static("Bearer realm=\"imgctl\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
    }
}

/// Rendered on the way out, where the id of the request is known.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let (kind, code, hint) = (error.kind(), error.code().to_owned(), error.hint());
        let detail = chain(&error);
        let status = match kind {
            ActKind::Forbidden => StatusCode::FORBIDDEN,
            ActKind::NotFound => StatusCode::NOT_FOUND,
            ActKind::Gone => StatusCode::GONE,
            ActKind::Conflict => StatusCode::CONFLICT,
            ActKind::Invalid => StatusCode::BAD_REQUEST,
            ActKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ActKind::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ActKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            ActKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ActKind::Full => StatusCode::INSUFFICIENT_STORAGE,
            ActKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match kind {
            ActKind::Broken | ActKind::Full => {
                tracing::error!(error.code = code, "{detail}");
                return Self::new(status, &code, OPERATOR);
            }
            ActKind::Busy => {
                tracing::warn!(error.code = code, "{detail}");
                let problem = Self::new(status, &code, detail);
                return problem.with_retry_after(RETRY_AFTER_S);
            }
            _ => {}
        }
        Self {
            hint,
            ..Self::new(status, &code, detail)
        }
    }
}

impl From<KeyFault> for Problem {
    fn from(fault: KeyFault) -> Self {
        let (code, detail) = (fault.code(), fault.to_string());
        match fault {
            KeyFault::Wrong | KeyFault::Expired | KeyFault::Revoked => {
                Self::unauthorized(code, detail)
            }
            KeyFault::TooFast { retry_after_s, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
                    .with_retry_after(retry_after_s)
            }
            KeyFault::TooManyUploads { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
                    .with_retry_after(RETRY_AFTER_S)
            }
            KeyFault::Catalog(error) => error.into(),
        }
    }
}

impl From<TicketFault> for Problem {
    fn from(fault: TicketFault) -> Self {
        match fault {
            TicketFault::Catalog(error) => error.into(),
            fault => Self::new(StatusCode::FORBIDDEN, fault.code(), fault.to_string()),
        }
    }
}

impl From<LoginFault> for Problem {
    fn from(fault: LoginFault) -> Self {
        let (code, detail) = (fault.code(), fault.to_string());
        match fault {
            LoginFault::Wrong => Self::unauthorized(code, detail),
            LoginFault::TooOften { retry_after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
                    .with_retry_after(retry_after_s)
            }
            LoginFault::Catalog(error) => error.into(),
            LoginFault::Cpu(error) => {
                tracing::error!(error.code = code, "{}", chain(&error));
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, OPERATOR)
            }
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        ActError::from(error).into()
    }
}

impl From<MissError> for Problem {
    fn from(error: MissError) -> Self {
        Self::from_miss(&error)
    }
}
