//! What is wrong with a configuration file.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Never shows a line of the file: there may be a password in it.
    #[error("{} is not valid: line {line}: {fault}", path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        fault: String,
    },
    /// One line for each fault.
    #[error("{} is not valid:\n{}", path.display(), faults.join("\n"))]
    Invalid { path: PathBuf, faults: Vec<String> },
    #[error("read signing key `{id}` from {}", path.display())]
    Key {
        id: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl ConfigError {
    /// Stable name for logs and JSON; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "config-unreadable",
            Self::Syntax { .. } | Self::Invalid { .. } => "config-invalid",
            Self::Key { .. } => "signing-key-unreadable",
            Self::Write { .. } => "config-unwritable",
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                "run `imgctl init` or `imgctl up` first, or name the data directory with --data or IMGCTL_DATA"
                    .to_owned(),
            ),
            Self::Syntax { .. } | Self::Invalid { .. } => {
                Some("docs/configuration.md lists every key".to_owned())
            }
            Self::Key { .. } => {
                Some("`imgctl init` makes a key; signing.keys names the files".to_owned())
            }
            Self::Read { .. } | Self::Write { .. } => None,
        }
    }
}
