//! PNG: true colour, or a palette with alpha in 1 to 8 bits.

use std::borrow::Cow;

use png::{BitDepth, ColorType, Compression, Encoder, Filter, Info};

use crate::imaging::encode::Attachments;
use crate::imaging::encode::palette::{Colours, Dither, Indexed};
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settings {
    Truecolour,
    Palette { colours: Colours, dither: Dither },
}

pub(crate) fn encode(
    pixels: &Pixels,
    settings: Settings,
    attachments: Attachments<'_>,
) -> Result<Vec<u8>, CodecFault> {
    match settings {
        Settings::Truecolour => truecolour(pixels, attachments),
        Settings::Palette { colours, dither } => {
            let indexed = Indexed::of(pixels.clone(), colours, dither)?;
            palette(pixels, &indexed, attachments)
        }
    }
}

fn truecolour(pixels: &Pixels, attachments: Attachments<'_>) -> Result<Vec<u8>, CodecFault> {
    let mut info = info(pixels, attachments);
    info.bit_depth = BitDepth::Eight;
    info.color_type = match pixels.channels {
        Channels::Grey => ColorType::Grayscale,
        Channels::GreyAlpha => ColorType::GrayscaleAlpha,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    };
    write(info, Filter::Adaptive, &pixels.bytes)
}

fn palette(
    pixels: &Pixels,
    indexed: &Indexed,
    attachments: Attachments<'_>,
) -> Result<Vec<u8>, CodecFault> {
    let mut info = info(pixels, attachments);
    let (bits, depth) = match indexed.palette.len() {
        0..=2 => (1, BitDepth::One),
        3..=4 => (2, BitDepth::Two),
        5..=16 => (4, BitDepth::Four),
        _ => (8, BitDepth::Eight),
    };
    info.bit_depth = depth;
    info.color_type = ColorType::Indexed;
    let colours = indexed.palette.iter();
    info.palette = Some(
        colours
            .clone()
            .flat_map(|colour| colour[..3].to_vec())
            .collect(),
    );
    // Entries beyond the last transparent one are opaque without being named.
    let alpha: Vec<u8> = colours.map(|colour| colour[3]).collect();
    let named = alpha.iter().rposition(|&alpha| alpha != 255);
    info.trns = named.map(|last| Cow::Owned(alpha[..=last].to_vec()));
    let rows = indexed.indices.chunks_exact(pixels.width_px as usize);
    let packed: Vec<u8> = rows.flat_map(|row| pack(row, bits)).collect();
    // Neighbouring indices have nothing to do with each other.
    write(info, Filter::NoFilter, &packed)
}

fn info<'a>(pixels: &Pixels, attachments: Attachments<'a>) -> Info<'a> {
    let mut info = Info::with_size(pixels.width_px, pixels.height_px);
    info.icc_profile = attachments.icc.map(Cow::Borrowed);
    info.exif_metadata = attachments.exif.map(Cow::Borrowed);
    info
}

fn write(info: Info<'_>, filter: Filter, data: &[u8]) -> Result<Vec<u8>, CodecFault> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::with_info(&mut bytes, info)?;
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(filter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(bytes)
}

/// From the highest bits of each byte on; each row starts with a new byte.
fn pack(row: &[u8], bits: usize) -> impl Iterator<Item = u8> {
    let per_byte = 8 / bits;
    row.chunks(per_byte).map(move |group| {
        let places = group.iter().enumerate();
        places.fold(0, |byte, (index, value)| {
            byte | value << (8 - bits * (index + 1))
        })
    })
}
