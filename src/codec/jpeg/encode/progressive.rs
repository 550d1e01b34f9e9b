//! The progressive process: a rough picture first, then what it lacks (T.81, annex G).
//!
//! The script is the one that libjpeg made usual: half of DC, a few coefficients of luma, chroma, the rest of luma, and
//! the low bits at last. Each scan has the best codes, found by writing it twice.

use fearless_simd::Level;

use super::bits::{Counts, Sink, Table, Writer};
use super::blocks::{Block, Component, Frame};
use super::huffman;
use super::marker::{self, Scan};
use super::sequential::{magnitude, run_and_size, tables, write_difference};

pub(super) fn scans(frame: &Frame<'_>, level: Level, file: &mut Vec<u8>) {
    let transformed = frame
        .components
        .iter()
        .map(|component| component.transform_all(level));
    let kept: Vec<Vec<Block>> = transformed.collect();
    for scan in script(frame) {
        let mut counts = Counts::new();
        write(frame, &kept, &scan, &mut counts);
        let lengths = huffman::optimal(&counts);
        for table in Table::ALL {
            let used = counts.0[table as usize].iter().any(|&count| count > 0);
            if used {
                marker::huffman_table(file, table, &lengths[table as usize]);
            }
        }
        marker::scan(file, &scan);
        let codes = huffman::codes(&lengths);
        let mut writer = Writer::new(file, &codes);
        write(frame, &kept, &scan, &mut writer);
        writer.finish();
    }
}

fn script(frame: &Frame<'_>) -> Vec<Scan> {
    let ac = |component, band, high, low| Scan {
        components: vec![component],
        band,
        high,
        low,
    };
    let dc = |high, low| Scan {
        band: (0, 0),
        high,
        low,
        ..Scan::whole(frame)
    };
    match frame.components.len() {
        1 => vec![
            dc(0, 1),
            ac(0, (1, 5), 0, 2),
            ac(0, (6, 63), 0, 2),
            ac(0, (1, 63), 2, 1),
            dc(1, 0),
            ac(0, (1, 63), 1, 0),
        ],
        _ => vec![
            dc(0, 1),
            ac(0, (1, 5), 0, 2),
            ac(2, (1, 63), 0, 1),
            ac(1, (1, 63), 0, 1),
            ac(0, (6, 63), 0, 2),
            ac(0, (1, 63), 2, 1),
            dc(1, 0),
            ac(2, (1, 63), 1, 0),
            ac(1, (1, 63), 1, 0),
            ac(0, (1, 63), 1, 0),
        ],
    }
}

fn write(frame: &Frame<'_>, kept: &[Vec<Block>], scan: &Scan, sink: &mut impl Sink) {
    if scan.band.0 == 0 {
        return write_dc(frame, kept, scan, sink);
    }
    let component = scan.components[0];
    let (_, table) = tables(component);
    let mut band = Band::new(scan, table, sink);
    for block in &kept[component] {
        if scan.high == 0 {
            band.write_first(block);
        } else {
            band.refine(block);
        }
    }
    band.end_blocks();
}

fn write_dc(frame: &Frame<'_>, kept: &[Vec<Block>], scan: &Scan, sink: &mut impl Sink) {
    let mut last = [0; 3];
    for mcu in 0..frame.mcus_down * frame.mcus_across {
        let (down, across) = (mcu / frame.mcus_across, mcu % frame.mcus_across);
        for (i, (component, blocks)) in frame.components.iter().zip(kept).enumerate() {
            let side = component.sampling;
            for block in 0..side * side {
                let at = (across * side + block % side, down * side + block / side);
                // Where an MCU sticks out of the image, DC stays as it was.
                let dc = find_dc(component, blocks, at).map_or(last[i], |dc| dc >> scan.low);
                if scan.high == 0 {
                    write_difference(dc - last[i], tables(i).0, sink);
                } else {
                    sink.raw(u32::from(dc & 1 == 1), 1);
                }
                last[i] = dc;
            }
        }
    }
}

fn find_dc(
    component: &Component<'_>,
    blocks: &[Block],
    (across, down): (usize, usize),
) -> Option<i32> {
    if across >= component.blocks_across {
        return None;
    }
    let block = blocks.get(down * component.blocks_across + across)?;
    Some(i32::from(block.coefficients[0]))
}

/// Writes a band of AC coefficients, block after block.
struct Band<'a, K> {
    sink: &'a mut K,
    table: Table,
    /// Bits of the coefficients of the band.
    mask: u64,
    first: u32,
    last: u32,
    low: u8,
    /// Blocks that ended and are not written yet.
    ended: u32,
    /// Bits that refine coefficients of those blocks, and how many there are.
    refinements: Vec<Refinements>,
    refinement_bits: u32,
}

/// Bits that refine coefficients of one block.
#[derive(Clone, Copy, Debug, Default)]
struct Refinements {
    bits: u64,
    /// At most 63.
    count: u32,
}

