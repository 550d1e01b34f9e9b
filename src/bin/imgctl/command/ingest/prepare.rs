//! One file on its way to a server: judged, its metadata planned away, and hashed, on this side. The place where a photo
//! was taken never leaves the machine, and what is no image is not sent.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use img_core::imaging::{
    self, DamagedPolicy, ImagingError, Limits, MetadataMode, MetadataOutcome, Piece, Source,
    SvgPolicy,
};
use img_core::model::alias::AliasName;
use img_core::model::clock::UnixSeconds;
use img_core::model::image_id::{ImageId, ImageIdHasher};
use img_core::model::record::Image;
use img_core::origin::ingest::{Candidate, Input, Rejection, Symlinks};
use rustix::io::Errno;

use crate::remote::{Stamp, UploadBody};

/// Read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A file that can be sent, or why not.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) path: PathBuf,
    pub(super) result: Result<Ready, Rejection>,
}

#[derive(Debug)]
pub(super) struct Ready {
    /// As the server will know it, but for the times.
    pub(super) image: Image,
    pub(super) metadata: MetadataOutcome,
    pub(super) alias: Option<AliasName>,
    pub(super) modified: UnixSeconds,
    pub(super) body: UploadBody,
}

/// How large anything may be is for the server to say: its limits are not known here.
fn limits() -> Limits {
    Limits {
        bytes_max: u64::MAX,
        pixels_max: u64::MAX,
        side_px_max: u32::MAX,
        frames_max: u32::MAX,
        frame_pixels_total_max: u64::MAX,
        metadata_bytes_max: u64::MAX,
        scans_max: u32::MAX,
        svg: SvgPolicy::Accept,
        damaged: DamagedPolicy::Accept,
        output_side_px_max: u32::MAX,
    }
}

/// A panic in one file is that file's fault and costs no other.
pub(super) fn prepare(candidate: Candidate, mode: MetadataMode) -> Prepared {
    let path = candidate.path.clone();
    let prepared = AssertUnwindSafe(|| read(candidate, mode));
    let result = catch_unwind(prepared).unwrap_or_else(|_| {
        Err(
            Rejection::new("panicked", "reading it made the program panic")
                .with_hint("please report this, with the file"),
        )
    });
    Prepared { path, result }
}

fn read(candidate: Candidate, mode: MetadataMode) -> Result<Ready, Rejection> {
    let Candidate { input, alias, .. } = candidate;
    match input {
        Input::Rejected(rejection) => Err(rejection),
        Input::Memory { bytes, modified } => {
            let judged = judge(&&*bytes, mode)?;
            let stripped = imaging::strip(&bytes, judged.image.media, mode)?;
            let bytes = Bytes::from(stripped.bytes.into_owned());
            Ok(judged.ready(alias, modified, UploadBody::Bytes(bytes)))
        }
        Input::File { at, symlinks } => {
            let file = open(&at, symlinks)?;
            let metadata = file
                .metadata()
                .map_err(|error| unreadable(&error, symlinks))?;
            if !metadata.is_file() {
                return Err(Rejection::not_a_file());
            }
            let (stamp, modified) = (Stamp::of(&metadata), metadata.mtime());
            let source = OnDisk {
                file,
                size_bytes: metadata.len(),
            };
            let judged = judge(&source, mode)?;
            let body = UploadBody::Pieces {
                file: at,
                stamp,
                pieces: judged.pieces.clone(),
            };
            Ok(judged.ready(alias, modified, body))
        }
    }
}

struct Judged {
    image: Image,
    metadata: MetadataOutcome,
    pieces: Vec<Piece>,
}

impl Judged {
    fn ready(self, alias: Option<AliasName>, modified: UnixSeconds, body: UploadBody) -> Ready {
        Ready {
            image: self.image,
            metadata: self.metadata,
            alias,
            modified,
            body,
        }
    }
}

/// Holds a window of the file, whatever its size.
fn judge(source: &dyn Source, mode: MetadataMode) -> Result<Judged, Rejection> {
    let inspected = imaging::inspect_source(source, &limits())?;
    let plan = imaging::strip_source(source, inspected.media, mode)?;
    let id = hash(source, &plan.pieces).map_err(|source| ImagingError::Read { source })?;
    let (width_px, height_px) = inspected.upright_size();
    Ok(Judged {
        image: Image {
            id,
            media: inspected.media,
            size_bytes: plan.size_bytes(),
            width_px,
            height_px,
            frames: inspected.frames,
            recorded_at: 0,
            ingested_at: 0,
            ingested_by: String::new(),
        },
        metadata: plan.outcome,
        pieces: plan.pieces,
    })
}

fn hash(source: &dyn Source, pieces: &[Piece]) -> io::Result<ImageId> {
    let mut hasher = ImageIdHasher::default();
    let mut buffer = vec![0; CHUNK_BYTES];
    for piece in pieces {
        match piece {
            Piece::New(bytes) => hasher.update(bytes),
            Piece::Keep(range) => {
                let mut at = range.start;
                while at < range.end {
                    let len = usize::try_from(range.end - at).unwrap_or(CHUNK_BYTES);
                    let chunk = &mut buffer[..len.min(CHUNK_BYTES)];
                    source.read_at(at, chunk)?;
                    hasher.update(chunk);
                    at += chunk.len() as u64;
                }
            }
        }
    }
    Ok(hasher.finish())
}

fn open(path: &Path, symlinks: Symlinks) -> Result<File, Rejection> {
    let no_follow = match symlinks {
        Symlinks::Refuse => rustix::fs::OFlags::NOFOLLOW,
        Symlinks::Follow => rustix::fs::OFlags::empty(),
    };
    // Without NONBLOCK, opening a named pipe would wait for a writer for ever.
    let flags = no_follow | rustix::fs::OFlags::NONBLOCK;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| unreadable(&error, symlinks))
}

fn unreadable(error: &io::Error, symlinks: Symlinks) -> Rejection {
    match (Errno::from_io_error(error), symlinks) {
        (Some(Errno::LOOP), Symlinks::Refuse) => Rejection::symlink(),
        (Some(Errno::LOOP), Symlinks::Follow) => Rejection::new("symlink-loop", error.to_string()),
        // A socket, or a device without a driver.
        (Some(Errno::NXIO), _) => Rejection::not_a_file(),
        (Some(Errno::NOENT), _) => Rejection::new("vanished", error.to_string()),
        _ => Rejection::new("unreadable", error.to_string()),
    }
}

struct OnDisk {
    file: File,
    size_bytes: u64,
}

impl Source for OnDisk {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}
