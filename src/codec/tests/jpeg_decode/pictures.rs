//! Images drawn by code, and files of them.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// What a file is made like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) size: (u16, u16),
    pub(crate) colours: ColorType,
    pub(crate) sampling: SamplingFactor,
    pub(crate) quality: u8,
    pub(crate) scans: Scans,
    pub(crate) restart_interval: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scans {
    Baseline,
    Optimised,
    Progressive,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            size: (65, 33),
            colours: ColorType::Rgb,
            sampling: SamplingFactor::F_2_2,
            quality: 85,
            scans: Scans::Baseline,
            restart_interval: 0,
        }
    }
}

impl Recipe {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.quality);
        encoder.set_sampling_factor(self.sampling);
        encoder.set_restart_interval(self.restart_interval);
        encoder.set_progressive(self.scans == Scans::Progressive);
        encoder.set_optimized_huffman_tables(self.scans == Scans::Optimised);
        let (width, height) = self.size;
        let pixels = drawing(width, height, channels(self.colours));
        encoder
            .encode(&pixels, width, height, self.colours)
            .unwrap();
        bytes
    }
}

fn channels(colours: ColorType) -> usize {
    match colours {
        ColorType::Luma => 1,
        ColorType::Cmyk | ColorType::CmykAsYcck | ColorType::Ycck => 4,
        _ => 3,
    }
}

/// Slopes, an edge and some noise, so that there are coefficients of all sizes.
fn drawing(width: u16, height: u16, channels: usize) -> Vec<u8> {
    let mut pixels = Vec::new();
    let mut noise = 12345_u32;
    for (y, x) in (0..u32::from(height)).flat_map(|y| (0..u32::from(width)).map(move |x| (y, x))) {
        for channel in 0..channels as u32 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slope = x * (3 + channel) + y * (5 - channel.min(4));
            let edge = if x * 2 > y * 3 + channel * 7 { 60 } else { 0 };
            pixels.push(((slope + edge + (noise >> 27)) % 256) as u8);
        }
    }
    pixels
}
