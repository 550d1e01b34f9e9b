//! The eight orientations of EXIF: what they do to sizes, crops and pixels.

use crate::imaging::pixels::Pixels;
use crate::imaging::place::Crop;

/// How the stored pixels must be turned to stand upright (EXIF tag 0x0112).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    #[default]
    Upright,
    FlipHorizontal,
    Rotate180,
    FlipVertical,
    Transpose,
    /// Clockwise.
    Rotate90,
    Transverse,
    /// Clockwise.
    Rotate270,
}

impl Orientation {
    /// In the order of their EXIF values, from 1.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::FlipHorizontal,
        Self::Rotate180,
        Self::FlipVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    pub fn from_exif_value(value: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|orientation| orientation.exif_value() == value)
    }

    pub fn exif_value(self) -> u16 {
        match self {
            Self::Upright => 1,
            Self::FlipHorizontal => 2,
            Self::Rotate180 => 3,
            Self::FlipVertical => 4,
            Self::Transpose => 5,
            Self::Rotate90 => 6,
            Self::Transverse => 7,
            Self::Rotate270 => 8,
        }
    }

    pub fn swaps_sides(self) -> bool {
        self.exif_value() >= 5
    }

    /// The one orientation that does what this one and then `next` would do.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let ((swap, mirror_x, mirror_y), (next_swap, next_x, next_y)) = (self.axes(), next.axes());
        // Mirrors of the first are carried along when the second swaps the axes that they lie on.
        let (mirror_x, mirror_y) = if next_swap {
            (mirror_y, mirror_x)
        } else {
            (mirror_x, mirror_y)
        };
        let sought = (swap ^ next_swap, mirror_x ^ next_x, mirror_y ^ next_y);
        Self::ALL
            .into_iter()
            .find(|orientation| orientation.axes() == sought)
            .expect("the eight orientations are all combinations of three choices")
    }

    /// Whether the axes are swapped, and whether the result is then mirrored left to right and top to bottom.
    fn axes(self) -> (bool, bool, bool) {
        match self {
            Self::Upright => (false, false, false),
            Self::FlipHorizontal => (false, true, false),
            Self::Rotate180 => (false, true, true),
            Self::FlipVertical => (false, false, true),
            Self::Transpose => (true, false, false),
            Self::Rotate90 => (true, true, false),
            Self::Transverse => (true, true, true),
            Self::Rotate270 => (true, false, true),
        }
    }

    /// Width and height as seen, for those stored; its own inverse.
    pub fn turn_size(self, width_px: u32, height_px: u32) -> (u32, u32) {
        if self.swaps_sides() {
            (height_px, width_px)
        } else {
            (width_px, height_px)
        }
    }

    /// The part of the stored image that is `crop` of the upright one.
    pub(crate) fn stored_crop(self, crop: Crop, stored_size: (u32, u32)) -> Crop {
        let (width, height) = (f64::from(stored_size.0), f64::from(stored_size.1));
        let (left, top) = (crop.left, crop.top);
        // Distances from the far edges of the upright image, whose sides may be swapped.
        let (upright_width, upright_height) = if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        };
        let right = (upright_width - left - crop.width).max(0.0);
        let bottom = (upright_height - top - crop.height).max(0.0);
        let (left, top) = match self {
            Self::Upright => (left, top),
            Self::FlipHorizontal => (right, top),
            Self::Rotate180 => (right, bottom),
            Self::FlipVertical => (left, bottom),
            Self::Transpose => (top, left),
            Self::Rotate90 => (top, right),
            Self::Transverse => (bottom, right),
            Self::Rotate270 => (bottom, left),
        };
        let (width, height) = if self.swaps_sides() {
            (crop.height, crop.width)
        } else {
            (crop.width, crop.height)
        };
        Crop {
            left,
            top,
            width,
            height,
        }
    }
}

