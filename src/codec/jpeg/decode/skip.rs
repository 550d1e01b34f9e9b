//! Passing over coefficients several at a time, without a look at their values.

use super::huffman::{Code, END, Entry, Meaning, WINDOW_BITS, WINDOWS, heap_array};

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
    /// Two strides take no more than the 56 bits that are certain after a refill.
    const BITS_MAX: u32 = 28;

    /// All symbols of a window that follow some that took bits and advanced already.
    fn new(singles: &[Entry; WINDOWS], window: usize, (bits, advance): (u32, u32)) -> Self {
        let (mut bits, mut advance) = (bits, advance);
        let mut ends = 0;
        while bits < WINDOW_BITS {
            let single = singles[(window << bits) & (WINDOWS - 1)];
            let word_fits = !single.is_missing() && bits + single.word_bits() <= WINDOW_BITS;
            let is_end = single.advance() == END;
            let in_block = is_end || advance + single.advance() < 64;
            if !word_fits || bits + single.bits() > Self::BITS_MAX || !in_block {
                break;
            }
            bits += single.bits();
            if is_end {
                ends = Self::ENDS;
                break;
            }
            advance += single.advance();
        }
        if bits == 0 || bits > Self::BITS_MAX {
            return Self::NONE;
        }
        Self(ends | (advance << 6 | bits) as u16)
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.0 & 63)
    }

    /// At most 63, or 256 if there is no stride.
    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        u32::from((self.0 >> 6) & 511)
    }

    #[inline(always)]
    pub(super) fn ends(self) -> bool {
        self.0 & Self::ENDS != 0
    }
}

/// Two tables for each of four pairs of codes.
const TABLES: usize = 8;

/// Which of the tables; its look-ups begin at this place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TableStart(u16);

impl TableStart {
    /// Of the strides of a pair's blocks from their mean on.
    pub(super) fn of_blocks(pair: usize) -> Self {
        Self((2 * pair * WINDOWS) as u16)
    }

    /// Of the strides that begin within such a block.
    pub(super) fn within_blocks(pair: usize) -> Self {
        Self(((2 * pair + 1) * WINDOWS) as u16)
    }

    #[inline(always)]
    pub(super) fn look_up(self, strides: &AllStrides, window: usize) -> Stride {
        strides[usize::from(self.0 | window as u16)]
    }
}

/// The strides of all codes of a scan, in one array so that a table is a number.
pub(super) struct Strides(Box<AllStrides>);
pub(super) type AllStrides = [Stride; TABLES * WINDOWS];

// Any number of 16 bits is a place.
const _: () = assert!(TABLES * WINDOWS == 1 << 16);

impl Strides {
    pub(super) const BYTES: usize = TABLES * WINDOWS * size_of::<Stride>();

    /// For up to four pairs of a code for means and one for the other coefficients.
    pub(super) fn new(pairs: &[(&Code, &Code)]) -> Self {
        let mut strides: Box<AllStrides> = heap_array(Stride::NONE);
        for (tables, (dc, ac)) in strides.chunks_exact_mut(2 * WINDOWS).zip(pairs) {
            let (of_blocks, within_blocks) = tables.split_at_mut(WINDOWS);
            let singles = open_entries(ac);
            for word in dc.words() {
                let bits = Meaning::Dc.entry(word).bits();
                for window in word.windows() {
                    of_blocks[window] = Stride::new(&singles, window, (bits, 1));
                }
            }
            for (window, stride) in within_blocks.iter_mut().enumerate() {
                *stride = Stride::new(&singles, window, (0, 0));
            }
        }
        Self(strides)
    }

    #[inline(always)]
    pub(super) fn all(&self) -> &AllStrides {
        &self.0
    }
}

/// What each window begins with, values unread.
fn open_entries(ac: &Code) -> Box<[Entry; WINDOWS]> {
    let mut entries: Box<[Entry; WINDOWS]> = heap_array(Entry::default());
    for word in ac.words() {
        entries[word.windows()].fill(Meaning::Ac.entry(word));
    }
    entries
}
