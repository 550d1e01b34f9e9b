//! Removes metadata without touching a pixel: all of it, or only what tells the place.

pub(crate) mod exif; // orientation and GPS in a TIFF structure
mod jpeg; // segments
mod png; // chunks
mod webp; // RIFF chunks

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use crate::imaging::error::ImagingError;
use crate::imaging::orient::Orientation;
use crate::model::media::MediaType;

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

/// Expects bytes that `inspect` has accepted; others give an error at worst.
pub fn strip(
    bytes: &[u8],
    media: MediaType,
    mode: MetadataMode,
) -> Result<Stripped<'_>, ImagingError> {
    let untouched = |outcome| Stripped {
        bytes: Cow::Borrowed(bytes),
        outcome,
    };
    let (extent, outcome) = match mode {
        MetadataMode::Keep => return Ok(untouched(MetadataOutcome::Untouched)),
        MetadataMode::StripGps => (Extent::Place, MetadataOutcome::GpsRemoved),
        MetadataMode::StripAll => (Extent::All, MetadataOutcome::Removed),
    };
    let stripped = match media {
        MediaType::Jpeg => jpeg::strip(bytes, extent)?,
        MediaType::Png => png::strip(bytes, extent)?,
        MediaType::Webp => webp::strip(bytes, extent)?,
        MediaType::Gif
        | MediaType::Avif
        | MediaType::Tiff
        | MediaType::Bmp
        | MediaType::Heic
        | MediaType::Svg
        | MediaType::Jxl => return Ok(untouched(MetadataOutcome::Unsupported)),
    };
    Ok(match stripped {
        Some(bytes) => Stripped {
            bytes: Cow::Owned(bytes),
            outcome,
        },
        None => untouched(MetadataOutcome::Untouched),
    })
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

/// A range of the file and what stands there instead.
struct Edit {
    range: Range<usize>,
    replacement: Vec<u8>,
}

/// `None` if nothing changes. Ranges ascend and do not overlap.
fn apply(bytes: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    if edits.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&bytes[at..edit.range.start]);
        out.extend_from_slice(&edit.replacement);
        at = edit.range.end;
    }
    out.extend_from_slice(&bytes[at..]);
    Some(out)
}

fn judge_exif(tiff: &[u8], extent: Extent) -> Verdict {
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

/// XMP, in any of its spellings: elements and attributes of the EXIF namespace under any prefix.
fn xmp_tells_place(packet: &[u8]) -> bool {
    memmem::find(packet, b":GPS").is_some()
}

/// What follows the end of an image, as phones write it: previews with EXIF of their own, or a video that holds a place
/// in ways of its own.
fn trailer_may_tell_place(trailer: &[u8]) -> bool {
    let signs: [&[u8]; 4] = [b"Exif\0\0", b":GPS", b"ftyp", b"eXIf"];
    signs
        .iter()
        .any(|sign| memmem::find(trailer, sign).is_some())
}

/// Whether the bytes behind the image go too.
fn drops_trailer(trailer: &[u8], extent: Extent) -> bool {
    match extent {
        Extent::All => !trailer.is_empty(),
        Extent::Place => trailer_may_tell_place(trailer),
    }
}

#[cfg(test)]
mod tests;
