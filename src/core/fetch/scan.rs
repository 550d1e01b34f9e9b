//! The scan hook: someone else is asked whether an image may be accepted.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::model::media::MediaType;

use super::client::{Answer, AnswerBody, Call, Fetcher, Reach};
use super::error::FetchError;
use super::url::FetchUrl;

pub use super::upload::ScanBody;

/// How much of an answer is read, in bytes: a verdict and a reason of any sensible length.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// How long a reason may be, in characters: it ends up in logs and in answers to clients.
const REASON_CHARS_MAX: usize = 300;

/// Unreserved characters of URLs and `/` stand for themselves in headers, all else is percent-encoded.
const HEADER_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Some platforms begin UTF-8 with it, and JSON may not (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whom to ask, and what to do if nobody answers.
#[derive(Clone, Debug)]
pub struct ScanHook {
    /// From the configuration, so any address will do.
    pub url: FetchUrl,
    /// For all of it: sending the image, and the answer.
    pub timeout: Duration,
    pub on_failure: OnFailure,
}

/// What becomes of an image that nobody gave a verdict on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    Reject,
    Accept,
}

/// An image before it is accepted.
#[derive(Clone, Debug)]
pub struct ScanSubject<'a> {
    pub id: &'a str,
    pub media: MediaType,
    pub size_bytes: u64,
    /// Who brings it.
    pub actor: &'a str,
    pub alias: Option<&'a str>,
    pub body: ScanBody<'a>,
}

/// What the scan hook says.
#[derive(Debug)]
pub enum Verdict {
    Accept,
    Reject { reason: Option<String> },
    Unanswered { why: FetchError },
}

/// What becomes of an image.
#[derive(Debug)]
pub enum Decision {
    Accept,
    /// Worth a warning.
    AcceptUnscanned {
        why: FetchError,
    },
    Reject {
        reason: Option<String>,
    },
    /// No fault of the image: it may be accepted another time.
    RejectUnscanned {
        why: FetchError,
    },
}

impl ScanHook {
    pub async fn ask(&self, fetcher: &Fetcher, subject: &ScanSubject<'_>) -> Verdict {
        match self.post(fetcher, subject).await {
            Ok(answer) => self.verdict(answer).await,
            Err(why) => Verdict::Unanswered { why },
        }
    }

    #[must_use = "a verdict decides nothing by itself"]
    pub fn decide(&self, verdict: Verdict) -> Decision {
        match (verdict, self.on_failure) {
            (Verdict::Accept, _) => Decision::Accept,
            (Verdict::Reject { reason }, _) => Decision::Reject { reason },
            (Verdict::Unanswered { why }, OnFailure::Accept) => Decision::AcceptUnscanned { why },
            (Verdict::Unanswered { why }, OnFailure::Reject) => Decision::RejectUnscanned { why },
        }
    }

    async fn post(
        &self,
        fetcher: &Fetcher,
        subject: &ScanSubject<'_>,
    ) -> Result<Answer, FetchError> {
        let mut headers = HeaderMap::new();
        let mime = HeaderValue::from_static(subject.media.mime());
        headers.insert(CONTENT_TYPE, mime);
        headers.insert("x-img-id", escaped(subject.id));
        headers.insert("x-img-actor", escaped(subject.actor));
        if let Some(alias) = subject.alias {
            headers.insert("x-img-alias", escaped(alias));
        }
        let body = subject.body.open(subject.size_bytes, &mut headers).await?;
        let call = Call {
            url: &self.url,
            reach: Reach::Configured,
            headers,
            body,
            timeout: self.timeout,
        };
        fetcher.post(call).await
    }

    async fn verdict(&self, answer: Answer) -> Verdict {
        match answer.status() {
            200..=299 => match answer.read(ANSWER_BYTES_MAX).await {
                Ok(AnswerBody::Whole(bytes)) => self.verdict_in(&bytes),
                Ok(AnswerBody::Start(_)) => self.unclear("more than is read of a verdict"),
                Err(why) => Verdict::Unanswered { why },
            },
            403 | 406 | 422 | 451 => {
                // The status said all that matters, even if the reason never comes.
                let reason = match answer.read(ANSWER_BYTES_MAX).await {
                    Ok(AnswerBody::Whole(bytes) | AnswerBody::Start(bytes)) => reason_in(&bytes),
                    Err(_) => None,
                };
                Verdict::Reject { reason }
            }
            status => {
                let url = self.url.clone();
                let why = FetchError::Status { url, status };
                Verdict::Unanswered { why }
            }
        }
    }

    /// What a body says that came with success; only JSON can say no.
    fn verdict_in(&self, body: &[u8]) -> Verdict {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let Ok(answer) = serde_json::from_slice::<ScanAnswer>(body) else {
            return if body.trim_ascii_start().starts_with(b"{") {
                self.unclear("JSON that is not a verdict")
            } else {
                Verdict::Accept
            };
        };
        match answer.verdict.as_deref() {
            None | Some("accept") => Verdict::Accept,
            Some("reject") => Verdict::Reject {
                reason: answer.reason.as_deref().and_then(cleaned),
            },
            Some(_) => self.unclear("a verdict that is neither accept nor reject"),
        }
    }

    fn unclear(&self, problem: &'static str) -> Verdict {
        let url = self.url.clone();
        let why = FetchError::Answer { url, problem };
        Verdict::Unanswered { why }
    }
}

#[derive(Deserialize)]
struct ScanAnswer {
    verdict: Option<String>,
    reason: Option<String>,
}

fn reason_in(body: &[u8]) -> Option<String> {
    match serde_json::from_slice::<ScanAnswer>(body) {
        Ok(answer) => answer.reason.as_deref().and_then(cleaned),
        Err(_) => cleaned(&String::from_utf8_lossy(body)),
    }
}

/// Text of others as it may stand in one line of a log.
fn cleaned(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown = words.join(" ");
    let shown = shown.chars().filter(|c| !c.is_control());
    let shown: String = shown.take(REASON_CHARS_MAX).collect();
    (!shown.is_empty()).then_some(shown)
}

fn escaped(text: &str) -> HeaderValue {
    let escaped = utf8_percent_encode(text, HEADER_ESCAPES).to_string();
    HeaderValue::try_from(escaped).expect("percent-encoded text is printable ASCII")
}

#[cfg(test)]
mod tests;
