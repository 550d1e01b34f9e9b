//! Removes metadata without touching a pixel: all of it, or only what tells the place.

pub(crate) mod exif; // orientation and GPS in a TIFF structure
pub(crate) mod copyright; // who made it, who owns it
pub(crate) mod plan; // what stays, what is new
mod jpeg; // segments
mod png; // chunks
mod webp; // RIFF chunks

use std::borrow::Cow;
use std::ops::Range;

use crate::imaging::error::ImagingError;
use crate::imaging::orient::Orientation;
use crate::imaging::source::{Source, Window};
use crate::model::media::MediaType;

pub use plan::{Piece, StripPlan};

/// What to do with what an original says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataMode {
    Keep,
    /// Removes the place, and whatever may hold it but cannot be read.
    #[default]
    StripGps,
    /// Keeps only what decides pixels: colour profile, gamma, orientation, animation.
    StripAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataOutcome {
    /// Nothing was to be removed.
    Untouched,
    GpsRemoved,
    Removed,
    /// There is no way to do it for this media type; the bytes are as they came.
    Unsupported,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped<'a> {
    /// Borrowed when nothing was removed, so that the image id stays the same.
    pub bytes: Cow<'a, [u8]>,
    pub outcome: MetadataOutcome,
}

/// As [`strip_source`], of bytes in memory, with the plan applied.
pub fn strip(
    bytes: &[u8],
    media: MediaType,
    mode: MetadataMode,
) -> Result<Stripped<'_>, ImagingError> {
    let plan = strip_source(&bytes, media, mode)?;
    Ok(Stripped {
        bytes: plan.apply(bytes),
        outcome: plan.outcome,
    })
}

/// Expects an original that `inspect` has accepted; others give an error at worst.
///
/// Holds one window of the original in memory and what the plan has of new bytes, both bounded.
pub fn strip_source(
    source: &dyn Source,
    media: MediaType,
    mode: MetadataMode,
) -> Result<StripPlan, ImagingError> {
    strip_window(&mut Window::over(source), media, mode)
}

pub(crate) fn strip_window(
    window: &mut Window<'_>,
    media: MediaType,
    mode: MetadataMode,
) -> Result<StripPlan, ImagingError> {
    let size_bytes = window.size_bytes();
    let (extent, outcome) = match mode {
        MetadataMode::Keep => {
            return Ok(StripPlan::untouched(size_bytes, MetadataOutcome::Untouched));
        }
        MetadataMode::StripGps => (Extent::Place, MetadataOutcome::GpsRemoved),
        MetadataMode::StripAll => (Extent::All, MetadataOutcome::Removed),
    };
    let edits = match media {
        MediaType::Jpeg => jpeg::strip(window, extent)?,
        MediaType::Png => png::strip(window, extent)?,
        MediaType::Webp => webp::strip(window, extent)?,
        MediaType::Gif
        | MediaType::Avif
        | MediaType::Tiff
        | MediaType::Bmp
        | MediaType::Heic
        | MediaType::Svg
        | MediaType::Jxl => {
            let outcome = MetadataOutcome::Unsupported;
            return Ok(StripPlan::untouched(size_bytes, outcome));
        }
    };
    Ok(edits.into_plan(size_bytes, outcome))
}

/// How much goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Place,
    All,
}

/// What becomes of one segment or chunk.
enum Verdict {
    Keep,
    Drop,
    /// New content of the EXIF that it holds.
    Exif(Vec<u8>),
}

/// Judges the TIFF structure in a range of the original.
fn judge_exif(
    window: &mut Window<'_>,
    tiff: Range<u64>,
    extent: Extent,
) -> Result<Verdict, ImagingError> {
    let readable = tiff.end - tiff.start <= exif::LEN_MAX as u64;
    // Of what cannot be read, only the orientation stays, as if all was to go.
    let extent = if readable { extent } else { Extent::All };
    Ok(judge_tiff(window.start_of(tiff, exif::LEN_MAX)?, extent))
}

fn judge_tiff(tiff: &[u8], extent: Extent) -> Verdict {
    let found = exif::orientation(tiff);
    let minimal = || match found {
        Some(Orientation::Upright) | None => Verdict::Drop,
        Some(orientation) => Verdict::Exif(exif::minimal(orientation)),
    };
    let verdict = match extent {
        Extent::All => minimal(),
        Extent::Place => match exif::without_gps(tiff) {
            exif::Gps::None => Verdict::Keep,
            exif::Gps::Removed(rewritten) => Verdict::Exif(rewritten),
            exif::Gps::Unreadable => minimal(),
        },
    };
    match verdict {
        // What was made minimal before stays as it is.
        Verdict::Exif(new) if new == tiff => Verdict::Keep,
        other => other,
    }
}

/// Stands in XMP that tells the place, in any of its spellings: elements and attributes of the EXIF namespace under any
/// prefix.
const XMP_PLACE: &[u8] = b":GPS";

/// Stand in what follows the end of an image, as phones write it: previews with EXIF of their own, or a video that
/// holds a place in ways of its own.
const TRAILER_PLACES: [&[u8]; 4] = [b"Exif\0\0", XMP_PLACE, b"ftyp", b"eXIf"];

/// Whether the bytes behind the image go too.
fn drops_trailer(
    window: &mut Window<'_>,
    image_end: u64,
    extent: Extent,
) -> Result<bool, ImagingError> {
    let trailer = image_end..window.size_bytes();
    match extent {
        Extent::All => Ok(!trailer.is_empty()),
        Extent::Place => window.contains_any(trailer, &TRAILER_PLACES),
    }
}

#[cfg(test)]
mod tests;
