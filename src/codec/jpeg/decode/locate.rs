//! Where blocks begin: the first of two passes over coded data, hardly a branch of which depends on the data.

use std::hint::select_unpredictable;

use super::coding::{Coding, Damage};
use super::huffman::{heap_array, window};
use super::scan::{UNIT_BLOCKS_MAX, Units};
use super::skip::{Stride, TableStart};
use super::window::{Bits, Window};

/// Blocks that are located at a time, so many that their positions stay in a near cache.
pub(super) const SLOTS: usize = 1 << 12;
pub(super) type Slots = [u32; SLOTS];

/// Places for the blocks of a unit.
const NODES: usize = 16;
const _: () = assert!(UNIT_BLOCKS_MAX <= NODES);

pub(super) struct Locator {
    nodes: [Node; NODES],
    slots: Box<Slots>,
}

/// A block in the sequence of a unit.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    member: u8,
    /// The block after it.
    next: u8,
    /// The strides of this block but for its first, and the first strides of the next.
    within: TableStart,
    of_next: TableStart,
}

/// Why there are no more blocks in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Enough,
    /// The window has no more.
    Starved,
    Damaged,
}

/// Where the reader stands.
#[derive(Clone, Copy)]
struct State<'w> {
    bits: Bits<'w>,
    /// The coefficient to come.
    k: u32,
    /// What tells the next stride.
    table: TableStart,
    node: u8,
    /// The block that `k` is of.
    slot: usize,
}

impl Locator {
    pub(super) const BYTES: usize = size_of::<Slots>() + size_of::<Self>();

    pub(super) fn new(units: &Units, codings: &[Coding<'_>]) -> Self {
        let mut nodes = [Node::default(); NODES];
        let count = units.blocks.len();
        for (index, block) in units.blocks.iter().enumerate() {
            let next = (index + 1) % count;
            nodes[index] = Node {
                member: block.member as u8,
                next: next as u8,
                within: codings[block.member].within_blocks,
                of_next: codings[units.blocks[next].member].of_blocks,
            };
        }
        Self {
            nodes,
            slots: heap_array(0),
        }
    }

    /// The positions that blocks begin at, and after the last of them that of the next.
    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Finds up to `wanted` blocks, fewer than [`SLOTS`], from the first of a unit on; says how many are whole.
    #[inline(always)]
    pub(super) fn locate(
        &mut self,
        window: &Window<'_>,
        position: u32,
        wanted: usize,
        codings: &[Coding<'_>],
    ) -> (usize, Found) {
        let Some(first) = codings.first() else {
            return (0, Found::Damaged);
        };
        let strides = first.strides.all();
        let nodes = self.nodes;
        let slots = &mut *self.slots;
        let last_byte = window.last_byte();
        slots[0] = position;
        let mut state = State {
            bits: Bits::at(window.bytes(), position),
            k: 0,
            table: first.of_blocks,
            node: 0,
            slot: 0,
        };
        let mut found = Found::Enough;
        'strides: while state.slot < wanted {
            if state.bits.next_byte() > last_byte {
                found = Found::Starved;
                break;
            }
            state.bits.refill();
            for _ in 0..2 {
                let stride = state
                    .table
                    .look_up(strides, self::window(state.bits.ahead()));
                let node = nodes[usize::from(state.node) % NODES];
                state.bits.skip(stride.bits());
                state.k += stride.advance();
                if state.k < 64 {
                    let ends = stride.ends();
                    slots[(state.slot + 1) % SLOTS] = state.bits.position();
                    state.slot += usize::from(ends);
                    state.k = select_unpredictable(ends, 0, state.k);
                    state.table = select_unpredictable(ends, node.of_next, node.within);
                    state.node = select_unpredictable(ends, node.next, state.node);
                } else {
                    let coding = &codings[usize::from(node.member)];
                    let Ok(after) = pass_odd_stride(state, stride, (coding, node)) else {
                        found = Found::Damaged;
                        break 'strides;
                    };
                    state = after;
                    if state.k == 0 {
                        slots[state.slot % SLOTS] = state.bits.position();
                    }
                }
            }
        }
        let mut whole = state.slot.min(wanted);
        while whole > 0 && slots[whole % SLOTS] > window.end_bit(0) {
            whole -= 1;
            found = Found::Starved;
        }
        (whole, found)
    }
}

/// Goes on from a stride that led to the end of a block or beyond: by one symbol, unless it led to the very end.
#[cold]
#[inline(never)]
fn pass_odd_stride<'w>(
    mut state: State<'w>,
    stride: Stride,
    (coding, node): (&Coding<'_>, Node),
) -> Result<State<'w>, Damage> {
    if state.k != 64 || stride.ends() {
        state.bits = state.bits.back(stride.bits());
        state.k = coding.step(&mut state.bits, state.k - stride.advance())?;
    }
    if state.k < 64 {
        state.table = node.within;
    } else {
        state.k = 0;
        state.slot += 1;
        state.table = node.of_next;
        state.node = node.next;
    }
    Ok(state)
}
