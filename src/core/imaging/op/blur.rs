//! Gaussian blur whose cost does not grow with its radius.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatch is compiled for its instructions"
)]

use fearless_simd::{Level, dispatch};

use crate::imaging::op::strip::{Boxes, Kernel, LANES, Lanes};
use crate::imaging::pixels::Pixels;

/// Standard deviation of a Gaussian, in pixels of the image that is blurred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sigma(f64);

impl Sigma {
    pub(crate) const MIN_PX: f64 = 0.3;
    pub(crate) const MAX_PX: f64 = 250.0;

    /// Brought into 0.3..=250; not a number counts as the smallest.
    pub(crate) fn px(px: f64) -> Self {
        if px.is_nan() {
            return Self(Self::MIN_PX);
        }
        Self(px.clamp(Self::MIN_PX, Self::MAX_PX))
    }
}

/// Blurs with edges replicated and colours weighted by their alpha.
///
/// Up to a sigma of 3 px the kernel is exact, above it three running boxes stand for it: at most 3 % of the step beside a
/// hard edge, invisible otherwise.
///
/// Memory: one image of 16 bits per sample besides `pixels`, and 256 bytes per pixel of the longer side.
pub(crate) fn blur(pixels: &mut Pixels, sigma: Sigma) {
    if pixels.bytes.is_empty() {
        return;
    }
    let filter = Filter::new(sigma);
    dispatch!(Level::new(), _simd => {
        match pixels.channels.count() {
            1 => both_axes::<1>(pixels, &filter),
            2 => both_axes::<2>(pixels, &filter),
            3 => both_axes::<3>(pixels, &filter),
            _ => both_axes::<4>(pixels, &filter),
        }
    });
}

enum Filter {
    Exact(Kernel),
    Boxes(Boxes),
}

impl Filter {
    /// Here the kernel has 21 taps, which cost as much as the three boxes.
    const EXACT_SIGMA_MAX: f64 = 3.0;

    fn new(Sigma(sigma): Sigma) -> Self {
        if sigma <= Self::EXACT_SIGMA_MAX {
            Self::Exact(Kernel::gaussian(sigma))
        } else {
            Self::Boxes(Boxes::new(sigma))
        }
    }

    #[inline(always)]
    fn run(&self, line: &mut [Lanes], spare: &mut [Lanes]) {
        match self {
            Self::Exact(kernel) => kernel.run(line, spare),
            Self::Boxes(boxes) => boxes.run(line, spare),
        }
    }
}

/// Between the axes, samples have 8 more bits.
const FINE: f32 = 256.0;

#[inline(always)]
fn both_axes<const N: usize>(pixels: &mut Pixels, filter: &Filter) {
    let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
    let mut line = vec![[0.0; LANES]; width.max(height)];
    let mut spare = line.clone();
    let row_len = width * N;
    let mut between = vec![0_u16; pixels.bytes.len()];
    let (line_along, spare_along) = (&mut line[..width], &mut spare[..width]);
    let rows = LANES / N;
    let outs = between.chunks_mut(rows * row_len);
    for (bytes, out) in pixels.bytes.chunks(rows * row_len).zip(outs) {
        load_rows::<N>(bytes, line_along);
        filter.run(line_along, spare_along);
        store_rows::<N>(line_along, out);
    }
    let (line_down, spare_down) = (&mut line[..height], &mut spare[..height]);
    // Whole pixels, so that colours have their alpha at hand.
    let columns = LANES / N * N;
    for left in (0..row_len).step_by(columns) {
        let right = (left + columns).min(row_len);
        for (lanes, row) in line_down.iter_mut().zip(between.chunks_exact(row_len)) {
            for (lane, &value) in lanes.iter_mut().zip(&row[left..right]) {
                *lane = f32::from(value);
            }
        }
        filter.run(line_down, spare_down);
        for (lanes, row) in line_down.iter().zip(pixels.bytes.chunks_exact_mut(row_len)) {
            store_columns::<N>(lanes, &mut row[left..right]);
        }
    }
}

/// Rows side by side, colours multiplied by alpha.
#[inline(always)]
fn load_rows<const N: usize>(bytes: &[u8], line: &mut [Lanes]) {
    let row_len = line.len() * N;
    for (y, row) in bytes.chunks_exact(row_len).enumerate() {
        for (lanes, pixel) in line.iter_mut().zip(row.as_chunks::<N>().0) {
            let mut samples = pixel.map(|value| f32::from(value) * FINE);
            if N.is_multiple_of(2) {
                let share = f32::from(pixel[N - 1]) / 255.0;
                samples[..N - 1]
                    .iter_mut()
                    .for_each(|value| *value *= share);
            }
            lanes[y * N..(y + 1) * N].copy_from_slice(&samples);
        }
    }
}

#[inline(always)]
fn store_rows<const N: usize>(line: &[Lanes], out: &mut [u16]) {
    let row_len = line.len() * N;
    for (y, row) in out.chunks_exact_mut(row_len).enumerate() {
        for (lanes, pixel) in line.iter().zip(row.as_chunks_mut::<N>().0) {
            for (value, lane) in pixel.iter_mut().zip(&lanes[y * N..(y + 1) * N]) {
                *value = fine(*lane);
            }
        }
    }
}

