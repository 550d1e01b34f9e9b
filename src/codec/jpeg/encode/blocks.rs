//! Planes to blocks of quantised coefficients.
#![expect(
    clippy::inline_always,
    reason = "kernels must end up in the caller that knows the CPU"
)]

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, f32x8, i16x16, i32x8, prelude::*};

use super::quantise::Quantiser;
use crate::jpeg::tables::ZIGZAG;
use crate::plane::Plane;

/// Quantised coefficients in zigzag order.
///
/// Those of a sequential scan fit its codes: samples of 8 bits give coefficients of ±1020 at most and a DC of
/// -1024..=1016, and divisors are at least 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) coefficients: [i16; 64],
    /// Bit k is set if coefficient k is not zero.
    pub(super) nonzero: u64,
}

/// A plane and how it is encoded.
#[derive(Debug)]
pub(super) struct Component<'a> {
    plane: &'a Plane,
    pub(super) quantiser: &'a Quantiser,
    /// Blocks to a side in an MCU of several components.
    pub(super) sampling: usize,
    pub(super) blocks_across: usize,
    pub(super) blocks_down: usize,
}

impl<'a> Component<'a> {
    pub(super) fn new(plane: &'a Plane, quantiser: &'a Quantiser, sampling: usize) -> Self {
        Self {
            plane,
            quantiser,
            sampling,
            blocks_across: plane.width().div_ceil(8),
            blocks_down: plane.height().div_ceil(8),
        }
    }

    /// Block rows `rows`, as far as there are any, in place of what `blocks` held.
    pub(super) fn transform(&self, level: Level, rows: Range<usize>, blocks: &mut Vec<Block>) {
        let rows = rows.start..rows.end.min(self.blocks_down);
        blocks.clear();
        blocks.resize(rows.len() * self.blocks_across, ZERO);
        dispatch!(level, simd => transform_rows(simd, self, rows, blocks));
    }

    pub(super) fn transform_all(&self, level: Level) -> Vec<Block> {
        let mut blocks = Vec::new();
        self.transform(level, 0..self.blocks_down, &mut blocks);
        blocks
    }

    /// The samples of a block; at the edges the last ones of the plane again.
    #[inline(always)]
    fn samples(&self, across: usize, down: usize) -> [[u8; 8]; 8] {
        let (left, top) = (8 * across, 8 * down);
        let bottom = self.plane.height() - 1;
        let row = |y: usize| self.plane.row((top + y).min(bottom));
        if left + 8 <= self.plane.width() {
            std::array::from_fn(|y| *row(y)[left..].first_chunk().expect("a whole block"))
        } else {
            let right = self.plane.width() - 1;
            std::array::from_fn(|y| std::array::from_fn(|x| row(y)[(left + x).min(right)]))
        }
    }
}

/// The components of an image, luma first.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) components: Vec<Component<'a>>,
    pub(super) mcus_across: usize,
    pub(super) mcus_down: usize,
}

impl<'a> Frame<'a> {
    pub(super) fn new((width, height): (usize, usize), components: Vec<Component<'a>>) -> Self {
        let side = 8 * components[0].sampling;
        Self {
            components,
            mcus_across: width.div_ceil(side),
            mcus_down: height.div_ceil(side),
        }
    }
}

const ZERO: Block = Block {
    coefficients: [0; 64],
    nonzero: 0,
};

/// Where the k-th coefficient in zigzag order is after the transform, which leaves columns.
const FROM_COLUMNS: [u8; 64] = {
    let mut from = [0; 64];
    let mut k = 0;
    while k < 64 {
        from[k] = ZIGZAG[k] % 8 * 8 + ZIGZAG[k] / 8;
        k += 1;
    }
    from
};

#[inline(always)]
fn transform_rows<S: Simd>(
    simd: S,
    component: &Component<'_>,
    rows: Range<usize>,
    blocks: &mut [Block],
) {
    let across = component.blocks_across;
    for (down, blocks) in rows.zip(blocks.chunks_exact_mut(across)) {
        for (across, block) in blocks.iter_mut().enumerate() {
            let samples = component.samples(across, down);
            transform(simd, &samples, &component.quantiser.factors, block);
        }
    }
}

