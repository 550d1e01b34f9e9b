//! AVIF by libaom.

use img_avif::Picture;

use crate::imaging::encode::Attachments;
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// 0 to 100, alpha included.
    pub(crate) quality: u8,
    /// 0 is the slowest, 9 the fastest.
    pub(crate) speed: u8,
    pub(crate) chroma: Chroma,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chroma {
    /// 4:2:0.
    Halved,
    /// 4:4:4: for text and thin coloured lines.
    Full,
}

impl Settings {
    /// While somebody waits.
    pub(crate) fn online(quality: u8) -> Self {
        Self {
            quality,
            speed: 9,
            chroma: Chroma::Halved,
        }
    }

    /// When nobody does.
    pub(crate) fn background(quality: u8) -> Self {
        Self {
            speed: 6,
            ..Self::online(quality)
        }
    }
}

/// Grey stays grey, unless it has alpha.
pub(crate) fn encode(
    pixels: &Pixels,
    settings: Settings,
    attachments: Attachments<'_>,
) -> Result<Vec<u8>, CodecFault> {
    let coloured;
    let (pixels, channels) = match pixels.channels {
        Channels::Grey => (pixels, img_avif::Channels::Grey),
        Channels::Rgb => (pixels, img_avif::Channels::Rgb),
        Channels::Rgba => (pixels, img_avif::Channels::Rgba),
        Channels::GreyAlpha => {
            coloured = pixels.clone().into_coloured();
            (&coloured, img_avif::Channels::Rgba)
        }
    };
    let picture = Picture {
        width_px: pixels.width_px,
        height_px: pixels.height_px,
        channels,
        bytes: &pixels.bytes,
        icc: attachments.icc,
        exif: attachments.exif,
    };
    let settings = img_avif::Settings {
        quality: settings.quality,
        speed: settings.speed,
        chroma: match settings.chroma {
            Chroma::Halved => img_avif::Chroma::Halved,
            Chroma::Full => img_avif::Chroma::Full,
        },
        depth: img_avif::Depth::Eight,
    };
    Ok(img_avif::encode(&picture, settings)?)
}
