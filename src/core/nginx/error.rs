//! Why nginx could not be told.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum NginxError {
    #[error("`{found}` cannot be nginx setting {setting}: {reason}")]
    InvalidSetting {
        setting: &'static str,
        found: String,
        reason: &'static str,
    },
    #[error("render template {name}")]
    Template {
        name: &'static str,
        #[source]
        source: minijinja::Error,
    },
    #[error("{action} {path}")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("run {program}; on Debian it is in package `nginx`")]
    Program {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("nginx refuses release {release}, nothing was changed:\n{said}")]
    Rejected { release: String, said: String },
    #[error("another apply holds {path}")]
    Locked { path: PathBuf },
    /// `restored` is what stands now; `None` if nothing had been applied before.
    #[error("release {release} was rolled back: {why}\n{said}")]
    RolledBack {
        release: String,
        restored: Option<String>,
        why: String,
        /// nginx's own words.
        said: String,
    },
}

impl NginxError {
    /// Whether the same call may succeed later without anyone acting.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Locked { .. } => true,
            Self::InvalidSetting { .. }
            | Self::Template { .. }
            | Self::Io { .. }
            | Self::Program { .. }
            | Self::Rejected { .. }
            | Self::RolledBack { .. } => false,
        }
    }

    /// What to do about it, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InvalidSetting { .. } => Some("change [nginx] in imgctl.toml".to_owned()),
            Self::Program { .. } => Some("apt install nginx, or set nginx.binary".to_owned()),
            Self::Locked { .. } => Some("try again when it is done".to_owned()),
            Self::Rejected { .. } | Self::RolledBack { .. } => {
                Some("what was in force before still is".to_owned())
            }
            Self::Template { .. } | Self::Io { .. } => None,
        }
    }

    /// Stable name for logs, JSON and dashboards; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidSetting { .. } => "nginx-setting",
            Self::Template { .. } => "nginx-template",
            Self::Io { .. } => "nginx-io",
            Self::Program { .. } => "nginx-program",
            Self::Rejected { .. } => "nginx-rejected",
            Self::Locked { .. } => "nginx-locked",
            Self::RolledBack { .. } => "nginx-rolled-back",
        }
    }
}

/// Names the path in an I/O error, which `std` does not.
pub(super) fn at(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> NginxError {
    let path = path.into();
    move |source| NginxError::Io {
        action,
        path,
        source,
    }
}
