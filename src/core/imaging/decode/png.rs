//! PNG of every depth and colour; the image of an animation that is shown where it cannot play.

use image::codecs::png::PngDecoder;

use crate::imaging::colour::{profile_from_cicp, profile_from_png};
use crate::imaging::container::be32;
use crate::imaging::container::png::Chunks;
use crate::imaging::decode::{DecodeRequest, Decoded, framework};
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::limits::DamagedPolicy;
use crate::imaging::source::Window;
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let mut decoded = framework::finish(open(request)?, request)?;
    if decoded.icc.is_none() {
        decoded.icc = profile(request.original)?;
    }
    Ok(decoded)
}

/// What the decoder takes beside the pixels: rows of up to 8 bytes for each pixel, and a profile, inflated.
pub(super) fn open<'a>(
    request: &DecodeRequest<'a>,
) -> Result<PngDecoder<StoppableBytes<'a>>, CodecFault> {
    /// The row being read, the one before it, and both as they are unfiltered.
    const ROWS: u64 = 4;
    let rows = ROWS * 8 * u64::from(request.inspected.width_px);
    let mut limits = framework::limits(request);
    limits.max_alloc = Some(rows + request.limits.metadata_bytes_max + (1 << 20));
    let reader = StoppableBytes::new(request.original, request.stop);
    Ok(PngDecoder::with_limits(reader, limits)?)
}

/// Where there is no iCCP, by cICP, else sRGB, else gAMA and cHRM: in the order of the standard (4.3).
pub(crate) fn profile(original: &[u8]) -> Result<Option<Vec<u8>>, ImagingError> {
    let mut window = Window::over(&original);
    let (mut gama, mut chrm) = (None, None);
    let mut chunks = Chunks::new(DamagedPolicy::Accept);
    while let Some(chunk) = chunks.next(&mut window)? {
        let data = window.start_of(chunk.data, 32)?;
        match (&chunk.kind, data) {
            (b"cICP", &[primaries, transfer, ..]) => {
                return Ok(profile_from_cicp(primaries.into(), transfer.into()));
            }
            (b"sRGB", _) => return Ok(None),
            (b"gAMA", _) => gama = be32(data, 0),
            (b"cHRM", _) => {
                let mut values = [0; 8];
                let found = values.iter_mut().enumerate().all(|(index, value)| {
                    be32(data, index * 4).map(|found| *value = found).is_some()
                });
                chrm = found.then_some(values);
            }
            // All of them stand before the pixels.
            (b"IDAT", _) => break,
            _ => {}
        }
    }
    Ok(profile_from_png(gama, chrm))
}
