//! Media types of originals and formats of derivatives.

use std::fmt;
use std::str::FromStr;

/// What the bytes of an original are, decided by content and never by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    Jpeg,
    Png,
    Gif,
    Webp,
    Avif,
    Tiff,
    Bmp,
    Heic,
    Svg,
    Jxl,
}

impl MediaType {
    pub const ALL: [Self; 10] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::Webp,
        Self::Avif,
        Self::Tiff,
        Self::Bmp,
        Self::Heic,
        Self::Svg,
        Self::Jxl,
    ];

    /// The extension in URLs and on disk.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Heic => "heic",
            Self::Svg => "svg",
            Self::Jxl => "jxl",
        }
    }

    /// The value of `Content-Type`.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Heic => "image/heic",
            Self::Svg => "image/svg+xml",
            Self::Jxl => "image/jxl",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for MediaType {
    type Err = UnknownMediaType;

    fn from_str(text: &str) -> Result<Self, UnknownMediaType> {
        Self::ALL
            .into_iter()
            .find(|media| media.extension() == text)
            .ok_or_else(|| UnknownMediaType {
                found: text.to_owned(),
            })
    }
}

/// What a derivative can be encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutputFormat {
    Jpeg,
    Png,
    Webp,
    Avif,
    Gif,
}

impl OutputFormat {
    pub const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::Webp, Self::Avif, Self::Gif];

    pub fn media(self) -> MediaType {
        match self {
            Self::Jpeg => MediaType::Jpeg,
            Self::Png => MediaType::Png,
            Self::Webp => MediaType::Webp,
            Self::Avif => MediaType::Avif,
            Self::Gif => MediaType::Gif,
        }
    }

    pub fn extension(self) -> &'static str {
        self.media().extension()
    }

    /// The longest side the format can hold, in pixels.
    ///
    /// JPEG: 16-bit frame header (ITU-T T.81). WebP: 14-bit dimensions (RFC 9649). PNG: 31 bits. AVIF: `frame_width_bits`
    /// of at most 16 hold the width minus one (AV1 bitstream specification, 5.5.1). GIF: 16-bit dimensions (GIF89a).
    pub fn side_px_max(self) -> u32 {
        match self {
            Self::Jpeg | Self::Gif => 65_535,
            Self::Png => i32::MAX as u32,
            Self::Webp => 16_383,
            Self::Avif => 65_536,
        }
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for OutputFormat {
    type Err = UnknownOutputFormat;

    fn from_str(text: &str) -> Result<Self, UnknownOutputFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension() == text)
            .ok_or_else(|| UnknownOutputFormat {
                found: text.to_owned(),
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not an image extension of this origin")]
pub struct UnknownMediaType {
    pub found: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a format that derivatives are made in (jpg, png, webp, avif, gif)")]
pub struct UnknownOutputFormat {
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_round_trip() {
        for media in MediaType::ALL {
            assert_eq!(media.extension().parse(), Ok(media));
        }
        for format in OutputFormat::ALL {
            assert_eq!(format.extension().parse(), Ok(format));
        }
    }

    #[test]
    fn an_extension_has_one_spelling() {
        assert!("jpeg".parse::<MediaType>().is_err());
        assert!("JPG".parse::<MediaType>().is_err());
    }
}
