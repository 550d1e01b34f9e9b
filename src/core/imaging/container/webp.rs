//! WebP (RFC 9649): RIFF chunks around VP8, VP8L, or an animation of them.

use std::ops::Range;

use crate::imaging::container::{end_within, le16, le24, le32};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::metadata::exif;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// `RIFF`, size, `WEBP`.
pub(crate) const HEADER_LEN: u64 = 12;

/// Position, size, duration and flags of a frame, before its chunks.
const FRAME_HEADER_LEN: usize = 16;

/// All that is looked at of VP8X, VP8 and VP8L.
const CHUNK_HEAD_LEN: usize = 10;

/// Bits of the first byte of VP8X.
pub(crate) const FLAG_XMP: u8 = 0x04;
pub(crate) const FLAG_EXIF: u8 = 0x08;
pub(crate) const FLAG_ALPHA: u8 = 0x10;
pub(crate) const FLAG_ICC: u8 = 0x20;
pub(crate) const FLAG_ANIMATION: u8 = 0x02;

const EXIF_PREFIX: &[u8] = b"Exif\0\0";

#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) kind: [u8; 4],
    pub(crate) start: u64,
    /// With the byte that pads an odd length.
    pub(crate) end: u64,
    pub(crate) data: Range<u64>,
}

impl Chunk {
    /// Where the TIFF structure of an EXIF chunk lies: files have it with and without the prefix that JPEG demands.
    pub(crate) fn exif(&self, window: &mut Window<'_>) -> Result<Range<u64>, ImagingError> {
        let Range { start, end } = self.data;
        let prefixed = window.start_of(start..end, EXIF_PREFIX.len())? == EXIF_PREFIX;
        let skipped = if prefixed { EXIF_PREFIX.len() } else { 0 };
        Ok(start + skipped as u64..end)
    }
}

/// Chunks that tile a part of the file.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: u64,
    end: u64,
}

impl Chunks {
    /// Those of the file; what follows the RIFF size is not looked at.
    pub(crate) fn open(window: &mut Window<'_>) -> Result<Self, ImagingError> {
        let size = window.array(4)?.map(u32::from_le_bytes);
        let size = u64::from(size.ok_or(truncated("its header"))?);
        let end = end_within(8, size, window.size_bytes()).ok_or(truncated("its chunks"))?;
        Ok(Self {
            at: HEADER_LEN,
            end,
        })
    }

    /// Not to be asked again after an error.
    pub(crate) fn next(&mut self, window: &mut Window<'_>) -> Result<Option<Chunk>, ImagingError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let header = window.start_of(start..self.end, 8)?;
        let chunk = parse(start, header, self.end).ok_or(truncated("a chunk"))?;
        self.at = chunk.end;
        Ok(Some(chunk))
    }
}

fn parse(start: u64, header: &[u8], end: u64) -> Option<Chunk> {
    let len = le32(header, 4)?;
    let data_end = end_within(start + 8, u64::from(len), end)?;
    Some(Chunk {
        kind: *header.first_chunk()?,
        start,
        // Some encoders leave the last padding byte out.
        end: (data_end + data_end % 2).min(end),
        data: start + 8..data_end,
    })
}

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut walk = Walk {
        limits,
        size: None,
        canvas: None,
        frames: 0,
        has_alpha: false,
    };
    let mut orientation = None;
    let mut metadata_bytes = 0;
    let mut chunks = Chunks::open(window)?;
    while let Some(chunk) = chunks.next(window)? {
        match &chunk.kind {
            b"VP8X" => walk.extended(window.start_of(chunk.data, CHUNK_HEAD_LEN)?)?,
            b"VP8 " | b"VP8L" => {
                let size = walk.bitstream(window, &chunk)?;
                walk.expect_canvas(size)?;
                walk.size.get_or_insert(size);
            }
            b"ANMF" => walk.frame(window, chunk.data)?,
            b"ALPH" | b"ANIM" => {}
            _ => {
                metadata_bytes += chunk.data.end - chunk.data.start;
                limits.check_metadata(metadata_bytes)?;
                if chunk.kind == *b"EXIF" {
                    let tiff = chunk.exif(window)?;
                    orientation = exif::load_orientation(window, tiff)?;
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
        decoder_bytes: pixels * 12 + window.size_bytes() + (1 << 20),
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

    fn frame(&mut self, window: &mut Window<'_>, data: Range<u64>) -> Result<(), ImagingError> {
        let header = window.start_of(data.clone(), FRAME_HEADER_LEN)?;
        let side = |at| le24(header, at).ok_or(malformed("a frame"));
        let size = (side(6)? + 1, side(9)? + 1);
        let (width, height) = self.canvas.ok_or(malformed("a frame without a canvas"))?;
        if size.0 > width || size.1 > height {
            return Err(malformed("a frame outside of its canvas"));
        }
        self.frames = self.frames.saturating_add(1);
        let mut inner = Chunks {
            at: data.start + FRAME_HEADER_LEN as u64,
            end: data.end,
        };
        let mut found = false;
        while let Some(chunk) = inner.next(window)? {
            if matches!(&chunk.kind, b"VP8 " | b"VP8L") {
                found = true;
                if self.bitstream(window, &chunk)? != size {
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
    fn bitstream(&mut self, window: &mut Window<'_>, chunk: &Chunk) -> Result<Size, ImagingError> {
        let data = window.start_of(chunk.data.clone(), CHUNK_HEAD_LEN)?;
        let fault = malformed("the header of its image");
        let size = if chunk.kind == *b"VP8 " {
            if data.get(3..6) != Some(&[0x9d, 0x01, 0x2a]) {
                return Err(fault);
            }
            // The upper two bits of each side scale it for display.
            let side = |at| le16(data, at).map(|side| u32::from(side & 0x3fff));
            side(6).zip(side(8))
        } else {
            let signed = data.first() == Some(&0x2f);
            let bits = le32(data, 1).filter(|_| signed);
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
