//! Making a batch of files survive power loss, at the cost of one flush rather than one per file.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::blobs::error::BlobError;
use crate::blobs::tree::sync;

/// Up to this many files are synced one by one; above, the whole file system is.
///
/// `syncfs` waits for everybody's dirty pages but costs about the same for one file as for dozens (1 to 2 ms); a sync of
/// a small file costs 0.1 to 0.5 ms, and its name as much again. With 32, uploads took a quarter longer.
const SYNC_EACH_MAX: usize = 4;

/// Flushes the file system of the tree, and notices write errors since it was opened.
///
/// Keep one open from before the first write: the kernel reports a failed write-back once per open file
/// (syncfs(2), Linux 5.8 and later).
#[derive(Debug)]
pub struct Flusher {
    root: PathBuf,
    handle: File,
}

impl Flusher {
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        let handle = File::open(root).map_err(BlobError::io("open", root))?;
        Ok(Self {
            root: root.to_owned(),
            handle,
        })
    }

    /// Returns when the content of `files`, or the entries of directories among them, would survive power loss.
    ///
    /// After an error nothing is known of any of them: a second flush may succeed without the bytes being there.
    pub fn flush<'p>(
        &self,
        files: impl ExactSizeIterator<Item = &'p Path>,
    ) -> Result<(), BlobError> {
        if files.len() <= SYNC_EACH_MAX {
            for path in files {
                sync(path)?;
            }
            return Ok(());
        }
        rustix::fs::syncfs(&self.handle).map_err(BlobError::errno("flush", &self.root))
    }

    /// As [`Self::flush`], for files that may be removed at any time: one that is gone needs no flush.
    pub fn flush_standing(&self, files: &[PathBuf]) -> Result<(), BlobError> {
        loop {
            let standing: Vec<&PathBuf> = files.iter().filter(|path| path.exists()).collect();
            match self.flush(standing.iter().map(|path| path.as_path())) {
                Err(error) if error.is_missing() => {}
                flushed => return flushed,
            }
        }
    }

    /// As [`Self::flush`] for the directories that hold `names`, up to the root of the tree.
    pub fn flush_names<'p>(
        &self,
        names: impl ExactSizeIterator<Item = &'p Path>,
    ) -> Result<(), BlobError> {
        if names.len() > SYNC_EACH_MAX {
            return self.flush(std::iter::repeat_n(self.root.as_path(), SYNC_EACH_MAX + 1));
        }
        let mut directories = BTreeSet::new();
        for name in names {
            // A directory may be new itself, so each one above counts too.
            let above = name
                .ancestors()
                .skip(1)
                .take_while(|path| path.starts_with(&self.root));
            directories.extend(above.map(Path::to_owned));
        }
        for directory in &directories {
            match sync(directory) {
                // It was left empty by a name that was taken away, and went with it: it keeps no name.
                Err(error) if error.is_missing() => {}
                synced => synced?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn small_and_large_batches_are_flushed() {
        let dir = tempfile::tempdir().unwrap();
        let flusher = Flusher::open(dir.path()).unwrap();
        for count in [0, 1, SYNC_EACH_MAX + 1] {
            let paths: Vec<PathBuf> = (0..count)
                .map(|n| dir.path().join(format!("{count}/x/{n}")))
                .collect();
            for path in &paths {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, b"x").unwrap();
            }
            flusher.flush(paths.iter().map(PathBuf::as_path)).unwrap();
            flusher
                .flush_names(paths.iter().map(PathBuf::as_path))
                .unwrap();
        }
        let missing = dir.path().join("missing");
        assert!(flusher.flush([missing.as_path()].into_iter()).is_err());
    }
}