#[inline(always)]
fn transform<S: Simd>(simd: S, samples: &[[u8; 8]; 8], factors: &[f32; 64], block: &mut Block) {
    /// 64 times the middle of the range of samples: all that taking it off each of them would change.
    const MIDDLE: f32 = 64.0 * 128.0;
    /// 1.5 × 2²³: added to a small number, it leaves the whole number nearest to it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let mut rows = samples.map(|row| f32x8::simd_from(simd, row.map(f32::from)));
    transform_columns(&mut rows);
    transpose(&mut rows);
    transform_columns(&mut rows);
    rows[0][0] -= MIDDLE;
    let round = f32x8::splat(simd, ROUND);
    let quantised = |i: usize| -> i32x8<S> {
        let factors = f32x8::from_slice(simd, &factors[8 * i..][..8]);
        let bits: i32x8<S> = (rows[i] * factors + round).bitcast();
        bits - i32x8::splat(simd, ROUND.to_bits().cast_signed())
    };
    let mut columns = [0; 64];
    for i in 0..4 {
        let pair = quantised(2 * i).saturating_narrow(quantised(2 * i + 1));
        pair.store_slice(&mut columns[16 * i..][..16]);
    }
    for (coefficient, from) in block.coefficients.iter_mut().zip(FROM_COLUMNS) {
        *coefficient = columns[usize::from(from)];
    }
    block.nonzero = nonzero(simd, &block.coefficients);
}

#[inline(always)]
fn nonzero<S: Simd>(simd: S, coefficients: &[i16; 64]) -> u64 {
    let zero = i16x16::splat(simd, 0);
    let (quarters, _) = coefficients.as_chunks::<16>();
    quarters.iter().rev().fold(0, |mask, quarter| {
        mask << 16
            | i16x16::load_array_ref(simd, quarter)
                .simd_ne(zero)
                .to_bitmask()
    })
}

#[inline(always)]
fn transpose<S: Simd>(rows: &mut [f32x8<S>; 8]) {
    // Each turn halves the distance between neighbours of a column.
    for _ in 0..3 {
        let from = *rows;
        for i in 0..4 {
            (rows[2 * i], rows[2 * i + 1]) = from[i].interleave(from[i + 4]);
        }
    }
}

/// The transform of Arai, Agui and Nakajima on 8 columns: 5 multiplications, all other scales left to the quantiser.
#[inline(always)]
fn transform_columns<S: Simd>(d: &mut [f32x8<S>; 8]) {
    const COS_4: f32 = std::f32::consts::FRAC_1_SQRT_2;
    /// cos(6π/16), cos(2π/16) - cos(6π/16) and cos(2π/16) + cos(6π/16).
    const COS_6: f32 = 0.382_683_43;
    const COS_2_LESS_6: f32 = 0.541_196_1;
    const COS_2_AND_6: f32 = 1.306_563;
    let sums: [f32x8<S>; 4] = std::array::from_fn(|i| d[i] + d[7 - i]);
    let differences: [f32x8<S>; 4] = std::array::from_fn(|i| d[i] - d[7 - i]);

    let (outer, inner) = (sums[0] + sums[3], sums[1] + sums[2]);
    let (outer_less, inner_less) = (sums[0] - sums[3], sums[1] - sums[2]);
    let turned = (inner_less + outer_less) * COS_4;
    d[0] = outer + inner;
    d[4] = outer - inner;
    d[2] = outer_less + turned;
    d[6] = outer_less - turned;

    let low = differences[3] + differences[2];
    let middle = (differences[2] + differences[1]) * COS_4;
    let high = differences[1] + differences[0];
    let both = (low - high) * COS_6;
    let low = low * COS_2_LESS_6 + both;
    let high = high * COS_2_AND_6 + both;
    let (plus, minus) = (differences[0] + middle, differences[0] - middle);
    d[5] = minus + low;
    d[3] = minus - low;
    d[1] = plus + high;
    d[7] = plus - high;
}
