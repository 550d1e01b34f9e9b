//! Pictures of our own, drawn by code: for a first look at the origin, for tests and for benches.

use std::f64::consts::TAU;

use crate::imaging::encode::{Attachments, encode};
use crate::imaging::pixels::{Channels, Pixels};
use crate::model::geometry::Rgb;
use crate::model::media::OutputFormat;
use crate::model::recipe::{Encoding, Quality, quality_default};

type Colour = [f64; 3];

/// File names with the bytes of their images; the same bytes on every run.
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "sunset.jpg",
            picture((1600, 1067), Channels::Rgb, OutputFormat::Jpeg, sunset),
        ),
        (
            "wheel.png",
            picture((800, 800), Channels::Rgba, OutputFormat::Png, wheel),
        ),
        (
            "waves.webp",
            picture((1200, 800), Channels::Rgb, OutputFormat::Webp, waves),
        ),
    ]
}

/// Noise, which compresses to about a byte per pixel; cheap to make in any number.
pub fn noise_jpeg(width_px: u16, height_px: u16, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let area = usize::from(width_px) * usize::from(height_px);
    let bytes = (0..area * 3)
        .map(|_| {
            // Marsaglia's xorshift64.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[4]
        })
        .collect();
    let pixels = Pixels {
        width_px: u32::from(width_px),
        height_px: u32::from(height_px),
        channels: Channels::Rgb,
        bytes,
    };
    encoded(&pixels, OutputFormat::Jpeg)
}

/// Something like a photograph: slow gradients, edges, texture below the horizon, and the grain of a sensor. For benches;
/// the same bytes on every run.
pub fn photo((width_px, height_px): (u32, u32), encoding: Encoding) -> Vec<u8> {
    /// Of full scale: what a phone shows at ISO 400, and what gravel and leaves look like from afar.
    const GRAIN: f64 = 0.02;
    const TEXTURE: f64 = 0.10;
    const TEXTURE_PX: u32 = 3;
    let mut bytes = Vec::with_capacity(width_px as usize * height_px as usize * 3);
    for row in 0..height_px {
        let y = (f64::from(row) + 0.5) / f64::from(height_px);
        for column in 0..width_px {
            let x = (f64::from(column) + 0.5) / f64::from(width_px);
            let mut light = scatter(column, row) * GRAIN;
            if y > 0.6 {
                light += scatter(column / TEXTURE_PX, row / TEXTURE_PX) * TEXTURE;
            }
            let [red, green, blue, _] = sunset(x, y);
            bytes.extend([red, green, blue].map(|value| eight_bits(value + light)));
        }
    }
    let pixels = Pixels {
        width_px,
        height_px,
        channels: Channels::Rgb,
        bytes,
    };
    let wanted = (&encoding, encoding.quality.highest());
    encode(&pixels, wanted, Rgb::WHITE, Attachments::default())
        .expect("whoever asks for a photo asks for one that fits")
}

/// A number from -1 to 1 that looks unrelated to that of any other place: the finaliser of MurmurHash3.
fn scatter(column: u32, row: u32) -> f64 {
    let mut hash = column.wrapping_mul(0x9e37_79b1) ^ row.wrapping_mul(0x85eb_ca77);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    f64::from(hash) / f64::from(u32::MAX) * 2.0 - 1.0
}

/// Draws with x and y from 0 to 1; a fourth value is alpha.
fn picture(
    (width_px, height_px): (u32, u32),
    channels: Channels,
    format: OutputFormat,
    draw: fn(f64, f64) -> [f64; 4],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(width_px as usize * height_px as usize * channels.count());
    for row in 0..height_px {
        let y = (f64::from(row) + 0.5) / f64::from(height_px);
        for column in 0..width_px {
            let x = (f64::from(column) + 0.5) / f64::from(width_px);
            let values = draw(x, y).map(eight_bits);
            bytes.extend_from_slice(&values[..channels.count()]);
        }
    }
    let pixels = Pixels {
        width_px,
        height_px,
        channels,
        bytes,
    };
    encoded(&pixels, format)
}

fn encoded(pixels: &Pixels, format: OutputFormat) -> Vec<u8> {
    let quality = quality_default(format);
    let encoding = Encoding::new(format, Quality::Fixed(quality));
    encode(
        pixels,
        (&encoding, quality),
        Rgb::WHITE,
        Attachments::default(),
    )
    .expect("a sample has a size that every format holds")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255"
)]
fn eight_bits(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn blend(from: Colour, to: Colour, share: f64) -> Colour {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|index| from[index] + (to[index] - from[index]) * share)
}

