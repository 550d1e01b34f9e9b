//! What nginx did not find: made, found again, or refused.

use std::sync::Arc;

use crate::blobs::blocking;
use crate::imaging::ImagingError;
use crate::model::alias::AliasName;
use crate::model::image_id::ImageId;
use crate::model::image_name::{IMAGE_PREFIX, ImageName};
use crate::model::layout::TreeLayout;
use crate::model::media::OutputFormat;
use crate::model::options::Options;
use crate::model::preset::PresetName;
use crate::model::record::DerivativeKey;
use crate::model::signature::{self, SignatureFault};
use crate::model::variant::Variant;
use crate::model::watermark::WatermarkMissing;
use crate::origin::Origin;
use crate::origin::error::DeriveError;

/// What a request for a missing file leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The file stands at this path below the data directory now, as bytes.
    File { path: Vec<u8> },
    /// The same thing has this URL, path and query.
    Elsewhere { url: String, why: Elsewhere },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// The options were not in canonical order: this will never change.
    Canonical,
    /// The preset has this revision now.
    CurrentRevision,
}

/// Why a request for a missing file is refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MissError {
    #[error("there is no image {id}")]
    UnknownImage { id: ImageId },
    #[error("image {id} was erased")]
    Erased { id: ImageId },
    #[error("image {id} is of another type: {IMAGE_PREFIX}{id}.{extension}")]
    OtherType {
        id: ImageId,
        extension: &'static str,
    },
    #[error("the original {id} is on record but not on disk")]
    OriginalLost { id: ImageId },
    #[error("there is no preset `{name}`")]
    UnknownPreset { name: PresetName },
    #[error("preset `{name}` is not made as {format}")]
    FormatNotMade {
        name: PresetName,
        format: OutputFormat,
    },
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    #[error("nothing is named {name}")]
    UnknownAlias { name: AliasName },
    #[error(transparent)]
    Derive(#[from] Arc<DeriveError>),
}

impl Origin {
    /// Answers for `/i/<name>`. The query matters for free options only.
    pub async fn find_or_make(
        self: &Arc<Self>,
        asked: &str,
        name: &ImageName,
        query: &str,
    ) -> Result<Found, MissError> {
        match self.find_or_make_known(asked, name, query).await {
            Err(MissError::UnknownImage { id }) => Err(self.absence(id).await),
            found => found,
        }
    }

    /// Why there is no image `id`.
    async fn absence(&self, id: ImageId) -> MissError {
        match self.catalog.find_tombstone(id).await {
            Ok(Some(_)) => MissError::Erased { id },
            Ok(None) => MissError::UnknownImage { id },
            Err(error) => MissError::from_derive(Arc::new(error.into())),
        }
    }

    async fn find_or_make_known(
        self: &Arc<Self>,
        asked: &str,
        name: &ImageName,
        query: &str,
    ) -> Result<Found, MissError> {
        match name {
            ImageName::Original { id, .. } => self.find_original(*id, name).await,
            ImageName::CurrentPreset { id, preset, format } => {
                let preset = self
                    .presets
                    .find(preset)
                    .ok_or_else(|| MissError::UnknownPreset {
                        name: preset.clone(),
                    })?;
                let (name, revision) = (preset.name.clone(), preset.revision);
                if preset.definition.recipe(*format).is_none() {
                    return Err(MissError::FormatNotMade {
                        name,
                        format: *format,
                    });
                }
                let variant = Variant::Preset { name, revision };
                let current = DerivativeKey {
                    id: *id,
                    variant,
                    format: *format,
                };
                let url = ImageName::Derivative(current).url_path();
                Ok(Found::Elsewhere {
                    url,
                    why: Elsewhere::CurrentRevision,
                })
            }
            ImageName::Derivative(key) => {
                if asked != name.to_string() {
                    let query = if query.is_empty() {
                        String::new()
                    } else {
                        format!("?{query}")
                    };
                    let url = name.url_path() + &query;
                    return Ok(Found::Elsewhere {
                        url,
                        why: Elsewhere::Canonical,
                    });
                }
                self.find_or_make_derivative(key, query).await
            }
        }
    }

