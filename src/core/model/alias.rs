//! Aliases: public paths, other than `/i/…`, that name an image.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// All but the unreserved characters of RFC 3986 and `/`.
const PATH_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The decoded path of an alias, as bytes: old systems left names in many encodings.
///
/// Invariants: starts with `/`; no empty, `.` or `..` segment and no segment starting with a dot; no control bytes; each
/// segment at most 255 bytes, the whole at most 1,024; not under `/i/`, `/api/` or `/__`. So it is a safe relative path
/// below the alias tree, and exactly what nginx makes of any spelling of its URL.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasPath(Vec<u8>);

impl AliasPath {
    pub const LEN_MAX: usize = 1024;
    pub const SEGMENT_LEN_MAX: usize = 255;

    pub fn from_decoded(path: Vec<u8>) -> Result<Self, InvalidAlias> {
        let invalid = |reason| InvalidAlias {
            path: encode(&path),
            reason,
        };
        let Some(relative) = path.strip_prefix(b"/") else {
            return Err(invalid(AliasFault::NoLeadingSlash));
        };
        if path.len() > Self::LEN_MAX {
            return Err(invalid(AliasFault::TooLong));
        }
        for (index, segment) in relative.split(|&byte| byte == b'/').enumerate() {
            check_segment(segment).map_err(invalid)?;
            let reserved = segment == b"i" || segment == b"api" || segment.starts_with(b"__");
            if index == 0 && reserved {
                return Err(invalid(AliasFault::Reserved));
            }
        }
        Ok(Self(path))
    }

    /// Of a percent-encoded path, taken as it is: nothing is merged or resolved, so a path that is not plain is refused.
    pub fn from_encoded(path: &str) -> Result<Self, InvalidAlias> {
        Self::from_decoded(percent_decode(path.as_bytes()).collect())
    }

    /// The path that nginx sees for a request line: query cut off, percent-decoded, `//` merged, dot segments resolved.
    pub fn from_request_uri(uri: &[u8]) -> Result<Self, InvalidAlias> {
        let raw = uri
            .split(|&byte| byte == b'?' || byte == b'#')
            .next()
            .unwrap_or_default();
        let decoded: Vec<u8> = percent_decode(raw).collect();
        let mut segments: Vec<&[u8]> = Vec::new();
        for segment in decoded.split(|&byte| byte == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => {
                    let climbed_out = segments.pop().is_none();
                    if climbed_out {
                        return Err(InvalidAlias {
                            path: encode(&decoded),
                            reason: AliasFault::DotSegment,
                        });
                    }
                }
                name => segments.push(name),
            }
        }
        let mut path = b"/".to_vec();
        path.extend(segments.join(&b"/"[..]));
        // nginx keeps it, so a name with a slash at its end is another name, and never one of a file.
        let last = decoded
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default();
        if matches!(last, b"" | b"." | b"..") && path.len() > 1 {
            path.push(b'/');
        }
        Self::from_decoded(path)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Percent-encoded, for URLs, logs and JSON.
    pub fn url_path(&self) -> String {
        encode(&self.0)
    }
}

impl fmt::Display for AliasPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url_path())
    }
}

impl fmt::Debug for AliasPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AliasPath({self})")
    }
}

/// A host that has aliases of its own.
///
/// Invariants: lower case; one to nine labels of `[a-z0-9_-]{1,63}` with dots between, as nginx passes on; not `_`, which
/// is the directory of all hosts. So it is a safe name of a directory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

impl HostName {
    const LABELS_MAX: usize = 9;
    const LABEL_LEN_MAX: usize = 63;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostName({self})")
    }
}

/// In any case.
impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let name = text.to_ascii_lowercase();
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let is_label = |label: &str| {
            (1..=Self::LABEL_LEN_MAX).contains(&label.len()) && label.bytes().all(plain)
        };
        let valid = name != "_"
            && name.split('.').count() <= Self::LABELS_MAX
            && name.split('.').all(is_label);
        if valid {
            Ok(Self(name))
        } else {
            Err(InvalidHostName {
                found: text.chars().take(80).collect(),
            })
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a host name without port")]
pub struct InvalidHostName {
    pub found: String,
}

/// An alias on one host, or on every host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasName {
    /// `None` answers on every host that has no alias of its own at this path.
    pub host: Option<HostName>,
    pub path: AliasPath,
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_ref().map_or("", HostName::as_str);
        write!(f, "{host}{}", self.path)
    }
}

