//! What is asked of a decode, and what it may cost.

use super::error::DecodeError;
use crate::stop::Stop;

/// One decode.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "what says stop need not be shown"
)]
pub struct Request<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// The side of the boxes that are averaged to one pixel; 1 (or 0) for the image as large as it is.
    pub shrink: u32,
    pub limits: Limits,
    /// Asked about once for every few rows.
    pub stop: &'a dyn Stop,
    pub missing: Missing,
}

/// Looked at before memory is taken.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "each of them is a maximum")]
pub struct Limits {
    pub pixels_max: u64,
    /// Of what `memory_needed` says.
    pub memory_bytes_max: u64,
    /// Of an inflated profile, and of EXIF: what is longer is left out.
    pub metadata_bytes_max: usize,
}

/// What becomes of a file that is cut off or corrupt after its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An error.
    Refuse,
    /// Decoded as far as it goes: missing pixels are zero, wrong checksums are passed over.
    Accept,
}

impl Missing {
    pub(super) fn tolerate(self, error: DecodeError) -> Result<(), DecodeError> {
        match self {
            Self::Refuse => Err(error),
            Self::Accept => Ok(()),
        }
    }
}
