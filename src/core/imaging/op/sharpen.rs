//! Unsharp mask on luma, for images that were shrunk.
//!
//! luma += clamp(amount × soft(luma − blurred luma)), the same for red, green and blue, so that no hue changes and no
//! coloured fringe appears. libvips (and sharp) do this on L* of CIELAB with sigma 0.5, a threshold of 2 and at most 10
//! lighter or 20 darker, of 100; ours is on gamma-coded luma, which is nearly as even to the eye and needs no conversion.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatch is compiled for its instructions"
)]

use fearless_simd::{Level, dispatch};

use crate::imaging::pixels::Pixels;

/// 0.1..=10; 1 is right after shrinking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Amount(f32);

impl Amount {
    pub(crate) const MIN: f32 = 0.1;
    pub(crate) const MAX: f32 = 10.0;

    /// Brought into 0.1..=10; not a number counts as the least.
    pub(crate) fn new(amount: f32) -> Self {
        if amount.is_nan() {
            return Self(Self::MIN);
        }
        Self(amount.clamp(Self::MIN, Self::MAX))
    }
}

/// Gaussian of sigma 0.8 px, the middle first: what a Lanczos reduction softens is next to its edges.
const HALF: [f32; 3] = [0.499_116, 0.228_512, 0.021_930];
const REACH: usize = HALF.len() - 1;
const TAPS: usize = 2 * REACH + 1;

/// Detail up to this many of 255 levels is taken for noise; what is larger is lessened by it, so that nothing jumps.
const THRESHOLD: f32 = 1.5;
/// 10 % and 20 % of the range, as in libvips: dark halos are seen less than bright ones.
const LIGHTER_MAX: f32 = 25.5;
const DARKER_MAX: f32 = 51.0;

/// Luma of ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Alpha is left alone, and pixels count for their neighbours by their alpha.
///
/// Memory: 64 bytes per pixel of the width.
pub(crate) fn sharpen(pixels: &mut Pixels, amount: Amount) {
    if pixels.bytes.is_empty() {
        return;
    }
    dispatch!(Level::new(), _simd => {
        match pixels.channels.count() {
            1 => sharpen_of::<1>(pixels, amount),
            2 => sharpen_of::<2>(pixels, amount),
            3 => sharpen_of::<3>(pixels, amount),
            _ => sharpen_of::<4>(pixels, amount),
        }
    });
}

/// Luma and alpha of a row; luma is multiplied by alpha.
#[derive(Clone)]
struct Row {
    luma: Vec<f32>,
    alpha: Vec<f32>,
}

impl Row {
    fn of(len: usize) -> Self {
        Self {
            luma: vec![0.0; len],
            alpha: vec![1.0; len],
        }
    }
}

#[inline(always)]
fn sharpen_of<const N: usize>(pixels: &mut Pixels, amount: Amount) {
    let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
    let row_len = width * N;
    // Row y of the original luma is at y modulo the count, as rows above are sharpened already.
    let mut rows = vec![Row::of(width); TAPS];
    let mut down = Row::of(width + 2 * REACH);
    let mut delta = vec![0.0_f32; width];
    for (row, bytes) in rows
        .iter_mut()
        .take(REACH)
        .zip(pixels.bytes.chunks_exact(row_len))
    {
        load::<N>(bytes, row);
    }
    for y in 0..height {
        if y + REACH < height {
            let at = (y + REACH) * row_len;
            load::<N>(
                &pixels.bytes[at..at + row_len],
                &mut rows[(y + REACH) % TAPS],
            );
        }
        let near: [&Row; TAPS] = std::array::from_fn(|tap| {
            let row = (y + tap).saturating_sub(REACH).min(height - 1);
            &rows[row % TAPS]
        });
        blur_down(&near.map(|row| row.luma.as_slice()), &mut down.luma);
        if N.is_multiple_of(2) {
            blur_down(&near.map(|row| row.alpha.as_slice()), &mut down.alpha);
        }
        let middle = near[REACH];
        find_delta::<N>(middle, &down, amount, &mut delta);
        let row = &mut pixels.bytes[y * row_len..(y + 1) * row_len];
        for (pixel, delta) in row.as_chunks_mut::<N>().0.iter_mut().zip(&delta) {
            for value in &mut pixel[..N - usize::from(N.is_multiple_of(2))] {
                *value = byte(f32::from(*value) + delta);
            }
        }
    }
}

