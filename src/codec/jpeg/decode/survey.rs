//! Which scans of a progressive file need decoding.

use super::error::DecodeError;
use super::header::Header;
use super::scan::Scan;
use super::segment::{Segments, end_of_coded_data, marker};
use super::zigzag::low_mask;
use super::{Refinement, Scale};

/// What becomes of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Decode,
    Skip,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// For each scan in the order of the file.
    pub(super) uses: Vec<Use>,
    /// Whether a scan to be decoded depends on which coefficients the ones before it found to be other than zero.
    pub(super) needs_history: bool,
    /// For each component: low bits that the AC values lack because scans are skipped.
    pub(super) bits_left_out: [u8; 4],
}

/// Lists the scans from a place of the file on, as far as they can be read.
pub(super) fn list_scans(
    mut segments: Segments<'_>,
    bytes: &[u8],
    header: &Header,
    scans_max: u32,
) -> Result<Vec<Scan>, DecodeError> {
    let mut scans = Vec::new();
    // What stops the listing stops the decoding at the same place, and is reported there.
    while let Ok(Some(segment)) = segments.next() {
        match segment.marker {
            marker::END_OF_IMAGE => break,
            marker::START_OF_SCAN => {
                if scans.len() >= scans_max as usize {
                    return Err(DecodeError::TooManyScans { scans_max });
                }
                let Ok(scan) = Scan::parse(segment.body, header) else {
                    break;
                };
                scans.push(scan);
                segments.resume_at(end_of_coded_data(bytes, segments.position()));
            }
            _ => {}
        }
    }
    Ok(scans)
}

impl Plan {
    pub(super) fn new(scans: &[Scan], scale: Scale, refinement: Refinement) -> Self {
        let low = low_mask(usize::from(scale.eighths()));
        let mut plan = Self {
            uses: vec![Use::Skip; scans.len()],
            ..Self::default()
        };
        // Of each component, the coefficients whose history a later scan goes by.
        let mut history = [0; 4];
        for (use_, scan) in plan.uses.iter_mut().zip(scans).rev() {
            let band = band_mask(scan);
            let component = scan.members[0].component & 3;
            if band & (low | history[component]) == 0 {
                continue;
            }
            if refinement == Refinement::Approximate && is_dispensable(scan, scale) {
                let left_out = &mut plan.bits_left_out[component];
                *left_out = scan.left_out.0.max(*left_out);
                continue;
            }
            *use_ = Use::Decode;
            if scan.is_refinement() && band != 1 {
                history[component] |= band;
                plan.needs_history = true;
            }
        }
        plan
    }
}

/// The coefficients of a scan, the k-th as stored being the k-th lowest bit.
pub(super) fn band_mask(scan: &Scan) -> u64 {
    let (first, last) = scan.band;
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

/// Whether a scan changes little for what it costs: the last bit of AC values, and at the smallest scales every bit
/// that is not in the first scan. No scan to be decoded depends on one that is dispensable: what refines further comes
/// later and is dispensable too.
fn is_dispensable(scan: &Scan, scale: Scale) -> bool {
    let refines_ac = scan.is_refinement() && scan.band.0 != 0;
    refines_ac && (scale.eighths() <= 2 || scan.left_out.1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::decode::scan::Member;

    /// Of the only component.
    fn scan(band: (u8, u8), left_out: (u8, u8)) -> Scan {
        let member = Member {
            component: 0,
            dc_table: 0,
            ac_table: 0,
        };
        Scan {
            members: vec![member],
            band,
            left_out,
        }
    }

    #[track_caller]
    fn check(eighths: u8, refinement: Refinement, expected: &str) {
        let scans = [
            scan((0, 0), (0, 1)),
            scan((1, 5), (0, 2)),
            scan((6, 63), (0, 2)),
            scan((1, 63), (2, 1)),
            scan((0, 0), (1, 0)),
            scan((1, 63), (1, 0)),
        ];
        let plan = Plan::new(&scans, Scale::from_eighths(eighths).unwrap(), refinement);
        let uses: String = plan
            .uses
            .iter()
            .map(|use_| match use_ {
                Use::Decode => 'd',
                Use::Skip => '-',
            })
            .collect();
        assert_eq!(uses, expected);
    }

    #[test]
    fn the_smallest_scale_needs_means_alone() {
        check(1, Refinement::Exact, "d---d-");
    }

    #[test]
    fn exact_values_need_the_history_of_the_whole_band() {
        check(2, Refinement::Exact, "dddddd");
    }

    #[test]
    fn approximate_values_need_no_scan_beyond_the_square() {
        check(2, Refinement::Approximate, "dd--d-");
        check(4, Refinement::Approximate, "ddddd-");
    }

    #[test]
    fn a_scan_beyond_the_square_that_nothing_refines_is_skipped() {
        let scans = [
            scan((0, 0), (0, 0)),
            scan((1, 4), (0, 1)),
            scan((5, 63), (0, 0)),
            scan((1, 4), (1, 0)),
        ];
        let plan = Plan::new(&scans, Scale::from_eighths(2).unwrap(), Refinement::Exact);
        assert_eq!(
            plan.uses,
            [Use::Decode, Use::Decode, Use::Skip, Use::Decode]
        );
        assert!(plan.needs_history);
    }
}
