//! Originals that are broken, cut off or changed at random, and derivations that are stopped.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::imaging::fixture::{LATITUDE, contains, png_with};
use crate::imaging::metadata::{MetadataMode, strip};
use crate::imaging::sample::noise_jpeg;
use crate::model::recipe::Scan;

/// Stops at the n-th question.
struct StopAfter(AtomicU32);

impl Stop for StopAfter {
    fn should_stop(&self) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        left == 0
    }
}

#[test]
fn stopping_works_before_during_and_after_decoding() {
    let noise = noise_jpeg(300, 300, 7);
    let image = image::load_from_memory(&noise).unwrap();
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ] {
        let original = write(&image, format);
        // The first question precedes the decoding; the file is long enough for more within it.
        for questions in 0..3 {
            let stop = StopAfter(AtomicU32::new(questions));
            let recipe = recipe(Fit::Contain, 10, 10, OutputFormat::Jpeg);
            let error = with(&original, &[recipe], &stop).unwrap_err();
            assert_eq!(error.code(), "timed-out", "{format:?} after {questions}");
            assert!(error.is_retryable());
        }
    }
    let stop = StopAfter(AtomicU32::new(1_000));
    let recipe = recipe(Fit::Contain, 10, 10, OutputFormat::Jpeg);
    assert!(with(&noise, &[recipe], &stop).is_ok());
    assert!(stop.0.into_inner() < 995, "decoding asked nothing");
}

#[test]
fn data_that_only_a_decoder_can_judge_is_corrupt() {
    let mut png = write(&quadrants(24, 16), ImageFormat::Png);
    let data = png.windows(4).position(|kind| kind == b"IDAT").unwrap() + 4;
    png[data..data + 8].fill(0xff);
    let recipe = recipe(Fit::Contain, 4, 4, OutputFormat::Jpeg);
    let error = with(&png, &[recipe], &NeverStop).unwrap_err();
    assert!(matches!(error, ImagingError::Corrupt { .. }), "{error:?}");
}

/// Flips and cuts; every other file is cut nowhere, so that decoders get their share.
fn mutated(index: usize, flips: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let exif = camera_exif(6, true);
    let mut files: Vec<Vec<u8>> = decodable()
        .into_iter()
        .chain(undecodable())
        .map(|(_, bytes)| bytes)
        .collect();
    files.push(jpeg_with(&files[0], &[exif_segment(&exif)]));
    files.push(gif(10, 10, 3));
    let index = index % files.len();
    let mut bytes = files.swap_remove(index);
    for &(at, value) in flips {
        let at = at % bytes.len();
        bytes[at] ^= value;
    }
    if cut % 2 == 1 {
        bytes.truncate(cut % bytes.len());
    }
    bytes
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(600))]
    #[test]
    fn mutated_files_never_panic(
        index in 0_usize..12,
        flips in proptest::collection::vec((0_usize..4_000, 0_u8..=255), 0..6),
        cut in 0_usize..4_000,
    ) {
        let bytes = mutated(index, &flips, cut);
        let limits = Limits {
            svg: SvgPolicy::Accept,
            pixels_max: 100_000,
            ..Limits::default()
        };
        if let Some(media) = sniff(&bytes) {
            for mode in [MetadataMode::StripGps, MetadataMode::StripAll] {
                let _ = strip(&bytes, media, mode);
            }
        }
        let _ = derive(&DeriveRequest {
            watermarks: &Watermarks::default(),
            original: &bytes,
            recipes: &[recipe(Fit::Cover, 7, 9, OutputFormat::Jpeg)],
            limits: &limits,
            stop: &NeverStop,
        });
    }
}

fn with_damage(original: &[u8], damaged: DamagedPolicy) -> Result<RgbaImage, ImagingError> {
    let limits = Limits {
        damaged,
        ..Limits::default()
    };
    let derived = derive(&DeriveRequest {
        watermarks: &Watermarks::default(),
        original,
        recipes: &[recipe(Fit::Contain, 32, 32, OutputFormat::Png)],
        limits: &limits,
        stop: &NeverStop,
    });
    Ok(shown(&derived?[0].bytes))
}

