//! Where names live under the data directory: version 1 of the tree.

use std::fmt;
use std::str::FromStr;

use crate::model::alias::{AliasName, HostName};
use crate::model::image_id::ImageId;
use crate::model::media::MediaType;
use crate::model::record::DerivativeKey;

pub const LAYOUT_VERSION: u32 = 1;
pub const LAYOUT_FILE: &str = "LAYOUT";
pub const ORIGINAL_DIR: &str = "original";
pub const DERIVED_DIR: &str = "derived";
pub const ALIAS_DIR: &str = "alias";
pub const STAGING_DIR: &str = "staging";
/// Aliases that answer on every host.
pub const ANY_HOST_DIR: &str = "_";

/// How many directories originals and derivatives are spread over. Chosen when the tree is made; never in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardWidth {
    /// `abc/`: 16³ = 4,096 directories; 10 M images are some 2,500 originals in each.
    Three,
    /// `ab/cd/`: 256² = 65,536 directories; 200 M images are some 3,000 originals in each.
    TwoTwo,
}

impl ShardWidth {
    pub const ALL: [Self; 2] = [Self::Three, Self::TwoTwo];

    /// The shard of an id, relative to `original/` or `derived/`.
    pub fn shard(self, id: ImageId) -> String {
        let hex = id.to_string();
        let (a, b, c) = (
            &hex.as_bytes()[..2],
            &hex.as_bytes()[2..3],
            &hex.as_bytes()[2..4],
        );
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Three => text(a) + &text(b),
            Self::TwoTwo => text(a) + "/" + &text(c),
        }
    }

    /// All shards, in order.
    pub fn shards(self) -> Vec<String> {
        match self {
            Self::Three => (0..4096).map(|n| format!("{n:03x}")).collect(),
            Self::TwoTwo => (0..65_536)
                .map(|n| format!("{:02x}/{:02x}", n >> 8, n & 255))
                .collect(),
        }
    }
}

impl fmt::Display for ShardWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Three => "3",
            Self::TwoTwo => "2/2",
        })
    }
}

impl FromStr for ShardWidth {
    type Err = InvalidLayout;

    fn from_str(text: &str) -> Result<Self, InvalidLayout> {
        Self::ALL
            .into_iter()
            .find(|width| width.to_string() == text)
            .ok_or_else(|| InvalidLayout::Shards {
                found: text.to_owned(),
            })
    }
}

/// The content of the file `LAYOUT`: two lines, `version 1` and `shards 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLayout {
    pub shards: ShardWidth,
}

impl TreeLayout {
    /// `original/<shard>/<id>.<ext>`
    pub fn original_path(self, id: ImageId, media: MediaType) -> String {
        format!("{ORIGINAL_DIR}/{}/{id}.{media}", self.shards.shard(id))
    }

    /// `derived/<shard>`: where all derivatives of an image are.
    pub fn derived_dir(self, id: ImageId) -> String {
        format!("{DERIVED_DIR}/{}", self.shards.shard(id))
    }

    /// `derived/<shard>/<id>.<variant>.<ext>`
    pub fn derived_path(self, key: &DerivativeKey) -> String {
        let DerivativeKey {
            id,
            variant,
            format,
        } = key;
        format!(
            "{DERIVED_DIR}/{}/{id}.{variant}.{format}",
            self.shards.shard(*id)
        )
    }

    /// `alias/<host or _>/<path>`, as bytes, since old paths need not be UTF-8. The same for every number of shards.
    pub fn alias_path(name: &AliasName) -> Vec<u8> {
        let host = name.host.as_ref().map_or(ANY_HOST_DIR, HostName::as_str);
        let mut path = format!("{ALIAS_DIR}/{host}").into_bytes();
        path.extend_from_slice(name.path.as_bytes());
        path
    }
}

impl fmt::Display for TreeLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "version {LAYOUT_VERSION}")?;
        writeln!(f, "shards {}", self.shards)
    }
}

impl FromStr for TreeLayout {
    type Err = InvalidLayout;

    fn from_str(text: &str) -> Result<Self, InvalidLayout> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
                .unwrap_or("")
        };
        match field("version") {
            "1" => Ok(Self {
                shards: field("shards").parse()?,
            }),
            found => Err(InvalidLayout::Version {
                found: found.to_owned(),
            }),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLayout {
    #[error("layout version is `{found}`, this build knows {LAYOUT_VERSION}")]
    Version { found: String },
    #[error("shards are `{found}`, expected `3` or `2/2`")]
    Shards { found: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_prefixes_of_the_id() {
        let id = ImageId::of(b"");
        assert_eq!(ShardWidth::Three.shard(id), "af1");
        assert_eq!(ShardWidth::TwoTwo.shard(id), "af/13");
        for width in ShardWidth::ALL {
            assert!(width.shards().contains(&width.shard(id)));
        }
    }

    #[test]
    fn layout_file_round_trips() {
        for shards in ShardWidth::ALL {
            let layout = TreeLayout { shards };
            assert_eq!(layout.to_string().parse(), Ok(layout));
        }
        assert!("version 2\nshards 3\n".parse::<TreeLayout>().is_err());
        assert!("".parse::<TreeLayout>().is_err());
    }
}
