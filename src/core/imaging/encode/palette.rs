//! Few colours for many: a palette with alpha, and the index of each pixel.

use std::collections::BTreeSet;

use quantizr::{Histogram, Image, Options, QuantizeResult};

use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};

/// The most colours of a palette: 2 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colours(u16);

impl Colours {
    pub(crate) const MOST: Self = Self(256);

    /// The nearest number that is allowed.
    pub(crate) fn at_most(count: u16) -> Self {
        Self(count.clamp(2, 256))
    }

    /// With room for one more.
    pub(crate) fn less_one(self) -> Self {
        Self::at_most(self.0 - 1)
    }

    fn count(self) -> usize {
        usize::from(self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dither {
    /// Smaller files, bands in gradients.
    Off,
    /// Spreads the error over neighbours.
    On,
}

pub(crate) struct Indexed {
    /// RGBA.
    pub(crate) palette: Vec<[u8; 4]>,
    pub(crate) indices: Vec<u8>,
}

/// Pixels that the palette is chosen by: beyond that, by some of the rows. Each different colour takes some 40 bytes.
const SAMPLE_PX: usize = 1 << 20;

impl Indexed {
    /// The same pixels give the same palette. Images of few colours keep all of them, exactly.
    pub(crate) fn of(pixels: Pixels, most: Colours, dither: Dither) -> Result<Self, CodecFault> {
        let rgba = into_rgba(pixels);
        let (width, height) = (rgba.width_px as usize, rgba.height_px as usize);
        let mut options = Options::default();
        options.set_max_colors(i32::from(most.0)).map_err(fault)?;
        let mut histogram = Histogram::new();
        if let Some(few) = few_colours(&rgba.bytes, most) {
            histogram.add_image(&Image::new(&few, few.len() / 4, 1).map_err(fault)?);
        } else {
            let step = (width * height).div_ceil(SAMPLE_PX).max(1);
            for row in rgba.bytes.chunks_exact(width * 4).step_by(step) {
                histogram.add_image(&Image::new(row, width, 1).map_err(fault)?);
            }
        }
        let mut result = QuantizeResult::quantize_histogram(&histogram, &options);
        result
            .set_dithering_level(match dither {
                Dither::Off => 0.0,
                Dither::On => 1.0,
            })
            .map_err(fault)?;
        let mut indices = vec![0; width * height];
        let image = Image::new(&rgba.bytes, width, height).map_err(fault)?;
        result.remap_image(&image, &mut indices).map_err(fault)?;
        let found = result.get_palette();
        let entries = found.entries.iter().take(found.count as usize);
        let palette = entries.map(|entry| [entry.r, entry.g, entry.b, entry.a]);
        Ok(Self {
            palette: palette.collect(),
            indices,
        })
    }
}

/// All colours one after the other, if there are no more than wanted.
fn few_colours(rgba: &[u8], most: Colours) -> Option<Vec<u8>> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for pixel in rgba.chunks_exact(4) {
        if last == Some(pixel) {
            continue;
        }
        last = Some(pixel);
        // Transparent pixels are one colour.
        let colour = if pixel[3] == 0 { &[0; 4] } else { pixel };
        if found.insert(colour) && found.len() > most.count() {
            return None;
        }
    }
    Some(found.into_iter().flatten().copied().collect())
}

pub(super) fn into_rgba(pixels: Pixels) -> Pixels {
    let pixels = pixels.into_coloured();
    if pixels.channels.has_alpha() {
        return pixels;
    }
    let triples = pixels.bytes.chunks_exact(3);
    let bytes = triples
        .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255])
        .collect();
    Pixels {
        channels: Channels::Rgba,
        bytes,
        ..pixels
    }
}

/// The quantiser's own error type is no `Error`.
#[expect(clippy::needless_pass_by_value, reason = "the argument of `map_err`")]
fn fault(found: quantizr::Error) -> CodecFault {
    format!("{found:?}").into()
}
