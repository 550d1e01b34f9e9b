//! The sections `[presets]` and `[watermarks]` of `imgctl.toml` as they are written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetSection {
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fit: Option<String>,
    pub gravity: Option<String>,
    #[serde(default)]
    pub enlarge: bool,
    pub background: Option<String>,
    pub formats: Vec<String>,
    /// By format; the defaults are those of free options.
    #[serde(default)]
    pub quality: BTreeMap<String, u8>,
    pub trim: Option<WordValue>,
    pub rotate: Option<WordValue>,
    pub flip: Option<WordValue>,
    pub blur: Option<WordValue>,
    pub sharpen: Option<WordValue>,
    pub watermark: Option<WordValue>,
    pub anim: Option<WordValue>,
    pub ssim2: Option<WordValue>,
    pub qmin: Option<WordValue>,
    pub qmax: Option<WordValue>,
    pub maxbytes: Option<WordValue>,
    pub lossless: Option<WordValue>,
    pub colors: Option<WordValue>,
    pub chroma: Option<WordValue>,
    pub progressive: Option<WordValue>,
    pub metadata: Option<WordValue>,
    pub profile: Option<WordValue>,
    pub effort: Option<WordValue>,
}

impl PresetSection {
    /// What is read as the words of free options are, under the same names.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'static str, String)> {
        let words = [
            ("trim", &self.trim),
            ("rotate", &self.rotate),
            ("flip", &self.flip),
            ("blur", &self.blur),
            ("sharpen", &self.sharpen),
            ("watermark", &self.watermark),
            ("anim", &self.anim),
            ("ssim2", &self.ssim2),
            ("qmin", &self.qmin),
            ("qmax", &self.qmax),
            ("maxbytes", &self.maxbytes),
            ("lossless", &self.lossless),
            ("colors", &self.colors),
            ("chroma", &self.chroma),
            ("progressive", &self.progressive),
            ("metadata", &self.metadata),
            ("profile", &self.profile),
            ("effort", &self.effort),
        ];
        let given = |(name, value): (_, &Option<WordValue>)| Some((name, value.as_ref()?.text()));
        words.into_iter().filter_map(given)
    }
}

/// A value as TOML has it, or as it stands in a URL: `10`, `0.5`, `true`, `"10"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum WordValue {
    Switch(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
}

impl WordValue {
    fn text(&self) -> String {
        match self {
            Self::Switch(is_on) => is_on.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatermarkSection {
    /// Relative to the data directory. This or `text`.
    pub image: Option<PathBuf>,
    pub text: Option<String>,
    /// A TrueType or OpenType file, relative to the data directory.
    pub font: Option<PathBuf>,
    pub colour: Option<String>,
    pub size_px: Option<u32>,
    pub position: String,
    pub margin_px: u32,
    /// Share of the width of the derivative.
    pub scale: Option<f64>,
    pub opacity: f64,
    pub tile: bool,
}

impl Default for WatermarkSection {
    fn default() -> Self {
        Self {
            image: None,
            text: None,
            font: None,
            colour: None,
            size_px: None,
            position: "bottom-right".to_owned(),
            margin_px: 16,
            scale: None,
            opacity: 1.0,
            tile: false,
        }
    }
}