fn opaque([red, green, blue]: Colour) -> [f64; 4] {
    [red, green, blue, 1.0]
}

/// A low sun behind four ranges of hills, the nearer the darker.
fn sunset(x: f64, y: f64) -> [f64; 4] {
    const NIGHT: Colour = [0.13, 0.12, 0.33];
    const DUSK: Colour = [0.86, 0.36, 0.38];
    const GLOW: Colour = [1.0, 0.80, 0.45];
    const FAR: Colour = [0.62, 0.33, 0.42];
    const NEAR: Colour = [0.07, 0.06, 0.15];
    let sky = if y < 0.4 {
        blend(NIGHT, DUSK, y / 0.4)
    } else {
        blend(DUSK, GLOW, (y - 0.4) / 0.25)
    };
    // The picture is 3:2.
    let distance = ((x - 0.68) * 1.5).hypot(y - 0.47);
    let mut colour = blend(sky, GLOW, 0.8 * (-distance * 6.0).exp());
    if distance < 0.075 {
        colour = [1.0, 0.95, 0.78];
    }
    for range in 0..4_u8 {
        let depth = f64::from(range) / 3.0;
        let wave = |count: f64, height: f64| ((x * count + depth * 2.3) * TAU).sin() * height;
        let ridge = 0.56 + depth * 0.27 + wave(0.9, 0.045) + wave(2.3, 0.02) + wave(7.1, 0.005);
        if y > ridge {
            colour = blend(FAR, NEAR, depth + (y - ridge) * 0.6);
        }
    }
    opaque(colour)
}

/// All hues around, from white in the middle, on nothing.
fn wheel(x: f64, y: f64) -> [f64; 4] {
    let (dx, dy) = (x - 0.5, y - 0.5);
    let distance = dx.hypot(dy) * 2.0;
    let hue = dy.atan2(dx) / TAU * 6.0;
    let channel = |offset: f64| {
        let at = (hue + offset).rem_euclid(6.0);
        1.0 - (2.0 - (at - 3.0).abs()).clamp(0.0, 1.0)
    };
    let [red, green, blue] = blend(
        [1.0; 3],
        [channel(0.0), channel(4.0), channel(2.0)],
        distance,
    );
    // One pixel of 800 fades, so that the rim is smooth.
    let alpha = (0.98 - distance) * 400.0;
    [red, green, blue, alpha]
}

fn waves(x: f64, y: f64) -> [f64; 4] {
    const SHORE: Colour = [0.93, 0.98, 0.86];
    const SEA: Colour = [0.07, 0.55, 0.62];
    const DEEP: Colour = [0.05, 0.10, 0.36];
    let sum = (x * 9.0 + (y * 7.0).sin()).sin()
        + (y * 11.0 - (x * 5.0).cos() * 1.5).sin()
        + ((x - 0.3).hypot(y - 0.6) * 24.0).sin();
    let level = sum / 6.0 + 0.5;
    opaque(if level < 0.5 {
        blend(DEEP, SEA, level * 2.0)
    } else {
        blend(SEA, SHORE, level * 2.0 - 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::inspect::inspect;
    use crate::imaging::limits::Limits;

    #[test]
    fn samples_are_what_their_names_say() {
        for (name, bytes) in samples() {
            let inspected = inspect(&bytes, &Limits::default()).unwrap();
            assert!(name.ends_with(inspected.media.extension()), "{name}");
            assert!(inspected.width_px >= 800);
        }
    }

    #[test]
    fn a_photo_has_the_bits_per_pixel_of_a_camera() {
        let encoding = Encoding::new(OutputFormat::Jpeg, Quality::Fixed(92));
        let photo = photo((600, 400), encoding);
        let bits = photo.len() as f64 * 8.0 / (600.0 * 400.0);
        assert!((1.5..4.0).contains(&bits), "{bits}");
    }

    #[test]
    fn noise_depends_on_its_seed_alone() {
        assert_eq!(noise_jpeg(20, 10, 1), noise_jpeg(20, 10, 1));
        assert_ne!(noise_jpeg(20, 10, 1), noise_jpeg(20, 10, 3));
    }
}
