//! Derivatives: made again at any time, so neither precious nor synced one by one.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::blobs::error::BlobError;
use crate::blobs::originals::in_directory;
use crate::blobs::staging::StagedFile;
use crate::blobs::tree::sync;
use crate::model::image_id::ImageId;
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

    /// Removes every derivative of an image, on the ledger or not.
    pub fn remove_all_of(&self, id: ImageId) -> Result<(), BlobError> {
        let dir = self.root.join(self.layout.derived_dir(id));
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(BlobError::io("list", &dir))?,
        };
        let prefix = format!("{id}.");
        for entry in entries {
            let entry = entry.map_err(BlobError::io("list", &dir))?;
            if entry.file_name().as_bytes().starts_with(prefix.as_bytes()) {
                let path = entry.path();
                match fs::remove_file(&path).map_err(BlobError::io("remove", &path)) {
                    Err(error) if !error.is_missing() => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        sync(&dir)
    }

    pub fn remove(&self, key: &DerivativeKey) -> Result<(), BlobError> {
        let path = self.path(key);
        match fs::remove_file(&path).map_err(BlobError::io("remove", &path)) {
            Err(error) if error.is_missing() => Ok(()),
            removed => removed,
        }
    }
}
