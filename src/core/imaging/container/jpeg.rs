//! JPEG (ITU-T T.81): marker segments and entropy-coded scans.

use std::ops::Range;

use memchr::memchr;

use crate::imaging::container::be16;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::{DamagedPolicy, Limits};
use crate::imaging::metadata::exif;
use crate::imaging::source::Window;
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

/// Starts the payload of an APP2 segment that holds a part of a profile; its number and the number of parts follow.
pub(crate) const ICC: &[u8] = b"ICC_PROFILE\0";

/// One marker with all that belongs to it; segments tile the image from behind SOI to the end of EOI.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) marker: u8,
    /// Where it starts and ends in the file; a scan ends where its entropy-coded data does.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Behind the length field, so less than 64 KiB; of a scan, its header only.
    pub(crate) payload: Range<u64>,
}

impl Segment {
    /// More than a length field can say.
    const PAYLOAD_LEN_MAX: usize = 64 << 10;

    /// The whole payload.
    pub(crate) fn load<'a>(&self, window: &'a mut Window<'_>) -> Result<&'a [u8], ImagingError> {
        window.start_of(self.payload.clone(), Self::PAYLOAD_LEN_MAX)
    }

    pub(crate) fn starts_with(
        &self,
        window: &mut Window<'_>,
        sign: &[u8],
    ) -> Result<bool, ImagingError> {
        Ok(window.start_of(self.payload.clone(), sign.len())? == sign)
    }

    /// Where the TIFF structure lies, if this is an EXIF segment.
    pub(crate) fn exif(&self, window: &mut Window<'_>) -> Result<Option<Range<u64>>, ImagingError> {
        let holds = self.marker == APP1 && self.starts_with(window, &EXIF[..5])?;
        let Range { start, end } = self.payload;
        Ok(holds.then_some((start + EXIF.len() as u64).min(end)..end))
    }
}

/// Ends after EOI, or after the first error.
#[derive(Debug)]
pub(crate) struct Segments {
    at: u64,
    done: bool,
    /// Whether the end of the image was found.
    is_whole: bool,
    damaged: DamagedPolicy,
}

impl Segments {
    /// Where damage is accepted, a file may end anywhere: its last segment is then shorter than it says, and bytes that
    /// hold no whole marker belong to none.
    pub(crate) fn new(damaged: DamagedPolicy) -> Self {
        Self {
            at: 2,
            done: false,
            is_whole: false,
            damaged,
        }
    }

    pub(crate) fn next(
        &mut self,
        window: &mut Window<'_>,
    ) -> Result<Option<Segment>, ImagingError> {
        if self.done {
            return Ok(None);
        }
        self.done = true;
        let Some(segment) = self.read(window)? else {
            return match self.damaged {
                DamagedPolicy::Refuse => Err(truncated()),
                DamagedPolicy::Accept => Ok(None),
            };
        };
        self.at = segment.end;
        self.is_whole = segment.marker == EOI;
        self.done = self.is_whole;
        Ok(Some(segment))
    }

    /// As [`Self::next`], but ends before the first scan, and looks no further.
    fn next_before_scan(
        &mut self,
        window: &mut Window<'_>,
    ) -> Result<Option<Segment>, ImagingError> {
        match find_marker(window, self.at, Restart::IsMarker)? {
            Some(found) if found.code != SOS => self.next(window),
            Some(_) | None => Ok(None),
        }
    }

    fn read(&self, window: &mut Window<'_>) -> Result<Option<Segment>, ImagingError> {
        let start = self.at;
        // Stray bytes before a marker belong to it: every decoder skips them.
        let Some(found) = find_marker(window, start, Restart::IsMarker)? else {
            return Ok(None);
        };
        let (marker, at) = (found.code, found.at + 2);
        if !has_length(marker) {
            return Ok(Some(Segment {
                marker,
                start,
                end: at,
                payload: at..at,
            }));
        }
        let Some(len) = window.array(at)?.map(u16::from_be_bytes) else {
            return Ok(None);
        };
        let mut payload = at + 2..at + u64::from(len.max(2));
        if payload.end > window.size_bytes() {
            if self.damaged == DamagedPolicy::Refuse {
                return Ok(None);
            }
            payload.end = window.size_bytes();
        }
        let mut end = payload.end;
        if marker == SOS {
            end = match find_marker(window, end, Restart::IsData)? {
                Some(next) => next.at,
                None if self.damaged == DamagedPolicy::Refuse => return Ok(None),
                None => window.size_bytes(),
            };
        }
        Ok(Some(Segment {
            marker,
            start,
            end,
            payload,
        }))
    }
}

