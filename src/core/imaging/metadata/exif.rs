//! EXIF: reads the orientation, removes the place, keeping every other offset valid.

use std::ops::Range;

use crate::imaging::container::ifd::{
    Directory, ENTRY_LEN, Endian, HEADER_LEN, ORIENTATION, Tiff, orientation_of,
};
use crate::imaging::error::ImagingError;
use crate::imaging::orient::Orientation;
use crate::imaging::source::Window;

/// Points to the directory of the place.
const GPS_INFO: u16 = 0x8825;

/// Points to the directory of the camera's settings.
const EXIF_INFO: u16 = 0x8769;

/// Directories looked through: the image, its thumbnail, and as many again.
const DIRECTORIES_MAX: usize = 4;

pub(crate) enum Gps {
    /// There is none.
    None,
    Removed(Vec<u8>),
    /// Something is there that cannot be followed, so nobody knows.
    Unreadable,
}

/// What is read of a TIFF structure. JPEG has room for 64 KiB; what is longer than this counts as unreadable.
pub(crate) const LEN_MAX: usize = 512 << 10;

/// The orientation, of a TIFF structure somewhere in an original.
pub(crate) fn load_orientation(
    window: &mut Window<'_>,
    tiff: Range<u64>,
) -> Result<Option<Orientation>, ImagingError> {
    Ok(orientation(window.start_of(tiff, LEN_MAX)?))
}

pub(crate) fn orientation(tiff: &[u8]) -> Option<Orientation> {
    let tiff = Tiff::parse(tiff)?;
    let entry = tiff
        .entries(tiff.first_directory()?)
        .find(|entry| entry.tag == ORIENTATION)?;
    Some(orientation_of(tiff.number(entry)?))
}

/// A TIFF structure that holds the orientation only.
pub(crate) fn minimal(orientation: Orientation) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    tiff.extend(ORIENTATION.to_be_bytes());
    // SHORT, one value, which stands first in its four bytes.
    tiff.extend([0, 3, 0, 0, 0, 1]);
    tiff.extend(orientation.exif_value().to_be_bytes());
    tiff.extend([0; 6]);
    tiff
}

/// Same length, same offsets: the entry is taken out of its directory, the place is overwritten with zeros.
pub(crate) fn without_gps(bytes: &[u8]) -> Gps {
    if bytes.is_empty() {
        return Gps::None;
    }
    let Some(places) = find_places(bytes) else {
        return Gps::Unreadable;
    };
    if places.is_empty() {
        return Gps::None;
    }
    let mut rewritten = bytes.to_vec();
    for place in &places {
        if erase(&mut rewritten, place).is_none() {
            return Gps::Unreadable;
        }
    }
    // A hostile place may overlap what it should not; then nothing of it can be trusted.
    let clean = find_places(&rewritten).is_some_and(|places| places.is_empty());
    if clean && orientation(&rewritten) == orientation(bytes) {
        Gps::Removed(rewritten)
    } else {
        Gps::Unreadable
    }
}

/// An entry that points to a place, and its directory.
struct Place {
    directory_at: usize,
    gps_at: usize,
}

/// `None` if a directory lies outside of the bytes, or there are too many.
fn find_places(bytes: &[u8]) -> Option<Vec<Place>> {
    let tiff = Tiff::parse(bytes)?;
    let mut waiting = vec![tiff.first_directory()?];
    let mut places = Vec::new();
    let mut seen = 0;
    while let Some(directory) = waiting.pop() {
        seen += 1;
        if seen > DIRECTORIES_MAX {
            return None;
        }
        for entry in tiff.entries(directory) {
            match entry.tag {
                GPS_INFO => places.push(Place {
                    directory_at: directory.at,
                    gps_at: tiff.offset(entry.at + 8)?,
                }),
                EXIF_INFO => waiting.push(tiff.directory(tiff.offset(entry.at + 8)?)?),
                _ => {}
            }
        }
        // Some cameras leave the offset of the next directory out at the end.
        match tiff.offset(directory.next_at()) {
            None | Some(0) => {}
            Some(next_at) => waiting.push(tiff.directory(next_at)?),
        }
    }
    Some(places)
}

fn erase(bytes: &mut [u8], place: &Place) -> Option<()> {
    erase_directory(bytes, place.gps_at)?;
    let tiff = Tiff::parse(bytes)?;
    let directory = tiff.directory(place.directory_at)?;
    let entry = tiff
        .entries(directory)
        .find(|entry| entry.tag == GPS_INFO)?;
    let count = directory.count - 1;
    let endian = tiff.endian;
    // All that follows the entry moves up, the offset of the next directory included.
    let next_end = (directory.next_at() + 4).min(bytes.len());
    bytes.copy_within(entry.at + ENTRY_LEN..next_end, entry.at);
    bytes.get_mut(next_end - ENTRY_LEN..next_end)?.fill(0);
    let count = match endian {
        Endian::Little => count.to_le_bytes(),
        Endian::Big => count.to_be_bytes(),
    };
    bytes
        .get_mut(directory.at..directory.at + 2)?
        .copy_from_slice(&count);
    Some(())
}

/// Zeros a directory and the values it points to.
fn erase_directory(bytes: &mut [u8], at: usize) -> Option<()> {
    let tiff = Tiff::parse(bytes)?;
    let directory: Directory = (at >= HEADER_LEN).then(|| tiff.directory(at)).flatten()?;
    let mut ranges = Vec::new();
    for entry in tiff.entries(directory) {
        let range = tiff.values(entry)?;
        // The header must survive, or nothing could be read afterwards.
        if range.start < HEADER_LEN {
            return None;
        }
        ranges.push(range);
    }
    ranges.push(directory.at..directory.next_at());
    for range in ranges {
        bytes.get_mut(range)?.fill(0);
    }
    Some(())
}
