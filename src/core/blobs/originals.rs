//! Originals: written once, never rewritten, removed only when they are off the record.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use crate::blobs::error::BlobError;
use crate::blobs::staging::{StagedFile, set_modified};
use crate::blobs::tree::sync;
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::layout::TreeLayout;
use crate::model::media::MediaType;

#[derive(Clone, Copy, Debug)]
pub struct Originals<'a> {
    root: &'a Path,
    layout: TreeLayout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    New,
    /// The same bytes stood there already.
    Existed,
    /// Something of another size stood there: a name that did not prove its content. It has been replaced.
    Healed,
}

impl<'a> Originals<'a> {
    pub(crate) fn new(root: &'a Path, layout: TreeLayout) -> Self {
        Self { root, layout }
    }

    pub fn path(&self, id: ImageId, media: MediaType) -> PathBuf {
        self.root.join(self.layout.original_path(id, media))
    }

    /// Whether the original stands there with this size.
    pub fn is_whole(&self, id: ImageId, media: MediaType, size_bytes: u64) -> bool {
        fs::symlink_metadata(self.path(id, media))
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == size_bytes)
    }

    /// Moves a staged file to its name. The caller has made its bytes durable and will make the name durable.
    pub fn place(
        &self,
        staged: StagedFile,
        id: ImageId,
        media: MediaType,
    ) -> Result<Placed, BlobError> {
        let path = self.path(id, media);
        match rename_new(staged.path(), &path) {
            Ok(()) => {
                staged.placed();
                Ok(Placed::New)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if self.is_whole(id, media, staged.size_bytes()) {
                    return Ok(Placed::Existed);
                }
                fs::rename(staged.path(), &path).map_err(BlobError::io("replace", &path))?;
                staged.placed();
                Ok(Placed::Healed)
            }
            Err(error) => Err(BlobError::io("place", &path)(error)),
        }
    }

    /// The bytes of an original; an error if there are more than `bytes_max`.
    pub fn read(
        &self,
        id: ImageId,
        media: MediaType,
        bytes_max: u64,
    ) -> Result<Vec<u8>, BlobError> {
        let path = self.path(id, media);
        let file = File::open(&path).map_err(BlobError::io("open", &path))?;
        let size = file.metadata().map_err(BlobError::io("stat", &path))?.len();
        if size > bytes_max {
            let too_large =
                io::Error::new(io::ErrorKind::FileTooLarge, "larger than limits.bytes_max");
            return Err(BlobError::io("read", &path)(too_large));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(bytes_max)
            .read_to_end(&mut bytes)
            .map_err(BlobError::io("read", &path))?;
        Ok(bytes)
    }

    /// Removes an original that is off the record; none is as good.
    pub fn remove(&self, id: ImageId, media: MediaType) -> Result<(), BlobError> {
        let path = self.path(id, media);
        match fs::remove_file(&path).map_err(BlobError::io("remove", &path)) {
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync(path.parent().unwrap_or(&path)),
        }
    }

    /// Gives an original the time on record, so that every node makes the same ETag.
    pub fn ensure_modified(
        &self,
        id: ImageId,
        media: MediaType,
        modified: UnixSeconds,
    ) -> Result<(), BlobError> {
        let path = self.path(id, media);
        let metadata = fs::symlink_metadata(&path).map_err(BlobError::io("stat", &path))?;
        if metadata.mtime() == modified && metadata.mtime_nsec() == 0 {
            return Ok(());
        }
        let file = File::open(&path).map_err(BlobError::io("open", &path))?;
        set_modified(&file, modified).map_err(BlobError::errno("set time of", &path))
    }
}

/// Renames to a name that must be new, and makes the directory of that name if it is absent.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let rename = || match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag; a link is as atomic and refuses a taken name too.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to).and_then(|()| fs::remove_file(from))
        }
        renamed => renamed.map_err(io::Error::from),
    };
    in_directory(to, rename)
}

/// An `rm -rf` of a tree that is being written can remove a new directory before there is a file in it, even twice.
const DIRECTORY_ATTEMPTS: u32 = 10;

/// Runs `place`, and again after making the directory of `path` if that was missing.
pub(crate) fn in_directory(
    path: &Path,
    mut place: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let parent = path.parent().unwrap_or(path);
    let mut placed = place();
    for _ in 0..DIRECTORY_ATTEMPTS {
        match placed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                placed = fs::create_dir_all(parent).and_then(|()| place());
            }
            placed => return placed,
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::space::SpaceFloor;
    use crate::blobs::tree::Tree;
    use crate::model::layout::ShardWidth;

    #[test]
    fn a_second_copy_changes_nothing_and_a_short_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::create(dir.path(), ShardWidth::Three, SpaceFloor::default()).unwrap();
        let staging = tree.stage().unwrap();
        let (bytes, media) = (b"original", MediaType::Jpeg);
        let id = ImageId::of(bytes);
        let originals = tree.originals();
        let place = || {
            originals
                .place(staging.write(bytes, 7).unwrap(), id, media)
                .unwrap()
        };

        assert_eq!(place(), Placed::New);
        assert_eq!(place(), Placed::Existed);
        fs::write(originals.path(id, media), b"").unwrap();
        assert_eq!(place(), Placed::Healed);
        assert_eq!(originals.read(id, media, 100).unwrap(), bytes);
        assert!(originals.read(id, media, 3).is_err());
        assert!(
            originals
                .path(id, media)
                .ends_with(format!("original/{}/{id}.jpg", &id.to_string()[..3]))
        );
    }
}
