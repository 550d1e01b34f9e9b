//! Rows of one image from its IDAT chunks to planes, in the order in which they are stored.

use fearless_simd::Level;

use super::adam7::{self, Canvas};
use super::error::DecodeError;
use super::header::Header;
use super::idat::Idat;
use super::request::Request;
use super::samples::Samples;
use super::shrink::Shrinker;
use super::unfilter::{Lines, ROOM, ROWS};
use crate::plane::Plane;

/// The pixels of one file on their way.
pub(super) struct Image<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) header: &'a Header,
    pub(super) samples: Samples,
    pub(super) idat: Idat<'a>,
    /// For rows whose channels are not the bytes of the file.
    pub(super) buffer: Vec<u8>,
}

impl Image<'_> {
    /// Row by row, never more than a few of them.
    pub(super) fn decode_rows(&mut self) -> Result<Vec<Plane>, DecodeError> {
        let mut shrinker = Shrinker::new(self.header, self.request.shrink);
        let size = [self.header.width_px, self.header.height_px];
        self.each_row(size, &mut |_, row| shrinker.push(row))?;
        Ok(shrinker.finish())
    }

    /// All passes of an interlaced image first.
    pub(super) fn decode_passes(&mut self) -> Result<Vec<Plane>, DecodeError> {
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

/// For sizes that were found within the limits, which are no more than memory may hold.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("sizes within the limits are addressable")
}

/// Some rows as they were inflated.
pub(super) struct Filtered {
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

    pub(super) fn bytes_needed(row_bytes: u64, height: u64) -> u64 {
        Self::rows_held(row_bytes, height)
            .saturating_mul(row_bytes + 1)
            .saturating_add(ROOM as u64)
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
