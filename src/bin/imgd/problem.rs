//! Errors on the wire: problem documents (RFC 9457) with a stable code, never cached for long.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use img_core::model::image_name::InvalidImageName;
use img_core::origin::error::chain;
use img_core::origin::miss::{MissError, MissKind};
use serde_json::json;

/// Seconds that a "not found" may be cached: a new image is seen by everyone a minute after it was asked for too early.
const NOT_FOUND_TTL: &str = "public, max-age=60";
const NO_STORE: &str = "no-store";

#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    retry_after_s: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "nothing has this name")
    }

    pub(crate) fn invalid_name(error: &InvalidImageName) -> Self {
        match error {
            // Options are the one part that people write by hand, and deserve to be told.
            InvalidImageName::Variant(variant) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid-options",
                variant.to_string(),
            ),
            InvalidImageName::NoExtension
            | InvalidImageName::Id(_)
            | InvalidImageName::Media(_)
            | InvalidImageName::Format(_) => {
                Self::new(StatusCode::NOT_FOUND, "not-found", error.to_string())
            }
        }
    }

    pub(crate) fn method_not_allowed() -> Self {
        let detail = "images answer to GET and HEAD";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }

    pub(crate) fn busy() -> Self {
        let detail = "too many requests are in progress";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        Self {
            retry_after_s: Some(1),
            ..problem
        }
    }

    pub(crate) fn from_miss(error: &MissError) -> Self {
        let detail = chain(error);
        let (status, retry_after_s) = match error.kind() {
            MissKind::NotFound => (StatusCode::NOT_FOUND, None),
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
            MissKind::NotFound | MissKind::Forbidden | MissKind::BadRequest => {}
        }
        // Paths and database errors are for the log, not for the world.
        let told = if matches!(error.kind(), MissKind::Broken | MissKind::Full) {
            "an operator must look".into()
        } else {
            detail
        };
        Self {
            retry_after_s,
            ..Self::new(status, error.code(), told)
        }
    }

    pub(crate) fn into_response_for(self, request: &Request) -> Response {
        let id = request.headers().get("x-request-id").cloned();
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "request_id": id.as_ref().and_then(|id| id.to_str().ok()),
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        let cacheable = self.status == StatusCode::NOT_FOUND;
        let cache_control = if cacheable { NOT_FOUND_TTL } else { NO_STORE };
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(cache_control),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
