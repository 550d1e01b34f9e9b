//! What is done to an image before it is laid into its box: trim, rotation, flip.

use std::fmt;

/// A border of one colour is cut off: how far a value may be from that colour, in percent of the range.
///
/// Invariant: 1..=100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trim(u8);

impl Trim {
    /// Forgives the noise that JPEG leaves in a plain border.
    pub const DEFAULT: Self = Self(10);

    pub fn new(tolerance_percent: u32) -> Option<Self> {
        let percent = u8::try_from(tolerance_percent).ok()?;
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// 1..=100.
    pub fn tolerance_percent(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Trim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Clockwise, after the orientation that the original itself asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rotation {
    #[default]
    None,
    Quarter,
    Half,
    ThreeQuarters,
}

impl Rotation {
    pub const ALL: [Self; 4] = [Self::None, Self::Quarter, Self::Half, Self::ThreeQuarters];

    pub fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }

    /// Width and height after the rotation.
    pub fn turn_size(self, (width_px, height_px): (u32, u32)) -> (u32, u32) {
        match self {
            Self::None | Self::Half => (width_px, height_px),
            Self::Quarter | Self::ThreeQuarters => (height_px, width_px),
        }
    }
}

/// Mirrored, after the rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flip {
    #[default]
    None,
    /// Left becomes right.
    Horizontal,
    /// Top becomes bottom.
    Vertical,
    Both,
}

impl Flip {
    /// Those that have a word.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("h", Self::Horizontal),
        ("v", Self::Vertical),
        ("hv", Self::Both),
    ];
}
