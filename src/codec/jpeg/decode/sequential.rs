//! Baseline and extended frames: each block comes once and whole, so it becomes samples at once.

use fearless_simd::{Level, Simd, dispatch};

use super::definitions::Definitions;
use super::error::DecodeError;
use super::huffman::{Meaning, Table};
use super::idct::{Coefficients, Idct, Quantisation};
use super::intervals::{Progress, Run, UnitDecoder};
use super::output::Output;
use super::scan::{Scan, UNIT_BLOCKS_MAX, Units};
use super::skip::{Damage, SkipTable, is_block_end};
use super::window::{BLOCK_BYTES_MAX, Bits, Window};
use super::zigzag::{PLACES, coefficients_to_read};

/// What the blocks of one component are decoded with.
pub(super) struct Coding<'t> {
    pub(super) dc: &'t Table,
    pub(super) ac: &'t Table,
    pub(super) skip: &'t SkipTable,
    pub(super) quantisation: Quantisation,
}

/// The look-ups of a scan, made once for members that share their tables.
pub(super) struct Lookups {
    made: Vec<Made>,
    /// For each member: its component, and which of the look-ups it takes.
    members: Vec<(usize, usize)>,
}

struct Made {
    /// The numbers of the tables.
    numbers: (usize, usize),
    dc: Table,
    ac: Table,
    skip: SkipTable,
}

impl Lookups {
    pub(super) fn of(scan: &Scan, definitions: &Definitions) -> Result<Self, DecodeError> {
        let mut lookups = Self {
            made: Vec::new(),
            members: Vec::new(),
        };
        for member in &scan.members {
            let numbers = (member.dc_table, member.ac_table);
            let known = lookups.made.iter().position(|made| made.numbers == numbers);
            let index = known.unwrap_or(lookups.made.len());
            if known.is_none() {
                let (dc, ac) = (definitions.dc(numbers.0)?, definitions.ac(numbers.1)?);
                lookups.made.push(Made {
                    numbers,
                    dc: Table::new(dc, Meaning::Dc)?,
                    ac: Table::new(ac, Meaning::Ac)?,
                    skip: SkipTable::new(ac),
                });
            }
            lookups.members.push((member.component, index));
        }
        Ok(lookups)
    }

    /// For each member of the scan; the factors are those of the frame's components.
    pub(super) fn codings(&self, factors: &[Option<Box<Quantisation>>; 4]) -> Vec<Coding<'_>> {
        let coding = |&(component, index): &(usize, usize)| {
            let Made { dc, ac, skip, .. } = &self.made[index];
            let quantisation = factors[component & 3].as_deref().copied();
            Coding {
                dc,
                ac,
                skip,
                quantisation: quantisation.unwrap_or([1.0; 64]),
            }
        };
        self.members.iter().map(coding).collect()
    }
}

/// Decodes a scan into planes at N eighths.
pub(super) struct Sequential<'t, 'p, const N: usize> {
    level: Level,
    units: &'t Units,
    /// For each member of the scan.
    codings: &'t [Coding<'t>],
    /// For each component of the frame.
    outputs: Vec<Output<'p>>,
    predictions: [i32; 4],
    idct: Idct<N>,
}

impl<'t, 'p, const N: usize> Sequential<'t, 'p, N> {
    pub(super) fn new(
        units: &'t Units,
        codings: &'t [Coding<'t>],
        outputs: Vec<Output<'p>>,
    ) -> Self {
        Self {
            level: Level::new(),
            units,
            codings,
            outputs,
            predictions: [0; 4],
            idct: Idct::new(),
        }
    }

    #[inline(always)]
    fn decode_in_order<S: Simd>(
        &mut self,
        _simd: S,
        window: &Window<'_>,
        position: &mut u32,
        run: Run,
    ) -> Progress {
        let end = window.end_bit(UNIT_BLOCKS_MAX * BLOCK_BYTES_MAX);
        let mut bits = Bits::at(window.bytes(), *position);
        for at in run.from..run.to {
            if *position >= end {
                return Progress::Starved { at };
            }
            for index in 0..self.units.blocks.len() {
                if self.block(&mut bits, index, (at, run.y)).is_err() {
                    return Progress::Damaged { at };
                }
            }
            let after = bits.position();
            if window.has_ended() && after > end {
                return Progress::Starved { at };
            }
            *position = after;
        }
        Progress::Done
    }

    /// Decodes the next block of a unit.
    #[inline(always)]
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        index: usize,
        unit: (usize, usize),
    ) -> Result<(), Damage> {
        let block = self.units.blocks[index];
        let coding = &self.codings[block.member];
        let mut coefficients: Coefficients = [0; 65];
        let difference = coding.read_dc(bits)?;
        let mean = self.predictions[block.member & 3].wrapping_add(difference);
        self.predictions[block.member & 3] = mean;
        coefficients[0] = mean as i16;
        let k = coding.read_low(bits, coefficients_to_read(N), &mut coefficients)?;
        coding.skip.skip(bits, coding.ac, k)?;
        let samples = self.idct.samples(&coefficients, &coding.quantisation);
        self.outputs[block.component].put::<N>(block.place(unit), &samples);
        Ok(())
    }
}

impl Coding<'_> {
    /// The difference of a block's mean to the one before.
    #[inline(always)]
    fn read_dc(&self, bits: &mut Bits<'_>) -> Result<i32, Damage> {
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
    fn read_low(
        &self,
        bits: &mut Bits<'_>,
        end: u32,
        coefficients: &mut Coefficients,
    ) -> Result<u32, Damage> {
        let mut k = 1;
        while k < end {
            bits.refill();
            let entry = self.ac.entry(bits.ahead());
            if entry.is_missing() {
                return Err(Damage);
            }
            k += entry.advance();
            let place = PLACES[(k - 1) as usize & 255];
            coefficients[usize::from(place)] = entry.value(bits.ahead()) as i16;
            bits.skip(entry.bits());
        }
        if k < 64 || is_block_end(k) {
            Ok(k)
        } else {
            Err(Damage)
        }
    }
}

impl<const N: usize> UnitDecoder for Sequential<'_, '_, N> {
    fn restart(&mut self) {
        self.predictions = [0; 4];
    }

    fn decode(&mut self, window: &Window<'_>, position: &mut u32, run: Run) -> Progress {
        dispatch!(self.level, simd => self.decode_in_order(simd, window, position, run))
    }

    fn fill(&mut self, run: Run) {
        for at in run.from..run.to {
            for block in &self.units.blocks {
                self.outputs[block.component].put::<N>(block.place((at, run.y)), &[[128; 8]; 8]);
            }
        }
    }
}
