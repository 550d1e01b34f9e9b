//! What an image looks like, on the wire.

use data_encoding::{BASE64, HEXLOWER};
use img_core::model::record::{self, Appearance};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an image looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Looks {
    /// What to show until the image is there (<https://blurha.sh>); none where the pixels cannot be read.
    #[serde(default)]
    pub blurhash: Option<String>,
    /// The most common colour, `#rrggbb`; none where the pixels cannot be read.
    #[serde(default)]
    pub dominant: Option<String>,
    /// A blur that also tells ratio and transparency, in base64 (<https://evanw.github.io/thumbhash/>); none where the
    /// pixels cannot be read.
    #[serde(default)]
    pub thumbhash: Option<String>,
    /// The main colours, the most common first; none where the pixels cannot be read or nothing is opaque.
    #[serde(default)]
    #[schema(max_items = 5)]
    pub palette: Vec<Swatch>,
    /// What it shows, as 16 hex digits: of copies of other size, quality or format few of the 64 bits differ (up to 10 or
    /// so), of images that have nothing in common about 32. None where the pixels cannot be read.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub phash: Option<String>,
    /// How much detail there is: the variance of the Laplacian of luma 0 to 255 at 256 px on the longer side; 0 is one
    /// colour, 1040400 a chessboard of pixels. None where the pixels cannot be read.
    #[serde(default)]
    #[schema(maximum = 1_040_400)]
    pub sharpness: Option<u32>,
}

/// A colour of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Swatch {
    /// `#rrggbb`.
    pub rgb: String,
    /// How much of what is opaque has about this colour: 3 to 100, rounded.
    #[schema(minimum = 3, maximum = 100)]
    pub percent: u8,
}

impl Looks {
    pub fn of(appearance: &Appearance) -> Self {
        Self {
            blurhash: Some(appearance.blurhash.clone()),
            dominant: Some(hash_rgb(appearance.dominant_rgb)),
            thumbhash: Some(BASE64.encode(&appearance.thumbhash)),
            palette: appearance.palette.iter().copied().map(Swatch::of).collect(),
            phash: Some(appearance.perceptual_hash.to_string()),
            sharpness: Some(appearance.sharpness),
        }
    }
}

impl Swatch {
    fn of(swatch: record::Swatch) -> Self {
        Self {
            rgb: hash_rgb(swatch.rgb),
            percent: swatch.share_percent,
        }
    }
}

/// As in CSS.
fn hash_rgb(rgb: [u8; 3]) -> String {
    format!("#{}", HEXLOWER.encode(&rgb))
}
