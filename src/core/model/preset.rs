//! Presets: recipes with a name and a revision.

use std::fmt;
use std::str::FromStr;

use crate::model::geometry::Enlarge;
use crate::model::media::OutputFormat;
use crate::model::recipe::{Effects, Finish, Layout, Quality, QualityTarget, Recipe};
use crate::model::words::{Words, parse_number, print_encoding, print_picture};

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

/// What a preset makes. Two definitions that print alike make the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetDefinition {
    pub layout: Layout,
    /// A watermark has its fingerprint.
    pub effects: Effects,
    pub finish: Finish,
    /// Formats in order of preference, each once, at least one.
    pub qualities: Vec<(OutputFormat, Quality)>,
}

impl PresetDefinition {
    /// The recipe for `format`, if the preset makes it.
    pub fn recipe(&self, format: OutputFormat) -> Option<Recipe> {
        let &(format, quality) = self.qualities.iter().find(|(made, _)| *made == format)?;
        Some(Recipe {
            layout: self.layout,
            effects: self.effects,
            encoding: self.finish.encoding(format, quality),
        })
    }

    pub fn formats(&self) -> impl Iterator<Item = OutputFormat> + '_ {
        self.qualities.iter().map(|&(format, _)| format)
    }
}

/// The form kept in the catalog, by which a change is noticed:
/// `w=240 h=240 fit=cover gravity=centre enlarge=0 background=ffffff sharpen=1 webp:79 jpg:ssim2=70/40-90`.
///
/// The first six always stand there, later words only where they are not at their defaults: what was printed before a
/// word was known must not change, since that would raise the revision.
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
        let later = [
            print_picture(layout, &self.effects),
            print_encoding(&self.finish, None),
        ];
        for word in later.iter().flatten() {
            write!(f, " {word}")?;
        }
        for (format, quality) in &self.qualities {
            match quality {
                Quality::Fixed(quality) => write!(f, " {format}:{quality}")?,
                Quality::Target(QualityTarget {
                    ssim2,
                    quality_min,
                    quality_max,
                }) => write!(f, " {format}:ssim2={ssim2}/{quality_min}-{quality_max}")?,
            }
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
        let mut words = Words::default();
        let mut qualities = Vec::new();
        for part in text.split(' ') {
            if let Some((format, quality)) = part.split_once(':') {
                let format = format.parse().map_err(|_| invalid())?;
                qualities.push((format, parse_quality(quality).ok_or_else(invalid)?));
                continue;
            }
            let (name, value) = part.split_once('=').ok_or_else(invalid)?;
            match words.set(name, value) {
                Ok(Some(_)) => {}
                // With its fingerprint it is no word of options.
                Err(_) if name == "watermark" => {
                    words.effects.watermark = Some(value.parse().map_err(|_| invalid())?);
                }
                Ok(None) => words.layout.set_field(name, value).ok_or_else(invalid)?,
                Err(_) => return Err(invalid()),
            }
        }
        if qualities.is_empty() || words.target() != Ok(None) {
            return Err(invalid());
        }
        Ok(Self {
            layout: words.layout,
            effects: words.effects,
            finish: words.finish,
            qualities,
        })
    }
}

/// `79`, or `ssim2=70/40-90`.
fn parse_quality(text: &str) -> Option<Quality> {
    let Some(target) = text.strip_prefix("ssim2=") else {
        return text.parse().ok().map(Quality::Fixed);
    };
    let (ssim2, bounds) = target.split_once('/')?;
    let (min, max) = bounds.split_once('-')?;
    let number = |text: &str| parse_number(text).and_then(|number| u8::try_from(number).ok());
    Some(Quality::Target(QualityTarget {
        ssim2: number(ssim2)?,
        quality_min: number(min)?,
        quality_max: number(max)?,
    }))
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
    fn what_a_preset_of_old_prints_does_not_change() {
        let definition = PresetDefinition {
            layout: Layout {
                width_px: Some(640),
                ..Layout::default()
            },
            effects: Effects::default(),
            finish: Finish::default(),
            qualities: vec![
                (OutputFormat::Webp, Quality::Fixed(79)),
                (OutputFormat::Jpeg, Quality::Fixed(80)),
            ],
        };
        assert_eq!(
            definition.to_string(),
            "w=640 h=auto fit=contain gravity=centre enlarge=0 background=ffffff webp:79 jpg:80"
        );
    }

    #[test]
    fn later_words_stand_between_the_old_ones_and_the_formats() {
        let text = "w=1 h=auto fit=cover gravity=entropy enlarge=0 background=ffffff trim=10 rotate=90 flip=h blur=2.5 \
                    sharpen=1 watermark=logo@1a2b3c4d anim=1 maxbytes=1000 lossless=1 colors=16 chroma=444 progressive=1 \
                    metadata=none profile=keep effort=slow avif:ssim2=70/40-90 gif:100";
        let definition: PresetDefinition = text.parse().unwrap();
        assert_eq!(definition.to_string(), text);
        let recipe = definition.recipe(OutputFormat::Avif).unwrap();
        let target = QualityTarget {
            ssim2: 70,
            quality_min: 40,
            quality_max: 90,
        };
        assert_eq!(recipe.encoding.quality, Quality::Target(target));
        for bad in [
            "w=1 ssim2=70 webp:79",
            "w=1 watermark=logo@x webp:79",
            "w=1 webp:ssim2=70",
            "w=1 webp:ssim2=70/40",
            "w=1 webp:ssim2=70/040-90",
            "w=1 blur=0.25 webp:79",
        ] {
            assert!(bad.parse::<PresetDefinition>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_definition_round_trips(
            words in proptest::sample::subsequence(
                vec![
                    "trim=3", "rotate=180", "flip=hv", "blur=0.3", "sharpen=9.9", "watermark=a@00ff00ff", "anim=1",
                    "maxbytes=10000000", "lossless=1", "colors=256", "chroma=444", "progressive=1", "metadata=none",
                    "profile=keep", "effort=fast",
                ],
                0..=15,
            ),
            box_words in "w=[1-9][0-9]{0,3} h=auto fit=(cover|pad) gravity=(auto|entropy|top) enlarge=[01] background=[0-9a-f]{6}",
            qualities in proptest::sample::subsequence(
                vec!["webp:79", "jpg:ssim2=30/1-100", "png:100", "avif:60", "gif:100"],
                1..=5,
            ),
        ) {
            let mut parts = vec![box_words.as_str()];
            parts.extend(words);
            parts.extend(qualities);
            let text = parts.join(" ");
            let definition: PresetDefinition = text.parse().unwrap();
            proptest::prop_assert_eq!(definition.to_string(), text);
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