/// Whether RST0..RST7 count as markers: not within the entropy-coded data of a scan, which goes on behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restart {
    IsMarker,
    IsData,
}

/// A code and where the 0xff before it stands.
struct Marker {
    code: u8,
    at: u64,
}

fn find_marker(
    window: &mut Window<'_>,
    mut at: u64,
    restart: Restart,
) -> Result<Option<Marker>, ImagingError> {
    loop {
        let held = window.at_least(at, 2)?;
        let offset = skip_data(held, restart);
        if let Some(&code) = held.get(offset + 1) {
            let at = at + offset as u64;
            return Ok(Some(Marker { code, at }));
        }
        if held.len() < 2 {
            return Ok(None);
        }
        at += offset as u64;
    }
}

/// Up to the 0xff of a marker; up to the end, or to a 0xff just before it, if there is none.
fn skip_data(held: &[u8], restart: Restart) -> usize {
    let mut at = 0;
    while let Some(found) = memchr(0xff, &held[at..]) {
        at += found;
        match held.get(at + 1) {
            Some(0) => at += 2, // a stuffed byte
            Some(0xd0..=0xd7) if restart == Restart::IsData => at += 2,
            Some(0xff) => at += 1, // a fill byte
            Some(_) | None => return at,
        }
    }
    held.len()
}

fn has_length(marker: u8) -> bool {
    !matches!(marker, 0x01 | 0xd0..=0xd9)
}

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    let mut orientation = None;
    let mut metadata_bytes = 0;
    let mut segments = Segments::new(limits.damaged);
    while let Some(segment) = segments.next(window)? {
        match segment.marker {
            // SOF0..SOF15, but for the tables that share the range: DHT, JPG, DAC.
            0xc0..=0xcf if !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc) => {
                if frame.is_some() {
                    return Err(malformed("a second frame header"));
                }
                let header = Frame::parse(segment.marker, segment.load(window)?)?;
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
                metadata_bytes += segment.payload.end - segment.payload.start;
                limits.check_metadata(metadata_bytes)?;
                if orientation.is_none()
                    && let Some(tiff) = segment.exif(window)?
                {
                    orientation = exif::load_orientation(window, tiff)?;
                }
            }
            _ => {}
        }
    }
    // What was cut off before its first scan is of no use to anyone.
    let missing = |part| {
        if segments.is_whole {
            malformed(part)
        } else {
            truncated()
        }
    };
    let frame = frame.ok_or_else(|| missing("no frame header"))?;
    if scans == 0 {
        return Err(missing("no scan"));
    }
    Ok(Inspected {
        orientation: orientation.unwrap_or_default(),
        has_alpha: Some(false),
        metadata_bytes,
        decoder_bytes: frame.decoder_bytes(scans),
        ..Inspected::still(MediaType::Jpeg, frame.width_px, frame.height_px)
    })
}

/// The ICC profile of an image, put together from its parts (ICC.1:2022, B.4); `None` where a part is missing.
pub(crate) fn load_icc(
    window: &mut Window<'_>,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, ImagingError> {
    let mut parts: Vec<(u8, Vec<u8>)> = Vec::new();
    let (mut expected, mut icc_bytes) = (0, 0);
    let mut segments = Segments::new(limits.damaged);
    while let Some(segment) = segments.next_before_scan(window)? {
        if segment.marker != APP2 || !segment.starts_with(window, ICC)? {
            continue;
        }
        if let [number, count, part @ ..] = &segment.load(window)?[ICC.len()..] {
            icc_bytes += part.len() as u64;
            limits.check_metadata(icc_bytes)?;
            expected = usize::from(*count);
            parts.push((*number, part.to_vec()));
        }
    }
    parts.sort_by_key(|(number, _)| *number);
    let whole = expected == parts.len() && (1..).zip(&parts).all(|(at, (number, _))| at == *number);
    let parts = parts.into_iter().flat_map(|(_, part)| part);
    Ok((expected > 0 && whole).then(|| parts.collect()))
}

struct Frame {
    width_px: u32,
    height_px: u32,
    components: u64,
    progressive: bool,
}

impl Frame {
    fn parse(marker: u8, payload: &[u8]) -> Result<Self, ImagingError> {
        let field = |at| be16(payload, at).ok_or(malformed("the frame header"));
        let components = payload.get(5).copied().unwrap_or(0);
        let frame = Self {
            height_px: u32::from(field(1)?),
            width_px: u32::from(field(3)?),
            components: u64::from(components),
            progressive: marker == 0xc2,
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
