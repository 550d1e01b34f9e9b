//! Requests to a server: typed, authorised, bounded in time, repeated while that may help.

use std::time::{Duration, Instant};

use img_api::image::{UploadOptions, Uploaded};
use img_core::fetch::tls;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Global;
use crate::exit::Failure;
use crate::remote::address::{Address, Insecure, bearer};
use crate::remote::exchange::{Answer, Call};
use crate::remote::retry::{Next, RetryPolicy};
use crate::remote::{RemoteError, UploadBody, key_file};

/// Longer than three tries of TCP (1 s, then 2 s later, RFC 6298).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that speaks the API, and the key to it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    address: Address,
    client: Client,
    retry: RetryPolicy,
}

/// Why, as a query.
#[derive(Debug, Serialize)]
pub(crate) struct Reasoned {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Which page, as a query.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl Page {
    pub(crate) fn first(limit: u32) -> Self {
        Self {
            limit,
            cursor: None,
        }
    }

    /// Whether there is a next one.
    pub(crate) fn turn(&mut self, next: Option<String>) -> bool {
        self.cursor = next;
        self.cursor.is_some()
    }
}

impl Server {
    /// `None` without --server.
    pub(crate) fn from_flags(global: &Global) -> Result<Option<Self>, Failure> {
        let Some(url) = &global.server else {
            return Ok(None);
        };
        let insecure = if global.insecure_http {
            Insecure::Allowed
        } else {
            Insecure::Refused
        };
        let address = Address::parse(url, insecure)?;
        let Some(path) = &global.key_file else {
            return Err(Failure::usage("--server wants a key")
                .with_hint("name its file with --key-file, or in IMGCTL_KEY_FILE"));
        };
        let token = key_file::load(path)?.reveal();
        Ok(Some(Self::new(address, &token, RetryPolicy::default())?))
    }

    pub(super) fn new(address: Address, token: &str, retry: RetryPolicy) -> Result<Self, Failure> {
        let tls = tls::client_config()
            .map_err(|error| Failure::new("tls", format!("set up TLS: {error}")))?;
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer(token)?)]);
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("imgctl/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .build();
        let client =
            client.map_err(|error| Failure::new("http-client", format!("set up HTTP: {error}")))?;
        Ok(Self {
            address,
            client,
            retry,
        })
    }

    /// The URL for people.
    pub(crate) fn shown(&self) -> String {
        self.address.shown()
    }

    pub(crate) async fn get<Q, A>(&self, path: &str, query: &Q) -> Result<A, RemoteError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let url = self.url(path, query)?;
        let call = Call::new(Method::GET, url);
        self.parse(&self.send(&call).await?)
    }

    /// A request that does no harm when it is carried out twice.
    pub(crate) async fn post_idempotent<B: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, RemoteError> {
        let call = Call::new(Method::POST, self.address.endpoint(path)).json(body);
        self.parse(&self.send(&call).await?)
    }

    /// A request that is carried out once, however often it is sent.
    pub(crate) async fn post<B: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<A, RemoteError> {
        let call = Call::new(Method::POST, self.address.endpoint(path));
        let call = call.json(body).once();
        self.parse(&self.send(&call).await?)
    }

    /// As [`Self::post`], where nothing is answered.
    pub(crate) async fn post_only<B: Serialize>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<(), RemoteError> {
        let call = Call::new(Method::POST, self.address.endpoint(path));
        self.send(&call.json(body).once()).await.map(drop)
    }

    pub(crate) async fn put<Q: Serialize, B: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        query: &Q,
        body: &B,
    ) -> Result<A, RemoteError> {
        let call = Call::new(Method::PUT, self.url(path, query)?).json(body);
        self.parse(&self.send(&call).await?)
    }

    pub(crate) async fn patch<Q: Serialize, B: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        query: &Q,
        body: &B,
    ) -> Result<A, RemoteError> {
        let call = Call::new(Method::PATCH, self.url(path, query)?).json(body);
        self.parse(&self.send(&call).await?)
    }

    pub(crate) async fn delete<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        query: &Q,
    ) -> Result<A, RemoteError> {
        let call = Call::new(Method::DELETE, self.url(path, query)?);
        self.parse(&self.send(&call).await?)
    }

    /// As [`Self::delete`], where nothing is answered.
    pub(crate) async fn delete_only<Q: Serialize>(
        &self,
        path: &str,
        query: &Q,
    ) -> Result<(), RemoteError> {
        let call = Call::new(Method::DELETE, self.url(path, query)?).removal();
        self.send(&call).await.map(drop)
    }

    /// Idempotent by its content.
    pub(crate) async fn upload(
        &self,
        body: &UploadBody,
        options: &UploadOptions,
    ) -> Result<Uploaded, RemoteError> {
        let call = Call::new(Method::POST, self.url("images", options)?).upload(body);
        self.parse(&self.send(&call).await?)
    }

    fn url<Q: Serialize + ?Sized>(&self, path: &str, query: &Q) -> Result<Url, RemoteError> {
        let request = self.client.get(self.address.endpoint(path)).query(query);
        let built = request.build().map_err(|source| self.unreachable(source))?;
        let mut url = built.url().clone();
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(url)
    }

    /// Sends until there is an answer that does not pass by itself.
    async fn send(&self, call: &Call<'_>) -> Result<Answer, RemoteError> {
        let (mut faults, begun) = (0, Instant::now());
        loop {
            let (error, next) = match self.attempt(call).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                // It was done by an attempt whose answer was lost.
                Ok(answer) if answer.status == 404 && faults > 0 && call.is_removal => {
                    return Ok(answer);
                }
                Ok(answer) => {
                    let next = match answer.retry_after {
                        _ if !answer.is_passing() => Next::GiveUp,
                        // Nothing was done, and nothing is wrong.
                        Some(asked) if answer.status == 429 => {
                            self.retry.turn(begun.elapsed(), asked)
                        }
                        asked => {
                            faults += 1;
                            self.retry.next(faults, asked)
                        }
                    };
                    (answer.refusal(&self.shown()), next)
                }
                Err(error) if error.is_passing() => {
                    faults += 1;
                    (error, self.retry.next(faults, None))
                }
                Err(error) => return Err(error),
            };
            match next {
                Next::GiveUp => return Err(error),
                Next::AskedTooMuch(wait) => {
                    let server = self.shown();
                    return Err(RemoteError::WaitTooLong { server, wait });
                }
                Next::After(wait) => {
                    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(faults, wait_ms, "again: {error}");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, RemoteError> {
        let unreachable = |source| self.unreachable(source);
        let request = call.build(&self.client).await?;
        let response = request.send().await.map_err(unreachable)?;
        Answer::read(response).await.map_err(unreachable)
    }

    fn parse<A: DeserializeOwned>(&self, answer: &Answer) -> Result<A, RemoteError> {
        serde_json::from_slice(&answer.body).map_err(|_| RemoteError::Foreign {
            server: self.shown(),
            status: answer.status,
            what: "the answer is not understood",
            request_id: answer.request_id.clone(),
        })
    }

    fn unreachable(&self, source: reqwest::Error) -> RemoteError {
        RemoteError::Unreachable {
            server: self.shown(),
            source: source.without_url(),
        }
    }
}
