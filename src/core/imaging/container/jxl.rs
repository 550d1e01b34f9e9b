//! JPEG XL (ISO/IEC 18181): size and orientation of a bare codestream, or of the one in a container.
//!
//! A codestream that ends early is not noticed: only decoding it would tell. A container that does is.

use crate::imaging::container::isobmff::Boxes;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::orient::Orientation;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// The number of a part, before its share of the codestream.
const PART_NUMBER_LEN: u64 = 4;

/// Signature, size header and orientation: 2 bytes, 68 bits at most, and 5.
const HEADER_LEN: usize = 12;

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    let whole = 0..window.size_bytes();
    let mut metadata_bytes = 0;
    let codestream = if window.array(0)? == Some([0xff, 0x0a]) {
        whole
    } else {
        let mut found = None;
        let mut boxes = Boxes::within(whole);
        while let Some(part) = boxes.next(window)? {
            let (start, end) = (part.data.start, part.data.end);
            match &part.kind {
                b"jxlc" if found.is_none() => found = Some(part.data),
                b"jxlp" if found.is_none() && start + PART_NUMBER_LEN <= end => {
                    found = Some(start + PART_NUMBER_LEN..end);
                }
                b"Exif" | b"xml " | b"brob" => metadata_bytes += end - start,
                _ => {}
            }
        }
        if boxes.ends_early() {
            return Err(truncated("a box"));
        }
        found.ok_or(truncated("no codestream"))?
    };
    let header = window
        .start_of(codestream, HEADER_LEN)?
        .strip_prefix(&[0xff, 0x0a])
        .ok_or(ImagingError::Malformed {
            media: MediaType::Jxl,
            part: "the start of its codestream",
        })?;
    let mut bits = Bits {
        bytes: header,
        at: 0,
    };
    let (width_px, height_px) = size(&mut bits).ok_or(truncated("its size"))?;
    limits.check_frame(width_px, height_px)?;
    Ok(Inspected {
        metadata_bytes,
        orientation: orientation(&mut bits).unwrap_or_default(),
        decoder_bytes: u64::from(width_px) * u64::from(height_px) * DECODER_BYTES_PER_PIXEL
            + (32 << 20),
        ..Inspected::still(MediaType::Jxl, width_px, height_px)
    })
}

/// Four channels of 4 bytes in the decoder, again for a frame that others refer to and for what is rendered, and RGBA.
const DECODER_BYTES_PER_PIXEL: u64 = 3 * 4 * 4 + 4;

/// The start of `ImageMetadata`: all default, or with extra fields, the first of which is the orientation.
fn orientation(bits: &mut Bits<'_>) -> Option<Orientation> {
    let all_default = bits.take(1)? == 1;
    if all_default || bits.take(1)? == 0 {
        return None;
    }
    Orientation::from_exif_value(u16::try_from(bits.take(3)? + 1).ok()?)
}

fn size(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    let small = bits.take(1)? == 1;
    let height = bits.side(small)?;
    let width = match bits.take(3)? {
        0 => bits.side(small)?,
        ratio => {
            let (numerator, denominator) = match ratio {
                1 => (1, 1),
                2 => (12, 10),
                3 => (4, 3),
                4 => (3, 2),
                5 => (16, 9),
                6 => (5, 4),
                _ => (2, 1),
            };
            u32::try_from(u64::from(height) * numerator / denominator).ok()?
        }
    };
    Some((width, height))
}

/// Bits from the lowest of each byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for index in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << index;
            self.at += 1;
        }
        Some(value)
    }

    /// Sides up to 256 px that are multiples of 8 have a short form.
    fn side(&mut self, small: bool) -> Option<u32> {
        if small {
            return Some((self.take(5)? + 1) * 8);
        }
        let width = [9, 13, 18, 30][self.take(2)? as usize];
        Some(self.take(width)? + 1)
    }
}

fn truncated(part: &'static str) -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Jxl,
        part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(header: &[u8]) -> Option<(u32, u32)> {
        super::size(&mut Bits {
            bytes: header,
            at: 0,
        })
    }

    #[test]
    fn the_orientation_follows_the_size() {
        // small, height 8, ratio 1:1; not all default, extra fields, orientation 6
        let header: u32 = 1 | 1 << 6 | 1 << 10 | 5 << 11;
        let mut bits = Bits {
            bytes: &header.to_le_bytes(),
            at: 0,
        };
        assert_eq!(super::size(&mut bits), Some((8, 8)));
        assert_eq!(orientation(&mut bits), Some(Orientation::Rotate90));
    }

    #[test]
    fn sizes_are_read_in_both_forms() {
        // small, height 8 × (1 + 1), ratio 1:1
        assert_eq!(size(&[0b0100_0011, 0]), Some((16, 16)));
        // 9 bits: height 1 + 99, ratio 2:1
        let bits: u32 = 99 << 3 | 7 << 12;
        assert_eq!(size(&bits.to_le_bytes()), Some((200, 100)));
        assert_eq!(size(&[]), None);
    }
}
