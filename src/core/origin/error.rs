//! What can go wrong in the use cases.

use crate::blobs::BlobError;
use crate::catalog::CatalogError;
use crate::cpu::CpuError;
use crate::imaging::ImagingError;
use crate::model::image_id::ImageId;
use crate::model::media::OutputFormat;
use crate::model::preset::PresetName;

/// Why a use case as a whole could not go on.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Cpu(#[from] CpuError),
    #[error("there is no image {id}")]
    UnknownImage { id: ImageId },
    #[error("there is no preset `{name}`")]
    UnknownPreset { name: PresetName },
    #[error(transparent)]
    Derive(#[from] Box<DeriveError>),
}

impl OriginError {
    /// Stable name for logs and JSON; never reworded.
    pub fn code(&self) -> &str {
        match self {
            Self::Blob(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Cpu(_) => "image-pool",
            Self::UnknownImage { .. } => "unknown-image",
            Self::UnknownPreset { .. } => "unknown-preset",
            Self::Derive(error) => error.code(),
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Blob(error) => error.hint(),
            Self::Catalog(error) => error.hint(),
            Self::Cpu(_) => None,
            Self::UnknownImage { .. } => Some("`imgctl image list` shows what there is".to_owned()),
            Self::UnknownPreset { .. } => Some("presets stand in imgctl.toml".to_owned()),
            Self::Derive(error) => error.hint(),
        }
    }
}

/// Why a derivative could not be made, or may not be.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    #[error("there is no image {id}")]
    UnknownImage { id: ImageId },
    #[error("there is no preset `{name}` of revision {revision}")]
    UnknownRevision { name: PresetName, revision: u32 },
    #[error("preset `{name}` is not made as {format}")]
    FormatNotMade {
        name: PresetName,
        format: OutputFormat,
    },
    #[error("derive from {id}")]
    Imaging {
        id: ImageId,
        #[source]
        source: ImagingError,
    },
    #[error("derive from {id}")]
    Cpu {
        id: ImageId,
        #[source]
        source: CpuError,
    },
    #[error("{detail}")]
    Remembered {
        code: String,
        detail: String,
        retry_after_s: u64,
    },
    #[error("{queue_max} derivations are waiting already")]
    Busy { queue_max: usize },
    #[error("it was not made within {waited_s} s")]
    WaitedTooLong { waited_s: u64 },
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl DeriveError {
    /// Stable name for logs, JSON and problem documents; never reworded.
    pub fn code(&self) -> &str {
        match self {
            Self::UnknownImage { .. } => "unknown-image",
            Self::UnknownRevision { .. } => "unknown-preset",
            Self::FormatNotMade { .. } => "format-not-made",
            Self::Imaging { source, .. } => source.code(),
            Self::Cpu {
                source: CpuError::TooLarge { .. },
                ..
            } => "limit-memory",
            Self::Cpu { .. } => "image-pool",
            Self::Remembered { code, .. } => code,
            Self::Busy { .. } => "busy",
            Self::WaitedTooLong { .. } => "waited-too-long",
            Self::Blob(error) => error.code(),
            Self::Catalog(error) => error.code(),
        }
    }

    /// Whether the image itself is at fault, so that trying again soon is a waste.
    pub fn is_of_the_image(&self) -> bool {
        match self {
            Self::Imaging { source, .. } => source.is_of_the_image(),
            Self::Cpu { .. } => true,
            Self::UnknownImage { .. }
            | Self::UnknownRevision { .. }
            | Self::FormatNotMade { .. }
            | Self::Remembered { .. }
            | Self::Busy { .. }
            | Self::WaitedTooLong { .. }
            | Self::Blob(_)
            | Self::Catalog(_) => false,
        }
    }

    /// Whether no other image can be expected to fare better.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Catalog(_) => true,
            Self::Blob(error) => error.is_full(),
            _ => false,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Imaging { source, .. } => source.hint(),
            Self::Cpu {
                source: CpuError::TooLarge { .. },
                ..
            } => Some("raise derive.memory_bytes_max in imgctl.toml".to_owned()),
            Self::Blob(error) => error.hint(),
            Self::Catalog(error) => error.hint(),
            _ => None,
        }
    }
}

/// An error and its causes as one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // A transparent wrapper repeats its source.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
