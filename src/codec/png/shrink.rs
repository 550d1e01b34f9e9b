//! Rows of interleaved channels to planes, averaged in boxes of k × k pixels on the way.

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use super::header::Header;
use super::sums::{Sides, add, deinterleave, is_opaque, weigh};
use crate::plane::Plane;

/// Takes the rows of an image from the top and keeps sums only.
///
/// Sums of a row of boxes build up in two steps: over rows, one sum for each column and channel, and then, when the
/// row of boxes is full or the sums are, over columns.
pub(super) struct Shrinker {
    level: Level,
    shrink: usize,
    channels: usize,
    columns: usize,
    planes: Vec<Plane>,
    /// For each column and channel: the sum over rows without transparency since the last fold, alpha too.
    plain: Vec<u16>,
    /// The same over rows with transparency, times alpha; of alpha itself times 255. Empty without alpha.
    weighted: Vec<u32>,
    unfolded: Unfolded,
    /// For each box and channel: what was folded; times 255 if there is alpha.
    boxes: Vec<u64>,
    /// One row of output, interleaved.
    line: Vec<u8>,
    rows_in_boxes: usize,
    boxes_done: usize,
}

#[derive(Default)]
struct Unfolded {
    plain_rows: usize,
    weighted_rows: usize,
}

/// Rows that 16 bits can sum up: 256 × 255 is below 65536.
const ROWS_SUMMED: usize = 256;

impl Shrinker {
    /// `shrink`: 1 for planes as large as the image.
    pub(super) fn new(header: &Header, shrink: u32) -> Self {
        let shape = Shape::new(header, shrink);
        let channels = header.channels();
        let planes = (0..channels)
            .map(|_| Plane::new(shape.boxes_across, shape.boxes_down))
            .collect();
        let sums = if shape.shrink > 1 {
            shape.columns * channels
        } else {
            0
        };
        let has_alpha = header.has_alpha();
        Self {
            level: Level::new(),
            shrink: shape.shrink,
            channels,
            columns: shape.columns,
            planes,
            plain: vec![0; sums],
            weighted: vec![0; if has_alpha { sums } else { 0 }],
            unfolded: Unfolded::default(),
            boxes: vec![0; sums.min(shape.boxes_across * channels)],
            line: vec![0; sums.min(shape.boxes_across * channels)],
            rows_in_boxes: 0,
            boxes_done: 0,
        }
    }

    pub(super) fn bytes_needed(header: &Header, shrink: u32) -> u64 {
        let across = u64::from(header.width_px.div_ceil(shrink.max(1)));
        let down = u64::from(header.height_px.div_ceil(shrink.max(1)));
        let channels = header.channels() as u64;
        let stride = (across + Plane::PADDING as u64).next_multiple_of(32);
        let planes = stride.saturating_mul(down).saturating_mul(channels);
        let sum_bytes = if header.has_alpha() { 6 } else { 2 };
        let sums = u64::from(header.width_px) * channels * sum_bytes + across * channels * 9;
        planes.saturating_add(if shrink > 1 { sums } else { 0 })
    }

    /// The next row, of as many channels as the header says.
    pub(super) fn push(&mut self, row: &[u8]) {
        if self.shrink == 1 {
            deinterleave(row, &mut self.planes, self.boxes_done);
            self.boxes_done += 1;
            return;
        }
        let is_opaque = match self.channels {
            2 => dispatch!(self.level, simd => is_opaque::<_, 2>(simd, row)),
            4 => dispatch!(self.level, simd => is_opaque::<_, 4>(simd, row)),
            _ => true,
        };
        if is_opaque {
            dispatch!(self.level, simd => add(simd, row, &mut self.plain));
            self.unfolded.plain_rows += 1;
        } else {
            match self.channels {
                2 => dispatch!(self.level, simd => weigh::<_, 2>(simd, row, &mut self.weighted)),
                _ => dispatch!(self.level, simd => weigh::<_, 4>(simd, row, &mut self.weighted)),
            }
            self.unfolded.weighted_rows += 1;
        }
        self.rows_in_boxes += 1;
        if self.rows_in_boxes == self.shrink {
            self.finish_boxes();
        } else if self.unfolded.plain_rows + self.unfolded.weighted_rows == ROWS_SUMMED {
            self.fold();
        }
    }

