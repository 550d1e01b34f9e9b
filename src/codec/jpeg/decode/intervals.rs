//! The restart intervals of a scan: from marker to marker, and what becomes of those that are damaged.

use std::ops::Range;

use super::error::{DecodeError, Part};
use super::segment::{end_of_coded_data, find_marker, is_restart, marker};
use super::window::Window;
use super::{Missing, Request};

/// Units of one row that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) y: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// How far a decoder got in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    /// The window has too little for the unit at this place of the row.
    Starved {
        at: usize,
    },
    /// What the window has for the unit at this place cannot be.
    Damaged {
        at: usize,
    },
}

/// What is done with the coded data of a scan.
pub(super) trait UnitDecoder {
    /// Forgets what one unit tells of the next.
    fn restart(&mut self);

    /// Decodes units from a bit position of the window, and moves that on past those that are done.
    fn decode(&mut self, window: &Window<'_>, position: &mut u32, run: Run) -> Progress;

    /// Makes up for units that cannot be decoded.
    fn fill(&mut self, run: Run);
}

/// Where a scan begins and how it is cut up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Where its coded data begins in the input.
    pub(super) start: usize,
    /// Units in a row, and rows.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Units from one restart marker to the next; 0 if there are none.
    pub(super) restart_interval: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScanEnd {
    /// Of the marker after the coded data, or the end of the input.
    pub(super) position: usize,
    pub(super) completeness: Completeness,
}

/// Whether all of an image was in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    Whole,
    /// Samples without data are mid-grey, or as coarse as the scans that were there.
    Partial,
}

/// Takes a decoder through a scan.
pub(super) struct Walk<'a> {
    request: &'a Request<'a>,
    window: Window<'a>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(request: &'a Request<'a>) -> Self {
        Self {
            request,
            window: Window::new(request.bytes),
        }
    }

    pub(super) fn scan(
        &mut self,
        layout: Layout,
        decoder: &mut impl UnitDecoder,
    ) -> Result<ScanEnd, DecodeError> {
        let total = layout.across * layout.down;
        let interval = match layout.restart_interval {
            0 => total,
            units => units,
        };
        let mut completeness = Completeness::Whole;
        let mut restarts = 0;
        let mut unit = 0;
        self.window.restart_at(layout.start);
        loop {
            let end = total.min(unit + interval);
            decoder.restart();
            let reached = self.interval(layout, unit..end, decoder)?;
            let mut next = end;
            if end < total {
                next = end.max(total.min(self.seek_restart(&mut restarts, end, interval)?));
            }
            if reached < end || next > end {
                self.accept_damage()?;
                completeness = Completeness::Partial;
                fill(layout, reached..end, decoder);
                fill(layout, end..next, decoder);
            }
            unit = next;
            if unit >= total {
                break;
            }
        }
        Ok(ScanEnd {
            position: end_of_coded_data(self.request.bytes, self.window.input_position()),
            completeness,
        })
    }

    /// Decodes one restart interval; says which unit it got to.
    fn interval(
        &mut self,
        layout: Layout,
        units: Range<usize>,
        decoder: &mut impl UnitDecoder,
    ) -> Result<usize, DecodeError> {
        let mut position = 0;
        let mut unit = units.start;
        while unit < units.end {
            if self.request.stop.should_stop() {
                return Err(DecodeError::Stopped);
            }
            let mut run = run_at(layout, &(unit..units.end));
            let first = unit - run.from;
            loop {
                match decoder.decode(&self.window, &mut position, run) {
                    Progress::Done => break,
                    Progress::Damaged { at } => return Ok(first + at),
                    Progress::Starved { at } if self.window.has_ended() => return Ok(first + at),
                    Progress::Starved { at } => {
                        run.from = at;
                        self.window.refill((position / 8) as usize);
                        position %= 8;
                    }
                }
            }
            unit = first + run.to;
        }
        Ok(unit)
    }

    /// Finds the next restart marker and the unit that follows it: `end` if it is the one expected, later if intervals
    /// were lost, past the last if there is no more.
    fn seek_restart(
        &mut self,
        restarts: &mut u8,
        end: usize,
        interval: usize,
    ) -> Result<usize, DecodeError> {
        let mut from = self.window.input_position();
        while let Some((at, found)) = find_marker(self.request.bytes, from) {
            from = at + 2;
            if !is_restart(found) {
                break;
            }
            let ahead = (found - marker::RESTART_FIRST).wrapping_sub(*restarts) & 7;
            if ahead != 0 && self.request.missing == Missing::Refuse {
                return Err(DecodeError::Malformed {
                    part: Part::RestartMarker,
                });
            }
            // One or two too many: markers were lost. One or two too few: this one is late. Else it is itself damaged.
            let lost = match ahead {
                1 | 2 => ahead,
                6 | 7 => continue,
                _ => 0,
            };
            *restarts = restarts.wrapping_add(lost + 1);
            self.window.restart_at(from);
            return Ok(end.saturating_add(interval.saturating_mul(usize::from(lost))));
        }
        Ok(usize::MAX)
    }

    /// An error unless damage is to be put up with.
    fn accept_damage(&self) -> Result<(), DecodeError> {
        let part = Part::EntropyCodedData;
        match self.request.missing {
            Missing::Accept => Ok(()),
            Missing::Refuse if self.window.input_position() + 1 >= self.request.bytes.len() => {
                Err(DecodeError::Truncated { part })
            }
            Missing::Refuse => Err(DecodeError::Malformed { part }),
        }
    }
}

/// As much of the first row of some units as belongs to them.
fn run_at(layout: Layout, units: &Range<usize>) -> Run {
    let (y, from) = (units.start / layout.across, units.start % layout.across);
    let to = layout.across.min(from + units.len());
    Run { y, from, to }
}

fn fill(layout: Layout, mut units: Range<usize>, decoder: &mut impl UnitDecoder) {
    while !units.is_empty() {
        let run = run_at(layout, &units);
        decoder.fill(run);
        units.start += run.to - run.from;
    }
}
