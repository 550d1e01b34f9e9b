//! WebP: lossy, lossless, with alpha; the first frame of an animation.

use image::codecs::webp::WebPDecoder;

use crate::imaging::decode::{DecodeRequest, Decoded, framework};
use crate::imaging::error::CodecFault;
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    framework::start(WebPDecoder::new(reader), request)
}