fn check_segment(segment: &[u8]) -> Result<(), AliasFault> {
    match segment {
        b"" => Err(AliasFault::EmptySegment),
        b"." | b".." => Err(AliasFault::DotSegment),
        [b'.', ..] => Err(AliasFault::Hidden),
        _ if segment.len() > AliasPath::SEGMENT_LEN_MAX => Err(AliasFault::SegmentTooLong),
        _ if segment.iter().any(|&byte| byte < 0x20 || byte == 0x7f) => Err(AliasFault::Control),
        _ => Ok(()),
    }
}

pub(crate) fn encode(path: &[u8]) -> String {
    percent_encode(path, PATH_ESCAPES).to_string()
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be an alias: {reason}")]
pub struct InvalidAlias {
    /// Percent-encoded.
    pub path: String,
    pub reason: AliasFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AliasFault {
    #[error("it does not start with /")]
    NoLeadingSlash,
    #[error("it is longer than {} bytes", AliasPath::LEN_MAX)]
    TooLong,
    #[error("it has an empty segment")]
    EmptySegment,
    #[error("it has a `.` or `..` segment")]
    DotSegment,
    #[error("a segment starts with a dot, and dot files are never served")]
    Hidden,
    #[error("a segment is longer than {} bytes", AliasPath::SEGMENT_LEN_MAX)]
    SegmentTooLong,
    #[error("it has a control character")]
    Control,
    #[error("/i/, /api/ and names starting with __ are reserved")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &[u8]) -> Option<AliasFault> {
        AliasPath::from_decoded(path.to_vec())
            .err()
            .map(|invalid| invalid.reason)
    }

    #[test]
    fn paths_stay_inside_the_tree() {
        assert_eq!(fault(b"/shop/a b.jpg"), None);
        assert_eq!(fault(b"/\xd6\xd0.jpg"), None);
        assert_eq!(fault(b"shop"), Some(AliasFault::NoLeadingSlash));
        assert_eq!(fault(b"/a//b"), Some(AliasFault::EmptySegment));
        assert_eq!(fault(b"/a/"), Some(AliasFault::EmptySegment));
        assert_eq!(fault(b"/a/../b"), Some(AliasFault::DotSegment));
        assert_eq!(fault(b"/a/.htaccess"), Some(AliasFault::Hidden));
        assert_eq!(fault(b"/a\nb"), Some(AliasFault::Control));
        assert_eq!(fault(b"/i/x.jpg"), Some(AliasFault::Reserved));
        assert_eq!(fault(b"/api/x"), Some(AliasFault::Reserved));
        assert_eq!(fault(b"/__store/x"), Some(AliasFault::Reserved));
        assert_eq!(
            fault(format!("/{}", "x".repeat(256)).as_bytes()),
            Some(AliasFault::SegmentTooLong)
        );
        assert_eq!(
            fault("/x".repeat(600).as_bytes()),
            Some(AliasFault::TooLong)
        );
    }

    #[test]
    fn a_host_is_a_plain_directory() {
        assert_eq!(
            "IMG.example.com".parse::<HostName>().unwrap().as_str(),
            "img.example.com"
        );
        for wrong in [
            "", "_", ".", "..", "../x", "a/b", "a..b", ".a", "a.", "a:80", "a b", "\u{e9}", "a\0",
        ] {
            assert!(wrong.parse::<HostName>().is_err(), "{wrong:?}");
        }
        assert!("a.".repeat(10).parse::<HostName>().is_err());
        assert!("a".repeat(64).parse::<HostName>().is_err());
    }

    #[test]
    fn request_uris_are_normalised_as_nginx_does() {
        let path = |uri: &[u8]| AliasPath::from_request_uri(uri).map(|path| path.url_path());
        assert_eq!(path(b"/shop//a%20b.jpg?v=2"), Ok("/shop/a%20b.jpg".into()));
        assert_eq!(
            path(b"/shop/x/../%D6%D0.jpg"),
            Ok("/shop/%D6%D0.jpg".into())
        );
        assert_eq!(path(b"/a%2Fb.jpg"), Ok("/a/b.jpg".into()));
        for slash_at_the_end in [&b"/a.jpg/"[..], b"/a.jpg/.", b"/a.jpg/b/.."] {
            assert!(path(slash_at_the_end).is_err());
        }
        assert!(path(b"/../etc/passwd").is_err());
        assert!(path(b"/%00").is_err());
    }

    proptest::proptest! {
        #[test]
        fn an_alias_url_leads_back_to_the_alias(uri in proptest::collection::vec(0u8..=255, 0..80)) {
            if let Ok(path) = AliasPath::from_request_uri(&uri) {
                let again = AliasPath::from_request_uri(path.url_path().as_bytes());
                proptest::prop_assert_eq!(again.unwrap(), path);
            }
        }
    }
}
