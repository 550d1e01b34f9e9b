//! Baseline and extended frames: each block comes once and whole, so it becomes samples at once.

use fearless_simd::{Level, Simd, dispatch};

use super::coding::{Coding, Damage};
use super::idct::{Coefficients, Idct};
use super::intervals::{Progress, Run, UnitDecoder};
use super::locate::{Found, Locator, SLOTS};
use super::output::Output;
use super::scan::{UNIT_BLOCKS_MAX, UnitBlock, Units};
use super::window::{BLOCK_BYTES_MAX, Bits, Window};
use super::zigzag::coefficients_to_read;

/// Up to this scale blocks are located first and then decoded each by itself. It pays where a block is a mean: at 1/8 it
/// takes 0.9 times as long as reading in order, at 2/8 1.1 times, at 4/8 1.3 times.
const LOCATED_EIGHTHS_MAX: usize = 1;

/// Decodes a scan into planes at N eighths.
pub(super) struct Sequential<'t, 'p, const N: usize> {
    level: Level,
    units: &'t Units,
    /// For each member of the scan.
    codings: &'t [Coding<'t>],
    locator: Locator,
    blocks: Blocks<'p, N>,
}

/// What turns coded blocks into samples.
struct Blocks<'p, const N: usize> {
    /// For each component of the frame.
    outputs: Vec<Output<'p>>,
    predictions: [i32; 4],
    coefficients: Coefficients,
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
            locator: Locator::new(units, codings),
            blocks: Blocks {
                outputs,
                predictions: [0; 4],
                coefficients: [0; 128],
                idct: Idct::new(),
            },
        }
    }

    #[inline(always)]
    fn decode_in_order<S: Simd>(
        &mut self,
        simd: S,
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
            for block in &self.units.blocks {
                let coding = &self.codings[block.member];
                let place = block.place((at, run.y));
                let decoded = self.blocks.decode(simd, &mut bits, coding, (block, place));
                if decoded.and_then(|k| coding.skip(&mut bits, k)).is_err() {
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

    #[inline(always)]
    fn decode_located<S: Simd>(
        &mut self,
        simd: S,
        window: &Window<'_>,
        position: &mut u32,
        run: Run,
    ) -> Progress {
        let unit_blocks = self.units.blocks.len();
        let mut at = run.from;
        while at < run.to {
            let wanted = (run.to - at).min((SLOTS - 1) / unit_blocks) * unit_blocks;
            let (whole, found) = self.locator.locate(window, *position, wanted, self.codings);
            let slots = self.locator.slots();
            for unit in slots[..whole - whole % unit_blocks].chunks_exact(unit_blocks) {
                for (block, &slot) in self.units.blocks.iter().zip(unit) {
                    let mut bits = Bits::at(window.bytes(), slot);
                    let coding = &self.codings[block.member];
                    let place = block.place((at, run.y));
                    if self
                        .blocks
                        .decode(simd, &mut bits, coding, (block, place))
                        .is_err()
                    {
                        return Progress::Damaged { at };
                    }
                }
                at += 1;
            }
            *position = slots[(whole - whole % unit_blocks) % SLOTS];
            match found {
                Found::Enough => {}
                Found::Starved => return Progress::Starved { at },
                Found::Damaged => return Progress::Damaged { at },
            }
        }
        Progress::Done
    }
}

impl<const N: usize> Blocks<'_, N> {
    /// Coefficients of a block that are read.
    const READ: u32 = coefficients_to_read(N);

    /// Decodes the low N×N coefficients of a block to samples; returns the place of the coefficient after them, 64 or
    /// more if the block is over.
    #[inline(always)]
    fn decode<S: Simd>(
        &mut self,
        simd: S,
        bits: &mut Bits<'_>,
        coding: &Coding<'_>,
        (block, place): (&UnitBlock, (usize, usize)),
    ) -> Result<u32, Damage> {
        let mean = &mut self.predictions[block.member & 3];
        *mean = mean.wrapping_add(coding.read_mean(bits)?);
        let mean = *mean as i16;
        let output = &mut self.outputs[block.component];
        bits.refill();
        if N == 1 || coding.is_over(bits) {
            let sample = Idct::<N>::flat(mean, &coding.quantisation);
            output.put::<N>(place, &[[sample; 8]; 8]);
            return Ok(1);
        }
        self.coefficients[..8 * N].fill(0);
        self.coefficients[0] = mean;
        let k = coding.read_low(bits, Self::READ, &mut self.coefficients)?;
        let samples = self
            .idct
            .samples(simd, &self.coefficients, &coding.quantisation);
        output.put::<N>(place, &samples);
        Ok(k)
    }
}

impl<const N: usize> UnitDecoder for Sequential<'_, '_, N> {
    fn restart(&mut self) {
        self.blocks.predictions = [0; 4];
    }

    fn decode(&mut self, window: &Window<'_>, position: &mut u32, run: Run) -> Progress {
        dispatch!(self.level, simd => if N <= LOCATED_EIGHTHS_MAX {
            self.decode_located(simd, window, position, run)
        } else {
            self.decode_in_order(simd, window, position, run)
        })
    }

    fn fill(&mut self, run: Run) {
        for at in run.from..run.to {
            for block in &self.units.blocks {
                let output = &mut self.blocks.outputs[block.component];
                output.put::<N>(block.place((at, run.y)), &[[128; 8]; 8]);
            }
        }
    }
}