#[inline(always)]
fn load<const N: usize>(bytes: &[u8], row: &mut Row) {
    let pixels = bytes.as_chunks::<N>().0;
    for (luma, pixel) in row.luma.iter_mut().zip(pixels) {
        *luma = luma_of(pixel);
    }
    if N.is_multiple_of(2) {
        let sums = row.luma.iter_mut().zip(&mut row.alpha);
        for ((luma, alpha), pixel) in sums.zip(pixels) {
            *alpha = f32::from(pixel[N - 1]) / 255.0;
            *luma *= *alpha;
        }
    }
}

#[inline(always)]
fn luma_of<const N: usize>(pixel: &[u8; N]) -> f32 {
    if N < 3 {
        return f32::from(pixel[0]);
    }
    LUMA[0] * f32::from(pixel[0]) + LUMA[1] * f32::from(pixel[1]) + LUMA[2] * f32::from(pixel[2])
}

/// Into the middle of `out`, whose ends are then replicated.
#[inline(always)]
fn blur_down(near: &[&[f32]; TAPS], out: &mut [f32]) {
    let width = near[0].len();
    let near = near.map(|row| &row[..width]);
    let middle = &mut out[REACH..REACH + width];
    for (x, out) in middle.iter_mut().enumerate() {
        *out = HALF[0] * near[2][x]
            + HALF[1] * (near[1][x] + near[3][x])
            + HALF[2] * (near[0][x] + near[4][x]);
    }
    let (first, last) = (out[REACH], out[REACH + width - 1]);
    out[..REACH].fill(first);
    out[REACH + width..].fill(last);
}

