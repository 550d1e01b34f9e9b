//! What an image looks like at a glance: its most common colour and a blur, for a page to show before the image is there.

use std::array;

use crate::imaging::blurhash::{self, Waves};
use crate::imaging::decode::DecodeRequest;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::{Inspected, inspect};
use crate::imaging::limits::Limits;
use crate::imaging::pipeline::{Upright, memory_of_layouts};
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::place::place;
use crate::imaging::stop::{Stop, check};
use crate::model::geometry::{Fit, Rgb};
use crate::model::recipe::Layout;

/// The longer side that is looked at: a blur of four waves needs no more, and a colour in less than 1/4,096 of the
/// pixels is not the most common one.
const SIDE_PX: u32 = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Of the image on white.
    pub blurhash: String,
    /// The most common colour, not the mean of all; white if nothing is opaque.
    pub dominant: Rgb,
}

/// Of the first frame, upright and in sRGB, from one decoding.
pub fn appearance(
    original: &[u8],
    limits: &Limits,
    stop: &dyn Stop,
) -> Result<Appearance, ImagingError> {
    check(stop)?;
    let inspected = inspect(original, limits)?;
    let upright_size = inspected.upright_size();
    let decoded = Upright::decode(&DecodeRequest {
        original,
        inspected: &inspected,
        limits,
        stop,
    })?;
    let pixels = decoded
        .resize(&place(&layout(), upright_size), stop)?
        .into_coloured();
    let dominant = dominant(&pixels);
    let opaque = pixels.into_opaque(Rgb::WHITE);
    let blurhash = blurhash::encode(&opaque.bytes, opaque.width_px, waves(upright_size));
    Ok(Appearance { blurhash, dominant })
}

/// An upper bound of the memory that `appearance` takes at once, in bytes, besides the original itself.
pub fn appearance_memory_needed(inspected: &Inspected) -> u64 {
    memory_of_layouts(inspected, [&layout()])
}

fn layout() -> Layout {
    Layout {
        width_px: Some(SIDE_PX),
        height_px: Some(SIDE_PX),
        fit: Fit::Inside,
        ..Layout::default()
    }
}

/// More along the longer side; as many if the sides differ by less than a tenth.
fn waves((width_px, height_px): (u32, u32)) -> Waves {
    let (width, height) = (u64::from(width_px), u64::from(height_px));
    let (across, down) = if width * 10 > height * 11 {
        (4, 3)
    } else if height * 10 > width * 11 {
        (3, 4)
    } else {
        (4, 4)
    };
    Waves { across, down }
}

/// The most significant bits of a channel that tell one bin of the histogram from another: 16 levels are one colour to
/// the eye.
const BIN_BITS: u32 = 4;
const BINS_PER_CHANNEL: usize = 1 << BIN_BITS;

/// Below half of it, a pixel shows more of what is behind it.
const ALPHA_MIN: u8 = 128;

#[derive(Clone, Copy, Default)]
struct Bin {
    count: u32,
    sum: [u32; 3],
}

/// The mean of the fullest bin of a histogram. `pixels` are coloured.
fn dominant(pixels: &Pixels) -> Rgb {
    let mut bins = vec![Bin::default(); BINS_PER_CHANNEL.pow(3)];
    for pixel in pixels.bytes.chunks_exact(pixels.channels.count()) {
        if pixels.channels == Channels::Rgba && pixel[3] < ALPHA_MIN {
            continue;
        }
        let coordinates = array::from_fn(|channel| usize::from(pixel[channel] >> (8 - BIN_BITS)));
        let bin = &mut bins[index(coordinates)];
        bin.count += 1;
        for (sum, &value) in bin.sum.iter_mut().zip(pixel) {
            *sum += u32::from(value);
        }
    }
    let mut best = (0, Bin::default());
    for (at, &bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let score = score(&bins, at);
        // Of equals the first: the same original always has the same colour.
        if score > best.0 {
            best = (score, bin);
        }
    }
    match best.1 {
        Bin { count: 0, .. } => Rgb::WHITE,
        Bin { count, sum } => Rgb(sum.map(|sum| {
            let mean = (sum + count / 2) / count;
            u8::try_from(mean).expect("a mean of bytes is a byte")
        })),
    }
}

/// A colour that varies a little lies in several bins: neighbours count too, but half, since each of them is less like
/// it than its own pixels are.
fn score(bins: &[Bin], at: usize) -> u32 {
    let [red, green, blue] = coordinates(at).map(|coordinate| {
        coordinate.saturating_sub(1)..=(coordinate + 1).min(BINS_PER_CHANNEL - 1)
    });
    let mut score = bins[at].count;
    for red in red {
        for green in green.clone() {
            for blue in blue.clone() {
                score += bins[index([red, green, blue])].count;
            }
        }
    }
    score
}

fn index([red, green, blue]: [usize; 3]) -> usize {
    (red * BINS_PER_CHANNEL + green) * BINS_PER_CHANNEL + blue
}

fn coordinates(index: usize) -> [usize; 3] {
    let rest = index / BINS_PER_CHANNEL;
    [
        rest / BINS_PER_CHANNEL,
        rest % BINS_PER_CHANNEL,
        index % BINS_PER_CHANNEL,
    ]
}

#[cfg(test)]
mod tests;
