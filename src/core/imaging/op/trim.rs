//! Finds the box inside a border of one colour.

use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::place::Crop;

/// Which colour is the border's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Border {
    #[default]
    TopLeft,
    /// The colour that most of the four corners share within the tolerance; the first of them in reading order if none
    /// does.
    Corners,
}

/// How far a channel of a border pixel may be from the border's colour, in percent of the range of a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance(f32);

impl Tolerance {
    /// Brought into 0..=100; not a number counts as 0.
    pub(crate) fn percent(percent: f32) -> Self {
        Self(if percent.is_nan() {
            0.0
        } else {
            percent.clamp(0.0, 100.0)
        })
    }
}

/// What is inside the border, as shares of the sides, 0.0..=1.0 from the top left.
///
/// Found on a shrunk image and applied to the large one, each edge is off by at most one pixel of the shrunk image, that
/// is by large side / shrunk side pixels: a pixel of both border and content counts as content as soon as it is out of
/// tolerance. On the image itself it is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Inner {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Inner {
    const WHOLE: Self = Self {
        left: 0.0,
        top: 0.0,
        right: 1.0,
        bottom: 1.0,
    };

    /// In whole pixels of an image of this size, outwards, at least one on each side.
    pub(crate) fn crop(&self, (width_px, height_px): (u32, u32)) -> Crop {
        let (left, width) = span(self.left, self.right, width_px);
        let (top, height) = span(self.top, self.bottom, height_px);
        Crop {
            left,
            top,
            width,
            height,
        }
    }
}

/// An image of one colour is left whole. Colours are compared as they are seen, multiplied by their alpha.
///
/// Memory: none.
pub(crate) fn inner(pixels: &Pixels, border: Border, tolerance: Tolerance) -> Inner {
    match pixels.channels {
        Channels::Grey => inner_of::<1>(pixels, border, tolerance),
        Channels::GreyAlpha => inner_of::<2>(pixels, border, tolerance),
        Channels::Rgb => inner_of::<3>(pixels, border, tolerance),
        Channels::Rgba => inner_of::<4>(pixels, border, tolerance),
    }
}

fn inner_of<const N: usize>(pixels: &Pixels, border: Border, tolerance: Tolerance) -> Inner {
    let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
    let samples = pixels.bytes.as_chunks::<N>().0;
    if width == 0 || samples.len() < width * height {
        return Inner::WHOLE;
    }
    let most = tolerance.0 * 255.0 / 100.0;
    let alike = |one: &[u8; N], other: &[u8; N]| {
        let (one, other) = (seen(one), seen(other));
        (0..N).all(|channel| (one[channel] - other[channel]).abs() <= most)
    };
    let row = |y: usize| &samples[y * width..(y + 1) * width];
    let (first, last) = (row(0), row(height - 1));
    let corners = [first[0], first[width - 1], last[0], last[width - 1]];
    let of_border = match border {
        Border::TopLeft => corners[0],
        Border::Corners => most_common(&corners, alike),
    };
    let is_content = |pixel: &[u8; N]| !alike(pixel, &of_border);
    let Some(top) = (0..height).find(|&y| row(y).iter().any(is_content)) else {
        return Inner::WHOLE;
    };
    let bottom = (top..height)
        .rfind(|&y| row(y).iter().any(is_content))
        .unwrap_or(top);
    let (mut left, mut right) = (width, 0);
    for y in top..=bottom {
        // Only what is outside of the box so far can widen it.
        if let Some(found) = row(y)[..left].iter().position(is_content) {
            left = found;
        }
        if let Some(found) = row(y)[right..].iter().rposition(is_content) {
            right += found + 1;
        }
    }
    let share = |at: usize, of: usize| at as f64 / of as f64;
    Inner {
        left: share(left, width),
        top: share(top, height),
        right: share(right, width),
        bottom: share(bottom + 1, height),
    }
}

fn seen<const N: usize>(pixel: &[u8; N]) -> [f32; N] {
    let mut values = pixel.map(f32::from);
    if N.is_multiple_of(2) {
        let alpha = values[N - 1] / 255.0;
        values[..N - 1].iter_mut().for_each(|value| *value *= alpha);
    }
    values
}

fn most_common<T: Copy>(corners: &[T; 4], alike: impl Fn(&T, &T) -> bool) -> T {
    let votes = |candidate: &T| {
        corners
            .iter()
            .filter(|&other| alike(candidate, other))
            .count()
    };
    let mut best = corners[0];
    for candidate in &corners[1..] {
        if votes(candidate) > votes(&best) {
            best = *candidate;
        }
    }
    best
}

/// Start and length.
fn span(from: f64, to: f64, side_px: u32) -> (f64, f64) {
    /// Shares of whole pixels are exact but for the last bits.
    const SLACK: f64 = 1e-6;
    let side = f64::from(side_px);
    let start = (from * side + SLACK)
        .floor()
        .clamp(0.0, (side - 1.0).max(0.0));
    let end = (to * side - SLACK)
        .ceil()
        .clamp(start + 1.0, side.max(start + 1.0));
    (start, end - start)
}

