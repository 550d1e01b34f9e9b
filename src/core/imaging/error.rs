//! What can go wrong between the bytes of an original and the bytes of a derivative.

use std::error::Error;
use std::fmt;
use std::io;

use crate::model::media::{MediaType, OutputFormat};
use crate::model::watermark::{WatermarkMissing, WatermarkName};

/// The cause that a codec gives.
pub type CodecFault = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum ImagingError {
    #[error("read the original")]
    Read {
        #[source]
        source: io::Error,
    },
    #[error("there are no bytes")]
    Empty,
    #[error("the bytes are no image of a known type")]
    NotAnImage,
    #[error("{media} image ends early: {part}")]
    Truncated {
        media: MediaType,
        part: &'static str,
    },
    #[error("{media} image is malformed: {part}")]
    Malformed {
        media: MediaType,
        part: &'static str,
    },
    #[error("{media} image cannot be decoded")]
    Corrupt {
        media: MediaType,
        #[source]
        source: CodecFault,
    },
    #[error("{quantity} {found} above the limit of {max}")]
    Limit {
        quantity: Quantity,
        found: u64,
        max: u64,
    },
    #[error("{format} cannot hold a side of {found_px} px, {max_px} px is its longest")]
    FormatSide {
        format: OutputFormat,
        found_px: u32,
        max_px: u32,
    },
    #[error("SVG is refused by configuration")]
    SvgRefused,
    #[error("{media} with {what} is not supported")]
    Unsupported { media: MediaType, what: String },
    #[error("no decoder for {media} in this build")]
    NoDecoder { media: MediaType },
    #[error("stopped before it was done")]
    TimedOut,
    #[error(transparent)]
    Watermark(#[from] WatermarkMissing),
    #[error("watermark `{name}`")]
    Mark {
        name: WatermarkName,
        #[source]
        source: CodecFault,
    },
    #[error("judge the quality of the derivative")]
    Score {
        #[source]
        source: CodecFault,
    },
    #[error(
        "{format} takes {found_bytes} bytes at its lowest quality, and at most {max_bytes} are allowed"
    )]
    BytesCap {
        format: OutputFormat,
        found_bytes: u64,
        max_bytes: u64,
    },
    #[error("encode as {format}")]
    Encode {
        format: OutputFormat,
        #[source]
        source: CodecFault,
    },
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Bytes,
    Pixels,
    Side,
    Frames,
    FramePixels,
    Metadata,
    Scans,
    Output,
}

impl Quantity {
    /// The key in the section `limits` of `imgctl.toml`.
    pub fn config_key(self) -> &'static str {
        match self {
            Self::Bytes => "limits.bytes_max",
            Self::Pixels => "limits.pixels_max",
            Self::Side => "limits.side_px_max",
            Self::Frames => "limits.frames_max",
            Self::FramePixels => "limits.frame_pixels_total_max",
            Self::Metadata => "limits.metadata_bytes_max",
            Self::Scans => "limits.scans_max",
            Self::Output => "limits.output_side_px_max",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "size in bytes",
            Self::Pixels => "pixel count",
            Self::Side => "side in pixels",
            Self::Frames => "frame count",
            Self::FramePixels => "pixel count of all frames",
            Self::Metadata => "size of the metadata in bytes",
            Self::Scans => "scan count",
            Self::Output => "side of the derivative in pixels",
        })
    }
}

