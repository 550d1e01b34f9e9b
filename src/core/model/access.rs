//! Who may do what: verbs, roles, actors, and the part of the aliases that a key may touch.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;

use crate::model::alias::{AliasPath, InvalidAlias};
use crate::model::secret::random_bytes;

/// One kind of thing that can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// See what is on record.
    Read,
    /// Take images in, tag them, derive from them, hand out upload tickets.
    Ingest,
    /// Give and take public names.
    Alias,
    /// Remove images.
    Erase,
    /// Everything, keys, users, the block list and the audit log included.
    Admin,
}

impl Verb {
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Ingest,
        Self::Alias,
        Self::Erase,
        Self::Admin,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Alias => "alias",
            Self::Erase => "erase",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str() == text)
            .ok_or_else(|| UnknownVerb {
                found: text.chars().take(64).collect(),
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no verb: read, ingest, alias, erase or admin")]
pub struct UnknownVerb {
    pub found: String,
}

/// A set of verbs. `admin` stands for all of them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Verbs(u8);

impl Verbs {
    pub fn of(verbs: &[Verb]) -> Self {
        Self(verbs.iter().fold(0, |bits, verb| bits | verb.bit()))
    }

    pub fn allow(self, verb: Verb) -> bool {
        self.0 & (verb.bit() | Verb::Admin.bit()) != 0
    }

    /// Whether everything that `other` allows is allowed here too.
    pub fn cover(self, other: Self) -> bool {
        Verb::ALL
            .into_iter()
            .all(|verb| !other.allow(verb) || self.allow(verb))
    }

    /// As they were given, in the order of [`Verb::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL
            .into_iter()
            .filter(move |verb| self.0 & verb.bit() != 0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// `read,ingest`
impl fmt::Display for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs: Vec<&str> = self.iter().map(Verb::as_str).collect();
        f.write_str(&verbs.join(","))
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verbs({self})")
    }
}

impl FromStr for Verbs {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        let verbs: Result<Vec<Verb>, UnknownVerb> = text
            .split(',')
            .map(|verb| verb.trim().parse::<Verb>())
            .collect();
        Ok(Self::of(&verbs?))
    }
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Viewer,
    Editor,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    pub fn verbs(self) -> Verbs {
        match self {
            Self::Viewer => Verbs::of(&[Verb::Read]),
            Self::Editor => Verbs::of(&[Verb::Read, Verb::Ingest, Verb::Alias, Verb::Erase]),
            Self::Admin => Verbs::of(&[Verb::Admin]),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole {
                found: text.chars().take(64).collect(),
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no role: viewer, editor or admin")]
pub struct UnknownRole {
    pub found: String,
}

/// Declares an identity of random bytes, shown as lower-case hex digits.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $invalid:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            pub fn generate() -> Self {
                Self(random_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                let invalid = || $invalid {
                    found: text.chars().take(64).collect(),
                };
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| invalid())?;
                Ok(Self(bytes.try_into().map_err(|_| invalid())?))
            }
        }

        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[error("`{found}` is no id of {}: {} lower-case hex digits", $what, 2 * $len)]
        pub struct $invalid {
            pub found: String,
        }
    };
}

random_id!(
    /// Names an API key; no secret.
    KeyId, 8, InvalidKeyId, "a key"
);
random_id!(
    /// Names an upload ticket; no secret, and not to be guessed either.
    TicketId, 16, InvalidTicketId, "a ticket"
);

/// The name of a person: `[a-z0-9][a-z0-9._@-]{0,63}`, so that it can stand in logs and URLs as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = text.len() <= 64
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|byte| plain(byte) || b"._@-".contains(&byte));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUserName {
                found: text.chars().take(80).collect(),
            })
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is not a user name: a lower-case letter or digit, then up to 63 of these, `.`, `_`, `@` or `-`"
)]
pub struct InvalidUserName {
    pub found: String,
}

/// Who does something, as it stands in the catalog: `local:root`, `key:3f…`, `user:ana`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person on the machine itself, by the name of the account.
    Local(String),
    Key(KeyId),
    User(UserName),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(f, "local:{name}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::User(name) => write!(f, "user:{name}"),
        }
    }
}

/// A directory of aliases: all of those below it, on any host.
///
/// Invariants: starts and ends with `/`; what is between obeys [`AliasPath`]. `shop` and `/shop/` are the same prefix.
#[derive(Clone, PartialEq, Eq)]
pub struct AliasPrefix(Vec<u8>);

impl AliasPrefix {
    pub fn from_decoded(path: &[u8]) -> Result<Self, InvalidAlias> {
        let inner = path.strip_prefix(b"/").unwrap_or(path);
        let inner = inner.strip_suffix(b"/").unwrap_or(inner);
        let rooted = [b"/", inner].concat();
        let mut prefix = AliasPath::from_decoded(rooted)?.as_bytes().to_vec();
        prefix.push(b'/');
        Ok(Self(prefix))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn covers(&self, path: &AliasPath) -> bool {
        path.as_bytes().starts_with(&self.0)
    }

    /// Whether every alias below `other` is below this one too.
    pub fn covers_prefix(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// Percent-encoded: `/shop/`.
impl fmt::Display for AliasPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::model::alias::encode(&self.0))
    }
}

impl fmt::Debug for AliasPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AliasPrefix({self})")
    }
}

/// Percent-decoded on the way in.
impl FromStr for AliasPrefix {
    type Err = InvalidAlias;

    fn from_str(text: &str) -> Result<Self, InvalidAlias> {
        let decoded: Vec<u8> = percent_encoding::percent_decode(text.as_bytes()).collect();
        Self::from_decoded(&decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_is_everything_and_sets_round_trip() {
        let admin = Verbs::of(&[Verb::Admin]);
        assert!(Verb::ALL.into_iter().all(|verb| admin.allow(verb)));
        let some: Verbs = "ingest, read".parse().unwrap();
        assert_eq!(some.to_string(), "read,ingest");
        assert!(some.allow(Verb::Ingest) && !some.allow(Verb::Erase));
        assert!(admin.cover(some) && !some.cover(admin));
        assert!("read,fly".parse::<Verbs>().is_err());
    }

    #[test]
    fn ids_round_trip_and_differ() {
        let id = KeyId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(id, KeyId::generate());
        assert!("3F".parse::<KeyId>().is_err());
        assert_eq!(TicketId::generate().to_string().len(), 32);
    }

    #[test]
    fn a_prefix_is_a_directory() {
        let prefix: AliasPrefix = "shop".parse().unwrap();
        assert_eq!(prefix.to_string(), "/shop/");
        let path = |text: &[u8]| AliasPath::from_decoded(text.to_vec()).unwrap();
        assert!(prefix.covers(&path(b"/shop/a.jpg")));
        assert!(!prefix.covers(&path(b"/shopping/a.jpg")));
        assert!(!prefix.covers(&path(b"/shop")));
        assert!(prefix.covers_prefix(&"/shop/new/".parse().unwrap()));
        for wrong in ["", "/", "..", "a//b", "i", "api/x", "a/../b", "%2e%2e"] {
            assert!(wrong.parse::<AliasPrefix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn user_names_are_plain() {
        for right in ["ana", "ana.b@example.com", "0"] {
            assert_eq!(right.parse::<UserName>().unwrap().as_str(), right);
        }
        for wrong in ["", "Ana", "-a", "a b", "a\n", &"a".repeat(65)] {
            assert!(wrong.parse::<UserName>().is_err(), "{wrong:?}");
        }
    }
}
