//! PNG (W3C, third edition) and its animations: a signature, then chunks.

use crate::imaging::container::{be32, end_within};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::metadata::exif;
use crate::imaging::orient::Orientation;
use crate::model::media::MediaType;

/// Length, kind and CRC: what a chunk has besides its data.
const CHUNK_OVERHEAD: u64 = 12;

/// One chunk; they tile the file from behind the signature to the end of IEND.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) data: &'a [u8],
    crc: u32,
}

impl Chunk<'_> {
    /// By the case of its first letter.
    pub(crate) fn is_ancillary(&self) -> bool {
        self.kind[0].is_ascii_lowercase()
    }
}

/// Ends after IEND, or after the first error.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
}

pub(crate) fn chunks(bytes: &[u8]) -> Chunks<'_> {
    Chunks {
        bytes,
        at: 8,
        done: false,
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ImagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.read();
        match &chunk {
            Ok(chunk) => {
                self.at = chunk.end;
                self.done = chunk.kind == *b"IEND";
            }
            Err(_) => self.done = true,
        }
        Some(chunk)
    }
}

impl<'a> Chunks<'a> {
    fn read(&self) -> Result<Chunk<'a>, ImagingError> {
        let (start, bytes) = (self.at, self.bytes);
        let len = be32(bytes, start).ok_or(truncated("no IEND chunk"))?;
        let kind: [u8; 4] = *bytes
            .get(start + 4..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(truncated("no IEND chunk"))?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(malformed("the name of a chunk"));
        }
        let end = end_within(start, u64::from(len) + CHUNK_OVERHEAD, bytes.len())
            .ok_or(truncated("a chunk"))?;
        Ok(Chunk {
            kind,
            start,
            end,
            data: &bytes[start + 8..end - 4],
            crc: be32(bytes, end - 4).unwrap_or(0),
        })
    }
}

pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut chunks = chunks(bytes);
    let first = chunks.next().ok_or(truncated("no IHDR chunk"))??;
    let header = Header::parse(&first)?;
    limits.check_frame(header.width_px, header.height_px)?;
    let mut orientation = Orientation::default();
    let (mut data_chunks, mut frames_found, mut frames_claimed) = (0_u32, 0_u32, 0);
    let mut transparent = false;
    let mut metadata_bytes = 0;
    for chunk in chunks {
        let chunk = chunk?;
        match &chunk.kind {
            b"IDAT" => data_chunks = data_chunks.saturating_add(1),
            b"acTL" => frames_claimed = be32(chunk.data, 0).unwrap_or(0),
            b"fcTL" => {
                frames_found = frames_found.saturating_add(1);
                check_frame_control(chunk.data, limits)?;
            }
            b"fdAT" => {}
            b"tRNS" => transparent = true,
            _ if chunk.is_ancillary() => {
                metadata_bytes += chunk.data.len() as u64;
                if chunk.kind == *b"eXIf" {
                    orientation = exif::orientation(chunk.data).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    if data_chunks == 0 {
        return Err(malformed("no IDAT chunk"));
    }
    Ok(Inspected {
        frames: frames_found.max(frames_claimed).max(1),
        orientation,
        has_alpha: Some(transparent || header.has_alpha()),
        metadata_bytes,
        // An ICC profile is inflated up to what metadata may have.
        decoder_bytes: header
            .decoder_bytes()
            .saturating_add(limits.metadata_bytes_max),
        ..Inspected::still(MediaType::Png, header.width_px, header.height_px)
    })
}

fn check_frame_control(data: &[u8], limits: &Limits) -> Result<(), ImagingError> {
    match (be32(data, 4), be32(data, 8)) {
        (Some(width_px), Some(height_px)) => limits.check_frame(width_px, height_px),
        _ => Err(malformed("an fcTL chunk")),
    }
}

struct Header {
    width_px: u32,
    height_px: u32,
    depth: u8,
    colour: u8,
}

impl Header {
    fn parse(chunk: &Chunk<'_>) -> Result<Self, ImagingError> {
        if chunk.kind != *b"IHDR" || chunk.data.len() != 13 {
            return Err(malformed("no IHDR chunk at its start"));
        }
        if chunk.crc != crc32(chunk.kind, chunk.data) {
            return Err(malformed("the CRC of its IHDR chunk"));
        }
        let side = |at| be32(chunk.data, at).unwrap_or(0);
        let (width_px, height_px) = (side(0), side(4));
        let sides = 1..=i32::MAX as u32;
        if !sides.contains(&width_px) || !sides.contains(&height_px) {
            return Err(malformed("its size"));
        }
        let (depth, colour) = (chunk.data[8], chunk.data[9]);
        let depth_fits = match colour {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            _ => false,
        };
        let methods_known = chunk.data[10] == 0 && chunk.data[11] == 0 && chunk.data[12] <= 1;
        if !depth_fits || !methods_known {
            return Err(malformed("its IHDR chunk"));
        }
        Ok(Self {
            width_px,
            height_px,
            depth,
            colour,
        })
    }

    fn has_alpha(&self) -> bool {
        matches!(self.colour, 4 | 6)
    }

    /// The pixels as decoded, of 8 bits too if they had 16, and some rows; transparency may add a channel.
    fn decoder_bytes(&self) -> u64 {
        let channels: u64 = match self.colour {
            0 | 4 => 2,
            _ => 4,
        };
        let bytes_per_pixel = if self.depth == 16 { 3 } else { 1 } * channels;
        let row = u64::from(self.width_px).saturating_mul(bytes_per_pixel);
        row.saturating_mul(u64::from(self.height_px) + 8)
            .saturating_add(256 << 10)
    }
}

/// The CRC of a chunk, over its kind and data.
pub(crate) fn crc32(kind: [u8; 4], data: &[u8]) -> u32 {
    let sum = kind.iter().chain(data).fold(u32::MAX, |sum, &byte| {
        let index = sum.to_le_bytes()[0] ^ byte;
        CRC_TABLE[usize::from(index)] ^ (sum >> 8)
    });
    !sum
}

/// The polynomial of PNG (annex D), reversed.
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

const CRC_TABLE: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut index = 0_u32;
    while index < 256 {
        let mut sum = index;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { CRC_POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[index as usize] = sum;
        index += 1;
    }
    table
};

fn truncated(part: &'static str) -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Png,
        part,
    }
}

fn malformed(part: &'static str) -> ImagingError {
    ImagingError::Malformed {
        media: MediaType::Png,
        part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_the_standard() {
        assert_eq!(crc32(*b"IEND", b""), 0xae42_6082);
    }
}
