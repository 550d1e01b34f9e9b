//! What can go wrong with bytes on disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::layout::InvalidLayout;

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("{action} {}", path.display())]
    Io {
        /// A bare verb, such as `write`.
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is not a data directory: it has no file LAYOUT", path.display())]
    NotATree { path: PathBuf },
    #[error("{} cannot be made a data directory: it holds other things already", path.display())]
    NotEmpty { path: PathBuf },
    #[error("read {}", path.display())]
    Layout {
        path: PathBuf,
        #[source]
        source: InvalidLayout,
    },
    #[error("{free} {what} are free on the file system of {}, fewer than the floor of {floor}", path.display())]
    BelowFloor {
        path: PathBuf,
        /// `bytes` or `inodes`
        what: &'static str,
        free: u64,
        floor: u64,
    },
}

impl BlobError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn errno(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::Io {
            action,
            path: path.to_owned(),
            source: errno.into(),
        }
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// No room: neither bytes nor inodes, nor quota.
    pub fn is_full(&self) -> bool {
        match self {
            Self::BelowFloor { .. } => true,
            Self::Io { source, .. } => {
                matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                )
            }
            Self::NotATree { .. } | Self::NotEmpty { .. } | Self::Layout { .. } => false,
        }
    }

    /// Stable name for logs and JSON; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            _ if self.is_full() => "disk-full",
            Self::Io { .. } | Self::BelowFloor { .. } => "blob-io",
            Self::NotATree { .. } => "not-a-data-directory",
            Self::NotEmpty { .. } => "data-directory-not-empty",
            Self::Layout { .. } => "layout",
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotATree { path } => {
                Some(format!("run `imgctl init --data {}`", path.display()))
            }
            Self::NotEmpty { .. } => Some("choose an empty or a new directory, or put an imgctl.toml into this one first".to_owned()),
            _ if self.is_full() => Some(
                "free some space; derivatives can be removed at any time; the floor is limits.free_bytes_min and limits.free_inodes_min"
                    .to_owned(),
            ),
            Self::Layout { .. } => Some("use the imgctl that made this tree, or a newer one".to_owned()),
            Self::Io { .. } | Self::BelowFloor { .. } => None,
        }
    }
}
