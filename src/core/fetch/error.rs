//! What can go wrong when speaking to others.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::url::FetchUrl;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("set up TLS")]
    Tls {
        #[source]
        source: rustls::Error,
    },
    #[error("set up the HTTP client")]
    Client {
        #[source]
        source: reqwest::Error,
    },
    #[error("{host} is at {address}, which may not be spoken to")]
    Refused {
        host: String,
        /// Tells about the network inside: for the operator, not for whoever gave the URL.
        address: IpAddr,
    },
    #[error("connect to {url}")]
    Connect {
        url: FetchUrl,
        #[source]
        source: reqwest::Error,
    },
    #[error("no whole answer from {url} within {} ms", timeout.as_millis())]
    Timeout { url: FetchUrl, timeout: Duration },
    #[error("speak to {url}")]
    Exchange {
        url: FetchUrl,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} answered {status}")]
    Status { url: FetchUrl, status: u16 },
    #[error("{url} answered {problem}")]
    Answer {
        url: FetchUrl,
        problem: &'static str,
    },
    #[error("read {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} has {found} bytes, expected {expected}", path.display())]
    FileSize {
        path: PathBuf,
        expected: u64,
        found: u64,
    },
}

impl FetchError {
    /// Whether the same call may succeed later without anyone acting.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } => true,
            // A request that cannot even be written down stays so.
            Self::Exchange { source, .. } => !source.is_builder(),
            // Request Timeout, Too Early, Too Many Requests (RFC 9110, RFC 8470, RFC 6585), and faults of the server.
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            Self::Tls { .. }
            | Self::Client { .. }
            | Self::Refused { .. }
            | Self::Answer { .. }
            | Self::File { .. }
            | Self::FileSize { .. } => false,
        }
    }

    /// Stable name for logs and JSON; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tls { .. } => "fetch-tls",
            Self::Client { .. } => "fetch-client",
            Self::Refused { .. } => "fetch-refused",
            Self::Connect { .. } => "fetch-connect",
            Self::Timeout { .. } => "fetch-timeout",
            Self::Exchange { .. } => "fetch-exchange",
            Self::Status { .. } => "fetch-status",
            Self::Answer { .. } => "fetch-answer",
            Self::File { .. } => "fetch-file",
            Self::FileSize { .. } => "fetch-file-size",
        }
    }

    /// What to do next, if anything can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused { .. } => {
                "URLs of clients may lead to public addresses only, and to ranges that imgctl.toml allows"
            }
            Self::Connect { url, .. } if url.is_https() => {
                "check that it runs, and that this system knows the authority of its certificate"
            }
            Self::Connect { .. } => "check that it runs and that this machine can reach it",
            Self::Status {
                status: 300..=399, ..
            } => "redirects are not followed: give the URL that it leads to",
            Self::Tls { .. }
            | Self::Client { .. }
            | Self::Timeout { .. }
            | Self::Exchange { .. }
            | Self::Status { .. }
            | Self::Answer { .. }
            | Self::File { .. }
            | Self::FileSize { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
