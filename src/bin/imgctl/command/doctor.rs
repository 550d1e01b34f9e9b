//! `imgctl doctor`: everything that an origin stands on, one line each.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use img_core::blobs::Tree;
use img_core::catalog::{self, SchemaState};
use img_core::config::Config;
use img_core::model::clock::{Clock, SystemClock};
use img_core::model::layout::{ALIAS_DIR, DERIVED_DIR, ORIGINAL_DIR, STAGING_DIR};
use img_core::nginx::floor::{Floor, find_floor};
use img_core::nginx::settings::NginxSettings;
use img_core::nginx::{apply, check, render, running};
use img_core::origin::error::chain;
use serde_json::json;

use crate::args::Global;
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::when;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
    hint: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            detail: detail.into(),
            hint: None,
        }
    }

    fn warn(check: &'static str, detail: impl Into<String>, hint: &str) -> Self {
        let (detail, hint) = (detail.into(), Some(hint.to_owned()));
        Self {
            check,
            verdict: Verdict::Warn,
            detail,
            hint,
        }
    }

    fn fail(check: &'static str, detail: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Fail,
            detail: detail.into(),
            hint,
        }
    }
}

pub(crate) async fn run(global: &Global, output: Output) -> Result<ExitStatus, Failure> {
    let config = context::load_config(global)?;
    let mut findings = vec![Finding::ok("config", config.path.display().to_string())];
    findings.push(check_clock(&config));
    findings.push(check_catalog(&config).await);
    findings.push(check_keys(&config));
    match context::open_tree(&config) {
        Ok(tree) => {
            findings.push(Finding::ok(
                "layout",
                format!("version 1, shards {}", tree.layout().shards),
            ));
            findings.extend(check_tree(&tree, &config));
            let settings = config.nginx_settings(tree.layout());
            findings.extend(check_nginx(&config, &settings));
        }
        Err(failure) => findings.push(Finding::fail("layout", failure.message, failure.hint)),
    }
    findings.push(check_imgd(&config.imgd_socket));
    for finding in &findings {
        print(finding, output);
    }
    let worst = findings.iter().map(|finding| finding.verdict).max();
    let failed = worst == Some(Verdict::Fail);
    Ok(if failed {
        ExitStatus::Failure
    } else {
        ExitStatus::Success
    })
}

fn print(finding: &Finding, output: Output) {
    let Finding {
        check,
        verdict,
        detail,
        hint,
    } = finding;
    let word = match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    output.item(
        || match hint {
            Some(hint) => format!("{word:<5} {check:<12} {detail}\n      {:<12} → {hint}", ""),
            None => format!("{word:<5} {check:<12} {detail}"),
        },
        || {
            let verdict = word.to_ascii_lowercase();
            json!({"check": check, "verdict": verdict, "detail": detail, "hint": hint})
        },
    );
}

async fn check_catalog(config: &Config) -> Finding {
    let url = &config.catalog_url;
    match catalog::schema_state(url).await {
        Ok(SchemaState::Current) => Finding::ok("catalog", format!("{url}, schema current")),
        Ok(state) => {
            let hint = "run `imgctl schema apply`".to_owned();
            Finding::fail("catalog", format!("{url} {state}"), Some(hint))
        }
        Err(error) => Finding::fail("catalog", chain(&error), error.hint()),
    }
}

fn check_keys(config: &Config) -> Finding {
    match config.load_signing_keys() {
        Err(error) => Finding::fail("signing", chain(&error), error.hint()),
        Ok(keys) if keys.is_empty() => {
            let hint = "signing.keys in imgctl.toml; without one no free options can be made";
            Finding::warn("signing", "no key", hint)
        }
        Ok(keys) => {
            let readable = config.signing_key_files().into_iter().find(|path| {
                path.metadata()
                    .is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
            });
            match readable {
                Some(path) => {
                    let detail = format!("{} can be read by others", path.display());
                    Finding::warn("signing", detail, "chmod 600 it")
                }
                None => Finding::ok("signing", format!("{} keys", keys.len())),
            }
        }
    }
}

/// 2026-01-01: no build of this program is older.
const BUILT_AFTER_S: i64 = 1_767_225_600;
/// A file server whose clock differs by more gives new images times in the future.
const SKEW_S_MAX: i64 = 2;

/// The clock of the machine, and that of the file system, which may be another machine's.
fn check_clock(config: &Config) -> Finding {
    let hint = "set it, for example with systemd-timesyncd or chrony".to_owned();
    let now = SystemClock.now();
    if now < BUILT_AFTER_S {
        return Finding::fail(
            "clock",
            format!("it says {}", when::format_time(now)),
            Some(hint),
        );
    }
    let probe = config.run_dir().join("clock");
    let written = std::fs::write(&probe, b"").and_then(|()| probe.metadata());
    let skew_s = written.map_or(0, |metadata| metadata.mtime() - now);
    if skew_s.abs() > SKEW_S_MAX {
        let detail = format!("the file system is {skew_s} s from this machine");
        return Finding::warn("clock", detail, &hint);
    }
    Finding::ok("clock", when::format_time(now))
}

