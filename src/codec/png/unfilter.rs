//! Undoing the filters of rows (chapter 9).

use fearless_simd::Level;

use super::error::DecodeError;
use super::paeth_avx2;

/// Rows of an image after one another: the last one undone, and after it up to four that are undone from filtered rows.
///
/// Each line has room around it, in which a kernel may write.
pub(super) struct Lines {
    level: Level,
    bytes: Vec<u8>,
    row_bytes: usize,
    /// Bytes from a sample to the same of the pixel before it; 1 if a byte holds several pixels.
    pixel_bytes: usize,
}

/// What may be read and written before and after a line, and read after the last filtered row.
pub(super) const ROOM: usize = 32;

/// Rows that are undone at once at most.
pub(super) const ROWS: usize = 4;

impl Lines {
    /// For an image or a pass whose first row has a row of zeros above it.
    pub(super) fn new(level: Level, row_bytes: usize, pixel_bytes: usize) -> Self {
        Self {
            level,
            bytes: vec![0; (ROWS + 1) * (row_bytes + 2 * ROOM)],
            row_bytes,
            pixel_bytes,
        }
    }

    pub(super) fn bytes_needed(row_bytes: u64) -> u64 {
        (ROWS as u64 + 1) * (row_bytes + 2 * ROOM as u64)
    }

    /// Undoes the first rows of `filtered`, which holds `rows` of them and then `ROOM` bytes of any value. Says how
    /// many, at least one; they are `row(0)` and on until the next call.
    pub(super) fn undo(&mut self, filtered: &[u8], rows: usize) -> Result<usize, DecodeError> {
        let filtered_bytes = self.row_bytes + 1;
        let mut filters = [Filter::None; ROWS];
        let rows = rows.min(ROWS);
        for (row, filter) in filters.iter_mut().take(rows).enumerate() {
            match Filter::of(filtered[row * filtered_bytes]) {
                Some(found) => *filter = found,
                None if row == 0 => {
                    return Err(DecodeError::Corrupt {
                        what: "no such filter of a row",
                    });
                }
                // The next call will meet it.
                None => return self.undo(filtered, row),
            }
        }
        let together = self.rows_together(&filters[..rows]);
        let stride = self.row_bytes + 2 * ROOM;
        if together > 1 {
            // A wave of one filter is simpler; what is made of the rows that are not there does not matter.
            filters[together..].fill(Filter::Paeth);
            let wave = paeth_avx2::Wave {
                pixel_bytes: self.pixel_bytes,
                row_bytes: self.row_bytes,
                filters,
            };
            wave.undo(self.level, filtered, &mut self.bytes);
        } else {
            let (above, below) = self.bytes.split_at_mut(stride);
            let row = Row {
                filtered: &filtered[1..filtered_bytes],
                above: &above[ROOM..][..self.row_bytes],
                out: &mut below[ROOM..][..self.row_bytes],
            };
            row.undo(filters[0], self.pixel_bytes);
        }
        Ok(together)
    }

    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.bytes[(row + 1) * (self.row_bytes + 2 * ROOM) + ROOM..][..self.row_bytes]
    }

    /// Makes the last of so many rows the one above the next.
    pub(super) fn advance(&mut self, rows: usize) {
        let stride = self.row_bytes + 2 * ROOM;
        let last = rows * stride;
        self.bytes.copy_within(last..last + stride, 0);
    }

    /// A row on its own waits for the pixel to the left at each pixel, if its filter looks there; several in a wave
    /// wait at the same time. Rows that need no waiting are cheaper on their own.
    fn rows_together(&self, filters: &[Filter]) -> usize {
        let waits = |filter: &Filter| matches!(filter, Filter::Average | Filter::Paeth);
        let fits = matches!(self.pixel_bytes, 3 | 4) && self.row_bytes > self.pixel_bytes;
        if !fits || !waits(&filters[0]) || !paeth_avx2::serves(self.level) {
            return 1;
        }
        filters.iter().rposition(waits).map_or(1, |last| last + 1)
    }
}

/// Filter types of method 0 (9.2), by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    None,
    Sub,
    Up,
    Average,
    Paeth,
}

impl Filter {
    fn of(number: u8) -> Option<Self> {
        [Self::None, Self::Sub, Self::Up, Self::Average, Self::Paeth]
            .get(usize::from(number))
            .copied()
    }
}

/// One row: three slices of one length, that of the row.
struct Row<'a> {
    filtered: &'a [u8],
    above: &'a [u8],
    out: &'a mut [u8],
}

