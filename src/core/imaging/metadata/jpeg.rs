//! Metadata of JPEG: application segments, comments, and what follows the image.

use memchr::memmem;

use crate::imaging::container::jpeg::{APP0, APP1, APP2, APP14, COM, EXIF, Segment, segments};
use crate::imaging::error::ImagingError;
use crate::imaging::metadata::{
    Edit, Extent, Verdict, apply, drops_trailer, judge_exif, xmp_tells_place,
};

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

pub(super) fn strip(bytes: &[u8], extent: Extent) -> Result<Option<Vec<u8>>, ImagingError> {
    let segments = segments(bytes).collect::<Result<Vec<_>, _>>()?;
    let image_end = segments.last().map_or(bytes.len(), |last| last.end);
    let trailer = &bytes[image_end..];
    let policy = Policy {
        extent,
        xmp_goes: extent == Extent::All || any_xmp_tells_place(&segments),
        trailer_goes: drops_trailer(trailer, extent),
    };
    let mut edits = Vec::new();
    for segment in &segments {
        let replacement = match policy.judge(segment) {
            Verdict::Keep => continue,
            Verdict::Drop => Vec::new(),
            Verdict::Exif(tiff) => exif_segment(&tiff),
        };
        edits.push(Edit {
            range: segment.start..segment.end,
            replacement,
        });
    }
    if policy.trailer_goes {
        edits.push(Edit {
            range: image_end..bytes.len(),
            replacement: Vec::new(),
        });
    }
    Ok(apply(bytes, &edits))
}

struct Policy {
    extent: Extent,
    xmp_goes: bool,
    trailer_goes: bool,
}

impl Policy {
    fn judge(&self, segment: &Segment<'_>) -> Verdict {
        let payload = segment.payload;
        if let Some(tiff) = segment.exif() {
            return judge_exif(tiff, self.extent);
        }
        let goes = match segment.marker {
            APP1 if is_xmp(payload) => self.xmp_goes,
            // Its offsets would point to nothing.
            APP2 if payload.starts_with(MPF) => self.trailer_goes || self.extent == Extent::All,
            APP0 => self.extent == Extent::All && !payload.starts_with(JFIF),
            APP2 => self.extent == Extent::All && !payload.starts_with(ICC),
            // Decides whether the components are YCbCr, RGB or CMYK.
            APP14 => false,
            APP1..=0xef | COM => self.extent == Extent::All,
            _ => false,
        };
        if goes { Verdict::Drop } else { Verdict::Keep }
    }
}

fn is_xmp(payload: &[u8]) -> bool {
    payload.starts_with(XMP) || payload.starts_with(XMP_EXTENSION)
}

/// The parts of an extension are searched as one: a name may lie across their border.
fn any_xmp_tells_place(segments: &[Segment<'_>]) -> bool {
    let mut extension = Vec::new();
    for segment in segments.iter().filter(|segment| segment.marker == APP1) {
        if segment.payload.starts_with(XMP) && xmp_tells_place(segment.payload) {
            return true;
        }
        if let Some(part) = segment.payload.strip_prefix(XMP_EXTENSION) {
            extension.extend_from_slice(part.get(XMP_EXTENSION_HEADER_LEN..).unwrap_or(part));
        }
    }
    memmem::find(&extension, b":GPS").is_some()
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
