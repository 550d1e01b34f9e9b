//! The last segment of `/i/…`: which original or derivative a URL asks for.

use std::fmt;
use std::str::FromStr;

use crate::model::image_id::{ImageId, InvalidImageId};
use crate::model::media::{MediaType, OutputFormat, UnknownMediaType, UnknownOutputFormat};
use crate::model::preset::PresetName;
use crate::model::record::DerivativeKey;
use crate::model::variant::InvalidVariant;

/// Where canonical URLs live.
pub const IMAGE_PREFIX: &str = "/i/";

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ImageName {
    /// `<id>.<ext>`
    Original { id: ImageId, media: MediaType },
    /// `<id>.<variant>.<ext>`
    Derivative(DerivativeKey),
    /// `<id>.<preset>.<ext>`: leads to the current revision.
    CurrentPreset {
        id: ImageId,
        preset: PresetName,
        format: OutputFormat,
    },
}

impl ImageName {
    pub fn id(&self) -> ImageId {
        match self {
            Self::Original { id, .. } | Self::CurrentPreset { id, .. } => *id,
            Self::Derivative(key) => key.id,
        }
    }

    /// The path of the URL, canonical, without host and query.
    pub fn url_path(&self) -> String {
        format!("{IMAGE_PREFIX}{self}")
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original { id, media } => write!(f, "{id}.{media}"),
            Self::Derivative(key) => write!(f, "{}.{}.{}", key.id, key.variant, key.format),
            Self::CurrentPreset { id, preset, format } => write!(f, "{id}.{preset}.{format}"),
        }
    }
}

impl FromStr for ImageName {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, InvalidImageName> {
        let (stem, extension) = text.rsplit_once('.').ok_or(InvalidImageName::NoExtension)?;
        let Some((id, variant)) = stem.split_once('.') else {
            return Ok(Self::Original {
                id: stem.parse()?,
                media: extension.parse()?,
            });
        };
        let id = id.parse()?;
        let format = extension.parse()?;
        match variant.parse::<PresetName>() {
            Ok(preset) => Ok(Self::CurrentPreset { id, preset, format }),
            Err(_) => Ok(Self::Derivative(DerivativeKey {
                id,
                variant: variant.parse()?,
                format,
            })),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImageName {
    #[error("the name has no extension")]
    NoExtension,
    #[error(transparent)]
    Id(#[from] InvalidImageId),
    #[error(transparent)]
    Media(#[from] UnknownMediaType),
    #[error(transparent)]
    Format(#[from] UnknownOutputFormat),
    #[error(transparent)]
    Variant(#[from] InvalidVariant),
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9";

    #[test]
    fn names_round_trip() {
        for rest in [
            "jpg",
            "heic",
            "thumb~1.webp",
            "thumb.jpg",
            "w=320,h=240,fit=cover.webp",
            "w=1,dpr=1.5.png",
        ] {
            let text = format!("{ID}.{rest}");
            assert_eq!(text.parse::<ImageName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn options_in_another_order_are_read_and_made_canonical() {
        let name: ImageName = format!("{ID}.fit=cover,h=240,w=320.webp").parse().unwrap();
        assert_eq!(name.to_string(), format!("{ID}.w=320,h=240,fit=cover.webp"));
    }

    #[test]
    fn strange_names_are_refused() {
        for rest in [
            "",
            "jpeg",
            "thumb~0.jpg",
            "thumb~01.jpg",
            "thumb~.jpg",
            "~1.jpg",
            "thumb~1.bmp",
            "thumb~1..jpg",
            "../x.jpg",
        ] {
            assert!(
                format!("{ID}.{rest}").parse::<ImageName>().is_err(),
                "{rest}"
            );
        }
        assert!("jpg".parse::<ImageName>().is_err());
        assert!("".parse::<ImageName>().is_err());
    }
}
