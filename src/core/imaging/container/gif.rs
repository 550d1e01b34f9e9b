//! GIF 87a and 89a: a screen, then blocks up to the trailer.

use crate::imaging::container::le16;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::model::media::MediaType;

/// Signature and logical screen descriptor.
const HEADER_LEN: usize = 13;

const GRAPHIC_CONTROL: u8 = 0xf9;

pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    let side = |at| le16(bytes, at).map(u32::from).ok_or(truncated());
    let (width_px, height_px) = (side(6)?, side(8)?);
    let flags = *bytes.get(10).ok_or(truncated())?;
    if width_px == 0 || height_px == 0 {
        return Err(malformed("a side of 0 px"));
    }
    limits.check_frame(width_px, height_px)?;
    let mut walk = Walk {
        bytes,
        limits,
        frames: 0,
        frame_pixels_max: 0,
        transparent: false,
        metadata_bytes: 0,
    };
    walk.blocks(HEADER_LEN + colour_table_len(flags))?;
    if walk.frames == 0 {
        return Err(malformed("no frame"));
    }
    let screen = u64::from(width_px) * u64::from(height_px);
    Ok(Inspected {
        frames: walk.frames,
        has_alpha: Some(walk.transparent),
        metadata_bytes: walk.metadata_bytes,
        // RGBA of the screen, and of the frame when it covers only a part of it.
        decoder_bytes: (screen + 2 * walk.frame_pixels_max) * 4 + (256 << 10),
        ..Inspected::still(MediaType::Gif, width_px, height_px)
    })
}

struct Walk<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    frames: u32,
    frame_pixels_max: u64,
    transparent: bool,
    metadata_bytes: u64,
}

impl Walk<'_> {
    fn blocks(&mut self, mut at: usize) -> Result<(), ImagingError> {
        loop {
            at = match self.byte(at)? {
                0x21 => self.extension(at + 1)?,
                0x2c => self.frame(at + 1)?,
                0x3b => return Ok(()),
                _ => return Err(malformed("an unknown block")),
            };
        }
    }

    fn extension(&mut self, at: usize) -> Result<usize, ImagingError> {
        let label = self.byte(at)?;
        if label == GRAPHIC_CONTROL {
            self.transparent |= self.byte(at + 2)? & 1 == 1;
        }
        let end = self.sub_blocks(at + 1)?;
        if label != GRAPHIC_CONTROL {
            self.metadata_bytes += (end - at) as u64;
        }
        Ok(end)
    }

    fn frame(&mut self, at: usize) -> Result<usize, ImagingError> {
        let side = |at| le16(self.bytes, at).map(u32::from).ok_or(truncated());
        let (width_px, height_px) = (side(at + 4)?, side(at + 6)?);
        // A frame may be larger than the screen, and decoders make room for all of it.
        self.limits.check_frame(width_px, height_px)?;
        let pixels = u64::from(width_px) * u64::from(height_px);
        self.frame_pixels_max = self.frame_pixels_max.max(pixels);
        self.frames = self.frames.saturating_add(1);
        let flags = self.byte(at + 8)?;
        // The byte before the data is the width of an LZW code.
        self.sub_blocks(at + 9 + colour_table_len(flags) + 1)
    }

    /// Skips sub-blocks, up to and with the empty one.
    fn sub_blocks(&self, mut at: usize) -> Result<usize, ImagingError> {
        loop {
            let len = self.byte(at)?;
            at += 1 + usize::from(len);
            if len == 0 {
                return Ok(at);
            }
        }
    }

    fn byte(&self, at: usize) -> Result<u8, ImagingError> {
        self.bytes.get(at).copied().ok_or(truncated())
    }
}

fn colour_table_len(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        return 0;
    }
    3 << ((flags & 7) + 1)
}

fn truncated() -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Gif,
        part: "no trailer",
    }
}

fn malformed(part: &'static str) -> ImagingError {
    ImagingError::Malformed {
        media: MediaType::Gif,
        part,
    }
}
