//! Directories of TIFF 6.0, in TIFF files and in EXIF.

use std::ops::Range;

use crate::imaging::container::end_within;
use crate::imaging::orient::Orientation;

pub(crate) const HEADER_LEN: usize = 8;
pub(crate) const ENTRY_LEN: usize = 12;
pub(crate) const ORIENTATION: u16 = 0x0112;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// A TIFF structure, or a part of it, with its byte order. All places are those in the whole structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiff<'a> {
    pub(crate) part: &'a [u8],
    pub(crate) part_at: usize,
    pub(crate) size_bytes: usize,
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

impl Endian {
    /// Of a BYTE, SHORT or LONG.
    pub(crate) fn number(self, raw: &[u8]) -> Option<u32> {
        Some(match (self, raw) {
            (_, &[a]) => u32::from(a),
            (Self::Little, &[a, b]) => u32::from(u16::from_le_bytes([a, b])),
            (Self::Big, &[a, b]) => u32::from(u16::from_be_bytes([a, b])),
            (Self::Little, _) => u32::from_le_bytes(*raw.first_chunk()?),
            (Self::Big, _) => u32::from_be_bytes(*raw.first_chunk()?),
        })
    }
}

impl<'a> Tiff<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let endian = match bytes {
            [b'I', b'I', 42, 0, ..] => Endian::Little,
            [b'M', b'M', 0, 42, ..] => Endian::Big,
            _ => return None,
        };
        Some(Self {
            part: bytes,
            part_at: 0,
            size_bytes: bytes.len(),
            endian,
        })
    }

    fn bytes(self, at: usize, len: usize) -> Option<&'a [u8]> {
        let start = at.checked_sub(self.part_at)?;
        self.part.get(start..start.checked_add(len)?)
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        let number = self.endian.number(self.bytes(at, 2)?)?;
        u16::try_from(number).ok()
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        self.endian.number(self.bytes(at, 4)?)
    }

    /// Follows an offset that stands at `at`.
    pub(crate) fn offset(self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }

    pub(crate) fn directory(self, at: usize) -> Option<Directory> {
        let count = self.u16(at)?;
        let directory = Directory { at, count };
        (directory.next_at() <= self.size_bytes).then_some(directory)
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

    /// Where the values of an entry lie; `None` if that is outside of the structure.
    pub(crate) fn values(self, entry: Entry) -> Option<Range<usize>> {
        let len = entry.len()?;
        let start = if len <= 4 {
            entry.at + 8
        } else {
            self.offset(entry.at + 8)?
        };
        let end = end_within(start as u64, len, self.size_bytes as u64)?;
        Some(start..usize::try_from(end).ok()?)
    }

    /// The first value of an entry of type BYTE, SHORT or LONG.
    pub(crate) fn number(self, entry: Entry) -> Option<u32> {
        let Range { start, end } = self.values(entry)?;
        let width = usize::from(entry.value_len()?);
        (start < end)
            .then(|| self.endian.number(self.bytes(start, width)?))
            .flatten()
    }
}

impl Entry {
    /// Bytes per value, by its type.
    pub(crate) fn value_len(self) -> Option<u8> {
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

pub(crate) fn orientation_of(value: u32) -> Orientation {
    u16::try_from(value)
        .ok()
        .and_then(Orientation::from_exif_value)
        .unwrap_or_default()
}
