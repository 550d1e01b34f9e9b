//! A recipe: all that decides the bytes of a derivative, whoever names it.

use crate::model::effect::{BlurSigma, SharpenStrength};
use crate::model::geometry::{Enlarge, Fit, Gravity, Rgb};
use crate::model::media::OutputFormat;
use crate::model::turn::{Flip, Rotation, Trim};
use crate::model::watermark::WatermarkRef;

/// Layout, effects and encoding: a derivative, but for the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    pub layout: Layout,
    pub effects: Effects,
    pub encoding: Encoding,
}

/// How to lay an image out; no format and no quality, since one layout serves several.
///
/// In this order: orientation of the original, trim, rotation, flip, box.
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
    pub trim: Option<Trim>,
    pub rotation: Rotation,
    pub flip: Flip,
}

/// What is done to the pixels once they have their size, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Effects {
    pub blur: Option<BlurSigma>,
    pub sharpen: Option<SharpenStrength>,
    pub watermark: Option<WatermarkRef>,
}

/// How to encode the pixels. What a format has no use for is without effect on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    pub format: OutputFormat,
    pub quality: Quality,
    /// The derivative is no larger, whatever becomes of its quality down to [`Quality::FLOOR`].
    pub bytes_max: Option<u32>,
    /// WebP and AVIF; PNG always is.
    pub lossless: bool,
    /// JPEG.
    pub chroma: Chroma,
    /// JPEG.
    pub scan: Scan,
    /// Size of the palette, 2..=256, of PNG and GIF; `None`: true colours in PNG, 256 in GIF.
    pub colours: Option<u16>,
    /// WebP and GIF.
    pub frames: Frames,
    pub metadata: MetadataKept,
    pub profile: ColourProfile,
    /// WebP, AVIF and palettes.
    pub effort: Effort,
}

impl Encoding {
    /// As nothing else was asked for.
    pub fn new(format: OutputFormat, quality: Quality) -> Self {
        Finish::default().encoding(format, quality)
    }
}

/// 1..=100 on the scale of each encoder; ignored by PNG and GIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    Fixed(u8),
    Target(QualityTarget),
}

impl Quality {
    /// As far as a cap in bytes lowers it.
    pub const FLOOR: u8 = 10;

    /// What to begin with: a fixed quality, or the upper bound of those that reach a target.
    pub fn highest(self) -> u8 {
        match self {
            Self::Fixed(quality) => quality,
            Self::Target(target) => target.quality_max,
        }
    }
}

/// The smallest quality within the bounds whose derivative reaches a score; the upper bound if none does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QualityTarget {
    /// SSIMULACRA2 against the pixels before encoding, 30..=95.
    pub ssim2: u8,
    /// 1..=`quality_max`.
    pub quality_min: u8,
    /// `quality_min`..=100.
    pub quality_max: u8,
}

impl QualityTarget {
    /// A score can be reached by what nobody would choose: hence bounds that people choose by hand.
    pub const QUALITY_MIN_DEFAULT: u8 = 40;
    /// As the lower bound.
    pub const QUALITY_MAX_DEFAULT: u8 = 90;
}

/// An encoding but for format and quality: what a preset says once for all its formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Finish {
    pub bytes_max: Option<u32>,
    pub lossless: bool,
    pub chroma: Chroma,
    pub scan: Scan,
    pub colours: Option<u16>,
    pub frames: Frames,
    pub metadata: MetadataKept,
    pub profile: ColourProfile,
    pub effort: Effort,
}

impl Finish {
    pub fn encoding(self, format: OutputFormat, quality: Quality) -> Encoding {
        Encoding {
            format,
            quality,
            bytes_max: self.bytes_max,
            lossless: self.lossless,
            chroma: self.chroma,
            scan: self.scan,
            colours: self.colours,
            frames: self.frames,
            metadata: self.metadata,
            profile: self.profile,
            effort: self.effort,
        }
    }
}

/// How long the encoder tries to find smaller bytes of the same quality.
///
/// A part of the recipe, so that every node makes the same bytes whenever it makes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effort {
    Fast,
    /// While somebody waits.
    #[default]
    Usual,
    /// For presets that are derived ahead: AVIF takes some five times as long.
    Slow,
}

impl Effort {
    pub const WORDS: [(&'static str, Self); 3] = [
        ("fast", Self::Fast),
        ("usual", Self::Usual),
        ("slow", Self::Slow),
    ];
}

/// Resolution of the colour difference planes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Chroma {
    /// 4:2:0: half as wide and half as high.
    #[default]
    Half,
    /// 4:4:4.
    Full,
}

/// In which order the coefficients are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scan {
    #[default]
    Baseline,
    Progressive,
}

/// How much of an animation is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Frames {
    #[default]
    First,
    All,
}

/// What of the original's EXIF, IPTC and XMP goes along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetadataKept {
    /// Copyright and artist.
    #[default]
    Copyright,
    Nothing,
}

/// In which colours the derivative is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColourProfile {
    /// Converted to sRGB, no profile attached.
    #[default]
    Srgb,
    /// Values as they are, the original's ICC profile attached.
    Keep,
}

/// Quality when neither preset nor options name one: the values that the field has settled on for photographs.
///
/// AVIF: at libaom's fast settings, 60 scores slightly above WebP's 75 by SSIMULACRA2 on photographs, in as many bytes.
pub fn quality_default(format: OutputFormat) -> u8 {
    match format {
        OutputFormat::Jpeg => 80,
        OutputFormat::Webp => 79,
        OutputFormat::Avif => 60,
        OutputFormat::Png | OutputFormat::Gif => 100,
    }
}
