//! One request and its answer, as they go over the wire.

use std::time::Duration;

use data_encoding::HEXLOWER;
use img_api::problem::Problem;
use img_core::model::secret::random_bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::Serialize;

use crate::remote::retry::is_passing;
use crate::remote::{RemoteError, UploadBody};

/// For all of one attempt; deriving several presets of a large image takes some tens of seconds.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Uploads get as much longer as their bytes take at this rate.
const UPLOAD_BYTES_PER_S_MIN: u64 = 32 << 10;
/// A page of a thousand images with all their presets has some megabytes; nobody sends more for good reason.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A server tells the world no more than that.
const DISK_HINT: &str =
    "free some space there; the floor is its limits.free_bytes_min and limits.free_inodes_min";

/// One request, which may be sent several times.
pub(super) struct Call<'a> {
    method: Method,
    url: Url,
    body: CallBody<'a>,
    /// Says that two attempts are one request.
    idempotency: Option<String>,
    timeout: Duration,
    pub(super) is_removal: bool,
}

enum CallBody<'a> {
    None,
    Json(Vec<u8>),
    Upload(&'a UploadBody),
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            body: CallBody::None,
            idempotency: None,
            timeout: TIMEOUT,
            is_removal: false,
        }
    }

    pub(super) fn json<B: Serialize>(self, body: &B) -> Self {
        let bytes =
            serde_json::to_vec(body).expect("the words of the API have no maps with odd keys");
        Self {
            body: CallBody::Json(bytes),
            ..self
        }
    }

    /// Carried out once, however often it is sent.
    pub(super) fn once(self) -> Self {
        let token: [u8; 16] = random_bytes();
        Self {
            idempotency: Some(HEXLOWER.encode(&token)),
            ..self
        }
    }

    pub(super) fn upload(self, body: &'a UploadBody) -> Self {
        let longer = Duration::from_secs(body.size_bytes() / UPLOAD_BYTES_PER_S_MIN);
        Self {
            body: CallBody::Upload(body),
            timeout: self.timeout + longer,
            ..self
        }
    }

    /// What is gone already is as good.
    pub(super) fn removal(self) -> Self {
        Self {
            is_removal: true,
            ..self
        }
    }

    pub(super) async fn build(&self, client: &Client) -> Result<RequestBuilder, RemoteError> {
        let request = client.request(self.method.clone(), self.url.clone());
        let mut request = request.timeout(self.timeout);
        if let Some(token) = &self.idempotency {
            request = request.header("idempotency-key", token);
        }
        let media = |media| HeaderValue::from_static(media);
        Ok(match &self.body {
            CallBody::None => request,
            CallBody::Json(bytes) => request
                .header(CONTENT_TYPE, media("application/json"))
                .body(bytes.clone()),
            CallBody::Upload(body) => request
                .header(CONTENT_TYPE, media("application/octet-stream"))
                // Said also of a stream: then nothing is chunked.
                .header(CONTENT_LENGTH, body.size_bytes())
                .body(body.open().await?),
        })
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    is_problem: bool,
}

impl Answer {
    pub(super) async fn read(mut response: Response) -> Result<Self, reqwest::Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                break; // half an answer is not understood, and that is told
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response.headers();
        let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        Ok(Self {
            status: response.status().as_u16(),
            request_id: text(headers, "x-request-id").map(str::to_owned),
            // In seconds: dates are not what our side sends.
            retry_after: text(headers, RETRY_AFTER.as_str())
                .and_then(|text| text.trim().parse().ok())
                .map(Duration::from_secs),
            is_problem: media.is_some_and(|it| it.starts_with(b"application/problem+json")),
            body,
        })
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn is_passing(&self) -> bool {
        // The same request is in progress still.
        let in_progress = self.status == 409 && self.retry_after.is_some();
        is_passing(self.status) || in_progress
    }

    pub(super) fn refusal(self, server: &str) -> RemoteError {
        let problem = serde_json::from_slice::<Problem>(&self.body);
        match problem.ok().filter(|_| self.is_problem) {
            Some(mut problem) => {
                problem.status = self.status;
                problem.request_id = problem.request_id.or(self.request_id);
                if problem.code == "disk-full" {
                    problem.detail = format!("the disk of {server} is full");
                    problem.hint.get_or_insert_with(|| DISK_HINT.to_owned());
                }
                if problem.detail.is_empty() {
                    problem.detail =
                        format!("{server} answered {} {}", problem.status, problem.title);
                }
                RemoteError::Refused(Box::new(problem))
            }
            None => RemoteError::Foreign {
                server: server.to_owned(),
                status: self.status,
                what: "it gave no reason",
                request_id: self.request_id,
            },
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
