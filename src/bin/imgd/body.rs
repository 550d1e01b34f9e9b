//! Bodies of uploads: received piece by piece, not slower than they may be.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt;
use img_core::config::ApiSettings;
use tokio::time::{Instant, timeout_at};

use crate::problem::Problem;

/// A body that must keep up a rate.
#[derive(Debug)]
pub(crate) struct Paced {
    stream: BodyDataStream,
    began_at: Instant,
    received_bytes: u64,
    grace: Duration,
    bytes_per_s_min: u64,
}

impl Paced {
    pub(crate) fn new(body: Body, api: &ApiSettings) -> Self {
        Self {
            stream: body.into_data_stream(),
            began_at: Instant::now(),
            received_bytes: 0,
            grace: api.upload_grace,
            bytes_per_s_min: api.upload_bytes_per_s_min,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match timeout_at(self.deadline(), self.stream.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => {
                self.received_bytes += piece.len() as u64;
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

    /// When the next piece must have come, for what has come to have kept up.
    fn deadline(&self) -> Instant {
        let earned_s = self.received_bytes / self.bytes_per_s_min.max(1);
        // A rate of nothing waits for ever, as nginx does between two pieces.
        let earned = match self.bytes_per_s_min {
            0 => Duration::from_secs(86_400),
            _ => Duration::from_secs(earned_s.min(86_400)),
        };
        self.began_at + self.grace + earned
    }
}
