//! Decodes the primary image of an AVIF file: a single item or a grid, 8 to 12 bits, with or without alpha.

use crate::native::{Decoder, Fault};
use crate::{Channels, SIDE_MAX_PX};

/// As stored: neither turned by `irot` and `imir`, nor cut by `clap`, nor converted to sRGB.
#[derive(Clone, Debug)]
pub struct Decoded {
    pub width_px: u32,
    pub height_px: u32,
    pub channels: Channels,
    pub bytes: Vec<u8>,
    pub icc: Option<Vec<u8>>,
    pub cicp: Cicp,
}

/// What the pixels mean where there is no profile: code points of ITU-T H.273. 2 is unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cicp {
    pub primaries: u16,
    pub transfer: u16,
}

/// The size that the container states. Another is an error, before pixels are allocated.
///
/// The caller has looked at the sequence headers of the AV1 data too: libaom allocates by them.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub width_px: u32,
    pub height_px: u32,
}

/// One thread; memory within some 40 bytes per pixel.
pub fn decode(bytes: &[u8], expected: Expected) -> Result<Decoded, Fault> {
    let Expected {
        width_px,
        height_px,
    } = expected;
    if width_px == 0 || height_px == 0 || width_px.max(height_px) > SIDE_MAX_PX {
        return Err(Fault::Size);
    }
    let mut decoder = Decoder::open(bytes, expected)?;
    let image = decoder.first_image()?;
    let (width_px, height_px) = image.size();
    if (width_px, height_px) != (expected.width_px, expected.height_px) {
        return Err(Fault::Size);
    }
    let channels = image.channels();
    let bytes = match channels {
        Channels::Grey => image.to_grey()?,
        Channels::Rgb | Channels::Rgba => image.to_rgb(channels)?,
    };
    Ok(Decoded {
        width_px,
        height_px,
        channels,
        bytes,
        icc: image.icc(),
        cicp: image.cicp(),
    })
}
