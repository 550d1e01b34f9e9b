//! The filtered rows of an image: all its IDAT chunks, inflated as one stream (chapter 10).

use zlib_rs::{Inflate, InflateFlush, Status};

use super::chunk::{Chunk, Chunks};
use super::error::DecodeError;
use super::request::Missing;

/// A stream of bytes over chunks; what follows them is left in `after`.
pub(super) struct Idat<'a> {
    chunks: Chunks<'a>,
    content: &'a [u8],
    inflate: Inflate,
    missing: Missing,
    state: State,
    /// The chunk after the last IDAT, once that was reached.
    after: Option<Chunk<'a>>,
    damaged: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Flowing,
    Ended,
}

/// What of a file is left to read, and whether anything was wrong so far.
pub(super) struct Rest<'a> {
    pub(super) first: Option<Chunk<'a>>,
    pub(super) chunks: Chunks<'a>,
    pub(super) damaged: bool,
}

/// A window of 32 KiB, tables and state of an inflater, rounded up.
pub(super) const INFLATE_BYTES: u64 = 64 << 10;

impl<'a> Idat<'a> {
    /// From the first IDAT and what follows it.
    pub(super) fn new(
        first: &Chunk<'a>,
        chunks: Chunks<'a>,
        missing: Missing,
    ) -> Result<Self, DecodeError> {
        let mut idat = Self {
            chunks,
            content: &[],
            inflate: Inflate::new(true, 15),
            missing,
            state: State::Flowing,
            after: None,
            damaged: false,
        };
        idat.enter(first)?;
        Ok(idat)
    }

    /// Fills `out`, or less of it if the stream ends early and that is accepted.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<usize, DecodeError> {
        let mut filled = 0;
        while filled < out.len() && self.state == State::Flowing {
            filled += self.inflate_some(&mut out[filled..])?;
        }
        if filled < out.len() {
            self.tolerate(DecodeError::Corrupt {
                what: "IDAT holds fewer rows than the image has",
            })?;
        }
        Ok(filled)
    }

    /// After the last row: whether the stream ends as it should. More rows than the image has are left unread.
    pub(super) fn finish(mut self) -> Result<Rest<'a>, DecodeError> {
        let mut surplus = [0; 64];
        while self.state == State::Flowing {
            if self.inflate_some(&mut surplus)? > 0 {
                break;
            }
        }
        while self.after.is_none() && self.enter_next()? {}
        Ok(Rest {
            first: self.after,
            chunks: self.chunks,
            damaged: self.damaged,
        })
    }

    /// Says how many bytes came out; none if it went on to the next chunk, or ended.
    fn inflate_some(&mut self, out: &mut [u8]) -> Result<usize, DecodeError> {
        let (read_before, made_before) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(self.content, out, InflateFlush::NoFlush);
        let since = |now: u64, before: u64| {
            usize::try_from(now - before).expect("no more than the slices hold")
        };
        let read = since(self.inflate.total_in(), read_before);
        let made = since(self.inflate.total_out(), made_before);
        self.content = &self.content[read..];
        match status {
            Ok(Status::StreamEnd) => self.state = State::Ended,
            Ok(Status::Ok | Status::BufError) if read > 0 || made > 0 => {}
            // Nothing went in and nothing came out.
            Ok(Status::Ok | Status::BufError) if self.content.is_empty() => {
                if !self.enter_next()? {
                    self.end(DecodeError::Truncated { within: "IDAT" })?;
                }
            }
            Ok(Status::Ok | Status::BufError) | Err(_) => self.end(DecodeError::Corrupt {
                what: "IDAT is no zlib stream, or its checksum is wrong",
            })?,
        }
        Ok(made)
    }

    /// Goes on with the next IDAT; `false` if there is none.
    fn enter_next(&mut self) -> Result<bool, DecodeError> {
        if self.after.is_some() {
            return Ok(false);
        }
        match self.chunks.next_chunk() {
            Ok(chunk) if chunk.name == *b"IDAT" => {
                self.enter(&chunk)?;
                Ok(true)
            }
            Ok(chunk) => {
                self.after = Some(chunk);
                Ok(false)
            }
            Err(error) => {
                self.tolerate(error)?;
                Ok(false)
            }
        }
    }

    fn enter(&mut self, chunk: &Chunk<'a>) -> Result<(), DecodeError> {
        if let Err(error) = chunk.check() {
            self.tolerate(error)?;
        }
        self.content = chunk.content;
        Ok(())
    }

    /// Nothing more comes, if that is accepted: for rows that make no sense, too.
    pub(super) fn end(&mut self, because: DecodeError) -> Result<(), DecodeError> {
        self.state = State::Ended;
        self.tolerate(because)
    }

    fn tolerate(&mut self, error: DecodeError) -> Result<(), DecodeError> {
        self.damaged = true;
        self.missing.tolerate(error)
    }
}
