//! Public names on the wire.

use img_core::model::alias::{AliasName, AliasPath, InvalidAlias, InvalidHostName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AliasQuery {
    /// A path; percent-encoded where it is not plain, besides the encoding of the query itself.
    #[param(example = "/shop/shoe.jpg")]
    pub path: String,
    /// A name of this host [default: of all hosts].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which image it is to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasTarget {
    #[schema(pattern = "^[0-9a-f]{40}$")]
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alias {
    /// Percent-encoded.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub url: String,
    /// The image that it names, or named.
    pub id: String,
    /// `new`, `same` or `removed`; `named` when it was only asked for.
    pub status: String,
}

/// A name as people write it: with or without the slash at its start.
pub fn parse_alias(path: &str, host: Option<&str>) -> Result<AliasName, InvalidName> {
    // A slash at the start is optional, as it is for the command line.
    let rooted = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok(AliasName {
        host: host.map(str::parse).transpose()?,
        path: AliasPath::from_encoded(&rooted)?,
    })
}

/// Why something is no public name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error(transparent)]
    Path(#[from] InvalidAlias),
    #[error(transparent)]
    Host(#[from] InvalidHostName),
}
