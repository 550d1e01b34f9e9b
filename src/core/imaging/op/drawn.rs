//! Images drawn for the tests of the operations.

use crate::imaging::pixels::{Channels, Pixels};

pub(super) const KINDS: [Channels; 4] = [
    Channels::Grey,
    Channels::GreyAlpha,
    Channels::Rgb,
    Channels::Rgba,
];

/// One colour; the first `channels.count()` values of `colour` count.
pub(super) fn flat(width_px: u32, height_px: u32, channels: Channels, colour: [u8; 4]) -> Pixels {
    draw((width_px, height_px), channels, |_, _| colour)
}

/// The same for the same size and kind.
pub(super) fn noise(width_px: u32, height_px: u32, channels: Channels) -> Pixels {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    draw((width_px, height_px), channels, |_, _| {
        [next(), next(), next(), next()]
    })
}

pub(super) fn draw(
    (width_px, height_px): (u32, u32),
    channels: Channels,
    mut colour: impl FnMut(u32, u32) -> [u8; 4],
) -> Pixels {
    let mut bytes = Vec::new();
    for y in 0..height_px {
        for x in 0..width_px {
            bytes.extend_from_slice(&colour(x, y)[..channels.count()]);
        }
    }
    Pixels {
        width_px,
        height_px,
        channels,
        bytes,
    }
}
