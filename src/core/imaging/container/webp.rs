//! WebP (RFC 9649): RIFF chunks around VP8, VP8L, or an animation of them.

use crate::imaging::container::{end_within, le16, le24, le32};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::metadata::exif;
use crate::model::media::MediaType;

/// `RIFF`, size, `WEBP`.
pub(crate) const HEADER_LEN: usize = 12;

/// Position, size, duration and flags of a frame, before its chunks.
const FRAME_HEADER_LEN: usize = 16;

/// Bits of the first byte of VP8X.
pub(crate) const FLAG_XMP: u8 = 0x04;
pub(crate) const FLAG_EXIF: u8 = 0x08;
const FLAG_ALPHA: u8 = 0x10;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) start: usize,
    /// With the byte that pads an odd length.
    pub(crate) end: usize,
    pub(crate) data: &'a [u8],
}

/// Chunks that tile `bytes[at..end]`.
#[derive(Debug)]
pub(crate) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Those of the file; what follows the RIFF size is not looked at.
pub(crate) fn chunks(bytes: &[u8]) -> Result<Chunks<'_>, ImagingError> {
    let size = le32(bytes, 4).ok_or(truncated("its header"))?;
    let end = end_within(8, u64::from(size), bytes.len()).ok_or(truncated("its chunks"))?;
    Ok(Chunks {
        bytes: &bytes[..end],
        at: HEADER_LEN,
    })
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ImagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let chunk = self.read();
        // After an error there is no next chunk to be found.
        self.at = chunk.map_or(self.bytes.len(), |chunk| chunk.end);
        Some(chunk.ok_or(truncated("a chunk")))
    }
}

impl<'a> Chunks<'a> {
    fn read(&self) -> Option<Chunk<'a>> {
        let (start, bytes) = (self.at, self.bytes);
        let kind: [u8; 4] = *bytes.get(start..)?.first_chunk()?;
        let len = le32(bytes, start + 4)?;
        let data_end = end_within(start + 8, u64::from(len), bytes.len())?;
        Some(Chunk {
            kind,
            start,
            // Some encoders leave the last padding byte out.
            end: (data_end + data_end % 2).min(bytes.len()),
            data: &bytes[start + 8..data_end],
        })
    }
}

pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut walk = Walk {
        limits,
        size: None,
        canvas: None,
        frames: 0,
        has_alpha: false,
    };
    let mut orientation = None;
    let mut metadata_bytes = 0;
    for chunk in chunks(bytes)? {
        let chunk = chunk?;
        match &chunk.kind {
            b"VP8X" => walk.extended(chunk.data)?,
            b"VP8 " | b"VP8L" => {
                let size = walk.bitstream(&chunk)?;
                walk.expect_canvas(size)?;
                walk.size.get_or_insert(size);
            }
            b"ANMF" => walk.frame(chunk.data)?,
            b"ALPH" | b"ANIM" => {}
            _ => {
                metadata_bytes += chunk.data.len() as u64;
                if chunk.kind == *b"EXIF" {
                    orientation = exif::orientation(exif::without_prefix(chunk.data));
                }
            }
        }
    }
    if walk.size.is_none() && walk.frames == 0 {
        return Err(malformed("no image chunk"));
    }
    let (width_px, height_px) = walk
        .canvas
        .or(walk.size)
        .ok_or(malformed("no canvas size"))?;
    let pixels = u64::from(width_px) * u64::from(height_px);
    Ok(Inspected {
        frames: walk.frames.max(1),
        orientation: orientation.unwrap_or_default(),
        has_alpha: Some(walk.has_alpha),
        metadata_bytes,
        // RGBA, that of a frame or of the lossless coder beside it, planes and alpha, and a copy of the chunk.
        decoder_bytes: pixels * 12 + bytes.len() as u64 + (1 << 20),
        ..Inspected::still(MediaType::Webp, width_px, height_px)
    })
}

type Size = (u32, u32);

struct Walk<'a> {
    limits: &'a Limits,
    /// Of the still image.
    size: Option<Size>,
    canvas: Option<Size>,
    frames: u32,
    has_alpha: bool,
}

impl Walk<'_> {
    fn extended(&mut self, data: &[u8]) -> Result<(), ImagingError> {
        let side = |at| le24(data, at).ok_or(malformed("its VP8X chunk"));
        let canvas = (side(4)? + 1, side(7)? + 1);
        self.limits.check_frame(canvas.0, canvas.1)?;
        self.has_alpha |= data[0] & FLAG_ALPHA != 0;
        self.canvas = Some(canvas);
        Ok(())
    }

    fn frame(&mut self, data: &[u8]) -> Result<(), ImagingError> {
        let side = |at| le24(data, at).ok_or(malformed("a frame"));
        let size = (side(6)? + 1, side(9)? + 1);
        let (width, height) = self.canvas.ok_or(malformed("a frame without a canvas"))?;
        if size.0 > width || size.1 > height {
            return Err(malformed("a frame outside of its canvas"));
        }
        self.frames = self.frames.saturating_add(1);
        let inner = Chunks {
            bytes: data,
            at: FRAME_HEADER_LEN,
        };
        let mut found = false;
        for chunk in inner {
            let chunk = chunk?;
            if matches!(&chunk.kind, b"VP8 " | b"VP8L") {
                found = true;
                if self.bitstream(&chunk)? != size {
                    return Err(malformed("a frame of another size than it claims"));
                }
            }
        }
        if !found {
            return Err(malformed("an empty frame"));
        }
        Ok(())
    }

    /// The size that the coded image itself claims.
    fn bitstream(&mut self, chunk: &Chunk<'_>) -> Result<Size, ImagingError> {
        let fault = malformed("the header of its image");
        let size = if chunk.kind == *b"VP8 " {
            if chunk.data.get(3..6) != Some(&[0x9d, 0x01, 0x2a]) {
                return Err(fault);
            }
            // The upper two bits of each side scale it for display.
            let side = |at| le16(chunk.data, at).map(|side| u32::from(side & 0x3fff));
            side(6).zip(side(8))
        } else {
            let signed = chunk.data.first() == Some(&0x2f);
            let bits = le32(chunk.data, 1).filter(|_| signed);
            self.has_alpha |= bits.is_some_and(|bits| bits >> 28 & 1 == 1);
            bits.map(|bits| ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        };
        let size = size.filter(|&(width, height)| width > 0 && height > 0);
        let size = size.ok_or(fault)?;
        self.limits.check_frame(size.0, size.1)?;
        Ok(size)
    }

    fn expect_canvas(&self, size: Size) -> Result<(), ImagingError> {
        match self.canvas {
            Some(canvas) if canvas != size => {
                Err(malformed("an image of another size than its canvas"))
            }
            _ => Ok(()),
        }
    }
}

fn truncated(part: &'static str) -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Webp,
        part,
    }
}

fn malformed(part: &'static str) -> ImagingError {
    ImagingError::Malformed {
        media: MediaType::Webp,
        part,
    }
}
