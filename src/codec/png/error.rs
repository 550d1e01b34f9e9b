//! Why a PNG is not decoded.

/// What stands between a file and its pixels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    #[error("no signature of a PNG file")]
    NotPng,
    #[error("the file ends in {within}")]
    Truncated { within: &'static str },
    #[error("the checksum of chunk {chunk} is wrong")]
    Checksum { chunk: ChunkName },
    #[error("chunk {chunk} is unknown and critical")]
    UnknownCritical { chunk: ChunkName },
    #[error("chunk {chunk} is {length} bytes long, of at most 2147483647")]
    ChunkLength { chunk: ChunkName, length: u32 },
    #[error("{what}")]
    Corrupt { what: &'static str },
    #[error("{width_px}x{height_px} pixels, at most {pixels_max} allowed")]
    Pixels {
        width_px: u32,
        height_px: u32,
        pixels_max: u64,
    },
    #[error("decoding takes {bytes} bytes of memory, at most {memory_bytes_max} allowed")]
    Memory { bytes: u64, memory_bytes_max: u64 },
    #[error("decoding was stopped")]
    Stopped,
}

impl DecodeError {
    /// Whether the file itself is at fault, not a limit or whoever stopped the work.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        match self {
            Self::NotPng
            | Self::Truncated { .. }
            | Self::Checksum { .. }
            | Self::UnknownCritical { .. }
            | Self::ChunkLength { .. }
            | Self::Corrupt { .. } => true,
            Self::Pixels { .. } | Self::Memory { .. } | Self::Stopped => false,
        }
    }
}

/// The four bytes that name a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkName(pub(super) [u8; 4]);

impl std::fmt::Display for ChunkName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
