//! Files of the encoder, decoded by another's decoder, beside those of another's encoder.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::*;
use crate::colour::{Chroma, ycbcr_from_rgb};

const WAYS: [(Huffman, Process); 3] = [
    (Huffman::Standard, Process::Sequential),
    (Huffman::Optimal, Process::Sequential),
    (Huffman::Optimal, Process::Progressive),
];

/// Slopes, waves, an edge and a little grain in colour.
fn photo(width: usize, height: usize) -> Vec<u8> {
    let mut grain = 1_u32;
    let pixels = (0..width * height).map(|i| (i % width, i / width));
    pixels
        .flat_map(|(x, y)| {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (fx, fy) = (x as f64, y as f64);
            let wave = ((fx * 0.11).sin() + (fy * 0.07).cos() + (fx * fy * 0.002).sin()) * 35.0;
            let edge = if (x / 23 + y / 31) % 2 == 0 {
                30.0
            } else {
                0.0
            };
            let grain = f64::from(grain >> 28);
            [wave, wave * 0.6 + fx * 0.2, edge - wave * 0.4]
                .map(|value| byte(120.0 + value + grain))
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
fn byte(value: f64) -> u8 {
    value as u8
}

fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn planes_of(planes: &[Plane]) -> Planes<'_> {
    match planes {
        [grey] => Planes::Grey(grey),
        [y, cb, cr] => Planes::YCbCr([y, cb, cr]),
        _ => unreachable!("one plane or three"),
    }
}

fn request(planes: &[Plane], quality: u8, (huffman, process): (Huffman, Process)) -> Request<'_> {
    Request {
        width_px: u32::try_from(planes[0].width()).unwrap(),
        height_px: u32::try_from(planes[0].height()).unwrap(),
        planes: planes_of(planes),
        quality,
        huffman,
        process,
        segments: &[],
    }
}

#[track_caller]
fn encoded(planes: &[Plane], quality: u8, way: (Huffman, Process)) -> Vec<u8> {
    encode(&request(planes, quality, way)).unwrap()
}

/// Interleaved samples; an error of the strict decoder fails the test.
#[track_caller]
fn decoded(file: &[u8], colours: ColorSpace) -> (usize, usize, Vec<u8>) {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    let samples = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    (width, height, samples)
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares.max(1e-9)).log10()
}

/// Grey, 4:4:4 and 4:2:0 of one picture.
fn all_kinds(rgb: &[u8], width: usize, height: usize) -> [Vec<Plane>; 3] {
    let full = ycbcr_from_rgb(rgb, width, height, Chroma::Full);
    let half = ycbcr_from_rgb(rgb, width, height, Chroma::Half);
    [vec![full[0].clone()], full.into(), half.into()]
}

fn colours_of(planes: &[Plane]) -> ColorSpace {
    if planes.len() == 1 {
        ColorSpace::Luma
    } else {
        ColorSpace::YCbCr
    }
}

#[test]
fn quality_and_size_are_those_of_another_encoder() {
    let (width, height) = (357, 251);
    let rgb = photo(width, height);
    for quality in [30, 50, 80, 95] {
        for (chroma, sampling) in [
            (Chroma::Full, SamplingFactor::F_1_1),
            (Chroma::Half, SamplingFactor::F_2_2),
        ] {
            for (way, progressive) in WAYS.into_iter().zip([false, false, true]) {
                let planes = ycbcr_from_rgb(&rgb, width, height, chroma);
                let ours = encoded(&planes, quality, way);
                let mut theirs = Vec::new();
                let mut encoder = Encoder::new(&mut theirs, quality);
                encoder.set_sampling_factor(sampling);
                encoder.set_optimized_huffman_tables(way.0 == Huffman::Optimal);
                encoder.set_progressive(progressive);
                encoder.encode(&rgb, 357, 251, ColorType::Rgb).unwrap();
                let quality_of = |file| psnr(&rgb, &decoded(file, ColorSpace::RGB).2);
                let (our_psnr, their_psnr) = (quality_of(&ours), quality_of(&theirs));
                let case = format!(
                    "{quality} {chroma:?} {way:?}: {} against {} bytes, {our_psnr} against {their_psnr} dB",
                    ours.len(),
                    theirs.len(),
                );
                assert!(our_psnr > their_psnr - 0.3, "{case}");
                assert!(ours.len() as f64 <= theirs.len() as f64 * 1.05, "{case}");
                // Their progressive scans only split the spectrum, so ours may be much smaller.
                let least = if progressive { 0.0 } else { 0.95 };
                assert!(ours.len() as f64 >= theirs.len() as f64 * least, "{case}");
            }
        }
    }
}

