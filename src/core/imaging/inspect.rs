//! Judges an original by its structure: whole, within limits, how large; decodes nothing.

use crate::imaging::container::{bmp, gif, isobmff, jpeg, jxl, png, svg, tiff, webp};
use crate::imaging::error::ImagingError;
use crate::imaging::limits::Limits;
use crate::imaging::orient::Orientation;
use crate::imaging::sniff::{HEAD_LEN, sniff};
use crate::imaging::source::{Source, Window};
use crate::model::media::MediaType;

/// What the headers of an original say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    pub media: MediaType,
    /// As stored, before orientation is applied; 0 for an SVG without a size.
    pub width_px: u32,
    pub height_px: u32,
    /// At least 1.
    pub frames: u32,
    pub orientation: Orientation,
    /// `None` where only decoding would tell.
    pub has_alpha: Option<bool>,
    /// ICC, EXIF, XMP, comments and texts together, as stored.
    pub metadata_bytes: u64,
    /// The most memory that decoding takes, the decoded pixels included; 0 where there is no decoder.
    pub decoder_bytes: u64,
}

impl Inspected {
    /// Width and height as seen.
    pub fn upright_size(&self) -> (u32, u32) {
        self.orientation.turn_size(self.width_px, self.height_px)
    }

    pub(crate) fn still(media: MediaType, width_px: u32, height_px: u32) -> Self {
        Self {
            media,
            width_px,
            height_px,
            frames: 1,
            orientation: Orientation::Upright,
            has_alpha: None,
            metadata_bytes: 0,
            decoder_bytes: 0,
        }
    }
}

/// As [`inspect_source`], of bytes in memory.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    inspect_source(&bytes, limits)
}

/// Holds one window of the original in memory, whatever its size and whatever it claims.
pub fn inspect_source(source: &dyn Source, limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut window = Window::over(source);
    if window.size_bytes() == 0 {
        return Err(ImagingError::Empty);
    }
    limits.check_bytes(window.size_bytes())?;
    let head = window.at_least(0, HEAD_LEN)?;
    let media = sniff(head).ok_or(ImagingError::NotAnImage)?;
    inspect_as(media, &mut window, limits)
}

pub(crate) fn inspect_as(
    media: MediaType,
    window: &mut Window<'_>,
    limits: &Limits,
) -> Result<Inspected, ImagingError> {
    let inspected = match media {
        MediaType::Jpeg => jpeg::inspect(window, limits),
        MediaType::Png => png::inspect(window, limits),
        MediaType::Gif => gif::inspect(window, limits),
        MediaType::Webp => webp::inspect(window, limits),
        MediaType::Avif | MediaType::Heic => isobmff::inspect(media, window, limits),
        MediaType::Tiff => tiff::inspect(window, limits),
        MediaType::Bmp => bmp::inspect(window, limits),
        MediaType::Jxl => jxl::inspect(window, limits),
        MediaType::Svg => svg::inspect(window, limits),
    }?;
    let frame_pixels = u64::from(inspected.width_px) * u64::from(inspected.height_px);
    limits.check_frames(inspected.frames, frame_pixels)?;
    limits.check_metadata(inspected.metadata_bytes)?;
    Ok(inspected)
}

#[cfg(test)]
mod tests;
