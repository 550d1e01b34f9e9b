//! Webhooks: signed notices to others, by the Standard Webhooks specification 1.0.0.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use sha2::Sha256;

use crate::model::clock::UnixSeconds;

use super::client::{Call, Fetcher, Reach};
use super::error::FetchError;
use super::url::FetchUrl;

/// One notice.
#[derive(Clone, Copy, Debug)]
pub struct WebhookCall<'a> {
    pub url: &'a FetchUrl,
    pub reach: Reach,
    pub secret: &'a WebhookSecret,
    /// The same for each try, so that receivers can tell a repetition.
    pub id: &'a WebhookId,
    /// When this try is made: receivers refuse what is too old.
    pub timestamp: UnixSeconds,
    /// JSON.
    pub body: &'a str,
    pub timeout: Duration,
}

/// The receiver took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub status: u16,
}

impl Fetcher {
    /// Tries once; a status other than 2xx is an error.
    pub async fn post_webhook(&self, call: &WebhookCall<'_>) -> Result<Delivered, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("webhook-id", header(&call.id.0));
        headers.insert("webhook-timestamp", call.timestamp.into());
        headers.insert("webhook-signature", header(&call.signature()));
        let answer = self
            .post(Call {
                url: call.url,
                reach: call.reach,
                headers,
                body: call.body.to_owned().into(),
                timeout: call.timeout,
            })
            .await?;
        // Nothing is read of the body, since nothing in it matters.
        match answer.status() {
            status @ 200..=299 => Ok(Delivered { status }),
            status => Err(FetchError::Status {
                url: call.url.clone(),
                status,
            }),
        }
    }
}

impl WebhookCall<'_> {
    fn signature(&self) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret.0).expect("HMAC takes a key of any length");
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
    }
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("ids and signatures are printable ASCII")
}

/// Names a notice across its tries.
///
/// Invariants: 1 to 64 of `A-Z a-z 0-9 _ -`. No full stop, which separates the parts of what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebhookId(String);

impl FromStr for WebhookId {
    type Err = InvalidWebhookId;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookId> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(known) {
            return Err(InvalidWebhookId {
                found: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a webhook id: 1 to 64 letters, digits, `_` and `-`")]
pub struct InvalidWebhookId {
    pub found: String,
}

/// What signs notices, known to the receiver too and shown to nobody.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// Shortest secret accepted, in bytes: 192 bits, as the specification asks.
    pub const LEN_MIN: usize = 24;

    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidWebhookSecret> {
        if bytes.len() < Self::LEN_MIN {
            return Err(InvalidWebhookSecret::Short { len: bytes.len() });
        }
        Ok(Self(bytes))
    }
}

impl FromStr for WebhookSecret {
    type Err = InvalidWebhookSecret;

    /// `whsec_` and base64, as libraries of receivers take it.
    fn from_str(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let encoded = text
            .strip_prefix("whsec_")
            .ok_or(InvalidWebhookSecret::Prefix)?;
        let bytes = BASE64
            .decode(encoded.as_bytes())
            .map_err(|source| InvalidWebhookSecret::Base64 { source })?;
        Self::new(bytes)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookSecret {
    #[error(
        "the webhook secret has {len} bytes, expected {} or more",
        WebhookSecret::LEN_MIN
    )]
    Short { len: usize },
    #[error("the webhook secret does not begin with whsec_")]
    Prefix,
    #[error("the webhook secret is not whsec_ and base64")]
    Base64 {
        #[source]
        source: data_encoding::DecodeError,
    },
}

#[cfg(test)]
mod tests;
