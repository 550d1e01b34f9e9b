//! Tags: words that applications put on images to find them again.

use std::fmt;
use std::str::FromStr;

/// One word on an image, in any script.
///
/// Invariants: 1 to 64 bytes of UTF-8; no comma, no control character, no space at either end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    pub const LEN_MAX: usize = 64;
    /// Of one image: enough for words, too few to store data in.
    pub const COUNT_MAX: usize = 64;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let valid = (1..=Self::LEN_MAX).contains(&text.len())
            && text.trim() == text
            && !text.contains(|c: char| c == ',' || c.is_control());
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTag {
                found: text.chars().take(80).collect(),
            })
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a tag: 1 to {} bytes, no comma, no control character, no space at its ends",
    Tag::LEN_MAX
)]
pub struct InvalidTag {
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words_of_any_script() {
        for right in ["summer", "夏", "two words", "a:b/c"] {
            assert_eq!(right.parse::<Tag>().unwrap().as_str(), right);
        }
        for wrong in ["", " a", "a ", "a,b", "a\nb", "\u{7f}", &"x".repeat(65)] {
            assert!(wrong.parse::<Tag>().is_err(), "{wrong:?}");
        }
    }
}
