//! What a server said instead of what it was asked for.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::path::PathBuf;
use std::time::Duration;

use img_api::problem::Problem;
use img_core::origin::error::chain;

use crate::exit::{ExitStatus, Failure};

#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("{server} cannot be reached")]
    Unreachable {
        server: String,
        #[source]
        source: reqwest::Error,
    },
    /// A problem document.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Whoever answered does not speak the API.
    #[error("{server} answered {status}: {what}")]
    Foreign {
        server: String,
        status: u16,
        what: &'static str,
        request_id: Option<String>,
    },
    #[error("{server} asks to wait for {} s", wait.as_secs())]
    WaitTooLong { server: String, wait: Duration },
    /// Of what was to be sent.
    #[error("read {}", path.display())]
    Body {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} changed while it was read", path.display())]
    Changed { path: PathBuf },
}

/// What is wrong with one image, and not with the server or with what we may do or have asked for.
const OF_THE_IMAGE: [&str; 11] = [
    "alias-invalid",
    "too-many-tags",
    "not-yours",
    "blocked",
    "quota-passed",
    "scan-refused",
    "scan-unanswered",
    "outside-prefix",
    "being-erased",
    "vanished",
    "panicked",
];

impl RemoteError {
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 404) && !self.is_elsewhere()
    }

    /// Whether there is no API at the address: what it does not have has a code of its own.
    fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 404 && problem.code == "not-found")
    }

    /// Whether an image is left alone because someone else brought it.
    pub(crate) fn is_not_yours(&self) -> bool {
        self.code() == "not-yours"
    }

    /// Whether the key may not do this at all.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == 403)
    }

    /// Whether the image could be taken in under another name, or none.
    pub(crate) fn is_of_the_name(&self) -> bool {
        matches!(self.code(), "alias-taken" | "alias-unusable")
    }

    /// Whether other images can be expected to fare better.
    pub(crate) fn is_of_the_image(&self) -> bool {
        match self {
            Self::Refused(_) if self.is_elsewhere() => false,
            Self::Refused(problem) => match problem.status {
                400 | 401 | 403 | 408 | 429 | 500.. => {
                    OF_THE_IMAGE.contains(&problem.code.as_str()) || problem.status == 507
                }
                _ => true,
            },
            Self::Body { .. } | Self::Changed { .. } => true,
            Self::Unreachable { .. } | Self::Foreign { .. } | Self::WaitTooLong { .. } => false,
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !source.is_builder() && !is_tls(source),
            Self::Refused(_)
            | Self::Foreign { .. }
            | Self::WaitTooLong { .. }
            | Self::Body { .. }
            | Self::Changed { .. } => false,
        }
    }

    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "server-unreachable",
            Self::Refused(problem) if problem.code.is_empty() => "server-refused",
            Self::Refused(problem) => &problem.code,
            Self::Foreign { .. } => "server-answer",
            Self::WaitTooLong { .. } => "server-busy",
            Self::Body { .. } => "unreadable",
            Self::Changed { .. } => "changed-while-read",
        }
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::Refused(_) if self.is_elsewhere() => ExitStatus::ServerRefused,
            Self::Refused(problem) => match problem.status {
                400 => ExitStatus::Usage,
                507 => ExitStatus::BlobsUnavailable,
                401 | 403 | 408 | 429 | 500.. => ExitStatus::ServerRefused,
                _ => ExitStatus::Failure,
            },
            Self::Unreachable { .. } | Self::Foreign { .. } | Self::WaitTooLong { .. } => {
                ExitStatus::ServerRefused
            }
            Self::Body { .. } | Self::Changed { .. } => ExitStatus::Failure,
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused(_) if self.is_elsewhere() => {
                "check that --server is the URL of an origin"
            }
            Self::Refused(problem) => return problem.hint.clone(),
            Self::Unreachable { source, .. } if source.is_timeout() => "try again later",
            Self::Unreachable { .. } => {
                "check the URL, that the server runs, and that this system knows the authority of its certificate"
            }
            Self::Foreign {
                status: 300..=399, ..
            } => "redirects are not followed: give the URL that it leads to",
            Self::Foreign { .. } => "check that --server is the URL of an origin",
            Self::WaitTooLong { .. } => "try again later, or with fewer --jobs",
            Self::Changed { .. } => "ingest it again when it is no longer written to",
            Self::Body { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn request_id(&self) -> Option<String> {
        match self {
            Self::Refused(problem) => problem.request_id.clone(),
            Self::Foreign { request_id, .. } => request_id.clone(),
            Self::Unreachable { .. }
            | Self::WaitTooLong { .. }
            | Self::Body { .. }
            | Self::Changed { .. } => None,
        }
    }
}

/// Whether the two do not speak TLS with each other: rustls says so as data that is not valid.
fn is_tls(error: &reqwest::Error) -> bool {
    let causes = successors(error.source(), |&cause| cause.source());
    let mut io = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    error.is_connect() && io.any(is_invalid_data)
}

/// An I/O error within another one is no source of it.
fn is_invalid_data(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || inner.is_some_and(is_invalid_data)
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        Self {
            status: error.status(),
            hint: error.hint(),
            request_id: error.request_id(),
            ..Self::new(error.code(), chain(&error))
        }
    }
}

impl RemoteError {
    /// Of an answer that says yes, but not to what was meant.
    pub(crate) fn conflict(code: &str, detail: String) -> Self {
        Self::Refused(Box::new(Problem {
            kind: "about:blank".to_owned(),
            title: String::new(),
            status: 409,
            code: code.to_owned(),
            detail,
            hint: None,
            request_id: None,
        }))
    }
}
