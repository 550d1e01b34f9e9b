//! Pictures without colour.

use crate::imaging::pixels::{Channels, Pixels};

/// Rec. 601 luma of RGB, as JPEG has it. `pixels` are coloured and opaque.
pub(crate) fn luma(pixels: &Pixels) -> Pixels {
    let weighted = |pixel: &[u8]| {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        let luma = (299 * red + 587 * green + 114 * blue + 500) / 1000;
        u8::try_from(luma).expect("the weights sum up to 1,000")
    };
    let rgb = pixels.bytes.chunks_exact(pixels.channels.count());
    Pixels {
        channels: Channels::Grey,
        bytes: rgb.map(weighted).collect(),
        ..*pixels
    }
}