#[inline(always)]
fn find_delta<const N: usize>(middle: &Row, down: &Row, amount: Amount, delta: &mut [f32]) {
    let across = |line: &[f32], x: usize| {
        HALF[0] * line[x + 2]
            + HALF[1] * (line[x + 1] + line[x + 3])
            + HALF[2] * (line[x] + line[x + 4])
    };
    let width = delta.len();
    let (luma, down_luma) = (&middle.luma[..width], &down.luma[..width + 2 * REACH]);
    for x in 0..width {
        let mut detail = luma[x] - across(down_luma, x);
        if N.is_multiple_of(2) {
            let (alpha, near) = (middle.alpha[x], across(&down.alpha, x));
            // Both divided by their alpha: transparent pixels say nothing of what is beside them.
            detail = if alpha > 0.0 && near > 0.0 {
                luma[x] / alpha - across(down_luma, x) / near
            } else {
                0.0
            };
        }
        let soft = (detail - THRESHOLD).max(0.0) + (detail + THRESHOLD).min(0.0);
        delta[x] = (soft * amount.0).clamp(-DARKER_MAX, LIGHTER_MAX);
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

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::match_bool,
    reason = "sides below a hundred; drawings read as tables"
)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::imaging::op::drawn::{KINDS, draw, flat, noise};
    use crate::imaging::pixels::Channels;

    fn sharpened(pixels: &Pixels, amount: f32) -> Pixels {
        let mut found = pixels.clone();
        sharpen(&mut found, Amount::new(amount));
        found
    }

    /// The same formula in `f64`, pixel by pixel.
    fn plain(pixels: &Pixels, amount: f64) -> Vec<f64> {
        let (width, height) = (i64::from(pixels.width_px), i64::from(pixels.height_px));
        let count = pixels.channels.count();
        let colours = count - usize::from(pixels.channels.has_alpha());
        let at = |x: i64, y: i64| {
            let at = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)) as usize * count;
            let pixel = &pixels.bytes[at..at + count];
            let value = |channel: usize| f64::from(pixel[channel]);
            let luma = match colours {
                1 => value(0),
                _ => 0.299 * value(0) + 0.587 * value(1) + 0.114 * value(2),
            };
            let alpha = if colours < count {
                value(count - 1) / 255.0
            } else {
                1.0
            };
            (luma, alpha)
        };
        let weight = |d: i64| (-(d * d) as f64 / 1.28).exp();
        let mut found = Vec::new();
        for (index, pixel) in pixels.bytes.chunks_exact(count).enumerate() {
            let (x, y) = (index as i64 % width, index as i64 / width);
            let (mut sum, mut total) = (0.0, 0.0);
            for (dx, dy) in (-2..=2).flat_map(|dx| (-2..=2).map(move |dy| (dx, dy))) {
                let (luma, alpha) = at(x + dx, y + dy);
                sum += weight(dx) * weight(dy) * luma * alpha;
                total += weight(dx) * weight(dy) * alpha;
            }
            let (luma, alpha) = at(x, y);
            let detail = if alpha > 0.0 { luma - sum / total } else { 0.0 };
            let soft = detail.signum() * (detail.abs() - 1.5).max(0.0);
            let delta = (soft * amount).clamp(-51.0, 25.5);
            for (channel, &value) in pixel.iter().enumerate() {
                let delta = if channel < colours { delta } else { 0.0 };
                found.push((f64::from(value) + delta).clamp(0.0, 255.0));
            }
        }
        found
    }

    #[test]
    fn the_fast_loops_do_what_the_formula_says() {
        for kind in KINDS {
            for (width, height) in [(1, 1), (2, 3), (1, 9), (17, 1), (33, 20)] {
                for amount in [0.1, 1.0, 10.0] {
                    let pixels = noise(width, height, kind);
                    let found = sharpened(&pixels, amount);
                    for (found, expected) in found.bytes.iter().zip(plain(&pixels, amount.into())) {
                        assert!(
                            (f64::from(*found) - expected).abs() < 0.6,
                            "{kind:?} {amount}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_kernel_adds_up_to_one() {
        assert!((HALF[0] + 2.0 * (HALF[1] + HALF[2]) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn an_edge_is_steepened_and_its_halo_bounded() {
        let step = draw((20, 5), Channels::Grey, |x, _| {
            if x < 10 { [90; 4] } else { [160; 4] }
        });
        for amount in [1.0, 10.0] {
            let found = sharpened(&step, amount);
            let row = &found.bytes[40..60];
            assert!(row[9] < 90 && row[10] > 160, "{row:?}");
            assert!(row[9] >= 90 - 51 && row[10] <= 160 + 26, "{row:?}");
            assert_eq!((row[0], row[19]), (90, 160));
        }
    }

    #[test]
    fn faint_noise_and_flat_colour_are_left_alone() {
        for kind in KINDS {
            let before = flat(9, 9, kind, [40, 90, 200, 128]);
            assert_eq!(sharpened(&before, 10.0).bytes, before.bytes);
        }
        let faint = draw((16, 16), Channels::Grey, |x, y| {
            [127 + ((x * 7 + y * 3) % 2) as u8; 4]
        });
        assert_eq!(sharpened(&faint, 10.0).bytes, faint.bytes);
    }

    #[test]
    fn an_edge_between_colours_of_one_luma_makes_no_fringe() {
        // 0.299 × 131 is 0.587 × 66.7: red beside green.
        let pixels = draw((12, 4), Channels::Rgb, |x, _| match x < 6 {
            true => [131, 0, 0, 0],
            false => [0, 67, 0, 0],
        });
        assert_eq!(sharpened(&pixels, 5.0).bytes, pixels.bytes);
    }

    proptest! {
        #[test]
        fn any_size_and_amount_keeps_the_size_and_alpha(
            width in 1..70_u32, height in 1..40_u32, kind in 0..4_usize, amount in any::<f32>()
        ) {
            let before = noise(width, height, KINDS[kind]);
            let after = sharpened(&before, amount);
            assert_eq!(after.bytes.len(), before.bytes.len());
            let count = before.channels.count();
            if before.channels.has_alpha() {
                let alpha = |pixels: &Pixels| -> Vec<u8> {
                    pixels.bytes.iter().skip(count - 1).step_by(count).copied().collect()
                };
                assert_eq!(alpha(&after), alpha(&before));
            }
        }
    }
}
