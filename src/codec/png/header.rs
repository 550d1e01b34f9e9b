//! What a file says about its pixels before the first of them: IHDR, and what else decides their number and shape.

use super::chunk::{Chunk, Chunks};
use super::error::{ChunkName, DecodeError};

/// Everything that decides what a decode will cost.
///
/// Invariants: neither side is zero nor above 2^31 - 1; the depth is one that the specification allows for the colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub width_px: u32,
    pub height_px: u32,
    /// 1, 2, 4, 8 or 16 per sample, or per index of a palette.
    pub bit_depth: u8,
    pub colour: ColourType,
    pub interlacing: Interlacing,
    /// Whether a chunk tRNS makes a colour, or colours of the palette, transparent.
    pub transparency: bool,
    /// What acTL says; 0 in a file that is no animation. The image that is decoded is that of IDAT.
    pub frames: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourType {
    Grey,
    Rgb,
    Palette,
    GreyAlpha,
    Rgba,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interlacing {
    None,
    Adam7,
}

/// Reads up to the first IDAT; no checksum is looked at, but that of IHDR.
pub fn read_header(bytes: &[u8]) -> Result<Header, DecodeError> {
    let mut chunks = Chunks::of(bytes)?;
    let first = chunks.next_chunk()?;
    first.check()?;
    let mut header = parse(&first)?;
    loop {
        let chunk = chunks.next_chunk()?;
        match &chunk.name {
            b"IDAT" => return Ok(header),
            b"IEND" => return Err(no_pixels()),
            _ => header.take(&chunk),
        }
    }
}

pub(super) fn no_pixels() -> DecodeError {
    DecodeError::Corrupt {
        what: "no chunk IDAT",
    }
}

/// IHDR (11.2.1).
pub(super) fn parse(chunk: &Chunk<'_>) -> Result<Header, DecodeError> {
    let corrupt = |what| Err(DecodeError::Corrupt { what });
    if chunk.name != *b"IHDR" {
        return corrupt("the first chunk is not IHDR");
    }
    let Ok(content) = <&[u8; 13]>::try_from(chunk.content) else {
        return corrupt("IHDR is not 13 bytes long");
    };
    let [
        w0,
        w1,
        w2,
        w3,
        h0,
        h1,
        h2,
        h3,
        bit_depth,
        colour,
        compression,
        filter,
        interlacing,
    ] = *content;
    let width_px = u32::from_be_bytes([w0, w1, w2, w3]);
    let height_px = u32::from_be_bytes([h0, h1, h2, h3]);
    let side_max = i32::MAX.cast_unsigned();
    if width_px == 0 || height_px == 0 || width_px > side_max || height_px > side_max {
        return corrupt("a side is 0 or above 2147483647");
    }
    let colour = match (colour, bit_depth) {
        (0, 1 | 2 | 4 | 8 | 16) => ColourType::Grey,
        (2, 8 | 16) => ColourType::Rgb,
        (3, 1 | 2 | 4 | 8) => ColourType::Palette,
        (4, 8 | 16) => ColourType::GreyAlpha,
        (6, 8 | 16) => ColourType::Rgba,
        _ => return corrupt("no such colour type, or not at this depth"),
    };
    if compression != 0 || filter != 0 {
        return corrupt("no such compression or filter method");
    }
    let interlacing = match interlacing {
        0 => Interlacing::None,
        1 => Interlacing::Adam7,
        _ => return corrupt("no such interlace method"),
    };
    Ok(Header {
        width_px,
        height_px,
        bit_depth,
        colour,
        interlacing,
        transparency: false,
        frames: 0,
    })
}

impl Header {
    /// Planes that the image decodes to: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self.colour {
            ColourType::Grey => 1 + usize::from(self.transparency),
            ColourType::GreyAlpha => 2,
            ColourType::Rgb | ColourType::Palette => 3 + usize::from(self.transparency),
            ColourType::Rgba => 4,
        }
    }

    #[must_use]
    pub fn has_alpha(&self) -> bool {
        self.channels().is_multiple_of(2)
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width_px) * u64::from(self.height_px)
    }

    pub(super) fn bits_per_pixel(&self) -> usize {
        let samples = match self.colour {
            ColourType::Grey | ColourType::Palette => 1,
            ColourType::GreyAlpha => 2,
            ColourType::Rgb => 3,
            ColourType::Rgba => 4,
        };
        samples * usize::from(self.bit_depth)
    }

    /// Bytes of a row of so many pixels, without its filter.
    pub(super) fn row_bytes(&self, width_px: u32) -> u64 {
        (u64::from(width_px) * self.bits_per_pixel() as u64).div_ceil(8)
    }

    /// What a chunk between IHDR and IDAT says about the shape of the pixels.
    fn take(&mut self, chunk: &Chunk<'_>) {
        match (&chunk.name, self.colour) {
            (b"tRNS", ColourType::Grey | ColourType::Rgb | ColourType::Palette) => {
                self.transparency = true;
            }
            (b"acTL", _) => {
                if let Some(frames) = chunk.content.first_chunk() {
                    self.frames = u32::from_be_bytes(*frames);
                }
            }
            _ => {}
        }
    }
}

/// Whether a reader must give up at this chunk (5.4).
pub(super) fn refuse_unknown(chunk: &Chunk<'_>) -> Result<(), DecodeError> {
    if chunk.is_ancillary() {
        return Ok(());
    }
    match &chunk.name {
        b"PLTE" | b"IDAT" | b"IEND" => Ok(()),
        b"IHDR" => Err(DecodeError::Corrupt {
            what: "a second IHDR",
        }),
        _ => Err(DecodeError::UnknownCritical {
            chunk: ChunkName(chunk.name),
        }),
    }
}
