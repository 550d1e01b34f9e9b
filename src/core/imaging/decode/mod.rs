//! Decodes originals, one file per format, within what inspection allows.
//!
//! Decoders read through `StoppableBytes` and so can be stopped. WebP, AVIF and SVG work on one frame as a whole: there,
//! stopping waits for its end, which `pixels_max` bounds; of SVG, what drawing would cost is judged before.

mod framework; // the decoders of the crate `image`
mod jpeg;
pub(crate) mod png;
mod gif;
mod webp;
mod tiff;
mod bmp;
mod avif;
mod jxl;
pub(crate) mod svg;
pub(crate) mod animation; // all frames, one after the other

use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::pixels::Pixels;
use crate::imaging::stop::Stop;
use crate::model::media::MediaType;

/// As stored: neither oriented nor converted to sRGB.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) pixels: Pixels,
    /// The profile of the original, or one made from what it says of its colours instead.
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
        | MediaType::Bmp
        | MediaType::Avif
        | MediaType::Jxl
        | MediaType::Svg => true,
        MediaType::Heic => false,
    }
}

/// The first frame.
pub(crate) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, ImagingError> {
    let media = request.inspected.media;
    let decoded = match media {
        MediaType::Jpeg => jpeg::decode(request),
        MediaType::Png => png::decode(request),
        MediaType::Gif => gif::decode(request),
        MediaType::Webp => webp::decode(request),
        MediaType::Tiff => tiff::decode(request),
        MediaType::Bmp => bmp::decode(request),
        MediaType::Avif => avif::decode(request),
        MediaType::Jxl => jxl::decode(request),
        MediaType::Svg => svg::decode(request),
        MediaType::Heic => return Err(ImagingError::NoDecoder { media }),
    };
    let decoded = decoded.map_err(|source| explain(request, source))?;
    // PNG keeps its profile compressed: only now is its size known.
    let icc_bytes = decoded.icc.as_ref().map_or(0, Vec::len);
    request.limits.check_metadata(icc_bytes as u64)?;
    Ok(decoded)
}

/// A decoder that was stopped says that its input is broken.
fn explain(request: &DecodeRequest<'_>, source: CodecFault) -> ImagingError {
    if request.stop.should_stop() {
        return ImagingError::TimedOut;
    }
    ImagingError::Corrupt {
        media: request.inspected.media,
        source,
    }
}

fn check_size(found: (u32, u32), inspected: &Inspected) -> Result<(), CodecFault> {
    if found == (inspected.width_px, inspected.height_px) {
        return Ok(());
    }
    Err("the decoder sees another size than the header".into())
}

#[cfg(test)]
mod tests;
