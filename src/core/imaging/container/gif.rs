//! GIF 87a and 89a: a screen, then blocks up to the trailer.

use crate::imaging::container::le16;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// Signature and logical screen descriptor.
const HEADER_LEN: u64 = 13;

/// Position, size and flags of a frame.
const FRAME_HEADER_LEN: u64 = 9;

const GRAPHIC_CONTROL: u8 = 0xf9;

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    // Signature, width, height, flags.
    let header: [u8; 11] = window.array(0)?.ok_or(truncated())?;
    let side = |at| le16(&header, at).map(u32::from).ok_or(truncated());
    let (width_px, height_px) = (side(6)?, side(8)?);
    let flags = header[10];
    if width_px == 0 || height_px == 0 {
        return Err(malformed("a side of 0 px"));
    }
    limits.check_frame(width_px, height_px)?;
    let mut walk = Walk {
        window,
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

struct Walk<'a, 'w> {
    window: &'a mut Window<'w>,
    limits: &'a Limits,
    frames: u32,
    frame_pixels_max: u64,
    transparent: bool,
    metadata_bytes: u64,
}

impl Walk<'_, '_> {
    fn blocks(&mut self, mut at: u64) -> Result<(), ImagingError> {
        loop {
            at = match self.byte(at)? {
                0x21 => self.extension(at + 1)?,
                0x2c => self.frame(at + 1)?,
                0x3b => return Ok(()),
                _ => return Err(malformed("an unknown block")),
            };
        }
    }

    fn extension(&mut self, at: u64) -> Result<u64, ImagingError> {
        let label = self.byte(at)?;
        if label == GRAPHIC_CONTROL {
            self.transparent |= self.byte(at + 2)? & 1 == 1;
        }
        let end = self.sub_blocks(at + 1)?;
        if label != GRAPHIC_CONTROL {
            self.metadata_bytes += end - at;
        }
        Ok(end)
    }

    fn frame(&mut self, at: u64) -> Result<u64, ImagingError> {
        let header: [u8; 9] = self.window.array(at)?.ok_or(truncated())?;
        let side = |at| le16(&header, at).map(u32::from).ok_or(truncated());
        let (width_px, height_px) = (side(4)?, side(6)?);
        // A frame may be larger than the screen, and decoders make room for all of it.
        self.limits.check_frame(width_px, height_px)?;
        let pixels = u64::from(width_px) * u64::from(height_px);
        self.frame_pixels_max = self.frame_pixels_max.max(pixels);
        self.frames = self.frames.saturating_add(1);
        let flags = header[8];
        // The byte before the data is the width of an LZW code.
        self.sub_blocks(at + FRAME_HEADER_LEN + colour_table_len(flags) + 1)
    }

    /// Skips sub-blocks, up to and with the empty one.
    fn sub_blocks(&mut self, mut at: u64) -> Result<u64, ImagingError> {
        loop {
            let len = self.byte(at)?;
            at += 1 + u64::from(len);
            if len == 0 {
                return Ok(at);
            }
        }
    }

    fn byte(&mut self, at: u64) -> Result<u8, ImagingError> {
        self.window.byte(at)?.ok_or(truncated())
    }
}

fn colour_table_len(flags: u8) -> u64 {
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
