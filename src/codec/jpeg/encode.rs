//! Planes to JPEG, sequential or progressive.
//!
//! Read in the order of the modules: how finely to quantise, blocks of coefficients, codes for them, and the two ways
//! of writing a picture as scans.

use fearless_simd::Level;

use crate::plane::Plane;

use blocks::{Component, Frame};
use quantise::Quantiser;

mod quantise; // how finely, by quality
mod blocks; // planes to quantised coefficients
mod huffman; // codes, those of the standard and the best ones
mod bits; // symbols to bytes
mod sequential; // all of a block at once
mod progressive; // a rough picture first
mod marker; // segments of the file
#[cfg(test)]
mod tests;

/// What to encode, and how.
#[derive(Debug)]
pub struct Request<'a> {
    /// 1..=65,535, like the height.
    pub width_px: u32,
    pub height_px: u32,
    pub planes: Planes<'a>,
    /// 1..=100, on the scale of libjpeg for the tables of Annex K.
    pub quality: u8,
    pub huffman: Huffman,
    pub process: Process,
    /// Written after JFIF's, in this order.
    pub segments: &'a [Segment<'a>],
}

#[derive(Clone, Copy, Debug)]
pub enum Planes<'a> {
    Grey(&'a Plane),
    /// Full range, as JFIF has it. Cb and Cr are of the size of the image (4:4:4), or both of half its width and height,
    /// rounded up (4:2:0).
    YCbCr([&'a Plane; 3]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Huffman {
    /// The codes of Annex K: one pass, nothing kept.
    Standard,
    /// The best codes for this image: some per cent smaller, at the cost of keeping all coefficients.
    Optimal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Sequential,
    /// Always with the best codes.
    Progressive,
}

/// An APPn or COM segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The second byte of the marker: 0xE0..=0xEF or 0xFE.
    pub marker: u8,
    /// At most 65,533 bytes.
    pub payload: &'a [u8],
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("a JPEG cannot be {width_px}×{height_px} pixels")]
    Size { width_px: u32, height_px: u32 },
    #[error("a plane of {width}×{height} samples does not fit the image")]
    Plane { width: usize, height: usize },
    #[error("quality {quality} is not within 1 to 100")]
    Quality { quality: u8 },
    #[error("marker {marker:#04x} is neither APPn nor COM")]
    Marker { marker: u8 },
    #[error("a segment cannot hold {bytes} bytes")]
    Segment { bytes: usize },
}

/// The longest payload of a segment: its length is of 16 bits and counts itself.
pub const SEGMENT_BYTES_MAX: usize = 65_533;

/// Encodes planes.
pub fn encode(request: &Request<'_>) -> Result<Vec<u8>, EncodeError> {
    check(request)?;
    let quantisers = [
        Quantiser::luma(request.quality),
        Quantiser::chroma(request.quality),
    ];
    let frame = frame(request, &quantisers)?;
    Ok(write(request, &frame, Level::new()))
}

fn write(request: &Request<'_>, frame: &Frame<'_>, level: Level) -> Vec<u8> {
    let mut file = Vec::with_capacity(likely_bytes(request));
    marker::start(&mut file, request.segments);
    marker::quantisation_tables(&mut file, frame);
    marker::frame(&mut file, request, frame);
    match (request.process, request.huffman) {
        (Process::Sequential, Huffman::Standard) => sequential::stream(frame, level, &mut file),
        (Process::Sequential, Huffman::Optimal) => sequential::optimal(frame, level, &mut file),
        (Process::Progressive, Huffman::Standard | Huffman::Optimal) => {
            progressive::scans(frame, level, &mut file);
        }
    }
    marker::end(&mut file);
    file
}

/// The most memory in bytes that [`encode`] holds at a time beside the planes, but for the file, which is seldom
/// larger than they are.
#[must_use]
pub fn memory_needed(request: &Request<'_>) -> u64 {
    let sides = |plane: &Plane| (plane.width().div_ceil(8), plane.height().div_ceil(8));
    let blocks = |plane: &Plane| {
        let (across, down) = sides(plane);
        match (request.process, request.huffman) {
            (Process::Sequential, Huffman::Standard) => across * down.min(2),
            (Process::Sequential, Huffman::Optimal)
            | (Process::Progressive, Huffman::Standard | Huffman::Optimal) => across * down,
        }
    };
    let blocks: usize = match request.planes {
        Planes::Grey(plane) => blocks(plane),
        Planes::YCbCr(planes) => planes.into_iter().map(blocks).sum(),
    };
    (blocks * size_of::<blocks::Block>()) as u64
}

fn check(request: &Request<'_>) -> Result<(), EncodeError> {
    let (width_px, height_px) = (request.width_px, request.height_px);
    if !(1..=65_535).contains(&width_px) || !(1..=65_535).contains(&height_px) {
        return Err(EncodeError::Size {
            width_px,
            height_px,
        });
    }
    if !(1..=100).contains(&request.quality) {
        let quality = request.quality;
        return Err(EncodeError::Quality { quality });
    }
    for segment in request.segments {
        if !matches!(segment.marker, 0xe0..=0xef | 0xfe) {
            let marker = segment.marker;
            return Err(EncodeError::Marker { marker });
        }
        if segment.payload.len() > SEGMENT_BYTES_MAX {
            let bytes = segment.payload.len();
            return Err(EncodeError::Segment { bytes });
        }
    }
    Ok(())
}

fn frame<'a>(
    request: &Request<'a>,
    [luma, chroma]: &'a [Quantiser; 2],
) -> Result<Frame<'a>, EncodeError> {
    let full = (request.width_px as usize, request.height_px as usize);
    let half = (full.0.div_ceil(2), full.1.div_ceil(2));
    let size = |plane: &Plane| (plane.width(), plane.height());
    let misfit = |plane: &Plane| EncodeError::Plane {
        width: plane.width(),
        height: plane.height(),
    };
    match request.planes {
        Planes::Grey(grey) if size(grey) == full => {
            Ok(Frame::new(full, vec![Component::new(grey, luma, 1)]))
        }
        Planes::Grey(grey) => Err(misfit(grey)),
        Planes::YCbCr([y, cb, cr]) => {
            let subsampled = size(cb) == half && full != half;
            let fits = [full, if subsampled { half } else { full }];
            for (plane, fits) in [(y, fits[0]), (cb, fits[1]), (cr, fits[1])] {
                if size(plane) != fits {
                    return Err(misfit(plane));
                }
            }
            let components = vec![
                Component::new(y, luma, if subsampled { 2 } else { 1 }),
                Component::new(cb, chroma, 1),
                Component::new(cr, chroma, 1),
            ];
            Ok(Frame::new(full, components))
        }
    }
}

/// A guess: a third of a byte for each sample of luma is about quality 90.
fn likely_bytes(request: &Request<'_>) -> usize {
    let segments: usize = request
        .segments
        .iter()
        .map(|segment| segment.payload.len())
        .sum();
    1024 + segments + request.width_px as usize * request.height_px as usize / 3
}