    /// The planes; rows that were never pushed are zero.
    pub(super) fn finish(mut self) -> Vec<Plane> {
        if self.rows_in_boxes > 0 {
            self.finish_boxes();
        }
        self.planes
    }

    fn fold(&mut self) {
        let plain_is_worth = if self.weighted.is_empty() { 1 } else { 255 };
        let sides = Sides {
            shrink: self.shrink,
            channels: self.channels,
        };
        if self.unfolded.plain_rows > 0 {
            sides.fold(&self.plain, plain_is_worth, &mut self.boxes);
            self.plain.fill(0);
        }
        if self.unfolded.weighted_rows > 0 {
            sides.fold(&self.weighted, 1, &mut self.boxes);
            self.weighted.fill(0);
        }
        self.unfolded = Unfolded::default();
    }

    fn finish_boxes(&mut self) {
        self.fold();
        let rows = self.rows_in_boxes as u64;
        let worth = if self.weighted.is_empty() { 1 } else { 255 };
        let whole = self.columns / self.shrink;
        let mut average = |boxes: Range<usize>, columns: usize| {
            let mean = Mean::of(rows * columns as u64 * worth);
            let range = boxes.start * self.channels..boxes.end * self.channels;
            for (out, sum) in self.line[range.clone()].iter_mut().zip(&self.boxes[range]) {
                *out = mean.round(*sum);
            }
        };
        average(0..whole, self.shrink);
        let rest = self.columns % self.shrink;
        if rest > 0 {
            average(whole..whole + 1, rest);
        }
        deinterleave(&self.line, &mut self.planes, self.boxes_done);
        self.boxes.fill(0);
        self.rows_in_boxes = 0;
        self.boxes_done += 1;
    }
}

struct Shape {
    columns: usize,
    shrink: usize,
    boxes_across: usize,
    boxes_down: usize,
}

impl Shape {
    fn new(header: &Header, shrink: u32) -> Self {
        let [columns, rows] = [header.width_px, header.height_px].map(|side| side as usize);
        let shrink = shrink.max(1) as usize;
        Self {
            columns,
            shrink,
            boxes_across: columns.div_ceil(shrink),
            boxes_down: rows.div_ceil(shrink),
        }
    }
}

/// Division by the same number again and again, rounding halves up.
#[derive(Clone, Copy)]
enum Mean {
    /// For a number n below 2^16: n and 2^40 / n, rounded up.
    ///
    /// Exact for sums up to 255.5 n: the factor is less than 1 too large times 2^-40, so the quotient is too large by less
    /// than 255.5 n / 2^40, which is below 1 / n because 255.5 n^2 is below 2^40.
    Multiplied {
        number: u64,
        factor: u64,
    },
    Divided {
        number: u64,
    },
}

impl Mean {
    fn of(number: u64) -> Self {
        if number < 1 << 16 {
            let factor = (1_u64 << 40).div_ceil(number);
            Self::Multiplied { number, factor }
        } else {
            Self::Divided { number }
        }
    }

    /// `sum`: at most 255 times the number.
    #[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
    fn round(self, sum: u64) -> u8 {
        let mean = match self {
            Self::Multiplied { number, factor } => ((sum + number / 2) * factor) >> 40,
            Self::Divided { number } => (sum + number / 2) / number,
        };
        mean as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplying_rounds_as_dividing_does() {
        for number in (1..1 << 16).step_by(7).chain([(1 << 16) - 1]) {
            let mean = Mean::of(number);
            assert!(matches!(mean, Mean::Multiplied { .. }));
            for value in 0..=254 {
                // Around each border between two results.
                let border = value * number + number.div_ceil(2);
                for sum in [border - 1, border, border + 1] {
                    let sum = sum.min(255 * number);
                    let divided = (sum + number / 2) / number;
                    assert_eq!(u64::from(mean.round(sum)), divided, "{sum} / {number}");
                }
            }
        }
    }
}
