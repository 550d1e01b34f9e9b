//! AVIF: the primary image, single or a grid, of 8 to 12 bits, with or without alpha, by libavif and libaom.
//!
//! Turned by the caller as inspection has read of `irot` and `imir`. `clap` (a cut) and `pasp` (pixels that are no squares)
//! are not applied. Without a profile, the code points of `nclx` count; HDR is not tone-mapped.

use std::ops::Range;

use img_avif::Expected;

use crate::imaging::colour::profile_from_cicp;
use crate::imaging::container::av1;
use crate::imaging::container::heif::{self, Item};
use crate::imaging::decode::{DecodeRequest, Decoded};
use crate::imaging::error::CodecFault;
use crate::imaging::inspect::Inspected;
use crate::imaging::pixels::{Channels, Pixels};

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    check_items(request.original, request.inspected)?;
    let expected = Expected {
        width_px: request.inspected.width_px,
        height_px: request.inspected.height_px,
    };
    let image = img_avif::decode(request.original, expected)?;
    let icc = image
        .icc
        .or_else(|| profile_from_cicp(image.cicp.primaries, image.cicp.transfer));
    Ok(Decoded {
        pixels: Pixels {
            width_px: image.width_px,
            height_px: image.height_px,
            channels: match image.channels {
                img_avif::Channels::Grey => Channels::Grey,
                img_avif::Channels::Rgb => Channels::Rgb,
                img_avif::Channels::Rgba => Channels::Rgba,
            },
            bytes: image.bytes,
        },
        icc,
    })
}

/// The decoder makes room for what AV1 itself claims: no coded image may be larger than the whole one.
///
/// Tiles at the right and lower edge of a grid may reach beyond it, so sides may be longer by less than one tile: what
/// counts is the area.
fn check_items(original: &[u8], inspected: &Inspected) -> Result<(), CodecFault> {
    let area_max = area((inspected.width_px, inspected.height_px)).max(SMALLEST_AREA);
    let items = heif::av1_items(original).ok_or("the lists of its items cannot be read")?;
    if items.is_empty() {
        return Err("no item of AV1".into());
    }
    check_parts(original, items, area_max)
}

fn check_parts(original: &[u8], items: Vec<Item>, area_max: u64) -> Result<(), CodecFault> {
    let mut data = Vec::new();
    // Parts may lie on top of each other, and be listed tens of thousands of times.
    let mut left = original.len();
    for item in items {
        data.clear();
        for part in item.parts {
            let part = slice(original, &part).ok_or("an item outside of the file")?;
            left = left.checked_sub(part.len()).ok_or(OVERLAPPING)?;
            data.extend_from_slice(part);
        }
        let frame = av1::frame_max(&data).ok_or("an item of AV1 without its size")?;
        if area(frame) > area_max {
            return Err("a coded image larger than the whole one".into());
        }
    }
    Ok(())
}

fn area((width_px, height_px): (u32, u32)) -> u64 {
    u64::from(width_px) * u64::from(height_px)
}

const OVERLAPPING: &str = "items that hold more than the whole file";

/// Encoders pad small images to whole blocks, and a grid of few pixels still has tiles of 64 px.
const SMALLEST_AREA: u64 = 256 * 256;

fn slice<'a>(original: &'a [u8], part: &Range<u64>) -> Option<&'a [u8]> {
    let start = usize::try_from(part.start).ok()?;
    original.get(start..usize::try_from(part.end).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(items: &[&[Range<u64>]]) -> Result<(), CodecFault> {
        let items = items.iter().map(|parts| Item {
            parts: parts.to_vec(),
        });
        check_parts(&[0; 100], items.collect(), u64::MAX)
    }

    #[test]
    fn parts_on_top_of_each_other_take_no_more_than_the_file() {
        let overlapping =
            |fault: Result<(), CodecFault>| fault.unwrap_err().to_string() == OVERLAPPING;
        assert!(!overlapping(checked(&[&[0..50, 50..100]])));
        assert!(overlapping(checked(&[&[0..100, 99..100]])));
        assert!(overlapping(checked(&[&[0..60, 0..60]])));
    }
}
