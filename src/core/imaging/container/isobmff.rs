//! ISO base media files (ISO/IEC 14496-12) that hold HEIF images: AVIF and HEIC.

use crate::imaging::container::be32;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::model::media::MediaType;

/// Version and flags, which some boxes have before their children.
const FULL_BOX_LEN: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Box<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) data: &'a [u8],
}

/// Boxes side by side; `None` inside once one reaches beyond the end.
#[derive(Clone, Debug)]
pub(crate) struct Boxes<'a> {
    rest: &'a [u8],
}

pub(crate) fn boxes(bytes: &[u8]) -> Boxes<'_> {
    Boxes { rest: bytes }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Option<Box<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = split(self.rest);
        self.rest = found.map_or(&[], |(_, rest)| rest);
        Some(found.map(|(found, _)| found))
    }
}

fn split(bytes: &[u8]) -> Option<(Box<'_>, &[u8])> {
    let kind = *bytes.get(4..)?.first_chunk()?;
    let (header_len, size) = match be32(bytes, 0)? {
        0 => (8, bytes.len()),
        1 => {
            let size = u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
            (16, usize::try_from(size).ok()?)
        }
        size => (8, usize::try_from(size).ok()?),
    };
    let (found, rest) = bytes.split_at_checked(size)?;
    let data = found.get(header_len..)?;
    Some((Box { kind, data }, rest))
}

/// The data of the first box along the path.
fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |inside, kind| {
        boxes(inside)
            .flatten()
            .find(|found| found.kind == **kind)
            .map(|found| found.data)
    })
}

/// The size is the largest of all items: a grid is larger than its tiles, an image than its thumbnail.
pub(crate) fn inspect(
    media: MediaType,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Inspected, ImagingError> {
    let malformed = |part| ImagingError::Malformed { media, part };
    let (mut meta, mut movie): (Option<&[u8]>, Option<&[u8]>) = (None, None);
    let mut has_data = false;
    for found in boxes(bytes) {
        let found = found.ok_or(ImagingError::Truncated {
            media,
            part: "a box",
        })?;
        match &found.kind {
            b"meta" => meta = found.data.get(FULL_BOX_LEN..),
            b"moov" => movie = Some(found.data),
            b"mdat" => has_data = true,
            _ => {}
        }
    }
    let meta = meta.ok_or(malformed("no meta box"))?;
    let properties = find(meta, &[b"iprp", b"ipco"]).ok_or(malformed("no item properties"))?;
    let mut size = (0, 0);
    let mut metadata_bytes = 0;
    let mut has_alpha = false;
    for property in boxes(properties).flatten() {
        match &property.kind {
            b"ispe" => {
                let side = |at| be32(property.data, at).ok_or(malformed("the size of an item"));
                let (width_px, height_px) = (side(4)?, side(8)?);
                limits.check_frame(width_px, height_px)?;
                let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
                if area((width_px, height_px)) > area(size) {
                    size = (width_px, height_px);
                }
            }
            b"colr" => metadata_bytes += property.data.len() as u64,
            b"auxC" => has_alpha |= memchr::memmem::find(property.data, b":alpha").is_some(),
            _ => {}
        }
    }
    if size.0 == 0 || size.1 == 0 {
        return Err(malformed("no item with a size"));
    }
    // Small items may lie within the meta box.
    if !has_data && find(meta, &[b"idat"]).is_none() {
        return Err(ImagingError::Truncated {
            media,
            part: "no mdat box",
        });
    }
    Ok(Inspected {
        frames: movie.map_or(1, samples_max).max(1),
        has_alpha: Some(has_alpha),
        metadata_bytes,
        ..Inspected::still(media, size.0, size.1)
    })
}

/// The most samples that a track of an image sequence claims.
fn samples_max(movie: &[u8]) -> u32 {
    boxes(movie)
        .flatten()
        .filter(|track| track.kind == *b"trak")
        .filter_map(|track| find(track.data, &[b"mdia", b"minf", b"stbl", b"stsz"]))
        .filter_map(|sizes| be32(sizes, 8))
        .max()
        .unwrap_or(0)
}
