//! Which server is meant by --server, and whether a key may be sent there.

use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::exit::Failure;

/// The root of the API.
#[derive(Clone, Debug)]
pub(super) struct Address(Url);

impl Address {
    /// `insecure`: a key may be sent where others can read it.
    pub(super) fn parse(text: &str, insecure: Insecure) -> Result<Self, Failure> {
        let refuse = |why: &str| Failure::usage(format!("--server: {why}"));
        let mut url: Url = text
            .parse()
            .map_err(|_| refuse("expected a URL").with_hint("such as https://img.example.com"))?;
        let Some(host) = url.host_str().map(str::to_owned) else {
            return Err(refuse("the URL has no host").with_hint("such as https://img.example.com"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("a URL is no place for a secret")
                .with_hint("put the key into a file and name it with --key-file"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("the URL ends before `?` and `#`"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) || insecure == Insecure::Allowed => {}
            "http" => {
                return Err(refuse(&format!(
                    "over http://, everyone between here and {host} can read the key"
                ))
                .with_hint("use https://, or --insecure-http where the network is trusted"));
            }
            _ => return Err(refuse("expected https:// (or http:// on this machine)")),
        }
        let path = format!("{}/api/v1/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }

    /// `path` below the root; of ids and words of our own.
    pub(super) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{path}", url.path());
        url.set_path(&path);
        url
    }

    /// For people: without the path of the API.
    pub(super) fn shown(&self) -> String {
        let text = self.0.as_str();
        text.strip_suffix("/api/v1/").unwrap_or(text).to_owned()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insecure {
    Refused,
    Allowed,
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// `Authorization` of a key, hidden in whatever prints headers.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| Failure::usage("the key cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let address = Address::parse(text, Insecure::Refused).ok();
        address.map(|address| address.shown())
    }

    #[test]
    fn a_key_goes_over_https_or_nowhere_else_than_here() {
        for right in [
            "https://img.example.com",
            "https://img.example.com:8443/origin",
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "http://[::1]:8080",
        ] {
            assert_eq!(shown(right).as_deref(), Some(right));
        }
        for wrong in [
            "http://img.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "ftp://img.example.com",
            "img.example.com",
            "https://key@img.example.com",
            "https://a:b@img.example.com",
            "https://img.example.com/?key=x",
            "",
        ] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
        assert!(Address::parse("http://10.0.0.1", Insecure::Allowed).is_ok());
    }

    #[test]
    fn endpoints_stand_below_the_address() {
        let address = Address::parse("https://img.example.com/origin/", Insecure::Refused);
        let address = address.unwrap();
        assert_eq!(
            address.endpoint("keys").as_str(),
            "https://img.example.com/origin/api/v1/keys"
        );
        assert_eq!(address.shown(), "https://img.example.com/origin");
    }
}
