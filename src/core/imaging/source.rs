//! Originals read piece by piece: what can be read from, and the window that walkers look through.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;

use memchr::memmem;

use crate::imaging::error::ImagingError;

/// Bytes of an original, wherever they are.
///
/// Contract: the bytes and their number stay the same while they are read; reading the same again is allowed.
pub trait Source {
    fn size_bytes(&self) -> u64;

    /// Fills `into` with the bytes from `offset` on. Asked for bytes before `size_bytes` only; if they are missing all
    /// the same, the answer is an error.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// All bytes, if they are in memory anyway: then nothing is copied.
    fn as_bytes(&self) -> Option<&[u8]> {
        None
    }
}

impl Source for &[u8] {
    fn size_bytes(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(into.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(found);
        Ok(())
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// The part of an original that is held in memory, moved to wherever a walker looks.
///
/// Bytes in memory are one window over all of them. Otherwise the window grows beyond its length only for a single
/// piece that a walker asks for, so walkers ask for nothing by a claimed length.
pub(crate) struct Window<'a> {
    source: &'a dyn Source,
    size_bytes: u64,
    held: Cow<'a, [u8]>,
    held_at: u64,
    /// How much is read at once.
    len: usize,
}

impl<'a> Window<'a> {
    /// Holds any segment of a JPEG (64 KiB) several times; 200 MB are read in 800 calls.
    pub(crate) const LEN: usize = 256 << 10;

    pub(crate) fn over(source: &'a dyn Source) -> Self {
        Self::of_len(Self::LEN, source)
    }

    pub(crate) fn of_len(len: usize, source: &'a dyn Source) -> Self {
        let held = source.as_bytes().unwrap_or_default();
        Self {
            source,
            size_bytes: source.size_bytes(),
            held: Cow::Borrowed(held),
            held_at: 0,
            len,
        }
    }

    /// Of the whole original.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// `None` beyond the end.
    pub(crate) fn byte(&mut self, at: u64) -> Result<Option<u8>, ImagingError> {
        Ok(self.at_least(at, 1)?.first().copied())
    }

    /// `N` bytes; `None` if the end comes before.
    pub(crate) fn array<const N: usize>(
        &mut self,
        at: u64,
    ) -> Result<Option<[u8; N]>, ImagingError> {
        Ok(self.at_least(at, N)?.first_chunk().copied())
    }

    /// The first `len_max` bytes of a range; fewer if the range, or the original, ends before.
    pub(crate) fn start_of(
        &mut self,
        range: Range<u64>,
        len_max: usize,
    ) -> Result<&[u8], ImagingError> {
        let len = clamp(range.end.saturating_sub(range.start), len_max);
        let found = self.at_least(range.start, len)?;
        Ok(&found[..len.min(found.len())])
    }

    /// All that is held from `at` on: `len` bytes or more, fewer only where the original ends.
    pub(crate) fn at_least(&mut self, at: u64, len: usize) -> Result<&[u8], ImagingError> {
        let len = clamp(self.size_bytes.saturating_sub(at), len);
        if len == 0 {
            return Ok(&[]);
        }
        if self.offset_of(at, len).is_none() {
            self.read(at, len)?;
        }
        let offset = self.offset_of(at, len);
        Ok(offset.map_or(&[], |offset| &self.held[offset..]))
    }

    /// Whether any of the signs stands within the range.
    pub(crate) fn contains_any(
        &mut self,
        range: Range<u64>,
        signs: &[&[u8]],
    ) -> Result<bool, ImagingError> {
        let longest = signs.iter().map(|sign| sign.len()).max().unwrap_or(0);
        let end = range.end.min(self.size_bytes);
        let mut at = range.start;
        while at < end {
            let left = end - at;
            let held = self.at_least(at, clamp(left, longest))?;
            let held = &held[..clamp(left, held.len())];
            if signs.iter().any(|sign| memmem::find(held, sign).is_some()) {
                return Ok(true);
            }
            if held.len() as u64 == left {
                break;
            }
            // A sign may lie across the border.
            at += (held.len() + 1 - longest) as u64;
        }
        Ok(false)
    }

    /// Where `at` is in what is held, if it is held together with `len` bytes.
    fn offset_of(&self, at: u64, len: usize) -> Option<usize> {
        let offset = usize::try_from(at.checked_sub(self.held_at)?).ok()?;
        (offset.checked_add(len)? <= self.held.len()).then_some(offset)
    }

    /// Only where something is missing, so never for bytes in memory.
    #[cold]
    fn read(&mut self, at: u64, len: usize) -> Result<(), ImagingError> {
        // Nothing is held unless all of it has been read.
        let mut buffer = std::mem::take(&mut self.held).into_owned();
        let left = self.size_bytes.saturating_sub(at);
        buffer.resize(clamp(left, len.max(self.len)), 0);
        self.source
            .read_at(at, &mut buffer)
            .map_err(|source| ImagingError::Read { source })?;
        self.held = Cow::Owned(buffer);
        self.held_at = at;
        Ok(())
    }
}

impl fmt::Debug for Window<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, len) = (self.held_at, self.held.len());
        write!(f, "Window({len} at {at} of {})", self.size_bytes)
    }
}

fn clamp(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

#[cfg(test)]
mod tests;
