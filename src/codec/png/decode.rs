//! From the bytes of a file to planes.

use super::adam7::Canvas;
use super::chunk::{Chunk, Chunks};
use super::error::DecodeError;
use super::header::{self, ColourType, Header, Interlacing};
use super::idat::{self, Idat, Rest};
use super::metadata::Metadata;
use super::request::{Limits, Request};
use super::rows::{Filtered, Image};
use super::samples::Samples;
use super::shrink::Shrinker;
use super::unfilter::Lines;
use crate::plane::Plane;

#[derive(Clone, Debug)]
pub struct Decoded {
    pub header: Header,
    /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; each of ceil(width / shrink) × ceil(height / shrink) samples. A box at the
    /// right or lower edge that is cut off is the average of what is there.
    pub planes: Vec<Plane>,
    pub alpha: Alpha,
    pub metadata: Metadata,
    /// Whether something was missing or wrong that `Missing::Accept` let pass.
    pub damaged: bool,
}

/// What the colours of an image with an alpha plane are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpha {
    /// There is no alpha plane.
    None,
    /// Multiplied by alpha: of a shrunk image, so that what is transparent has no part in the average.
    Premultiplied,
    /// As in the file.
    Straight,
}

/// Decodes the image of IDAT; in an animation this is the default image.
pub fn decode(request: &Request<'_>) -> Result<Decoded, DecodeError> {
    let header = header::read_header(request.bytes)?;
    check(request.limits, &header, request.shrink)?;
    let mut head = Head::read(request, &header)?;
    let idat = Idat::new(&head.first_idat, head.chunks, request.missing)?;
    let mut image = Image {
        request,
        header: &header,
        samples: head.samples,
        buffer: Vec::new(),
        idat,
    };
    let planes = match header.interlacing {
        Interlacing::None => image.decode_rows()?,
        Interlacing::Adam7 => image.decode_passes()?,
    };
    let rest = image.idat.finish()?;
    let damaged = read_tail(rest, request, &mut head.metadata)? || head.damaged;
    let alpha = match (header.has_alpha(), request.shrink) {
        (false, _) => Alpha::None,
        (true, 0 | 1) => Alpha::Straight,
        (true, 2..) => Alpha::Premultiplied,
    };
    Ok(Decoded {
        header,
        planes,
        alpha,
        metadata: head.metadata,
        damaged,
    })
}

/// The most bytes that a decode holds beside the file, its metadata apart.
#[must_use]
pub fn memory_needed(header: &Header, shrink: u32) -> u64 {
    let row_bytes = header.row_bytes(header.width_px);
    let filtered = Filtered::bytes_needed(row_bytes, u64::from(header.height_px));
    let channels = u64::from(header.width_px) * header.channels() as u64;
    let canvas = match header.interlacing {
        Interlacing::None => 0,
        Interlacing::Adam7 => Canvas::bytes_needed(header),
    };
    [
        idat::INFLATE_BYTES,
        filtered,
        Lines::bytes_needed(row_bytes),
        channels,
        canvas,
        Shrinker::bytes_needed(header, shrink),
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

/// Before memory is taken.
fn check(limits: Limits, header: &Header, shrink: u32) -> Result<(), DecodeError> {
    if header.pixels() > limits.pixels_max {
        return Err(DecodeError::Pixels {
            width_px: header.width_px,
            height_px: header.height_px,
            pixels_max: limits.pixels_max,
        });
    }
    let bytes = memory_needed(header, shrink);
    if bytes > limits.memory_bytes_max {
        return Err(DecodeError::Memory {
            bytes,
            memory_bytes_max: limits.memory_bytes_max,
        });
    }
    Ok(())
}

/// What stands before the pixels.
struct Head<'a> {
    samples: Samples,
    metadata: Metadata,
    first_idat: Chunk<'a>,
    chunks: Chunks<'a>,
    damaged: bool,
}

impl<'a> Head<'a> {
    fn read(request: &Request<'a>, header: &Header) -> Result<Self, DecodeError> {
        let mut chunks = Chunks::of(request.bytes)?;
        let mut samples = Samples::new(header);
        let mut metadata = Metadata::default();
        let mut damaged = false;
        let mut has_palette = false;
        // IHDR: `header` is made of it.
        chunks.next_chunk()?;
        loop {
            let chunk = chunks.next_chunk()?;
            header::refuse_unknown(&chunk)?;
            let is_wanted = matches!(&chunk.name, b"PLTE" | b"tRNS") || Metadata::wants(chunk.name);
            if is_wanted && let Err(error) = chunk.check() {
                damaged = true;
                request.missing.tolerate(error)?;
            }
            let taken = match &chunk.name {
                b"IDAT" if has_palette || header.colour != ColourType::Palette => {
                    return Ok(Self {
                        samples,
                        metadata,
                        first_idat: chunk,
                        chunks,
                        damaged,
                    });
                }
                b"IDAT" => return Err(DecodeError::Corrupt { what: "no palette" }),
                b"IEND" => return Err(header::no_pixels()),
                b"PLTE" => {
                    has_palette = true;
                    samples.take_palette(&chunk)
                }
                b"tRNS" => samples.take_transparency(&chunk),
                _ => {
                    metadata.take(&chunk, request.limits.metadata_bytes_max);
                    Ok(())
                }
            };
            if let Err(error) = taken {
                damaged = true;
                request.missing.tolerate(error)?;
            }
        }
    }
}

/// Reads on to IEND; says whether anything was damaged, here or before.
fn read_tail(
    rest: Rest<'_>,
    request: &Request<'_>,
    metadata: &mut Metadata,
) -> Result<bool, DecodeError> {
    let Rest {
        first,
        mut chunks,
        mut damaged,
    } = rest;
    let mut next = first.map_or_else(|| chunks.next_chunk(), Ok);
    loop {
        let taken = next.and_then(|chunk| {
            header::refuse_unknown(&chunk)?;
            let is_end = chunk.name == *b"IEND";
            if is_end || Metadata::wants(chunk.name) {
                chunk.check()?;
                metadata.take(&chunk, request.limits.metadata_bytes_max);
            }
            Ok(is_end)
        });
        match taken {
            Ok(true) => return Ok(damaged),
            Ok(false) => {}
            Err(error) => {
                request.missing.tolerate(error)?;
                damaged = true;
                return Ok(damaged);
            }
        }
        next = chunks.next_chunk();
    }
}
