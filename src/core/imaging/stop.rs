//! Stopping work that takes too long, also in the middle of decoding.

use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::imaging::error::ImagingError;

pub use img_codec::stop::{NeverStop, Stop};

pub(crate) fn check(stop: &dyn Stop) -> Result<(), ImagingError> {
    if stop.should_stop() {
        return Err(ImagingError::TimedOut);
    }
    Ok(())
}

/// Bytes that become unreadable once stopped, so that whichever decoder reads them gives up.
pub(crate) struct StoppableBytes<'a> {
    bytes: &'a [u8],
    at: usize,
    stop: &'a dyn Stop,
    unchecked: usize,
}

impl<'a> StoppableBytes<'a> {
    /// Bytes read between two questions. Deflate makes at most 1,032 bytes of one: 16 KiB are 16 MB of pixels, some
    /// hundredths of a second.
    const INTERVAL: usize = 16 << 10;

    pub(crate) fn new(bytes: &'a [u8], stop: &'a dyn Stop) -> Self {
        Self {
            bytes,
            at: 0,
            stop,
            unchecked: 0,
        }
    }

    /// What is left to be read.
    pub(crate) fn left(&self) -> usize {
        self.rest().len()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn count(&mut self, len: usize) -> io::Result<()> {
        self.unchecked += len;
        if self.unchecked < Self::INTERVAL {
            return Ok(());
        }
        if self.stop.should_stop() {
            // The counter stays above the interval: once stopped, every read fails.
            return Err(io::Error::other("stopped"));
        }
        self.unchecked = 0;
        Ok(())
    }
}

impl fmt::Debug for StoppableBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoppableBytes(at {} of {})", self.at, self.bytes.len())
    }
}

impl Read for StoppableBytes<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(self.rest().len()).min(Self::INTERVAL);
        self.count(len)?;
        buf[..len].copy_from_slice(&self.rest()[..len]);
        self.at += len;
        Ok(len)
    }
}

impl BufRead for StoppableBytes<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.count(0)?;
        let rest = self.rest();
        Ok(&rest[..rest.len().min(Self::INTERVAL)])
    }

    fn consume(&mut self, len: usize) {
        self.at += len;
        self.unchecked += len;
    }
}

impl Seek for StoppableBytes<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A seek counts too: a decoder that jumps back and forth must end.
        self.count(1)?;
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => (self.at as u64).checked_add_signed(by),
            SeekFrom::End(by) => (self.bytes.len() as u64).checked_add_signed(by),
        };
        let at = at.ok_or(io::ErrorKind::InvalidInput)?;
        self.at = usize::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Now;

    impl Stop for Now {
        fn should_stop(&self) -> bool {
            true
        }
    }

    #[test]
    fn reading_ends_once_stopped() {
        let bytes = vec![0; 3 * StoppableBytes::INTERVAL];
        let mut reader = StoppableBytes::new(&bytes, &Now);
        let mut read = Vec::new();
        assert!(reader.read_to_end(&mut read).is_err());
        assert!(reader.read(&mut [0]).is_err());
        let mut reader = StoppableBytes::new(&bytes, &NeverStop);
        assert_eq!(reader.read_to_end(&mut read).unwrap(), bytes.len());
    }
}
