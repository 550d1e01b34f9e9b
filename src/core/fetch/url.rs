//! URLs that may be asked: parsed once, shown without what may be secret in them.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Where a request goes.
///
/// Invariants: http or https; a host; no user name and no password; no fragment; [`FetchUrl::LEN_MAX`] bytes or less.
/// Hosts that are IP addresses in any spelling that browsers know are IP addresses here.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchUrl(Url);

impl FetchUrl {
    /// Longest URL accepted, in bytes: what servers take as one line of a request by default (nginx, Apache: 8 KiB).
    pub const LEN_MAX: usize = 8_000;

    /// The name or address as a request would name it.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// All of it, secrets included: for storing, never for showing.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(super) fn parsed(&self) -> &Url {
        &self.0
    }

    /// The host, if it is an address, which no resolver is asked about.
    pub(super) fn address(&self) -> Option<std::net::IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }
}

impl FromStr for FetchUrl {
    type Err = InvalidFetchUrl;

    fn from_str(text: &str) -> Result<Self, InvalidFetchUrl> {
        let mut url = Url::parse(text).map_err(|source| InvalidFetchUrl::Syntax { source })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidFetchUrl::Scheme {
                found: url.scheme().to_owned(),
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidFetchUrl::Userinfo);
        }
        url.set_fragment(None);
        // What is parsed can be longer than what was given, since it is percent-encoded.
        let len = url.as_str().len();
        if len > Self::LEN_MAX {
            return Err(InvalidFetchUrl::Long { len });
        }
        Ok(Self(url))
    }
}

/// Queries carry tokens and signatures, so they are left out.
impl fmt::Display for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.0.origin().ascii_serialization();
        write!(f, "{origin}{}", self.0.path())?;
        match self.0.query() {
            Some(_) => f.write_str("?…"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FetchUrl({self})")
    }
}

/// Never with the text itself, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFetchUrl {
    #[error("not a URL")]
    Syntax {
        #[source]
        source: url::ParseError,
    },
    #[error("the URL begins with {found}:, expected http: or https:")]
    Scheme { found: String },
    #[error("the URL has a user name or a password")]
    Userinfo,
    #[error("the URL has {len} bytes, expected {} or less", FetchUrl::LEN_MAX)]
    Long { len: usize },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> FetchUrl {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_seen_in_every_spelling() {
        let loopback = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001:80/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://①②⑦.0.0.1/",
            "http:\\\\127.0.0.1\\",
            "http:127.0.0.1",
        ];
        for text in loopback {
            let address = url(text).address();
            assert_eq!(address, Some([127, 0, 0, 1].into()), "{text}");
        }
        let mapped = url("http://[::ffff:127.0.0.1]/").address();
        assert_eq!(
            mapped.map(|address| address.to_canonical()),
            Some([127, 0, 0, 1].into())
        );
        assert_eq!(url("https://example.org/").address(), None);
        assert_eq!(url("https://127.0.0.1.example.org/").address(), None);
    }

    #[test]
    fn what_cannot_be_asked_is_told_apart() {
        let error = |text: &str| text.parse::<FetchUrl>().unwrap_err();
        for text in [
            "",
            "/path",
            "example.org/x",
            "http://",
            "http://a b/",
            "http://256.0.0.1/",
        ] {
            assert!(
                matches!(error(text), InvalidFetchUrl::Syntax { .. }),
                "{text}"
            );
        }
        for text in [
            "ftp://a/",
            "file:///etc/passwd",
            "gopher://a/",
            "data:,x",
            "unix:/a",
        ] {
            assert!(
                matches!(error(text), InvalidFetchUrl::Scheme { .. }),
                "{text}"
            );
        }
        for text in [
            "http://user@a/",
            "http://user:secret@a/",
            "http://:secret@a/",
        ] {
            assert_eq!(error(text), InvalidFetchUrl::Userinfo, "{text}");
        }
        let long = format!("http://a/{}", "x".repeat(FetchUrl::LEN_MAX));
        assert!(matches!(error(&long), InvalidFetchUrl::Long { .. }));
        let grows = format!("http://a/{}", "ü".repeat(FetchUrl::LEN_MAX / 3));
        assert!(matches!(error(&grows), InvalidFetchUrl::Long { .. }));
    }

    #[test]
    fn queries_and_fragments_are_not_shown() {
        let url = url("https://example.org:8443/hook?token=secret#secret");
        assert_eq!(url.to_string(), "https://example.org:8443/hook?…");
        assert_eq!(
            format!("{url:?}"),
            "FetchUrl(https://example.org:8443/hook?…)"
        );
        assert_eq!(url.as_str(), "https://example.org:8443/hook?token=secret");
    }

    proptest! {
        #[test]
        fn text_of_a_url_reads_back(text in "https?://[^/@]{1,20}/\\PC{0,40}") {
            if let Ok(url) = text.parse::<FetchUrl>() {
                prop_assert_eq!(url.as_str().parse(), Ok(url.clone()));
                prop_assert!(!url.host().is_empty());
            }
        }
    }
}
