//! Resamples a part of an image with Lanczos3, on the values as they are (not linear light, as everyone does).

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};

use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::place::Crop;

/// Colours are weighted by their alpha, so that transparent pixels do not bleed.
pub(crate) fn resize(
    pixels: &Pixels,
    crop: Crop,
    (width_px, height_px): (u32, u32),
) -> Result<Pixels, ImagingError> {
    let bytes =
        resample(pixels, crop, (width_px, height_px)).map_err(|source| ImagingError::Resize {
            width_px,
            height_px,
            source,
        })?;
    Ok(Pixels {
        width_px,
        height_px,
        channels: pixels.channels,
        bytes,
    })
}

fn resample(pixels: &Pixels, crop: Crop, size: (u32, u32)) -> Result<Vec<u8>, CodecFault> {
    let pixel_type = match pixels.channels {
        Channels::Grey => PixelType::U8,
        Channels::GreyAlpha => PixelType::U8x2,
        Channels::Rgb => PixelType::U8x3,
        Channels::Rgba => PixelType::U8x4,
    };
    let (width, height) = (f64::from(pixels.width_px), f64::from(pixels.height_px));
    // Rounding must not carry the crop beyond the image.
    let left = crop.left.clamp(0.0, width);
    let top = crop.top.clamp(0.0, height);
    let options = ResizeOptions::new()
        .crop(
            left,
            top,
            crop.width.min(width - left),
            crop.height.min(height - top),
        )
        .use_alpha(pixels.channels.has_alpha());
    let from = ImageRef::new(pixels.width_px, pixels.height_px, &pixels.bytes, pixel_type)?;
    let mut to = Image::new(size.0, size.1, pixel_type);
    Resizer::new().resize(&from, &mut to, &options)?;
    Ok(to.into_vec())
}
