//! The one door to HTTP: requests that are bounded in time and size and go only where they may.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Body, Client, Response, redirect};

use super::error::FetchError;
use super::guard::AddressGuard;
use super::resolve::{GuardedResolver, RefusedAddress};
use super::tls;
use super::url::FetchUrl;

/// How long a name may take to resolve, a connection to stand and TLS to be agreed on.
///
/// Longer than three tries of TCP (1 s, then 2 s later, RFC 6298), so that two lost packets do no harm.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Who chose a URL, and so how far it may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A client of the API: public addresses only, and ranges that the operator allows.
    Public,
    /// The operator, in the configuration: everywhere.
    Configured,
}

/// Speaks HTTP to others.
///
/// Follows no redirect, keeps no cookie, asks no proxy.
#[derive(Clone, Debug)]
pub struct Fetcher {
    guard: Arc<AddressGuard>,
    /// Apart from `configured`, so that no name is resolved, and no connection taken up, without the guard.
    public: Client,
    configured: Client,
}

impl Fetcher {
    /// Reads the certificates of the system, so one is made for the whole process.
    pub fn new(guard: AddressGuard) -> Result<Self, FetchError> {
        let guard = Arc::new(guard);
        let tls = tls::client_config().map_err(|source| FetchError::Tls { source })?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("imgctl/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(redirect::Policy::none())
                .referer(false)
                // Each call connects, and so is judged, anew; and none is lost on a connection that the other side just closed.
                .pool_max_idle_per_host(0)
                .no_proxy()
        };
        let resolver = GuardedResolver {
            guard: Arc::clone(&guard),
        };
        let public = builder().dns_resolver(resolver).build();
        let configured = builder().build();
        let failed = |source| FetchError::Client { source };
        Ok(Self {
            guard,
            public: public.map_err(failed)?,
            configured: configured.map_err(failed)?,
        })
    }

    /// Posts `call` and waits for the head of the answer.
    pub(super) async fn post(&self, call: Call<'_>) -> Result<Answer, FetchError> {
        let client = match call.reach {
            Reach::Public => {
                self.judge_literal(call.url)?;
                &self.public
            }
            Reach::Configured => &self.configured,
        };
        let sent = client
            .post(call.url.parsed().clone())
            .timeout(call.timeout)
            .headers(call.headers)
            .body(call.body)
            .send()
            .await;
        let failed = Failed {
            url: call.url.clone(),
            timeout: call.timeout,
        };
        match sent {
            Ok(response) => Ok(Answer { response, failed }),
            Err(error) => Err(failed.because(error)),
        }
    }

    /// Addresses in URLs are connected to without a resolver, and so without its guard.
    fn judge_literal(&self, url: &FetchUrl) -> Result<(), FetchError> {
        match url.address() {
            Some(address) if !self.guard.permits(address) => Err(FetchError::Refused {
                host: url.host().to_owned(),
                address,
            }),
            _ => Ok(()),
        }
    }
}

/// One request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) url: &'a FetchUrl,
    pub(super) reach: Reach,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// For all of it, from the resolver to the last byte of the answer.
    pub(super) timeout: Duration,
}

/// An answer whose body is not read yet.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
    failed: Failed,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The body up to `bytes_max`; whoever sends more is not listened to.
    pub(super) async fn read(mut self, bytes_max: usize) -> Result<AnswerBody, FetchError> {
        let mut bytes = Vec::new();
        loop {
            let chunk = self.response.chunk().await;
            let Some(chunk) = chunk.map_err(|error| self.failed.because(error))? else {
                return Ok(AnswerBody::Whole(bytes));
            };
            let room = bytes_max - bytes.len();
            if chunk.len() > room {
                bytes.extend(chunk.into_iter().take(room));
                return Ok(AnswerBody::Start(bytes));
            }
            bytes.extend(chunk);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum AnswerBody {
    Whole(Vec<u8>),
    /// There was more.
    Start(Vec<u8>),
}

/// What an error needs to know of its request.
#[derive(Debug)]
struct Failed {
    url: FetchUrl,
    timeout: Duration,
}

impl Failed {
    fn because(&self, error: reqwest::Error) -> FetchError {
        let url = self.url.clone();
        if let Some(refused) = cause::<RefusedAddress>(&error) {
            return FetchError::Refused {
                host: url.host().to_owned(),
                address: refused.address,
            };
        }
        if error.is_timeout() {
            let timeout = if error.is_connect() {
                self.timeout.min(CONNECT_TIMEOUT)
            } else {
                self.timeout
            };
            return FetchError::Timeout { url, timeout };
        }
        let is_connect = error.is_connect();
        // The URL is shown by our own type, which hides its query.
        let source = error.without_url();
        if is_connect {
            FetchError::Connect { url, source }
        } else {
            FetchError::Exchange { url, source }
        }
    }
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests;
