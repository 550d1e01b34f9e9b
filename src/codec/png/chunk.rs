//! The walk through the chunks of a file (chapter 5).

use zlib_rs::crc32::crc32;

use super::error::{ChunkName, DecodeError};

pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The chunks of a file from its signature on, in order; nothing is copied.
#[derive(Clone, Debug)]
pub(super) struct Chunks<'a> {
    rest: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) name: [u8; 4],
    /// Shorter than the chunk says if the file ends in it.
    pub(super) content: &'a [u8],
    /// `None` if the file ends before it.
    checksum: Option<u32>,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(file: &'a [u8]) -> Result<Self, DecodeError> {
        let rest = file.strip_prefix(&SIGNATURE).ok_or(DecodeError::NotPng)?;
        Ok(Self { rest })
    }

    /// `Truncated` if the file ends before the name of the next chunk does.
    pub(super) fn next_chunk(&mut self) -> Result<Chunk<'a>, DecodeError> {
        let cut = DecodeError::Truncated {
            within: "the head of a chunk",
        };
        let (length, rest) = self.rest.split_first_chunk().ok_or(cut.clone())?;
        let (name, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let length = u32::from_be_bytes(*length);
        if length > i32::MAX.cast_unsigned() {
            let chunk = ChunkName(*name);
            return Err(DecodeError::ChunkLength { chunk, length });
        }
        let (content, rest) = rest.split_at(rest.len().min(length as usize));
        let (checksum, rest) = match rest.split_first_chunk() {
            Some((checksum, rest)) => (Some(u32::from_be_bytes(*checksum)), rest),
            None => (None, &[][..]),
        };
        self.rest = rest;
        Ok(Chunk {
            name: *name,
            content,
            checksum,
        })
    }
}

impl Chunk<'_> {
    /// Whether all of it is there and its checksum is right.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        let Some(checksum) = self.checksum else {
            return Err(DecodeError::Truncated { within: "a chunk" });
        };
        if crc32(crc32(0, &self.name), self.content) != checksum {
            let chunk = ChunkName(self.name);
            return Err(DecodeError::Checksum { chunk });
        }
        Ok(())
    }

    /// Whether a reader that does not know it may pass over it (5.4).
    pub(super) fn is_ancillary(&self) -> bool {
        self.name[0] & 0x20 != 0
    }
}
