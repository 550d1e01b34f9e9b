//! Exit codes, and the failures that lead to them.

use std::fmt;

use img_core::blobs::BlobError;
use img_core::catalog::CatalogError;
use img_core::config::{ConfigError, OpenError};
use img_core::nginx::error::NginxError;
use img_core::origin::act::{ActError, ActKind};
use img_core::origin::error::chain;
use img_core::origin::{DeriveError, OriginError};

/// What a script learns from `imgctl`. Numbers are an interface: add, never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Success = 0,
    Failure = 1,
    Usage = 2,
    /// Some items were rejected or failed; the report lists them.
    Partial = 3,
    CatalogUnavailable = 10,
    BlobsUnavailable = 12,
    NginxRefused = 14,
    ServerRefused = 15,
    /// Ctrl-C; what was reported as done is done.
    Interrupted = 130,
}

impl ExitStatus {
    /// For `--help` and the README.
    pub(crate) const TABLE: &'static str = "\
Exit codes:
    0  everything asked for was done
    1  it could not be done
    2  the command line was not understood
    3  some items were rejected or failed; the report lists them
   10  the catalog cannot be used
   12  the data directory cannot be used, or its disk is full
   14  nginx refused its configuration
   15  the server of --server refused, or cannot be reached
  130  interrupted; what was reported as done is done";
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: ExitStatus,
    /// Stable, for scripts.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Of the request that a server refused; stands in its log too.
    pub(crate) request_id: Option<String>,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            status: ExitStatus::Usage,
            code: "usage".to_owned(),
            message: message.into(),
            hint: None,
            request_id: None,
        }
    }

    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: ExitStatus::Failure,
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            request_id: None,
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// For what goes wrong between this program and the operating system.
    pub(crate) fn io(action: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::new("io", format!("{action}: {error}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let hint = error.hint();
        Self {
            hint,
            ..Self::new(error.code(), chain(&error))
        }
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let status = if error.is_full() {
            ExitStatus::BlobsUnavailable
        } else {
            ExitStatus::CatalogUnavailable
        };
        let hint = error.hint();
        Self {
            status,
            hint,
            ..Self::new(error.code(), chain(&error))
        }
    }
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        let (status, hint) = (ExitStatus::BlobsUnavailable, error.hint());
        Self {
            status,
            hint,
            ..Self::new(error.code(), chain(&error))
        }
    }
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Blob(error) => error.into(),
            OriginError::Catalog(error) => error.into(),
            OriginError::Derive(error) if error.is_fatal() => match *error {
                DeriveError::Catalog(error) => error.into(),
                DeriveError::Blob(error) => error.into(),
                error => OriginError::Derive(Box::new(error)).into(),
            },
            OriginError::Derive(_)
            | OriginError::Cpu(_)
            | OriginError::UnknownImage { .. }
            | OriginError::UnknownPreset { .. } => {
                let hint = error.hint();
                Self {
                    hint,
                    ..Self::new(error.code(), chain(&error))
                }
            }
        }
    }
}

impl From<ActError> for Failure {
    fn from(error: ActError) -> Self {
        let status = match error.kind() {
            ActKind::Invalid => ExitStatus::Usage,
            ActKind::Full => ExitStatus::BlobsUnavailable,
            ActKind::Forbidden
            | ActKind::NotFound
            | ActKind::Gone
            | ActKind::Conflict
            | ActKind::TooLarge
            | ActKind::UnsupportedType
            | ActKind::Unprocessable
            | ActKind::Busy
            | ActKind::Broken => ExitStatus::Failure,
        };
        match error {
            ActError::Origin(error) => error.into(),
            error => Self {
                status,
                hint: error.hint(),
                ..Self::new(error.code(), chain(&error))
            },
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Blob(error) => error.into(),
            OpenError::Catalog(error) => error.into(),
            OpenError::Config(error) => error.into(),
            OpenError::Origin(error) => error.into(),
        }
    }
}

impl From<NginxError> for Failure {
    fn from(error: NginxError) -> Self {
        let (status, hint) = (ExitStatus::NginxRefused, error.hint());
        Self {
            status,
            hint,
            ..Self::new(error.code(), chain(&error))
        }
    }
}