/// Turns the pixels upright.
pub(crate) fn upright(pixels: Pixels, orientation: Orientation) -> Pixels {
    if orientation == Orientation::Upright {
        return pixels;
    }
    let (stored_width, stored_height) = (pixels.width_px as usize, pixels.height_px as usize);
    let (width_px, height_px) = orientation.turn_size(pixels.width_px, pixels.height_px);
    let step = pixels.channels.count();
    let mut bytes = Vec::with_capacity(pixels.bytes.len());
    for y in 0..height_px as usize {
        for x in 0..width_px as usize {
            let (stored_x, stored_y) = match orientation {
                Orientation::Upright => (x, y),
                Orientation::FlipHorizontal => (stored_width - 1 - x, y),
                Orientation::Rotate180 => (stored_width - 1 - x, stored_height - 1 - y),
                Orientation::FlipVertical => (x, stored_height - 1 - y),
                Orientation::Transpose => (y, x),
                Orientation::Rotate90 => (y, stored_height - 1 - x),
                Orientation::Transverse => (stored_width - 1 - y, stored_height - 1 - x),
                Orientation::Rotate270 => (stored_width - 1 - y, x),
            };
            let at = (stored_y * stored_width + stored_x) * step;
            bytes.extend_from_slice(&pixels.bytes[at..at + step]);
        }
    }
    Pixels {
        width_px,
        height_px,
        channels: pixels.channels,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::pixels::Channels;

    /// How `F` of six pixels is stored under each orientation, and how it is seen.
    #[test]
    fn every_orientation_stands_upright() {
        let seen = [1, 2, 3, 4, 5, 6];
        let stored: [(u32, [u8; 6]); 8] = [
            (3, [1, 2, 3, 4, 5, 6]),
            (3, [3, 2, 1, 6, 5, 4]),
            (3, [6, 5, 4, 3, 2, 1]),
            (3, [4, 5, 6, 1, 2, 3]),
            (2, [1, 4, 2, 5, 3, 6]),
            (2, [3, 6, 2, 5, 1, 4]),
            (2, [6, 3, 5, 2, 4, 1]),
            (2, [4, 1, 5, 2, 6, 3]),
        ];
        for (orientation, (width_px, bytes)) in Orientation::ALL.into_iter().zip(stored) {
            let pixels = Pixels {
                width_px,
                height_px: 6 / width_px,
                channels: Channels::Grey,
                bytes: bytes.to_vec(),
            };
            let upright = upright(pixels, orientation);
            assert_eq!((upright.width_px, upright.height_px), (3, 2));
            assert_eq!(upright.bytes, seen, "{orientation:?}");
        }
    }

    /// Cutting the stored image and turning it is turning it and cutting.
    #[test]
    fn a_crop_is_found_in_the_stored_image() {
        for orientation in Orientation::ALL {
            let (stored_width, stored_height) = orientation.turn_size(8, 5);
            let stored = Pixels {
                width_px: stored_width,
                height_px: stored_height,
                channels: Channels::Grey,
                bytes: (0..40).collect(),
            };
            let crop = Crop {
                left: 1.0,
                top: 2.0,
                width: 5.0,
                height: 2.0,
            };
            let cut = orientation.stored_crop(crop, (stored_width, stored_height));
            let one = upright(slice(&stored, cut), orientation);
            let other = slice(&upright(stored, orientation), crop);
            assert_eq!(one.bytes, other.bytes, "{orientation:?}");
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers below ten"
    )]
    fn slice(pixels: &Pixels, crop: Crop) -> Pixels {
        let mut bytes = Vec::new();
        for y in 0..crop.height as usize {
            let at = (crop.top as usize + y) * pixels.width_px as usize + crop.left as usize;
            bytes.extend_from_slice(&pixels.bytes[at..at + crop.width as usize]);
        }
        Pixels {
            width_px: crop.width as u32,
            height_px: crop.height as u32,
            channels: pixels.channels,
            bytes,
        }
    }
}
