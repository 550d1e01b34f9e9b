//! The data directory: made, opened, and its parts.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::blobs::aliases::Aliases;
use crate::blobs::derived::Derived;
use crate::blobs::error::BlobError;
use crate::blobs::originals::Originals;
use crate::blobs::space::{Space, SpaceFloor};
use crate::blobs::staging::{Reaped, Staging};
use crate::model::layout::{
    ALIAS_DIR, DERIVED_DIR, LAYOUT_FILE, ORIGINAL_DIR, STAGING_DIR, ShardWidth, TreeLayout,
};

/// A data directory that has been checked to be one.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
    layout: TreeLayout,
    floor: SpaceFloor,
}

impl Tree {
    /// Makes `root` a data directory, or finds that it is one with the same shards.
    ///
    /// Files of ours that stand there already (configuration, catalog) are left alone; a directory that holds anything
    /// in the directories of the tree but no `LAYOUT` is refused.
    pub fn create(root: &Path, shards: ShardWidth, floor: SpaceFloor) -> Result<Self, BlobError> {
        match Self::open(root, floor) {
            Err(BlobError::NotATree { .. }) => {}
            opened => return opened,
        }
        for part in [ORIGINAL_DIR, DERIVED_DIR, ALIAS_DIR] {
            // Empty, it is what an interrupted run has left.
            let entries = fs::read_dir(root.join(part));
            if entries.is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(BlobError::NotEmpty {
                    path: root.to_owned(),
                });
            }
        }
        for part in [STAGING_DIR, ORIGINAL_DIR, DERIVED_DIR, ALIAS_DIR] {
            let dir = root.join(part);
            fs::create_dir_all(&dir).map_err(BlobError::io("create", &dir))?;
        }
        let layout = TreeLayout { shards };
        let temporary = root.join(STAGING_DIR).join(LAYOUT_FILE);
        let path = root.join(LAYOUT_FILE);
        fs::write(&temporary, layout.to_string()).map_err(BlobError::io("write", &temporary))?;
        sync(&temporary)?;
        // Written last: a tree without LAYOUT was never finished.
        fs::rename(&temporary, &path).map_err(BlobError::io("write", &path))?;
        sync(root)?;
        Self::open(root, floor)
    }

    pub fn open(root: &Path, floor: SpaceFloor) -> Result<Self, BlobError> {
        let path = root.join(LAYOUT_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::NotATree {
                    path: root.to_owned(),
                });
            }
            Err(error) => return Err(BlobError::io("read", &path)(error)),
        };
        let layout = text
            .parse()
            .map_err(|source| BlobError::Layout { path, source })?;
        let root = root
            .canonicalize()
            .map_err(BlobError::io("resolve", root))?;
        // `derived` may be removed whole at any time.
        for part in [STAGING_DIR, DERIVED_DIR, ALIAS_DIR] {
            let dir = root.join(part);
            fs::create_dir_all(&dir).map_err(BlobError::io("create", &dir))?;
        }
        Ok(Self {
            root,
            layout,
            floor,
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn layout(&self) -> TreeLayout {
        self.layout
    }

    pub fn originals(&self) -> Originals<'_> {
        Originals::new(&self.root, self.layout)
    }

    pub fn derived(&self) -> Derived<'_> {
        Derived::new(&self.root, self.layout)
    }

    pub fn aliases(&self) -> Aliases<'_> {
        Aliases::new(&self.root)
    }

    /// A place of this process's own to write files in.
    pub fn stage(&self) -> Result<Staging, BlobError> {
        Staging::create(&self.root.join(STAGING_DIR))
    }

    /// Removes what processes that are gone left in staging.
    pub fn reap_staging(&self) -> Result<Reaped, BlobError> {
        Staging::reap(&self.root.join(STAGING_DIR))
    }

    pub fn space(&self) -> Result<Space, BlobError> {
        Space::of(&self.root)
    }

    /// Fails if `needed_bytes` more would go below the floor of free space.
    pub fn check_space(&self, needed_bytes: u64) -> Result<(), BlobError> {
        self.space()?.check(&self.root, self.floor, needed_bytes)
    }
}

/// Makes a file or a directory durable.
pub(crate) fn sync(path: &Path) -> Result<(), BlobError> {
    let file = File::open(path).map_err(BlobError::io("open", path))?;
    file.sync_all().map_err(BlobError::io("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_made_once_and_opened_after() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        assert!(matches!(
            Tree::open(&root, SpaceFloor::default()),
            Err(BlobError::NotATree { .. })
        ));
        Tree::create(&root, ShardWidth::TwoTwo, SpaceFloor::default()).unwrap();
        let again = Tree::create(&root, ShardWidth::Three, SpaceFloor::default()).unwrap();
        assert_eq!(again.layout().shards, ShardWidth::TwoTwo);
    }

    #[test]
    fn someone_elses_directory_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("original/2020")).unwrap();
        assert!(matches!(
            Tree::create(dir.path(), ShardWidth::Three, SpaceFloor::default()),
            Err(BlobError::NotEmpty { .. })
        ));
        assert!(!dir.path().join("LAYOUT").exists());
    }

    #[test]
    fn a_tree_that_was_begun_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("original")).unwrap();
        Tree::create(dir.path(), ShardWidth::Three, SpaceFloor::default()).unwrap();
        assert!(dir.path().join("LAYOUT").exists());
    }

    #[test]
    fn derived_may_vanish() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::create(dir.path(), ShardWidth::Three, SpaceFloor::default()).unwrap();
        fs::remove_dir(dir.path().join("derived")).unwrap();
        Tree::open(tree.root(), SpaceFloor::default()).unwrap();
        assert!(dir.path().join("derived").is_dir());
    }
}
