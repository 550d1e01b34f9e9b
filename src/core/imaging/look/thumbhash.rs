//! Encodes a blur with its ratio and transparency in some 25 bytes: ThumbHash, as published at
//! <https://evanw.github.io/thumbhash/>.

use std::f64::consts::PI;

use crate::imaging::pixels::{Channels, Pixels};

/// Waves along the longer side, of lightness without and with transparency, and of all else.
const LIGHTNESS_WAVES: u32 = 7;
const LIGHTNESS_WAVES_BESIDE_ALPHA: u32 = 5;
const COLOUR_WAVES: u32 = 3;
const ALPHA_WAVES: u32 = 5;

/// Least significant first: mean lightness, yellow to blue and red to green (6 bits each), the loudest wave of
/// lightness (5), whether there is transparency (1); waves along the shorter side (3), the loudest waves of both colours
/// (6 each), whether it is the height that is shorter (1); if transparent, the mean and loudest wave of alpha (4 each);
/// then all waves (4 each). `pixels` are coloured, not empty.
pub(crate) fn encode(pixels: &Pixels) -> Vec<u8> {
    let (width, height) = (pixels.width_px, pixels.height_px);
    let planes = planes(pixels);
    let waves_max = match planes.alpha {
        Some(_) => LIGHTNESS_WAVES_BESIDE_ALPHA,
        None => LIGHTNESS_WAVES,
    };
    let waves = |side| along(side, width.max(height), waves_max);
    let (across, down) = (waves(width), waves(height));
    let of = |plane: &[f64], across, down| Waves::of(plane, width as usize, (across, down));
    let lightness = of(&planes.lightness, across.max(3), down.max(3));
    let yellow = of(&planes.yellow, COLOUR_WAVES, COLOUR_WAVES);
    let red = of(&planes.red, COLOUR_WAVES, COLOUR_WAVES);
    let alpha = planes.alpha.as_ref();
    let alpha = alpha.map(|plane| of(plane, ALPHA_WAVES, ALPHA_WAVES));

    let is_wide = width > height;
    let mut bits = Bits::default();
    bits.push(lightness.mean, 6);
    bits.push(0.5 + 0.5 * yellow.mean, 6);
    bits.push(0.5 + 0.5 * red.mean, 6);
    let lightness = lightness.push_peak(&mut bits, 5);
    bits.push_whole(u32::from(alpha.is_some()), 1);
    bits.push_whole(if is_wide { down } else { across }, 3);
    let yellow = yellow.push_peak(&mut bits, 6);
    let red = red.push_peak(&mut bits, 6);
    bits.push_whole(u32::from(is_wide), 1);
    let alpha = alpha.map_or_else(Vec::new, |alpha| {
        bits.push(alpha.mean, 4);
        alpha.push_peak(&mut bits, 4)
    });
    for wave in [lightness, yellow, red, alpha].concat() {
        bits.push(0.5 + 0.5 * wave, 4);
    }
    bits.bytes
}

/// As many as the side is of the longer one, at least one; halves are rounded up.
fn along(side: u32, longer: u32, waves_max: u32) -> u32 {
    let (side, longer) = (u64::from(side), u64::from(longer));
    let waves = (u64::from(waves_max) * side * 2 + longer) / (longer * 2);
    u32::try_from(waves).map_or(waves_max, |waves| waves.max(1))
}

/// All 0..=1, but the colours −1..=1.
struct Planes {
    lightness: Vec<f64>,
    yellow: Vec<f64>,
    red: Vec<f64>,
    /// `None`: opaque.
    alpha: Option<Vec<f64>>,
}

/// What is transparent shows the mean colour, which takes the fewest waves.
fn planes(pixels: &Pixels) -> Planes {
    let count = pixels.channels.count();
    let opacity = |pixel: &[u8]| match pixels.channels {
        Channels::GreyAlpha | Channels::Rgba => f64::from(pixel[count - 1]) / 255.0,
        Channels::Grey | Channels::Rgb => 1.0,
    };
    let all = || pixels.bytes.chunks_exact(count);
    let alpha: Vec<f64> = all().map(opacity).collect();
    let total: f64 = alpha.iter().sum();
    let mean: [f64; 3] = std::array::from_fn(|channel| {
        let values = all().zip(&alpha);
        let sum: f64 = values
            .map(|(pixel, alpha)| alpha * f64::from(pixel[channel]) / 255.0)
            .sum();
        if total > 0.0 { sum / total } else { 0.0 }
    });
    let mut planes = Planes {
        lightness: Vec::with_capacity(alpha.len()),
        yellow: Vec::with_capacity(alpha.len()),
        red: Vec::with_capacity(alpha.len()),
        alpha: None,
    };
    for (pixel, alpha) in all().zip(&alpha) {
        let [red, green, blue] = std::array::from_fn(|channel| {
            mean[channel] * (1.0 - alpha) + alpha * f64::from(pixel[channel]) / 255.0
        });
        planes.lightness.push((red + green + blue) / 3.0);
        planes.yellow.push(f64::midpoint(red, green) - blue);
        planes.red.push(red - green);
    }
    let is_opaque = alpha.iter().all(|&alpha| alpha >= 1.0);
    planes.alpha = (!is_opaque).then_some(alpha);
    planes
}

/// The mean of a plane and how much of each wave is in it: those of the upper left triangle, row by row.
struct Waves {
    mean: f64,
    factors: Vec<f64>,
}

