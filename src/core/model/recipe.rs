//! A recipe: all that decides the pixels of a derivative, whoever names it.

use crate::model::geometry::{Enlarge, Fit, Gravity, Rgb};
use crate::model::media::OutputFormat;

/// How to lay an image out; no format and no quality, since one layout serves several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Box width in pixels, at least 1; `None` follows from the height and the ratio.
    pub width_px: Option<u32>,
    /// Box height in pixels, at least 1; `None` follows from the width and the ratio.
    pub height_px: Option<u32>,
    pub fit: Fit,
    pub gravity: Gravity,
    pub enlarge: Enlarge,
    /// Behind transparent pixels where the format has none, and around the image for [`Fit::Pad`].
    pub background: Rgb,
}

/// How to encode the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    pub format: OutputFormat,
    /// 1..=100; ignored by PNG.
    pub quality: u8,
}

/// Layout and encoding: a derivative, but for the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    pub layout: Layout,
    pub encoding: Encoding,
}

/// Quality when neither preset nor options name one: the values that the field has settled on for photographs.
pub fn quality_default(format: OutputFormat) -> u8 {
    match format {
        OutputFormat::Jpeg => 80,
        OutputFormat::Webp => 79,
        OutputFormat::Png => 100,
    }
}
