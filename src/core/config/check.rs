//! What a file may not say: every fault at once, each with its key.

use crate::config::file::ConfigFile;
use crate::fetch::{FetchUrl, IpRange};
use crate::model::preset::PresetName;

pub(super) fn check(file: &ConfigFile, faults: &mut Vec<String>) {
    let mut fault = |key: &str, text: &str| faults.push(format!("  {key}: {text}"));
    let url = &file.site.url;
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    if host.is_none_or(|host| host.trim_end_matches('/').is_empty()) {
        fault("site.url", "expected http://HOST or https://HOST");
    }
    if file.nginx.listen.is_empty() && file.nginx.tls.is_none() {
        fault("nginx.listen", "is empty, and there is no nginx.tls either");
    }
    let positive = [
        ("limits.bytes_max", file.limits.bytes_max),
        ("limits.pixels_max", file.limits.pixels_max),
        ("limits.side_px_max", u64::from(file.limits.side_px_max)),
        ("limits.frames_max", u64::from(file.limits.frames_max)),
        (
            "limits.output_side_px_max",
            u64::from(file.limits.output_side_px_max),
        ),
        ("derive.memory_bytes_max", file.derive.memory_bytes_max),
        ("derive.timeout_ms", file.derive.timeout_ms),
        ("derive.wait_timeout_ms", file.derive.wait_timeout_ms),
        ("imgd.requests_max", file.imgd.requests_max as u64),
        ("api.requests_max", file.api.requests_max as u64),
        ("api.uploads_max", file.api.uploads_max as u64),
        (
            "api.uploads_per_key_max",
            file.api.uploads_per_key_max as u64,
        ),
        ("api.rate_per_min", u64::from(file.api.rate_per_min)),
        ("api.session_lifetime_s", file.api.session_lifetime_s),
        ("scan.timeout_ms", file.scan.timeout_ms),
        (
            "catalog.connections_max",
            u64::from(file.catalog.connections_max),
        ),
        (
            "nginx.miss_rate_per_s",
            u64::from(file.nginx.miss_rate_per_s),
        ),
        (
            "nginx.miss_connections_max",
            u64::from(file.nginx.miss_connections_max),
        ),
        (
            "nginx.api_body_bytes_max",
            file.nginx.api_body_bytes_max.unwrap_or(1),
        ),
        (
            "nginx.api_connections_max",
            u64::from(file.nginx.api_connections_max),
        ),
        ("nginx.api_body_timeout_s", file.nginx.api_body_timeout_s),
        ("nginx.api_read_timeout_s", file.nginx.api_read_timeout_s),
    ];
    for (key, value) in positive {
        if value == 0 {
            fault(key, "must be 1 or more");
        }
    }
    check_others(file, &mut fault);
    for key in &file.signing.keys {
        if key.id.parse::<PresetName>().is_err() {
            fault(
                "signing.keys",
                &format!("id `{}` must be like a preset name", key.id),
            );
        }
    }
}

/// Each upload that is being asked about holds one of tokio's 512 threads for blocking work, and reading it needs another
/// now and then.
const SCANNED_UPLOADS_MAX: usize = 400;

/// Whom we speak to.
fn check_others(file: &ConfigFile, fault: &mut impl FnMut(&str, &str)) {
    if let Some(url) = &file.scan.url
        && let Err(invalid) = url.parse::<FetchUrl>()
    {
        fault("scan.url", &invalid.to_string());
    }
    if file.scan.url.is_some() && file.api.uploads_max > SCANNED_UPLOADS_MAX {
        let text = format!("{SCANNED_UPLOADS_MAX} at most while scan.url is set");
        fault("api.uploads_max", &text);
    }
    for range in &file.fetch.allow {
        if let Err(invalid) = range.parse::<IpRange>() {
            fault("fetch.allow", &invalid.to_string());
        }
    }
}
