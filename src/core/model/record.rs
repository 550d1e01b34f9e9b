//! What the catalog knows: images, derivatives, what they look like.

use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::media::{MediaType, OutputFormat};
use crate::model::perceptual_hash::PerceptualHash;
use crate::model::variant::Variant;

/// An original on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub id: ImageId,
    pub media: MediaType,
    pub size_bytes: u64,
    /// As shown, with the orientation applied; 0 where the format has none (SVG without a size).
    pub width_px: u32,
    pub height_px: u32,
    pub frames: u32,
    /// Modification time of the original and of all that is derived from it, on every node.
    pub recorded_at: UnixSeconds,
    /// When it was first ingested here.
    pub ingested_at: UnixSeconds,
    /// Who ingested it: `local:<user>` for runs on the machine itself.
    pub ingested_by: String,
}

/// Names one derivative: the key of the ledger of emitted URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DerivativeKey {
    pub id: ImageId,
    pub variant: Variant,
    pub format: OutputFormat,
}

/// A derivative on record: its URL may have been seen by anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivative {
    pub key: DerivativeKey,
    /// `None` while it has been claimed but not yet made.
    pub size_bytes: Option<u64>,
    pub recorded_at: UnixSeconds,
}

/// What an image looks like before it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// A blurhash (<https://blurha.sh>).
    pub blurhash: String,
    /// A ThumbHash (<https://evanw.github.io/thumbhash/>), which also tells ratio and transparency.
    pub thumbhash: Vec<u8>,
    /// The most common colour: red, green, blue.
    pub dominant_rgb: [u8; 3],
    /// At most five, the most common first; none if nothing is opaque.
    pub palette: Vec<Swatch>,
    pub perceptual_hash: PerceptualHash,
    /// The variance of the Laplacian of luma 0..=255 at 256 px on the longer side, or less if the image is smaller:
    /// 0..=1,040,400.
    pub sharpness: u32,
}

/// A colour of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swatch {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// How much of what is opaque has about this colour: 3..=100, rounded.
    pub share_percent: u8,
}
