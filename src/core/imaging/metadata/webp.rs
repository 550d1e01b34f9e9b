//! Metadata of WebP: the chunks EXIF and XMP, and the flags that announce them.

use crate::imaging::container::webp::{Chunk, FLAG_EXIF, FLAG_XMP, HEADER_LEN, chunks};
use crate::imaging::error::ImagingError;
use crate::imaging::metadata::exif::without_prefix;
use crate::imaging::metadata::{
    Edit, Extent, Verdict, apply, drops_trailer, judge_exif, xmp_tells_place,
};
use crate::model::media::MediaType;

pub(super) fn strip(bytes: &[u8], extent: Extent) -> Result<Option<Vec<u8>>, ImagingError> {
    let mut edits = Vec::new();
    let mut image_end = HEADER_LEN;
    for chunk in chunks(bytes)? {
        let chunk = chunk?;
        image_end = chunk.end;
        let replacement = match judge(&chunk, extent) {
            Verdict::Keep => continue,
            Verdict::Drop => Vec::new(),
            Verdict::Exif(tiff) => exif_chunk(&tiff),
        };
        edits.push(Edit {
            range: chunk.start..chunk.end,
            replacement,
        });
    }
    let trailer_goes = drops_trailer(&bytes[image_end..], extent);
    if trailer_goes {
        edits.push(Edit {
            range: image_end..bytes.len(),
            replacement: Vec::new(),
        });
    }
    let trailer_len = if trailer_goes {
        0
    } else {
        bytes.len() - image_end
    };
    apply(bytes, &edits)
        .map(|stripped| fix_header(stripped, trailer_len))
        .transpose()
}

fn judge(chunk: &Chunk<'_>, extent: Extent) -> Verdict {
    match (&chunk.kind, extent) {
        (b"EXIF", _) => judge_exif(without_prefix(chunk.data), extent),
        (b"XMP ", Extent::Place) if !xmp_tells_place(chunk.data) => Verdict::Keep,
        (b"XMP ", _) => Verdict::Drop,
        (b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP", Extent::All)
        | (_, Extent::Place) => Verdict::Keep,
        (_, Extent::All) => Verdict::Drop,
    }
}

fn exif_chunk(tiff: &[u8]) -> Vec<u8> {
    let len = u32::try_from(tiff.len()).expect("rewritten EXIF is as long as it was, or minimal");
    let mut chunk = b"EXIF".to_vec();
    chunk.extend(len.to_le_bytes());
    chunk.extend(tiff);
    if tiff.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

/// Makes the size and the flags of the file say what is left in it.
fn fix_header(mut bytes: Vec<u8>, trailer_len: usize) -> Result<Vec<u8>, ImagingError> {
    let size = bytes.len() - trailer_len - 8;
    let size = u32::try_from(size).map_err(|_| ImagingError::Malformed {
        media: MediaType::Webp,
        part: "its size",
    })?;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    let (mut has_exif, mut has_xmp, mut flags_at) = (false, false, None);
    for chunk in chunks(&bytes)? {
        let chunk = chunk?;
        match &chunk.kind {
            b"EXIF" => has_exif = true,
            b"XMP " => has_xmp = true,
            b"VP8X" if !chunk.data.is_empty() => flags_at = Some(chunk.start + 8),
            _ => {}
        }
    }
    if let Some(at) = flags_at {
        let flag = |set: bool, flag| if set { flag } else { 0 };
        bytes[at] &= !(FLAG_EXIF | FLAG_XMP);
        bytes[at] |= flag(has_exif, FLAG_EXIF) | flag(has_xmp, FLAG_XMP);
    }
    Ok(bytes)
}
