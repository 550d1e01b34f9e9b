//! JPEG at full size: grey stays grey; YCbCr, CMYK and YCCK become RGB.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::imaging::decode::{DecodeRequest, Decoded, check_size};
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    let side_max = request.limits.side_px_max as usize;
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(side_max)
        .set_max_height(side_max);
    let mut decoder = JpegDecoder::new_with_options(reader, options);
    decoder.decode_headers()?;
    let info = decoder.info().ok_or("no frame header")?;
    check_size(
        (u32::from(info.width), u32::from(info.height)),
        request.inspected,
    )?;
    let (colour, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, Channels::Grey),
        _ => (ColorSpace::RGB, Channels::Rgb),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colour));
    let area = usize::from(info.width) * usize::from(info.height);
    let mut bytes = vec![0; area * channels.count()];
    decoder.decode_into(&mut bytes)?;
    Ok(Decoded {
        pixels: Pixels {
            width_px: request.inspected.width_px,
            height_px: request.inspected.height_px,
            channels,
            bytes,
        },
        icc: decoder.icc_profile(),
    })
}
