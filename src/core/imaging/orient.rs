//! The eight orientations of EXIF: what they do to sizes, crops and planes.

use img_codec::plane::Plane;

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

    /// As [`Self::turn_size`], of sides that need not be whole.
    pub(crate) fn turn_sides(self, (width, height): (f64, f64)) -> (f64, f64) {
        if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// The part of the stored image, which has the sides given, that is `crop` of the upright one.
    pub(crate) fn stored_crop(self, crop: Crop, (width, height): (f64, f64)) -> Crop {
        let (left, top) = (crop.left, crop.top);
        // Distances from the far edges of the upright image, whose sides may be swapped.
        let (upright_width, upright_height) = self.turn_sides((width, height));
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
        let (width, height) = self.turn_sides((crop.width, crop.height));
        Crop {
            left,
            top,
            width,
            height,
        }
    }

    /// Whether the stored image is mirrored along its own width, and along its own height, on the way to upright.
    pub(crate) fn mirrors_stored(self) -> (bool, bool) {
        let (swaps, mirror_x, mirror_y) = self.axes();
        if swaps {
            (mirror_y, mirror_x)
        } else {
            (mirror_x, mirror_y)
        }
    }

    /// Stands a plane upright.
    pub(crate) fn turn(self, stored: Plane) -> Plane {
        if self == Self::Upright {
            return stored;
        }
        let (mirrors_width, mirrors_height) = self.mirrors_stored();
        let (stored_width, stored_height) = (stored.width(), stored.height());
        let stored_x = |x| {
            if mirrors_width {
                stored_width - 1 - x
            } else {
                x
            }
        };
        let stored_y = |y| {
            if mirrors_height {
                stored_height - 1 - y
            } else {
                y
            }
        };
        let mut upright = if self.swaps_sides() {
            Plane::new(stored_height, stored_width)
        } else {
            Plane::new(stored_width, stored_height)
        };
        for y in 0..upright.height() {
            let row = upright.row_mut(y);
            if self.swaps_sides() {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = stored.row(stored_y(x))[stored_x(y)];
                }
            } else {
                row.copy_from_slice(stored.row(stored_y(y)));
                if mirrors_width {
                    row.reverse();
                }
            }
        }
        upright
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How `F` of six pixels is stored under each orientation, and how it is seen.
    #[test]
    fn every_orientation_stands_upright() {
        let seen = [1, 2, 3, 4, 5, 6];
        let stored: [(usize, [u8; 6]); 8] = [
            (3, [1, 2, 3, 4, 5, 6]),
            (3, [3, 2, 1, 6, 5, 4]),
            (3, [6, 5, 4, 3, 2, 1]),
            (3, [4, 5, 6, 1, 2, 3]),
            (2, [1, 4, 2, 5, 3, 6]),
            (2, [3, 6, 2, 5, 1, 4]),
            (2, [6, 3, 5, 2, 4, 1]),
            (2, [4, 1, 5, 2, 6, 3]),
        ];
        for (orientation, (width, bytes)) in Orientation::ALL.into_iter().zip(stored) {
            let stored = Plane::from_samples(width, 6 / width, &bytes);
            let upright = orientation.turn(stored);
            assert_eq!(upright, Plane::from_samples(3, 2, &seen), "{orientation:?}");
        }
    }

    /// Cutting the stored image and turning it is turning it and cutting.
    #[test]
    fn a_crop_is_found_in_the_stored_image() {
        for orientation in Orientation::ALL {
            let (stored_width, stored_height) = orientation.turn_size(8, 5);
            let samples: Vec<u8> = (0..40).collect();
            let stored =
                Plane::from_samples(stored_width as usize, stored_height as usize, &samples);
            let crop = Crop {
                left: 1.0,
                top: 2.0,
                width: 5.0,
                height: 2.0,
            };
            let stored_size = (f64::from(stored_width), f64::from(stored_height));
            let cut = orientation.stored_crop(crop, stored_size);
            let one = orientation.turn(slice(&stored, cut));
            let other = slice(&orientation.turn(stored), crop);
            assert_eq!(one, other, "{orientation:?}");
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers below ten"
    )]
    fn slice(plane: &Plane, crop: Crop) -> Plane {
        let (width, height) = (crop.width as usize, crop.height as usize);
        let rows = (0..height).map(|y| &plane.row(crop.top as usize + y)[crop.left as usize..]);
        let samples: Vec<u8> = rows.flat_map(|row| row[..width].to_vec()).collect();
        Plane::from_samples(width, height, &samples)
    }
}
