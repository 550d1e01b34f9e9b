//! Judges an original by its structure: whole, within limits, how large; decodes nothing.

use crate::imaging::container::{bmp, gif, isobmff, jpeg, jxl, png, svg, tiff, webp};
use crate::imaging::error::ImagingError;
use crate::imaging::limits::Limits;
use crate::imaging::orient::Orientation;
use crate::imaging::sniff::sniff;
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

pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    if bytes.is_empty() {
        return Err(ImagingError::Empty);
    }
    limits.check_bytes(bytes)?;
    let media = sniff(bytes).ok_or(ImagingError::NotAnImage)?;
    let inspected = match media {
        MediaType::Jpeg => jpeg::inspect(bytes, limits),
        MediaType::Png => png::inspect(bytes, limits),
        MediaType::Gif => gif::inspect(bytes, limits),
        MediaType::Webp => webp::inspect(bytes, limits),
        MediaType::Avif | MediaType::Heic => isobmff::inspect(media, bytes, limits),
        MediaType::Tiff => tiff::inspect(bytes, limits),
        MediaType::Bmp => bmp::inspect(bytes, limits),
        MediaType::Jxl => jxl::inspect(bytes, limits),
        MediaType::Svg => svg::inspect(bytes, limits),
    }?;
    let frame_pixels = u64::from(inspected.width_px) * u64::from(inspected.height_px);
    limits.check_frames(inspected.frames, frame_pixels)?;
    limits.check_metadata(inspected.metadata_bytes)?;
    Ok(inspected)
}

#[cfg(test)]
mod tests;
