//! Finds a quality: the smallest that looks as asked, the highest that fits into so many bytes.

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::stop::{Stop, check};
use crate::model::geometry::Rgb;
use crate::model::media::OutputFormat;
use crate::model::recipe::{Encoding, Quality, QualityTarget};

/// Makes and judges one derivative at several qualities.
pub(crate) trait Trials {
    fn encode(&self, quality: u8) -> Result<Vec<u8>, ImagingError>;

    /// What a viewer sees of those bytes.
    fn decode(&self, encoded: &[u8]) -> Result<Pixels, ImagingError>;

    /// What is encoded, on its background.
    fn pixels(&self) -> Result<Pixels, ImagingError>;
}

/// The derivative at the quality that its encoding asks for.
///
/// Both searches halve the range: they take it that a higher quality scores no lower and takes no fewer bytes, which holds
/// but for a point here and there, where the answer is one step off.
pub(crate) fn settle(
    encoding: &Encoding,
    trials: &dyn Trials,
    stop: &dyn Stop,
) -> Result<Vec<u8>, ImagingError> {
    let (quality, bytes) = match encoding.quality {
        Quality::Target(target) if has_quality(encoding) => reach(target, trials, stop)?,
        Quality::Target(_) | Quality::Fixed(_) => {
            let quality = encoding.quality.highest();
            (quality, trials.encode(quality)?)
        }
    };
    let Some(bytes_max) = encoding.bytes_max else {
        return Ok(bytes);
    };
    if bytes.len() <= bytes_max as usize {
        return Ok(bytes);
    }
    let found = if has_quality(encoding) {
        fit(bytes_max, (quality, bytes.len()), trials, stop)?
    } else {
        Err(bytes.len())
    };
    found.map_err(|found| ImagingError::BytesCap {
        format: encoding.format,
        found_bytes: found as u64,
        max_bytes: u64::from(bytes_max),
    })
}

/// Whether a lower quality would make other bytes.
fn has_quality(encoding: &Encoding) -> bool {
    match encoding.format {
        OutputFormat::Jpeg => true,
        OutputFormat::Webp | OutputFormat::Avif => !encoding.lossless,
        OutputFormat::Png | OutputFormat::Gif => false,
    }
}

fn reach(
    target: QualityTarget,
    trials: &dyn Trials,
    stop: &dyn Stop,
) -> Result<(u8, Vec<u8>), ImagingError> {
    let scoring = |source| ImagingError::Score { source };
    let reference = Reference::new(&trials.pixels()?).map_err(scoring)?;
    let (mut low, mut high) = (target.quality_min, target.quality_max);
    // The upper bound is the answer if nothing below it is good enough.
    let mut best = None;
    while low < high {
        check(stop)?;
        let middle = low + (high - low) / 2;
        let encoded = trials.encode(middle)?;
        let score = reference
            .score(&trials.decode(&encoded)?)
            .map_err(scoring)?;
        if score >= f64::from(target.ssim2) {
            high = middle;
            best = Some((middle, encoded));
        } else {
            low = middle + 1;
        }
    }
    match best {
        Some((quality, encoded)) if quality == high => Ok((quality, encoded)),
        Some(_) | None => Ok((high, trials.encode(high)?)),
    }
}

/// The highest quality below `too_high` that fits; else the size of the smallest.
fn fit(
    bytes_max: u32,
    (too_high, too_many): (u8, usize),
    trials: &dyn Trials,
    stop: &dyn Stop,
) -> Result<Result<Vec<u8>, usize>, ImagingError> {
    let (mut low, mut high) = (Quality::FLOOR, too_high);
    let mut best = Err(too_many);
    while low < high {
        check(stop)?;
        let middle = low + (high - low) / 2;
        let encoded = trials.encode(middle)?;
        if encoded.len() <= bytes_max as usize {
            low = middle + 1;
            best = Ok(encoded);
        } else {
            high = middle;
            best = best.map_err(|smallest: usize| smallest.min(encoded.len()));
        }
    }
    Ok(best)
}

/// Pixels that others are held against, prepared once.
pub(crate) struct Reference(Ssimulacra2Reference);

impl Reference {
    pub(crate) fn new(pixels: &Pixels) -> Result<Self, CodecFault> {
        let pixels = rgb(pixels);
        Ok(Self(Ssimulacra2Reference::new(&slice(&pixels)?)?))
    }

    /// SSIMULACRA2: 100 for the same pixels, 90 for what cannot be told apart, 70 for high and 50 for medium quality.
    /// Transparent pixels are judged on white.
    pub(crate) fn score(&self, other: &Pixels) -> Result<f64, CodecFault> {
        Ok(self.0.compare(&slice(&rgb(other))?)?)
    }
}

fn rgb(pixels: &Pixels) -> Pixels {
    pixels.clone().into_opaque(Rgb::WHITE).into_coloured()
}

fn slice(pixels: &Pixels) -> Result<PixelSlice<'_>, CodecFault> {
    debug_assert_eq!(pixels.channels, Channels::Rgb);
    let stride = pixels.width_px as usize * 3;
    let (width, height) = (pixels.width_px, pixels.height_px);
    let format = PixelDescriptor::RGB8_SRGB;
    PixelSlice::new(&pixels.bytes, width, height, stride, format)
        .map_err(|fault| format!("{fault}").into())
}
