//! Metadata of WebP: the chunks EXIF and XMP, and the flags that announce them.

use crate::imaging::container::webp::{Chunk, Chunks, FLAG_EXIF, FLAG_XMP, HEADER_LEN};
use crate::imaging::error::ImagingError;
use crate::imaging::metadata::plan::Edits;
use crate::imaging::metadata::{Extent, Verdict, XMP_PLACE, drops_trailer, judge_exif};
use crate::imaging::source::Window;
use crate::model::media::MediaType;

pub(super) fn strip(window: &mut Window<'_>, extent: Extent) -> Result<Edits, ImagingError> {
    let mut edits = Edits::new(MediaType::Webp);
    let mut left = Left::default();
    let mut image_end = HEADER_LEN.min(window.size_bytes());
    let mut chunks = Chunks::open(window)?;
    while let Some(chunk) = chunks.next(window)? {
        image_end = chunk.end;
        let range = chunk.start..chunk.end;
        match judge(window, &chunk, extent)? {
            Verdict::Keep => left.note(&chunk),
            Verdict::Drop => edits.drop(range)?,
            Verdict::Exif(tiff) => {
                left.note(&chunk);
                edits.replace(range, exif_chunk(&tiff))?;
            }
        }
    }
    let size_bytes = window.size_bytes();
    let mut trailer_len = size_bytes - image_end;
    if drops_trailer(window, image_end, extent)? {
        edits.drop(image_end..size_bytes)?;
        trailer_len = 0;
    }
    if !edits.is_empty() {
        left.fix_header(window, &mut edits, trailer_len)?;
    }
    Ok(edits)
}

fn judge(window: &mut Window<'_>, chunk: &Chunk, extent: Extent) -> Result<Verdict, ImagingError> {
    let goes = match (&chunk.kind, extent) {
        (b"EXIF", _) => {
            let tiff = chunk.exif(window)?;
            return judge_exif(window, tiff, extent);
        }
        (b"XMP ", Extent::Place) => window.contains_any(chunk.data.clone(), &[XMP_PLACE])?,
        (b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP", Extent::All)
        | (_, Extent::Place) => false,
        (_, Extent::All) => true,
    };
    Ok(if goes { Verdict::Drop } else { Verdict::Keep })
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

/// What is left of the metadata.
#[derive(Default)]
struct Left {
    has_exif: bool,
    has_xmp: bool,
    flags_at: Option<u64>,
}

impl Left {
    fn note(&mut self, chunk: &Chunk) {
        match &chunk.kind {
            b"EXIF" => self.has_exif = true,
            b"XMP " => self.has_xmp = true,
            b"VP8X" if !chunk.data.is_empty() => self.flags_at = Some(chunk.data.start),
            _ => {}
        }
    }

    /// Makes the size and the flags of the file say what is left in it.
    fn fix_header(
        &self,
        window: &mut Window<'_>,
        edits: &mut Edits,
        trailer_len: u64,
    ) -> Result<(), ImagingError> {
        let malformed = ImagingError::Malformed {
            media: MediaType::Webp,
            part: "its size",
        };
        let size = edits.size_bytes_after(window.size_bytes()) - trailer_len - 8;
        let Ok(size) = u32::try_from(size) else {
            return Err(malformed);
        };
        edits.replace(4..8, size.to_le_bytes().to_vec())?;
        let Some(at) = self.flags_at else {
            return Ok(());
        };
        let flag = |set: bool, flag| if set { flag } else { 0 };
        let found = window.byte(at)?.ok_or(malformed)?;
        let fixed = found & !(FLAG_EXIF | FLAG_XMP)
            | flag(self.has_exif, FLAG_EXIF)
            | flag(self.has_xmp, FLAG_XMP);
        if fixed == found {
            return Ok(());
        }
        edits.replace(at..at + 1, vec![fixed])
    }
}
