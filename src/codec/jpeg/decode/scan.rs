//! One scan: which blocks it codes, in what order, and with which tables.

use super::error::{DecodeError, Part, malformed};
use super::frame::Frame;
use super::header::{Component, Header, Process};

/// The parameters of a scan (T.81, B.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) members: Vec<Member>,
    /// The first and the last coefficient as stored: 0 to 63 where the process has no choice.
    pub(super) band: (u8, u8),
    /// Low bits that the scans before it left out, and that this one leaves out.
    pub(super) left_out: (u8, u8),
}

/// A component in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Index among the components of the frame.
    pub(super) component: usize,
    /// Numbers of its code tables, 0 to 3.
    pub(super) dc_table: usize,
    pub(super) ac_table: usize,
}

/// Blocks that an interleaved unit may hold at most (T.81, B.2.3).
pub(super) const UNIT_BLOCKS_MAX: usize = 10;

impl Scan {
    pub(super) fn parse(body: &[u8], header: &Header) -> Result<Self, DecodeError> {
        let Some((&count, rest)) = body.split_first() else {
            return malformed(Part::ScanHeader);
        };
        let count = usize::from(count);
        if !(1..=4).contains(&count) || rest.len() < 2 * count + 3 {
            return malformed(Part::ScanHeader);
        }
        let (selectors, parameters) = rest.split_at(2 * count);
        let mut members: Vec<Member> = Vec::with_capacity(count);
        for selector in selectors.chunks_exact(2) {
            let member = Member::parse(selector[0], selector[1], &header.components)?;
            let again = |other: &Member| other.component == member.component;
            if members.iter().any(again) {
                return malformed(Part::ScanHeader);
            }
            members.push(member);
        }
        let scan = match header.process {
            Process::Baseline | Process::Extended => Self {
                members,
                band: (0, 63),
                left_out: (0, 0),
            },
            Process::Progressive => Self {
                members,
                band: (parameters[0], parameters[1]),
                left_out: (parameters[2] >> 4, parameters[2] & 15),
            },
        };
        scan.check(header)?;
        Ok(scan)
    }

    fn check(&self, header: &Header) -> Result<(), DecodeError> {
        let (first, last) = self.band;
        let (before, after) = self.left_out;
        let band_is_possible = match header.process {
            Process::Baseline | Process::Extended => true,
            Process::Progressive if first == 0 => last == 0,
            Process::Progressive => first <= last && last < 64 && self.members.len() == 1,
        };
        let bits_are_possible = after <= 13 && (before == 0 || before == after + 1);
        let blocks = |member: &Member| {
            let component = &header.components[member.component];
            usize::from(component.h) * usize::from(component.v)
        };
        let unit_blocks: usize = self.members.iter().map(blocks).sum();
        let unit_is_possible = self.members.len() == 1 || unit_blocks <= UNIT_BLOCKS_MAX;
        if band_is_possible && bits_are_possible && unit_is_possible {
            Ok(())
        } else {
            malformed(Part::ScanHeader)
        }
    }

    /// Whether it makes coefficients more precise that earlier scans have begun.
    pub(super) fn is_refinement(&self) -> bool {
        self.left_out.0 != 0
    }
}

impl Member {
    fn parse(id: u8, tables: u8, components: &[Component]) -> Result<Self, DecodeError> {
        let component = components.iter().position(|component| component.id == id);
        let (dc_table, ac_table) = (usize::from(tables >> 4), usize::from(tables & 15));
        match component {
            Some(component) if dc_table < 4 && ac_table < 4 => Ok(Self {
                component,
                dc_table,
                ac_table,
            }),
            Some(_) | None => malformed(Part::ScanHeader),
        }
    }
}

/// A block of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnitBlock {
    /// Index among the members of the scan.
    pub(super) member: usize,
    pub(super) component: usize,
    /// Blocks of the component from one unit to the next, across and down.
    pub(super) step_x: usize,
    pub(super) step_y: usize,
    /// Where it stands within the unit, in blocks.
    pub(super) dx: usize,
    pub(super) dy: usize,
}

impl UnitBlock {
    /// Where this block of the unit at (x, y) stands in its component, in blocks.
    #[inline(always)]
    pub(super) fn place(&self, (x, y): (usize, usize)) -> (usize, usize) {
        (x * self.step_x + self.dx, y * self.step_y + self.dy)
    }
}

/// The order of the blocks of a scan (T.81, A.2): units in rows, each a fixed sequence of blocks.
#[derive(Clone, Debug)]
pub(super) struct Units {
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) blocks: Vec<UnitBlock>,
}

impl Units {
    pub(super) fn of(scan: &Scan, frame: &Frame) -> Self {
        if let [only] = scan.members[..] {
            let channel = &frame.channels[only.component];
            return Self {
                across: channel.blocks_x,
                down: channel.blocks_y,
                blocks: vec![UnitBlock {
                    member: 0,
                    component: only.component,
                    step_x: 1,
                    step_y: 1,
                    dx: 0,
                    dy: 0,
                }],
            };
        }
        let mut blocks = Vec::with_capacity(UNIT_BLOCKS_MAX);
        for (index, member) in scan.members.iter().enumerate() {
            let channel = &frame.channels[member.component];
            for (dy, dx) in (0..channel.v).flat_map(|dy| (0..channel.h).map(move |dx| (dy, dx))) {
                blocks.push(UnitBlock {
                    member: index,
                    component: member.component,
                    step_x: channel.h,
                    step_y: channel.v,
                    dx,
                    dy,
                });
            }
        }
        Self {
            across: frame.units_x,
            down: frame.units_y,
            blocks,
        }
    }
}
