//! Encodes one picture with libaom, in one thread, with what belongs to it.

use crate::native::{Encoder, Fault, Image};
use crate::{Channels, SIDE_MAX_PX};

/// What is encoded. Without a profile, the pixels are in sRGB.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    pub width_px: u32,
    pub height_px: u32,
    pub channels: Channels,
    pub bytes: &'a [u8],
    pub icc: Option<&'a [u8]>,
    /// A TIFF structure, without the prefix that JPEG demands.
    pub exif: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Halved in both directions (4:2:0).
    Halved,
    /// 4:4:4.
    Full,
}

/// Bits of each sample in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Eight,
    Ten,
    Twelve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 0 to 100; alpha gets the same.
    pub quality: u8,
    /// 0 is the slowest, 10 the fastest; as in libavif.
    pub speed: u8,
    pub chroma: Chroma,
    /// Grey has 8, whatever is said here.
    pub depth: Depth,
}

pub fn encode(picture: &Picture<'_>, settings: Settings) -> Result<Vec<u8>, Fault> {
    let Picture {
        width_px,
        height_px,
        ..
    } = *picture;
    if width_px == 0 || height_px == 0 || width_px.max(height_px) > SIDE_MAX_PX {
        return Err(Fault::Size);
    }
    let area = width_px as usize * height_px as usize;
    if picture.bytes.len() != area * picture.channels.count() {
        return Err(Fault::Size);
    }
    let mut image = match picture.channels {
        Channels::Grey => Image::from_grey(picture)?,
        Channels::Rgb | Channels::Rgba => Image::from_rgb(picture, settings)?,
    };
    if let Some(icc) = picture.icc {
        image.set_icc(icc)?;
    }
    if let Some(exif) = picture.exif {
        image.set_exif(exif)?;
    }
    Encoder::new(settings)?.encode(&image)
}
