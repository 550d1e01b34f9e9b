//! How much each pixel of a small image draws the eye.

use crate::imaging::pixels::{Channels, Pixels};

/// Shares in the score: skin outweighs the rest, as people look at people first.
const EDGES: f32 = 1.0;
const CONTRAST: f32 = 1.0;
const SATURATION: f32 = 0.4;
const SKIN: f32 = 1.2;

/// One score of at least 0 per pixel, rows from the top. Transparent pixels draw nothing.
pub(super) fn map(small: &Pixels) -> Vec<f32> {
    let (width, height) = (small.width_px as usize, small.height_px as usize);
    // A mean of 3 × 3 pixels takes the grain out before anything is judged.
    let samples = smoothed(small);
    let count = samples.len().max(1) as f32;
    let mut mean = [0.0; 4];
    for sample in &samples {
        for (sum, value) in mean.iter_mut().zip(sample) {
            *sum += value / count;
        }
    }
    let scores = |at: usize| {
        let edge = gradient(&samples, (at % width, at / width), (width, height));
        let sample = samples[at];
        [edge, distance(&sample, &mean), saturation(&sample)]
    };
    // What the image has everywhere, such as the edges of grain, marks no place.
    let mut means = [0.0_f32; 3];
    for at in 0..samples.len() {
        for (sum, value) in means.iter_mut().zip(scores(at)) {
            *sum += value / count;
        }
    }
    let above = |value: f32, mean: f32| (value - 1.5 * mean).max(0.0);
    (0..samples.len())
        .map(|at| {
            let [edge, contrast, colour] = scores(at);
            let score = EDGES * above(edge, means[0])
                + CONTRAST * above(contrast, means[1])
                + SATURATION * above(colour, means[2])
                + SKIN * skin(&samples[at]);
            score * samples[at][3]
        })
        .collect()
}

/// 0.0..=255.0 per pixel; black where nothing is seen.
pub(super) fn luma(small: &Pixels) -> impl Iterator<Item = f32> + '_ {
    let pixels = small.bytes.chunks_exact(small.channels.count());
    pixels.map(|pixel| {
        let sample = sample(small.channels, pixel);
        luma_of(&sample) * 255.0
    })
}

/// Red, green and blue multiplied by alpha, and alpha; 0.0..=1.0.
type Sample = [f32; 4];

fn sample(channels: Channels, pixel: &[u8]) -> Sample {
    let share = |at: usize| f32::from(pixel[at]) / 255.0;
    let (colour, alpha) = match channels {
        Channels::Grey => ([share(0); 3], 1.0),
        Channels::GreyAlpha => ([share(0); 3], share(1)),
        Channels::Rgb => ([share(0), share(1), share(2)], 1.0),
        Channels::Rgba => ([share(0), share(1), share(2)], share(3)),
    };
    [
        colour[0] * alpha,
        colour[1] * alpha,
        colour[2] * alpha,
        alpha,
    ]
}

fn smoothed(small: &Pixels) -> Vec<Sample> {
    let (width, height) = (small.width_px as usize, small.height_px as usize);
    let count = small.channels.count();
    let near = |at: usize, side: usize| [at.saturating_sub(1), at, (at + 1).min(side - 1)];
    let mut samples = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0; 4];
            for row in near(y, height) {
                for column in near(x, width) {
                    let at = (row * width + column) * count;
                    let found = sample(small.channels, &small.bytes[at..at + count]);
                    for (sum, value) in sum.iter_mut().zip(found) {
                        *sum += value / 9.0;
                    }
                }
            }
            samples.push(sum);
        }
    }
    samples
}

fn luma_of(sample: &Sample) -> f32 {
    0.299 * sample[0] + 0.587 * sample[1] + 0.114 * sample[2]
}

/// Of the colour, 0.0..=2.0: the larger of the distances between the neighbours on both axes.
fn gradient(samples: &[Sample], at: (usize, usize), size: (usize, usize)) -> f32 {
    let pick = |x: usize, y: usize| &samples[y * size.0 + x];
    let (x, y) = at;
    let across = distance(
        pick(x.saturating_sub(1), y),
        pick((x + 1).min(size.0 - 1), y),
    );
    let down = distance(
        pick(x, y.saturating_sub(1)),
        pick(x, (y + 1).min(size.1 - 1)),
    );
    across.max(down)
}

fn distance(one: &Sample, other: &Sample) -> f32 {
    let squares = one
        .iter()
        .zip(other)
        .map(|(one, other)| (one - other) * (one - other));
    squares.sum::<f32>().sqrt()
}

fn saturation(sample: &Sample) -> f32 {
    let [red, green, blue, _] = *sample;
    red.max(green).max(blue) - red.min(green).min(blue)
}

/// 1.0 in the middle of the range of chroma that skin of all tones shares (Cb 77..127, Cr 133..173: Chai and Ngan 1999),
/// 0.0 at its edges, and in what is too dark to tell.
fn skin(sample: &Sample) -> f32 {
    let luma = luma_of(sample);
    if !(0.15..=0.95).contains(&luma) {
        return 0.0;
    }
    let cb = 128.0 + (sample[2] - luma) * 0.564 * 255.0;
    let cr = 128.0 + (sample[0] - luma) * 0.713 * 255.0;
    let within = |value: f32, middle: f32, reach: f32| 1.0 - (value - middle).abs() / reach;
    within(cb, 102.0, 25.0)
        .min(within(cr, 153.0, 20.0))
        .max(0.0)
}