#[test]
fn every_small_size_comes_back_nearly_as_it_was() {
    for width in 1..=17 {
        for height in 1..=17 {
            let rgb = photo(width, height);
            for planes in all_kinds(&rgb, width, height) {
                let full = planes.last().map(|plane| (plane.width(), plane.height()));
                for way in WAYS {
                    let file = encoded(&planes, 98, way);
                    let (w, h, samples) = decoded(&file, colours_of(&planes));
                    assert_eq!((w, h), (width, height));
                    let luma = samples.iter().step_by(planes.len());
                    let expected = planes[0].rows().flatten();
                    let worst = luma
                        .zip(expected)
                        .map(|(a, b)| a.abs_diff(*b))
                        .max()
                        .unwrap();
                    assert!(worst <= 5, "{width}x{height} {way:?}: luma off by {worst}");
                    if full == Some((width, height)) && planes.len() == 3 {
                        let interleaved = crate::colour::join(&planes);
                        assert!(
                            psnr(&samples, &interleaved) > 38.0,
                            "{width}x{height} {way:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn codes_and_scans_do_not_change_the_pixels() {
    for (width, height, quality) in [(200, 133, 75), (129, 65, 100), (64, 300, 20), (48, 48, 1)] {
        for rgb in [photo(width, height), noise(width * height * 3, 77)] {
            for planes in all_kinds(&rgb, width, height) {
                let pixels =
                    WAYS.map(|way| decoded(&encoded(&planes, quality, way), colours_of(&planes)));
                assert_eq!(pixels[0], pixels[1], "{width}x{height} optimal");
                assert_eq!(pixels[0], pixels[2], "{width}x{height} progressive");
            }
        }
    }
}

#[test]
fn best_codes_are_shorter_and_progressive_is_shorter_still() {
    let rgb = photo(400, 300);
    let planes = ycbcr_from_rgb(&rgb, 400, 300, Chroma::Half);
    let [standard, optimal, progressive] = WAYS.map(|way| encoded(&planes, 80, way).len());
    assert!(
        optimal < standard && progressive < optimal,
        "{standard} {optimal} {progressive}"
    );
}

#[test]
fn extremes_stay_within_the_codes_of_the_standard() {
    let (width, height) = (72, 56);
    let checked = |side: usize| -> Vec<u8> {
        let pixels = (0..width * height).map(|i| (i % width / side + i / width / side) % 2);
        pixels
            .flat_map(|on| [if on == 1 { 255 } else { 0 }; 3])
            .collect()
    };
    let pictures = [
        vec![0; width * height * 3],
        vec![255; width * height * 3],
        noise(width * height * 3, 5),
        noise(width * height * 3, 5)
            .iter()
            .map(|byte| if byte % 2 == 0 { 0 } else { 255 })
            .collect(),
        checked(1),
        checked(4),
        checked(8),
        checked(16),
    ];
    for rgb in &pictures {
        for planes in all_kinds(rgb, width, height) {
            for way in WAYS {
                for quality in [1, 50, 100] {
                    let file = encoded(&planes, quality, way);
                    let (_, _, samples) = decoded(&file, colours_of(&planes));
                    if quality == 100 {
                        let luma: Vec<u8> = samples.iter().step_by(planes.len()).copied().collect();
                        let expected: Vec<u8> = planes[0].rows().flatten().copied().collect();
                        assert!(psnr(&luma, &expected) > 45.0, "{way:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn segments_stand_after_jfif_as_they_were_given() {
    let planes = [Plane::new(8, 8)];
    let long = vec![7; SEGMENT_BYTES_MAX];
    let segments = [
        Segment {
            marker: 0xe1,
            payload: b"Exif\0\0",
        },
        Segment {
            marker: 0xe2,
            payload: &long,
        },
        Segment {
            marker: 0xfe,
            payload: b"",
        },
    ];
    let file = encode(&Request {
        segments: &segments,
        ..request(&planes, 80, WAYS[0])
    })
    .unwrap();
    assert_eq!(file[..4], [0xff, 0xd8, 0xff, 0xe0]);
    let mut expected = vec![0xff, 0xe1, 0, 8];
    expected.extend_from_slice(b"Exif\0\0\xff\xe2\xff\xff");
    expected.extend_from_slice(&long);
    expected.extend_from_slice(&[0xff, 0xfe, 0, 2, 0xff, 0xdb]);
    assert_eq!(file[20..][..expected.len()], expected);
    decoded(&file, ColorSpace::Luma);
}

#[track_caller]
fn check_refused(request: &Request<'_>, expected: EncodeError) {
    assert_eq!(encode(request).err(), Some(expected));
}

#[test]
fn planes_that_are_not_of_the_image_are_refused() {
    let (full, half, other) = (Plane::new(9, 8), Plane::new(5, 4), Plane::new(4, 4));
    let grey = [full.clone()];
    let misfit = |width, height| EncodeError::Plane { width, height };
    let mut narrow = request(&grey, 80, WAYS[0]);
    narrow.width_px = 8;
    check_refused(&narrow, misfit(9, 8));
    for (cb, cr, expected) in [
        (&other, &other, misfit(4, 4)),
        (&full, &half, misfit(5, 4)),
        (&half, &full, misfit(9, 8)),
    ] {
        let mut ycbcr = request(&grey, 80, WAYS[0]);
        ycbcr.planes = Planes::YCbCr([&full, cb, cr]);
        check_refused(&ycbcr, expected);
    }
}

#[test]
fn what_a_jpeg_cannot_hold_is_refused() {
    let planes = [Plane::new(9, 8)];
    for quality in [0, 101] {
        let expected = EncodeError::Quality { quality };
        check_refused(&request(&planes, quality, WAYS[0]), expected);
    }
    for (width_px, height_px) in [(65_536, 8), (9, 0), (0, 8), (9, u32::MAX)] {
        let mut request = request(&planes, 80, WAYS[0]);
        (request.width_px, request.height_px) = (width_px, height_px);
        let expected = EncodeError::Size {
            width_px,
            height_px,
        };
        check_refused(&request, expected);
    }
    let long = vec![0; SEGMENT_BYTES_MAX + 1];
    let (sof, comment): (&[u8], &[u8]) = (&[], &long);
    for (marker, payload, expected) in [
        (0xc0, sof, EncodeError::Marker { marker: 0xc0 }),
        (0xfe, comment, EncodeError::Segment { bytes: 65_534 }),
    ] {
        let segments = [Segment { marker, payload }];
        let mut request = request(&planes, 80, WAYS[0]);
        request.segments = &segments;
        check_refused(&request, expected);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn every_kind_of_processor_makes_the_same_file() {
    let best = Level::new();
    let levels = [
        best.as_sse2().map(Level::Sse2),
        best.as_sse4_2().map(Level::Sse4_2),
        best.as_avx2().map(Level::Avx2),
        best.as_avx512().map(Level::Avx512),
    ];
    let rgb = photo(101, 77);
    let planes = ycbcr_from_rgb(&rgb, 101, 77, Chroma::Half);
    for quality in [10, 75, 100] {
        let request = request(&planes, quality, WAYS[0]);
        let quantisers = [Quantiser::luma(quality), Quantiser::chroma(quality)];
        let frame = frame(&request, &quantisers).unwrap();
        let expected = encode(&request).unwrap();
        for level in levels.into_iter().flatten() {
            assert_eq!(write(&request, &frame, level), expected, "{level:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_samples_at_any_quality_are_decoded_alike_whatever_the_way(
        (width, height) in (1usize..70, 1usize..70),
        quality in 1u8..=100,
        seed in any::<u32>(),
        kind in 0usize..3,
        contrast in 0u32..8,
    ) {
        let rgb: Vec<u8> = noise(width * height * 3, seed).iter().map(|byte| byte >> contrast).collect();
        let planes = &all_kinds(&rgb, width, height)[kind];
        let pixels = WAYS.map(|way| decoded(&encoded(planes, quality, way), colours_of(planes)));
        prop_assert_eq!((pixels[0].0, pixels[0].1), (width, height));
        prop_assert_eq!(&pixels[0], &pixels[1]);
        prop_assert_eq!(&pixels[0], &pixels[2]);
    }
}
