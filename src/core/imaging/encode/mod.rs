//! Encodes pixels, one file per format: no metadata but what is asked for, sRGB unless a profile is attached.

pub(crate) mod jpeg; // from planes
mod png;
pub(crate) mod webp;
mod avif;
pub(crate) mod gif;
mod palette; // few colours for many
mod changes; // from one frame to the next

use crate::imaging::encode::palette::{Colours, Dither};
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::Pixels;
use crate::model::geometry::Rgb;
use crate::model::media::OutputFormat;
use crate::model::recipe::{Chroma, Effort, Encoding};

/// What goes into the file beside the pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attachments<'a> {
    /// The profile that the pixels are in; without one, they are in sRGB.
    pub(crate) icc: Option<&'a [u8]>,
    /// A TIFF structure, without the prefix that JPEG demands.
    pub(crate) exif: Option<&'a [u8]>,
}

/// `background` is behind transparent pixels where the format has no alpha.
pub(crate) fn encode(
    pixels: &Pixels,
    (encoding, quality): (&Encoding, u8),
    background: Rgb,
    attachments: Attachments<'_>,
) -> Result<Vec<u8>, CodecFault> {
    match encoding.format {
        OutputFormat::Jpeg => {
            let opaque = pixels.clone().into_opaque(background);
            let planes = jpeg::planes_of(&opaque, encoding.chroma);
            let size = (pixels.width_px, pixels.height_px);
            jpeg::encode(&planes, size, (encoding, quality), attachments)
        }
        OutputFormat::Png => png::encode(pixels, png_settings(encoding), attachments),
        OutputFormat::Webp => webp::encode(pixels, webp_settings(encoding, quality), attachments),
        OutputFormat::Avif => avif::encode(pixels, avif_settings(encoding, quality), attachments),
        OutputFormat::Gif => gif::encode(pixels.clone(), gif_settings(encoding)),
    }
}

/// An upper bound of what an encoder takes for each pixel at the longest, in bytes, its output included; alpha counts. By
/// measurement (`pipeline/tests/memory.rs`), and a half on top.
pub(crate) fn bytes_per_pixel(encoding: &Encoding) -> u64 {
    match (encoding.format, encoding.lossless, encoding.effort) {
        (OutputFormat::Jpeg | OutputFormat::Png, ..) => 16,
        (OutputFormat::Gif, ..) => 24,
        (OutputFormat::Avif, false, Effort::Fast | Effort::Usual) => 36,
        (OutputFormat::Webp, false, _) => 40,
        (OutputFormat::Avif, false, Effort::Slow) | (OutputFormat::Avif, true, _) => 54,
        (OutputFormat::Webp, true, _) => 60,
    }
}

/// As an encoding for WebP has it, still or moving.
pub(crate) fn webp_settings(encoding: &Encoding, quality: u8) -> webp::Settings {
    let settings = if encoding.lossless {
        webp::Settings::lossless()
    } else {
        webp::Settings::lossy(quality)
    };
    webp::Settings {
        effort: match encoding.effort {
            Effort::Fast => 2,
            Effort::Usual => webp::Settings::EFFORT,
            Effort::Slow => 6,
        },
        ..settings
    }
}

/// As an encoding for GIF has it, still or moving.
pub(crate) fn gif_settings(encoding: &Encoding) -> gif::Settings {
    gif::Settings {
        colours: colours(encoding),
        dither: dither(encoding),
    }
}

fn dither(encoding: &Encoding) -> Dither {
    match encoding.effort {
        Effort::Fast => Dither::Off,
        Effort::Usual | Effort::Slow => Dither::On,
    }
}

fn colours(encoding: &Encoding) -> Colours {
    encoding.colours.map_or(Colours::MOST, Colours::at_most)
}

fn png_settings(encoding: &Encoding) -> png::Settings {
    match encoding.colours {
        Some(_) => png::Settings::Palette {
            colours: colours(encoding),
            dither: dither(encoding),
        },
        None => png::Settings::Truecolour,
    }
}

fn avif_settings(encoding: &Encoding, quality: u8) -> avif::Settings {
    let settings = match encoding.effort {
        Effort::Fast | Effort::Usual => avif::Settings::online(quality),
        Effort::Slow => avif::Settings::background(quality),
    };
    avif::Settings {
        quality: if encoding.lossless { 100 } else { quality },
        chroma: if encoding.lossless || encoding.chroma == Chroma::Full {
            avif::Chroma::Full
        } else {
            avif::Chroma::Halved
        },
        ..settings
    }
}

#[cfg(test)]
mod tests;
