//! What derivatives are held against: another decoder, a resize by the formula in floats, and distances.
//!
//! In gamma-encoded values, as the pipeline resizes (ADR 0017): a reference in linear light would measure that choice, and
//! not how well it is done.

use std::f64::consts::PI;

use image::RgbaImage;

use crate::imaging::place::Crop;

/// Red, green and blue in rows.
#[derive(Clone)]
pub(super) struct Floats {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: [Vec<f64>; 3],
}

impl Floats {
    pub(super) fn of(image: &RgbaImage) -> Self {
        let channel = |index: usize| {
            image
                .pixels()
                .map(|pixel| f64::from(pixel.0[index]))
                .collect()
        };
        Self {
            width: image.width() as usize,
            height: image.height() as usize,
            channels: [channel(0), channel(1), channel(2)],
        }
    }

    pub(super) fn whole(&self) -> Crop {
        Crop {
            left: 0.0,
            top: 0.0,
            width: self.width as f64,
            height: self.height as f64,
        }
    }

    /// Lanczos with three lobes on each side, along one axis after the other.
    pub(super) fn resized(&self, crop: Crop, (width, height): (u32, u32)) -> Self {
        let across = windows((crop.left, crop.width), width as usize, self.width);
        let down = windows((crop.top, crop.height), height as usize, self.height);
        let channels = self.channels.each_ref().map(|values| {
            let mut rows = Vec::with_capacity(down.len() * self.width);
            for (first, weights) in &down {
                for x in 0..self.width {
                    let column = values[first * self.width + x..].iter().step_by(self.width);
                    rows.push(
                        column
                            .zip(weights)
                            .map(|(value, weight)| value * weight)
                            .sum(),
                    );
                }
            }
            let rows: Vec<f64> = rows;
            let row = |row: &[f64]| -> Vec<f64> {
                let sum = |(first, weights): &(usize, Vec<f64>)| {
                    let pairs = row[*first..].iter().zip(weights);
                    pairs.map(|(value, weight)| value * weight).sum::<f64>()
                };
                across.iter().map(sum).collect()
            };
            rows.chunks_exact(self.width)
                .flat_map(row)
                .map(|value| value.clamp(0.0, 255.0))
                .collect()
        });
        Self {
            width: width as usize,
            height: height as usize,
            channels,
        }
    }

    /// BT.601, full range.
    pub(super) fn luma(&self) -> Vec<f64> {
        let [red, green, blue] = &self.channels;
        let pixels = red.iter().zip(green).zip(blue);
        pixels
            .map(|((red, green), blue)| 0.299 * red + 0.587 * green + 0.114 * blue)
            .collect()
    }

    /// Rounded, without padding.
    pub(super) fn to_rgb(&self) -> Vec<u8> {
        let [red, green, blue] = &self.channels;
        let pixels = red.iter().zip(green).zip(blue);
        pixels
            .flat_map(|((red, green), blue)| [*red, *green, *blue])
            .map(byte)
            .collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn byte(value: f64) -> u8 {
    value.round() as u8
}

/// For each sample of the result the first that counts, and the weights from there on.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places within an image"
)]
fn windows((start, length): (f64, f64), count: usize, available: usize) -> Vec<(usize, Vec<f64>)> {
    let step = length / count as f64;
    let stretch = step.max(1.0);
    let window = |index: usize| {
        let centre = start + (index as f64 + 0.5) * step;
        let first = (centre - 3.0 * stretch).floor().max(0.0) as usize;
        let last = ((centre + 3.0 * stretch).ceil() as usize).min(available);
        let weight = |place: usize| lanczos((place as f64 + 0.5 - centre) / stretch);
        let weights: Vec<f64> = (first..last).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        (
            first,
            weights.into_iter().map(|weight| weight / sum).collect(),
        )
    };
    (0..count).map(window).collect()
}

fn lanczos(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        return 1.0;
    }
    if x.abs() >= 3.0 {
        return 0.0;
    }
    3.0 * (PI * x).sin() * (PI * x / 3.0).sin() / (PI * x).powi(2)
}

/// Peak signal to noise, in dB; higher is nearer.
pub(super) fn psnr(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let squares: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) * found.len() as f64 / squares).log10()
}

/// The mean of the differences of all channels.
pub(super) fn mean_distance(found: &Floats, expected: &Floats) -> f64 {
    let channels = found.channels.iter().zip(&expected.channels);
    let sum: f64 = channels
        .map(|(a, b)| {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()
        })
        .sum();
    sum / (3 * found.width * found.height) as f64
}