    async fn find_or_make_derivative(
        self: &Arc<Self>,
        key: &DerivativeKey,
        query: &str,
    ) -> Result<Found, MissError> {
        if let Variant::Options(options) = &key.variant
            && self.tree.derived().find_size(key).is_none()
        {
            self.check_box(options, key)?;
            let path = ImageName::Derivative(key.clone()).url_path();
            signature::verify(&self.signing_keys, &path, query, self.clock.now())?;
        }
        let made = self
            .ensure_derivative(key)
            .await
            .map_err(MissError::from_derive)?;
        Ok(Found::File {
            path: self.layout().derived_path(&made.key).into_bytes(),
        })
    }

    /// What is too large by its URL alone is refused for every image alike, before one is read.
    fn check_box(&self, options: &Options, key: &DerivativeKey) -> Result<(), MissError> {
        let layout = options.recipe(key.format).layout;
        let checked = self.settings.limits.check_box(&layout);
        checked.map_err(|source| {
            let id = key.id;
            MissError::from_derive(Arc::new(DeriveError::Imaging { id, source }))
        })
    }

    async fn find_original(&self, id: ImageId, name: &ImageName) -> Result<Found, MissError> {
        let image = self
            .find_image(id)
            .await
            .map_err(|error| MissError::from_derive(error.into()))?;
        let stands_at = ImageName::Original {
            id,
            media: image.media,
        };
        if stands_at != *name {
            return Err(MissError::OtherType {
                id,
                extension: image.media.extension(),
            });
        }
        if !self
            .tree
            .originals()
            .is_whole(id, image.media, image.size_bytes)
        {
            return Err(MissError::OriginalLost { id });
        }
        Ok(Found::File {
            path: self.layout().original_path(id, image.media).into_bytes(),
        })
    }

    /// Answers for any other path: an alias that is on record is put back into the tree.
    pub async fn find_alias_file(self: &Arc<Self>, asked: AliasName) -> Result<Found, MissError> {
        let on_any_host = AliasName {
            host: None,
            path: asked.path.clone(),
        };
        let standing = self.standing.read().await;
        for name in [asked.clone(), on_any_host.clone()] {
            let found = self
                .catalog
                .find_alias(&name)
                .await
                .map_err(DeriveError::from);
            if let Some(id) = found.map_err(|error| MissError::from_derive(error.into()))? {
                return self.restore_alias(id, name).await;
            }
        }
        drop(standing);
        for name in [&asked, &on_any_host] {
            let erased = self.catalog.find_tombstone_of_alias(name).await;
            let erased = erased.map_err(DeriveError::from);
            if let Some(tombstone) = erased.map_err(|error| MissError::from_derive(error.into()))? {
                return Err(MissError::Erased { id: tombstone.id });
            }
        }
        Err(MissError::UnknownAlias { name: asked })
    }

    async fn restore_alias(
        self: &Arc<Self>,
        id: ImageId,
        name: AliasName,
    ) -> Result<Found, MissError> {
        let image = self
            .find_image(id)
            .await
            .map_err(|error| MissError::from_derive(error.into()))?;
        let path = TreeLayout::alias_path(&name);
        let origin = Arc::clone(self);
        let link = move || {
            let original = origin.tree.originals().path(id, image.media);
            let staging = origin.flights.staging();
            origin.tree.aliases().link(staging, &original, &name)
        };
        match blocking(link).await {
            Ok(()) => Ok(Found::File { path }),
            Err(error) if error.is_missing() => Err(MissError::OriginalLost { id }),
            Err(error) => Err(MissError::from_derive(DeriveError::from(error).into())),
        }
    }

    fn layout(&self) -> TreeLayout {
        self.tree.layout()
    }
}

impl MissError {
    fn from_derive(error: Arc<DeriveError>) -> Self {
        match &*error {
            DeriveError::UnknownImage { id } => Self::UnknownImage { id: *id },
            DeriveError::UnknownRevision { name, .. } => Self::UnknownPreset { name: name.clone() },
            DeriveError::FormatNotMade { name, format } => Self::FormatNotMade {
                name: name.clone(),
                format: *format,
            },
            _ => Self::Derive(error),
        }
    }

