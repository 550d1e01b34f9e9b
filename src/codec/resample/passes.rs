//! The two passes: down the columns into one row of finer values, then along that row into samples.
//!
//! Down first, because its vectors lie along the rows as they are; a whole plane between the passes is never there.
#![expect(
    clippy::inline_always,
    reason = "kernels must end up in the caller that knows the CPU"
)]

use fearless_simd::{Simd, i16x8, i16x16, i32x8, prelude::*, u8x16};

use super::Span;
use super::windows::{WEIGHT_BITS, Windows};
use crate::plane::Plane;

/// Values after the end of the row between the passes, zero: what is read beyond it counts for nothing.
pub(super) const ROW_PADDING: usize = 64;

/// Bits after the point of the values between the passes. Windows overshoot to -0.3..1.3 × 255; with 6 more bits that
/// is within an `i16`, and neither clipped nor rounded in a way that could be seen.
const ROW_BITS: u32 = 6;

/// Columns that one turn of the pass down makes: a line of the cache. A plane has padding for as many.
const STRIP: usize = 64;

/// Samples that one turn of the pass along a row makes; a plane has padding for them.
const GROUP: usize = 8;

/// Taps that are multiplied at once.
const TAPS: usize = 8;

/// Weights of an axis in the order in which the pass along a row reads them: [`TAPS`] of an even window, as many of the
/// odd one after it, then the next taps of both.
#[derive(Debug)]
pub(super) struct PairedWeights {
    count: usize,
    /// Of each window, up to a multiple of [`GROUP`]: the last again.
    firsts: Vec<usize>,
    chunks: usize,
    weights: Vec<[i16; 2 * TAPS]>,
}

impl PairedWeights {
    pub(super) fn new(windows: &Windows) -> Self {
        let count = windows.count();
        let groups = count.next_multiple_of(GROUP);
        let chunks = windows.longest().div_ceil(TAPS);
        let mut paired = Self {
            count,
            firsts: Vec::with_capacity(groups),
            chunks,
            weights: vec![[0; 2 * TAPS]; groups / 2 * chunks],
        };
        for i in 0..groups {
            let (first, weights) = windows.get(i.min(count - 1));
            paired.firsts.push(first);
            for (chunk, taps) in weights.chunks(TAPS).enumerate() {
                let at = &mut paired.weights[i / 2 * chunks + chunk][i % 2 * TAPS..];
                at[..taps.len()].copy_from_slice(taps);
            }
        }
        paired
    }

