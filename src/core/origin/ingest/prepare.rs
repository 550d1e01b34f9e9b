//! One candidate: read, checked, stripped, hashed, staged. Runs on many threads at once.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::blobs::BlobError;
use crate::blobs::staging::{StagedFile, Staging};
use crate::imaging::{self, ImagingError, Inspected, MetadataOutcome, Quantity};
use crate::model::access::KeyId;
use crate::model::alias::{AliasName, InvalidAlias};
use crate::model::audit::AuditEntry;
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::record::Image;
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::error::chain;
use crate::origin::ingest::{Candidate, Effect, IngestOptions, scan};

/// Where the bytes of a candidate are.
#[derive(Debug)]
pub enum Input {
    File {
        at: PathBuf,
        symlinks: Symlinks,
    },
    Memory {
        bytes: Vec<u8>,
        modified: UnixSeconds,
    },
    /// Known to be unfit before it was read.
    Rejected(Rejection),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symlinks {
    Refuse,
    Follow,
}

/// Why a candidate was not ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Stable, for counting and scripts.
    pub code: String,
    /// For people: what is wrong with what.
    pub message: String,
    /// What cures it, if anything is known to.
    pub hint: Option<String>,
}

impl Rejection {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    pub fn symlink() -> Self {
        Self::new("symlink", "it is a symbolic link").with_hint("--follow-symlinks follows it")
    }

    pub fn not_a_file() -> Self {
        Self::new("not-a-file", "it is not a regular file")
    }

    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<ImagingError> for Rejection {
    fn from(error: ImagingError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: chain(&error),
            hint: error.hint(),
        }
    }
}

impl From<BlobError> for Rejection {
    fn from(error: BlobError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: chain(&error),
            hint: error.hint(),
        }
    }
}

impl From<InvalidAlias> for Rejection {
    fn from(error: InvalidAlias) -> Self {
        Self::new("alias-invalid", error.to_string())
    }
}

/// A candidate that is ready to be committed, or was refused.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) path: PathBuf,
    pub(crate) result: Result<Ready, Rejection>,
}

#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) image: Image,
    pub(crate) metadata: MetadataOutcome,
    pub(crate) alias: Option<AliasName>,
    pub(crate) tags: Vec<Tag>,
    /// Put on record with the image.
    pub(crate) audits: Vec<AuditEntry>,
    /// Of the bytes as they came, where metadata was removed: they may be on the block list as such.
    pub(crate) raw_id: Option<ImageId>,
    /// The key whose quota it uses.
    pub(crate) charge: Option<KeyId>,
    /// `None` when the original stands in the tree already, and in a dry run.
    pub(crate) staged: Option<Staged>,
}

/// The bytes of an original on their way into the tree.
#[derive(Debug)]
pub(crate) enum Staged {
    File(StagedFile),
    /// Few enough to wait for the batch in memory, and be written with it.
    Held(Vec<u8>),
}

/// Whether bytes are written at once, or held until the batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Write,
    InMemory,
}

impl Prepared {
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(&self.result, Err(rejection) if rejection.code == "disk-full")
    }
}

/// As [`prepare`]; a panic in one file is that file's fault and costs no other.
pub(crate) fn prepare_safely(
    origin: &Origin,
    staging: &Staging,
    candidate: Candidate,
    options: &IngestOptions,
) -> Prepared {
    let path = candidate.path.clone();
    let prepared = AssertUnwindSafe(|| prepare(origin, staging, candidate, options));
    catch_unwind(prepared).unwrap_or_else(|_| Prepared {
        path,
        result: Err(
            Rejection::new("panicked", "reading it made the program panic")
                .with_hint("please report this, with the file"),
        ),
    })
}

fn prepare(
    origin: &Origin,
    staging: &Staging,
    candidate: Candidate,
    options: &IngestOptions,
) -> Prepared {
    let Candidate { path, input, alias } = candidate;
    let result = read(origin, input).and_then(|(bytes, modified)| {
        let source = Source {
            bytes: &bytes,
            modified,
        };
        let checked = check(origin, &source, options)?;
        let ready = match options.effect {
            Effect::Apply => stage(origin, staging, checked, Hold::Write)?,
            Effect::DryRun => checked.ready(None),
        };
        scan::ask(origin, &ready, alias.as_ref())?;
        Ok(ready)
    });
    let result = result.map(|ready| Ready {
        alias,
        tags: options.tags.clone(),
        ..ready
    });
    Prepared { path, result }
}

fn read(origin: &Origin, input: Input) -> Result<(Vec<u8>, UnixSeconds), Rejection> {
    match input {
        Input::File { at, symlinks } => read_file(&at, symlinks, origin.settings.limits.bytes_max),
        Input::Memory { bytes, modified } => Ok((bytes, modified)),
        Input::Rejected(rejection) => Err(rejection),
    }
}

