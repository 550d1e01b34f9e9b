//! Decoded pixels: 8 bits per channel, rows from the top, no padding.

use crate::model::geometry::Rgb;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
}

impl Channels {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    pub(crate) fn has_alpha(self) -> bool {
        match self {
            Self::GreyAlpha | Self::Rgba => true,
            Self::Grey | Self::Rgb => false,
        }
    }
}

/// Alpha, where there is one, is straight: not premultiplied.
#[derive(Clone, Debug)]
pub(crate) struct Pixels {
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) channels: Channels,
    pub(crate) bytes: Vec<u8>,
}

impl Pixels {
    /// Three or four channels in place of one or two.
    pub(crate) fn into_coloured(self) -> Self {
        let (channels, bytes) = match self.channels {
            Channels::Rgb | Channels::Rgba => return self,
            Channels::Grey => {
                let bytes = self.bytes.iter().flat_map(|&grey| [grey; 3]).collect();
                (Channels::Rgb, bytes)
            }
            Channels::GreyAlpha => {
                let pairs = self.bytes.chunks_exact(2);
                let bytes = pairs
                    .flat_map(|pair| [pair[0], pair[0], pair[0], pair[1]])
                    .collect();
                (Channels::Rgba, bytes)
            }
        };
        Self {
            channels,
            bytes,
            ..self
        }
    }

    /// Lays transparent pixels onto the background.
    pub(crate) fn into_opaque(self, background: Rgb) -> Self {
        if !self.channels.has_alpha() {
            return self;
        }
        let coloured = self.into_coloured();
        let mut bytes = Vec::with_capacity(coloured.bytes.len() / 4 * 3);
        for pixel in coloured.bytes.chunks_exact(4) {
            for (&value, behind) in pixel[..3].iter().zip(background.0) {
                bytes.push(mix(value, behind, pixel[3]));
            }
        }
        Self {
            channels: Channels::Rgb,
            bytes,
            ..coloured
        }
    }

    /// Centres, or aligns, the pixels on a larger canvas of one opaque colour.
    pub(crate) fn onto_canvas(self, canvas: Canvas, background: Rgb) -> Self {
        let image = self.into_coloured();
        let step = image.channels.count();
        let filler = [background.0[0], background.0[1], background.0[2], 255];
        let canvas_row = canvas.width_px as usize * step;
        let image_row = image.width_px as usize * step;
        let mut bytes = filler[..step].repeat(canvas.width_px as usize * canvas.height_px as usize);
        for (row, from) in image.bytes.chunks_exact(image_row).enumerate() {
            let at = (canvas.top_px as usize + row) * canvas_row + canvas.left_px as usize * step;
            bytes[at..at + image_row].copy_from_slice(from);
        }
        Self {
            width_px: canvas.width_px,
            height_px: canvas.height_px,
            channels: image.channels,
            bytes,
        }
    }
}

/// The canvas of a padded image, and where the image lies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "the unit belongs to each of the names"
)]
pub struct Canvas {
    pub width_px: u32,
    pub height_px: u32,
    pub left_px: u32,
    pub top_px: u32,
}

fn mix(value: u8, behind: u8, alpha: u8) -> u8 {
    let (value, behind, alpha) = (u32::from(value), u32::from(behind), u32::from(alpha));
    let sum = value * alpha + behind * (255 - alpha);
    u8::try_from((sum + 127) / 255).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_show_the_background() {
        let pixels = Pixels {
            width_px: 3,
            height_px: 1,
            channels: Channels::GreyAlpha,
            bytes: vec![200, 255, 200, 0, 200, 128],
        };
        let opaque = pixels.into_opaque(Rgb([0, 100, 255]));
        assert_eq!(opaque.channels, Channels::Rgb);
        assert_eq!(opaque.bytes, [200, 200, 200, 0, 100, 255, 100, 150, 227]);
    }

    #[test]
    fn a_canvas_surrounds_the_image() {
        let pixels = Pixels {
            width_px: 1,
            height_px: 1,
            channels: Channels::Grey,
            bytes: vec![9],
        };
        let canvas = Canvas {
            width_px: 3,
            height_px: 2,
            left_px: 1,
            top_px: 1,
        };
        let padded = pixels.onto_canvas(canvas, Rgb([1, 2, 3]));
        assert_eq!(
            padded.bytes,
            [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 9, 9, 9, 1, 2, 3]
        );
    }
}
