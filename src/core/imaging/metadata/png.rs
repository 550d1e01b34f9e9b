//! Metadata of PNG: EXIF, texts, time, and what follows the image.

use memchr::{memchr, memmem};

use crate::imaging::container::png::{Chunk, Chunks, crc32};
use crate::imaging::error::ImagingError;
use crate::imaging::limits::DamagedPolicy;
use crate::imaging::metadata::plan::Edits;
use crate::imaging::metadata::{Extent, Verdict, XMP_PLACE, drops_trailer, judge_exif};
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// Ancillary chunks that decide how the pixels look, or when.
const PIXEL_CHUNKS: [&[u8; 4]; 16] = [
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD",
    b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];

const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp";

/// Stands in keywords of texts that tell the place.
const KEYWORD_PLACE: &[u8] = b"GPS";

/// By the standard.
const KEYWORD_LEN_MAX: usize = 79;

pub(super) fn strip(window: &mut Window<'_>, extent: Extent) -> Result<Edits, ImagingError> {
    let mut edits = Edits::new(MediaType::Png);
    let mut image_end = window.size_bytes();
    let mut chunks = Chunks::new(DamagedPolicy::Accept);
    while let Some(chunk) = chunks.next(window)? {
        image_end = chunk.end;
        let range = chunk.start..chunk.end;
        match judge(window, &chunk, extent)? {
            Verdict::Keep => {}
            Verdict::Drop => edits.drop(range)?,
            Verdict::Exif(tiff) => edits.replace(range, exif_chunk(&tiff))?,
        }
    }
    if drops_trailer(window, image_end, extent)? {
        edits.drop(image_end..window.size_bytes())?;
    }
    Ok(edits)
}

fn judge(window: &mut Window<'_>, chunk: &Chunk, extent: Extent) -> Result<Verdict, ImagingError> {
    if chunk.kind == *b"eXIf" {
        return judge_exif(window, chunk.data.clone(), extent);
    }
    let goes = match extent {
        Extent::All => chunk.is_ancillary() && !PIXEL_CHUNKS.contains(&&chunk.kind),
        Extent::Place => match &chunk.kind {
            b"tEXt" | b"zTXt" | b"iTXt" => text_may_tell_place(window, chunk)?,
            _ => false,
        },
    };
    Ok(if goes { Verdict::Drop } else { Verdict::Keep })
}

/// What cannot be read without inflating it counts as telling.
fn text_may_tell_place(window: &mut Window<'_>, chunk: &Chunk) -> Result<bool, ImagingError> {
    let data = chunk.data.clone();
    // With the bytes behind it: its end, and the flag of compression.
    let head = window.start_of(data.clone(), KEYWORD_LEN_MAX + 2)?;
    let Some(keyword_end) = memchr(0, head) else {
        // A keyword without an end: all of it is looked at.
        return window.contains_any(data, &[KEYWORD_PLACE]);
    };
    let (keyword, rest) = head.split_at(keyword_end);
    if memmem::find(keyword, KEYWORD_PLACE).is_some() {
        return Ok(true);
    }
    // Older programs keep whole EXIF and XMP blocks in hexadecimal.
    if let Some(kind) = keyword.strip_prefix(b"Raw profile type ") {
        return Ok(matches!(kind, b"exif" | b"APP1" | b"app1" | b"xmp"));
    }
    let compressed = chunk.kind == *b"zTXt" || rest.get(1).is_some_and(|&flag| flag != 0);
    if keyword != XMP_KEYWORD {
        return Ok(false);
    }
    Ok(compressed || window.contains_any(data, &[XMP_PLACE])?)
}

fn exif_chunk(tiff: &[u8]) -> Vec<u8> {
    let len = u32::try_from(tiff.len()).expect("rewritten EXIF is as long as it was, or minimal");
    let mut chunk = len.to_be_bytes().to_vec();
    chunk.extend(b"eXIf");
    chunk.extend(tiff);
    chunk.extend(crc32(*b"eXIf", tiff).to_be_bytes());
    chunk
}
