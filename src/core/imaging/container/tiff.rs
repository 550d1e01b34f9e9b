//! TIFF 6.0: the first directory of the file, and the directory format that EXIF shares.

use crate::imaging::container::end_within;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::orient::Orientation;
use crate::model::media::MediaType;

pub(crate) const HEADER_LEN: usize = 8;
pub(crate) const ENTRY_LEN: usize = 12;
pub(crate) const ORIENTATION: u16 = 0x0112;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// Bytes of a TIFF structure with their byte order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiff<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) endian: Endian,
}

/// One entry of a directory, at `at`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) at: usize,
    pub(crate) tag: u16,
    kind: u16,
    count: u32,
}

/// A directory whose entries lie within the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directory {
    pub(crate) at: usize,
    pub(crate) count: u16,
}

impl Directory {
    pub(crate) fn entries_at(self) -> usize {
        self.at + 2
    }

    /// Where the offset of the next directory stands.
    pub(crate) fn next_at(self) -> usize {
        self.entries_at() + usize::from(self.count) * ENTRY_LEN
    }
}

impl<'a> Tiff<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let endian = match bytes {
            [b'I', b'I', 42, 0, ..] => Endian::Little,
            [b'M', b'M', 0, 42, ..] => Endian::Big,
            _ => return None,
        };
        Some(Self { bytes, endian })
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        let raw = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.endian {
            Endian::Little => u16::from_le_bytes(raw),
            Endian::Big => u16::from_be_bytes(raw),
        })
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        let raw = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.endian {
            Endian::Little => u32::from_le_bytes(raw),
            Endian::Big => u32::from_be_bytes(raw),
        })
    }

    /// Follows an offset that stands at `at`.
    pub(crate) fn offset(self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }

    pub(crate) fn directory(self, at: usize) -> Option<Directory> {
        let count = self.u16(at)?;
        let directory = Directory { at, count };
        (directory.next_at() <= self.bytes.len()).then_some(directory)
    }

    pub(crate) fn first_directory(self) -> Option<Directory> {
        let at = self.offset(4)?;
        (at >= HEADER_LEN).then(|| self.directory(at)).flatten()
    }

    pub(crate) fn entries(self, directory: Directory) -> impl Iterator<Item = Entry> + use<'a> {
        (0..usize::from(directory.count)).filter_map(move |index| {
            let at = directory.entries_at() + index * ENTRY_LEN;
            Some(Entry {
                at,
                tag: self.u16(at)?,
                kind: self.u16(at + 2)?,
                count: self.u32(at + 4)?,
            })
        })
    }

    /// Where the values of an entry lie; `None` if that is outside of the file.
    pub(crate) fn values(self, entry: Entry) -> Option<std::ops::Range<usize>> {
        let len = entry.len()?;
        let start = if len <= 4 {
            entry.at + 8
        } else {
            self.offset(entry.at + 8)?
        };
        Some(start..end_within(start, len, self.bytes.len())?)
    }

    /// The values of an entry of type BYTE, SHORT or LONG.
    fn numbers(self, entry: Entry) -> Option<impl ExactSizeIterator<Item = u32> + use<'a>> {
        let width = usize::from(entry.value_len()?);
        let range = self.values(entry)?;
        let numbers = self.bytes.get(range)?.chunks_exact(width);
        Some(numbers.map(move |raw| {
            let tiff = Tiff {
                bytes: raw,
                endian: self.endian,
            };
            match raw.len() {
                1 => u32::from(raw[0]),
                2 => tiff.u16(0).map_or(0, u32::from),
                _ => tiff.u32(0).unwrap_or(0),
            }
        }))
    }

    pub(crate) fn number(self, entry: Entry) -> Option<u32> {
        self.numbers(entry)?.next()
    }
}

impl Entry {
    /// Bytes per value, by its type.
    fn value_len(self) -> Option<u8> {
        match self.kind {
            1 | 2 | 6 | 7 => Some(1),
            3 | 8 => Some(2),
            4 | 9 | 11 | 13 => Some(4),
            5 | 10 | 12 => Some(8),
            _ => None,
        }
    }

    pub(crate) fn len(self) -> Option<u64> {
        Some(u64::from(self.count) * u64::from(self.value_len()?))
    }
}

/// Frames is 1: of several pages, the first is the image.
pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    let tiff = Tiff::parse(bytes).ok_or(malformed("a BigTIFF, which is not taken"))?;
    let directory = tiff
        .first_directory()
        .ok_or(truncated("its first directory"))?;
    let (mut width_px, mut height_px) = (0, 0);
    let (mut bits, mut samples, mut orientation) = (8, 1, Orientation::default());
    let (mut offsets, mut lengths) = (None, None);
    let mut metadata_bytes = 0;
    for entry in tiff.entries(directory) {
        let number = |default| tiff.number(entry).unwrap_or(default);
        match entry.tag {
            0x0100 => width_px = number(0),
            0x0101 => height_px = number(0),
            0x0102 => bits = number(8),
            0x0115 => samples = number(1),
            ORIENTATION => orientation = orientation_of(number(1)),
            // Strips or tiles: where they are, how long they are.
            0x0111 | 0x0144 => offsets = Some(entry),
            0x0117 | 0x0145 => lengths = Some(entry),
            // XMP, IPTC, Photoshop, ICC
            0x02bc | 0x83bb | 0x8649 | 0x8773 => metadata_bytes += entry.len().unwrap_or(0),
            _ => {}
        }
    }
    if width_px == 0 || height_px == 0 {
        return Err(malformed("no size"));
    }
    limits.check_frame(width_px, height_px)?;
    let (offsets, lengths) = offsets.zip(lengths).ok_or(malformed("no image data"))?;
    check_data(tiff, offsets, lengths)?;
    if !(1..=64).contains(&bits) || !(1..=16).contains(&samples) {
        return Err(malformed("its samples"));
    }
    // Read into one buffer, copied into another, then made 8 bits.
    let bytes_per_pixel = u64::from(bits.div_ceil(8) * samples) * 2 + 4;
    let pixels = u64::from(width_px) * u64::from(height_px);
    Ok(Inspected {
        orientation,
        has_alpha: None,
        metadata_bytes,
        decoder_bytes: pixels * bytes_per_pixel + bytes.len() as u64 + (1 << 20),
        ..Inspected::still(MediaType::Tiff, width_px, height_px)
    })
}

pub(crate) fn orientation_of(value: u32) -> Orientation {
    u16::try_from(value)
        .ok()
        .and_then(Orientation::from_exif_value)
        .unwrap_or_default()
}

fn check_data(tiff: Tiff<'_>, offsets: Entry, lengths: Entry) -> Result<(), ImagingError> {
    let both = tiff.numbers(offsets).zip(tiff.numbers(lengths));
    let (offsets, lengths) = both.ok_or(truncated("the places of its image data"))?;
    for (offset, len) in offsets.zip(lengths) {
        let end = u64::from(offset) + u64::from(len);
        if end > tiff.bytes.len() as u64 {
            return Err(truncated("its image data"));
        }
    }
    Ok(())
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
