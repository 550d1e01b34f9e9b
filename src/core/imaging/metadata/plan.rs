//! What becomes of an original when metadata goes: which parts stay, and what is new between them.

use std::borrow::Cow;
use std::ops::Range;

use crate::imaging::error::ImagingError;
use crate::imaging::metadata::MetadataOutcome;
use crate::model::media::MediaType;

/// One piece of the stripped image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes of the original.
    Keep(Range<u64>),
    New(Vec<u8>),
}

impl Piece {
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Keep(range) => range.end - range.start,
            Self::New(bytes) => bytes.len() as u64,
        }
    }
}

/// The stripped image is its pieces, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a plan does nothing until applied"]
pub struct StripPlan {
    /// Ranges ascend and do not overlap; none is empty.
    pub pieces: Vec<Piece>,
    pub outcome: MetadataOutcome,
}

impl StripPlan {
    /// Of the stripped image.
    pub fn size_bytes(&self) -> u64 {
        self.pieces.iter().map(Piece::size_bytes).sum()
    }

    /// Whether the stripped image is the original.
    pub fn is_untouched(&self) -> bool {
        match self.outcome {
            MetadataOutcome::Untouched | MetadataOutcome::Unsupported => true,
            MetadataOutcome::GpsRemoved | MetadataOutcome::Removed => false,
        }
    }

    pub(super) fn untouched(size_bytes: u64, outcome: MetadataOutcome) -> Self {
        Self {
            pieces: vec![Piece::Keep(0..size_bytes)],
            outcome,
        }
    }

    /// `bytes` are those that the plan was made for.
    pub(super) fn apply<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.is_untouched() {
            return Cow::Borrowed(bytes);
        }
        let index = |at| usize::try_from(at).expect("a range of bytes that are in memory");
        let mut stripped = Vec::with_capacity(index(self.size_bytes()));
        for piece in &self.pieces {
            stripped.extend_from_slice(match piece {
                Piece::Keep(range) => &bytes[index(range.start)..index(range.end)],
                Piece::New(new) => new,
            });
        }
        Cow::Owned(stripped)
    }
}

/// A range of the original and what stands there instead.
#[derive(Debug)]
struct Edit {
    range: Range<u64>,
    new: Vec<u8>,
}

/// Ranges to be replaced, which do not overlap. Bounded, since hostile files have no end of metadata.
#[derive(Debug)]
pub(super) struct Edits {
    media: MediaType,
    list: Vec<Edit>,
    new_bytes: usize,
}

impl Edits {
    /// Neighbours count as one. Real images have about ten; this many take 200 KB.
    const COUNT_MAX: usize = 4_096;

    /// Twice what is read of one EXIF structure; real images have one.
    const NEW_BYTES_MAX: usize = 1 << 20;

    pub(super) fn new(media: MediaType) -> Self {
        Self {
            media,
            list: Vec::new(),
            new_bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn drop(&mut self, range: Range<u64>) -> Result<(), ImagingError> {
        self.replace(range, Vec::new())
    }

    pub(super) fn replace(&mut self, range: Range<u64>, new: Vec<u8>) -> Result<(), ImagingError> {
        self.new_bytes += new.len();
        match self.list.last_mut() {
            Some(last) if last.range.end == range.start && new.is_empty() => {
                last.range.end = range.end;
            }
            _ => self.list.push(Edit { range, new }),
        }
        self.check()
    }

    pub(super) fn append(&mut self, other: Self) -> Result<(), ImagingError> {
        self.new_bytes += other.new_bytes;
        self.list.extend(other.list);
        self.check()
    }

    /// Of what would be left of an original of this size.
    pub(super) fn size_bytes_after(&self, size_bytes: u64) -> u64 {
        let gone = self
            .list
            .iter()
            .map(|edit| edit.range.end - edit.range.start);
        size_bytes - gone.sum::<u64>() + self.new_bytes as u64
    }

    pub(super) fn into_plan(mut self, size_bytes: u64, outcome: MetadataOutcome) -> StripPlan {
        if self.list.is_empty() {
            return StripPlan::untouched(size_bytes, MetadataOutcome::Untouched);
        }
        self.list.sort_by_key(|edit| edit.range.start);
        let mut pieces = Vec::with_capacity(self.list.len() * 2 + 1);
        let mut at = 0;
        for Edit { range, new } in self.list {
            pieces.push(Piece::Keep(at..range.start));
            pieces.push(Piece::New(new));
            at = range.end;
        }
        pieces.push(Piece::Keep(at..size_bytes));
        pieces.retain(|piece| piece.size_bytes() > 0);
        StripPlan { pieces, outcome }
    }

    fn check(&self) -> Result<(), ImagingError> {
        let malformed = |part| ImagingError::Malformed {
            media: self.media,
            part,
        };
        if self.list.len() > Self::COUNT_MAX {
            return Err(malformed("metadata in too many places"));
        }
        if self.new_bytes > Self::NEW_BYTES_MAX {
            return Err(malformed("more EXIF than one image has"));
        }
        Ok(())
    }
}
