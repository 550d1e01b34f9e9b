//! The structure of each container: sizes, frames and metadata, found without decoding a pixel.
//!
//! Every walker moves forward, looks through a window that is not held whole, allocates nothing by a claimed size and nests to a fixed depth.

pub(crate) mod jpeg; // segments and scans
pub(crate) mod png; // chunks
pub(crate) mod gif; // blocks
pub(crate) mod webp; // RIFF chunks
pub(crate) mod isobmff; // boxes: AVIF, HEIC
pub(crate) mod heif; // their items
pub(crate) mod av1; // what those decode to
pub(crate) mod ifd; // directories of TIFF and EXIF
pub(crate) mod tiff; // the first directory
pub(crate) mod bmp; // one header
pub(crate) mod jxl; // a bit-packed header
pub(crate) mod svg; // the root element

pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = *bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// `start + len`, if that lies within `end`.
pub(crate) fn end_within(start: u64, len: u64, end: u64) -> Option<u64> {
    let stop = start.checked_add(len)?;
    (stop <= end).then_some(stop)
}