impl Waves {
    fn of(plane: &[f64], width: usize, (across, down): (u32, u32)) -> Self {
        let height = plane.len() / width;
        let columns: Vec<Vec<f64>> = (0..across).map(|count| wave(count, width)).collect();
        let mut factors = Vec::new();
        for row_wave in 0..down {
            let rows = wave(row_wave, height);
            let in_triangle = |column: u32| column * down < across * (down - row_wave);
            for column_wave in (0..across).take_while(|&column| in_triangle(column)) {
                let columns = &columns[column_wave as usize];
                let lines = plane.chunks_exact(width).zip(&rows);
                let sum: f64 = lines.map(|(line, row)| row * product(line, columns)).sum();
                factors.push(sum / plane.len() as f64);
            }
        }
        Self {
            mean: factors.remove(0),
            factors,
        }
    }

    /// Answers the waves relative to the loudest: −1..=1. Where that is silent, all are: else noise of arithmetic would
    /// be written, another one on each machine, which no decoder shows.
    fn push_peak(self, bits: &mut Bits, width: u32) -> Vec<f64> {
        let loudest = |peak: f64, factor: &f64| peak.max(factor.abs());
        let peak = self.factors.iter().fold(0.0, loudest);
        let is_silent = bits.push(peak, width) == 0;
        let relative = |factor: f64| if is_silent { 0.0 } else { factor / peak };
        self.factors.into_iter().map(relative).collect()
    }
}

/// As many waves as pixels would look like fewer of them: there are none.
fn wave(count: u32, side: usize) -> Vec<f64> {
    if count as usize >= side.max(1) {
        return vec![0.0; side];
    }
    let at = |pixel| (PI * f64::from(count) * (pixel as f64 + 0.5) / side as f64).cos();
    (0..side).map(at).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Fills bytes from their least significant bit.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// `value` is 0..=1; answers the nearest step.
    fn push(&mut self, value: f64, width: u32) -> u32 {
        let steps = (1_u32 << width) - 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=steps"
        )]
        let step = (value.clamp(0.0, 1.0) * f64::from(steps)).round() as u32;
        self.push_whole(step, width);
        step
    }

    fn push_whole(&mut self, value: u32, width: u32) {
        for bit in 0..width {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut()
                && value >> bit & 1 == 1
            {
                *last |= 1 << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn((width_px, height_px): (u32, u32), draw: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
        let all = (0..height_px).flat_map(|y| (0..width_px).map(move |x| (x, y)));
        Pixels {
            width_px,
            height_px,
            channels: Channels::Rgba,
            bytes: all.flat_map(|(x, y)| draw(x, y)).collect(),
        }
    }

    fn scene(alpha: impl Fn(u32, u32) -> u8) -> impl Fn(u32, u32) -> [u8; 4] {
        move |x, y| {
            let [x8, y8] = [x, y].map(|at| u8::try_from(at * 3).unwrap());
            [x8, 200 - y8, x8 / 2 + y8 / 3, alpha(x, y)]
        }
    }

    /// 4 bits each, in order.
    fn nibbles(hash: &[u8]) -> Vec<u8> {
        hash.iter()
            .flat_map(|byte| [byte & 15, byte >> 4])
            .collect()
    }

    #[test]
    fn hashes_are_those_of_the_published_encoder() {
        let corner = |x: u32, y: u32| if x + y < 30 { 0 } else { 255 };
        for size in [(64, 64), (64, 43), (43, 64), (64, 9)] {
            for image in [drawn(size, scene(|_, _| 255)), drawn(size, scene(corner))] {
                let found = nibbles(&encode(&image));
                let (width, height) = (size.0 as usize, size.1 as usize);
                let expected = ::thumbhash::rgba_to_thumb_hash(width, height, &image.bytes);
                let expected = nibbles(&expected);
                assert_eq!(found.len(), expected.len(), "{size:?}");
                // It reckons with 32 bits: what lies between two steps may go to either.
                assert_eq!(found[..10], expected[..10], "{size:?}");
                for (found, expected) in found[10..].iter().zip(&expected[10..]) {
                    assert!(found.abs_diff(*expected) <= 1, "{size:?}");
                }
            }
        }
    }

    #[test]
    fn transparency_is_kept() {
        let left = |x: u32, _| if x < 32 { 0 } else { 255 };
        let hash = encode(&drawn((64, 48), scene(left)));
        let (width, height, pixels) = ::thumbhash::thumb_hash_to_rgba(&hash).unwrap();
        // 5 waves by 4: that is all that is said of 4:3.
        assert_eq!((width, height), (32, 26));
        let alpha = |x: usize| pixels[(13 * width + x) * 4 + 3];
        assert!(alpha(4) < 60 && alpha(27) > 195);
        assert_eq!(encode(&drawn((8, 8), |_, _| [9, 9, 9, 0])).len(), 25);
    }

    #[test]
    fn one_colour_has_no_waves() {
        for size in [(1, 1), (64, 3)] {
            let hash = encode(&drawn(size, |_, _| [255, 0, 0, 255]));
            let (_, _, pixels) = ::thumbhash::thumb_hash_to_rgba(&hash).unwrap();
            for pixel in pixels.chunks_exact(4) {
                assert!(pixel[0] > 245 && pixel[1] < 10 && pixel[2] < 10);
            }
            assert!(hash[5..].iter().all(|&byte| byte == 0x88 || byte == 8));
        }
    }
}
