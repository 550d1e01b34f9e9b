//! BMP, of every depth that its header may name.

use image::codecs::bmp::BmpDecoder;

use crate::imaging::decode::{DecodeRequest, Decoded, framework};
use crate::imaging::error::CodecFault;
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    framework::start(BmpDecoder::new(reader), request)
}
