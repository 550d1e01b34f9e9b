//! Which nginx is too old to be given this configuration.

use std::cmp::Ordering;
use std::path::Path;
use std::process::Command;

use crate::nginx::error::NginxError;

/// Oldest nginx whose directives we render, as Debian 12 ships it.
const OLDEST: [u32; 3] = [1, 22, 1];
/// Debian 12's package with the fixes; `nginx -v` says 1.22.1 with and without them.
const DEBIAN_12: &str = "1.22.1-9+deb12u10";
/// First fixed releases of the stable and mainline branches.
const STABLE: [u32; 3] = [1, 30, 4];
const MAINLINE: [u32; 3] = [1, 31, 3];
const WHY: &str = "CVE-2026-42533, CVE-2026-60005: captures of regular expressions may be read from the wrong string";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Floor {
    Ok {
        found: String,
    },
    Below {
        found: String,
        floor: String,
        why: &'static str,
    },
    /// Neither a version we can order nor a package we know.
    Unknown {
        found: String,
    },
}

/// Asks the program and, where there is one, the package database.
pub fn find_floor(binary: &Path) -> Result<Floor, NginxError> {
    let version =
        Command::new(binary)
            .arg("-v")
            .output()
            .map_err(|source| NginxError::Program {
                program: binary.to_owned(),
                source,
            })?;
    // Not every system has dpkg, and not every nginx is a package.
    let package = Command::new("dpkg-query")
        .args(["-W", "-f", "${Version}", "nginx"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = String::from_utf8_lossy(&version.stderr);
    Ok(floor_of(&said, package.as_deref()))
}

/// Judges the words of `nginx -v` and the version that `dpkg-query -W` shows.
pub fn floor_of(nginx_v: &str, package: Option<&str>) -> Floor {
    let number = nginx_v
        .split_once("nginx/")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    let package = package.map(str::trim).filter(|version| !version.is_empty());
    let (Some(number), Some(version)) = (number, number.and_then(triple)) else {
        return Floor::Unknown {
            found: nginx_v.trim().to_owned(),
        };
    };
    let below = |found: &str, floor: &str, why| Floor::Below {
        found: found.to_owned(),
        floor: floor.to_owned(),
        why,
    };
    if version < OLDEST {
        return below(number, &dotted(OLDEST), "directives are missing");
    }
    // The package counts only if it is what runs.
    let package = package.filter(|package| upstream_of(package) == number);
    match package {
        Some(package)
            if package.contains("+deb12u") || package.contains("-9") && version == OLDEST =>
        {
            if compare_debian(package, DEBIAN_12) == Ordering::Less {
                return below(package, DEBIAN_12, WHY);
            }
            Floor::Ok {
                found: package.to_owned(),
            }
        }
        // Another distribution's revision may carry the fixes; its changelog knows, we do not.
        Some(package) if !is_fixed(version) && !package.contains('~') => Floor::Unknown {
            found: package.to_owned(),
        },
        _ if is_fixed(version) => Floor::Ok {
            found: number.to_owned(),
        },
        _ => below(
            number,
            &format!("{} or {}", dotted(STABLE), dotted(MAINLINE)),
            WHY,
        ),
    }
}

fn is_fixed(version: [u32; 3]) -> bool {
    version >= MAINLINE || (version >= STABLE && version[1] == STABLE[1])
}

fn dotted([major, minor, patch]: [u32; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

fn triple(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let triple = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(triple)
}

/// `1.22.1` of `1:1.22.1-9+deb12u10`.
fn upstream_of(package: &str) -> &str {
    let (_, rest) = split_epoch(package);
    rest.rsplit_once('-').map_or(rest, |(upstream, _)| upstream)
}

fn split_epoch(version: &str) -> (u64, &str) {
    version
        .split_once(':')
        .and_then(|(epoch, rest)| Some((epoch.parse().ok()?, rest)))
        .unwrap_or((0, version))
}

/// The order of Debian Policy 5.6.12: epoch, upstream version, revision.
pub fn compare_debian(left: &str, right: &str) -> Ordering {
    let parts = |version| {
        let (epoch, rest) = split_epoch(version);
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (epoch, upstream, revision)
    };
    let (left_epoch, left_upstream, left_revision) = parts(left);
    let (right_epoch, right_upstream, right_revision) = parts(right);
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

/// Alternately runs of non-digits, in which `~` sorts before the end and letters before the rest, and numbers.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !(left.is_empty() && right.is_empty()) {
        let (left_word, left_rest) = split_while(left, |byte| !byte.is_ascii_digit());
        let (right_word, right_rest) = split_while(right, |byte| !byte.is_ascii_digit());
        let (left_number, left_after) = split_while(left_rest, |byte| byte.is_ascii_digit());
        let (right_number, right_after) = split_while(right_rest, |byte| byte.is_ascii_digit());
        let order = compare_words(left_word, right_word)
            .then_with(|| compare_numbers(left_number, right_number));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_after, right_after);
    }
    Ordering::Equal
}

fn split_while(text: &[u8], keep: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| !keep(byte));
    text.split_at(end.unwrap_or(text.len()))
}

fn compare_words(left: &[u8], right: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|index| weight(left.get(index)).cmp(&weight(right.get(index))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| split_while(digits, |byte| byte == b'0').1.to_vec();
    let (left, right) = (significant(left), significant(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_are_ordered_as_dpkg_does() {
        let ascending = [
            "1.22.1-9~bpo1",
            "1.22.1-9",
            "1.22.1-9+deb12u4",
            "1.22.1-9+deb12u9",
            "1.22.1-9+deb12u10",
            "1.26.3-3+deb13u1",
            "1.30.4-1~bookworm",
            "1:1.0-1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare_debian(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare_debian(pair[1], pair[0]), Ordering::Greater);
        }
        assert_eq!(compare_debian("1.0-01", "0:1.0-1"), Ordering::Equal);
    }

    fn is_below(nginx_v: &str, package: Option<&str>) -> bool {
        matches!(floor_of(nginx_v, package), Floor::Below { .. })
    }

    fn is_ok(nginx_v: &str, package: Option<&str>) -> bool {
        matches!(floor_of(nginx_v, package), Floor::Ok { .. })
    }

    #[test]
    fn on_debian_12_the_package_decides() {
        let said = "nginx version: nginx/1.22.1\n";
        assert!(is_ok(said, Some("1.22.1-9+deb12u10")));
        assert!(is_ok(said, Some("1.22.1-9+deb12u11")));
        assert!(is_below(said, Some("1.22.1-9+deb12u9")));
        assert!(is_below(said, Some("1.22.1-9")));
        assert!(is_below(said, None));
        assert!(is_below(
            "nginx version: nginx/1.18.0 (Ubuntu)",
            Some("1.18.0-6ubuntu14")
        ));
    }

    #[test]
    fn upstream_releases_are_judged_by_number() {
        assert!(is_ok(
            "nginx version: nginx/1.30.4",
            Some("1.30.4-1~bookworm")
        ));
        assert!(is_ok("nginx version: nginx/1.31.3", None));
        assert!(is_ok("nginx version: nginx/1.32.0", None));
        assert!(is_below(
            "nginx version: nginx/1.30.3",
            Some("1.30.3-1~bookworm")
        ));
        assert!(is_below("nginx version: nginx/1.31.2", None));
        // A package that is installed but is not what runs says nothing.
        assert!(is_below(
            "nginx version: nginx/1.28.0",
            Some("1.22.1-9+deb12u10")
        ));
    }

    #[test]
    fn what_cannot_be_judged_is_unknown() {
        for (said, package) in [
            ("", None),
            ("nginx version: openresty/1.25.3.1", None),
            ("nginx version: nginx/1.26.3", Some("1.26.3-3+deb13u1")),
        ] {
            assert!(
                matches!(floor_of(said, package), Floor::Unknown { .. }),
                "{said}"
            );
        }
    }
}
