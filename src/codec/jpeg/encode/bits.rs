//! Where symbols go: into counts, to find their codes, or as codes into a file.

use super::huffman::Codes;

/// Which code a symbol is of: luma or chroma, DC or AC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    LumaDc,
    LumaAc,
    ChromaDc,
    ChromaAc,
}

impl Table {
    pub(super) const ALL: [Self; 4] = [Self::LumaDc, Self::LumaAc, Self::ChromaDc, Self::ChromaAc];

    /// Class and destination as DHT writes them (T.81, B.2.4.2).
    pub(super) fn id(self) -> u8 {
        match self {
            Self::LumaDc => 0x00,
            Self::LumaAc => 0x10,
            Self::ChromaDc => 0x01,
            Self::ChromaAc => 0x11,
        }
    }
}

pub(super) trait Sink {
    /// A symbol and the bits that follow it: at most 16, the others of `bits` zero.
    fn symbol(&mut self, table: Table, symbol: u8, bits: u32, count: u32);

    /// Bits that stand for themselves: at most 32, the others zero.
    fn raw(&mut self, bits: u32, count: u32);
}

/// How often each symbol occurs.
#[derive(Debug)]
pub(super) struct Counts(pub(super) [[u32; 256]; 4]);

impl Counts {
    pub(super) fn new() -> Self {
        Self([[0; 256]; 4])
    }
}

impl Sink for Counts {
    #[inline]
    fn symbol(&mut self, table: Table, symbol: u8, _bits: u32, _count: u32) {
        self.0[table as usize][usize::from(symbol)] += 1;
    }

    #[inline]
    fn raw(&mut self, _bits: u32, _count: u32) {}
}

/// Codes and bits after one another, a zero byte after each 0xFF (T.81, B.1.1.5).
#[derive(Debug)]
pub(super) struct Writer<'a> {
    file: &'a mut Vec<u8>,
    codes: &'a [Codes; 4],
    /// The low `used` bits are to be written still; what is above them is of no meaning.
    pending: u64,
    /// Below 64.
    used: u32,
}

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a mut Vec<u8>, codes: &'a [Codes; 4]) -> Self {
        Self {
            file,
            codes,
            pending: 0,
            used: 0,
        }
    }

    #[inline]
    fn put(&mut self, bits: u32, count: u32) {
        let bits = u64::from(bits);
        let free = 64 - self.used;
        if count < free {
            self.pending = self.pending << count | bits;
            self.used += count;
        } else {
            // `free` is at most `count`, which is at most 32.
            let rest = count - free;
            self.flush(self.pending << free | bits >> rest);
            self.pending = bits;
            self.used = rest;
        }
    }

    #[inline]
    fn flush(&mut self, bits: u64) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let bytes = bits.to_be_bytes();
        // A byte of 0xFF has its high bit, and not after 1 was added to it. Others may look so, never the reverse.
        if bits & !bits.wrapping_add(ONES) & (ONES << 7) == 0 {
            self.file.extend_from_slice(&bytes);
        } else {
            self.stuff(&bytes);
        }
    }

    #[inline(never)]
    fn stuff(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.file.push(byte);
            if byte == 0xff {
                self.file.push(0);
            }
        }
    }

    /// Ends a scan: ones up to a whole byte (T.81, F.1.2.3).
    pub(super) fn finish(mut self) {
        let missing = self.used.next_multiple_of(8) - self.used;
        self.put((1 << missing) - 1, missing);
        let bytes = (self.pending << ((64 - self.used) % 64)).to_be_bytes();
        self.stuff(&bytes[..(self.used / 8) as usize]);
    }
}

impl Sink for Writer<'_> {
    #[inline]
    fn symbol(&mut self, table: Table, symbol: u8, bits: u32, count: u32) {
        let (code, length) = self.codes[table as usize].get(symbol);
        self.put(code << count | bits, length + count);
    }

    #[inline]
    fn raw(&mut self, bits: u32, count: u32) {
        self.put(bits, count);
    }
}
