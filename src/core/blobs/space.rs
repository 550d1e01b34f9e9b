//! Free space and inodes, and the floor below which nothing is written.

use std::path::Path;

use crate::blobs::error::BlobError;

/// What must stay free on the file system of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceFloor {
    pub free_bytes_min: u64,
    pub free_inodes_min: u64,
}

impl Default for SpaceFloor {
    /// Room for the catalog's log and a few minutes of nginx's, so that a full disk stops ingest and nothing else.
    fn default() -> Self {
        Self {
            free_bytes_min: 512 << 20,
            free_inodes_min: 10_000,
        }
    }
}

/// What the file system says, for an unprivileged user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub free_bytes: u64,
    pub total_bytes: u64,
    pub free_inodes: u64,
    /// 0 where inodes are made as needed (btrfs).
    pub total_inodes: u64,
}

impl Space {
    pub fn of(path: &Path) -> Result<Self, BlobError> {
        let stat = rustix::fs::statvfs(path).map_err(BlobError::errno("statvfs", path))?;
        Ok(Self {
            free_bytes: stat.f_bavail * stat.f_frsize,
            total_bytes: stat.f_blocks * stat.f_frsize,
            free_inodes: stat.f_favail,
            total_inodes: stat.f_files,
        })
    }

    /// Fails if `needed_bytes` more would go below the floor.
    pub fn check(
        &self,
        path: &Path,
        floor: SpaceFloor,
        needed_bytes: u64,
    ) -> Result<(), BlobError> {
        let below = |what, free, floor| BlobError::BelowFloor {
            path: path.to_owned(),
            what,
            free,
            floor,
        };
        if self.free_bytes.saturating_sub(needed_bytes) < floor.free_bytes_min {
            return Err(below("bytes", self.free_bytes, floor.free_bytes_min));
        }
        if self.total_inodes > 0 && self.free_inodes < floor.free_inodes_min {
            return Err(below("inodes", self.free_inodes, floor.free_inodes_min));
        }
        Ok(())
    }
}
