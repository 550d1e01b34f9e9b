//! The seven passes of an interlaced image (chapter 8).

use super::header::Header;

/// A smaller image: every so many-th pixel from a first one on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    first: [usize; 2],
    step: [usize; 2],
    pub(super) width_px: u32,
    pub(super) height_px: u32,
}

/// x and y of the first pixel, distance to the next in x and y.
const PASSES: [[u32; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// The passes that hold pixels.
pub(super) fn passes(header: &Header) -> impl Iterator<Item = Pass> {
    let (width, height) = (header.width_px, header.height_px);
    PASSES
        .into_iter()
        .map(move |[x, y, step_x, step_y]| Pass {
            first: [x as usize, y as usize],
            step: [step_x as usize, step_y as usize],
            width_px: width.saturating_sub(x).div_ceil(step_x),
            height_px: height.saturating_sub(y).div_ceil(step_y),
        })
        .filter(|pass| pass.width_px > 0 && pass.height_px > 0)
}

/// All pixels of an image, interleaved.
pub(super) struct Canvas {
    bytes: Vec<u8>,
    width: usize,
    channels: usize,
}

impl Canvas {
    pub(super) fn new(header: &Header) -> Self {
        let (width, height) = (header.width_px as usize, header.height_px as usize);
        let channels = header.channels();
        Self {
            bytes: vec![0; width * height * channels],
            width,
            channels,
        }
    }

    pub(super) fn bytes_needed(header: &Header) -> u64 {
        header.pixels().saturating_mul(header.channels() as u64)
    }

    /// Puts row `y` of a pass in its place.
    pub(super) fn place(&mut self, pass: &Pass, y: usize, row: &[u8]) {
        let row_bytes = self.width * self.channels;
        let line = &mut self.bytes[(pass.first[1] + y * pass.step[1]) * row_bytes..][..row_bytes];
        let places = line[pass.first[0] * self.channels..].chunks_mut(self.channels * pass.step[0]);
        for (place, pixel) in places.zip(row.chunks_exact(self.channels)) {
            place[..self.channels].copy_from_slice(pixel);
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.width * self.channels)
    }
}
