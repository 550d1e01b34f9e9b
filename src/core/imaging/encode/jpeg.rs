//! JPEG from planes, by our own encoder.

use img_codec::colour::{self, ycbcr_from_rgb};
use img_codec::jpeg::encode as codec;
use img_codec::plane::Plane;

use crate::imaging::container::jpeg::{APP1, APP2, EXIF, ICC};
use crate::imaging::encode::Attachments;
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};
use crate::model::recipe::{Chroma, Encoding, Scan};

/// `planes` are luma and chroma of the size that the encoding says, or grey.
pub(crate) fn encode(
    planes: &[Plane],
    (width_px, height_px): (u32, u32),
    (encoding, quality): (&Encoding, u8),
    attachments: Attachments<'_>,
) -> Result<Vec<u8>, CodecFault> {
    let payloads = payloads(attachments);
    let segments: Vec<codec::Segment<'_>> = payloads
        .iter()
        .map(|(marker, payload)| codec::Segment {
            marker: *marker,
            payload,
        })
        .collect();
    let request = codec::Request {
        width_px,
        height_px,
        planes: match planes {
            [y, cb, cr] => codec::Planes::YCbCr([y, cb, cr]),
            [grey] => codec::Planes::Grey(grey),
            _ => return Err("JPEG has one plane or three".into()),
        },
        quality,
        huffman: codec::Huffman::Optimal,
        process: match encoding.scan {
            Scan::Baseline => codec::Process::Sequential,
            Scan::Progressive => codec::Process::Progressive,
        },
        segments: &segments,
    };
    Ok(codec::encode(&request)?)
}

/// Luma and chroma of opaque pixels; luma alone if they are grey.
pub(crate) fn planes_of(pixels: &Pixels, chroma: Chroma) -> Vec<Plane> {
    let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
    match pixels.channels {
        Channels::Grey => vec![Plane::from_samples(width, height, &pixels.bytes)],
        Channels::Rgb => ycbcr_from_rgb(&pixels.bytes, width, height, planes_chroma(chroma)).into(),
        Channels::GreyAlpha | Channels::Rgba => unreachable!("pixels are opaque"),
    }
}

pub(crate) fn planes_chroma(chroma: Chroma) -> colour::Chroma {
    match chroma {
        Chroma::Half => colour::Chroma::Half,
        Chroma::Full => colour::Chroma::Full,
    }
}

/// EXIF as Exif 2.32 (4.7.2) has it; a profile in parts, each with its number and how many there are (ICC.1:2022, B.4).
fn payloads(attachments: Attachments<'_>) -> Vec<(u8, Vec<u8>)> {
    let mut payloads = Vec::new();
    if let Some(tiff) = attachments.exif
        && tiff.len() + EXIF.len() <= codec::SEGMENT_BYTES_MAX
    {
        payloads.push((APP1, [EXIF, tiff].concat()));
    }
    if let Some(icc) = attachments.icc {
        let parts: Vec<&[u8]> = icc
            .chunks(codec::SEGMENT_BYTES_MAX - ICC.len() - 2)
            .collect();
        // A profile of more parts than a byte can count is none that anyone uses.
        if let Ok(count) = u8::try_from(parts.len()) {
            for (number, part) in (1..=count).zip(parts) {
                payloads.push((APP2, [ICC, &[number, count], part].concat()));
            }
        }
    }
    payloads
}
