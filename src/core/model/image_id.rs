//! The identity of an original: a hash of its bytes.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;

/// The first 20 bytes of the BLAKE3 hash of an original.
///
/// Invariants: 20 bytes; displayed as 40 lower-case hex digits; computed from nothing but the whole original as stored,
/// so that `b3sum --length 20 FILE` prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId([u8; Self::LEN]);

impl ImageId {
    pub const LEN: usize = 20;
    /// Length of the text form.
    pub const HEX_LEN: usize = 2 * Self::LEN;

    pub fn of(original: &[u8]) -> Self {
        let mut hasher = ImageIdHasher::default();
        hasher.update(original);
        hasher.finish()
    }

    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// Computes an id of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub struct ImageIdHasher(blake3::Hasher);

impl ImageIdHasher {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(&self) -> ImageId {
        let mut id = [0; ImageId::LEN];
        self.0.finalize_xof().fill(&mut id);
        ImageId(id)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageId({self})")
    }
}

impl FromStr for ImageId {
    type Err = InvalidImageId;

    fn from_str(text: &str) -> Result<Self, InvalidImageId> {
        let invalid = || InvalidImageId {
            found: text.chars().take(64).collect(),
        };
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| invalid())?;
        Ok(Self(bytes.try_into().map_err(|_| invalid())?))
    }
}

impl TryFrom<&[u8]> for ImageId {
    type Error = InvalidImageId;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidImageId> {
        let id = bytes.try_into().map_err(|_| InvalidImageId {
            found: HEXLOWER.encode(bytes),
        })?;
        Ok(Self(id))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not an image id: 40 lower-case hex digits")]
pub struct InvalidImageId {
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_what_b3sum_prints() {
        // `printf '' | b3sum --length 20`: the BLAKE3 test vector for empty input, cut to 20 bytes.
        assert_eq!(
            ImageId::of(b"").to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9"
        );
    }

    #[test]
    fn text_form_is_strict() {
        let text = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9";
        assert_eq!(text.parse::<ImageId>().unwrap().to_string(), text);
        assert!(text.to_uppercase().parse::<ImageId>().is_err());
        assert!(text[1..].parse::<ImageId>().is_err());
        assert!(format!("{text}00").parse::<ImageId>().is_err());
    }
}
