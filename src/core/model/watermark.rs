//! Watermarks: what is laid over a derivative, by name, and how a change of one is noticed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::geometry::{Point, Rgb};
use crate::model::preset::PresetName;

/// The name of a watermark, in the alphabet of a preset's: `[a-z][a-z0-9_-]{0,31}`.
///
/// Invariant: the bytes after `len` are 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatermarkName {
    bytes: [u8; Self::LEN_MAX],
    len: u8,
}

impl WatermarkName {
    pub const LEN_MAX: usize = 32;

    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for WatermarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatermarkName")
            .field(&self.as_str())
            .finish()
    }
}

impl fmt::Display for WatermarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WatermarkName {
    type Err = InvalidWatermarkName;

    fn from_str(text: &str) -> Result<Self, InvalidWatermarkName> {
        let invalid = || InvalidWatermarkName {
            found: text.chars().take(64).collect(),
        };
        if text.parse::<PresetName>().is_err() {
            return Err(invalid());
        }
        let mut bytes = [0; Self::LEN_MAX];
        let taken = bytes.get_mut(..text.len()).ok_or_else(invalid)?;
        taken.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).map_err(|_| invalid())?;
        Ok(Self { bytes, len })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is not the name of a watermark: a lower-case letter, then up to 31 letters, digits, `-` or `_`"
)]
pub struct InvalidWatermarkName {
    pub found: String,
}

/// The first 4 bytes of the BLAKE3 hash of all that a watermark is made of; 8 lower-case hex digits in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatermarkFingerprint([u8; 4]);

impl fmt::Display for WatermarkFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// How a recipe names a watermark: `logo` in options, `logo@1a2b3c4d` in the definition of a preset, which thereby changes
/// when the watermark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatermarkRef {
    pub name: WatermarkName,
    /// `None`: the watermark of this name as it is now.
    pub fingerprint: Option<WatermarkFingerprint>,
}

impl fmt::Display for WatermarkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match self.fingerprint {
            Some(fingerprint) => write!(f, "@{fingerprint}"),
            None => Ok(()),
        }
    }
}

impl FromStr for WatermarkRef {
    type Err = InvalidWatermarkName;

    fn from_str(text: &str) -> Result<Self, InvalidWatermarkName> {
        let Some((name, digits)) = text.split_once('@') else {
            return Ok(Self {
                name: text.parse()?,
                fingerprint: None,
            });
        };
        let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        let fingerprint = bytes.ok_or_else(|| InvalidWatermarkName {
            found: text.chars().take(64).collect(),
        })?;
        Ok(Self {
            name: name.parse()?,
            fingerprint: Some(WatermarkFingerprint(fingerprint)),
        })
    }
}

/// A watermark as the configuration declares it, its files read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    pub mark: Mark,
    /// One of the nine words.
    pub position: Point,
    /// Between the mark and the edges at which it stands, in pixels of the derivative; between the marks of a tiling too.
    pub margin_px: u32,
    /// Width of the mark in thousandths of the derivative's width, 10..=1000; `None`: as large as the mark itself is.
    pub scale_permille: Option<u16>,
    /// In thousandths, 0..=1000; multiplied with the alpha of the mark.
    pub opacity_permille: u16,
    pub tiling: Tiling,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Mark {
    Image {
        /// A file in a format that originals may have.
        bytes: Arc<[u8]>,
    },
    Text {
        /// Lines end with `\n`.
        text: String,
        /// A TrueType or OpenType file.
        font: Arc<[u8]>,
        colour: Rgb,
        /// Of the em square, before `scale_permille` is applied.
        size_px: u32,
    },
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { bytes } => f
                .debug_struct("Image")
                .field("size_bytes", &bytes.len())
                .finish(),
            Self::Text { text, .. } => f
                .debug_struct("Text")
                .field("text", text)
                .finish_non_exhaustive(),
        }
    }
}

/// How often the mark is laid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tiling {
    #[default]
    Once,
    /// In rows and columns over all of the derivative.
    Everywhere,
}

impl Watermark {
    pub fn fingerprint(&self) -> WatermarkFingerprint {
        let mut hasher = blake3::Hasher::new();
        // Each part is preceded by its length, so that no two watermarks feed the same bytes.
        let mut feed = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        match &self.mark {
            Mark::Image { bytes } => {
                feed(b"image");
                feed(bytes);
            }
            Mark::Text {
                text,
                font,
                colour,
                size_px,
            } => {
                feed(b"text");
                feed(text.as_bytes());
                feed(font);
                feed(format!("{colour} {size_px}").as_bytes());
            }
        }
        let scale = self.scale_permille.unwrap_or(0);
        let tiles = u8::from(self.tiling == Tiling::Everywhere);
        let (position, margin_px, opacity) = (self.position, self.margin_px, self.opacity_permille);
        feed(format!("{position} {margin_px} {scale} {opacity} {tiles}").as_bytes());
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        WatermarkFingerprint([a, b, c, d])
    }
}

