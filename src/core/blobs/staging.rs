//! Files being written: on the file system of the tree, never served, and reaped when their process is gone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::blobs::error::BlobError;
use crate::model::clock::UnixSeconds;

/// A directory below `staging/` that belongs to one process, by a lock on `<name>.lock` that ends with the process.
#[derive(Debug)]
pub struct Staging {
    dir: PathBuf,
    lock_path: PathBuf,
    _lock: File,
    next: AtomicU64,
}

/// What [`Staging::reap`] removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    pub files: u64,
    pub bytes: u64,
    /// Names of the staging directories whose processes are gone.
    pub gone: Vec<String>,
    /// Names of those whose processes live, the caller's own among them.
    pub alive: Vec<String>,
}

/// Age at which a staging directory without a lock file goes: only a crash between two system calls leaves one.
const UNLOCKED_AGE: Duration = Duration::from_secs(3600);

impl Staging {
    pub(crate) fn create(staging_root: &Path) -> Result<Self, BlobError> {
        loop {
            let nonce = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos());
            let name = format!("{}-{nonce:x}", std::process::id());
            let lock_path = staging_root.join(format!("{name}.lock"));
            let lock = File::create(&lock_path).map_err(BlobError::io("create", &lock_path))?;
            // A reaper may have taken the lock file between its creation and here: then begin again.
            if is_taken(&lock, &lock_path)? || !lock_path.exists() {
                continue;
            }
            let dir = staging_root.join(&name);
            fs::create_dir(&dir).map_err(BlobError::io("create", &dir))?;
            return Ok(Self {
                dir,
                lock_path,
                _lock: lock,
                next: AtomicU64::new(0),
            });
        }
    }

    /// Names the process, uniquely over time on this machine.
    pub fn name(&self) -> String {
        self.dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Writes one file; it vanishes with the returned value unless it is placed.
    pub fn write(&self, bytes: &[u8], modified: UnixSeconds) -> Result<StagedFile, BlobError> {
        let mut writer = self.begin()?;
        writer.write(bytes)?;
        writer.finish(modified)
    }

    /// Begins a file that is written piece by piece; it vanishes with the returned value unless it is finished.
    pub fn begin(&self) -> Result<StagingWriter, BlobError> {
        let staged = StagedFile {
            path: self.fresh_path(),
            size_bytes: 0,
        };
        let path = &staged.path;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(path)
            .map_err(BlobError::io("create", path))?;
        Ok(StagingWriter { file, staged })
    }

    /// A path that no other call answers.
    pub(crate) fn fresh_path(&self) -> PathBuf {
        self.dir
            .join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub(crate) fn reap(staging_root: &Path) -> Result<Reaped, BlobError> {
        let mut reaped = Reaped::default();
        let entries = fs::read_dir(staging_root).map_err(BlobError::io("list", staging_root))?;
        for entry in entries {
            let path = entry.map_err(BlobError::io("list", staging_root))?.path();
            let gone = match path.extension() {
                Some(extension) if extension == "lock" => reap_locked(&path, &mut reaped),
                _ if path.with_extension("lock").exists() => Ok(()),
                _ if is_older(&path, UNLOCKED_AGE) => remove(&path, &mut reaped),
                _ => Ok(()),
            };
            // Another process may be reaping the same.
            if let Err(error) = gone
                && !error.is_missing()
            {
                return Err(error);
            }
        }
        Ok(reaped)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays behind is reaped by the next process.
        let _ = fs::remove_dir_all(&self.dir);
        let _ = fs::remove_file(&self.lock_path);
    }
}

fn reap_locked(lock_path: &Path, reaped: &mut Reaped) -> Result<(), BlobError> {
    let name = lock_path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // Open for writing: NFS makes byte-range locks of these, and refuses an exclusive one on a file that is only read.
    let lock = OpenOptions::new()
        .read(true)
        .write(true)
        .open(lock_path)
        .map_err(BlobError::io("open", lock_path))?;
    if is_taken(&lock, lock_path)? {
        reaped.alive.push(name);
        return Ok(());
    }
    let dir = lock_path.with_extension("");
    if dir.exists() {
        remove(&dir, reaped)?;
    }
    reaped.gone.push(name);
    fs::remove_file(lock_path).map_err(BlobError::io("remove", lock_path))
}

/// Takes the lock, or answers that a living process has it.
fn is_taken(lock: &File, lock_path: &Path) -> Result<bool, BlobError> {
    match lock.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(BlobError::io("lock", lock_path)(error)),
    }
}

fn remove(path: &Path, reaped: &mut Reaped) -> Result<(), BlobError> {
    let metadata = fs::symlink_metadata(path).map_err(BlobError::io("stat", path))?;
    if !metadata.is_dir() {
        reaped.files += 1;
        reaped.bytes += metadata.len();
        return fs::remove_file(path).map_err(BlobError::io("remove", path));
    }
    for entry in fs::read_dir(path).map_err(BlobError::io("list", path))? {
        let entry = entry.map_err(BlobError::io("list", path))?;
        reaped.files += 1;
        reaped.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
    }
    fs::remove_dir_all(path).map_err(BlobError::io("remove", path))
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed > age))
}

pub(crate) fn set_modified(file: &File, modified: UnixSeconds) -> rustix::io::Result<()> {
    let time = rustix::fs::Timespec {
        tv_sec: modified,
        tv_nsec: 0,
    };
    rustix::fs::futimens(
        file,
        &rustix::fs::Timestamps {
            last_access: time,
            last_modification: time,
        },
    )
}

/// A file in staging that is not complete.
#[derive(Debug)]
pub struct StagingWriter {
    file: File,
    staged: StagedFile,
}

impl StagingWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let path = &self.staged.path;
        let written = self.file.write_all(bytes);
        written.map_err(BlobError::io("write", path))?;
        self.staged.size_bytes += bytes.len() as u64;
        Ok(())
    }

    pub fn finish(self, modified: UnixSeconds) -> Result<StagedFile, BlobError> {
        let path = &self.staged.path;
        set_modified(&self.file, modified).map_err(BlobError::errno("set time of", path))?;
        Ok(self.staged)
    }
}

/// A complete file in staging, removed on drop unless it was placed.
#[derive(Debug)]
pub struct StagedFile {
    path: PathBuf,
    size_bytes: u64,
}

impl StagedFile {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Forgets the file: it is no longer in staging.
    pub(crate) fn placed(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Reaped later if it cannot be removed now.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_left_is_reaped() {
        let root = tempfile::tempdir().unwrap();
        let live = Staging::create(root.path()).unwrap();
        let kept = live.write(b"kept", 0).unwrap();
        let dead = Staging::create(root.path()).unwrap();
        let (dir, lock_path) = (dead.dir.clone(), dead.lock_path.clone());
        drop(dead);
        // As after kill -9: the files stand, the lock is free.
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("0"), b"left").unwrap();
        fs::write(&lock_path, b"").unwrap();

        let reaped = Staging::reap(root.path()).unwrap();

        assert_eq!((reaped.files, reaped.bytes), (1, 4));
        assert_eq!(reaped.gone, [dir.file_name().unwrap().to_str().unwrap()]);
        assert_eq!(reaped.alive, [live.name()]);
        assert!(kept.path().exists());
        assert!(!dir.exists() && !lock_path.exists());
    }

    #[test]
    fn a_file_that_is_not_placed_vanishes() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::create(root.path()).unwrap();
        let path = staging.write(b"x", 0).unwrap().path().to_owned();
        assert!(!path.exists());
    }
}
