//! Signatures: who may have free options made.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::clock::UnixSeconds;
use crate::model::preset::PresetName;

/// A secret that signs and verifies, shown to nobody.
#[derive(Clone)]
pub struct SigningKey {
    /// Stands in every signature, so that several keys can be valid at once; same grammar as a preset name.
    pub id: PresetName,
    secret: Vec<u8>,
}

impl SigningKey {
    /// Shortest secret accepted, in bytes: the output length of SHA-256 (RFC 2104, section 3).
    pub const SECRET_LEN_MIN: usize = 32;

    pub fn new(id: PresetName, secret: Vec<u8>) -> Result<Self, InvalidSigningKey> {
        if secret.len() < Self::SECRET_LEN_MIN {
            return Err(InvalidSigningKey {
                id,
                len: secret.len(),
            });
        }
        Ok(Self { id, secret })
    }

    /// The query of a signed URL: `s=<key id>.<signature>`, then `&e=<unix seconds>` if it expires.
    pub fn sign(&self, url_path: &str, expires: Option<UnixSeconds>) -> String {
        let tag = self.mac(url_path, expires).finalize().into_bytes();
        let signature = format!("s={}.{}", self.id, BASE64URL_NOPAD.encode(&tag));
        match expires {
            Some(expires) => format!("{signature}&e={expires}"),
            None => signature,
        }
    }

    /// HMAC-SHA256 (RFC 2104) over the canonical path, then `?e=<unix seconds>` if it expires.
    fn mac(&self, url_path: &str, expires: Option<UnixSeconds>) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(url_path.as_bytes());
        if let Some(expires) = expires {
            mac.update(format!("?e={expires}").as_bytes());
        }
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// Checks the query of a request for the canonical `url_path` against every key that is valid.
pub fn verify(
    keys: &[SigningKey],
    url_path: &str,
    query: &str,
    now: UnixSeconds,
) -> Result<(), SignatureFault> {
    let field = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let signature = field("s").ok_or(SignatureFault::Missing)?;
    let expires = match field("e") {
        Some(text) => Some(
            text.parse::<UnixSeconds>()
                .map_err(|_| SignatureFault::Wrong)?,
        ),
        None => None,
    };
    let (key_id, tag) = signature.split_once('.').ok_or(SignatureFault::Wrong)?;
    let tag = BASE64URL_NOPAD
        .decode(tag.as_bytes())
        .map_err(|_| SignatureFault::Wrong)?;
    let key = keys
        .iter()
        .find(|key| key.id.as_str() == key_id)
        .ok_or(SignatureFault::Wrong)?;
    key.mac(url_path, expires)
        .verify_slice(&tag)
        .map_err(|_| SignatureFault::Wrong)?;
    match expires {
        Some(expires) if expires < now => Err(SignatureFault::Expired),
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    #[error("free options need a signature (`s=`)")]
    Missing,
    #[error("the signature does not match the URL")]
    Wrong,
    #[error("the signature has expired")]
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "signing key `{id}` has {len} bytes, expected {} or more",
    SigningKey::SECRET_LEN_MIN
)]
pub struct InvalidSigningKey {
    pub id: PresetName,
    pub len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> SigningKey {
        SigningKey::new(id.parse().unwrap(), vec![byte; 32]).unwrap()
    }

    #[test]
    fn a_signature_opens_its_own_url_only() {
        let keys = [key("old", 1), key("new", 2)];
        for signer in &keys {
            let query = signer.sign("/i/a.w=1.jpg", None);
            assert_eq!(verify(&keys, "/i/a.w=1.jpg", &query, 0), Ok(()));
            assert_eq!(
                verify(&keys, "/i/a.w=2.jpg", &query, 0),
                Err(SignatureFault::Wrong)
            );
            let other = [key("other", 3)];
            assert_eq!(
                verify(&other, "/i/a.w=1.jpg", &query, 0),
                Err(SignatureFault::Wrong)
            );
        }
    }

    #[test]
    fn expiry_is_part_of_what_is_signed() {
        let keys = [key("k", 1)];
        let query = keys[0].sign("/x", Some(100));
        assert_eq!(verify(&keys, "/x", &query, 100), Ok(()));
        assert_eq!(
            verify(&keys, "/x", &query, 101),
            Err(SignatureFault::Expired)
        );
        let stretched = query.replace("e=100", "e=999");
        assert_eq!(
            verify(&keys, "/x", &stretched, 101),
            Err(SignatureFault::Wrong)
        );
        let dropped = query.split('&').next().unwrap().to_owned();
        assert_eq!(
            verify(&keys, "/x", &dropped, 101),
            Err(SignatureFault::Wrong)
        );
    }

    #[test]
    fn absent_or_malformed_signatures_are_told_apart() {
        let keys = [key("k", 1)];
        assert_eq!(verify(&keys, "/x", "", 0), Err(SignatureFault::Missing));
        for query in ["s=", "s=k", "s=k.", "s=k.!!", "s=.AAAA", "s=k.AAAA&e=x"] {
            assert_eq!(
                verify(&keys, "/x", query, 0),
                Err(SignatureFault::Wrong),
                "{query}"
            );
        }
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(SigningKey::new("k".parse().unwrap(), vec![0; 31]).is_err());
    }
}
