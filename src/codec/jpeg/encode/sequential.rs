//! The sequential process: all coefficients of a block at once, in one scan (T.81, F.1.2).
#![expect(
    clippy::inline_always,
    reason = "loops must end up in the caller that knows the CPU"
)]

use fearless_simd::{Level, dispatch};

use super::bits::{Counts, Sink, Table, Writer};
use super::blocks::{Block, Component, Frame};
use super::huffman::{self, Lengths};
use super::marker::{self, Scan};

/// With the codes of the standard, keeping no more than a row of MCUs.
pub(super) fn stream(frame: &Frame<'_>, level: Level, file: &mut Vec<u8>) {
    let lengths = huffman::standard();
    start_scan(frame, &lengths, file);
    let codes = huffman::codes(&lengths);
    let mut writer = Writer::new(file, &codes);
    let mut row = McuRow::new(frame);
    let mut kept = vec![Vec::new(); frame.components.len()];
    for down in 0..frame.mcus_down {
        for (component, blocks) in frame.components.iter().zip(&mut kept) {
            let first = down * component.sampling;
            component.transform(level, first..first + component.sampling, blocks);
        }
        let blocks: Vec<&[Block]> = kept.iter().map(Vec::as_slice).collect();
        dispatch!(level, _simd => row.write(&blocks, &mut writer));
    }
    writer.finish();
}

/// With the best codes, keeping all coefficients.
pub(super) fn optimal(frame: &Frame<'_>, level: Level, file: &mut Vec<u8>) {
    let transformed = frame
        .components
        .iter()
        .map(|component| component.transform_all(level));
    let kept: Vec<Vec<Block>> = transformed.collect();
    let mut counts = Counts::new();
    write_all(frame, &kept, level, &mut counts);
    let lengths = huffman::optimal(&counts);
    start_scan(frame, &lengths, file);
    let codes = huffman::codes(&lengths);
    let mut writer = Writer::new(file, &codes);
    write_all(frame, &kept, level, &mut writer);
    writer.finish();
}

fn start_scan(frame: &Frame<'_>, lengths: &[Lengths; 4], file: &mut Vec<u8>) {
    let used = if frame.components.len() == 1 { 2 } else { 4 };
    for (table, lengths) in Table::ALL.into_iter().zip(lengths).take(used) {
        marker::huffman_table(file, table, lengths);
    }
    marker::scan(file, &Scan::whole(frame));
}

fn write_all(frame: &Frame<'_>, kept: &[Vec<Block>], level: Level, sink: &mut impl Sink) {
    let mut row = McuRow::new(frame);
    for down in 0..frame.mcus_down {
        let rows = frame
            .components
            .iter()
            .zip(kept)
            .map(|(component, blocks)| {
                let start = (down * component.sampling * component.blocks_across).min(blocks.len());
                let end = start + component.sampling * component.blocks_across;
                &blocks[start..end.min(blocks.len())]
            });
        let blocks: Vec<&[Block]> = rows.collect();
        dispatch!(level, _simd => row.write(&blocks, sink));
    }
}

/// Writes one row of MCUs after the other.
struct McuRow<'a, 'b> {
    frame: &'a Frame<'b>,
    /// The last DC of each component.
    dc: Vec<i16>,
}

impl<'a, 'b> McuRow<'a, 'b> {
    fn new(frame: &'a Frame<'b>) -> Self {
        Self {
            frame,
            dc: vec![0; frame.components.len()],
        }
    }

    /// From the block rows of each component.
    #[inline(always)]
    fn write(&mut self, blocks: &[&[Block]], sink: &mut impl Sink) {
        let components = self.frame.components.iter().zip(blocks).zip(&mut self.dc);
        let mut components: Vec<_> = (0..).zip(components).collect();
        for across in 0..self.frame.mcus_across {
            for (i, ((component, blocks), dc)) in &mut components {
                let tables = tables(*i);
                for row in 0..component.sampling {
                    for column in 0..component.sampling {
                        let column = across * component.sampling + column;
                        match find(component, blocks, column, row) {
                            Some(block) => write_block(block, dc, tables, sink),
                            None => write_nothing(tables, sink),
                        }
                    }
                }
            }
        }
    }
}

/// MCUs may stick out on the right and below.
#[inline(always)]
fn find<'a>(
    component: &Component<'_>,
    blocks: &'a [Block],
    column: usize,
    row: usize,
) -> Option<&'a Block> {
    if column < component.blocks_across {
        blocks.get(row * component.blocks_across + column)
    } else {
        None
    }
}

pub(super) fn tables(component: usize) -> (Table, Table) {
    match component {
        0 => (Table::LumaDc, Table::LumaAc),
        _ => (Table::ChromaDc, Table::ChromaAc),
    }
}

#[inline(always)]
fn write_block(
    block: &Block,
    dc: &mut i16,
    (dc_table, ac_table): (Table, Table),
    sink: &mut impl Sink,
) {
    let value = block.coefficients[0];
    write_difference(i32::from(value) - i32::from(*dc), dc_table, sink);
    *dc = value;

    let mut nonzero = block.nonzero & !1;
    let mut last = 0;
    while nonzero != 0 {
        let k = nonzero.trailing_zeros();
        nonzero &= nonzero - 1;
        let mut run = k - last - 1;
        last = k;
        while run > 15 {
            sink.symbol(ac_table, 0xf0, 0, 0);
            run -= 16;
        }
        let (bits, size) = magnitude(i32::from(block.coefficients[(k & 63) as usize]));
        sink.symbol(ac_table, run_and_size(run, size), bits, size);
    }
    if last != 63 {
        sink.symbol(ac_table, 0, 0, 0);
    }
}

/// A block that is not part of the image: as cheap as can be.
fn write_nothing((dc_table, ac_table): (Table, Table), sink: &mut impl Sink) {
    sink.symbol(dc_table, 0, 0, 0);
    sink.symbol(ac_table, 0, 0, 0);
}

#[inline(always)]
pub(super) fn write_difference(difference: i32, table: Table, sink: &mut impl Sink) {
    let (bits, size) = magnitude(difference);
    sink.symbol(table, run_and_size(0, size), bits, size);
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a run up to 15 and a size up to 15"
)]
pub(super) fn run_and_size(run: u32, size: u32) -> u8 {
    (run << 4 | size) as u8
}

/// The bits of a value and how many there are: a negative one is written less one (T.81, F.1.2.1).
#[inline(always)]
pub(super) fn magnitude(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = (value + (value >> 31)).cast_unsigned() & ((1 << size) - 1);
    (bits, size)
}
