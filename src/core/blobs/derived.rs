//! Derivatives: made again at any time, so neither precious nor synced one by one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::blobs::error::BlobError;
use crate::blobs::originals::in_directory;
use crate::blobs::staging::StagedFile;
use crate::model::layout::TreeLayout;
use crate::model::record::DerivativeKey;

#[derive(Clone, Copy, Debug)]
pub struct Derived<'a> {
    root: &'a Path,
    layout: TreeLayout,
}

impl<'a> Derived<'a> {
    pub(crate) fn new(root: &'a Path, layout: TreeLayout) -> Self {
        Self { root, layout }
    }

    pub fn path(&self, key: &DerivativeKey) -> PathBuf {
        self.root.join(self.layout.derived_path(key))
    }

    /// Size in bytes, if it stands there and is not empty: after power loss a new name may hold nothing.
    pub fn find_size(&self, key: &DerivativeKey) -> Option<u64> {
        let metadata = fs::symlink_metadata(self.path(key)).ok()?;
        (metadata.is_file() && metadata.len() > 0).then_some(metadata.len())
    }

    /// Moves a staged file to its name, over whatever stood there.
    pub fn place(&self, staged: StagedFile, key: &DerivativeKey) -> Result<(), BlobError> {
        let path = self.path(key);
        in_directory(&path, || fs::rename(staged.path(), &path))
            .map_err(BlobError::io("place", &path))?;
        staged.placed();
        Ok(())
    }

    pub fn remove(&self, key: &DerivativeKey) -> Result<(), BlobError> {
        let path = self.path(key);
        match fs::remove_file(&path).map_err(BlobError::io("remove", &path)) {
            Err(error) if error.is_missing() => Ok(()),
            removed => removed,
        }
    }
}
