//! Metadata of JPEG: application segments, comments, and what follows the image.

use std::ops::Range;

use memchr::memmem;

use crate::imaging::container::jpeg::{APP0, APP1, APP2, APP14, COM, EXIF, Segment, Segments};
use crate::imaging::error::ImagingError;
use crate::imaging::limits::DamagedPolicy;
use crate::imaging::metadata::plan::Edits;
use crate::imaging::metadata::{Extent, Verdict, XMP_PLACE, drops_trailer, judge_exif};
use crate::imaging::source::Window;
use crate::model::media::MediaType;

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const XMP_EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
/// Digest, length and offset, before a part of an extension.
const XMP_EXTENSION_HEADER_LEN: usize = 40;
const ICC: &[u8] = b"ICC_PROFILE\0";
const JFIF: &[u8] = b"JFIF\0";
/// Lists the images that follow the first one.
const MPF: &[u8] = b"MPF\0";

/// The length field counts itself.
const LENGTH_LEN: usize = 2;

/// One walk; what depends on parts that come later is decided behind it.
pub(super) fn strip(window: &mut Window<'_>, extent: Extent) -> Result<Edits, ImagingError> {
    let new_edits = || Edits::new(MediaType::Jpeg);
    let (mut edits, mut xmp, mut lists) = (new_edits(), new_edits(), new_edits());
    let mut places = Places::default();
    let mut image_end = window.size_bytes();
    let mut segments = Segments::new(DamagedPolicy::Accept);
    while let Some(segment) = segments.next(window)? {
        image_end = segment.end;
        let range = segment.start..segment.end;
        match kind(window, &segment)? {
            Kind::Exif(tiff) => match judge_exif(window, tiff, extent)? {
                Verdict::Keep => {}
                Verdict::Drop => edits.drop(range)?,
                Verdict::Exif(tiff) => edits.replace(range, exif_segment(&tiff))?,
            },
            Kind::Xmp => {
                if extent == Extent::Place {
                    places.search(segment.load(window)?);
                }
                xmp.drop(range)?;
            }
            Kind::List => lists.drop(range)?,
            Kind::Other if extent == Extent::All => edits.drop(range)?,
            Kind::Other | Kind::Pixels => {}
        }
    }
    let trailer_goes = drops_trailer(window, image_end, extent)?;
    if extent == Extent::All || places.found {
        edits.append(xmp)?;
    }
    // Its offsets would point to nothing.
    if extent == Extent::All || trailer_goes {
        edits.append(lists)?;
    }
    if trailer_goes {
        edits.drop(image_end..window.size_bytes())?;
    }
    Ok(edits)
}

/// What a segment is for.
enum Kind {
    /// Where its TIFF structure lies.
    Exif(Range<u64>),
    Xmp,
    List,
    /// Metadata of other kinds.
    Other,
    /// Decides pixels.
    Pixels,
}

fn kind(window: &mut Window<'_>, segment: &Segment) -> Result<Kind, ImagingError> {
    let mut starts_with = |sign| segment.starts_with(window, sign);
    Ok(match segment.marker {
        APP0 if starts_with(JFIF)? => Kind::Pixels,
        APP1 if starts_with(XMP)? || starts_with(XMP_EXTENSION)? => Kind::Xmp,
        APP1 => segment.exif(window)?.map_or(Kind::Other, Kind::Exif),
        APP2 if starts_with(MPF)? => Kind::List,
        APP2 if starts_with(ICC)? => Kind::Pixels,
        // Decides whether the components are YCbCr, RGB or CMYK.
        APP14 => Kind::Pixels,
        APP0..=0xef | COM => Kind::Other,
        _ => Kind::Pixels,
    })
}

/// Searches XMP for places. The parts of an extension are searched as one: a name may lie across their border.
#[derive(Default)]
struct Places {
    found: bool,
    /// The last bytes of the extension so far, fewer than a name has.
    carried: Vec<u8>,
}

impl Places {
    fn search(&mut self, payload: &[u8]) {
        let tells_place = |text: &[u8]| memmem::find(text, XMP_PLACE).is_some();
        let Some(part) = payload.strip_prefix(XMP_EXTENSION) else {
            self.found |= tells_place(payload);
            return;
        };
        let part = part.get(XMP_EXTENSION_HEADER_LEN..).unwrap_or(part);
        let keep = XMP_PLACE.len() - 1;
        self.carried.extend(&part[..part.len().min(keep)]);
        self.found |= tells_place(&self.carried) || tells_place(part);
        if part.len() >= keep {
            self.carried.clear();
            self.carried.extend(&part[part.len() - keep..]);
        } else {
            self.carried
                .drain(..self.carried.len().saturating_sub(keep));
        }
    }
}

fn exif_segment(tiff: &[u8]) -> Vec<u8> {
    let len = u16::try_from(LENGTH_LEN + EXIF.len() + tiff.len())
        .expect("rewritten EXIF is as long as it was, or minimal");
    let mut segment = vec![0xff, APP1];
    segment.extend(len.to_be_bytes());
    segment.extend(EXIF);
    segment.extend(tiff);
    segment
}
