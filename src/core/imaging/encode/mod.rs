//! Encodes pixels: no metadata, no profile, sRGB.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};
use crate::model::media::OutputFormat;
use crate::model::recipe::Encoding;

pub(crate) fn encode(
    pixels: &Pixels,
    encoding: &Encoding,
    quality: u8,
) -> Result<Vec<u8>, CodecFault> {
    match encoding.format {
        OutputFormat::Png => png(pixels),
        OutputFormat::Webp => webp(&pixels.clone().into_coloured(), quality),
        OutputFormat::Jpeg | OutputFormat::Avif | OutputFormat::Gif => {
            Err(format!("no encoder for {} in this build", encoding.format).into())
        }
    }
}

fn png(pixels: &Pixels) -> Result<Vec<u8>, CodecFault> {
    let colour = match pixels.channels {
        Channels::Grey => ExtendedColorType::L8,
        Channels::GreyAlpha => ExtendedColorType::La8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba => ExtendedColorType::Rgba8,
    };
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(&pixels.bytes, pixels.width_px, pixels.height_px, colour)?;
    Ok(bytes)
}

fn webp(pixels: &Pixels, quality: u8) -> Result<Vec<u8>, CodecFault> {
    let (bytes, width_px, height_px) = (&pixels.bytes, pixels.width_px, pixels.height_px);
    let encoder = if pixels.channels.has_alpha() {
        webp::Encoder::from_rgba(bytes, width_px, height_px)
    } else {
        webp::Encoder::from_rgb(bytes, width_px, height_px)
    };
    // The encoder's own error type is no `Error`.
    encoder
        .encode_simple(false, f32::from(quality))
        .map(|encoded| encoded.to_vec())
        .map_err(|fault| format!("{fault:?}").into())
}
