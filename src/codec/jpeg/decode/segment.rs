//! Marker segments: what stands between the coded data (T.81, annex B).

use memchr::memchr;

use super::error::{DecodeError, Part, truncated};

pub(super) mod marker {
    //! Second bytes of the markers that mean something here.

    pub(crate) const BASELINE: u8 = 0xc0;
    pub(crate) const EXTENDED: u8 = 0xc1;
    pub(crate) const PROGRESSIVE: u8 = 0xc2;
    pub(crate) const HUFFMAN_TABLES: u8 = 0xc4;
    pub(crate) const RESTART_FIRST: u8 = 0xd0;
    pub(crate) const RESTART_LAST: u8 = 0xd7;
    pub(crate) const START_OF_IMAGE: u8 = 0xd8;
    pub(crate) const END_OF_IMAGE: u8 = 0xd9;
    pub(crate) const START_OF_SCAN: u8 = 0xda;
    pub(crate) const QUANTISATION_TABLES: u8 = 0xdb;
    pub(crate) const RESTART_INTERVAL: u8 = 0xdd;
    pub(crate) const JFIF: u8 = 0xe0;
    pub(crate) const ADOBE: u8 = 0xee;
    pub(crate) const TEMPORARY: u8 = 0x01;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    /// What follows the length.
    pub(super) body: &'a [u8],
}

/// The segments of a file, one after the other; coded data is stepped over as garbage is.
#[derive(Clone, Debug)]
pub(super) struct Segments<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Segments<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if !bytes.starts_with(&[0xff, marker::START_OF_IMAGE]) {
            return Err(DecodeError::NotJpeg);
        }
        Ok(Self { bytes, position: 2 })
    }

    /// Where the next marker is looked for; after a scan header, where its coded data begins.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn resume_at(&mut self, position: usize) {
        self.position = position;
    }

    /// The next segment, the end-of-image marker included; `None` where the input ends without one.
    pub(super) fn next(&mut self) -> Result<Option<Segment<'a>>, DecodeError> {
        while let Some((at, marker)) = find_marker(self.bytes, self.position) {
            self.position = at + 2;
            if is_alone(marker) {
                continue;
            }
            if marker == marker::END_OF_IMAGE {
                return Ok(Some(Segment { marker, body: &[] }));
            }
            let Some(&[high, low]) = self.bytes.get(at + 2..at + 4) else {
                return truncated(Part::Segment);
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < 2 {
                return Err(DecodeError::Malformed {
                    part: Part::Segment,
                });
            }
            let Some(body) = self.bytes.get(at + 4..at + 2 + length) else {
                return truncated(Part::Segment);
            };
            self.position = at + 2 + length;
            return Ok(Some(Segment { marker, body }));
        }
        self.position = self.bytes.len();
        Ok(None)
    }
}

/// The first marker at or after a position: where its last 0xff stands, and its second byte.
pub(super) fn find_marker(bytes: &[u8], from: usize) -> Option<(usize, u8)> {
    let mut position = from;
    loop {
        position += memchr(0xff, bytes.get(position..)?)?;
        match *bytes.get(position + 1)? {
            0x00 => position += 2,
            0xff => position += 1,
            marker => return Some((position, marker)),
        }
    }
}

/// Where the coded data that begins at a position ends: at the first marker that is no restart.
pub(super) fn end_of_coded_data(bytes: &[u8], from: usize) -> usize {
    let mut position = from;
    while let Some((at, marker)) = find_marker(bytes, position) {
        if !is_alone(marker) {
            return at;
        }
        position = at + 2;
    }
    bytes.len()
}

pub(super) fn is_restart(marker: u8) -> bool {
    (marker::RESTART_FIRST..=marker::RESTART_LAST).contains(&marker)
}

/// Markers without a segment.
fn is_alone(marker: u8) -> bool {
    is_restart(marker) || marker == marker::TEMPORARY || marker == marker::START_OF_IMAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_bytes_and_garbage_before_a_marker_are_stepped_over() {
        let bytes = [
            0xff, 0xd8, 7, 0xff, 0, 9, 0xff, 0xff, 0xff, 0xfe, 0, 3, 42, 0xff, 0xd9,
        ];
        let mut segments = Segments::open(&bytes).unwrap();
        let comment = segments.next().unwrap().unwrap();
        assert_eq!((comment.marker, comment.body), (0xfe, &[42][..]));
        assert_eq!(segments.next().unwrap().unwrap().marker, 0xd9);
        assert!(segments.next().unwrap().is_none());
    }

    #[test]
    fn a_segment_longer_than_the_file_is_truncated() {
        let mut segments = Segments::open(&[0xff, 0xd8, 0xff, 0xfe, 0, 30, 1]).unwrap();
        assert_eq!(
            segments.next().unwrap_err(),
            DecodeError::Truncated {
                part: Part::Segment
            }
        );
    }
}
