//! Files that are cut, damaged, or made to cost more than they should.

use std::sync::atomic::{AtomicU32, Ordering};

use img_codec::jpeg::decode::{
    Completeness, DecodeError, Decoded, Feature, Limits, Missing, Refinement, Request, Scale,
    decode, memory_needed, read_header,
};
use img_codec::stop::{NeverStop, Stop};
use jpeg_encoder::SamplingFactor;
use proptest::prelude::*;

use crate::pictures::{Recipe, Scans};
use crate::{decode_at, request};

/// Decodes any bytes in every way; what comes of it has the promised size.
fn check_any(bytes: &[u8]) {
    for eighths in 1..=8 {
        for (missing, refinement) in [
            (Missing::Refuse, Refinement::Exact),
            (Missing::Accept, Refinement::Exact),
            (Missing::Accept, Refinement::Approximate),
        ] {
            let decoded = decode(&Request {
                missing,
                refinement,
                ..request(bytes, eighths)
            });
            if let Ok(decoded) = decoded {
                check_sizes(&decoded, eighths);
            }
        }
    }
}

fn check_sizes(decoded: &Decoded, eighths: u8) {
    let header = &decoded.header;
    let (h_max, v_max) = header.sampling_max();
    let length = |pixels: u32, factor: u8, max: u8| {
        let samples = (pixels * u32::from(factor)).div_ceil(u32::from(max));
        (samples * u32::from(eighths)).div_ceil(8) as usize
    };
    assert_eq!(decoded.planes.len(), header.components.len());
    for (plane, component) in decoded.planes.iter().zip(&header.components) {
        assert_eq!(plane.width(), length(header.width_px, component.h, h_max));
        assert_eq!(plane.height(), length(header.height_px, component.v, v_max));
    }
}

fn lenient(bytes: &[u8], eighths: u8) -> Result<Decoded, DecodeError> {
    decode(&Request {
        missing: Missing::Accept,
        ..request(bytes, eighths)
    })
}

/// Where the coded data of the first scan begin.
fn coded_data(bytes: &[u8]) -> usize {
    let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda]);
    let scan = scan.unwrap();
    scan + 2 + usize::from(bytes[scan + 3])
}

fn set_frame(bytes: &mut [u8], at: usize, value: &[u8]) {
    let is_frame = |pair: &[u8]| pair[0] == 0xff && (0xc0..=0xc2).contains(&pair[1]);
    let frame = bytes.windows(2).position(is_frame).unwrap();
    bytes[frame + at..frame + at + value.len()].copy_from_slice(value);
}

#[test]
fn a_file_cut_in_the_middle_keeps_its_first_rows() {
    let recipe = Recipe {
        size: (64, 96),
        sampling: SamplingFactor::F_1_1,
        ..Recipe::default()
    };
    let bytes = recipe.encode();
    let cut = &bytes[..usize::midpoint(bytes.len(), coded_data(&bytes))];
    for eighths in 1..=8 {
        assert!(matches!(
            decode_at(cut, eighths),
            Err(DecodeError::Truncated { .. })
        ));
        let whole = decode_at(&bytes, eighths).unwrap();
        let part = lenient(cut, eighths).unwrap();
        assert_eq!(part.completeness, Completeness::Partial);
        check_sizes(&part, eighths);
        let rows = 4 * usize::from(eighths);
        for (whole, part) in whole.planes.iter().zip(&part.planes) {
            assert!((0..rows).all(|y| whole.row(y) == part.row(y)));
            assert!(part.row(part.height() - 1).iter().all(|&s| s == 128));
        }
    }
}

#[test]
fn a_progressive_file_cut_in_the_middle_is_coarse() {
    let recipe = Recipe {
        scans: Scans::Progressive,
        ..Recipe::default()
    };
    let bytes = recipe.encode();
    let cut = &bytes[..bytes.len() * 2 / 3];
    assert!(decode_at(cut, 8).is_err());
    let (whole, part) = (decode_at(&bytes, 8).unwrap(), lenient(cut, 8).unwrap());
    assert_eq!(part.completeness, Completeness::Partial);
    let off = distance(&whole, &part);
    assert!(off > 0.1 && off < 20.0, "{off}");
}

