//! Files → what nginx itself says of them, and what we know that it does not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::nginx::error::{NginxError, at};
use crate::nginx::lint::{Finding, lint};
use crate::nginx::render::Release;
use crate::nginx::settings::Mode;

#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a release that failed its check must not be applied"]
pub struct CheckReport {
    pub accepted: bool,
    /// nginx's own words, warnings included.
    pub nginx_said: String,
    pub findings: Vec<Finding>,
}

impl CheckReport {
    pub fn is_clean(&self) -> bool {
        self.accepted && self.findings.is_empty()
    }
}

/// Runs `nginx -t` on a copy of the release. Paths in it are the real ones, so a missing certificate is found.
pub fn check(binary: &Path, release: &Release) -> Result<CheckReport, NginxError> {
    let scratch = Scratch::create()?;
    write_files(&scratch.0, release)?;
    check_written(binary, release, &scratch.0)
}

/// As [`check`], for files that stand in `dir` already.
pub(super) fn check_written(
    binary: &Path,
    release: &Release,
    dir: &Path,
) -> Result<CheckReport, NginxError> {
    let tested = match release.mode {
        Mode::Standalone => run_test(binary, &dir.join("nginx.conf"))?,
        Mode::Included => {
            let scratch = Scratch::create()?;
            let wrapper = scratch.0.join("nginx.conf");
            fs::write(&wrapper, wrapped(dir, &scratch.0)).map_err(at("write", &wrapper))?;
            run_test(binary, &wrapper)?
        }
    };
    let mut findings = lint(release);
    // nginx only warns, then serves from long chains.
    if tested.said.contains("could not build optimal") {
        findings.push(Finding {
            lint: "map-hash",
            file: "",
            at: "a hash is too small for its map".to_owned(),
        });
    }
    Ok(CheckReport {
        accepted: tested.accepted,
        nginx_said: tested.said,
        findings,
    })
}

pub(super) struct Tested {
    pub accepted: bool,
    pub said: String,
}

/// `nginx -t` on one main file.
pub(super) fn run_test(binary: &Path, main_config: &Path) -> Result<Tested, NginxError> {
    let output = Command::new(binary)
        .args(["-e", "stderr", "-t", "-c"])
        .arg(main_config)
        .output()
        .map_err(|source| NginxError::Program {
            program: binary.to_owned(),
            source,
        })?;
    Ok(Tested {
        accepted: output.status.success(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

pub(super) fn write_files(dir: &Path, release: &Release) -> Result<(), NginxError> {
    for file in &release.files {
        let path = dir.join(file.path);
        fs::write(&path, &file.content).map_err(at("write", &path))?;
        let written = fs::File::open(&path).map_err(at("open", &path))?;
        written.sync_all().map_err(at("sync", &path))?;
    }
    Ok(())
}

/// The least that an nginx around the included files must have.
fn wrapped(dir: &Path, scratch: &Path) -> String {
    let (dir, scratch) = (dir.display(), scratch.display());
    format!(
        "pid \"{scratch}/pid\";\nerror_log stderr;\nevents {{ }}\nhttp {{\n    access_log off;\n    \
         client_body_temp_path \"{scratch}/body\";\n    proxy_temp_path \"{scratch}/proxy\";\n    \
         fastcgi_temp_path \"{scratch}/fastcgi\";\n    uwsgi_temp_path \"{scratch}/uwsgi\";\n    \
         scgi_temp_path \"{scratch}/scgi\";\n    include \"{dir}/imgctl-http.conf\";\n    \
         include \"{dir}/imgctl-server.conf\";\n}}\n"
    )
}

/// A directory of our own below the system's temporary one, removed when dropped.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn create() -> Result<Self, NginxError> {
        use std::os::unix::fs::DirBuilderExt;
        use std::sync::atomic::{AtomicU32, Ordering};

        static NEXT: AtomicU32 = AtomicU32::new(0);
        // A name that is taken is passed over: whoever made it, it is not ours.
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("imgctl-nginx-{}-{number}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            match fs::DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Ok(Self(dir)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(at("create", dir)(error)),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind, it costs a few kilobytes; nothing better can be done while unwinding.
        let _ = fs::remove_dir_all(&self.0);
    }
}