    /// Stable name for logs and problem documents; never reworded.
    pub fn code(&self) -> &str {
        match self {
            Self::UnknownImage { .. } => "unknown-image",
            Self::Erased { .. } => "erased",
            Self::OtherType { .. } => "other-type",
            Self::OriginalLost { .. } => "original-lost",
            Self::UnknownPreset { .. } => "unknown-preset",
            Self::FormatNotMade { .. } => "format-not-made",
            Self::Signature(SignatureFault::Missing) => "signature-missing",
            Self::Signature(SignatureFault::Wrong) => "signature-wrong",
            Self::Signature(SignatureFault::Expired) => "signature-expired",
            Self::UnknownAlias { .. } => "not-found",
            Self::Derive(error) => error.code(),
        }
    }

    /// Whose fault it is, from which every protocol makes its own status.
    pub fn kind(&self) -> MissKind {
        match self {
            Self::UnknownImage { .. }
            | Self::OtherType { .. }
            | Self::UnknownPreset { .. }
            | Self::FormatNotMade { .. }
            | Self::UnknownAlias { .. } => MissKind::NotFound,
            Self::Erased { .. } => MissKind::Gone,
            Self::Signature(_) => MissKind::Forbidden,
            Self::OriginalLost { .. } => MissKind::Broken,
            Self::Derive(error) => derive_kind(error),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissKind {
    NotFound,
    Gone,
    Forbidden,
    /// What was asked for cannot be made by anyone.
    BadRequest,
    /// The image itself cannot be worked on.
    Unprocessable {
        retry_after_s: u64,
    },
    /// Try again.
    Busy {
        retry_after_s: u64,
    },
    Full,
    /// An operator must act.
    Broken,
}

/// The code of errors that are the URL's fault and not the image's.
const OUTPUT_TOO_LARGE: &str = "limit-output";
/// The code of errors that may pass by themselves.
const TIMED_OUT: &str = "timed-out";

/// Seconds after which a client may try again when the queue is full.
const BUSY_RETRY_AFTER_S: u64 = 2;

fn derive_kind(error: &DeriveError) -> MissKind {
    match error {
        DeriveError::UnknownImage { .. }
        | DeriveError::UnknownRevision { .. }
        | DeriveError::FormatNotMade { .. } => MissKind::NotFound,
        DeriveError::Imaging { source, .. } if source.code() == OUTPUT_TOO_LARGE => {
            MissKind::BadRequest
        }
        DeriveError::Imaging {
            source: ImagingError::Watermark(WatermarkMissing::Unknown { .. }),
            ..
        } => MissKind::BadRequest,
        DeriveError::Imaging { source, .. } if !source.is_of_the_image() => MissKind::Broken,
        DeriveError::Imaging { source, .. } if source.is_retryable() => MissKind::Busy {
            retry_after_s: BUSY_RETRY_AFTER_S,
        },
        DeriveError::Imaging { .. } | DeriveError::Cpu { .. } => {
            MissKind::Unprocessable { retry_after_s: 0 }
        }
        DeriveError::Remembered { code, .. } if code == OUTPUT_TOO_LARGE => MissKind::BadRequest,
        DeriveError::Remembered {
            code,
            retry_after_s,
            ..
        } if code == TIMED_OUT => MissKind::Busy {
            retry_after_s: *retry_after_s,
        },
        DeriveError::Remembered { retry_after_s, .. } => MissKind::Unprocessable {
            retry_after_s: *retry_after_s,
        },
        DeriveError::Busy { .. } | DeriveError::WaitedTooLong { .. } => MissKind::Busy {
            retry_after_s: BUSY_RETRY_AFTER_S,
        },
        DeriveError::Blob(error) if error.is_full() => MissKind::Full,
        DeriveError::Blob(_) | DeriveError::Catalog(_) => MissKind::Broken,
    }
}
