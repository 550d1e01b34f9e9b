//! The shrinking decoder against a plain one and against another library.

#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "values of small images"
)]

mod pictures;
mod plain;

use img_codec::jpeg::decode::{
    Completeness, DecodeError, Decoded, Limits, Missing, Refinement, Request, Scale, decode,
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
