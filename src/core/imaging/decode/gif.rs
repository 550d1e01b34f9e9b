//! GIF: the first frame, on a transparent screen.

use image::codecs::gif::GifDecoder;

use crate::imaging::decode::{DecodeRequest, Decoded, framework};
use crate::imaging::error::CodecFault;
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    framework::start(GifDecoder::new(reader), request)
}