impl Row<'_> {
    fn undo(self, filter: Filter, pixel_bytes: usize) {
        match filter {
            Filter::None => self.out.copy_from_slice(self.filtered),
            Filter::Up => {
                for ((out, x), b) in self.out.iter_mut().zip(self.filtered).zip(self.above) {
                    *out = x.wrapping_add(*b);
                }
            }
            Filter::Sub | Filter::Average | Filter::Paeth => match pixel_bytes {
                1 => self.undo_pixels::<1>(filter),
                2 => self.undo_pixels::<2>(filter),
                3 => self.undo_pixels::<3>(filter),
                4 => self.undo_pixels::<4>(filter),
                6 => self.undo_pixels::<6>(filter),
                _ => self.undo_pixels::<8>(filter),
            },
        }
    }

    fn undo_pixels<const BYTES: usize>(self, filter: Filter) {
        match filter {
            Filter::None | Filter::Up => {}
            Filter::Sub => self.each_pixel::<BYTES>(|x, [a, _, _]| x.wrapping_add(a)),
            Filter::Average => {
                self.each_pixel::<BYTES>(|x, [a, b, _]| x.wrapping_add(a.midpoint(b)));
            }
            Filter::Paeth => self.each_pixel::<BYTES>(|x, near| x.wrapping_add(paeth(near))),
        }
    }

    /// `undo` gets a filtered byte and its neighbours: left, above, above left.
    fn each_pixel<const BYTES: usize>(self, undo: impl Fn(u8, [u8; 3]) -> u8) {
        let (out, _) = self.out.as_chunks_mut::<BYTES>();
        let (filtered, _) = self.filtered.as_chunks::<BYTES>();
        let (above, _) = self.above.as_chunks::<BYTES>();
        let mut left = [0; BYTES];
        let mut above_left = [0; BYTES];
        for ((out, x), above) in out.iter_mut().zip(filtered).zip(above) {
            for i in 0..BYTES {
                left[i] = undo(x[i], [left[i], above[i], above_left[i]]);
            }
            *out = left;
            above_left = *above;
        }
    }
}

/// The neighbour that is nearest to a + b - c, in this order (9.4).
fn paeth([a, b, c]: [u8; 3]) -> u8 {
    let [left, above, corner] = [a, b, c].map(i16::from);
    let to_a = (above - corner).abs();
    let to_b = (left - corner).abs();
    let to_c = (left + above - 2 * corner).abs();
    let b_or_c = if to_b <= to_c { b } else { c };
    if to_a <= to_b && to_a <= to_c {
        a
    } else {
        b_or_c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes without order, the same each time.
    fn noise(bytes: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    fn undone(level: Level, pixel_bytes: usize, filtered: &[u8], row_bytes: usize) -> Vec<u8> {
        let rows = (filtered.len() - ROOM) / (row_bytes + 1);
        let mut lines = Lines::new(level, row_bytes, pixel_bytes);
        let mut all = Vec::new();
        let mut at = 0;
        while at < rows {
            let rest = &filtered[at * (row_bytes + 1)..];
            let done = lines.undo(rest, rows - at).unwrap();
            (0..done).for_each(|row| all.extend_from_slice(lines.row(row)));
            lines.advance(done);
            at += done;
        }
        all
    }

    #[test]
    fn rows_undone_together_are_those_undone_alone() {
        for pixel_bytes in [3, 4] {
            for width in [1, 2, 3, 5, 6, 7, 40] {
                let row_bytes = width * pixel_bytes;
                for seed in 0..40 {
                    let mut filtered = noise(9 * (row_bytes + 1) + ROOM, seed);
                    for row in 0..9 {
                        filtered[row * (row_bytes + 1)] %= 5;
                    }
                    assert_eq!(
                        undone(Level::new(), pixel_bytes, &filtered, row_bytes),
                        undone(Level::baseline(), pixel_bytes, &filtered, row_bytes),
                        "{width} pixels of {pixel_bytes} bytes, seed {seed}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_filter_that_does_not_exist_is_met_in_its_turn() {
        let mut filtered = vec![0; 3 * 7 + ROOM];
        filtered[7] = 5;
        let mut lines = Lines::new(Level::new(), 6, 3);
        assert_eq!(lines.undo(&filtered, 3), Ok(1));
        assert!(lines.undo(&filtered[7..], 2).is_err());
    }
}