/// The watermarks of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Watermarks {
    declared: BTreeMap<WatermarkName, (WatermarkFingerprint, Watermark)>,
}

impl Watermarks {
    /// Answers what recipes are to name it by.
    pub fn declare(&mut self, name: WatermarkName, watermark: Watermark) -> WatermarkRef {
        let fingerprint = watermark.fingerprint();
        self.declared.insert(name, (fingerprint, watermark));
        WatermarkRef {
            name,
            fingerprint: Some(fingerprint),
        }
    }

    /// The name with its fingerprint as of now.
    pub fn find_ref(&self, name: WatermarkName) -> Option<WatermarkRef> {
        let (fingerprint, _) = self.declared.get(&name)?;
        Some(WatermarkRef {
            name,
            fingerprint: Some(*fingerprint),
        })
    }

    /// What a recipe names. An older revision of a preset may name a watermark that is another by now.
    pub fn get(&self, named: WatermarkRef) -> Result<&Watermark, WatermarkMissing> {
        let WatermarkRef { name, fingerprint } = named;
        let (found, watermark) = self
            .declared
            .get(&name)
            .ok_or(WatermarkMissing::Unknown { name })?;
        if fingerprint.is_some_and(|wanted| wanted != *found) {
            return Err(WatermarkMissing::Changed { name });
        }
        Ok(watermark)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatermarkMissing {
    #[error("there is no watermark `{name}` in the configuration")]
    Unknown { name: WatermarkName },
    #[error("watermark `{name}` has changed since this revision of the preset")]
    Changed { name: WatermarkName },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_mark(text: &str, font: &[u8]) -> Watermark {
        Watermark {
            mark: Mark::Text {
                text: text.to_owned(),
                font: font.into(),
                colour: Rgb::WHITE,
                size_px: 24,
            },
            position: Point::BOTTOM_RIGHT,
            margin_px: 16,
            scale_permille: None,
            opacity_permille: 1000,
            tiling: Tiling::Once,
        }
    }

    #[test]
    fn names_are_those_of_presets() {
        let longest = "a".repeat(32);
        for good in ["a", "logo-2_x", &longest] {
            assert_eq!(good.parse::<WatermarkName>().unwrap().as_str(), good);
        }
        for bad in ["", "Logo", "2x", "a.b", "a@b", &"a".repeat(33)] {
            assert!(bad.parse::<WatermarkName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn whatever_changes_in_a_watermark_changes_its_fingerprint() {
        let plain = text_mark("ab", b"c");
        let others = [
            text_mark("a", b"bc"),
            Watermark {
                position: Point::CENTRE,
                ..plain.clone()
            },
            Watermark {
                margin_px: 17,
                ..plain.clone()
            },
            Watermark {
                scale_permille: Some(10),
                ..plain.clone()
            },
            Watermark {
                opacity_permille: 999,
                ..plain.clone()
            },
            Watermark {
                tiling: Tiling::Everywhere,
                ..plain.clone()
            },
            Watermark {
                mark: Mark::Image {
                    bytes: b"ab".as_slice().into(),
                },
                ..plain.clone()
            },
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(other.fingerprint(), plain.fingerprint(), "{index}");
        }
        assert_eq!(text_mark("ab", b"c").fingerprint(), plain.fingerprint());
    }

    #[test]
    fn a_changed_watermark_is_not_taken_for_the_one_that_a_definition_names() {
        let name: WatermarkName = "logo".parse().unwrap();
        let mut watermarks = Watermarks::default();
        let before = watermarks.declare(name, text_mark("before", b""));
        let after = watermarks.declare(name, text_mark("after", b""));
        let any = WatermarkRef {
            name,
            fingerprint: None,
        };

        assert!(watermarks.get(after).is_ok() && watermarks.get(any).is_ok());
        assert_eq!(
            watermarks.get(before),
            Err(WatermarkMissing::Changed { name })
        );
        let unknown: WatermarkRef = "other".parse().unwrap();
        let name = unknown.name;
        assert_eq!(
            watermarks.get(unknown),
            Err(WatermarkMissing::Unknown { name })
        );
        assert_eq!(before.to_string().parse(), Ok(before));
        for bad in ["logo@", "logo@1A2B3C4D", "logo@1a2b3c", "@1a2b3c4d"] {
            assert!(bad.parse::<WatermarkRef>().is_err(), "{bad}");
        }
    }
}