/// The mean difference of the first planes.
fn distance(one: &Decoded, other: &Decoded) -> f64 {
    let pairs = one.planes[0].rows().zip(other.planes[0].rows());
    let off = |(one, other): (&[u8], &[u8])| -> u64 {
        let samples = one.iter().zip(other);
        samples.map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
    };
    let total: u64 = pairs.map(off).sum();
    total as f64 / (one.planes[0].width() * one.planes[0].height()) as f64
}

#[test]
fn damage_ends_at_the_next_restart_marker() {
    let recipe = Recipe {
        size: (64, 64),
        sampling: SamplingFactor::F_1_1,
        restart_interval: 8,
        ..Recipe::default()
    };
    let mut bytes = recipe.encode();
    let whole = decode_at(&bytes, 8).unwrap();
    let start = coded_data(&bytes);
    let is_restart = |pair: &[u8]| pair == [0xff, 0xd2];
    let third = start + bytes[start..].windows(2).position(is_restart).unwrap();
    bytes.drain(third - 9..third);
    assert!(decode_at(&bytes, 8).is_err());
    let part = lenient(&bytes, 8).unwrap();
    assert_eq!(part.completeness, Completeness::Partial);
    for y in (0..16).chain(24..64) {
        assert_eq!(part.planes[0].row(y), whole.planes[0].row(y), "row {y}");
    }
    bytes[third - 9 + 1] = 0xd3;
    let lost = lenient(&bytes, 8).unwrap();
    assert_eq!(lost.planes[0].row(60), whole.planes[0].row(60));
}

#[test]
fn a_restart_marker_lost_costs_its_interval_alone() {
    let recipe = Recipe {
        size: (64, 64),
        sampling: SamplingFactor::F_1_1,
        restart_interval: 8,
        ..Recipe::default()
    };
    let mut bytes = recipe.encode();
    let whole = decode_at(&bytes, 8).unwrap();
    let start = coded_data(&bytes);
    let at = |second: u8| {
        let is_restart = |pair: &[u8]| pair == [0xff, second];
        start + bytes[start..].windows(2).position(is_restart).unwrap()
    };
    let (second, third) = (at(0xd1), at(0xd2));
    bytes.drain(second..third);
    let part = lenient(&bytes, 8).unwrap();
    assert_eq!(part.completeness, Completeness::Partial);
    for y in (0..16).chain(24..64) {
        assert_eq!(part.planes[0].row(y), whole.planes[0].row(y), "row {y}");
    }
}

#[test]
fn what_is_not_supported_is_named() {
    let bytes = Recipe::default().encode();
    for (at, value, what) in [
        (1, 0xc3, Feature::Lossless),
        (1, 0xc5, Feature::Hierarchical),
        (1, 0xc9, Feature::ArithmeticCoding),
        (1, 0xca, Feature::ArithmeticCoding),
        (4, 12, Feature::Precision { bits: 12 }),
        (9, 2, Feature::ComponentCount { components: 2 }),
    ] {
        let mut bytes = bytes.clone();
        set_frame(&mut bytes, at, &[value]);
        let refused = Err(DecodeError::Unsupported { what });
        assert_eq!(decode_at(&bytes, 4), refused);
        assert_eq!(read_header(&bytes).map(drop), refused.map(|_: Decoded| ()));
    }
    let mut bytes = bytes;
    set_frame(&mut bytes, 5, &[0, 0]);
    let what = Feature::HeightAfterScan;
    assert_eq!(decode_at(&bytes, 4), Err(DecodeError::Unsupported { what }));
}

#[test]
fn a_bomb_is_refused_before_it_costs() {
    for scans in [Scans::Baseline, Scans::Progressive] {
        let recipe = Recipe {
            scans,
            ..Recipe::default()
        };
        let mut bytes = recipe.encode();
        set_frame(&mut bytes, 5, &[0xff, 0xdc, 0xff, 0xdc]);
        assert!(matches!(
            lenient(&bytes, 8),
            Err(DecodeError::TooManyPixels { .. })
        ));
        let unlimited = Request {
            missing: Missing::Accept,
            limits: Limits {
                pixels_max: u64::MAX,
                scans_max: 100,
            },
            ..request(&bytes, 8)
        };
        assert!(matches!(
            decode(&unlimited),
            Err(DecodeError::Truncated { .. })
        ));
    }
}

