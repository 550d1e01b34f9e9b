//! The coded data of one restart interval, freed of stuffing a window at a time.

use memchr::memchr;

use super::huffman::heap_array;
use super::scan::UNIT_BLOCKS_MAX;

/// A whole number of cache lines that fits the fastest cache but one, with the tables.
const SIZE: usize = 1 << 15;
/// Zeros after the last byte, more than a unit can read beyond it.
/// A block takes at most 64 symbols of 31 bits.
const TAIL: usize = UNIT_BLOCKS_MAX * BLOCK_BYTES_MAX + 16;
/// What a block takes at most, rounded up.
pub(super) const BLOCK_BYTES_MAX: usize = 256;
const CAPACITY: usize = SIZE - TAIL;
/// Reads of eight bytes may begin anywhere in it.
type Bytes = [u8; SIZE + 8];

/// Coded data without stuffing bytes, from where the reader stands.
///
/// Invariant: after an end, at least [`TAIL`] zeros follow `len`.
pub(super) struct Window<'a> {
    input: &'a [u8],
    /// Where the input goes on after what the window holds.
    position: usize,
    bytes: Box<Bytes>,
    len: usize,
    ended: bool,
}

impl<'a> Window<'a> {
    pub(super) const BYTES: usize = size_of::<Bytes>();

    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            position: 0,
            bytes: heap_array(0),
            len: 0,
            ended: false,
        }
    }

    /// Begins a restart interval (or a scan) at a position of the input.
    pub(super) fn restart_at(&mut self, position: usize) {
        self.position = position;
        self.len = 0;
        self.ended = false;
        self.refill(0);
    }

    /// Where in the input the window has been filled to: if it has ended, at a marker or the end of the input.
    pub(super) fn input_position(&self) -> usize {
        self.position
    }

    /// Whether all of the interval is in the window.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The first bit that a block may not begin at, given how many bytes it reads at most.
    #[inline(always)]
    pub(super) fn end_bit(&self, block_bytes_max: usize) -> u32 {
        if self.ended {
            self.len as u32 * 8
        } else {
            self.len.saturating_sub(block_bytes_max) as u32 * 8
        }
    }

    /// The last byte that bits may be refilled from: they stay certain up to there.
    #[inline(always)]
    pub(super) fn last_byte(&self) -> usize {
        if self.ended {
            self.len + 8
        } else {
            self.len.saturating_sub(8)
        }
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Drops what lies before a byte, and fills up behind the rest.
    pub(super) fn refill(&mut self, keep_from: usize) {
        let keep_from = keep_from.min(self.len);
        self.bytes.copy_within(keep_from..self.len, 0);
        self.len -= keep_from;
        while self.len < CAPACITY && !self.ended {
            self.append();
        }
        if self.ended {
            self.bytes[self.len..self.len + TAIL].fill(0);
        }
    }

    /// Appends up to the next 0xff, and deals with that.
    fn append(&mut self) {
        let rest = self.input.get(self.position..).unwrap_or_default();
        let ahead = &rest[..rest.len().min(CAPACITY - self.len)];
        let plain = memchr(0xff, ahead).unwrap_or(ahead.len());
        self.bytes[self.len..self.len + plain].copy_from_slice(&ahead[..plain]);
        self.len += plain;
        self.position += plain;
        match (rest.get(plain), rest.get(plain + 1)) {
            (Some(0xff), Some(0x00)) if self.len < CAPACITY => {
                self.bytes[self.len] = 0xff;
                self.len += 1;
                self.position += 2;
            }
            (Some(0xff), Some(0xff)) => self.position += 1,
            (Some(0xff), Some(0x00)) => {}
            (Some(0xff), Some(_) | None) | (None, _) => self.ended = true,
            (Some(_), _) => {}
        }
    }
}

/// Eight bytes, the first as the highest. Beyond the end it wraps around, which spares a check: what is read there is
/// never used.
#[inline(always)]
fn load(bytes: &Bytes, at: usize) -> u64 {
    let at = at & (SIZE - 1);
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(eight)
}

/// Reads bits one after the other.
#[derive(Clone, Copy)]
pub(super) struct Bits<'w> {
    bytes: &'w Bytes,
    /// What is read next, from the highest bit.
    ahead: u64,
    /// How many bits of `ahead` are certain.
    count: u32,
    /// The byte after those.
    next: usize,
}

impl<'w> Bits<'w> {
    #[inline(always)]
    pub(super) fn at(bytes: &'w Bytes, position: u32) -> Self {
        let mut bits = Self {
            bytes,
            ahead: 0,
            count: 0,
            next: (position >> 3) as usize,
        };
        bits.refill();
        bits.skip(position & 7);
        bits
    }

    #[inline(always)]
    pub(super) fn position(&self) -> u32 {
        (self.next as u32 * 8).wrapping_sub(self.count)
    }

    /// Makes at least 56 bits certain.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        self.ahead |= load(self.bytes, self.next) >> self.count;
        self.next += ((63 - self.count) >> 3) as usize;
        self.count |= 0b11_1000;
    }

    /// The byte that the next refill begins at.
    #[inline(always)]
    pub(super) fn next_byte(&self) -> usize {
        self.next
    }

    /// Before the last bits that were skipped.
    #[inline(always)]
    pub(super) fn back(&self, count: u32) -> Self {
        Self::at(self.bytes, self.position().wrapping_sub(count))
    }

    #[inline(always)]
    pub(super) fn ahead(&self) -> u64 {
        self.ahead
    }

    /// At most as many as are certain.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.ahead <<= count & 63;
        self.count = self.count.wrapping_sub(count) & 63;
    }

    /// Takes up to 32 bits.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let taken = (self.ahead >> 1) >> (63 - (count & 63));
        self.skip(count);
        taken as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_goes_and_a_marker_ends_the_interval() {
        let input = [1, 0xff, 0, 2, 0xff, 0xff, 0xd0, 3];
        let mut window = Window::new(&input);
        window.restart_at(0);
        assert!(window.has_ended());
        assert_eq!(window.bytes()[..4], [1, 0xff, 2, 0]);
        assert_eq!(window.end_bit(99), 24);
        assert_eq!(window.input_position(), 5);
    }

    #[test]
    fn a_long_interval_comes_in_windows() {
        let plain: Vec<u8> = (0..100_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();
        let stuffed: Vec<u8> = plain
            .iter()
            .flat_map(|&byte| std::iter::once(byte).chain((byte == 0xff).then_some(0)))
            .collect();
        let mut window = Window::new(&stuffed);
        window.restart_at(0);
        let mut seen = Vec::new();
        loop {
            let len = (window.end_bit(0) / 8) as usize;
            seen.extend_from_slice(&window.bytes()[..len - 3 * usize::from(!window.has_ended())]);
            if window.has_ended() {
                break;
            }
            window.refill(len - 3);
        }
        assert_eq!(seen, plain);
    }

    #[test]
    fn bits_are_read_in_order_from_any_position() {
        let mut window = Window::new(&[0b1010_0101, 0b1100_0011, 0xf0]);
        window.restart_at(0);
        let mut bits = Bits::at(window.bytes(), 3);
        assert_eq!(bits.take(5), 0b0_0101);
        assert_eq!(bits.take(0), 0);
        assert_eq!(bits.take(10), 0b11_0000_1111);
        assert_eq!(bits.position(), 18);
    }
}
