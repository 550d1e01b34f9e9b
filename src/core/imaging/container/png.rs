//! PNG (W3C, third edition) and its animations: a signature, then chunks.

use std::ops::Range;

use crate::imaging::container::{be32, end_within};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::{DamagedPolicy, Limits};
use crate::imaging::metadata::exif;
use crate::imaging::orient::Orientation;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// Length, kind and CRC: what a chunk has besides its data.
const CHUNK_OVERHEAD: u64 = 12;

/// One chunk; they tile the file from behind the signature to the end of IEND.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) kind: [u8; 4],
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) data: Range<u64>,
}

impl Chunk {
    /// By the case of its first letter.
    pub(crate) fn is_ancillary(&self) -> bool {
        self.kind[0].is_ascii_lowercase()
    }
}

/// Ends after IEND, or after the first error.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: u64,
    done: bool,
    damaged: DamagedPolicy,
}

impl Chunks {
    /// Where damage is accepted, a file may end anywhere: its last chunk is then shorter than it says, and bytes that are
    /// no chunk belong to none.
    pub(crate) fn new(damaged: DamagedPolicy) -> Self {
        Self {
            at: 8,
            done: false,
            damaged,
        }
    }

    pub(crate) fn next(&mut self, window: &mut Window<'_>) -> Result<Option<Chunk>, ImagingError> {
        if self.done {
            return Ok(None);
        }
        self.done = true;
        let chunk = match (self.read(window), self.damaged) {
            (
                Err(ImagingError::Truncated { .. } | ImagingError::Malformed { .. }),
                DamagedPolicy::Accept,
            ) => return Ok(None),
            (read, DamagedPolicy::Accept | DamagedPolicy::Refuse) => read?,
        };
        self.at = chunk.end;
        self.done = chunk.kind == *b"IEND";
        Ok(Some(chunk))
    }

    fn read(&self, window: &mut Window<'_>) -> Result<Chunk, ImagingError> {
        let start = self.at;
        let header: [u8; 8] = window.array(start)?.ok_or(truncated("no IEND chunk"))?;
        let [len @ .., a, b, c, d] = header;
        let kind = [a, b, c, d];
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(malformed("the name of a chunk"));
        }
        let len = u64::from(u32::from_be_bytes(len));
        let data_start = start + 8;
        let Some(end) = end_within(start, len + CHUNK_OVERHEAD, window.size_bytes()) else {
            if self.damaged == DamagedPolicy::Refuse {
                return Err(truncated("a chunk"));
            }
            let end = window.size_bytes();
            return Ok(Chunk {
                kind,
                start,
                end,
                data: data_start..end.min(data_start + len),
            });
        };
        Ok(Chunk {
            kind,
            start,
            end,
            data: data_start..end - 4,
        })
    }
}

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut chunks = Chunks::new(limits.damaged);
    let first = chunks.next(window)?.ok_or(truncated("no IHDR chunk"))?;
    let header = Header::parse(window, &first)?;
    limits.check_frame(header.width_px, header.height_px)?;
    let mut orientation = Orientation::default();
    let (mut data_chunks, mut frames_found, mut frames_claimed) = (0_u32, 0_u32, 0);
    let mut transparent = false;
    let mut metadata_bytes = 0;
    while let Some(chunk) = chunks.next(window)? {
        match &chunk.kind {
            b"IDAT" => data_chunks = data_chunks.saturating_add(1),
            b"acTL" => frames_claimed = be32(window.start_of(chunk.data, 4)?, 0).unwrap_or(0),
            b"fcTL" => {
                frames_found = frames_found.saturating_add(1);
                check_frame_control(window.start_of(chunk.data, 12)?, limits)?;
            }
            b"fdAT" => {}
            b"tRNS" => transparent = true,
            _ if chunk.is_ancillary() => {
                metadata_bytes += chunk.data.end - chunk.data.start;
                limits.check_metadata(metadata_bytes)?;
                if chunk.kind == *b"eXIf" {
                    orientation = exif::load_orientation(window, chunk.data)?.unwrap_or_default();
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
    fn parse(window: &mut Window<'_>, chunk: &Chunk) -> Result<Self, ImagingError> {
        /// Size, depth, colour, methods.
        const LEN: u64 = 13;
        if chunk.kind != *b"IHDR" || chunk.data.end - chunk.data.start != LEN {
            return Err(malformed("no IHDR chunk at its start"));
        }
        // With the CRC, which is known to be there.
        let found: Option<[u8; 17]> = window.array(chunk.data.start)?;
        let [data @ .., a, b, c, d] = found.ok_or(truncated("a chunk"))?;
        if u32::from_be_bytes([a, b, c, d]) != crc32(chunk.kind, &data) {
            return Err(malformed("the CRC of its IHDR chunk"));
        }
        Self::read(&data)
    }

    fn read(data: &[u8; 13]) -> Result<Self, ImagingError> {
        let side = |at| be32(data, at).unwrap_or(0);
        let (width_px, height_px) = (side(0), side(4));
        let sides = 1..=i32::MAX as u32;
        if !sides.contains(&width_px) || !sides.contains(&height_px) {
            return Err(malformed("its size"));
        }
        let (depth, colour) = (data[8], data[9]);
        let depth_fits = match colour {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            _ => false,
        };
        let methods_known = data[10] == 0 && data[11] == 0 && data[12] <= 1;
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
