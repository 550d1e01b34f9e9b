//! From the bytes of a file to planes.

use fearless_simd::Level;

use super::adam7::{self, Canvas};
use super::chunk::{Chunk, Chunks};
use super::error::DecodeError;
use super::header::{self, ColourType, Header, Interlacing};
use super::idat::{self, Idat, Rest};
use super::metadata::Metadata;
use super::samples::Samples;
use super::shrink::Shrinker;
use super::unfilter::{Lines, ROOM, ROWS};
use crate::plane::Plane;
use crate::stop::Stop;

/// One decode.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "what says stop need not be shown"
)]
pub struct Request<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// The side of the boxes that are averaged to one pixel; 1 (or 0) for the image as large as it is.
    pub shrink: u32,
    pub limits: Limits,
    /// Asked about once for every few rows.
    pub stop: &'a dyn Stop,
    pub missing: Missing,
}

/// Looked at before memory is taken.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "each of them is a maximum")]
pub struct Limits {
    pub pixels_max: u64,
    /// Of what `memory_needed` says.
    pub memory_bytes_max: u64,
    /// Of an inflated profile, and of EXIF: what is longer is left out.
    pub metadata_bytes_max: usize,
}

/// What becomes of a file that is cut off or corrupt after its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An error.
    Refuse,
    /// Decoded as far as it goes: missing pixels are zero, wrong checksums are passed over.
    Accept,
}

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
    request.limits.check(&header, request.shrink)?;
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
    let rows = Filtered::rows_held(row_bytes, u64::from(header.height_px));
    let filtered = rows
        .saturating_mul(row_bytes + 1)
        .saturating_add(ROOM as u64);
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

impl Limits {
    fn check(&self, header: &Header, shrink: u32) -> Result<(), DecodeError> {
        if header.pixels() > self.pixels_max {
            return Err(DecodeError::Pixels {
                width_px: header.width_px,
                height_px: header.height_px,
                pixels_max: self.pixels_max,
            });
        }
        let bytes = memory_needed(header, shrink);
        if bytes > self.memory_bytes_max {
            return Err(DecodeError::Memory {
                bytes,
                memory_bytes_max: self.memory_bytes_max,
            });
        }
        Ok(())
    }
}

impl Missing {
    pub(super) fn tolerate(self, error: DecodeError) -> Result<(), DecodeError> {
        match self {
            Self::Refuse => Err(error),
            Self::Accept => Ok(()),
        }
    }
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
                    chunk.check().and_then(|()| samples.take_palette(&chunk))
                }
                b"tRNS" => chunk
                    .check()
                    .and_then(|()| samples.take_transparency(&chunk)),
                name if Metadata::wants(*name) => chunk
                    .check()
                    .map(|()| metadata.take(&chunk, request.limits.metadata_bytes_max)),
                _ => Ok(()),
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

/// The pixels of one file on their way.
struct Image<'a> {
    request: &'a Request<'a>,
    header: &'a Header,
    samples: Samples,
    buffer: Vec<u8>,
    idat: Idat<'a>,
}

impl Image<'_> {
    fn decode_rows(&mut self) -> Result<Vec<Plane>, DecodeError> {
        let mut shrinker = Shrinker::new(self.header, self.request.shrink);
        let size = [self.header.width_px, self.header.height_px];
        self.each_row(size, &mut |_, row| shrinker.push(row))?;
        Ok(shrinker.finish())
    }

    fn decode_passes(&mut self) -> Result<Vec<Plane>, DecodeError> {
        let mut canvas = Canvas::new(self.header);
        for pass in adam7::passes(self.header) {
            let size = [pass.width_px, pass.height_px];
            self.each_row(size, &mut |y, row| canvas.place(&pass, y, row))?;
        }
        let mut shrinker = Shrinker::new(self.header, self.request.shrink);
        for row in canvas.rows() {
            shrinker.push(row);
        }
        Ok(shrinker.finish())
    }

    /// Hands over the rows of an image or a pass with their numbers, as interleaved channels; fewer than there should be
    /// if the file ends early and that is accepted.
    fn each_row(
        &mut self,
        [width_px, height_px]: [u32; 2],
        take: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<(), DecodeError> {
        let row_bytes = to_usize(self.header.row_bytes(width_px));
        let pixel_bytes = self.header.bits_per_pixel().div_ceil(8);
        let mut lines = Lines::new(Level::new(), row_bytes, pixel_bytes);
        let mut filtered = Filtered::new(row_bytes, height_px);
        let mut y = 0;
        while y < height_px as usize {
            let held = filtered.fill(&mut self.idat, height_px as usize - y)?;
            let mut at = 0;
            while at < held {
                if self.request.stop.should_stop() {
                    return Err(DecodeError::Stopped);
                }
                let done = match lines.undo(filtered.from(at), held - at) {
                    Ok(done) => done,
                    Err(error) => return self.idat.end(error),
                };
                for row in 0..done {
                    let width = width_px as usize;
                    let row = self
                        .samples
                        .channels_of(lines.row(row), width, &mut self.buffer);
                    take(y, row);
                    y += 1;
                }
                lines.advance(done);
                at += done;
            }
            if held == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// For sizes of which `Limits::check` knows that they are no more than memory may hold.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("sizes within the limits are addressable")
}

/// Some rows as they were inflated.
struct Filtered {
    bytes: Vec<u8>,
    rows: usize,
    row_length: usize,
}

impl Filtered {
    /// Enough that an inflater gets far each time it is called, and stays in the second cache.
    const BYTES: u64 = 128 << 10;

    /// Of an image or a pass of at most as many rows as `height`.
    fn rows_held(row_bytes: u64, height: u64) -> u64 {
        (Self::BYTES / (row_bytes + 1))
            .next_multiple_of(ROWS as u64)
            .max(ROWS as u64)
            .min(height)
    }

    fn new(row_bytes: usize, height_px: u32) -> Self {
        let rows = to_usize(Self::rows_held(row_bytes as u64, u64::from(height_px)));
        Self {
            bytes: vec![0; rows * (row_bytes + 1) + ROOM],
            rows,
            row_length: row_bytes + 1,
        }
    }

    /// Says how many whole rows it holds now.
    fn fill(&mut self, idat: &mut Idat<'_>, rows_wanted: usize) -> Result<usize, DecodeError> {
        let rows = self.rows.min(rows_wanted);
        let filled = idat.fill(&mut self.bytes[..rows * self.row_length])?;
        Ok(filled / self.row_length)
    }

    /// From this row on.
    fn from(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.row_length..]
    }
}