impl Refinements {
    fn push(&mut self, bit: u32) {
        self.bits = self.bits << 1 | u64::from(bit);
        self.count += 1;
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves of 64 bits")]
    fn write(self, sink: &mut impl Sink) {
        let (high, low) = ((self.bits >> 32) as u32, self.bits as u32);
        if self.count > 32 {
            sink.raw(high, self.count - 32);
            sink.raw(low, 32);
        } else {
            sink.raw(low, self.count);
        }
    }
}

/// A run of ended blocks is written before it is longer than its largest symbol can say.
const ENDED_MAX: u32 = 0x7fff;

/// And before so many bits wait with it: what decoders have come to expect at most is 1,000 with those of one more
/// block, after libjpeg.
const REFINEMENTS_MAX: u32 = 1000 - 63;

impl<'a, K: Sink> Band<'a, K> {
    fn new(scan: &Scan, table: Table, sink: &'a mut K) -> Self {
        let (first, last) = (u32::from(scan.band.0), u32::from(scan.band.1));
        Self {
            sink,
            table,
            mask: u64::MAX >> (63 - last) & u64::MAX << first,
            first,
            last,
            low: scan.low,
            ended: 0,
            refinements: Vec::new(),
            refinement_bits: 0,
        }
    }

    /// The bits of a coefficient's size that this scan and those before it have.
    fn size(&self, block: &Block, k: u32) -> u32 {
        u32::from(block.coefficients[k as usize].unsigned_abs()) >> self.low
    }

    /// T.81, figures G.3 to G.6.
    fn write_first(&mut self, block: &Block) {
        let mut nonzero = block.nonzero & self.mask;
        let mut next = self.first;
        while nonzero != 0 {
            let k = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            let size = self.size(block, k).cast_signed();
            if size == 0 {
                continue;
            }
            let run = self.skip_runs(k - next, u32::MAX);
            next = k + 1;
            let negative = block.coefficients[k as usize] < 0;
            let (bits, size) = magnitude(if negative { -size } else { size });
            self.sink
                .symbol(self.table, run_and_size(run, size), bits, size);
        }
        if next <= self.last {
            self.end_block();
        }
    }

    /// T.81, figure G.7.
    fn refine(&mut self, block: &Block) {
        let mut nonzero = block.nonzero & self.mask;
        // Runs of 16 zeros are written only before the last coefficient that becomes other than zero.
        let last_new = self.last_of_size_1(block, nonzero);
        let mut own = Refinements::default();
        let (mut run, mut next) = (0, self.first);
        while nonzero != 0 {
            let k = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            let size = self.size(block, k);
            run += k - next + u32::from(size == 0);
            next = k + 1;
            if size == 0 {
                continue;
            }
            while run > 15 && last_new.is_some_and(|last| k <= last) {
                run = self.skip_runs(run, 1);
                std::mem::take(&mut own).write(self.sink);
            }
            if size > 1 {
                own.push(size & 1);
                continue;
            }
            self.end_blocks();
            let positive = u32::from(block.coefficients[k as usize] > 0);
            self.sink
                .symbol(self.table, run_and_size(run, 1), positive, 1);
            std::mem::take(&mut own).write(self.sink);
            run = 0;
        }
        run += self.last + 1 - next;
        if run > 0 || own.count > 0 {
            if own.count > 0 {
                self.refinements.push(own);
                self.refinement_bits += own.count;
            }
            self.end_block();
        }
    }

    /// The last of these coefficients that becomes other than zero in this scan.
    fn last_of_size_1(&self, block: &Block, mut nonzero: u64) -> Option<u32> {
        while nonzero != 0 {
            let k = nonzero.ilog2();
            if self.size(block, k) == 1 {
                return Some(k);
            }
            nonzero ^= 1 << k;
        }
        None
    }

    /// Writes at most so many runs of 16 zeros, after which others are left.
    fn skip_runs(&mut self, run: u32, runs_max: u32) -> u32 {
        self.end_blocks();
        let runs = (run / 16).min(runs_max);
        for _ in 0..runs {
            self.sink.symbol(self.table, 0xf0, 0, 0);
        }
        run - 16 * runs
    }

    fn end_block(&mut self) {
        self.ended += 1;
        if self.ended == ENDED_MAX || self.refinement_bits > REFINEMENTS_MAX {
            self.end_blocks();
        }
    }

    /// Writes that blocks have ended, as far as any have: how many as a power of two, and bits for the rest.
    fn end_blocks(&mut self) {
        if self.ended == 0 {
            return;
        }
        let power = self.ended.ilog2();
        let rest = self.ended - (1 << power);
        self.sink
            .symbol(self.table, run_and_size(power, 0), rest, power);
        self.ended = 0;
        for refinements in self.refinements.drain(..) {
            refinements.write(self.sink);
        }
        self.refinement_bits = 0;
    }
}
