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
    /// Bits that refine coefficients of those blocks.
    refinements: Vec<bool>,
}

/// A run of ended blocks is written before it is longer than its largest symbol can say.
const ENDED_MAX: u32 = 0x7fff;

/// And before so many bits wait with it: what decoders have come to expect at most is 1,000 with those of one more
/// block, after libjpeg.
const REFINEMENTS_MAX: usize = 1000 - 63;

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
            let run = self.skip_runs(k - next);
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
        let last_new = ones(nonzero).rfind(|&k| self.size(block, k) == 1);
        let mut own = Vec::new();
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
                run = self.skip_run(run, &mut own);
            }
            if size > 1 {
                own.push(size & 1 == 1);
                continue;
            }
            self.end_blocks();
            let positive = u32::from(block.coefficients[k as usize] > 0);
            self.sink
                .symbol(self.table, run_and_size(run, 1), positive, 1);
            self.write_bits(&mut own);
            run = 0;
        }
        run += self.last + 1 - next;
        if run > 0 || !own.is_empty() {
            self.refinements.append(&mut own);
            self.end_block();
        }
    }

    fn skip_runs(&mut self, mut run: u32) -> u32 {
        self.end_blocks();
        while run > 15 {
            self.sink.symbol(self.table, 0xf0, 0, 0);
            run -= 16;
        }
        run
    }

    fn skip_run(&mut self, run: u32, own: &mut Vec<bool>) -> u32 {
        self.end_blocks();
        self.sink.symbol(self.table, 0xf0, 0, 0);
        self.write_bits(own);
        run - 16
    }

    fn end_block(&mut self) {
        self.ended += 1;
        if self.ended == ENDED_MAX || self.refinements.len() > REFINEMENTS_MAX {
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
        let mut waiting = std::mem::take(&mut self.refinements);
        self.write_bits(&mut waiting);
        self.refinements = waiting;
    }

    fn write_bits(&mut self, bits: &mut Vec<bool>) {
        for bit in bits.drain(..) {
            self.sink.raw(u32::from(bit), 1);
        }
    }
}

fn ones(mask: u64) -> impl DoubleEndedIterator<Item = u32> {
    (0..64).filter(move |k| mask >> k & 1 == 1)
}
