//! Why a JPEG file was not decoded.

/// A part of a file, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Segment,
    QuantisationTable,
    HuffmanTable,
    FrameHeader,
    ScanHeader,
    EntropyCodedData,
    RestartMarker,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Segment => "marker segment",
            Self::QuantisationTable => "quantisation table",
            Self::HuffmanTable => "Huffman table",
            Self::FrameHeader => "frame header",
            Self::ScanHeader => "scan header",
            Self::EntropyCodedData => "entropy-coded data",
            Self::RestartMarker => "restart marker",
        })
    }
}

/// What a file may use and this decoder does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    ArithmeticCoding,
    Lossless,
    Hierarchical,
    Precision { bits: u8 },
    HeightAfterScan,
    ComponentCount { components: u8 },
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ArithmeticCoding => f.write_str("arithmetic coding"),
            Self::Lossless => f.write_str("lossless coding"),
            Self::Hierarchical => f.write_str("hierarchical frames"),
            Self::Precision { bits } => write!(f, "{bits} bits per sample"),
            Self::HeightAfterScan => f.write_str("a height given after the first scan (DNL)"),
            Self::ComponentCount { components } => write!(f, "{components} components"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("not a JPEG file")]
    NotJpeg,
    #[error("JPEG with {what} is not supported")]
    Unsupported { what: Feature },
    #[error("malformed {part}")]
    Malformed { part: Part },
    #[error("the file ends within its {part}")]
    Truncated { part: Part },
    #[error("{pixels} pixels, more than the limit of {pixels_max}")]
    TooManyPixels { pixels: u64, pixels_max: u64 },
    #[error("more scans than the limit of {scans_max}")]
    TooManyScans { scans_max: u32 },
    #[error("stopped before the image was decoded")]
    Stopped,
}

pub(super) fn malformed<T>(part: Part) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed { part })
}

pub(super) fn truncated<T>(part: Part) -> Result<T, DecodeError> {
    Err(DecodeError::Truncated { part })
}

pub(super) fn unsupported<T>(what: Feature) -> Result<T, DecodeError> {
    Err(DecodeError::Unsupported { what })
}
