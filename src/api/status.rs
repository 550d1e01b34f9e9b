//! How an origin stands, on the wire.

use img_core::catalog::Totals;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much of everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Of imgd.
    pub version: String,
    pub images: u64,
    pub image_bytes: u64,
    pub aliases: u64,
    pub derivatives: u64,
    pub derivative_bytes: u64,
    /// Derivations that failed lately.
    pub failures: u64,
}

/// Whether imgd can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok` or `failing`.
    pub status: String,
    /// What was looked at, and what is wrong with it; empty: nothing.
    #[serde(default)]
    pub checks: std::collections::BTreeMap<String, String>,
}

impl Status {
    pub fn of(version: &str, totals: &Totals) -> Self {
        Self {
            version: version.to_owned(),
            images: totals.images,
            image_bytes: totals.image_bytes,
            aliases: totals.aliases,
            derivatives: totals.derivatives,
            derivative_bytes: totals.derivative_bytes,
            failures: totals.failures,
        }
    }
}

/// A recipe with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresetInfo {
    pub name: String,
    pub revision: u32,
    /// The preferred one first.
    pub formats: Vec<String>,
    /// As it stands in the catalog.
    pub definition: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresetList {
    pub presets: Vec<PresetInfo>,
}

impl PresetInfo {
    pub fn of(preset: &img_core::model::preset::Preset) -> Self {
        Self {
            name: preset.name.to_string(),
            revision: preset.revision,
            formats: preset
                .definition
                .formats()
                .map(|format| format.to_string())
                .collect(),
            definition: preset.definition.to_string(),
        }
    }
}
