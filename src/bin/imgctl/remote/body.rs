//! Images as bodies of uploads: pieces of a file, or bytes in memory, to be sent as often as it takes.

use std::fs::Metadata;
use std::io::{self, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use img_core::imaging::Piece;
use reqwest::Body;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::remote::RemoteError;

/// How much of a file is held at a time, in bytes: each read is a trip to another thread.
const CHUNK_BYTES: u64 = 256 << 10;

/// Where the bytes of an upload are.
#[derive(Clone, Debug)]
pub(crate) enum UploadBody {
    Bytes(Bytes),
    Pieces {
        file: PathBuf,
        /// Of the file as it was inspected.
        stamp: Stamp,
        pieces: Vec<Piece>,
    },
}

/// What changes when a file is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    size_bytes: u64,
    modified_ns: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size_bytes: metadata.len(),
            modified_ns: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl UploadBody {
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Pieces { pieces, .. } => pieces.iter().map(Piece::size_bytes).sum(),
        }
    }

    /// From its first byte on. A file that is not the one that was inspected is not sent.
    pub(super) async fn open(&self) -> Result<Body, RemoteError> {
        let (path, stamp, pieces) = match self {
            Self::Bytes(bytes) => return Ok(bytes.clone().into()),
            Self::Pieces {
                file,
                stamp,
                pieces,
            } => (file, stamp, pieces),
        };
        let failed = |source| RemoteError::Body {
            path: path.clone(),
            source,
        };
        let file = File::open(path).await.map_err(failed)?;
        let metadata = file.metadata().await.map_err(failed)?;
        if Stamp::of(&metadata) != *stamp {
            return Err(RemoteError::Changed { path: path.clone() });
        }
        let reading = Reading {
            file,
            pieces: pieces.clone().into_iter(),
            left: 0,
        };
        Ok(Body::wrap_stream(try_unfold(reading, Reading::next)))
    }
}

struct Reading {
    file: File,
    pieces: std::vec::IntoIter<Piece>,
    /// Of the piece being read.
    left: u64,
}

impl Reading {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while self.left == 0 {
            match self.pieces.next() {
                None => return Ok(None),
                Some(Piece::New(bytes)) => return Ok(Some((bytes.into(), self))),
                Some(Piece::Keep(range)) => {
                    self.file.seek(SeekFrom::Start(range.start)).await?;
                    self.left = range.end - range.start;
                }
            }
        }
        let len = usize::try_from(self.left.min(CHUNK_BYTES)).unwrap_or(0);
        let mut chunk = vec![0; len];
        self.file.read_exact(&mut chunk).await?;
        self.left -= len as u64;
        Ok(Some((chunk.into(), self)))
    }
}
