//! The loops over samples of shrinking. Those that take a level of SIMD are written for the compiler to make vectors of.

use fearless_simd::Simd;

use crate::plane::Plane;

#[expect(
    clippy::inline_always,
    reason = "else it is compiled for the lowest instruction set"
)]
#[inline(always)]
pub(super) fn add<S: Simd>(_: S, row: &[u8], sums: &mut [u16]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += u16::from(*value);
    }
}

#[expect(
    clippy::inline_always,
    reason = "else it is compiled for the lowest instruction set"
)]
#[inline(always)]
pub(super) fn weigh<S: Simd, const CHANNELS: usize>(_: S, row: &[u8], sums: &mut [u32]) {
    let (pixels, _) = row.as_chunks::<CHANNELS>();
    let (sums, _) = sums.as_chunks_mut::<CHANNELS>();
    for (sums, pixel) in sums.iter_mut().zip(pixels) {
        let alpha = u32::from(pixel[CHANNELS - 1]);
        for channel in 0..CHANNELS - 1 {
            sums[channel] += u32::from(pixel[channel]) * alpha;
        }
        sums[CHANNELS - 1] += 255 * alpha;
    }
}

/// Whether the last channel is 255 throughout.
#[expect(
    clippy::inline_always,
    reason = "else it is compiled for the lowest instruction set"
)]
#[inline(always)]
pub(super) fn is_opaque<S: Simd, const CHANNELS: usize>(_: S, row: &[u8]) -> bool {
    // In pieces, each of which is looked through without a branch.
    row.chunks(CHANNELS * 256).all(|piece| {
        let mut all = [255; CHANNELS];
        for pixel in piece.as_chunks::<CHANNELS>().0 {
            for (all, value) in all.iter_mut().zip(pixel) {
                *all &= value;
            }
        }
        all[CHANNELS - 1] == 255
    })
}

pub(super) fn deinterleave(row: &[u8], planes: &mut [Plane], y: usize) {
    let channels = planes.len();
    for (channel, plane) in planes.iter_mut().enumerate() {
        let values = row.iter().skip(channel).step_by(channels);
        for (out, value) in plane.row_mut(y).iter_mut().zip(values) {
            *out = *value;
        }
    }
}

/// How columns stand together in boxes.
#[derive(Clone, Copy)]
pub(super) struct Sides {
    pub(super) shrink: usize,
    pub(super) channels: usize,
}

impl Sides {
    /// Adds sums of columns, times `worth`, to those of boxes.
    pub(super) fn fold<T: Copy + Into<u64>>(self, columns: &[T], worth: u64, boxes: &mut [u64]) {
        match self.channels {
            1 => fold::<1, T>(columns, (self.shrink, worth), boxes),
            2 => fold::<2, T>(columns, (self.shrink, worth), boxes),
            3 => fold::<3, T>(columns, (self.shrink, worth), boxes),
            _ => fold::<4, T>(columns, (self.shrink, worth), boxes),
        }
    }
}

fn fold<const CHANNELS: usize, T: Copy + Into<u64>>(
    columns: &[T],
    (shrink, worth): (usize, u64),
    boxes: &mut [u64],
) {
    let (columns, _) = columns.as_chunks::<CHANNELS>();
    let (boxes, _) = boxes.as_chunks_mut::<CHANNELS>();
    for (sums, columns) in boxes.iter_mut().zip(columns.chunks(shrink)) {
        let mut total = [0; CHANNELS];
        for column in columns {
            for (total, value) in total.iter_mut().zip(column) {
                *total += (*value).into();
            }
        }
        for (sum, total) in sums.iter_mut().zip(total) {
            *sum += total * worth;
        }
    }
}