/// Part of a file system that should stay free for allocators and logs.
const FREE_PERCENT_WARN: u64 = 10;

fn check_tree(tree: &Tree, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let space = match tree.space() {
        Ok(space) => space,
        Err(error) => return vec![Finding::fail("space", chain(&error), error.hint())],
    };
    let free = format!(
        "{} of {} free",
        human_bytes(space.free_bytes),
        human_bytes(space.total_bytes)
    );
    let low = space.free_bytes < space.total_bytes / 100 * FREE_PERCENT_WARN;
    findings.push(match tree.check_space(0) {
        Err(error) => Finding::fail("space", chain(&error), error.hint()),
        Ok(()) if low => Finding::warn("space", free, "plan for more, or remove derivatives"),
        Ok(()) => Finding::ok("space", free),
    });
    let few =
        space.total_inodes > 0 && space.free_inodes < space.total_inodes / 100 * FREE_PERCENT_WARN;
    let inodes = format!("{} of {} free", space.free_inodes, space.total_inodes);
    findings.push(if few {
        Finding::warn(
            "inodes",
            inodes,
            "a new file system wants mkfs.ext4 -i 8192, or XFS",
        )
    } else {
        Finding::ok("inodes", inodes)
    });
    findings.extend(check_directories(tree.root(), config));
    findings
}

fn check_directories(root: &Path, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).ok();
    for part in [STAGING_DIR, ORIGINAL_DIR, DERIVED_DIR, ALIAS_DIR] {
        let dir = root.join(part);
        if rustix::fs::access(&dir, rustix::fs::Access::WRITE_OK).is_err() {
            let hint = format!(
                "chown it to the user who runs imgctl and imgd: {}",
                dir.display()
            );
            let detail = format!("{} cannot be written", dir.display());
            findings.push(Finding::fail("permissions", detail, Some(hint)));
        }
        if device(&dir) != device(root) {
            let detail = format!("{} is on another file system than the tree", dir.display());
            let hint = "files are moved by rename and aliases are hard links: mount one above";
            findings.push(Finding::fail("layout", detail, Some(hint.to_owned())));
        }
    }
    match config.closed_to_others() {
        Some(path) => {
            let detail = format!(
                "{} is closed to others: nginx's workers run as root",
                path.display()
            );
            let hint = "chmod o+x it, or keep the data elsewhere";
            findings.push(Finding::warn("permissions", detail, hint));
        }
        None if findings.is_empty() => {
            findings.push(Finding::ok(
                "permissions",
                "the tree can be written and reached",
            ));
        }
        None => {}
    }
    findings
}

fn check_nginx(config: &Config, settings: &NginxSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match find_floor(config.nginx_binary()) {
        Ok(Floor::Ok { found }) => Finding::ok("nginx", found),
        Ok(Floor::Below { found, floor, why }) => {
            let detail = format!("{found} is older than {floor}: {why}");
            Finding::fail("nginx", detail, Some("upgrade nginx".to_owned()))
        }
        Ok(Floor::Unknown { found }) => {
            let hint = "compare it with 1.30.4 and 1.31.3 by hand";
            Finding::warn("nginx", format!("{found}: version not understood"), hint)
        }
        Err(error) => {
            let hint = "apt install nginx, or set nginx.binary".to_owned();
            return vec![Finding::fail("nginx", chain(&error), Some(hint))];
        }
    });
    let release = match render::render(settings) {
        Ok(release) => release,
        Err(error) => {
            findings.push(Finding::fail("nginx-config", chain(&error), None));
            return findings;
        }
    };
    findings.push(match check::check(config.nginx_binary(), &release) {
        Ok(report) if report.is_clean() => {
            Finding::ok("nginx-config", format!("release {} passes", release.id))
        }
        Ok(report) if report.accepted => {
            let lints: Vec<&str> = report.findings.iter().map(|finding| finding.lint).collect();
            Finding::warn("nginx-config", lints.join(", "), "see `imgctl nginx check`")
        }
        Ok(report) => Finding::fail("nginx-config", report.nginx_said, None),
        Err(error) => Finding::fail("nginx-config", chain(&error), None),
    });
    let applied = apply::find_current(&config.nginx_dir()).ok().flatten();
    let running = running::find_release(&settings.status_socket());
    findings.push(match (running, applied) {
        (Some(running), _) if running == release.id => {
            Finding::ok("nginx-runs", format!("release {running}"))
        }
        (Some(running), _) => {
            let detail = format!("release {running}, but imgctl.toml says {}", release.id);
            Finding::warn("nginx-runs", detail, "run `imgctl nginx apply`")
        }
        (None, _) => Finding::warn(
            "nginx-runs",
            "nobody answers on its status socket",
            "start nginx",
        ),
    });
    findings
}

fn check_imgd(socket: &Path) -> Finding {
    let name = socket.display();
    match UnixStream::connect(socket) {
        Ok(_) => Finding::ok("imgd", format!("listens on {name}")),
        Err(error) => {
            let detail = format!("{name}: {error}");
            Finding::warn(
                "imgd",
                detail,
                "start imgd; until then images that exist are served",
            )
        }
    }
}
