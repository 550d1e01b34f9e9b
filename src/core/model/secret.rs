//! Secrets that are handed out once and kept as hashes: API keys and sessions.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::model::access::KeyId;

/// Bytes of the kernel's generator.
///
/// It fails on no Linux that this runs on (getrandom(2)): before it is seeded it waits, and these lengths are never cut.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    assert_eq!(
        filled,
        Ok(N),
        "the kernel has a generator of random numbers"
    );
    bytes
}

/// 256 random bits, which nobody can guess: so a plain hash keeps them, and a slow one would only slow down requests.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn generate() -> Self {
        Self(random_bytes())
    }

    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }

    /// 64 lower-case hex digits; the only way in which a secret leaves.
    pub fn reveal(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl FromStr for Secret {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| InvalidToken)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidToken)?))
    }
}

/// SHA-256 of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Matches no secret that anyone has, and takes as long to compare as any other.
    pub const NOBODYS: Self = Self([0; 32]);

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes the same time wherever the two differ.
    pub fn matches(&self, secret: &Secret) -> bool {
        self.0.ct_eq(&secret.hash().0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(hidden)")
    }
}

/// What an application sends: `imgk_<key id>_<secret>`.
#[derive(Clone, Debug)]
pub struct KeyToken {
    pub id: KeyId,
    pub secret: Secret,
}

impl KeyToken {
    /// Says what it is to people and to scanners for leaked secrets.
    pub const PREFIX: &'static str = "imgk_";

    pub fn reveal(&self) -> String {
        format!("{}{}_{}", Self::PREFIX, self.id, self.secret.reveal())
    }
}

impl FromStr for KeyToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(InvalidToken)?;
        let (id, secret) = rest.split_once('_').ok_or(InvalidToken)?;
        Ok(Self {
            id: id.parse().map_err(|_| InvalidToken)?,
            secret: secret.parse()?,
        })
    }
}

/// Says nothing of what was found, which may be most of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key: `imgk_`, 16 hex digits, `_`, 64 hex digits")]
pub struct InvalidToken;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips_and_hides_its_secret() {
        let token = KeyToken {
            id: KeyId::generate(),
            secret: Secret::generate(),
        };
        let text = token.reveal();
        assert_eq!(text.len(), 5 + 16 + 1 + 64);
        let again: KeyToken = text.parse().unwrap();
        assert_eq!(again.id, token.id);
        let hash = token.secret.hash();
        assert!(hash.matches(&again.secret) && !hash.matches(&Secret::generate()));
        assert!(!format!("{token:?} {hash:?}").contains(&token.secret.reveal()[..8]));
        for wrong in ["", "imgk_", &text[1..], &text[..80], &text.to_uppercase()] {
            assert!(wrong.parse::<KeyToken>().is_err());
        }
    }
}