fn read_file(
    path: &Path,
    symlinks: Symlinks,
    bytes_max: u64,
) -> Result<(Vec<u8>, UnixSeconds), Rejection> {
    let unreadable = |error: io::Error| unreadable(&error, symlinks);
    let no_follow = match symlinks {
        Symlinks::Refuse => rustix::fs::OFlags::NOFOLLOW,
        Symlinks::Follow => rustix::fs::OFlags::empty(),
    };
    // Without NONBLOCK, opening a named pipe would wait for a writer for ever.
    let flags = no_follow | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Rejection::not_a_file());
    }
    let size_bytes = metadata.len();
    if size_bytes > bytes_max {
        return Err(ImagingError::Limit {
            quantity: Quantity::Bytes,
            found: size_bytes,
            max: bytes_max,
        }
        .into());
    }
    let bytes = read_whole(file, size_bytes).map_err(unreadable)?;
    if bytes.len() as u64 != size_bytes {
        return Err(
            Rejection::new("changed-while-read", "its size changed while it was read")
                .with_hint("ingest it again when it is no longer written to"),
        );
    }
    Ok((bytes, metadata.mtime()))
}

fn unreadable(error: &io::Error, symlinks: Symlinks) -> Rejection {
    let errno = Errno::from_io_error(error);
    match (errno, symlinks) {
        (Some(Errno::LOOP), Symlinks::Refuse) => Rejection::symlink(),
        (Some(Errno::LOOP), Symlinks::Follow) => Rejection::new("symlink-loop", error.to_string()),
        // A socket, or a device without a driver.
        (Some(Errno::NXIO), _) => Rejection::not_a_file(),
        (Some(Errno::NOENT), _) => Rejection::new("vanished", error.to_string()),
        _ => Rejection::new("unreadable", error.to_string()),
    }
}

/// The whole file in one system call, mostly: a regular file answers less than it was asked for at its end only.
fn read_whole(mut file: File, size_bytes: u64) -> io::Result<Vec<u8>> {
    // One byte more than expected, so that growth is seen.
    let mut bytes = vec![0; usize::try_from(size_bytes).unwrap_or(0).saturating_add(1)];
    let mut len = 0;
    while len < bytes.len() {
        match file.read(&mut bytes[len..]) {
            Ok(read) => {
                len += read;
                if read == 0 || len as u64 == size_bytes {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

pub(crate) struct Source<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) modified: UnixSeconds,
}

pub(crate) struct Checked<'a> {
    bytes: Cow<'a, [u8]>,
    image: Image,
    metadata: MetadataOutcome,
    raw_id: Option<ImageId>,
}

pub(crate) fn check<'a>(
    origin: &Origin,
    source: &Source<'a>,
    options: &IngestOptions,
) -> Result<Checked<'a>, Rejection> {
    let inspected = imaging::inspect(source.bytes, &origin.settings.limits)?;
    let stripped = imaging::strip(source.bytes, inspected.media, options.metadata)?;
    let stored = Stored {
        id: ImageId::of(&stripped.bytes),
        size_bytes: stripped.bytes.len() as u64,
        modified: source.modified,
    };
    let changed = matches!(stripped.bytes, Cow::Owned(_));
    Ok(Checked {
        image: describe(origin, &inspected, stored, &options.actor),
        raw_id: changed.then(|| ImageId::of(source.bytes)),
        bytes: stripped.bytes,
        metadata: stripped.outcome,
    })
}

/// The bytes of an original as they are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) id: ImageId,
    pub(crate) size_bytes: u64,
    pub(crate) modified: UnixSeconds,
}

pub(crate) fn describe(
    origin: &Origin,
    inspected: &Inspected,
    stored: Stored,
    actor: &str,
) -> Image {
    let (width_px, height_px) = inspected.upright_size();
    let now = origin.clock.now();
    Image {
        id: stored.id,
        media: inspected.media,
        size_bytes: stored.size_bytes,
        width_px,
        height_px,
        frames: inspected.frames,
        // HTTP dates are from 1970 on, and nginx refuses to send a time in the future.
        recorded_at: stored.modified.clamp(0, now),
        ingested_at: now,
        ingested_by: actor.to_owned(),
    }
}

pub(crate) fn stage(
    origin: &Origin,
    staging: &Staging,
    checked: Checked<'_>,
    hold: Hold,
) -> Result<Ready, Rejection> {
    let image = &checked.image;
    let originals = origin.tree.originals();
    if originals.is_whole(image.id, image.media, image.size_bytes) {
        return Ok(checked.ready(None));
    }
    origin.tree.check_space(image.size_bytes)?;
    let staged = match hold {
        Hold::Write => Staged::File(staging.write(&checked.bytes, image.recorded_at)?),
        Hold::InMemory => Staged::Held(checked.bytes.to_vec()),
    };
    Ok(checked.ready(Some(staged)))
}

impl Checked<'_> {
    fn ready(self, staged: Option<Staged>) -> Ready {
        Ready {
            image: self.image,
            metadata: self.metadata,
            alias: None,
            tags: Vec::new(),
            audits: Vec::new(),
            raw_id: self.raw_id,
            charge: None,
            staged,
        }
    }
}
