//! Passing over coefficients several at a time, without a look at their values.

use super::huffman::{Code, END, Entry, Meaning, Table, WINDOW_BITS, WINDOWS, heap_array};
use super::window::Bits;

/// What a window begins with: as many symbols as fit.
///
/// Bits 0 to 5: how many bits they take with their values; bits 6 to 14: how far they advance; bit 15: the last of them
/// ends the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stride(u16);

impl Stride {
    const ENDS: u16 = 0x8000;
    /// Stands where the first word does not fit the window: takes no bits, and advances beyond any block.
    const NONE: Self = Self(256 << 6);
    /// The values of the last symbol may lie beyond the window, but what is certain when it is looked up must do.
    const BITS_MAX: u32 = 28;

    /// All symbols that fit a window from the state on that some first symbol has left.
    fn from(singles: &[Entry; WINDOWS], window: usize, bits: u32, advance: u32) -> Self {
        let (mut bits, mut advance) = (bits, advance);
        let mut ends = 0;
        while bits < WINDOW_BITS {
            let single = singles[(window << bits) & (WINDOWS - 1)];
            let after = bits + single.bits();
            let word_fits = !single.is_missing() && bits + single.word_bits() <= WINDOW_BITS;
            let is_end = single.advance() == END;
            if !word_fits || after > Self::BITS_MAX || (!is_end && advance + single.advance() > 63)
            {
                break;
            }
            bits = after;
            if is_end {
                ends = Self::ENDS;
                break;
            }
            advance += single.advance();
        }
        if bits == 0 {
            return Self::NONE;
        }
        Self(ends | (advance << 6 | bits) as u16)
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.0 & 63)
    }

    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        u32::from(self.0 >> 6 & 511)
    }

    #[inline(always)]
    pub(super) fn ends(self) -> bool {
        self.0 & Self::ENDS != 0
    }
}

/// The AC values of a block cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage;

pub(super) struct SkipTable {
    strides: Box<[Stride; WINDOWS]>,
}

impl SkipTable {
    pub(super) const BYTES: usize = WINDOWS * size_of::<Stride>();

    pub(super) fn new(ac: &Code) -> Self {
        let singles = open_entries(ac);
        let mut strides = heap_array(Stride::NONE);
        for (window, stride) in strides.iter_mut().enumerate() {
            *stride = Stride::from(&singles, window, 0, 0);
        }
        Self { strides }
    }

    #[inline(always)]
    pub(super) fn stride(&self, window: usize) -> Stride {
        self.strides[window & (WINDOWS - 1)]
    }

    /// Passes over the coefficients of a block from the k-th on.
    #[inline(always)]
    pub(super) fn skip(&self, bits: &mut Bits<'_>, ac: &Table, mut k: u32) -> Result<(), Damage> {
        while k < 64 {
            bits.refill();
            let stride = self.stride(super::huffman::window(bits.ahead()));
            let after = k + stride.advance();
            if after < 64 || (after == 64 && !stride.ends()) {
                bits.skip(stride.bits());
                k = after;
                if stride.ends() {
                    return Ok(());
                }
            } else {
                // The block may be over before the stride is: one symbol at a time.
                let entry = ac.entry(bits.ahead());
                if entry.is_missing() {
                    return Err(Damage);
                }
                bits.skip(entry.bits());
                k += entry.advance();
            }
        }
        if is_block_end(k) { Ok(()) } else { Err(Damage) }
    }
}

/// Whether a block may end after a symbol that led to k: at its last coefficient, or by an end of block.
#[inline(always)]
pub(super) fn is_block_end(k: u32) -> bool {
    k == 64 || k >= END
}

/// What each window begins with, values unread.
fn open_entries(ac: &Code) -> Box<[Entry; WINDOWS]> {
    let mut entries = heap_array(Entry::default());
    for word in ac.words() {
        entries[word.windows()].fill(Meaning::Ac.entry(word));
    }
    entries
}
