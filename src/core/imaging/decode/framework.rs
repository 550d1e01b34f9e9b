//! What is common to the decoders of the crate `image`.

use image::{DynamicImage, ImageDecoder, ImageResult};

use crate::imaging::decode::{DecodeRequest, Decoded, check_size};
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};

pub(super) fn limits(request: &DecodeRequest<'_>) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(request.inspected.width_px);
    limits.max_image_height = Some(request.inspected.height_px);
    limits.max_alloc = Some(request.inspected.decoder_bytes);
    limits
}

pub(super) fn start(
    decoder: ImageResult<impl ImageDecoder>,
    request: &DecodeRequest<'_>,
) -> Result<Decoded, CodecFault> {
    let mut decoder = decoder?;
    decoder.set_limits(limits(request))?;
    finish(decoder, request)
}

pub(super) fn finish(
    mut decoder: impl ImageDecoder,
    request: &DecodeRequest<'_>,
) -> Result<Decoded, CodecFault> {
    check_size(decoder.dimensions(), request.inspected)?;
    if decoder.total_bytes() > request.inspected.decoder_bytes {
        return Err("the decoded image is larger than its header says".into());
    }
    // A profile that cannot be read is no reason to refuse the image.
    let icc = decoder.icc_profile().unwrap_or_default();
    let image = DynamicImage::from_decoder(decoder)?;
    let pixels = eight_bits(image);
    Ok(Decoded { pixels, icc })
}

fn eight_bits(image: DynamicImage) -> Pixels {
    let (width_px, height_px) = (image.width(), image.height());
    let colour = image.color();
    let (channels, bytes) = match (colour.has_color(), colour.has_alpha()) {
        (false, false) => (Channels::Grey, image.into_luma8().into_raw()),
        (false, true) => (Channels::GreyAlpha, image.into_luma_alpha8().into_raw()),
        (true, false) => (Channels::Rgb, image.into_rgb8().into_raw()),
        (true, true) => (Channels::Rgba, image.into_rgba8().into_raw()),
    };
    Pixels {
        width_px,
        height_px,
        channels,
        bytes,
    }
}
