//! Bytes of pixels of every depth and colour to interleaved channels of 8 bits.

use super::chunk::Chunk;
use super::error::DecodeError;
use super::header::{ColourType, Header};

/// How the pixels of one image become 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels of 8 bits.
///
/// Samples of fewer bits are stretched to 0..=255, those of 16 rounded to the nearest of 255 steps.
pub(super) struct Samples {
    colour: ColourType,
    bit_depth: u8,
    channels: usize,
    /// Of an image with a palette; black beyond its entries, opaque where tRNS says nothing.
    palette: Vec<[u8; 4]>,
    /// The one transparent colour of an image without a palette, at its depth; grey is its first.
    key: Option<[u16; 3]>,
}

impl Samples {
    pub(super) fn new(header: &Header) -> Self {
        let palette = match header.colour {
            ColourType::Palette => vec![[0, 0, 0, 255]; 256],
            ColourType::Grey | ColourType::Rgb | ColourType::GreyAlpha | ColourType::Rgba => {
                Vec::new()
            }
        };
        Self {
            colour: header.colour,
            bit_depth: header.bit_depth,
            channels: header.channels(),
            palette,
            key: None,
        }
    }

    /// PLTE (11.2.2).
    pub(super) fn take_palette(&mut self, chunk: &Chunk<'_>) -> Result<(), DecodeError> {
        let (entries, rest) = chunk.content.as_chunks::<3>();
        if !rest.is_empty() || entries.is_empty() || entries.len() > 256 {
            return Err(DecodeError::Corrupt {
                what: "PLTE is not 1 to 256 colours",
            });
        }
        for (entry, [r, g, b]) in self.palette.iter_mut().zip(entries) {
            *entry = [*r, *g, *b, entry[3]];
        }
        Ok(())
    }

    /// tRNS (11.3.1.1).
    pub(super) fn take_transparency(&mut self, chunk: &Chunk<'_>) -> Result<(), DecodeError> {
        let (values, rest) = chunk.content.as_chunks::<2>();
        let values: Vec<u16> = values
            .iter()
            .map(|value| u16::from_be_bytes(*value))
            .collect();
        match (self.colour, &values[..], rest) {
            (ColourType::Grey, [grey], []) => self.key = Some([*grey; 3]),
            (ColourType::Rgb, [r, g, b], []) => self.key = Some([*r, *g, *b]),
            (ColourType::Palette, _, _) if chunk.content.len() <= 256 => {
                for (entry, alpha) in self.palette.iter_mut().zip(chunk.content) {
                    entry[3] = *alpha;
                }
            }
            // It is forbidden there, but says nothing about the shape: readers pass over it.
            (ColourType::GreyAlpha | ColourType::Rgba, _, _) => {}
            (ColourType::Grey | ColourType::Rgb | ColourType::Palette, _, _) => {
                return Err(DecodeError::Corrupt {
                    what: "tRNS does not fit the colour type",
                });
            }
        }
        Ok(())
    }

    /// Whether the bytes of a row are its channels as they are.
    fn is_plain(&self) -> bool {
        let opaque_or_alpha = match self.colour {
            ColourType::Grey => self.channels == 1,
            ColourType::Rgb => self.channels == 3,
            ColourType::GreyAlpha | ColourType::Rgba => true,
            ColourType::Palette => false,
        };
        self.bit_depth == 8 && opaque_or_alpha
    }

    /// The channels of a row of so many pixels; `buffer` is used or not.
    pub(super) fn channels_of<'a>(
        &self,
        row: &'a [u8],
        width: usize,
        buffer: &'a mut Vec<u8>,
    ) -> &'a [u8] {
        if self.is_plain() {
            return &row[..width * self.channels];
        }
        buffer.resize(width * self.channels, 0);
        match self.colour {
            ColourType::Palette => self.look_up(row, buffer),
            ColourType::Grey => self.stretch::<1>(row, buffer),
            ColourType::Rgb => self.stretch::<3>(row, buffer),
            ColourType::GreyAlpha => self.stretch::<2>(row, buffer),
            ColourType::Rgba => self.stretch::<4>(row, buffer),
        }
        buffer
    }

    fn look_up(&self, row: &[u8], out: &mut [u8]) {
        let pixels = out.chunks_exact_mut(self.channels);
        for (index, out) in pixels.enumerate() {
            let entry = self.palette[usize::from(self.sample(row, index))];
            out.copy_from_slice(&entry[..self.channels]);
        }
    }

    /// For pixels that are stored as so many samples.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both results are at most 255"
    )]
    fn stretch<const STORED: usize>(&self, row: &[u8], out: &mut [u8]) {
        let full_scale = u32::from(u16::MAX >> (16 - self.bit_depth));
        let is_wide = self.bit_depth == 16;
        let pixels = out.chunks_exact_mut(self.channels);
        for (x, out) in pixels.enumerate() {
            let stored: [u16; STORED] =
                std::array::from_fn(|channel| self.sample(row, x * STORED + channel));
            for (out, value) in out.iter_mut().zip(stored) {
                let value = u32::from(value);
                *out = if is_wide {
                    // Of (value * 255 + 32767) / 65535: the same for all 65536 values, without a division.
                    ((value * 255 + 32_895) >> 16) as u8
                } else {
                    (value * (255 / full_scale)) as u8
                };
            }
            if let Some(alpha) = out.get_mut(STORED) {
                let is_key = self.key.is_some_and(|key| key[..STORED] == stored);
                *alpha = if is_key { 0 } else { 255 };
            }
        }
    }

    /// The sample of this index of a row; those of one byte stand in its high bits first (7.2).
    fn sample(&self, row: &[u8], index: usize) -> u16 {
        let depth = usize::from(self.bit_depth);
        match depth {
            16 => u16::from_be_bytes([row[2 * index], row[2 * index + 1]]),
            8 => u16::from(row[index]),
            _ => {
                let bit = index * depth;
                let byte = row[bit / 8] << (bit % 8);
                u16::from(byte >> (8 - depth))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sixteen_bits_are_rounded_to_the_nearest_of_eight() {
        for value in 0..=u32::from(u16::MAX) {
            let nearest = (value * 255 + 32_767) / 65_535;
            assert_eq!((value * 255 + 32_895) >> 16, nearest, "{value}");
        }
    }
}
