//! JPEG (ITU-T T.81): marker segments and entropy-coded scans.

use memchr::memchr;

use crate::imaging::container::be16;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::metadata::exif;
use crate::model::media::MediaType;

pub(crate) const SOS: u8 = 0xda;
pub(crate) const EOI: u8 = 0xd9;
pub(crate) const APP0: u8 = 0xe0;
pub(crate) const APP1: u8 = 0xe1;
pub(crate) const APP2: u8 = 0xe2;
pub(crate) const APP14: u8 = 0xee;
pub(crate) const COM: u8 = 0xfe;

/// Starts the payload of an APP1 segment that holds EXIF; the last byte pads, and is not always 0.
pub(crate) const EXIF: &[u8] = b"Exif\0\0";

/// One marker with all that belongs to it; segments tile the image from behind SOI to the end of EOI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    /// Where it starts and ends in the file; a scan ends where its entropy-coded data does.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Behind the length field; of a scan, its header only.
    pub(crate) payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// The TIFF structure, if this is an EXIF segment.
    pub(crate) fn exif(&self) -> Option<&'a [u8]> {
        let holds = self.marker == APP1 && self.payload.starts_with(&EXIF[..5]);
        holds.then(|| self.payload.get(EXIF.len()..).unwrap_or_default())
    }
}

/// Ends after EOI, or after the first error.
#[derive(Debug)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
}

pub(crate) fn segments(bytes: &[u8]) -> Segments<'_> {
    Segments {
        bytes,
        at: 2,
        done: false,
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, ImagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let segment = self.read();
        match &segment {
            Some(segment) => {
                self.at = segment.end;
                self.done = segment.marker == EOI;
            }
            None => self.done = true,
        }
        Some(segment.ok_or(truncated()))
    }
}

impl<'a> Segments<'a> {
    fn read(&self) -> Option<Segment<'a>> {
        let start = self.at;
        let (marker, at) = self.find_marker(start)?;
        if !has_length(marker) {
            return Some(Segment {
                marker,
                start,
                end: at,
                payload: &[],
            });
        }
        let len = usize::from(be16(self.bytes, at)?);
        let payload = self.bytes.get(at + 2..at + len.max(2))?;
        let mut end = at + len.max(2);
        if marker == SOS {
            end = scan_end(self.bytes, end)?;
        }
        Some(Segment {
            marker,
            start,
            end,
            payload,
        })
    }

    /// The next marker and where it ends. Stray bytes before it belong to it: every decoder skips them.
    fn find_marker(&self, mut at: usize) -> Option<(u8, usize)> {
        loop {
            at += memchr(0xff, self.bytes.get(at..)?)? + 1;
            match *self.bytes.get(at)? {
                0 => at += 1,
                0xff => {} // fill byte
                marker => return Some((marker, at + 1)),
            }
        }
    }
}

fn has_length(marker: u8) -> bool {
    !matches!(marker, 0x01 | 0xd0..=0xd9)
}

/// Where the entropy-coded data ends: at a marker that is neither a stuffed byte nor a restart.
fn scan_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr(0xff, bytes.get(at..)?)?;
        match *bytes.get(at + 1)? {
            0 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    let mut orientation = None;
    let mut metadata_bytes = 0;
    for segment in segments(bytes) {
        let segment = segment?;
        match segment.marker {
            // SOF0..SOF15, but for the tables that share the range: DHT, JPG, DAC.
            0xc0..=0xcf if !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc) => {
                if frame.is_some() {
                    return Err(malformed("a second frame header"));
                }
                let header = Frame::parse(&segment)?;
                limits.check_frame(header.width_px, header.height_px)?;
                frame = Some(header);
            }
            SOS => {
                if frame.is_none() {
                    return Err(malformed("a scan before the frame header"));
                }
                scans += 1;
                limits.check_scans(scans)?;
            }
            APP0..=0xef | COM => {
                metadata_bytes += segment.payload.len() as u64;
                if let (None, Some(tiff)) = (orientation, segment.exif()) {
                    orientation = exif::orientation(tiff);
                }
            }
            _ => {}
        }
    }
    let frame = frame.ok_or(malformed("no frame header"))?;
    if scans == 0 {
        return Err(malformed("no scan"));
    }
    Ok(Inspected {
        orientation: orientation.unwrap_or_default(),
        has_alpha: Some(false),
        metadata_bytes,
        decoder_bytes: frame.decoder_bytes(scans),
        ..Inspected::still(MediaType::Jpeg, frame.width_px, frame.height_px)
    })
}

struct Frame {
    width_px: u32,
    height_px: u32,
    components: u64,
    progressive: bool,
}

impl Frame {
    fn parse(segment: &Segment<'_>) -> Result<Self, ImagingError> {
        let field = |at| be16(segment.payload, at).ok_or(malformed("the frame header"));
        let components = segment.payload.get(5).copied().unwrap_or(0);
        let frame = Self {
            height_px: u32::from(field(1)?),
            width_px: u32::from(field(3)?),
            components: u64::from(components),
            progressive: segment.marker == 0xc2,
        };
        if frame.width_px == 0 || frame.height_px == 0 {
            return Err(malformed("a side of 0 px"));
        }
        if !(1..=4).contains(&components) {
            return Err(malformed("the number of components"));
        }
        Ok(frame)
    }

    /// The pixels, one row of blocks, and for more than one pass the coefficients of all blocks.
    fn decoder_bytes(&self, scans: u32) -> u64 {
        /// The largest unit that sampling factors make: 4 blocks of 8 px.
        const UNIT_PX: u64 = 32;
        let width = u64::from(self.width_px).next_multiple_of(UNIT_PX);
        let height = u64::from(self.height_px).next_multiple_of(UNIT_PX);
        let pixels = width * height * if self.components == 1 { 1 } else { 3 };
        let rows = width * UNIT_PX * 4 * self.components * 2;
        let coefficients = if self.progressive || scans > 1 {
            width * height * self.components * 2
        } else {
            0
        };
        pixels + rows + coefficients
    }
}

fn truncated() -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Jpeg,
        part: "no end-of-image marker",
    }
}

fn malformed(part: &'static str) -> ImagingError {
    ImagingError::Malformed {
        media: MediaType::Jpeg,
        part,
    }
}