/// A baseline and a progressive JPEG, and a PNG.
fn cuttable() -> [Vec<u8>; 3] {
    let image = quadrants(256, 192);
    let jpeg = |scan| {
        let mut recipe = recipe(Fit::Contain, 256, 256, OutputFormat::Jpeg);
        recipe.encoding.scan = scan;
        encoded(&write(&image, ImageFormat::Png), recipe).bytes
    };
    let mut png = std::io::Cursor::new(Vec::new());
    let encoder = image::codecs::png::PngEncoder::new_with_quality(
        &mut png,
        image::codecs::png::CompressionType::Uncompressed,
        image::codecs::png::FilterType::NoFilter,
    );
    image.write_with_encoder(encoder).unwrap();
    [
        jpeg(Scan::Baseline),
        jpeg(Scan::Progressive),
        png.into_inner(),
    ]
}

/// Where its coded data begin.
fn pixels_at(file: &[u8]) -> usize {
    let at = |sign: &[u8]| file.windows(sign.len()).position(|found| found == sign);
    at(b"\xff\xda").or_else(|| at(b"IDAT")).unwrap()
}

#[test]
fn a_file_that_is_cut_off_is_refused_or_shown_as_far_as_it_goes() {
    for original in cuttable() {
        let whole = with_damage(&original, DamagedPolicy::Accept).unwrap();
        assert_quadrants(&whole, QUADRANTS, "whole");
        // Without its end, and with two thirds of its pixels.
        let pixels_at = pixels_at(&original);
        for left in [
            original.len() - 2,
            original.len() - 14,
            pixels_at + (original.len() - pixels_at) * 2 / 3,
        ] {
            let cut = &original[..left];
            let error = with_damage(cut, DamagedPolicy::Refuse).unwrap_err();
            assert_eq!(error.code(), "image-truncated");
            let shown = with_damage(cut, DamagedPolicy::Accept).unwrap();
            assert_eq!(shown.dimensions(), (32, 24));
            let [red, green, ..] = QUADRANTS;
            assert_near(*shown.get_pixel(4, 4), red, "what is left");
            assert_near(*shown.get_pixel(24, 4), green, "what is left");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_never_panics() {
    for original in cuttable() {
        for left in (0..original.len()).step_by(original.len() / 150) {
            match with_damage(&original[..left], DamagedPolicy::Accept) {
                Ok(shown) => assert_eq!(shown.dimensions(), (32, 24)),
                Err(error) => assert!(
                    [
                        "image-truncated",
                        "image-corrupt",
                        "not-an-image",
                        "image-empty"
                    ]
                    .contains(&error.code()),
                    "{left} of {}: {error:?}",
                    original.len()
                ),
            }
        }
    }
}

#[test]
fn metadata_of_a_file_that_is_cut_off_are_removed() {
    let exif = camera_exif(6, true);
    for original in cuttable() {
        let media = sniff(&original).unwrap();
        let original = match media {
            MediaType::Jpeg => jpeg_with(&original, &[exif_segment(&exif)]),
            _ => png_with(&original, &[png_chunk(*b"eXIf", &exif)]),
        };
        let cut = &original[..original.len() - 20];
        assert!(contains(cut, LATITUDE));
        for mode in [MetadataMode::StripGps, MetadataMode::StripAll] {
            let stripped = strip(cut, media, mode).unwrap();
            assert!(!contains(&stripped.bytes, LATITUDE));
            let shown = with_damage(&stripped.bytes, DamagedPolicy::Accept).unwrap();
            // It still stands upright.
            assert_eq!(shown, with_damage(cut, DamagedPolicy::Accept).unwrap());
            assert_eq!(shown.dimensions(), (24, 32));
        }
    }
}