#[test]
fn scans_are_limited() {
    let recipe = Recipe {
        scans: Scans::Progressive,
        ..Recipe::default()
    };
    let bytes = recipe.encode();
    for eighths in [1, 8] {
        let mut few = request(&bytes, eighths);
        few.limits.scans_max = 3;
        let refused = DecodeError::TooManyScans { scans_max: 3 };
        assert_eq!(decode(&few), Err(refused));
    }
}

/// Stops once it was asked so many times; counts how often it was.
struct StopAfter {
    asked: AtomicU32,
    times: u32,
}

impl StopAfter {
    fn new(times: u32) -> Self {
        Self {
            asked: AtomicU32::new(0),
            times,
        }
    }
}

impl Stop for StopAfter {
    fn should_stop(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) >= self.times
    }
}

#[test]
fn decoding_asks_in_each_row_of_blocks_and_stops_at_once() {
    for (scans, restart_interval) in [
        (Scans::Baseline, 0),
        (Scans::Baseline, 1),
        (Scans::Progressive, 0),
    ] {
        let recipe = Recipe {
            scans,
            restart_interval,
            size: (64, 800),
            sampling: SamplingFactor::F_1_1,
            ..Recipe::default()
        };
        let bytes = recipe.encode();
        for eighths in [1, 2, 8] {
            let decode_until = |stop: &StopAfter| {
                let outcome = decode(&Request {
                    stop,
                    missing: Missing::Accept,
                    ..request(&bytes, eighths)
                });
                (outcome, stop.asked.load(Ordering::Relaxed))
            };
            let (whole, asked) = decode_until(&StopAfter::new(u32::MAX));
            assert!(whole.is_ok());
            // A hundred rows of blocks.
            assert!(asked >= 100, "{scans:?} at {eighths}/8: {asked}");
            for times in [0, 1, asked / 2, asked - 1] {
                let (stopped, asked) = decode_until(&StopAfter::new(times));
                assert_eq!(stopped, Err(DecodeError::Stopped));
                assert_eq!(asked, times + 1, "it went on");
            }
        }
    }
    assert!(!NeverStop.should_stop());
}

#[test]
fn memory_needed_grows_with_the_scale() {
    let recipe = Recipe {
        size: (800, 600),
        scans: Scans::Progressive,
        ..Recipe::default()
    };
    let header = read_header(&recipe.encode()).unwrap();
    let needed = |eighths| memory_needed(&header, Scale::from_eighths(eighths).unwrap());
    assert!((1..8).all(|eighths| needed(eighths) < needed(eighths + 1)));
    // Planes and coefficients of one and a half samples for each pixel, and masks.
    assert!(needed(8) > 3 * 800 * 600 * 3 / 2);
    assert!(needed(8) < 4 * 800 * 600 * 3 / 2 + (1 << 20));
}

#[test]
fn what_is_no_jpeg_is_called_so() {
    for bytes in [&b""[..], b"\xff", b"\xff\xd7", b"GIF89a"] {
        assert_eq!(decode_at(bytes, 8), Err(DecodeError::NotJpeg));
        assert_eq!(read_header(bytes), Err(DecodeError::NotJpeg));
    }
}

/// A file that is changed in some places and perhaps cut.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let scans = prop_oneof![
        Just(Scans::Baseline),
        Just(Scans::Optimised),
        Just(Scans::Progressive)
    ];
    let sampling = prop_oneof![
        Just(SamplingFactor::F_1_1),
        Just(SamplingFactor::F_2_2),
        Just(SamplingFactor::F_4_1)
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    let size = (1_u16..70, 1_u16..70);
    let cut = prop::option::of(any::<prop::sample::Index>());
    (scans, sampling, size, 0_u16..5, changes, cut).prop_map(
        |(scans, sampling, size, restart_interval, changes, cut)| {
            let recipe = Recipe {
                size,
                sampling,
                scans,
                // The encoder's own tables have no room for what restarts add.
                restart_interval: match scans {
                    Scans::Baseline => restart_interval,
                    Scans::Optimised | Scans::Progressive => 0,
                },
                ..Recipe::default()
            };
            let mut bytes = recipe.encode();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_files_give_an_error_or_planes_of_the_promised_size(bytes in damaged()) {
        check_any(&bytes);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = vec![0xff, 0xd8];
        file.extend(bytes);
        check_any(&file);
    }
}
