//! A release put in force: written, tested, switched to, reloaded, seen to answer; else everything as before.
//!
//! `<nginx dir>/releases/<id>/` holds the files, `<nginx dir>/current` is a link to the one in force.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::nginx::check::{check_written, run_test, write_files};
use crate::nginx::error::{NginxError, at};
use crate::nginx::lint::Finding;
use crate::nginx::render::Release;
use crate::nginx::running::{LogTail, Reload, Reloaded, find_release, reload, wait_for_release};

const CURRENT: &str = "current";
const RELEASES: &str = "releases";
const LOCK: &str = "lock";
/// At 50 ms each: longer than old workers go on accepting.
const ANSWERS_IN_ROW: u32 = 6;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyTarget {
    pub nginx_dir: PathBuf,
    pub binary: PathBuf,
    /// The distribution's `nginx.conf`, tested as a whole after the switch; `None` when ours is the whole.
    pub main_config: Option<PathBuf>,
    pub reload: Reload,
    pub status_socket: PathBuf,
    /// Where nginx says why a reload failed.
    pub error_log: PathBuf,
    /// How long the new release may take to answer. nginx tries for 2.5 s to bind an address that is taken.
    pub timeout: Duration,
    /// Releases kept on disk, the one in force included.
    pub releases_max: usize,
}

impl ApplyTarget {
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    pub const RELEASES_MAX: usize = 5;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub release: String,
    /// What was in force before.
    pub previous: Option<String>,
    pub outcome: Outcome,
    /// Of the check; none of them stops an apply.
    pub findings: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// In force already, nothing was done.
    Unchanged,
    /// nginx answers with the new release.
    Reloaded,
    /// The release is in place, but no nginx runs that could be told.
    NotRunning,
}

pub fn apply(release: &Release, target: &ApplyTarget) -> Result<Applied, NginxError> {
    let releases = target.nginx_dir.join(RELEASES);
    fs::create_dir_all(&releases).map_err(at("create", &releases))?;
    let _lock = lock(&target.nginx_dir)?;
    let previous = find_current(&target.nginx_dir)?;
    let applied = |outcome, findings| Applied {
        release: release.id.clone(),
        previous: previous.clone(),
        outcome,
        findings,
    };

    let dir = releases.join(&release.id);
    let in_place = previous.as_deref() == Some(&release.id) && is_written(&dir, release);
    // If nginx answers with another release, an earlier apply was interrupted before its reload.
    let answering = find_release(&target.status_socket);
    if in_place && answering.as_ref().is_none_or(|id| *id == release.id) {
        return Ok(applied(Outcome::Unchanged, Vec::new()));
    }

    fs::create_dir_all(&dir).map_err(at("create", &dir))?;
    write_files(&dir, release)?;
    sync_dir(&dir)?;
    let report = check_written(&target.binary, release, &dir)?;
    if !report.accepted {
        if !in_place {
            fs::remove_dir_all(&dir).map_err(at("remove", &dir))?;
        }
        return Err(NginxError::Rejected {
            release: release.id.clone(),
            said: report.nginx_said,
        });
    }

    let log = LogTail::start(&target.error_log);
    switch(&target.nginx_dir, Some(&release.id))?;
    match put_in_force(release, target) {
        Ok(outcome) => {
            remove_old_releases(&releases, &release.id, target.releases_max)?;
            Ok(applied(outcome, report.findings))
        }
        Err(failure) => {
            let said = failure.said.unwrap_or_else(|| log.complaints());
            switch(&target.nginx_dir, previous.as_deref())?;
            let mut why = failure.why;
            if let Err(error) = reload(&target.reload) {
                why = format!("{why}; and the reload of what was before failed: {error}");
            }
            Err(NginxError::RolledBack {
                release: release.id.clone(),
                restored: previous,
                why,
                said,
            })
        }
    }
}

/// The release that `current` leads to.
pub fn find_current(nginx_dir: &Path) -> Result<Option<String>, NginxError> {
    let link = nginx_dir.join(CURRENT);
    match fs::read_link(&link) {
        Ok(to) => Ok(to
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read link", link)(error)),
    }
}

struct Failure {
    why: String,
    /// `None`: the error log knows.
    said: Option<String>,
}

fn put_in_force(release: &Release, target: &ApplyTarget) -> Result<Outcome, Failure> {
    if let Some(main_config) = &target.main_config {
        let tested = run_test(&target.binary, main_config).map_err(|error| Failure {
            why: error.to_string(),
            said: None,
        })?;
        if !tested.accepted {
            return Err(Failure {
                why: format!("nginx refuses it within {}", main_config.display()),
                said: Some(tested.said),
            });
        }
    }
    match reload(&target.reload) {
        Ok(Reloaded::NotRunning) => return Ok(Outcome::NotRunning),
        Ok(Reloaded::Told) => {}
        Err(error) => {
            return Err(Failure {
                why: format!("the reload failed: {error}"),
                said: None,
            });
        }
    }
    if wait_for_release(
        &target.status_socket,
        &release.id,
        ANSWERS_IN_ROW,
        target.timeout,
    ) {
        return Ok(Outcome::Reloaded);
    }
    Err(Failure {
        why: format!(
            "it did not answer on {} within {:?} of the reload",
            target.status_socket.display(),
            target.timeout
        ),
        said: None,
    })
}

/// Held until dropped; the file stays.
fn lock(nginx_dir: &Path) -> Result<File, NginxError> {
    let path = nginx_dir.join(LOCK);
    let file = File::create(&path).map_err(at("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NginxError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(at("lock", path)(source)),
    }
}

fn is_written(dir: &Path, release: &Release) -> bool {
    release.files.iter().all(|file| {
        fs::read(dir.join(file.path)).is_ok_and(|found| found == file.content.as_bytes())
    })
}

/// Points `current` to a release, or to nothing, in one step: nginx never finds it missing in between.
fn switch(nginx_dir: &Path, release: Option<&str>) -> Result<(), NginxError> {
    let current = nginx_dir.join(CURRENT);
    let Some(release) = release else {
        fs::remove_file(&current).map_err(at("remove", &current))?;
        return sync_dir(nginx_dir);
    };
    let next = nginx_dir.join("current.next");
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(at("remove", next)(error));
        }
        Ok(()) | Err(_) => {}
    }
    symlink(Path::new(RELEASES).join(release), &next).map_err(at("link", &next))?;
    fs::rename(&next, &current).map_err(at("rename to", &current))?;
    sync_dir(nginx_dir)
}

fn sync_dir(dir: &Path) -> Result<(), NginxError> {
    File::open(dir)
        .and_then(|opened| opened.sync_all())
        .map_err(at("sync", dir))
}

/// Oldest first, by the time they were written; never the one in force.
fn remove_old_releases(
    releases: &Path,
    current: &str,
    releases_max: usize,
) -> Result<(), NginxError> {
    let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(releases).map_err(at("list", releases))? {
        let entry = entry.map_err(at("list", releases))?;
        let written = entry.metadata().and_then(|meta| meta.modified());
        if entry.file_name() != current {
            others.push((written.map_err(at("stat", entry.path()))?, entry.path()));
        }
    }
    others.sort();
    let kept = releases_max.saturating_sub(1);
    let surplus = others.len().saturating_sub(kept);
    for (_, dir) in others.into_iter().take(surplus) {
        fs::remove_dir_all(&dir).map_err(at("remove", dir))?;
    }
    Ok(())
}
