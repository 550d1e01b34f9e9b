//! The alias tree: hard links to originals under public names, rebuilt from the catalog when need be.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::blobs::error::BlobError;
use crate::blobs::originals::in_directory;
use crate::blobs::staging::{Staging, set_modified};
use crate::blobs::tree::sync;
use crate::model::alias::AliasName;
use crate::model::layout::{ALIAS_DIR, TreeLayout};

#[derive(Clone, Copy, Debug)]
pub struct Aliases<'a> {
    root: &'a Path,
}

impl<'a> Aliases<'a> {
    pub(crate) fn new(root: &'a Path) -> Self {
        Self { root }
    }

    pub fn path(&self, name: &AliasName) -> PathBuf {
        self.root
            .join(OsStr::from_bytes(&TreeLayout::alias_path(name)))
    }

    /// Fails where a file would have to be a directory, or a directory a file.
    pub fn check_name(&self, name: &AliasName) -> Result<(), BlobError> {
        let path = self.path(name);
        if path.is_dir() {
            let is_dir = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(BlobError::io("link", &path)(is_dir));
        }
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(BlobError::io("link", &path)(error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Puts the original at the alias: a hard link, else a reflink, else a copy.
    ///
    /// Over any other file there: whose name it is, the catalog has decided before.
    pub fn link(
        &self,
        staging: &Staging,
        original: &Path,
        name: &AliasName,
    ) -> Result<(), BlobError> {
        let path = self.path(name);
        match in_directory(&path, || fs::hard_link(original, &path)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same(original, &path) {
                    return Ok(());
                }
                if path.is_dir() {
                    let is_dir = io::Error::from(io::ErrorKind::IsADirectory);
                    return Err(BlobError::io("link", &path)(is_dir));
                }
                replace(staging, original, &path)
            }
            Err(error) if cannot_link(&error) => replace(staging, original, &path),
            Err(error) => Err(BlobError::io("link", &path)(error)),
        }
    }
}

impl Aliases<'_> {
    /// Takes the name away, and directories that are left empty by it. Other names of the same image stand.
    pub fn remove(&self, name: &AliasName) -> Result<(), BlobError> {
        let path = self.path(name);
        match fs::remove_file(&path).map_err(BlobError::io("remove", &path)) {
            Err(error) if !error.is_missing() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        sync_parent(&path)?;
        let hosts = self.root.join(ALIAS_DIR);
        for dir in path
            .ancestors()
            .skip(1)
            .take_while(|dir| dir.starts_with(&hosts))
        {
            if dir == hosts || fs::remove_dir(dir).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// The removal of a name survives power loss; a directory that is gone keeps no names.
fn sync_parent(path: &Path) -> Result<(), BlobError> {
    match sync(path.parent().unwrap_or(path)) {
        Err(error) if error.is_missing() => Ok(()),
        synced => synced,
    }
}

/// A link within the tree fails only for these: too many links to one file (ext4: 65,000), or a file system without.
fn cannot_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TooManyLinks | io::ErrorKind::CrossesDevices | io::ErrorKind::Unsupported
    ) || error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error())
}

fn is_same(original: &Path, alias: &Path) -> bool {
    let (Ok(original), Ok(alias)) = (fs::symlink_metadata(original), fs::symlink_metadata(alias))
    else {
        return false;
    };
    original.dev() == alias.dev() && original.ino() == alias.ino()
}

/// Makes the new file beside and renames it over the name, so that the name always holds a whole image.
fn replace(staging: &Staging, original: &Path, path: &Path) -> Result<(), BlobError> {
    let fresh = staging.fresh_path();
    if let Err(error) = fs::hard_link(original, &fresh) {
        if !cannot_link(&error) {
            return Err(BlobError::io("link", &fresh)(error));
        }
        clone_or_copy(original, &fresh)?;
    }
    fs::rename(&fresh, path).map_err(BlobError::io("replace", path))
}

fn clone_or_copy(original: &Path, fresh: &Path) -> Result<(), BlobError> {
    let from = File::open(original).map_err(BlobError::io("open", original))?;
    let to = File::create(fresh).map_err(BlobError::io("create", fresh))?;
    if rustix::fs::ioctl_ficlone(&to, &from).is_err() {
        fs::copy(original, fresh).map_err(BlobError::io("copy to", fresh))?;
    }
    let metadata = from.metadata().map_err(BlobError::io("stat", original))?;
    set_modified(&to, metadata.mtime()).map_err(BlobError::errno("set time of", fresh))?;
    to.sync_all().map_err(BlobError::io("sync", fresh))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::space::SpaceFloor;
    use crate::blobs::tree::Tree;
    use crate::model::alias::AliasPath;
    use crate::model::layout::ShardWidth;

    fn alias(path: &str) -> AliasName {
        let path = AliasPath::from_decoded(path.as_bytes().to_vec()).unwrap();
        AliasName { host: None, path }
    }

    #[test]
    fn an_alias_is_the_same_file_and_replacing_it_leaves_originals_alone() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::create(dir.path(), ShardWidth::Three, SpaceFloor::default()).unwrap();
        let staging = tree.stage().unwrap();
        let (one, two) = (dir.path().join("original/1"), dir.path().join("original/2"));
        fs::write(&one, b"one").unwrap();
        fs::write(&two, b"two").unwrap();
        let aliases = tree.aliases();
        let name = alias("/shop/a b.jpg");

        aliases.link(&staging, &one, &name).unwrap();
        aliases.link(&staging, &one, &name).unwrap();
        assert!(is_same(&one, &dir.path().join("alias/_/shop/a b.jpg")));
        aliases.link(&staging, &two, &name).unwrap();
        assert_eq!(fs::read(aliases.path(&name)).unwrap(), b"two");
        assert_eq!(fs::read(&one).unwrap(), b"one");
    }

    #[test]
    fn a_directory_is_never_replaced_by_an_alias() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::create(dir.path(), ShardWidth::Three, SpaceFloor::default()).unwrap();
        let staging = tree.stage().unwrap();
        let one = dir.path().join("original/1");
        fs::write(&one, b"one").unwrap();
        let aliases = tree.aliases();
        aliases.link(&staging, &one, &alias("/a/b.jpg")).unwrap();

        let linked = aliases.link(&staging, &one, &alias("/a"));
        assert!(matches!(linked, Err(BlobError::Io { .. })), "{linked:?}");
        assert!(aliases.link(&staging, &one, &alias("/a/b.jpg/c")).is_err());
    }
}
