//! Rotations and flips that are asked for, composed with the orientation of the file into a single pass over the pixels.

use crate::imaging::orient::Orientation;

/// Clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rotation {
    #[default]
    None,
    Quarter,
    Half,
    ThreeQuarters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flip {
    #[default]
    None,
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    Both,
}

/// What [`upright`](crate::imaging::orient::upright) has to do so that the stored pixels stand upright, then are flipped,
/// then rotated: the order of the options `flip` and `rotate` of Cloudflare Images, which flips first.
///
/// Memory: none here; the pass takes one image of the same size.
pub(crate) fn turned(stored: Orientation, flip: Flip, rotation: Rotation) -> Orientation {
    stored.then(flip.orientation()).then(rotation.orientation())
}

impl Rotation {
    fn orientation(self) -> Orientation {
        match self {
            Self::None => Orientation::Upright,
            Self::Quarter => Orientation::Rotate90,
            Self::Half => Orientation::Rotate180,
            Self::ThreeQuarters => Orientation::Rotate270,
        }
    }
}

impl Flip {
    fn orientation(self) -> Orientation {
        match self {
            Self::None => Orientation::Upright,
            Self::Horizontal => Orientation::FlipHorizontal,
            Self::Vertical => Orientation::FlipVertical,
            Self::Both => Orientation::Rotate180,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::op::drawn::{KINDS, noise};
    use crate::imaging::orient::upright;

    #[test]
    fn one_pass_is_the_passes_in_a_row() {
        let pixels = noise(5, 3, KINDS[2]);
        for first in Orientation::ALL {
            for second in Orientation::ALL {
                let one = upright(pixels.clone(), first.then(second));
                let two = upright(upright(pixels.clone(), first), second);
                assert_eq!(one.bytes, two.bytes, "{first:?} {second:?}");
                assert_eq!(one.width_px, two.width_px);
            }
        }
    }

    #[test]
    fn turning_four_times_or_flipping_twice_changes_nothing() {
        for orientation in Orientation::ALL {
            let quarter = |from| turned(from, Flip::None, Rotation::Quarter);
            let around = quarter(quarter(quarter(quarter(orientation))));
            assert_eq!(around, orientation);
            let back = turned(quarter(orientation), Flip::None, Rotation::ThreeQuarters);
            assert_eq!(back, orientation);
            for flip in [Flip::Horizontal, Flip::Vertical, Flip::Both] {
                let back = turned(
                    turned(orientation, flip, Rotation::None),
                    flip,
                    Rotation::None,
                );
                assert_eq!(back, orientation);
            }
        }
    }

    #[test]
    fn the_file_is_stood_upright_then_flipped_then_rotated() {
        for kind in KINDS {
            let mut row = noise(2, 1, kind);
            let step = kind.count();
            row = upright(
                row.clone(),
                turned(Orientation::Upright, Flip::Horizontal, Rotation::Quarter),
            );
            assert_eq!((row.width_px, row.height_px), (1, 2));
            let seen = noise(2, 1, kind);
            // b a after the flip; b on top of a after the quarter turn.
            assert_eq!(row.bytes[..step], seen.bytes[step..]);
            assert_eq!(row.bytes[step..], seen.bytes[..step]);
        }
    }

    #[test]
    fn both_flips_are_half_a_turn() {
        let flipped = turned(Orientation::Transpose, Flip::Both, Rotation::None);
        let turned = turned(Orientation::Transpose, Flip::None, Rotation::Half);
        assert_eq!(flipped, turned);
    }
}
