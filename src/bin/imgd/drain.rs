//! Answers that come before the body has: nginx must find them, and it finds them only while it can go on sending.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// How long what nobody wants is read on. nginx stops sending within milliseconds of the answer.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that is read to its end even if its reader gives up.
struct Drained {
    inner: Option<Body>,
    /// Also set when it broke off: then nothing more will come.
    ended: Arc<AtomicBool>,
}

/// Lets the connection close, but not before nginx has had the time to read the answer: bytes that arrive at a closed
/// socket make the kernel throw the answer away with them.
pub(crate) async fn finish_bodies(request: Request, next: Next) -> Response {
    let ended = Arc::new(AtomicBool::new(false));
    let (parts, body) = request.into_parts();
    ended.store(body.is_end_stream(), Ordering::Relaxed);
    let body = Body::new(Drained {
        inner: Some(body),
        ended: Arc::clone(&ended),
    });
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if !ended.load(Ordering::Relaxed) {
        // Whatever follows on this connection belongs to this body, or is lost behind it.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(inner).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(mut body) = self.inner.take() else {
            return;
        };
        if body.is_end_stream() {
            self.ended.store(true, Ordering::Relaxed);
        }
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        tokio::spawn(async move {
            let drain = async { while let Some(Ok(_)) = body.frame().await {} };
            // Whoever sends longer loses the answer, and has been told to expect it.
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain).await;
        });
    }
}
