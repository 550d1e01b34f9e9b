//! Decodes the first frame of an original, within what inspection allows.
//!
//! Decoders read through [`StoppableBytes`] and so can be stopped. WebP reads its image whole before it decodes: there,
//! stopping waits for the end of one frame, which `pixels_max` bounds.

use image::codecs::{bmp, gif, png, tiff, webp};
use image::{DynamicImage, ImageDecoder, ImageResult};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::stop::{Stop, StoppableBytes};
use crate::model::media::MediaType;

/// As stored: neither oriented nor converted to sRGB.
pub(crate) struct Decoded {
    pub(crate) pixels: Pixels,
    pub(crate) icc: Option<Vec<u8>>,
}

/// An original with all that bounds its decoding.
#[derive(Clone, Copy)]
pub(crate) struct DecodeRequest<'a> {
    pub(crate) original: &'a [u8],
    pub(crate) inspected: &'a Inspected,
    pub(crate) limits: &'a Limits,
    pub(crate) stop: &'a dyn Stop,
}

/// Whether derivatives can be made from originals of this type.
pub fn can_decode(media: MediaType) -> bool {
    match media {
        MediaType::Jpeg
        | MediaType::Png
        | MediaType::Gif
        | MediaType::Webp
        | MediaType::Tiff
        | MediaType::Bmp => true,
        MediaType::Avif | MediaType::Heic | MediaType::Svg | MediaType::Jxl => false,
    }
}

pub(crate) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, ImagingError> {
    let media = request.inspected.media;
    let reader = StoppableBytes::new(request.original, request.stop);
    let decoded = match media {
        MediaType::Jpeg => decode_jpeg(reader, request),
        MediaType::Png => png::PngDecoder::with_limits(reader, png_limits(request))
            .map_err(CodecFault::from)
            .and_then(|decoder| finish(decoder, request)),
        MediaType::Gif => start(gif::GifDecoder::new(reader), request),
        MediaType::Webp => start(webp::WebPDecoder::new(reader), request),
        MediaType::Tiff => start(tiff::TiffDecoder::new(reader), request),
        MediaType::Bmp => start(bmp::BmpDecoder::new(reader), request),
        MediaType::Avif | MediaType::Heic | MediaType::Svg | MediaType::Jxl => {
            return Err(ImagingError::NoDecoder { media });
        }
    };
    let decoded = decoded.map_err(|source| {
        if request.stop.should_stop() {
            ImagingError::TimedOut
        } else {
            ImagingError::Corrupt { media, source }
        }
    })?;
    // PNG keeps its profile compressed: only now is its size known.
    let icc_bytes = decoded.icc.as_ref().map_or(0, Vec::len);
    request.limits.check_metadata(icc_bytes as u64)?;
    Ok(decoded)
}

fn codec_limits(request: &DecodeRequest<'_>) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(request.inspected.width_px);
    limits.max_image_height = Some(request.inspected.height_px);
    limits.max_alloc = Some(request.inspected.decoder_bytes);
    limits
}

/// What the decoder of PNG takes beside the pixels: rows of up to 8 bytes for each pixel, and a profile, inflated.
fn png_limits(request: &DecodeRequest<'_>) -> image::Limits {
    /// The row being read, the one before it, and both as they are unfiltered.
    const ROWS: u64 = 4;
    let rows = ROWS * 8 * u64::from(request.inspected.width_px);
    let mut limits = codec_limits(request);
    limits.max_alloc = Some(rows + request.limits.metadata_bytes_max + (1 << 20));
    limits
}

fn start(
    decoder: ImageResult<impl ImageDecoder>,
    request: &DecodeRequest<'_>,
) -> Result<Decoded, CodecFault> {
    let mut decoder = decoder?;
    decoder.set_limits(codec_limits(request))?;
    finish(decoder, request)
}

fn finish(
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

/// Grey stays grey; YCbCr, CMYK and YCCK become RGB.
fn decode_jpeg(
    reader: StoppableBytes<'_>,
    request: &DecodeRequest<'_>,
) -> Result<Decoded, CodecFault> {
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

fn check_size(found: (u32, u32), inspected: &Inspected) -> Result<(), CodecFault> {
    if found == (inspected.width_px, inspected.height_px) {
        return Ok(());
    }
    Err("the decoder sees another size than the header".into())
}
