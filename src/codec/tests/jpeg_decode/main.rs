//! The shrinking decoder against a plain one and against another library.

#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "values of small images"
)]

mod assembled;
mod hostile;
mod pictures;
mod plain;

use img_codec::jpeg::decode::{
    Colour, Completeness, DecodeError, Decoded, Inks, Limits, Missing, Process, Refinement,
    Request, Scale, decode, read_header,
};
use img_codec::stop::NeverStop;
use jpeg_encoder::{ColorType, SamplingFactor};
use pictures::{Recipe, Scans};

fn request(bytes: &[u8], eighths: u8) -> Request<'_> {
    Request {
        bytes,
        scale: Scale::from_eighths(eighths).unwrap(),
        missing: Missing::Refuse,
        refinement: Refinement::Exact,
        limits: Limits {
            pixels_max: 1_000_000,
            scans_max: 100,
        },
        stop: &NeverStop,
    }
}

fn decode_at(bytes: &[u8], eighths: u8) -> Result<Decoded, DecodeError> {
    decode(&request(bytes, eighths))
}

/// Compares the planes at every scale with the plain decoder's.
#[track_caller]
fn check(bytes: &[u8]) {
    let components = plain::decode(bytes);
    for eighths in 1..=8_u8 {
        let decoded = decode_at(bytes, eighths).unwrap();
        assert_eq!(decoded.completeness, Completeness::Whole);
        assert_eq!(decoded.planes.len(), components.len());
        for (plane, component) in decoded.planes.iter().zip(&components) {
            let (width, height, samples) = component.samples(usize::from(eighths));
            assert_eq!((plane.width(), plane.height()), (width, height));
            for (y, row) in plane.rows().enumerate() {
                for (x, &sample) in row.iter().enumerate() {
                    let off = (f64::from(sample) - samples[y * width + x]).abs();
                    assert!(off < 0.502, "off by {off} at {x}, {y} at {eighths}/8");
                }
            }
        }
    }
}

#[test]
fn every_sampling_decodes_at_every_scale() {
    for scans in [Scans::Baseline, Scans::Progressive] {
        for sampling in [
            SamplingFactor::F_1_1,
            SamplingFactor::F_2_1,
            SamplingFactor::F_1_2,
            SamplingFactor::F_2_2,
            SamplingFactor::F_4_1,
            SamplingFactor::F_4_2,
            SamplingFactor::F_1_4,
            SamplingFactor::F_2_4,
        ] {
            check(
                &Recipe {
                    sampling,
                    scans,
                    ..Recipe::default()
                }
                .encode(),
            );
        }
    }
}

#[test]
fn one_and_four_components_decode_at_every_scale() {
    for colours in [ColorType::Luma, ColorType::Cmyk, ColorType::CmykAsYcck] {
        for scans in [Scans::Baseline, Scans::Optimised, Scans::Progressive] {
            check(
                &Recipe {
                    colours,
                    scans,
                    ..Recipe::default()
                }
                .encode(),
            );
        }
    }
}

#[test]
fn restart_intervals_decode_at_every_scale() {
    for restart_interval in [1, 3, 7, 1000] {
        for scans in [Scans::Baseline, Scans::Progressive] {
            check(
                &Recipe {
                    scans,
                    restart_interval,
                    ..Recipe::default()
                }
                .encode(),
            );
        }
    }
}

#[test]
fn odd_sizes_and_qualities_decode_at_every_scale() {
    for (size, quality) in [
        ((8, 8), 1),
        ((1, 1), 50),
        ((17, 9), 100),
        ((64, 31), 97),
        ((9, 70), 20),
    ] {
        for scans in [Scans::Baseline, Scans::Progressive] {
            check(
                &Recipe {
                    size,
                    quality,
                    scans,
                    ..Recipe::default()
                }
                .encode(),
            );
        }
    }
}

#[test]
fn full_size_agrees_with_another_library() {
    for (colours, sampling) in [
        (ColorType::Luma, SamplingFactor::F_1_1),
        (ColorType::Rgb, SamplingFactor::F_1_1),
    ] {
        for scans in [Scans::Baseline, Scans::Progressive] {
            let recipe = Recipe {
                colours,
                sampling,
                scans,
                ..Recipe::default()
            };
            let bytes = recipe.encode();
            let options = zune_jpeg::zune_core::options::DecoderOptions::default()
                .jpeg_set_out_colorspace(match colours {
                    ColorType::Luma => zune_jpeg::zune_core::colorspace::ColorSpace::Luma,
                    _ => zune_jpeg::zune_core::colorspace::ColorSpace::YCbCr,
                });
            let input = std::io::Cursor::new(&bytes);
            let mut other = zune_jpeg::JpegDecoder::new_with_options(input, options);
            let expected = other.decode().unwrap();
            let decoded = decode_at(&bytes, 8).unwrap();
            let channels = decoded.planes.len();
            for (channel, plane) in decoded.planes.iter().enumerate() {
                let expected = expected.iter().skip(channel).step_by(channels);
                assert_eq!(plane.width() * plane.height(), expected.len());
                let samples = plane.rows().flatten();
                assert!(samples.zip(expected).all(|(a, b)| a.abs_diff(*b) <= 2));
            }
        }
    }
}

#[test]
fn the_header_says_what_the_planes_are() {
    let header = |colours, scans| {
        let recipe = Recipe {
            colours,
            scans,
            ..Recipe::default()
        };
        read_header(&recipe.encode()).unwrap()
    };
    let grey = header(ColorType::Luma, Scans::Baseline);
    assert_eq!((grey.width_px, grey.height_px), (65, 33));
    assert_eq!(
        (grey.colour, grey.process),
        (Colour::Grey, Process::Baseline)
    );
    let colour = header(ColorType::Rgb, Scans::Progressive);
    assert_eq!(
        (colour.colour, colour.process),
        (Colour::YCbCr, Process::Progressive)
    );
    assert_eq!(colour.sampling_max(), (2, 2));
    let inverted = Inks::Inverted;
    assert_eq!(
        header(ColorType::Cmyk, Scans::Baseline).colour,
        Colour::Cmyk(inverted)
    );
    let ycck = header(ColorType::CmykAsYcck, Scans::Baseline);
    assert_eq!(ycck.colour, Colour::Ycck(inverted));
}

#[test]
fn approximate_coefficients_change_little() {
    let recipe = Recipe {
        size: (160, 120),
        scans: Scans::Progressive,
        ..Recipe::default()
    };
    let bytes = recipe.encode();
    for eighths in 1..=8 {
        let exact = decode_at(&bytes, eighths).unwrap();
        let approximate = decode(&Request {
            refinement: Refinement::Approximate,
            ..request(&bytes, eighths)
        })
        .unwrap();
        for (exact, approximate) in exact.planes.iter().zip(&approximate.planes) {
            let pairs = exact.rows().flatten().zip(approximate.rows().flatten());
            let off: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            let samples = (exact.width() * exact.height()) as u32;
            assert!(
                off < 3 * samples,
                "{off} of {samples} samples at {eighths}/8"
            );
        }
    }
}