impl ImagingError {
    /// Whether the same call may succeed later without anyone acting.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TimedOut => true,
            Self::Read { source } => matches!(
                source.kind(),
                io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
            ),
            Self::Empty
            | Self::NotAnImage
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::Corrupt { .. }
            | Self::Limit { .. }
            | Self::FormatSide { .. }
            | Self::SvgRefused
            | Self::Unsupported { .. }
            | Self::NoDecoder { .. }
            | Self::Watermark(_)
            | Self::Mark { .. }
            | Self::Score { .. }
            | Self::BytesCap { .. }
            | Self::Encode { .. } => false,
        }
    }

    /// Whether the image is at fault, or what is asked of it; not what an operator has declared.
    pub fn is_of_the_image(&self) -> bool {
        match self {
            Self::Watermark(_) | Self::Mark { .. } => false,
            Self::Read { .. }
            | Self::Empty
            | Self::NotAnImage
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::Corrupt { .. }
            | Self::Limit { .. }
            | Self::FormatSide { .. }
            | Self::SvgRefused
            | Self::Unsupported { .. }
            | Self::NoDecoder { .. }
            | Self::TimedOut
            | Self::Score { .. }
            | Self::BytesCap { .. }
            | Self::Encode { .. } => true,
        }
    }

    /// Stable name for logs, JSON and dashboards; never reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "image-read",
            Self::Empty => "image-empty",
            Self::NotAnImage => "not-an-image",
            Self::Truncated { .. } => "image-truncated",
            Self::Malformed { .. } | Self::Corrupt { .. } => "image-corrupt",
            Self::Limit { quantity, .. } => match quantity {
                Quantity::Bytes => "limit-bytes",
                Quantity::Pixels => "limit-pixels",
                Quantity::Side => "limit-side",
                Quantity::Frames => "limit-frames",
                Quantity::FramePixels => "limit-frame-pixels",
                Quantity::Metadata => "limit-metadata",
                Quantity::Scans => "limit-scans",
                Quantity::Output => "limit-output",
            },
            Self::FormatSide { .. } => "limit-output",
            Self::SvgRefused => "svg-refused",
            Self::Unsupported { .. } => "image-unsupported",
            Self::NoDecoder { .. } => "no-decoder",
            Self::TimedOut => "timed-out",
            Self::Watermark(_) | Self::Mark { .. } => "watermark",
            Self::Score { .. } => "score",
            Self::BytesCap { .. } => "limit-output-bytes",
            Self::Encode { .. } => "encode",
        }
    }

    /// What to do about it, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Limit {
                quantity, found, ..
            } => Some(format!(
                "to accept it, set `{}` to {found} or more in imgctl.toml",
                quantity.config_key()
            )),
            Self::FormatSide { format, .. } => Some(format!(
                "ask for a smaller size, or for another format than {format}"
            )),
            Self::SvgRefused => {
                Some("to accept SVG, set `limits.svg = \"accept\"` in imgctl.toml".to_owned())
            }
            Self::NoDecoder { media } => Some(format!(
                "{media} originals are stored and served, but derivatives need an original of another type, such as JPEG, PNG, GIF, WebP, AVIF, JPEG XL, TIFF, BMP or SVG"
            )),
            Self::TimedOut => Some(
                "try again; if it happens often, raise the time limit or lower `limits.pixels_max` in imgctl.toml"
                    .to_owned(),
            ),
            Self::Truncated { .. } => {
                Some("the file was cut off; send it again from its origin".to_owned())
            }
            Self::Unsupported { media, .. } => Some(format!(
                "convert it to a plain {media} file, which all programs can read, and send that"
            )),
            Self::Watermark(_) => Some(
                "declare it in the section `watermarks` of imgctl.toml, or make a preset without it"
                    .to_owned(),
            ),
            Self::BytesCap { .. } => {
                Some("allow more with `maxbytes`, or ask for a smaller size".to_owned())
            }
            Self::Read { .. }
            | Self::Empty
            | Self::NotAnImage
            | Self::Malformed { .. }
            | Self::Corrupt { .. }
            | Self::Mark { .. }
            | Self::Score { .. }
            | Self::Encode { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_names_the_key_that_cures_it() {
        let error = ImagingError::Limit {
            quantity: Quantity::Pixels,
            found: 60_000_000,
            max: 50_000_000,
        };
        assert_eq!(error.code(), "limit-pixels");
        assert!(error.hint().unwrap().contains("limits.pixels_max"));
        assert_eq!(
            error.to_string(),
            "pixel count 60000000 above the limit of 50000000"
        );
    }

    #[test]
    fn only_what_passes_by_itself_is_worth_another_try() {
        let read = |kind: io::ErrorKind| ImagingError::Read {
            source: kind.into(),
        };
        assert!(ImagingError::TimedOut.is_retryable());
        assert!(read(io::ErrorKind::Interrupted).is_retryable());
        assert!(!read(io::ErrorKind::UnexpectedEof).is_retryable());
        assert!(!ImagingError::NotAnImage.is_retryable());
    }
}
