//! ISO base media files (ISO/IEC 14496-12) that hold HEIF images: AVIF and HEIC.

use std::ops::Range;

use crate::imaging::container::{be32, heif};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// Version and flags, which some boxes have before their children.
const FULL_BOX_LEN: u64 = 4;

#[derive(Clone, Debug)]
pub(crate) struct Box {
    pub(crate) kind: [u8; 4],
    pub(crate) data: Range<u64>,
}

/// Boxes side by side, up to the first one that reaches beyond the end.
#[derive(Clone, Debug)]
pub(crate) struct Boxes {
    at: u64,
    end: u64,
}

impl Boxes {
    /// Those that tile a part of the file.
    pub(crate) fn within(range: Range<u64>) -> Self {
        Self {
            at: range.start,
            end: range.end,
        }
    }

    pub(crate) fn next(&mut self, window: &mut Window<'_>) -> Result<Option<Box>, ImagingError> {
        let left = self.end.saturating_sub(self.at);
        let header = window.start_of(self.at..self.end, 16)?;
        let found = parse(header, left).map(|(kind, header_len, len)| Box {
            kind,
            data: self.at + header_len..self.at + len,
        });
        if let Some(found) = &found {
            self.at = found.data.end;
        }
        Ok(found)
    }

    /// After the last box: whether something is left that is none.
    pub(crate) fn ends_early(&self) -> bool {
        self.at < self.end
    }

    fn find(
        &mut self,
        window: &mut Window<'_>,
        kind: [u8; 4],
    ) -> Result<Option<Box>, ImagingError> {
        while let Some(found) = self.next(window)? {
            if found.kind == kind {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Kind, length of the header, length of all; `None` if that is more than what is left.
fn parse(header: &[u8], left: u64) -> Option<([u8; 4], u64, u64)> {
    let kind = *header.get(4..)?.first_chunk()?;
    let (header_len, len) = match be32(header, 0)? {
        0 => (8, left),
        1 => (16, u64::from_be_bytes(*header.get(8..)?.first_chunk()?)),
        len => (8, u64::from(len)),
    };
    (header_len..=left)
        .contains(&len)
        .then_some((kind, header_len, len))
}

/// The data of the first box along the path.
pub(crate) fn find(
    window: &mut Window<'_>,
    within: Range<u64>,
    path: &[[u8; 4]],
) -> Result<Option<Range<u64>>, ImagingError> {
    let mut data = within;
    for &kind in path {
        match Boxes::within(data).find(window, kind)? {
            Some(found) => data = found.data,
            None => return Ok(None),
        }
    }
    Ok(Some(data))
}

/// The size is that of the primary item; where none is named, the largest: a grid is larger than its tiles, an image than
/// its thumbnail.
pub(crate) fn inspect(
    media: MediaType,
    window: &mut Window<'_>,
    limits: &Limits,
) -> Result<Inspected, ImagingError> {
    let malformed = |part| ImagingError::Malformed { media, part };
    let truncated = |part| ImagingError::Truncated { media, part };
    let (mut meta, mut movie) = (None, None);
    let mut has_data = false;
    let mut boxes = Boxes::within(0..window.size_bytes());
    while let Some(found) = boxes.next(window)? {
        let Range { start, end } = found.data;
        match &found.kind {
            b"meta" => meta = (start + FULL_BOX_LEN <= end).then_some(start + FULL_BOX_LEN..end),
            b"moov" => movie = Some(found.data),
            b"mdat" => has_data = true,
            _ => {}
        }
    }
    if boxes.ends_early() {
        return Err(truncated("a box"));
    }
    let meta = meta.ok_or(malformed("no meta box"))?;
    let properties = find(window, meta.clone(), &[*b"iprp", *b"ipco"])?
        .ok_or(malformed("no item properties"))?;
    let properties = Properties::read(media, window, properties, limits)?;
    let primary = heif::primary(window, meta.clone())?.unwrap_or_default();
    let (width_px, height_px) = primary.size.unwrap_or(properties.size);
    if width_px == 0 || height_px == 0 {
        return Err(malformed("no item with a size"));
    }
    // Small items may lie within the meta box.
    if !has_data && find(window, meta, &[*b"idat"])?.is_none() {
        return Err(truncated("no mdat box"));
    }
    let frames = match movie {
        Some(movie) => samples_max(window, movie)?.max(1),
        None => 1,
    };
    Ok(Inspected {
        frames,
        orientation: primary.orientation,
        decoder_bytes: decoder_bytes(media, u64::from(width_px) * u64::from(height_px)),
        has_alpha: Some(properties.has_alpha),
        metadata_bytes: properties.metadata_bytes,
        ..Inspected::still(media, width_px, height_px)
    })
}

fn decoder_bytes(media: MediaType, pixels: u64) -> u64 {
    /// Of 16 bits, 4:4:4: the planes of the decoder, its copy with borders and the one that tiles are put together in
    /// have 6 bytes each, alpha has 2 in each; RGBA has 4; modes and motion some 4.
    const PER_PIXEL: u64 = 3 * (6 + 2) + 4 + 4;
    if media != MediaType::Avif {
        // There is no decoder.
        return 0;
    }
    pixels * PER_PIXEL + (24 << 20)
}

/// What the properties of all items say together.
struct Properties {
    size: (u32, u32),
    has_alpha: bool,
    metadata_bytes: u64,
}

impl Properties {
    fn read(
        media: MediaType,
        window: &mut Window<'_>,
        within: Range<u64>,
        limits: &Limits,
    ) -> Result<Self, ImagingError> {
        let mut all = Self {
            size: (0, 0),
            has_alpha: false,
            metadata_bytes: 0,
        };
        let mut boxes = Boxes::within(within);
        while let Some(property) = boxes.next(window)? {
            match &property.kind {
                b"ispe" => {
                    let data = window.start_of(property.data, 12)?;
                    let side = |at| {
                        be32(data, at).ok_or(ImagingError::Malformed {
                            media,
                            part: "the size of an item",
                        })
                    };
                    let size = (side(4)?, side(8)?);
                    limits.check_frame(size.0, size.1)?;
                    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
                    if area(size) > area(all.size) {
                        all.size = size;
                    }
                }
                b"colr" => all.metadata_bytes += property.data.end - property.data.start,
                b"auxC" => all.has_alpha |= window.contains_any(property.data, &[b":alpha"])?,
                _ => {}
            }
        }
        Ok(all)
    }
}

/// The most samples that a track of an image sequence claims.
fn samples_max(window: &mut Window<'_>, movie: Range<u64>) -> Result<u32, ImagingError> {
    let mut most = 0;
    let mut boxes = Boxes::within(movie);
    while let Some(track) = boxes.find(window, *b"trak")? {
        let path = [*b"mdia", *b"minf", *b"stbl", *b"stsz"];
        if let Some(sizes) = find(window, track.data, &path)? {
            let count = be32(window.start_of(sizes, 12)?, 8);
            most = most.max(count.unwrap_or(0));
        }
    }
    Ok(most)
}
