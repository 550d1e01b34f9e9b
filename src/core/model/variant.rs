//! The variant: the part of a URL that names a preset with its revision, or free options.

use std::fmt;
use std::str::FromStr;

use crate::model::options::{InvalidOptions, Options};
use crate::model::preset::PresetName;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// `thumb~1`
    Preset { name: PresetName, revision: u32 },
    /// `w=320,h=240,fit=cover`
    Options(Options),
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset { name, revision } => write!(f, "{name}~{revision}"),
            Self::Options(options) => options.fmt(f),
        }
    }
}

/// Accepts options in any order; display makes them canonical.
impl FromStr for Variant {
    type Err = InvalidVariant;

    fn from_str(text: &str) -> Result<Self, InvalidVariant> {
        if text.contains('=') {
            return Ok(Self::Options(text.parse()?));
        }
        let invalid = || InvalidVariant::Preset {
            found: text.chars().take(64).collect(),
        };
        let (name, revision) = text.split_once('~').ok_or_else(invalid)?;
        let plain =
            revision.bytes().all(|byte| byte.is_ascii_digit()) && !revision.starts_with('0');
        let revision = plain
            .then(|| revision.parse().ok())
            .flatten()
            .ok_or_else(invalid)?;
        Ok(Self::Preset {
            name: name.parse().map_err(|_| invalid())?,
            revision,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariant {
    #[error("`{found}` is not a preset and its revision, such as thumb~1")]
    Preset { found: String },
    #[error(transparent)]
    Options(#[from] InvalidOptions),
}
