//! AVIF in and out, 8 bits per channel: a safe face of libavif and libaom.

mod native; // all that is unsafe
mod decode; // AVIF -> pixels
mod encode; // pixels -> AVIF

pub use decode::{Cicp, Decoded, Expected, decode};
pub use encode::{Chroma, Depth, Picture, Settings, encode};
pub use native::Fault;

/// Rows from the top without padding; alpha is straight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    Grey,
    Rgb,
    Rgba,
}

impl Channels {
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// The longest side, in pixels, in either direction: the sizes of rows and planes that C computes in 32 bits stay far
/// from overflowing (16,384 px × 4 bytes × 16,384 rows = 2^30).
pub const SIDE_MAX_PX: u32 = 16_384;

#[cfg(test)]
mod tests;
