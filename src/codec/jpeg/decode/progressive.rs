//! Scans of progressive frames: each adds to the coefficients of some blocks (T.81, annex G).

use fearless_simd::{Level, Simd, dispatch};

use super::coding::Damage;
use super::huffman::{END, Entry, Table};
use super::intervals::{Progress, Run, UnitDecoder};
use super::scan::{Scan, UNIT_BLOCKS_MAX, Units};
use super::stored::{NOT_KEPT, Stored, StoredChannel};
use super::survey::band_mask;
use super::window::{BLOCK_BYTES_MAX, Bits, Window};

/// What a scan adds, with the code tables that it takes.
pub(super) enum Adds<'t> {
    /// The means but for their low bits; a table for each member of the scan.
    Means(Vec<&'t Table>),
    /// One more bit of each mean.
    MeanBits,
    /// A band of the other coefficients but for their low bits.
    Band(&'t Table),
    /// One more bit of each of them.
    BandBits(&'t Table),
}

/// Decodes a scan into stored coefficients.
pub(super) struct Progressive<'t, 's> {
    level: Level,
    adds: Adds<'t>,
    units: &'t Units,
    band: Band,
    stored: &'s mut Stored,
    predictions: [i32; 4],
    /// Blocks yet to come of which nothing new is coded.
    blocks_ended: u32,
}

/// What all blocks of a scan have in common.
#[derive(Clone, Copy)]
struct Band {
    first: u32,
    last: u32,
    mask: u64,
    /// The lowest bit that this scan gives.
    low_bit: u32,
    /// Which coefficients have values.
    low: u64,
    slots: [u8; 64],
}

impl<'t, 's> Progressive<'t, 's> {
    pub(super) fn new(
        scan: &Scan,
        units: &'t Units,
        adds: Adds<'t>,
        stored: &'s mut Stored,
    ) -> Self {
        Self {
            level: Level::new(),
            adds,
            units,
            band: Band {
                first: u32::from(scan.band.0),
                last: u32::from(scan.band.1),
                mask: band_mask(scan),
                low_bit: u32::from(scan.left_out.1),
                low: stored.low,
                slots: stored.slots,
            },
            stored,
            predictions: [0; 4],
            blocks_ended: 0,
        }
    }

    #[inline(always)]
    fn decode_units<S: Simd>(
        &mut self,
        _simd: S,
        window: &Window<'_>,
        position: &mut u32,
        run: Run,
    ) -> Progress {
        let end = window.end_bit(UNIT_BLOCKS_MAX * BLOCK_BYTES_MAX);
        let mut bits = Bits::at(window.bytes(), *position);
        for at in run.from..run.to {
            // Blocks that have ended may need no more bits.
            let may_be_free = self.blocks_ended > 0 && window.has_ended();
            if *position >= end && !may_be_free {
                return Progress::Starved { at };
            }
            if self.unit(&mut bits, (at, run.y)).is_err() {
                return Progress::Damaged { at };
            }
            let after = bits.position();
            if window.has_ended() && after > end {
                return Progress::Starved { at };
            }
            *position = after;
        }
        Progress::Done
    }

    #[inline(always)]
    fn unit(&mut self, bits: &mut Bits<'_>, unit: (usize, usize)) -> Result<(), Damage> {
        for block in &self.units.blocks {
            let channel = &mut self.stored.channels[block.component];
            let (x, y) = block.place(unit);
            let index = y * channel.across + x;
            match &self.adds {
                Adds::Means(tables) => {
                    let mean = &mut self.predictions[block.member & 3];
                    *mean = mean.wrapping_add(read_difference(tables[block.member], bits)?);
                    channel.values[index * channel.kept] = (*mean << self.band.low_bit) as i16;
                }
                Adds::MeanBits => {
                    bits.refill();
                    let bit = (bits.take(1) << self.band.low_bit) as i16;
                    channel.values[index * channel.kept] |= bit;
                }
                Adds::Band(_) if self.blocks_ended > 0 => self.blocks_ended -= 1,
                Adds::Band(table) => {
                    let mut block = Block::of(channel, index);
                    self.blocks_ended = self.band.read(table, bits, &mut block)?;
                }
                Adds::BandBits(table) => {
                    let mut block = Block::of(channel, index);
                    let from = match self.blocks_ended {
                        0 => self
                            .band
                            .refine(table, bits, &mut block, &mut self.blocks_ended)?,
                        _ => self.band.first,
                    };
                    if self.blocks_ended > 0 {
                        self.band.correct(bits, &mut block, self.band.from(from));
                        self.blocks_ended -= 1;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The difference of a mean to the one before.
#[inline(always)]
fn read_difference(table: &Table, bits: &mut Bits<'_>) -> Result<i32, Damage> {
    bits.refill();
    let entry = table.entry(bits.ahead());
    if entry.is_missing() {
        return Err(Damage);
    }
    let difference = entry.value(bits.ahead());
    bits.skip(entry.bits());
    Ok(difference)
}

/// One block of what is stored.
struct Block<'s> {
    values: &'s mut [i16],
    history: Option<&'s mut u64>,
}

impl<'s> Block<'s> {
    #[inline(always)]
    fn of(channel: &'s mut StoredChannel, index: usize) -> Self {
        Self {
            values: &mut channel.values[index * channel.kept..][..channel.kept],
            history: channel.history.get_mut(index),
        }
    }

    #[inline(always)]
    fn mark(&mut self, found: u64) {
        if let Some(history) = &mut self.history {
            **history |= found;
        }
    }
}

impl Band {
    /// The coefficients of the band from the k-th on.
    #[inline(always)]
    fn from(&self, k: u32) -> u64 {
        if k < 64 {
            self.mask & (u64::MAX << k)
        } else {
            0
        }
    }

    #[inline(always)]
    fn set(&self, block: &mut Block<'_>, k: u32, value: i16) {
        let slot = self.slots[k as usize & 63];
        if slot != NOT_KEPT {
            block.values[usize::from(slot)] = value;
        }
    }

    /// Reads a band for the first time; returns how many blocks after this one have nothing in it.
    #[inline(always)]
    fn read(
        &self,
        table: &Table,
        bits: &mut Bits<'_>,
        block: &mut Block<'_>,
    ) -> Result<u32, Damage> {
        let mut k = self.first;
        let mut found = 0;
        let mut blocks_ended = 0;
        while k <= self.last {
            bits.refill();
            let entry = table.entry(bits.ahead());
            if entry.is_missing() {
                return Err(Damage);
            }
            if entry.advance() == END {
                blocks_ended = read_run(entry, bits) - 1;
                break;
            }
            let value = entry.value(bits.ahead());
            bits.skip(entry.bits());
            k += entry.advance();
            if k > self.last + 1 {
                return Err(Damage);
            }
            if value != 0 {
                found |= 1 << (k - 1);
                self.set(block, k - 1, (value << self.low_bit) as i16);
            }
        }
        block.mark(found);
        Ok(blocks_ended)
    }

    /// Reads one more bit of a band; returns where it ended, and whether later blocks end as well.
    #[inline(always)]
    fn refine(
        &self,
        table: &Table,
        bits: &mut Bits<'_>,
        block: &mut Block<'_>,
        blocks_ended: &mut u32,
    ) -> Result<u32, Damage> {
        let history = block.history.as_ref().map_or(0, |history| **history);
        let mut k = self.first;
        let mut found = 0;
        while k <= self.last {
            bits.refill();
            let entry = table.entry(bits.ahead());
            if entry.is_missing() {
                return Err(Damage);
            }
            if entry.advance() == END {
                *blocks_ended = read_run(entry, bits);
                break;
            }
            let value = entry.value(bits.ahead()).signum() as i16;
            let zeros_before = entry.advance() - 1;
            bits.skip(entry.bits());
            let rest = self.from(k);
            let at = nth_bit(rest & !history, zeros_before);
            let passed = match at {
                Some(at) => rest & !self.from(at),
                None => rest,
            };
            self.correct_masked(bits, block, passed & history);
            let Some(at) = at else {
                // Zeros to the end of the band and beyond: only a run of 16 may be cut short.
                break;
            };
            if value != 0 {
                found |= 1 << at;
                self.set(block, at, value << self.low_bit);
            }
            k = at + 1;
        }
        block.mark(found);
        Ok(k)
    }

    /// Reads the bits of those coefficients that were not zero before.
    #[inline(always)]
    fn correct(&self, bits: &mut Bits<'_>, block: &mut Block<'_>, which: u64) {
        let history = block.history.as_ref().map_or(0, |history| **history);
        self.correct_masked(bits, block, which & history);
    }

    /// Likewise, all of them that a mask names; in two halves, so that the bits of each are certain at once.
    #[inline(always)]
    fn correct_masked(&self, bits: &mut Bits<'_>, block: &mut Block<'_>, which: u64) {
        const LOWER: u64 = u32::MAX as u64;
        for half in [which & LOWER, which & !LOWER] {
            if half == 0 {
                continue;
            }
            bits.refill();
            let coded = bits.take(half.count_ones());
            let mut kept = half & self.low;
            while kept != 0 {
                let k = kept.trailing_zeros();
                kept &= kept - 1;
                let coded_after = (half >> k).count_ones() - 1;
                let bit = (coded >> coded_after) & 1;
                let value = &mut block.values[usize::from(self.slots[k as usize & 63])];
                // Away from zero; the sign is 0 or all ones.
                let sign = *value >> 15;
                let change = (bit << self.low_bit) as i16;
                *value = value.wrapping_add((change ^ sign).wrapping_sub(sign));
            }
        }
    }
}

/// The length of a run of blocks, this one included.
#[inline(always)]
fn read_run(entry: Entry, bits: &mut Bits<'_>) -> u32 {
    bits.skip(entry.bits());
    let exponent = entry.size();
    (1 << exponent) + bits.take(exponent)
}

/// The bit of a mask that has n set bits below it.
#[inline(always)]
fn nth_bit(mut mask: u64, n: u32) -> Option<u32> {
    for _ in 0..n {
        mask &= mask.wrapping_sub(1);
    }
    (mask != 0).then(|| mask.trailing_zeros())
}

impl UnitDecoder for Progressive<'_, '_> {
    fn restart(&mut self) {
        self.predictions = [0; 4];
        self.blocks_ended = 0;
    }

    fn decode(&mut self, window: &Window<'_>, position: &mut u32, run: Run) -> Progress {
        dispatch!(self.level, simd => self.decode_units(simd, window, position, run))
    }

    /// What no scan has given stays as the scans before left it.
    fn fill(&mut self, _run: Run) {}
}
