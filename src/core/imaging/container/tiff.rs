//! TIFF 6.0: the first directory of the file.

use std::ops::Range;

use crate::imaging::container::ifd::{
    Directory, ENTRY_LEN, Endian, Entry, HEADER_LEN, ORIENTATION, Tiff, orientation_of,
};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::orient::Orientation;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// Frames is 1: of several pages, the first is the image.
pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    let size_bytes = window.size_bytes();
    let header = Tiff::parse(window.start_of(0..size_bytes, HEADER_LEN)?)
        .ok_or(malformed("a BigTIFF, which is not taken"))?;
    let (endian, at) = (header.endian, header.offset(4));
    let no_directory = truncated("its first directory");
    let Some(at) = at.filter(|&at| at >= HEADER_LEN) else {
        return Err(no_directory);
    };
    let part = load_directory(window, endian, at)?.ok_or(no_directory)?;
    let tiff = Tiff {
        part: &part,
        part_at: at,
        size_bytes: usize::try_from(size_bytes).unwrap_or(usize::MAX),
        endian,
    };
    let directory = tiff.directory(at).ok_or(truncated("its first directory"))?;
    let fields = Fields::read(window, tiff, directory)?;
    let (width_px, height_px) = (fields.width_px, fields.height_px);
    if width_px == 0 || height_px == 0 {
        return Err(malformed("no size"));
    }
    limits.check_frame(width_px, height_px)?;
    let data = fields.offsets.zip(fields.lengths);
    let (offsets, lengths) = data.ok_or(malformed("no image data"))?;
    check_data(window, tiff, offsets, lengths)?;
    let (bits, samples) = (fields.bits, fields.samples);
    if !(1..=64).contains(&bits) || !(1..=16).contains(&samples) {
        return Err(malformed("its samples"));
    }
    // Read into one buffer, copied into another, then made 8 bits.
    let bytes_per_pixel = u64::from(bits.div_ceil(8) * samples) * 2 + 4;
    let pixels = u64::from(width_px) * u64::from(height_px);
    Ok(Inspected {
        orientation: fields.orientation,
        has_alpha: None,
        metadata_bytes: fields.metadata_bytes,
        decoder_bytes: pixels * bytes_per_pixel + size_bytes + (1 << 20),
        ..Inspected::still(MediaType::Tiff, width_px, height_px)
    })
}

/// A copy of its entries, less than 800 KB, since their number has 16 bits.
fn load_directory(
    window: &mut Window<'_>,
    endian: Endian,
    at: usize,
) -> Result<Option<Vec<u8>>, ImagingError> {
    let at = at as u64;
    let count: Option<[u8; 2]> = window.array(at)?;
    let Some(count) = count.and_then(|raw| endian.number(&raw)) else {
        return Ok(None);
    };
    let len = 2 + count as usize * ENTRY_LEN;
    let found = window.start_of(at..at + len as u64, len)?;
    Ok((found.len() == len).then(|| found.to_vec()))
}

/// What the first directory says of the image.
struct Fields {
    width_px: u32,
    height_px: u32,
    bits: u32,
    samples: u32,
    orientation: Orientation,
    /// Of the strips or tiles: where they are, how long they are.
    offsets: Option<Entry>,
    lengths: Option<Entry>,
    metadata_bytes: u64,
}

impl Fields {
    fn read(
        window: &mut Window<'_>,
        tiff: Tiff<'_>,
        directory: Directory,
    ) -> Result<Self, ImagingError> {
        let mut fields = Self {
            width_px: 0,
            height_px: 0,
            bits: 8,
            samples: 1,
            orientation: Orientation::default(),
            offsets: None,
            lengths: None,
            metadata_bytes: 0,
        };
        for entry in tiff.entries(directory) {
            let mut number = |default| Numbers::first(window, tiff, entry, default);
            match entry.tag {
                0x0100 => fields.width_px = number(0)?,
                0x0101 => fields.height_px = number(0)?,
                0x0102 => fields.bits = number(8)?,
                0x0115 => fields.samples = number(1)?,
                ORIENTATION => fields.orientation = orientation_of(number(1)?),
                0x0111 | 0x0144 => fields.offsets = Some(entry),
                0x0117 | 0x0145 => fields.lengths = Some(entry),
                // XMP, IPTC, Photoshop, ICC
                0x02bc | 0x83bb | 0x8649 | 0x8773 => {
                    fields.metadata_bytes += entry.len().unwrap_or(0);
                }
                _ => {}
            }
        }
        Ok(fields)
    }
}

/// The values of an entry of type BYTE, SHORT or LONG, wherever in the file they are.
struct Numbers {
    values: Range<u64>,
    width: u8,
    endian: Endian,
}

impl Numbers {
    /// 128 KiB at most: where the strips are and how long they are is read by turns, a window each.
    const AT_ONCE: usize = 32 << 10;

    fn of(tiff: Tiff<'_>, entry: Entry) -> Option<Self> {
        let Range { start, end } = tiff.values(entry)?;
        Some(Self {
            values: start as u64..end as u64,
            width: entry.value_len()?,
            endian: tiff.endian,
        })
    }

    fn first(
        window: &mut Window<'_>,
        tiff: Tiff<'_>,
        entry: Entry,
        default: u32,
    ) -> Result<u32, ImagingError> {
        let first = match Self::of(tiff, entry) {
            Some(mut numbers) => numbers.read(window, 1)?.first().copied(),
            None => None,
        };
        Ok(first.unwrap_or(default))
    }

    /// The next ones; fewer than `count_max` at the end.
    fn read(
        &mut self,
        window: &mut Window<'_>,
        count_max: usize,
    ) -> Result<Vec<u32>, ImagingError> {
        let width = usize::from(self.width);
        let raw = window.start_of(self.values.clone(), count_max * width)?;
        let numbers = raw.chunks_exact(width);
        let numbers = numbers.filter_map(|raw| self.endian.number(raw)).collect();
        self.values.start += raw.len() as u64;
        Ok(numbers)
    }
}

fn check_data(
    window: &mut Window<'_>,
    tiff: Tiff<'_>,
    offsets: Entry,
    lengths: Entry,
) -> Result<(), ImagingError> {
    let both = Numbers::of(tiff, offsets).zip(Numbers::of(tiff, lengths));
    let (mut offsets, mut lengths) = both.ok_or(truncated("the places of its image data"))?;
    loop {
        let some_offsets = offsets.read(window, Numbers::AT_ONCE)?;
        let some_lengths = lengths.read(window, Numbers::AT_ONCE)?;
        for (&offset, &len) in some_offsets.iter().zip(&some_lengths) {
            if u64::from(offset) + u64::from(len) > window.size_bytes() {
                return Err(truncated("its image data"));
            }
        }
        if some_offsets.len().min(some_lengths.len()) < Numbers::AT_ONCE {
            return Ok(());
        }
    }
}

fn truncated(part: &'static str) -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Tiff,
        part,
    }
}

fn malformed(part: &'static str) -> ImagingError {
    ImagingError::Malformed {
        media: MediaType::Tiff,
        part,
    }
}
