//! From the low n×n coefficients of a block to n×n samples: an inverse cosine transform of n points each way.

use fearless_simd::{Simd, SimdBase, f32x8};

/// The coefficients of a block in rows, and after them room for what no block has.
pub(super) type Coefficients = [i16; 128];

/// Samples of a block in rows, of which the first N count.
pub(super) type Samples = [[u8; 8]; 8];

/// Factors of the coefficients in rows.
pub(super) type Quantisation = [f32; 64];

/// What turns block after block of one size.
///
/// The transform of N points is T.81 A.3.3 with N for 8, on the low N×N coefficients alone, scaled so that the mean stays:
/// sample(x, y) = 128 + ¼ Σ C(u) C(v) F(u, v) cos((2x + 1) u π / 2N) cos((2y + 1) v π / 2N), C(0) = √½ and else 1.
/// Products and sums are of single precision and never fused, so that they are the same on every machine.
pub(super) struct Idct<const N: usize> {
    /// Of a frequency, at each place.
    basis: [[f32; 8]; 8],
}

impl<const N: usize> Idct<N> {
    pub(super) fn new() -> Self {
        let mut basis = [[0.0; 8]; 8];
        for (u, waves) in basis.iter_mut().enumerate().take(N) {
            let scale = if u == 0 { 0.5_f64.sqrt() } else { 1.0 } / 2.0;
            for (x, wave) in waves.iter_mut().enumerate().take(N) {
                let angle = ((2 * x + 1) * u) as f64 * std::f64::consts::PI / (2 * N) as f64;
                *wave = (scale * angle.cos()) as f32;
            }
        }
        Self { basis }
    }

    #[inline(always)]
    pub(super) fn samples<S: Simd>(
        &self,
        simd: S,
        block: &Coefficients,
        quantisation: &Quantisation,
    ) -> Samples {
        if N == 1 {
            return [[Self::flat(block[0], quantisation); 8]; 8];
        }
        if N == 2 {
            return Self::quarter(block, quantisation);
        }
        let mut values = [f32x8::splat(simd, 0.0); 8];
        for v in 0..N {
            let mut row = [0.0; 8];
            for u in 0..8 {
                row[u] = f32::from(block[8 * v + u]);
            }
            let factors = f32x8::from_slice(simd, &quantisation[8 * v..8 * v + 8]);
            values[v] = f32x8::from_slice(simd, &row) * factors;
        }
        let mut rounded = [[0.0_f32; 8]; 8];
        for y in 0..N {
            let mut column = values[0] * self.basis[0][y];
            for v in 1..N {
                column += values[v] * self.basis[v][y];
            }
            let mut frequencies = [0.0; 8];
            column.store_slice(&mut frequencies);
            let mut row = f32x8::splat(simd, 128.0);
            for u in 0..N {
                row += f32x8::from_slice(simd, &self.basis[u]) * frequencies[u];
            }
            let limited = row.max(0.0).min(255.0);
            (limited + WHOLE_PART).store_slice(&mut rounded[y]);
        }
        let mut samples = [[0; 8]; 8];
        for y in 0..N {
            for x in 0..8 {
                samples[y][x] = rounded[y][x].to_bits() as u8;
            }
        }
        samples
    }

    /// The transform of two points: all its factors are alike.
    #[inline(always)]
    fn quarter(block: &Coefficients, quantisation: &Quantisation) -> Samples {
        let value = |place: usize| f32::from(block[place]) * (quantisation[place] * 0.125);
        let (left, right) = (value(0) + value(1), value(0) - value(1));
        let (up, down) = (value(8) + value(9), value(8) - value(9));
        let all = [left + up, right + down, left - up, right - down];
        let rounded = all.map(|value| round(128.0 + value));
        let mut samples = [[0; 8]; 8];
        for x in 0..2 {
            samples[0][x] = rounded[x] as u8;
            samples[1][x] = rounded[2 + x] as u8;
        }
        samples
    }

    /// Of a block that has nothing but its mean, rounded as everybody does: halves up.
    #[inline(always)]
    pub(super) fn flat(mean: i16, quantisation: &Quantisation) -> u8 {
        (128.5 + f32::from(mean) * quantisation[0] * 0.125) as u8
    }
}

/// Added to a sample, it leaves the nearest whole number in the lowest byte: 2²³.
const WHOLE_PART: f32 = 8_388_608.0;

/// The nearest sample, in the lowest byte.
#[inline(always)]
#[expect(
    clippy::manual_clamp,
    reason = "two instructions; clamp must care for NaN"
)]
fn round(value: f32) -> u32 {
    (value.max(0.0).min(255.0) + WHOLE_PART).to_bits()
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    fn samples<const N: usize>(level: Level, block: &Coefficients) -> Samples {
        let idct = Idct::<N>::new();
        let quantisation: Quantisation = std::array::from_fn(|place| 1.0 + place as f32 / 3.0);
        dispatch!(level, simd => idct.samples(simd, block, &quantisation))
    }

    fn check<const N: usize>(block: &Coefficients) {
        let (plain, best) = (Level::baseline(), Level::new());
        assert_eq!(
            samples::<N>(plain, block)[..N],
            samples::<N>(best, block)[..N]
        );
    }

    #[test]
    fn every_machine_makes_the_same_samples() {
        let mut noise = 1_u32;
        for _ in 0..300 {
            let block = std::array::from_fn(|place| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 16) as i16 >> (5 + place / 12)
            });
            check::<1>(&block);
            check::<2>(&block);
            check::<3>(&block);
            check::<4>(&block);
            check::<5>(&block);
            check::<6>(&block);
            check::<7>(&block);
            check::<8>(&block);
        }
    }
}
