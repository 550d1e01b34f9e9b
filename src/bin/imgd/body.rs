//! Bodies of uploads: received piece by piece, not slower than they may be.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt;
use img_core::config::ApiSettings;
use tokio::time::{Instant, timeout};

use crate::problem::Problem;

/// A body that must keep up a rate: in each span of waiting it must bring what the rate asks of the span. Nothing is
/// saved up: who sent fast may not be slow for long.
#[derive(Debug)]
pub(crate) struct Paced {
    stream: BodyDataStream,
    /// Of waiting for the client; what is done with the bytes is not counted.
    left: Duration,
    received_bytes: u64,
    span: Duration,
    /// Of one span; 0: any body is fast enough.
    bytes_min: u64,
    bytes_per_s_min: u64,
}

impl Paced {
    pub(crate) fn new(body: Body, api: &ApiSettings) -> Self {
        let span_s = api.upload_grace.as_secs().max(1);
        let span = Duration::from_secs(span_s);
        Self {
            stream: body.into_data_stream(),
            left: span,
            received_bytes: 0,
            span,
            bytes_min: api.upload_bytes_per_s_min.saturating_mul(span_s),
            bytes_per_s_min: api.upload_bytes_per_s_min,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let began_at = Instant::now();
        let next = if self.bytes_min == 0 {
            Ok(self.stream.next().await)
        } else {
            timeout(self.left, self.stream.next()).await
        };
        match next {
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => {
                self.count(piece.len() as u64, began_at.elapsed());
                Ok(Some(piece))
            }
            Ok(Some(Err(error))) => {
                let detail = format!("the body broke off: {error}");
                Err(Problem::bad_request("body-incomplete", detail))
            }
            Err(_) => {
                let rate = self.bytes_per_s_min;
                let detail = format!("the body came slower than {rate} bytes in a second");
                let status = StatusCode::REQUEST_TIMEOUT;
                Err(Problem::new(status, "body-too-slow", detail))
            }
        }
    }

    fn count(&mut self, bytes: u64, waited: Duration) {
        self.received_bytes += bytes;
        self.left = self.left.saturating_sub(waited);
        if self.received_bytes >= self.bytes_min {
            (self.received_bytes, self.left) = (0, self.span);
        }
    }
}