/// A few pixels of one row, colours divided by alpha.
#[inline(always)]
fn store_columns<const N: usize>(lanes: &Lanes, row: &mut [u8]) {
    if !N.is_multiple_of(2) {
        for (value, lane) in row.iter_mut().zip(lanes) {
            *value = byte(lane / FINE);
        }
        return;
    }
    for (pixel, lanes) in row.chunks_exact_mut(N).zip(lanes.chunks_exact(N)) {
        let alpha = lanes[N - 1];
        // Where nothing is seen, any colour is as good; black packs best.
        let scale = if alpha > 0.0 { 255.0 / alpha } else { 0.0 };
        for (value, lane) in pixel[..N - 1].iter_mut().zip(lanes) {
            *value = byte(lane * scale);
        }
        pixel[N - 1] = byte(alpha / FINE);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, as it should"
)]
#[inline(always)]
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, as it should"
)]
#[inline(always)]
fn fine(value: f32) -> u16 {
    (value + 0.5) as u16
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::match_bool,
    reason = "sides below a hundred; drawings read as tables"
)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::imaging::op::drawn::{KINDS, draw, flat, noise};
    use crate::imaging::pixels::Channels;

    /// The whole Gaussian in two dimensions, in `f64`, as slowly as it is written.
    fn plain(pixels: &Pixels, sigma: f64) -> Vec<f64> {
        let (width, height) = (i64::from(pixels.width_px), i64::from(pixels.height_px));
        let count = pixels.channels.count();
        let reach = (sigma * 5.0).ceil() as i64;
        let weight = |d: i64| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp();
        let mut found = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (mut sums, mut total) = ([0.0; 4], 0.0);
                for dy in -reach..=reach {
                    for dx in -reach..=reach {
                        let at_x = (x + dx).clamp(0, width - 1);
                        let at_y = (y + dy).clamp(0, height - 1);
                        let at = (at_y * width + at_x) as usize * count;
                        let pixel = &pixels.bytes[at..at + count];
                        let w = weight(dx) * weight(dy);
                        let alpha = match pixels.channels.has_alpha() {
                            true => f64::from(pixel[count - 1]) / 255.0,
                            false => 1.0,
                        };
                        for (channel, &value) in pixel.iter().enumerate() {
                            let is_alpha = pixels.channels.has_alpha() && channel == count - 1;
                            let share = if is_alpha { 1.0 } else { alpha };
                            sums[channel] += w * share * f64::from(value);
                        }
                        total += w;
                    }
                }
                let last = sums[count - 1] / total;
                for (channel, sum) in sums[..count].iter().enumerate() {
                    let colour_of_alpha = pixels.channels.has_alpha() && channel < count - 1;
                    let by = if colour_of_alpha { last / 255.0 } else { 1.0 };
                    found.push(sum / total / by);
                }
            }
        }
        found
    }

    fn farthest(pixels: &Pixels, sigma: f64) -> f64 {
        let expected = plain(pixels, sigma);
        let mut blurred = pixels.clone();
        blur(&mut blurred, Sigma::px(sigma));
        let apart = blurred.bytes.iter().zip(&expected);
        apart.fold(0.0, |most, (&found, expected)| {
            (f64::from(found) - expected).abs().max(most)
        })
    }

    #[test]
    fn a_small_sigma_is_the_exact_gaussian() {
        for kind in KINDS {
            for (width, height) in [(1, 1), (13, 7), (2, 40), (37, 1)] {
                for sigma in [0.3, 0.8, 2.0, 3.0] {
                    // Of noise, with alpha of at least a quarter, so that colours are told.
                    let mut pixels = noise(width, height, kind);
                    if kind.has_alpha() {
                        let count = kind.count();
                        pixels.bytes.chunks_exact_mut(count).for_each(|pixel| {
                            pixel[count - 1] |= 64;
                        });
                    }
                    let apart = farthest(&pixels, sigma);
                    assert!(apart < 1.0, "{kind:?} {width}x{height} {sigma}: {apart}");
                }
            }
        }
    }

    #[test]
    fn a_large_sigma_is_within_three_percent_of_a_step() {
        for sigma in [3.5, 6.0] {
            let step = draw((48, 3), Channels::Rgb, |x, _| {
                if x < 24 { [0; 4] } else { [255; 4] }
            });
            let apart = farthest(&step, sigma);
            assert!(apart < 0.03 * 255.0, "{sigma}: {apart}");
        }
    }

    #[test]
    fn one_colour_stays_as_it_is() {
        for kind in KINDS {
            for sigma in [0.3, 2.0, 5.0, 250.0] {
                let before = flat(67, 45, kind, [255, 200, 3, 77]);
                let mut after = before.clone();
                blur(&mut after, Sigma::px(sigma));
                assert_eq!(after.bytes, before.bytes, "{kind:?} {sigma}");
            }
        }
    }

    #[test]
    fn the_colour_of_what_is_not_seen_does_not_bleed() {
        let mut pixels = draw((20, 4), Channels::Rgba, |x, _| match x < 10 {
            true => [0, 255, 0, 0],
            false => [200, 0, 0, 255],
        });
        blur(&mut pixels, Sigma::px(4.0));
        for pixel in pixels.bytes.chunks_exact(4).filter(|pixel| pixel[3] > 8) {
            assert!(pixel[0].abs_diff(200) <= 2 && pixel[1] == 0, "{pixel:?}");
        }
    }

    proptest! {
        #[test]
        fn any_size_and_sigma_keeps_the_size(
            width in 1..90_u32, height in 1..90_u32, kind in 0..4_usize, sigma in any::<f64>()
        ) {
            let mut pixels = noise(width, height, KINDS[kind]);
            let len = pixels.bytes.len();
            blur(&mut pixels, Sigma::px(sigma));
            assert_eq!((pixels.width_px, pixels.height_px, pixels.bytes.len()), (width, height, len));
        }
    }
}
