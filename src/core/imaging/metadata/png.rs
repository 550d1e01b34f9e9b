//! Metadata of PNG: EXIF, texts, time, and what follows the image.

use memchr::{memchr, memmem};

use crate::imaging::container::png::{Chunk, chunks, crc32};
use crate::imaging::error::ImagingError;
use crate::imaging::metadata::{
    Edit, Extent, Verdict, apply, drops_trailer, judge_exif, xmp_tells_place,
};

/// Ancillary chunks that decide how the pixels look, or when.
const PIXEL_CHUNKS: [&[u8; 4]; 16] = [
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD",
    b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];

const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp";

pub(super) fn strip(bytes: &[u8], extent: Extent) -> Result<Option<Vec<u8>>, ImagingError> {
    let mut edits = Vec::new();
    let mut image_end = bytes.len();
    for chunk in chunks(bytes) {
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
    if drops_trailer(&bytes[image_end..], extent) {
        edits.push(Edit {
            range: image_end..bytes.len(),
            replacement: Vec::new(),
        });
    }
    Ok(apply(bytes, &edits))
}

fn judge(chunk: &Chunk<'_>, extent: Extent) -> Verdict {
    if chunk.kind == *b"eXIf" {
        return judge_exif(chunk.data, extent);
    }
    let goes = match extent {
        Extent::All => chunk.is_ancillary() && !PIXEL_CHUNKS.contains(&&chunk.kind),
        Extent::Place => match &chunk.kind {
            b"tEXt" | b"zTXt" | b"iTXt" => text_may_tell_place(chunk),
            _ => false,
        },
    };
    if goes { Verdict::Drop } else { Verdict::Keep }
}

/// What cannot be read without inflating it counts as telling.
fn text_may_tell_place(chunk: &Chunk<'_>) -> bool {
    let keyword_end = memchr(0, chunk.data).unwrap_or(chunk.data.len());
    let (keyword, rest) = chunk.data.split_at(keyword_end);
    if memmem::find(keyword, b"GPS").is_some() {
        return true;
    }
    // Older programs keep whole EXIF and XMP blocks in hexadecimal.
    if let Some(kind) = keyword.strip_prefix(b"Raw profile type ") {
        return matches!(kind, b"exif" | b"APP1" | b"app1" | b"xmp");
    }
    let compressed = chunk.kind == *b"zTXt" || rest.get(1).is_some_and(|&flag| flag != 0);
    keyword == XMP_KEYWORD && (compressed || xmp_tells_place(rest))
}

fn exif_chunk(tiff: &[u8]) -> Vec<u8> {
    let len = u32::try_from(tiff.len()).expect("rewritten EXIF is as long as it was, or minimal");
    let mut chunk = len.to_be_bytes().to_vec();
    chunk.extend(b"eXIf");
    chunk.extend(tiff);
    chunk.extend(crc32(*b"eXIf", tiff).to_be_bytes());
    chunk
}
