//! Settings as text inside an nginx file: each kind of value is checked so that it cannot break out of its place.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::nginx::error::NginxError;

/// What fits into `sun_path` of `sockaddr_un`, without the closing NUL.
const SOCKET_PATH_LEN_MAX: usize = 107;

fn invalid(setting: &'static str, found: impl Into<String>, reason: &'static str) -> NginxError {
    NginxError::InvalidSetting {
        setting,
        found: found.into(),
        reason,
    }
}

/// A path as the inside of a double-quoted nginx string.
pub(super) fn path(setting: &'static str, path: &Path) -> Result<String, NginxError> {
    let shown = path.to_string_lossy();
    let text = path
        .to_str()
        .ok_or_else(|| invalid(setting, shown, "it is not UTF-8"))?;
    if !path.is_absolute() {
        return Err(invalid(setting, text, "it is not an absolute path"));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(setting, text, "it has a control character"));
    }
    // nginx has no way to write a `$` that is not a variable.
    if text.contains('$') {
        return Err(invalid(
            setting,
            text,
            "nginx would read its `$` as a variable",
        ));
    }
    let plain = if text.len() > 1 {
        text.trim_end_matches('/')
    } else {
        text
    };
    Ok(plain.replace('\\', r"\\").replace('"', "\\\""))
}

pub(super) fn socket(setting: &'static str, at: &Path) -> Result<String, NginxError> {
    if at.as_os_str().len() > SOCKET_PATH_LEN_MAX {
        return Err(invalid(
            setting,
            at.to_string_lossy(),
            "a socket path has at most 107 bytes",
        ));
    }
    path(setting, at)
}

/// An address for `listen`, quoted if need be.
pub(super) fn listen(setting: &'static str, text: &str) -> Result<String, NginxError> {
    if let Some(at) = text.strip_prefix("unix:") {
        return Ok(format!("\"unix:{}\"", socket(setting, Path::new(at))?));
    }
    let port = text.strip_prefix("*:").unwrap_or(text);
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    if is_port || text.parse::<SocketAddr>().is_ok_and(|at| at.port() > 0) {
        return Ok(text.to_owned());
    }
    Err(invalid(
        setting,
        text,
        "expected `80`, `*:80`, `127.0.0.1:80`, `[::1]:80` or `unix:/path`",
    ))
}

/// Host names, with `*` as the first label at most.
pub(super) fn server_names(setting: &'static str, names: &[String]) -> Result<String, NginxError> {
    for name in names {
        let labels = name.strip_prefix("*.").unwrap_or(name);
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if name.len() > 253 || !labels.split('.').all(label_ok) {
            return Err(invalid(setting, name, "it is not a host name"));
        }
    }
    Ok(if names.is_empty() {
        "_".to_owned()
    } else {
        names.join(" ")
    })
}

/// The name of an HTTP header.
pub(super) fn header(setting: &'static str, name: &str) -> Result<String, NginxError> {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(tame) {
        Ok(name.to_owned())
    } else {
        Err(invalid(setting, name, "it is not a header name"))
    }
}

pub(super) fn user(setting: &'static str, name: &str) -> Result<String, NginxError> {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let first = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.len() <= 32 && name.as_bytes().first().is_some_and(first) && name.bytes().all(tame) {
        Ok(name.to_owned())
    } else {
        Err(invalid(setting, name, "it is not a user name"))
    }
}

/// An address or range. Ranges wider than any CDN's are refused: who trusts everyone believes any forged address.
pub(super) fn trusted_range(setting: &'static str, text: &str) -> Result<String, NginxError> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| invalid(setting, text, "it is not an address or CIDR range"))?;
    // 10.0.0.0/8 and fc00::/7 are the widest ranges in private use.
    let (shortest, longest) = match address {
        IpAddr::V4(_) => (8, 32),
        IpAddr::V6(_) => (7, 128),
    };
    let length = match length {
        None => longest,
        Some(digits) => digits
            .parse::<u8>()
            .ok()
            .filter(|&length| length <= longest)
            .ok_or_else(|| invalid(setting, text, "it is not an address or CIDR range"))?,
    };
    if length < shortest {
        return Err(invalid(
            setting,
            text,
            "so wide a range would let anyone forge a client address",
        ));
    }
    Ok(format!("{address}/{length}"))
}

pub(super) fn whole_ms(setting: &'static str, time: Duration) -> Result<u64, NginxError> {
    // nginx keeps milliseconds in 32 bits on some platforms; a day is beyond any use.
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if (1..=86_400_000).contains(&ms) {
        Ok(ms)
    } else {
        Err(invalid(
            setting,
            format!("{time:?}"),
            "expected 1 ms to 1 day",
        ))
    }
}

pub(super) fn whole_s(setting: &'static str, time: Duration) -> Result<u64, NginxError> {
    let s = time.as_secs();
    if (1..=86_400).contains(&s) {
        Ok(s)
    } else {
        Err(invalid(
            setting,
            format!("{time:?}"),
            "expected 1 s to 1 day",
        ))
    }
}

pub(super) fn positive(setting: &'static str, number: u64) -> Result<u64, NginxError> {
    if (1..=1 << 40).contains(&number) {
        Ok(number)
    } else {
        Err(invalid(
            setting,
            number.to_string(),
            "expected 1 or more, within reason",
        ))
    }
}
