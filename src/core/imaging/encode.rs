//! Encodes pixels: no metadata, no profile, sRGB.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::pixels::{Channels, Pixels};
use crate::model::geometry::Rgb;
use crate::model::media::OutputFormat;
use crate::model::recipe::Encoding;

/// JPEG has no alpha: transparent pixels are laid onto the background.
pub(crate) fn encode(
    pixels: Pixels,
    encoding: Encoding,
    background: Rgb,
) -> Result<Vec<u8>, ImagingError> {
    let quality = encoding.quality.highest();
    let encoded = match encoding.format {
        OutputFormat::Jpeg => jpeg(&pixels.into_opaque(background), quality),
        OutputFormat::Png => png(&pixels),
        OutputFormat::Webp => webp(&pixels.into_coloured(), quality),
        OutputFormat::Avif | OutputFormat::Gif => {
            Err(format!("no encoder for {} in this build", encoding.format).into())
        }
    };
    encoded.map_err(|source| ImagingError::Encode {
        format: encoding.format,
        source,
    })
}

/// 4:2:0, the chroma averaged: taking every other sample instead shows on red edges.
fn jpeg(pixels: &Pixels, quality: u8) -> Result<Vec<u8>, CodecFault> {
    let colour = match pixels.channels {
        Channels::Grey => ColorType::Luma,
        Channels::Rgb => ColorType::Rgb,
        Channels::GreyAlpha | Channels::Rgba => return Err("JPEG has no alpha".into()),
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    let (width, height) = (pixels.width_px.try_into()?, pixels.height_px.try_into()?);
    encoder.encode(&pixels.bytes, width, height, colour)?;
    Ok(bytes)
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
