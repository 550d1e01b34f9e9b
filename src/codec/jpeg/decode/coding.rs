//! What a sequential scan is decoded with: the look-ups of its codes, and how they read a block.

use super::definitions::Definitions;
use super::error::DecodeError;
use super::huffman::{END, Meaning, Table, window};
use super::idct::{Coefficients, Quantisation};
use super::scan::Scan;
use super::skip::{Strides, TableStart};
use super::window::Bits;
use super::zigzag::PLACES;

/// The look-ups of a scan, made once for members that share their tables.
pub(super) struct Lookups {
    pairs: Vec<Pair>,
    pub(super) strides: Strides,
    /// For each member: its component, and which of the pairs it takes.
    members: Vec<(usize, usize)>,
}

/// A code for means and one for the other coefficients.
struct Pair {
    /// The numbers of the codes.
    numbers: (usize, usize),
    dc: Table,
    ac: Table,
}

/// What the blocks of one component are decoded with.
pub(super) struct Coding<'t> {
    pub(super) dc: &'t Table,
    pub(super) ac: &'t Table,
    pub(super) strides: &'t Strides,
    pub(super) of_blocks: TableStart,
    pub(super) within_blocks: TableStart,
    pub(super) quantisation: Quantisation,
}

/// What a block holds cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage;

impl Lookups {
    /// What the look-ups of a scan take at most.
    pub(super) const BYTES: usize = 8 * Table::BYTES + Strides::BYTES;

    pub(super) fn of(scan: &Scan, definitions: &Definitions) -> Result<Self, DecodeError> {
        let mut pairs: Vec<Pair> = Vec::with_capacity(4);
        let mut codes = Vec::with_capacity(4);
        let mut members = Vec::with_capacity(4);
        for member in &scan.members {
            let numbers = (member.dc_table, member.ac_table);
            let known = pairs.iter().position(|pair| pair.numbers == numbers);
            members.push((member.component, known.unwrap_or(pairs.len())));
            if known.is_none() {
                let (dc, ac) = (definitions.dc(numbers.0)?, definitions.ac(numbers.1)?);
                codes.push((dc, ac));
                pairs.push(Pair {
                    numbers,
                    dc: Table::new(dc, Meaning::Dc)?,
                    ac: Table::new(ac, Meaning::Ac)?,
                });
            }
        }
        Ok(Self {
            pairs,
            strides: Strides::new(&codes),
            members,
        })
    }

    /// For each member of the scan; the factors are those of the frame's components.
    pub(super) fn codings(&self, factors: &[Option<Box<Quantisation>>; 4]) -> Vec<Coding<'_>> {
        let coding = |&(component, pair): &(usize, usize)| Coding {
            dc: &self.pairs[pair].dc,
            ac: &self.pairs[pair].ac,
            strides: &self.strides,
            of_blocks: TableStart::of_blocks(pair),
            within_blocks: TableStart::within_blocks(pair),
            quantisation: factors[component & 3]
                .as_deref()
                .copied()
                .unwrap_or([1.0; 64]),
        };
        self.members.iter().map(coding).collect()
    }
}

impl Coding<'_> {
    /// The difference of a block's mean to the one before.
    #[inline(always)]
    pub(super) fn read_mean(&self, bits: &mut Bits<'_>) -> Result<i32, Damage> {
        bits.refill();
        let entry = self.dc.entry(bits.ahead());
        if entry.is_missing() {
            return Err(Damage);
        }
        let difference = entry.value(bits.ahead());
        bits.skip(entry.bits());
        Ok(difference)
    }

    /// Reads values up to the `end`-th; returns the place to go on at, 64 or more if the block is over.
    #[inline(always)]
    pub(super) fn read_low(
        &self,
        bits: &mut Bits<'_>,
        end: u32,
        coefficients: &mut Coefficients,
    ) -> Result<u32, Damage> {
        let mut k = 1;
        while k < end {
            bits.refill();
            for _ in 0..2 {
                let entry = self.ac.short_entry(bits.ahead());
                if entry.is_closed() {
                    k += entry.advance();
                    let place = PLACES[(k - 1) as usize & 255];
                    coefficients[usize::from(place) & 127] = entry.value_closed();
                    bits.skip(entry.bits());
                } else {
                    k = self.read_long(bits, k, coefficients)?;
                }
                if k >= end {
                    break;
                }
            }
        }
        if k < 64 || is_block_end(k) {
            Ok(k)
        } else {
            Err(Damage)
        }
    }

    /// Reads a value that does not fit a look-up.
    #[inline(always)]
    fn read_long(
        &self,
        bits: &mut Bits<'_>,
        k: u32,
        coefficients: &mut Coefficients,
    ) -> Result<u32, Damage> {
        bits.refill();
        let entry = self.ac.entry(bits.ahead());
        if entry.is_missing() {
            return Err(Damage);
        }
        let after = k + entry.advance();
        let place = PLACES[(after - 1) as usize & 255];
        coefficients[usize::from(place) & 127] = entry.value(bits.ahead()) as i16;
        bits.skip(entry.bits());
        bits.refill();
        Ok(after)
    }

    /// Whether a block has nothing but its mean, which has been read.
    #[inline(always)]
    pub(super) fn is_over(&self, bits: &Bits<'_>) -> bool {
        self.ac.short_entry(bits.ahead()).advance() == END
    }

    /// Passes over the coefficients of a block from the k-th on.
    #[inline(always)]
    pub(super) fn skip(&self, bits: &mut Bits<'_>, mut k: u32) -> Result<(), Damage> {
        while k < 64 {
            bits.refill();
            let strides = self.strides.all();
            let stride = self.within_blocks.look_up(strides, window(bits.ahead()));
            let after = k + stride.advance();
            if after < 64 || (after == 64 && !stride.ends()) {
                bits.skip(stride.bits());
                k = after;
                if stride.ends() {
                    return Ok(());
                }
            } else {
                // The block may be over before the stride is.
                k = self.step(bits, k)?;
            }
        }
        Ok(())
    }

    /// Passes over one symbol of a block; returns the place after it, 64 or more if the block is over.
    #[cold]
    #[inline(never)]
    pub(super) fn step(&self, bits: &mut Bits<'_>, k: u32) -> Result<u32, Damage> {
        bits.refill();
        let table = if k == 0 { self.dc } else { self.ac };
        let entry = table.entry(bits.ahead());
        bits.skip(entry.bits());
        bits.refill();
        match k {
            _ if entry.is_missing() => Err(Damage),
            0 => Ok(1),
            _ if k + entry.advance() < 64 || is_block_end(k + entry.advance()) => {
                Ok(k + entry.advance())
            }
            _ => Err(Damage),
        }
    }
}

/// Whether a block may end after a symbol that led to k: at its last coefficient, or by an end of block.
#[inline(always)]
fn is_block_end(k: u32) -> bool {
    k == 64 || k >= END
}
