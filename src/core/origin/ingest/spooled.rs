//! The bytes of one upload: in memory while they are few, in staging when they are not; judged where they are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::blobs::staging::{StagedFile, Staging, StagingWriter};
use crate::imaging::{self, ImagingError, MetadataMode, Piece, Quantity, Source as Originals};
use crate::model::clock::UnixSeconds;
use crate::model::image_id::{ImageId, ImageIdHasher};
use crate::origin::Origin;
use crate::origin::ingest::prepare::{self, Hold, Ready, Rejection, Staged, Stored};
use crate::origin::ingest::{Effect, IngestOptions};

/// Up to this many bytes of one upload are held in memory. Most images are smaller, and need no second file; all uploads
/// in progress together hold this times `api.uploads_max`.
const MEMORY_BYTES_MAX: usize = 256 << 10;
/// Hashed and judged in less time than it takes to wake another thread.
const QUICK_BYTES_MAX: usize = 64 << 10;
/// Copied at a time.
const COPY_BYTES: usize = 256 << 10;

/// What has arrived of an upload so far.
#[derive(Debug)]
pub(crate) struct Spool {
    buffer: Vec<u8>,
    spilled: Option<Spilled>,
    bytes_max: u64,
    size_bytes: u64,
}

#[derive(Debug)]
struct Spilled {
    writer: StagingWriter,
    hasher: ImageIdHasher,
}

impl Spool {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            buffer: Vec::new(),
            spilled: None,
            bytes_max,
            size_bytes: 0,
        }
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    pub(crate) fn check_size(size_bytes: u64, bytes_max: u64) -> Result<(), Rejection> {
        if size_bytes <= bytes_max {
            return Ok(());
        }
        Err(ImagingError::Limit {
            quantity: Quantity::Bytes,
            found: size_bytes,
            max: bytes_max,
        }
        .into())
    }

    /// Takes a piece. Answers whether there is enough in memory to be written with [`Self::spill`].
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<bool, Rejection> {
        self.size_bytes += piece.len() as u64;
        Self::check_size(self.size_bytes, self.bytes_max)?;
        self.buffer.extend_from_slice(piece);
        Ok(self.buffer.len() >= MEMORY_BYTES_MAX)
    }

    /// Writes what is in memory to staging. Blocks.
    pub(crate) fn spill(&mut self, origin: &Origin, staging: &Staging) -> Result<(), Rejection> {
        origin.tree.check_space(self.buffer.len() as u64)?;
        if self.spilled.is_none() {
            self.spilled = Some(Spilled {
                writer: staging.begin()?,
                hasher: ImageIdHasher::default(),
            });
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.hasher.update(&self.buffer);
            spilled.writer.write(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    /// Whether [`Self::prepare`] is done within some 0.1 ms, without a file or anyone else.
    pub(crate) fn is_quick(&self, origin: &Origin) -> bool {
        self.spilled.is_none() && self.buffer.len() <= QUICK_BYTES_MAX && origin.scan.is_none()
    }

    /// All bytes are here: judges, strips and stages them. Blocks.
    pub(crate) fn prepare(
        mut self,
        origin: &Origin,
        staging: &Staging,
        wanted: &Wanted<'_>,
    ) -> Result<Ready, Rejection> {
        if self.spilled.is_some() {
            self.spill(origin, staging)?;
        }
        match self.spilled {
            None => prepare_bytes(origin, staging, &self.buffer, wanted),
            Some(spilled) => prepare_file(origin, staging, spilled, wanted),
        }
    }
}

/// How an upload is to be taken in.
pub(crate) struct Wanted<'a> {
    pub(crate) metadata: MetadataMode,
    pub(crate) modified: UnixSeconds,
    pub(crate) actor: &'a str,
}

fn prepare_bytes(
    origin: &Origin,
    staging: &Staging,
    bytes: &[u8],
    wanted: &Wanted<'_>,
) -> Result<Ready, Rejection> {
    let source = prepare::Source {
        bytes,
        modified: wanted.modified,
    };
    let options = IngestOptions {
        metadata: wanted.metadata,
        derive: Vec::new(),
        actor: wanted.actor.to_owned(),
        tags: Vec::new(),
        effect: Effect::Apply,
        jobs: 0,
    };
    let checked = prepare::check(origin, &source, &options)?;
    // What is asked about must be a file.
    let hold = match origin.scan {
        None => Hold::InMemory,
        Some(_) => Hold::Write,
    };
    prepare::stage(origin, staging, checked, hold)
}

/// The file that was written is the one that is kept, unless metadata is to go.
fn prepare_file(
    origin: &Origin,
    staging: &Staging,
    spilled: Spilled,
    wanted: &Wanted<'_>,
) -> Result<Ready, Rejection> {
    let Spilled { writer, hasher } = spilled;
    let (raw_id, raw) = (hasher.finish(), writer.finish(wanted.modified)?);
    let file = File::open(raw.path()).map_err(|error| unreadable(&error))?;
    let source = OnDisk {
        file,
        size_bytes: raw.size_bytes(),
    };
    let inspected = imaging::inspect_source(&source, &origin.settings.limits)?;
    let plan = imaging::strip_source(&source, inspected.media, wanted.metadata)?;
    let (id, staged) = if plan.is_untouched() {
        (raw_id, raw)
    } else {
        copy_pieces(origin, staging, &source, &plan.pieces, wanted.modified)?
    };
    let stored = Stored {
        id,
        size_bytes: staged.size_bytes(),
        modified: wanted.modified,
    };
    let image = prepare::describe(origin, &inspected, stored, wanted.actor);
    let originals = origin.tree.originals();
    let stands = originals.is_whole(image.id, image.media, image.size_bytes);
    Ok(Ready {
        metadata: plan.outcome,
        alias: None,
        tags: Vec::new(),
        audits: Vec::new(),
        raw_id: (raw_id != id).then_some(raw_id),
        charge: None,
        staged: (!stands).then_some(Staged::File(staged)),
        image,
    })
}

fn copy_pieces(
    origin: &Origin,
    staging: &Staging,
    source: &OnDisk,
    pieces: &[Piece],
    modified: UnixSeconds,
) -> Result<(ImageId, StagedFile), Rejection> {
    origin.tree.check_space(source.size_bytes)?;
    let (mut writer, mut hasher) = (staging.begin()?, ImageIdHasher::default());
    let mut buffer = vec![0; COPY_BYTES];
    for piece in pieces {
        match piece {
            Piece::New(bytes) => {
                hasher.update(bytes);
                writer.write(bytes)?;
            }
            Piece::Keep(range) => {
                let mut at = range.start;
                while at < range.end {
                    let len = (range.end - at).min(COPY_BYTES as u64);
                    let chunk = &mut buffer[..usize::try_from(len).unwrap_or(COPY_BYTES)];
                    source
                        .file
                        .read_exact_at(chunk, at)
                        .map_err(|error| unreadable(&error))?;
                    hasher.update(chunk);
                    writer.write(chunk)?;
                    at += len;
                }
            }
        }
    }
    Ok((hasher.finish(), writer.finish(modified)?))
}

fn unreadable(error: &io::Error) -> Rejection {
    Rejection::new("unreadable", error.to_string())
}

/// A file in staging that nobody else writes to.
struct OnDisk {
    file: File,
    size_bytes: u64,
}

impl Originals for OnDisk {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}