    pub(super) fn bytes_needed(span: Span, length: usize) -> u64 {
        let window = size_of::<usize>() as u64 + (GROUP * size_of::<i16>()) as u64;
        let groups = span.count.next_multiple_of(GROUP) as u64;
        Windows::bytes_needed(span, length).saturating_add(groups.saturating_mul(window))
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// Both passes, for a plane of at least one sample and at least one column to make.
#[inline(always)]
pub(super) fn run<S: Simd>(
    simd: S,
    plane: &Plane,
    (down, across): (&Windows, &PairedWeights),
    resampled: &mut Plane,
) {
    let mut row = vec![0; plane.width() + ROW_PADDING + across.chunks * TAPS];
    let stride = resampled.stride();
    let rows = resampled.padded_samples_mut().chunks_exact_mut(stride);
    for (y, samples) in rows.enumerate() {
        let (top, weights) = down.get(y);
        add_rows(simd, (plane, top), weights, &mut row);
        row[plane.width()..].fill(0);
        add_columns(simd, &row, across, samples);
    }
}

/// One row of values: rows of the plane from `top` on, each times its weight.
#[inline(always)]
fn add_rows<S: Simd>(simd: S, (plane, top): (&Plane, usize), weights: &[i16], row: &mut [i16]) {
    const SHIFT: u32 = WEIGHT_BITS - ROW_BITS;
    let (samples, stride) = (plane.padded_samples(), plane.stride());
    let bottom = plane.height() - 1;
    for x in (0..plane.width()).step_by(STRIP) {
        let mut sums = [i32x8::splat(simd, 1 << (SHIFT - 1)); STRIP / 8];
        for (pair, weights) in weights.chunks_exact(2).enumerate() {
            let y = top + 2 * pair;
            let upper = &samples[y * stride + x..][..STRIP];
            let lower = &samples[(y + 1).min(bottom) * stride + x..][..STRIP];
            let weights = pair_of_weights(simd, weights);
            for part in 0..STRIP / 16 {
                let upper = u8x16::from_slice(simd, &upper[16 * part..][..16]);
                let lower = u8x16::from_slice(simd, &lower[16 * part..][..16]);
                let (left, right) = upper.interleave(lower);
                sums[2 * part] += widened(left).pairwise_dot_product(weights);
                sums[2 * part + 1] += widened(right).pairwise_dot_product(weights);
            }
        }
        let row = &mut row[x..][..STRIP];
        for part in 0..STRIP / 16 {
            let (left, right) = (sums[2 * part] >> SHIFT, sums[2 * part + 1] >> SHIFT);
            left.saturating_narrow(right)
                .store_slice(&mut row[16 * part..][..16]);
        }
    }
}

#[inline(always)]
fn pair_of_weights<S: Simd>(simd: S, weights: &[i16]) -> i16x16<S> {
    let pair = i32::from(weights[1]) << 16 | (i32::from(weights[0]) & 0xffff);
    i32x8::splat(simd, pair).bitcast()
}

#[inline(always)]
fn widened<S: Simd>(bytes: u8x16<S>) -> i16x16<S> {
    let (low, high) = bytes.widen();
    low.combine(high).bitcast()
}

/// One row of samples from one row of values.
#[inline(always)]
fn add_columns<S: Simd>(simd: S, row: &[i16], across: &PairedWeights, samples: &mut [u8]) {
    const SHIFT: u32 = WEIGHT_BITS + ROW_BITS;
    let half = i32x8::splat(simd, 1 << (SHIFT - 1));
    let groups = across.firsts.as_chunks::<GROUP>().0;
    let weights = across
        .weights
        .chunks_exact((GROUP / 2 * across.chunks).max(1));
    let samples = samples.as_chunks_mut::<GROUP>().0;
    for ((firsts, weights), samples) in groups.iter().zip(weights).zip(samples) {
        let mut pairs = [i32x8::splat(simd, 0); GROUP / 2];
        for (pair, sum) in pairs.iter_mut().enumerate() {
            let even = &row[firsts[2 * pair]..][..TAPS * across.chunks];
            let odd = &row[firsts[2 * pair + 1]..][..TAPS * across.chunks];
            let weights = &weights[pair * across.chunks..][..across.chunks];
            let taps = even
                .as_chunks::<TAPS>()
                .0
                .iter()
                .zip(odd.as_chunks::<TAPS>().0);
            for ((even, odd), weights) in taps.zip(weights) {
                let even = i16x8::load_array_ref(simd, even);
                let odd = i16x8::load_array_ref(simd, odd);
                let weights = i16x16::load_array_ref(simd, weights);
                *sum += even.combine(odd).pairwise_dot_product(weights);
            }
        }
        let low = pairwise_sum(pairs[0], pairs[1]);
        let high = pairwise_sum(pairs[2], pairs[3]);
        let sums = (pairwise_sum(low, high) + half) >> SHIFT;
        let sums = sums.max(0).min(255).to_array();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped just above"
        )]
        let bytes = sums.map(|sum| sum as u8);
        *samples = bytes;
    }
}

/// Sums of neighbours: of the first vector, then of the second.
#[inline(always)]
fn pairwise_sum<S: Simd>(a: i32x8<S>, b: i32x8<S>) -> i32x8<S> {
    let (even, odd) = a.deinterleave(b);
    even + odd
}
