//! How an image is laid into a box: fit, gravity, background.

use std::fmt;
use std::str::FromStr;

/// How an image meets a box of `width × height`.
///
/// None of them makes an image larger than it is unless [`Enlarge::Yes`] says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// As large as fits inside the box; ratio kept.
    #[default]
    Contain,
    /// Fills the box; ratio kept; what stands out is cut off around the gravity. An image smaller than the box is cut
    /// to the ratio of the box.
    Cover,
    /// As `contain`, but never enlarged, whatever `enlarge` says.
    Inside,
    /// As `contain`, then padded with the background to exactly the box.
    Pad,
    /// Stretched to the box; ratio not kept.
    Fill,
}

impl Fit {
    pub const ALL: [Self; 5] = [
        Self::Contain,
        Self::Cover,
        Self::Inside,
        Self::Pad,
        Self::Fill,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Contain => "contain",
            Self::Cover => "cover",
            Self::Inside => "inside",
            Self::Pad => "pad",
            Self::Fill => "fill",
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fit {
    type Err = InvalidGeometry;

    fn from_str(text: &str) -> Result<Self, InvalidGeometry> {
        Self::ALL
            .into_iter()
            .find(|fit| fit.name() == text)
            .ok_or_else(|| InvalidGeometry::Fit {
                found: text.to_owned(),
            })
    }
}

/// Whether a derivative may have more pixels than its original.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Enlarge {
    #[default]
    No,
    Yes,
}

/// What `cover` keeps of an image, and where `pad` puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gravity {
    Point(Point),
    /// Where the eye goes first: saliency.
    Auto,
    /// Where there is most to see: entropy.
    Entropy,
}

impl Gravity {
    /// As far as it is known without looking at the pixels: the centre for what depends on them.
    pub fn point(self) -> Point {
        match self {
            Self::Point(point) => point,
            Self::Auto | Self::Entropy => Point::CENTRE,
        }
    }
}

impl Default for Gravity {
    fn default() -> Self {
        Self::Point(Point::CENTRE)
    }
}

impl fmt::Display for Gravity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(point) => point.fmt(f),
            Self::Auto => f.write_str("auto"),
            Self::Entropy => f.write_str("entropy"),
        }
    }
}

impl FromStr for Gravity {
    type Err = InvalidGeometry;

    fn from_str(text: &str) -> Result<Self, InvalidGeometry> {
        match text {
            "auto" => Ok(Self::Auto),
            "entropy" => Ok(Self::Entropy),
            point => Ok(Self::Point(point.parse()?)),
        }
    }
}

/// A point of an image: thousandths of the width and height, each 0..=1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    x_permille: u16,
    y_permille: u16,
}

/// Words for the nine edges and corners, in the order they are looked up and printed.
const POINT_WORDS: [(&str, u16, u16); 9] = [
    ("centre", 500, 500),
    ("top", 500, 0),
    ("bottom", 500, 1000),
    ("left", 0, 500),
    ("right", 1000, 500),
    ("top-left", 0, 0),
    ("top-right", 1000, 0),
    ("bottom-left", 0, 1000),
    ("bottom-right", 1000, 1000),
];

impl Point {
    pub const CENTRE: Self = Self {
        x_permille: 500,
        y_permille: 500,
    };
    pub const BOTTOM_RIGHT: Self = Self {
        x_permille: 1000,
        y_permille: 1000,
    };

    /// From the left, 0.0..=1.0.
    pub fn x(self) -> f64 {
        f64::from(self.x_permille) / 1000.0
    }

    /// From the top, 0.0..=1.0.
    pub fn y(self) -> f64 {
        f64::from(self.y_permille) / 1000.0
    }

    /// Of the nine words for edges, corners and the centre.
    pub fn find_word(text: &str) -> Option<Self> {
        let text = if text == "center" { "centre" } else { text };
        let (_, x_permille, y_permille) =
            POINT_WORDS.into_iter().find(|&(word, _, _)| word == text)?;
        Some(Self {
            x_permille,
            y_permille,
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = POINT_WORDS
            .into_iter()
            .find(|&(_, x, y)| (x, y) == (self.x_permille, self.y_permille));
        match word {
            Some((word, _, _)) => f.write_str(word),
            None => write!(f, "{}x{}", self.x(), self.y()),
        }
    }
}

impl FromStr for Point {
    type Err = InvalidGeometry;

    fn from_str(text: &str) -> Result<Self, InvalidGeometry> {
        if let Some(point) = Self::find_word(text) {
            return Ok(point);
        }
        let invalid = || InvalidGeometry::Gravity {
            found: text.to_owned(),
        };
        let (x, y) = text.split_once('x').ok_or_else(invalid)?;
        Ok(Self {
            x_permille: parse_permille(x).ok_or_else(invalid)?,
            y_permille: parse_permille(y).ok_or_else(invalid)?,
        })
    }
}

/// `0`, `1`, `0.5`, `.25`: at most three decimals, so that every point has one spelling.
fn parse_permille(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && decimals.is_empty()) || whole.len() > 1 || decimals.len() > 3 {
        return None;
    }
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    let permille: u16 = format!("{whole:0>1}{decimals:0<3}").parse().ok()?;
    (permille <= 1000).then_some(permille)
}

/// An opaque sRGB colour; `rrggbb` in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb(pub [u8; 3]);

impl Rgb {
    pub const WHITE: Self = Self([255; 3]);
}

impl Default for Rgb {
    fn default() -> Self {
        Self::WHITE
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl FromStr for Rgb {
    type Err = InvalidGeometry;

    fn from_str(text: &str) -> Result<Self, InvalidGeometry> {
        let invalid = || InvalidGeometry::Background {
            found: text.to_owned(),
        };
        let digits = text.strip_prefix('#').unwrap_or(text);
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .map_err(|_| invalid())?;
        Ok(Self(bytes.try_into().map_err(|_| invalid())?))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGeometry {
    #[error("fit `{found}` is none of contain, cover, inside, pad, fill")]
    Fit { found: String },
    #[error(
        "gravity `{found}` is neither centre, top, bottom, left, right, a corner such as top-left, auto, entropy, nor a point such as 0.5x0.25"
    )]
    Gravity { found: String },
    #[error("background `{found}` is not a colour of six hex digits such as ffffff")]
    Background { found: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gravity_has_one_spelling() {
        for (word, _, _) in POINT_WORDS {
            assert_eq!(word.parse::<Gravity>().unwrap().to_string(), word);
        }
        for word in ["auto", "entropy"] {
            let gravity: Gravity = word.parse().unwrap();
            assert_eq!(
                (gravity.to_string(), gravity.point()),
                (word.to_owned(), Point::CENTRE)
            );
        }
        assert_eq!("0.5x0.5".parse::<Gravity>().unwrap().to_string(), "centre");
        assert_eq!(".25x1".parse::<Gravity>().unwrap().to_string(), "0.25x1");
        for bad in [
            "", "x", "0.5", "1.1x0", "0.0001x0", "-1x0", "ax0", "00x0", "0x0x0",
        ] {
            assert!(bad.parse::<Gravity>().is_err(), "{bad}");
        }
    }

    #[test]
    fn colours_are_six_hex_digits() {
        assert_eq!("#FF8000".parse::<Rgb>().unwrap().to_string(), "ff8000");
        for bad in ["fff", "ff80000", "gggggg", ""] {
            assert!(bad.parse::<Rgb>().is_err(), "{bad}");
        }
    }
}
