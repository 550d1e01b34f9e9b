//! Huffman codes, and tables that look up what the next bits mean.

use super::error::{DecodeError, Part, malformed};

/// Bits that a table looks at; 13 was measured to be best of 11 to 15: longer windows fall out of the cache.
pub(super) const WINDOW_BITS: u32 = 13;
pub(super) const WINDOWS: usize = 1 << WINDOW_BITS;

/// An array that never was on the stack.
#[expect(
    clippy::unnecessary_box_returns,
    reason = "what it holds is too large for the stack"
)]
pub(super) fn heap_array<T: Copy, const N: usize>(value: T) -> Box<[T; N]> {
    match vec![value; N].try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("a vector of N values is an array of N"),
    }
}

/// The number of the window at the head of 64 bits.
#[inline(always)]
pub(super) fn window(bits: u64) -> usize {
    (bits >> (64 - WINDOW_BITS)) as usize
}

/// A code as a file defines it: symbols by the length of their code words (T.81, C.2).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Code {
    /// Of each length from 1 to 16 bits.
    counts: [u8; 16],
    symbols: [u8; 256],
}

/// A code word: its bits, how many, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) bits: u32,
    pub(super) length: u32,
    pub(super) symbol: u8,
}

impl Word {
    /// The windows that begin with this word, if it is no longer than they are.
    pub(super) fn windows(self) -> std::ops::Range<usize> {
        if self.length > WINDOW_BITS {
            return 0..0;
        }
        let first = (self.bits as usize) << (WINDOW_BITS - self.length);
        first..first + (1 << (WINDOW_BITS - self.length))
    }
}

impl Code {
    /// Reads one definition; says how many bytes it took.
    pub(super) fn parse(body: &[u8]) -> Result<(Self, usize), DecodeError> {
        let Some((counts, rest)) = body.split_first_chunk::<16>() else {
            return malformed(Part::HuffmanTable);
        };
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let mut symbols = [0; 256];
        match (symbols.get_mut(..total), rest.get(..total)) {
            (Some(into), Some(from)) => into.copy_from_slice(from),
            (_, _) => return malformed(Part::HuffmanTable),
        }
        let mut free = 1_u32;
        for &count in counts {
            match (2 * free).checked_sub(u32::from(count)) {
                Some(left) => free = left,
                None => return malformed(Part::HuffmanTable),
            }
        }
        let code = Self {
            counts: *counts,
            symbols,
        };
        Ok((code, 16 + total))
    }

    pub(super) fn words(&self) -> impl Iterator<Item = Word> {
        let mut bits = 0;
        let mut index = 0;
        (1..=16_u32)
            .zip(self.counts)
            .flat_map(move |(length, count)| {
                let first = (bits, index);
                bits = (bits + u32::from(count)) << 1;
                index += usize::from(count);
                (0..usize::from(count)).map(move |nth| Word {
                    bits: first.0 + nth as u32,
                    length,
                    symbol: self.symbols[first.1 + nth],
                })
            })
    }

    /// The words that are longer than a window.
    fn long_words(&self) -> LongWords {
        let mut first = 0;
        let mut index = 0;
        for count in &self.counts[..WINDOW_BITS as usize] {
            first = (first + u32::from(*count)) << 1;
            index += usize::from(*count);
        }
        LongWords { first, index }
    }

    /// The long word that 64 bits begin with; `None` if there is no such word.
    #[inline(always)]
    fn find_long_word(&self, ahead: u64, LongWords { first, index }: LongWords) -> Option<Word> {
        let (mut first, mut index) = (first, index);
        for length in WINDOW_BITS + 1..=16 {
            let bits = (ahead >> (64 - length)) as u32;
            let count = self.counts[length as usize - 1];
            if bits < first + u32::from(count) {
                return Some(Word {
                    bits,
                    length,
                    symbol: self.symbols[index + (bits - first) as usize],
                });
            }
            first = (first + u32::from(count)) << 1;
            index += usize::from(count);
        }
        None
    }
}

/// Where the words of a code that are longer than a window begin.
#[derive(Clone, Copy, Debug)]
struct LongWords {
    /// The least that a word of one bit more than the window can be.
    first: u32,
    /// Of its symbol.
    index: usize,
}

/// What a window begins with: one symbol and, where they fit, the bits of its value.
///
/// Bits 0 to 6: how many bits the symbol and its value take together; bit 7: the value does not fit; bits 8 to 15: by
/// how much the position within the block advances, [`END`] at an end; bits 16 to 31: the value, or its size if it does
/// not fit. All zero: the word is longer than the window, or there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry(u32);

/// The advance of a symbol that ends a block (or, in progressive scans, a run of blocks): beyond any coefficient.
pub(super) const END: u32 = 128;

impl Entry {
    const OPEN: u32 = 0x80;

    /// A symbol whose value is yet to be read from `size` bits.
    fn open(word_bits: u32, advance: u32, size: u32) -> Self {
        if size == 0 {
            return Self(word_bits | advance << 8);
        }
        Self((word_bits + size) | Self::OPEN | advance << 8 | size << 16)
    }

    /// The same with its value, if the window has all of it.
    fn closed_by(self, window: usize) -> Self {
        if !self.is_open() || self.bits() > WINDOW_BITS {
            return self;
        }
        let ahead = (window as u64) << (64 - WINDOW_BITS);
        let value = self.value(ahead);
        Self((value as u32) << 16 | (self.0 & 0xff00) | self.bits())
    }

    #[inline(always)]
    pub(super) fn is_missing(self) -> bool {
        self.0 == 0
    }