#[cfg(test)]
#[expect(
    clippy::match_bool,
    clippy::float_cmp,
    reason = "drawings read as tables; whole numbers are exact"
)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;
    use crate::imaging::op::drawn::{KINDS, draw, flat, noise};

    const EXACT: Tolerance = Tolerance(0.0);

    fn framed(kind: Channels) -> Pixels {
        draw((20, 10), kind, |x, y| {
            match (3..15).contains(&x) && (2..9).contains(&y) {
                true => [90, 255, 3, 255],
                false => [200, 128, 200, 128],
            }
        })
    }

    #[test]
    fn the_box_inside_the_border_is_found() {
        for kind in KINDS {
            for border in [Border::TopLeft, Border::Corners] {
                let crop = inner(&framed(kind), border, EXACT).crop((20, 10));
                let found = [crop.left, crop.top, crop.width, crop.height];
                assert_eq!(found, [3.0, 2.0, 12.0, 7.0], "{kind:?} {border:?}");
            }
        }
    }

    #[test]
    fn the_box_of_a_small_image_is_the_box_of_a_large_one_to_a_pixel_of_the_small() {
        let large = draw((400, 300), Channels::Rgb, |x, y| {
            match (37..301).contains(&x) && (41..222).contains(&y) {
                true => [10, 20, 30, 0],
                false => [255; 4],
            }
        });
        let whole = inner(&large, Border::TopLeft, EXACT);
        let crop = whole.crop((400, 300));
        assert_eq!(
            [crop.left, crop.top, crop.width, crop.height],
            [37.0, 41.0, 264.0, 181.0]
        );
        let small = crate::imaging::picture::resized(&large, (50, 30));
        let crop = inner(&small, Border::TopLeft, Tolerance::percent(10.0)).crop((400, 300));
        assert!((crop.left - 37.0).abs() <= 8.0 && (crop.left + crop.width - 301.0).abs() <= 8.0);
        assert!((crop.top - 41.0).abs() <= 10.0 && (crop.top + crop.height - 222.0).abs() <= 10.0);
    }

    #[test]
    fn an_image_of_one_colour_is_left_whole() {
        for kind in KINDS {
            let pixels = flat(7, 5, kind, [1, 2, 3, 4]);
            assert_eq!(inner(&pixels, Border::Corners, EXACT), Inner::WHOLE);
        }
    }

    #[test]
    fn a_border_may_vary_within_the_tolerance() {
        let pixels = draw((9, 9), Channels::Grey, |x, y| {
            [if (x, y) == (4, 5) {
                160
            } else {
                100 + (x % 3) as u8 * 5
            }; 4]
        });
        let one = inner(&pixels, Border::TopLeft, Tolerance::percent(4.0)).crop((9, 9));
        assert_eq!(
            [one.left, one.top, one.width, one.height],
            [4.0, 5.0, 1.0, 1.0]
        );
        let strict = inner(&pixels, Border::TopLeft, Tolerance::percent(1.0)).crop((9, 9));
        assert_eq!(strict.height, 9.0);
    }

    #[test]
    fn three_corners_outvote_the_first() {
        let pixels = draw((8, 8), Channels::Grey, |x, y| match (x, y) {
            (0, 0) => [255; 4],
            (3, 4) => [9; 4],
            _ => [128; 4],
        });
        let crop = inner(&pixels, Border::Corners, EXACT).crop((8, 8));
        assert_eq!(
            [crop.left, crop.top, crop.width, crop.height],
            [0.0, 0.0, 4.0, 5.0]
        );
        assert_eq!(
            inner(&pixels, Border::TopLeft, EXACT).crop((8, 8)).width,
            8.0
        );
    }

    #[test]
    fn what_is_not_seen_is_of_one_colour() {
        let mut pixels = noise(9, 6, Channels::Rgba);
        for (at, pixel) in pixels.bytes.chunks_exact_mut(4).enumerate() {
            pixel[3] = if at == 20 { 255 } else { 0 };
        }
        let crop = inner(&pixels, Border::TopLeft, EXACT).crop((9, 6));
        assert_eq!(
            [crop.left, crop.top, crop.width, crop.height],
            [2.0, 2.0, 1.0, 1.0]
        );
    }

    proptest! {
        #[test]
        fn the_crop_is_within_the_image(
            width in 1..40_u32, height in 1..40_u32, kind in 0..4_usize, percent in 0.0..120.0_f32,
            large in (1..9000_u32, 1..9000_u32)
        ) {
            let found = inner(&noise(width, height, KINDS[kind]), Border::Corners, Tolerance::percent(percent));
            let crop = found.crop(large);
            assert!(crop.left >= 0.0 && crop.width >= 1.0 && crop.left + crop.width <= f64::from(large.0));
            assert!(crop.top >= 0.0 && crop.height >= 1.0 && crop.top + crop.height <= f64::from(large.1));
        }
    }
}
