//! What an image shows, as 64 bits.

use std::fmt;
use std::str::FromStr;

/// One bit for each of 64 waves. Displayed as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PerceptualHash(pub u64);

impl PerceptualHash {
    /// Hamming's: how many of 64 bits differ. Copies of one image differ in a few, images that have nothing in common in
    /// about 32.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PerceptualHash({self})")
    }
}

impl FromStr for PerceptualHash {
    type Err = InvalidPerceptualHash;

    fn from_str(text: &str) -> Result<Self, InvalidPerceptualHash> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let invalid = || InvalidPerceptualHash {
            found: text.chars().take(64).collect(),
        };
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(invalid());
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| invalid())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a perceptual hash: 16 lower-case hex digits")]
pub struct InvalidPerceptualHash {
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_strict() {
        let text = "00c3a5f1e27b9d04";
        let hash: PerceptualHash = text.parse().unwrap();
        assert_eq!(hash, PerceptualHash(0x00c3_a5f1_e27b_9d04));
        assert_eq!(hash.to_string(), text);
        for wrong in ["", "+0c3a5f1e27b9d04", "00C3A5F1E27B9D04", &text[1..]] {
            assert!(wrong.parse::<PerceptualHash>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn distance_is_the_number_of_bits_that_differ() {
        let distance = |a, b| PerceptualHash(a).distance(PerceptualHash(b));
        assert_eq!(distance(0b1011, 0b0110), 3);
        assert_eq!(distance(0, u64::MAX), 64);
        assert_eq!(distance(7, 7), 0);
    }
}
