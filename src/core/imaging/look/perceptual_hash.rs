//! A hash of what an image shows: copies of other size, quality or format have nearly the same.
//!
//! pHash as C. Zauner describes it (Implementation and Benchmarking of Perceptual Image Hash Functions, 2010), on the
//! 8 × 8 lowest frequencies with the mean among them, in the order of the Python library ImageHash.

use std::f64::consts::PI;

use crate::imaging::look::mean::mean;
use crate::imaging::pixels::Pixels;
use crate::model::perceptual_hash::PerceptualHash;

/// What is finer than this differs between copies.
const SIDE_PX: u32 = 32;
const SIDE: usize = SIDE_PX as usize;
const WAVES: usize = 8;

/// Of a cosine: 14 bits behind the point. 255 × (2^14)² × 32² stays below 2^47.
const ONE: f64 = 16_384.0;

/// Whether there is more of a wave than of half of the 64 waves: first those across in the first row, most significant
/// bit first. An image of one colour other than black has the first bit only. `luma` is grey.
///
/// In whole numbers, so that waves that cancel out are exactly zero on every machine.
pub(crate) fn perceptual_hash(luma: &Pixels) -> PerceptualHash {
    let small = mean(luma, (SIDE_PX, SIDE_PX));
    let waves = waves();
    let across: Vec<[i64; WAVES]> = small
        .bytes
        .chunks_exact(SIDE)
        .map(|row| waves.map(|wave| product(&wave, row.iter().map(|&value| i64::from(value)))))
        .collect();
    let mut factors = Vec::with_capacity(WAVES * WAVES);
    for wave in &waves {
        for column in 0..WAVES {
            factors.push(product(wave, across.iter().map(|row| row[column])));
        }
    }
    let mut sorted = factors.clone();
    sorted.sort_unstable();
    // Twice the median: of an even number it is the mean of two.
    let middle = sorted[sorted.len() / 2 - 1] + sorted[sorted.len() / 2];
    let bits = factors
        .iter()
        .fold(0, |bits, factor| bits << 1 | u64::from(factor * 2 > middle));
    PerceptualHash(bits)
}

/// The lowest waves of a DCT-II of [`SIDE`] values.
fn waves() -> [[i64; SIDE]; WAVES] {
    std::array::from_fn(|count| {
        std::array::from_fn(|at| {
            let angle = PI * count as f64 * (at as f64 + 0.5) / SIDE as f64;
            #[expect(clippy::cast_possible_truncation, reason = "−2^14..=2^14")]
            let value = (angle.cos() * ONE).round() as i64;
            value
        })
    })
}

fn product(wave: &[i64; SIDE], values: impl Iterator<Item = i64>) -> i64 {
    wave.iter().zip(values).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::pixels::Channels;

    fn drawn(side_px: u32, draw: impl Fn(f64, f64) -> f64) -> PerceptualHash {
        let at = |pixel: u32| (f64::from(pixel) + 0.5) / f64::from(side_px);
        let all = (0..side_px).flat_map(|y| (0..side_px).map(move |x| (x, y)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates"
        )]
        let value = |(x, y)| (draw(at(x), at(y)) * 255.0).round() as u8;
        perceptual_hash(&Pixels {
            width_px: side_px,
            height_px: side_px,
            channels: Channels::Grey,
            bytes: all.map(value).collect(),
        })
    }

    #[test]
    fn one_colour_has_only_a_mean() {
        assert_eq!(drawn(50, |_, _| 0.6).to_string(), "8000000000000000");
        assert_eq!(drawn(32, |_, _| 0.0).to_string(), "0000000000000000");
    }

    #[test]
    fn each_wave_sets_its_bit() {
        for across in 0..8_u8 {
            for down in 0..8_u8 {
                let wave = |x: f64, y: f64| {
                    let [x, y] = [(across, x), (down, y)]
                        .map(|(count, at)| (PI * f64::from(count) * at).cos());
                    0.5 + 0.4 * x * y
                };
                let bit = 1_u64 << (63 - (8 * down + across));
                assert_ne!(drawn(64, wave).0 & bit, 0, "{across} {down}");
            }
        }
    }

    #[test]
    fn size_does_not_matter() {
        let scene = |x: f64, y: f64| {
            0.5 + 0.3 * (x * 9.0 + y * 4.0).sin() * (y * 5.0).cos() - 0.2 * (x - y).abs()
        };
        let large = drawn(240, scene);
        for side_px in [200, 64, 40] {
            let found = drawn(side_px, scene).distance(large);
            assert!(found <= 4, "{side_px}: {found}");
        }
    }
}
