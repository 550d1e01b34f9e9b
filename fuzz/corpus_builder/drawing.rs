//! What the files show: slopes with noise, so that every coefficient and every filter occurs.

pub const WIDTH: u16 = 37;
pub const HEIGHT: u16 = 29;

/// `channels` bytes for each pixel.
pub fn samples(channels: usize) -> Vec<u8> {
    bytes(usize::from(WIDTH) * usize::from(HEIGHT) * channels)
}

pub fn bytes(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let sample = |index: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (index as u32 / 7).wrapping_add(state >> 27) as u8
    };
    (0..count).map(sample).collect()
}
