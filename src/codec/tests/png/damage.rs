//! Files that are cut off, corrupt or hostile.

use std::sync::atomic::{AtomicU32, Ordering};

use img_codec::png::{
    ColourType, DecodeError, Interlacing, Missing, Request, decode, memory_needed, read_header,
};
use img_codec::stop::{NeverStop, Stop};
use proptest::prelude::*;

use crate::file::{File, Kind, zlib};
use crate::reference::{LIMITS, decoded, planes};

#[track_caller]
fn refused(file: &[u8]) -> DecodeError {
    let error = decoded(file, 2, Missing::Refuse).unwrap_err();
    assert!(error.is_corrupt(), "{error}");
    error
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    for interlacing in [Interlacing::None, Interlacing::Adam7] {
        let kind = Kind {
            interlacing,
            ..Kind::RGB
        };
        let file = kind.file([30, 20], 3);
        for length in 0..file.len() {
            refused(&file[..length]);
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_decoded_as_far_as_it_goes_on_request() {
    let file = Kind::RGB.file([30, 20], 3);
    let whole = planes(&file);
    let cut = decoded(&file[..file.len() / 2], 1, Missing::Accept).unwrap();
    assert!(cut.damaged);
    let same = |y: &usize| (0..3).all(|i| cut.planes[i].row(*y) == whole[i].row(*y));
    let rows = (0..20).take_while(same).count();
    assert!((5..=10).contains(&rows), "{rows} rows");
    let zero = cut.planes.iter().flat_map(|plane| plane.rows().skip(rows));
    assert!(zero.flatten().all(|value| *value == 0));
}

#[test]
fn a_box_that_is_cut_off_is_the_average_of_the_rows_that_are_there() {
    let mut file = File::new(&Kind::RGB.header([2, 8]));
    file.pixels(&[0, 9, 9, 9, 9, 9, 9].repeat(5));
    let cut = decoded(&file.end(), 4, Missing::Accept).unwrap();
    assert_eq!(cut.planes[0].row(0), [9]);
    assert_eq!(cut.planes[0].row(1), [9]);
}

#[test]
fn a_wrong_checksum_is_refused_but_passed_over_on_request() {
    let file = Kind::RGB.file([30, 20], 3);
    let whole = planes(&file);
    // The CRC of the first IDAT, which holds 1000 bytes after signature, IHDR and its own head.
    let mut wrong = file.clone();
    wrong[8 + 25 + 8 + 1000] ^= 1;
    assert!(matches!(refused(&wrong), DecodeError::Checksum { .. }));
    let accepted = decoded(&wrong, 1, Missing::Accept).unwrap();
    assert!(accepted.damaged && accepted.planes == whole);

    let mut stream = zlib(&Kind::RGB.rows([30, 20], 3));
    *stream.last_mut().unwrap() ^= 1;
    let mut wrong = File::new(&Kind::RGB.header([30, 20]));
    wrong.chunk(*b"IDAT", &stream);
    let wrong = wrong.end();
    refused(&wrong);
    let accepted = decoded(&wrong, 1, Missing::Accept).unwrap();
    assert!(accepted.damaged && accepted.planes == whole);
}

#[test]
fn a_palette_with_a_wrong_checksum_is_used_on_request() {
    let kind = Kind {
        colour: ColourType::Palette,
        ..Kind::RGB
    };
    let mut file = kind.file([30, 20], 3);
    // After signature and IHDR: the head of PLTE, 768 bytes, its CRC.
    file[8 + 25 + 8 + 768] ^= 1;
    assert!(matches!(refused(&file), DecodeError::Checksum { .. }));
    let accepted = decoded(&file, 1, Missing::Accept).unwrap();
    assert!(accepted.damaged);
    assert!(accepted.planes == planes(&kind.file([30, 20], 3)));
}

#[test]
fn more_rows_than_the_header_promises_are_left_unread() {
    let rows = Kind::RGB.rows([30, 20], 3);
    let mut bomb = File::new(&Kind::RGB.header([30, 20]));
    bomb.pixels(&[rows.clone(), vec![0; 10_000_000]].concat());
    let bomb = bomb.end();
    let decoded = decoded(&bomb, 1, Missing::Refuse).unwrap();
    assert!(decoded.planes == planes(&Kind::RGB.file([30, 20], 3)));
}

#[test]
fn a_header_that_makes_no_sense_is_refused() {
    let header = Kind::RGB.header([30, 20]);
    let changes: [(usize, u8); 7] = [
        (3, 0),   // width 0
        (7, 0),   // height 0
        (0, 128), // width above 2^31
        (8, 4),   // 4 bits of RGB
        (9, 5),   // no such colour
        (10, 1),  // no such compression
        (12, 2),  // no such interlacing
    ];
    for (at, value) in changes {
        let mut changed = header.clone();
        changed[at] = value;
        let mut file = File::new(&changed);
        file.pixels(&Kind::RGB.rows([30, 20], 0));
        let file = file.end();
        refused(&file);
        assert!(read_header(&file).is_err());
        assert!(decoded(&file, 1, Missing::Accept).is_err());
    }
    assert_eq!(refused(b"\xff\xd8\xff\xe0"), DecodeError::NotPng);
}

#[test]
fn chunks_out_of_the_rules_are_refused() {
    let rows = Kind::RGB.rows([4, 4], 0);
    let with = |name: [u8; 4], content: &[u8]| {
        let mut file = File::new(&Kind::RGB.header([4, 4]));
        file.chunk(name, content);
        file.pixels(&rows);
        file.end()
    };
    assert!(decoded(&with(*b"whAt", &[]), 1, Missing::Refuse).is_ok());
    let error = refused(&with(*b"WHAT", &[]));
    assert_eq!(error.to_string(), "chunk WHAT is unknown and critical");
    refused(&with(*b"IHDR", &[]));
    refused(&with(*b"IEND", &[]));
    refused(&with(*b"tRNS", &[0; 5]));
    refused(&with(*b"PLTE", &[0; 5]));

    let mut long = with(*b"whAt", &[]);
    long[33] = 0x80;
    assert!(matches!(refused(&long), DecodeError::ChunkLength { .. }));
    long[33] = 0x7f;
    assert!(matches!(refused(&long), DecodeError::Truncated { .. }));

    let palette = Kind {
        colour: ColourType::Palette,
        ..Kind::RGB
    };
    let mut none = File::new(&palette.header([4, 4]));
    none.pixels(&palette.rows([4, 4], 0));
    assert_eq!(refused(&none.end()).to_string(), "no palette");
}

#[test]
fn a_filter_that_does_not_exist_ends_the_image() {
    let mut rows = Kind::RGB.rows([4, 8], 0);
    rows[13 * 5] = 5;
    let mut file = File::new(&Kind::RGB.header([4, 8]));
    file.pixels(&rows);
    let file = file.end();
    refused(&file);
    let cut = decoded(&file, 1, Missing::Accept).unwrap();
    assert!(cut.damaged);
    assert!(cut.planes[0].row(4).iter().any(|value| *value != 0));
    assert!(cut.planes[0].row(5).iter().all(|value| *value == 0));
}

#[test]
fn limits_are_kept_before_memory_is_taken() {
    // 4.6 * 10^18 pixels.
    let huge = Kind::RGB.header([i32::MAX.cast_unsigned(); 2]);
    let mut file = File::new(&huge);
    file.pixels(&[]);
    let file = file.end();
    assert!(memory_needed(&read_header(&file).unwrap(), 1) > 1 << 60);
    let error = decoded(&file, 1, Missing::Accept).unwrap_err();
    assert!(matches!(error, DecodeError::Pixels { .. }));
    assert!(!error.is_corrupt());

    let file = Kind::RGB.file([100, 100], 0);
    let mut request = Request {
        bytes: &file,
        shrink: 1,
        limits: LIMITS,
        stop: &NeverStop,
        missing: Missing::Refuse,
    };
    let needed = memory_needed(&read_header(&file).unwrap(), 1);
    request.limits.memory_bytes_max = needed;
    assert!(decode(&request).is_ok());
    request.limits.memory_bytes_max = needed - 1;
    assert!(matches!(decode(&request), Err(DecodeError::Memory { .. })));
    request.limits.pixels_max = 9999;
    assert!(matches!(decode(&request), Err(DecodeError::Pixels { .. })));
}

/// Stops when it was asked so many times.
struct StopAfter(AtomicU32);

impl Stop for StopAfter {
    fn should_stop(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

#[test]
fn decoding_stops_when_told_to_within_a_few_rows() {
    for interlacing in [Interlacing::None, Interlacing::Adam7] {
        let kind = Kind {
            interlacing,
            ..Kind::RGB
        };
        let file = kind.file([50, 400], 0);
        // 400 rows, at most four at a time.
        for asked in [0, 1, 99] {
            let stopped = decode(&Request {
                bytes: &file,
                shrink: 4,
                limits: LIMITS,
                stop: &StopAfter(AtomicU32::new(asked)),
                missing: Missing::Accept,
            });
            assert_eq!(stopped.unwrap_err(), DecodeError::Stopped);
        }
    }
}

fn any_missing() -> impl Strategy<Value = Missing> {
    prop_oneof![Just(Missing::Refuse), Just(Missing::Accept)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_mutated_file_gives_planes_of_the_promised_size_or_an_error(
        kind in prop::sample::select(Kind::all()),
        size in [1_u32..60, 1_u32..40],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        kept_percent in prop_oneof![3 => Just(100), 1 => 0..100_usize],
        shrink in 0_u32..12,
        missing in any_missing(),
    ) {
        let mut file = kind.file(size, 1);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        file.truncate(file.len() * kept_percent / 100);
        if let Ok(decoded) = decoded(&file, shrink, missing) {
            let header = read_header(&file).unwrap();
            let side = shrink.max(1);
            prop_assert_eq!(decoded.planes.len(), header.channels());
            for plane in &decoded.planes {
                prop_assert_eq!(plane.width(), header.width_px.div_ceil(side) as usize);
                prop_assert_eq!(plane.height(), header.height_px.div_ceil(side) as usize);
            }
            prop_assert!(memory_needed(&header, shrink) <= LIMITS.memory_bytes_max);
        }
    }

    #[test]
    fn bytes_that_are_no_zlib_stream_do_no_harm(
        stream in prop::collection::vec(any::<u8>(), 0..300),
        missing in any_missing(),
    ) {
        let mut file = File::new(&Kind::RGB.header([9, 9]));
        file.chunk(*b"IDAT", &stream);
        let decoded = decoded(&file.end(), 2, missing);
        prop_assert_eq!(decoded.is_ok(), missing == Missing::Accept);
    }
}
