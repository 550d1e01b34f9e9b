//! The shrinking decoder: a JPEG file to planes at n/8 of its size, of which it decodes only what that takes.
//!
//! Planes stay as the file has them: colours are not converted, subsampled components not enlarged. Plane i of an image
//! of W×H is ⌈⌈W·hᵢ/h_max⌉·n/8⌉ samples wide and ⌈⌈H·vᵢ/v_max⌉·n/8⌉ high; each sample stands for the middle of the area
//! that it covers.

#![expect(
    clippy::inline_always,
    reason = "what runs for each block must become part of the function that is compiled for an instruction set"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "fields of bits, none wider than what it is cast to; numbers of samples and blocks of one image fit 32 bits"
)]
#![expect(
    clippy::needless_range_loop,
    reason = "transforms read like their formulas"
)]

mod coding; // blocks, symbol by symbol
mod definitions; // tables, as the file defines them
mod error;
mod frame; // sizes
mod header;
mod huffman; // codes and look-ups
mod idct; // coefficients to samples
mod image; // one image in the making
mod intervals; // restart markers, and recovery at them
mod locate; // where blocks begin
mod output; // where blocks go
mod progressive; // scans to coefficients
mod scan; // which blocks, in what order
mod segment; // markers
mod sequential; // blocks to samples, one scan
mod skip; // several coefficients at a time
mod stored; // coefficients between scans
mod survey; // which scans of a progressive file matter
mod window; // coded data without stuffing
mod zigzag; // which coefficients count

use crate::plane::Plane;
use crate::stop::Stop;

pub use error::{DecodeError, Feature, Part};
pub use frame::{Scale, memory_needed};
pub use header::{Colour, Component, Header, Inks, Process, read_header};
pub use intervals::Completeness;

#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub bytes: &'a [u8],
    pub scale: Scale,
    pub missing: Missing,
    pub refinement: Refinement,
    pub limits: Limits,
    /// Asked at least once for each row of units (T.81: MCUs).
    pub stop: &'a dyn Stop,
}

/// What becomes of a file that ends early or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is refused.
    Refuse,
    /// It is decoded as far as it goes, from restart marker to restart marker where it has them.
    Accept,
}

/// How exact the coefficients of progressive files are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refinement {
    Exact,
    /// The last scans, which cost most and change least, may be left out.
    Approximate,
}

/// Checked before memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Width × height at full size.
    pub pixels_max: u64,
    pub scans_max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub header: Header,
    pub scale: Scale,
    /// One for each component, in the order of the header.
    pub planes: Vec<Plane>,
    pub completeness: Completeness,
}

/// Decodes an image.
pub fn decode(request: &Request<'_>) -> Result<Decoded, DecodeError> {
    image::Decoder::open(request)?.run()
}

/// An upper bound for what decoding takes besides planes and coefficients: a window of coded data, the look-ups of four
/// components, the definitions.
fn workspace_bytes() -> u64 {
    // Besides: what stands on the way to the look-ups; codes, headers, units, and the list of scans, which takes some
    // hundred bytes each: room for a thousand and more.
    let rest = huffman::Table::BYTES + (256 << 10);
    (window::Window::BYTES + coding::Lookups::BYTES + locate::Locator::BYTES + rest) as u64
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("bytes", &self.bytes.len())
            .field("scale", &self.scale)
            .field("missing", &self.missing)
            .field("refinement", &self.refinement)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
