//! What a file says of its image before the first scan.

use super::error::{DecodeError, Feature, Part, malformed, truncated, unsupported};
use super::segment::{Segment, Segments, marker};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 to 65535.
    pub width_px: u32,
    /// 1 to 65535.
    pub height_px: u32,
    pub process: Process,
    pub colour: Colour,
    /// 1, 3 or 4 of them.
    pub components: Vec<Component>,
}

/// How the coefficients are spread over scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Baseline,
    Extended,
    Progressive,
}

/// What the planes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Grey,
    YCbCr,
    Rgb,
    Cmyk(Inks),
    /// YCbCr of the inks cyan, magenta and yellow; black as it is.
    Ycck(Inks),
}

/// Whether 255 is all ink or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inks {
    AsIs,
    /// As Adobe's programs store them: 255 is no ink.
    Inverted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    pub id: u8,
    /// Samples across for each `h` of the component that has most, 1 to 4.
    pub h: u8,
    /// Samples down, likewise.
    pub v: u8,
    /// Which quantisation table, 0 to 3.
    pub(super) quantisation: u8,
}

impl Header {
    pub fn pixels(&self) -> u64 {
        u64::from(self.width_px) * u64::from(self.height_px)
    }

    /// The greatest `h` and `v`.
    pub fn sampling_max(&self) -> (u8, u8) {
        let of = |factor: fn(&Component) -> u8| self.components.iter().map(factor).max();
        (of(|c| c.h).unwrap_or(1), of(|c| c.v).unwrap_or(1))
    }
}

/// Reads as far as the first scan; decodes nothing and takes no memory to speak of.
pub fn read_header(bytes: &[u8]) -> Result<Header, DecodeError> {
    let mut segments = Segments::open(bytes)?;
    let mut hints = ColourHints::default();
    let mut frame = None;
    loop {
        match segments.next() {
            Ok(Some(segment)) if is_past_header(segment.marker) => break,
            Ok(Some(segment)) => {
                hints.note(&segment);
                if let Some(header) = parse_frame(&segment)? {
                    frame = Some(header);
                }
            }
            Err(error) if frame.is_none() => return Err(error),
            Ok(None) | Err(_) => break,
        }
    }
    let Some(mut header) = frame else {
        return truncated(Part::FrameHeader);
    };
    header.colour = hints.colour(&header.components);
    Ok(header)
}

fn is_past_header(marker: u8) -> bool {
    marker == marker::START_OF_SCAN || marker == marker::END_OF_IMAGE
}

/// What tells one colour space of three or four components from another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ColourHints {
    jfif: bool,
    /// The transform byte of Adobe's segment: 0 none, 1 YCbCr, 2 YCCK.
    adobe: Option<u8>,
}

impl ColourHints {
    pub(super) fn note(&mut self, segment: &Segment<'_>) {
        if segment.marker == marker::JFIF && segment.body.starts_with(b"JFIF\0") {
            self.jfif = true;
        }
        if segment.marker == marker::ADOBE && segment.body.starts_with(b"Adobe") {
            self.adobe = segment.body.get(11).copied().or(self.adobe);
        }
    }

    /// By the rules that decoders agree on: JFIF is YCbCr; else Adobe's transform; else the ids.
    pub(super) fn colour(self, components: &[Component]) -> Colour {
        let ids: Vec<u8> = components.iter().map(|component| component.id).collect();
        let inks = match self.adobe {
            Some(_) => Inks::Inverted,
            None => Inks::AsIs,
        };
        match (components.len(), self.adobe) {
            (1, _) => Colour::Grey,
            (4, Some(1 | 2)) => Colour::Ycck(inks),
            (4, _) => Colour::Cmyk(inks),
            (_, Some(0)) if !self.jfif => Colour::Rgb,
            (_, None) if !self.jfif && ids == *b"RGB" => Colour::Rgb,
            (_, _) => Colour::YCbCr,
        }
    }
}

/// The frame header, if the segment is one; its colour is to be filled in.
pub(super) fn parse_frame(segment: &Segment<'_>) -> Result<Option<Header>, DecodeError> {
    let process = match segment.marker {
        marker::BASELINE => Process::Baseline,
        marker::EXTENDED => Process::Extended,
        marker::PROGRESSIVE => Process::Progressive,
        0xc3 | 0xf7 => return unsupported(Feature::Lossless),
        0xc5..=0xc7 | 0xde | 0xdf => return unsupported(Feature::Hierarchical),
        0xc9..=0xcf => return unsupported(Feature::ArithmeticCoding),
        _ => return Ok(None),
    };
    let &[
        bits,
        height_high,
        height_low,
        width_high,
        width_low,
        count,
        ref rest @ ..,
    ] = segment.body
    else {
        return malformed(Part::FrameHeader);
    };
    if bits != 8 {
        return unsupported(Feature::Precision { bits });
    }
    let height_px = u32::from(u16::from_be_bytes([height_high, height_low]));
    let width_px = u32::from(u16::from_be_bytes([width_high, width_low]));
    if height_px == 0 {
        return unsupported(Feature::HeightAfterScan);
    }
    if width_px == 0 || count == 0 || rest.len() < 3 * usize::from(count) {
        return malformed(Part::FrameHeader);
    }
    if !matches!(count, 1 | 3 | 4) {
        return unsupported(Feature::ComponentCount { components: count });
    }
    Ok(Some(Header {
        width_px,
        height_px,
        process,
        colour: Colour::Grey,
        components: parse_components(&rest[..3 * usize::from(count)])?,
    }))
}

fn parse_components(specifications: &[u8]) -> Result<Vec<Component>, DecodeError> {
    let mut components: Vec<Component> = Vec::with_capacity(4);
    for specification in specifications.chunks_exact(3) {
        let component = Component {
            id: specification[0],
            h: specification[1] >> 4,
            v: specification[1] & 15,
            quantisation: specification[2],
        };
        let valid = (1..=4).contains(&component.h)
            && (1..=4).contains(&component.v)
            && component.quantisation < 4;
        if !valid || components.iter().any(|other| other.id == component.id) {
            return malformed(Part::FrameHeader);
        }
        components.push(component);
    }
    Ok(components)
}
