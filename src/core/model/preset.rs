//! Presets: recipes with a name and a revision.

use std::fmt;
use std::str::FromStr;

use crate::model::geometry::Enlarge;
use crate::model::media::OutputFormat;
use crate::model::recipe::{Encoding, Layout, Recipe};

/// The name of a preset: `[a-z][a-z0-9_-]{0,31}`, so that it can stand in URLs, file names and nginx captures as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PresetName(String);

impl PresetName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PresetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PresetName {
    type Err = InvalidPresetName;

    fn from_str(text: &str) -> Result<Self, InvalidPresetName> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let valid = text.len() <= 32
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(allowed);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPresetName {
                found: text.chars().take(64).collect(),
            })
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is not a preset name: a lower-case letter, then up to 31 letters, digits, `-` or `_`"
)]
pub struct InvalidPresetName {
    pub found: String,
}

/// What a preset makes. Two definitions that print alike make the same pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetDefinition {
    pub layout: Layout,
    /// Formats in order of preference, each once, at least one, each with its quality.
    pub encodings: Vec<Encoding>,
}

impl PresetDefinition {
    /// The recipe for `format`, if the preset makes it.
    pub fn recipe(&self, format: OutputFormat) -> Option<Recipe> {
        let encoding = self
            .encodings
            .iter()
            .find(|encoding| encoding.format == format)?;
        Some(Recipe {
            layout: self.layout,
            encoding: *encoding,
        })
    }

    pub fn formats(&self) -> impl Iterator<Item = OutputFormat> + '_ {
        self.encodings.iter().map(|encoding| encoding.format)
    }
}

/// The form kept in the catalog, by which a change is noticed:
/// `w=240 h=240 fit=cover gravity=centre enlarge=0 background=ffffff webp:79 jpg:80`.
impl fmt::Display for PresetDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side_px: Option<u32>| side_px.map_or("auto".to_owned(), |px| px.to_string());
        let layout = &self.layout;
        write!(
            f,
            "w={} h={} fit={} gravity={} enlarge={} background={}",
            side(layout.width_px),
            side(layout.height_px),
            layout.fit,
            layout.gravity,
            u8::from(layout.enlarge == Enlarge::Yes),
            layout.background,
        )?;
        for encoding in &self.encodings {
            write!(f, " {}:{}", encoding.format, encoding.quality)?;
        }
        Ok(())
    }
}

impl FromStr for PresetDefinition {
    type Err = InvalidPresetDefinition;

    fn from_str(text: &str) -> Result<Self, InvalidPresetDefinition> {
        let invalid = || InvalidPresetDefinition {
            found: text.to_owned(),
        };
        let mut definition = Self {
            layout: Layout::default(),
            encodings: Vec::new(),
        };
        for part in text.split(' ') {
            if let Some((format, quality)) = part.split_once(':') {
                let encoding = Encoding {
                    format: format.parse().map_err(|_| invalid())?,
                    quality: quality.parse().map_err(|_| invalid())?,
                };
                definition.encodings.push(encoding);
                continue;
            }
            let (name, value) = part.split_once('=').ok_or_else(invalid)?;
            definition
                .layout
                .set_field(name, value)
                .ok_or_else(invalid)?;
        }
        if definition.encodings.is_empty() {
            return Err(invalid());
        }
        Ok(definition)
    }
}

impl Layout {
    fn set_field(&mut self, name: &str, value: &str) -> Option<()> {
        let side = |value: &str| match value {
            "auto" => Some(None),
            px => px.parse().ok().map(Some),
        };
        match name {
            "w" => self.width_px = side(value)?,
            "h" => self.height_px = side(value)?,
            "fit" => self.fit = value.parse().ok()?,
            "gravity" => self.gravity = value.parse().ok()?,
            "background" => self.background = value.parse().ok()?,
            "enlarge" => {
                self.enlarge = match value {
                    "1" => Enlarge::Yes,
                    "0" => Enlarge::No,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a preset definition that this build understands")]
pub struct InvalidPresetDefinition {
    pub found: String,
}

/// A preset as it stands: what `/i/<id>.<preset>.<ext>` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    pub name: PresetName,
    /// From 1; raised whenever the definition changes, kept in the catalog.
    pub revision: u32,
    pub definition: PresetDefinition,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_round_trips() {
        let text =
            "w=240 h=auto fit=cover gravity=0.25x0.75 enlarge=1 background=00ff00 webp:79 jpg:80";
        assert_eq!(text.parse::<PresetDefinition>().unwrap().to_string(), text);
        for bad in [
            "",
            "w=1",
            "w=1 jpg",
            "z=1 jpg:80",
            "w=x jpg:80",
            "w=1 bmp:80",
        ] {
            assert!(bad.parse::<PresetDefinition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_tame() {
        for good in ["t", "thumb", "card-2x", "a_b"] {
            assert!(good.parse::<PresetName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "2x",
            "Thumb",
            "a.b",
            "a~1",
            "a/b",
            "a=b",
            "é",
            &"a".repeat(33),
        ] {
            assert!(bad.parse::<PresetName>().is_err(), "{bad}");
        }
    }
}