    /// Whether it is all there: neither missing nor open.
    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        (self.0 & 0xff).wrapping_sub(1) < Self::OPEN - 1
    }

    #[inline(always)]
    pub(super) fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0x7f
    }

    /// Of an entry that was never closed: the bits of its symbol alone.
    pub(super) fn word_bits(self) -> u32 {
        if self.is_open() {
            self.bits() - self.size()
        } else {
            self.bits()
        }
    }

    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        (self.0 >> 8) & 0xff
    }

    #[inline(always)]
    pub(super) fn value_closed(self) -> i16 {
        (self.0 >> 16) as i16
    }

    /// The value of a symbol at the head of 64 bits.
    #[inline(always)]
    pub(super) fn value(self, ahead: u64) -> i32 {
        if self.is_open() {
            let size = self.size();
            extend((ahead << (self.bits() - size)) >> (64 - size), size)
        } else {
            self.0 as i32 >> 16
        }
    }

    /// Of an entry that was never closed: the size of its value; in progressive scans, of a run's length.
    #[inline(always)]
    pub(super) fn size(self) -> u32 {
        self.0 >> 16
    }
}

/// The signed value that `size` bits stand for (T.81, figure F.12).
#[inline(always)]
fn extend(bits: u64, size: u32) -> i32 {
    let bits = bits as i32;
    let negative = bits >> (size - 1) == 0;
    bits + if negative { 1 - (1 << size) } else { 0 }
}

/// What the symbols of a code mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The size of a difference of DC values.
    Dc,
    /// Zeros before a value and its size; or the end of a block.
    Ac,
    /// Likewise; or an end of as many blocks as a power of two and its bits say.
    AcProgressive,
}

impl Meaning {
    /// An entry for a word that begins a window; open if its value needs bits.
    pub(super) fn entry(self, word: Word) -> Entry {
        let (run, size) = (u32::from(word.symbol >> 4), u32::from(word.symbol & 15));
        match (self, size) {
            (Self::Dc, _) => Entry::open(word.length, 0, size),
            (_, 0) if run == 15 => Entry::open(word.length, 16, 0),
            (Self::Ac, 0) => Entry::open(word.length, END, 0),
            // Not closed: what its bits add is no signed value.
            (Self::AcProgressive, 0) => Entry(word.length | END << 8 | run << 16),
            (_, _) => Entry::open(word.length, run + 1, size),
        }
    }
}

/// A code with its look-ups for one symbol at a time.
pub(super) struct Table {
    meaning: Meaning,
    code: Code,
    long_words: LongWords,
    entries: Box<[Entry; WINDOWS]>,
}

impl Table {
    pub(super) const BYTES: usize = WINDOWS * size_of::<Entry>();

    pub(super) fn new(code: &Code, meaning: Meaning) -> Result<Self, DecodeError> {
        let mut entries = heap_array(Entry::default());
        for word in code.words() {
            if meaning == Meaning::Dc && word.symbol > 15 {
                return malformed(Part::HuffmanTable);
            }
            let entry = meaning.entry(word);
            for window in word.windows() {
                entries[window] = entry.closed_by(window);
            }
        }
        Ok(Self {
            meaning,
            code: code.clone(),
            long_words: code.long_words(),
            entries,
        })
    }

    /// What 64 bits begin with; missing if no word of the code does.
    #[inline(always)]
    pub(super) fn entry(&self, ahead: u64) -> Entry {
        let entry = self.entries[window(ahead)];
        if entry.is_missing() {
            self.long_entry(ahead)
        } else {
            entry
        }
    }

    /// Likewise, but missing as well if the word is longer than the window.
    #[inline(always)]
    pub(super) fn short_entry(&self, ahead: u64) -> Entry {
        self.entries[window(ahead)]
    }

    #[cold]
    #[inline(never)]
    fn long_entry(&self, ahead: u64) -> Entry {
        match self.code.find_long_word(ahead, self.long_words) {
            Some(word) => self.meaning.entry(word),
            None => Entry::default(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Words 0, 10, 110, … of which the last is 16 bits long.
    fn unary(symbols: &[u8; 16]) -> Code {
        let mut body = vec![1; 16];
        body.extend_from_slice(symbols);
        Code::parse(&body).unwrap().0
    }

    #[test]
    fn words_longer_than_the_window_are_found() {
        let code = unary(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let table = Table::new(&code, Meaning::Dc).unwrap();
        for word in code.words() {
            let magnitude = (1_u64 << word.symbol) - 1;
            let bits = word.length + u32::from(word.symbol);
            let ahead = (u64::from(word.bits) << word.symbol | magnitude) << (64 - bits);
            let entry = table.entry(ahead);
            assert_eq!(entry.bits(), bits);
            assert_eq!(entry.value(ahead), magnitude as i32);
        }
        assert!(table.entry(u64::MAX).is_missing());
    }

    #[test]
    fn values_below_half_of_their_range_are_negative() {
        assert_eq!(extend(0b0, 1), -1);
        assert_eq!(extend(0b1, 1), 1);
        assert_eq!(extend(0b000, 3), -7);
        assert_eq!(extend(0b011, 3), -4);
        assert_eq!(extend(0b100, 3), 4);
        assert_eq!(extend(0, 15), -32767);
    }

    #[test]
    fn a_code_with_more_words_than_bits_allow_is_refused() {
        let mut body = [0; 19];
        body[0] = 3;
        assert!(Code::parse(&body).is_err());
        body[0] = 2;
        assert!(Code::parse(&body).is_ok());
    }
}
