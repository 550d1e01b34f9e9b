//! Encodes a blur of few waves as text that browsers can paint: BlurHash, as published at <https://blurha.sh>.
//!
//! Unlike the published encoder, waves are sampled in the middle of each pixel: so an image of one colour has no waves.
//! Decoders need not know.

use std::f64::consts::PI;

use crate::imaging::look::light::to_light;

/// Base 83: what is safe in JSON, HTML and shells.
const DIGITS: &[u8; 83] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

/// Steps of the loudest wave, and of each wave on either side of silence.
const PEAK_STEPS: f64 = 166.0;
const PEAK_MAX: u32 = 82;
const WAVE_STEPS: f64 = 9.0;
const WAVE_VALUES: u32 = 19;

/// Waves across and down, 1..=9 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waves {
    pub(crate) across: u32,
    pub(crate) down: u32,
}

/// Light in red, green and blue, 0..=1 in a pixel.
type Light = [f64; 3];

/// `rgb` is sRGB, row by row, not empty.
pub(crate) fn encode(rgb: &[u8], width_px: u32, waves: Waves) -> String {
    // A power for each of 256 values, not for each of thousands.
    let lights: Vec<f64> = (0..=u8::MAX).map(to_light).collect();
    let light: Vec<Light> = rgb
        .chunks_exact(3)
        .map(|pixel| [pixel[0], pixel[1], pixel[2]].map(|value| lights[usize::from(value)]))
        .collect();
    let rows: Vec<&[Light]> = light.chunks_exact(width_px as usize).collect();
    let all = (0..waves.down).flat_map(|down| (0..waves.across).map(move |across| (across, down)));
    let mut factors = all.map(|(across, down)| factor(&rows, across, down));
    let mean = factors.next().unwrap_or_default();
    let factors: Vec<Light> = factors.collect();

    let peak = factors
        .as_flattened()
        .iter()
        .fold(0.0, |peak: f64, value| peak.max(value.abs()));
    let peak_step = step(peak * PEAK_STEPS - 0.5, PEAK_MAX);
    let peak = f64::from(peak_step + 1) / PEAK_STEPS;
    let mut text = String::new();
    push(&mut text, (waves.across - 1) + (waves.down - 1) * 9, 1);
    push(&mut text, peak_step, 1);
    let mean = mean.map(to_srgb);
    push(
        &mut text,
        mean.iter().fold(0, |sum, value| sum << 8 | value),
        4,
    );
    for factor in factors {
        let values = factor.map(|value| {
            let part = value / peak;
            let rooted = part.abs().sqrt().copysign(part);
            step(rooted * WAVE_STEPS + WAVE_STEPS + 0.5, WAVE_VALUES - 1)
        });
        push(
            &mut text,
            values
                .iter()
                .fold(0, |sum, value| sum * WAVE_VALUES + value),
            2,
        );
    }
    text
}

/// How much of one wave is in the image.
fn factor(rows: &[&[Light]], across: u32, down: u32) -> Light {
    let wave = |count: u32, at: usize, of: usize| {
        (PI * f64::from(count) * (at as f64 + 0.5) / of as f64).cos()
    };
    let width = rows.first().map_or(0, |row| row.len());
    // As many waves as pixels would look like fewer of them.
    if across as usize >= width || down as usize >= rows.len() {
        return Light::default();
    }
    let columns: Vec<f64> = (0..width).map(|x| wave(across, x, width)).collect();
    let mut sum = Light::default();
    for (y, row) in rows.iter().enumerate() {
        let height = wave(down, y, rows.len());
        for (light, column) in row.iter().zip(&columns) {
            for (sum, value) in sum.iter_mut().zip(light) {
                *sum += height * column * value;
            }
        }
    }
    let share = if (across, down) == (0, 0) { 1.0 } else { 2.0 };
    sum.map(|sum| sum * share / (width * rows.len()) as f64)
}

fn to_srgb(light: f64) -> u32 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    step(value * 255.0 + 0.5, 255)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=max"
)]
fn step(value: f64, max: u32) -> u32 {
    value.floor().clamp(0.0, f64::from(max)) as u32
}

fn push(text: &mut String, value: u32, digits: u32) {
    for power in (0..digits).rev() {
        let digit = value / 83_u32.pow(power) % 83;
        text.push(char::from(DIGITS[digit as usize]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAVES: Waves = Waves { across: 4, down: 3 };

    #[test]
    fn one_colour_has_no_waves() {
        for pixels in [1, 12] {
            let hash = encode(&[255, 0, 0].repeat(pixels), 1, WAVES);
            // fQ is silence in all three colours; TI:j is 0xff0000.
            assert_eq!(hash, format!("L0TI:j{}", "fQ".repeat(11)));
        }
    }

    #[test]
    fn pixels_come_back_from_another_decoder() {
        let row: Vec<u8> = (0..32_u8).flat_map(|x| [x * 8, 120, 255 - x * 8]).collect();
        let hash = encode(&row.repeat(20), 32, WAVES);
        let found = ::blurhash::decode(&hash, 32, 20, 1.0).unwrap();
        for (found, expected) in found.chunks_exact(4).zip(row.repeat(20).chunks_exact(3)) {
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.abs_diff(*expected) < 40, "{found} {expected}");
            }
        }
    }
}
