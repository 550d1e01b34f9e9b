//! How much of anything an original may have, and a derivative may ask for.

use crate::imaging::error::{ImagingError, Quantity};
use crate::model::recipe::Layout;

/// Checked on the headers, before anything is allocated by what they claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of an original, in bytes: a 50 MP JPEG of a camera has 10..=30 MB.
    pub bytes_max: u64,
    /// Width × height of one frame, in pixels: 50 MP decode to 200 MB of RGBA.
    pub pixels_max: u64,
    /// The longer side, in pixels: WebP ends at 16,383, and so do most screens and GPUs (16,384).
    pub side_px_max: u32,
    /// Frames of an animation: ten seconds at 30 per second.
    pub frames_max: u32,
    /// Frames × area of an animation, in pixels: what a browser has to paint in one loop. A single frame is judged by
    /// `pixels_max` alone.
    pub frame_pixels_total_max: u64,
    /// ICC, EXIF, XMP, text chunks together, in bytes: large printer profiles have 2 MB, and nobody displays more.
    pub metadata_bytes_max: u64,
    /// Scans of a progressive JPEG: encoders write about 10; each one costs a pass over the whole image.
    pub scans_max: u32,
    /// SVG is a program in the page of whoever embeds it: refused unless the uploaders are trusted.
    pub svg: SvgPolicy,
    /// Old collections hold files that were cut off or damaged, and that browsers show all the same.
    pub damaged: DamagedPolicy,
    /// The longer side of a derivative, in pixels: 4K screens have 3,840.
    pub output_side_px_max: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SvgPolicy {
    #[default]
    Refuse,
    Accept,
}

/// What becomes of a JPEG or PNG that ends early or is damaged within its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DamagedPolicy {
    #[default]
    Refuse,
    /// Decoded as far as it goes.
    Accept,
}

/// The defaults are safe for anonymous uploads.
impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 40 << 20,
            pixels_max: 50_000_000,
            side_px_max: 16_384,
            frames_max: 300,
            frame_pixels_total_max: 100_000_000,
            metadata_bytes_max: 4 << 20,
            scans_max: 100,
            svg: SvgPolicy::Refuse,
            damaged: DamagedPolicy::Refuse,
            output_side_px_max: 4_096,
        }
    }
}

impl Limits {
    /// For what we have made ourselves.
    pub(crate) fn of_our_own() -> Self {
        Self {
            bytes_max: u64::MAX,
            pixels_max: u64::MAX,
            side_px_max: u32::MAX,
            ..Self::default()
        }
    }

    pub(crate) fn check_bytes(&self, size_bytes: u64) -> Result<(), ImagingError> {
        check(Quantity::Bytes, size_bytes, self.bytes_max)
    }

    pub(crate) fn check_frame(&self, width_px: u32, height_px: u32) -> Result<(), ImagingError> {
        let side_px = width_px.max(height_px);
        let pixels = u64::from(width_px) * u64::from(height_px);
        check(
            Quantity::Side,
            u64::from(side_px),
            u64::from(self.side_px_max),
        )?;
        check(Quantity::Pixels, pixels, self.pixels_max)
    }

    pub(crate) fn check_frames(&self, frames: u32, frame_pixels: u64) -> Result<(), ImagingError> {
        check(
            Quantity::Frames,
            u64::from(frames),
            u64::from(self.frames_max),
        )?;
        if frames <= 1 {
            return Ok(());
        }
        let total = frame_pixels.saturating_mul(u64::from(frames));
        check(Quantity::FramePixels, total, self.frame_pixels_total_max)
    }

    pub(crate) fn check_metadata(&self, metadata_bytes: u64) -> Result<(), ImagingError> {
        check(Quantity::Metadata, metadata_bytes, self.metadata_bytes_max)
    }

    pub(crate) fn check_scans(&self, scans: u32) -> Result<(), ImagingError> {
        check(Quantity::Scans, u64::from(scans), u64::from(self.scans_max))
    }

    /// Refuses a box that is too large by itself, whatever image is laid into it.
    pub fn check_box(&self, layout: &Layout) -> Result<(), ImagingError> {
        self.check_output(layout.width_px.max(layout.height_px).unwrap_or(0))
    }

    pub(crate) fn check_output(&self, side_px: u32) -> Result<(), ImagingError> {
        check(
            Quantity::Output,
            u64::from(side_px),
            u64::from(self.output_side_px_max),
        )
    }
}

fn check(quantity: Quantity, found: u64, max: u64) -> Result<(), ImagingError> {
    if found > max {
        return Err(ImagingError::Limit {
            quantity,
            found,
            max,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_frame_is_judged_by_its_own_area() {
        let limits = Limits {
            frame_pixels_total_max: 100,
            ..Limits::default()
        };
        assert!(limits.check_frames(1, 1_000).is_ok());
        assert!(limits.check_frames(2, 50).is_ok());
        assert_eq!(
            limits.check_frames(2, 51).unwrap_err().code(),
            "limit-frame-pixels"
        );
        assert_eq!(
            limits.check_frames(u32::MAX, u64::MAX).unwrap_err().code(),
            "limit-frames"
        );
    }
}
