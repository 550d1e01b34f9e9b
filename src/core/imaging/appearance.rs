//! What an image looks like at a glance, for a page to show before the image is there, and for finding copies of it.

use crate::imaging::decode::DecodeRequest;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::{Inspected, inspect};
use crate::imaging::limits::Limits;
use crate::imaging::look::blurhash::{self, Waves};
use crate::imaging::look::histogram::Histogram;
use crate::imaging::look::luma::luma;
use crate::imaging::look::mean::mean;
use crate::imaging::look::palette::palette;
use crate::imaging::look::perceptual_hash::perceptual_hash;
use crate::imaging::look::sharpness::sharpness;
use crate::imaging::look::thumbhash;
use crate::imaging::pipeline::{memory_to_see, see};
use crate::imaging::pixels::Pixels;
use crate::imaging::place::place;
use crate::imaging::stop::{Stop, check};
use crate::model::geometry::{Fit, Rgb};
use crate::model::perceptual_hash::PerceptualHash;
use crate::model::recipe::Layout;
use crate::model::record::Swatch;

/// The longer side that sharpness is measured at, and that all else is averaged from: a blur of 1/256 of it is seen, and
/// it is less than an eighth of what cameras make, which decoders can shrink by at once.
const SIDE_PX: u32 = 256;

/// The longer side of what blurs and colours are made of: a blur of seven waves needs no more, and a colour in less than
/// 1/4,096 of the pixels is not among the most common ones.
const BLUR_SIDE_PX: u32 = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Of the image on white.
    pub blurhash: String,
    pub thumbhash: Vec<u8>,
    /// The most common colour, not the mean of all; white if nothing is opaque.
    pub dominant: Rgb,
    /// At most five, the most common first; none if nothing is opaque.
    pub palette: Vec<Swatch>,
    /// Of the image on white, as is the sharpness.
    pub perceptual_hash: PerceptualHash,
    /// 0..=1,040,400, more for more detail.
    pub sharpness: u32,
}

/// Of the first frame, upright and in sRGB, from one decoding.
pub fn appearance(
    original: &[u8],
    limits: &Limits,
    stop: &dyn Stop,
) -> Result<Appearance, ImagingError> {
    check(stop)?;
    let inspected = inspect(original, limits)?;
    let seen = see(
        &DecodeRequest {
            original,
            inspected: &inspected,
            limits,
            stop,
        },
        within(SIDE_PX),
    )?;
    let upright_size = inspected.upright_size();
    Ok(look(seen.into_coloured(), upright_size))
}

/// `seen` is coloured, with the longer side of [`SIDE_PX`] unless the original is smaller.
fn look(seen: Pixels, upright_size: (u32, u32)) -> Appearance {
    let small = mean(&seen, place(&within(BLUR_SIDE_PX), upright_size).size());
    let luma = luma(&seen.into_opaque(Rgb::WHITE));
    let histogram = Histogram::of(&small);
    Appearance {
        thumbhash: thumbhash::encode(&small),
        dominant: histogram.dominant(),
        palette: palette(&histogram),
        perceptual_hash: perceptual_hash(&luma),
        sharpness: sharpness(&luma),
        blurhash: {
            let opaque = small.into_opaque(Rgb::WHITE);
            blurhash::encode(&opaque.bytes, opaque.width_px, waves(upright_size))
        },
    }
}

/// An upper bound of the memory that `appearance` takes at once, in bytes, besides the original itself.
pub fn appearance_memory_needed(original: &[u8], inspected: &Inspected) -> u64 {
    memory_to_see(original, inspected, within(SIDE_PX))
}

fn within(side_px: u32) -> Layout {
    Layout {
        width_px: Some(side_px),
        height_px: Some(side_px),
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

#[cfg(test)]
mod tests;
