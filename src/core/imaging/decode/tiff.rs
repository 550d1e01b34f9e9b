//! TIFF: the first page, of 1 to 64 bits per sample, whole numbers or floating point, grey, RGB, CMYK or YCbCr.

use image::codecs::tiff::TiffDecoder;

use crate::imaging::decode::{DecodeRequest, Decoded, framework};
use crate::imaging::error::CodecFault;
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    framework::start(TiffDecoder::new(reader), request)
}
