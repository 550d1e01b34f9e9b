//! The resampler against a plain Lanczos in `f64`, and what holds whatever the sizes.

use std::f64::consts::PI;

use proptest::prelude::*;

use super::*;

/// Noise that is the same each time, of full contrast.
fn noise(width: usize, height: usize, seed: u32) -> Plane {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let samples: Vec<u8> = (0..width * height)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        })
        .collect();
    Plane::from_samples(width, height, &samples)
}

fn drawn(width: usize, height: usize, sample: impl Fn(usize, usize) -> u8) -> Plane {
    let samples: Vec<u8> = (0..width * height)
        .map(|i| sample(i % width, i / width))
        .collect();
    Plane::from_samples(width, height, &samples)
}

/// Weights of all samples of an axis, from the textbook.
fn plain_weights(span: Span, i: usize, length: usize) -> Vec<f64> {
    let scale = span.step.abs().max(1.0);
    let centre = (span.start + (i as f64 + 0.5) * span.step).clamp(0.0, length as f64);
    let sinc = |x: f64| {
        if x == 0.0 {
            1.0
        } else {
            (PI * x).sin() / (PI * x)
        }
    };
    let weights: Vec<f64> = (0..length)
        .map(|j| (j as f64 + 0.5 - centre) / scale)
        .map(|x| {
            if x.abs() < 3.0 {
                sinc(x) * sinc(x / 3.0)
            } else {
                0.0
            }
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

fn plain(plane: &Plane, across: Span, down: Span) -> Vec<f64> {
    let (width, height) = (plane.width(), plane.height());
    let mut made = Vec::new();
    for y in 0..down.count {
        let rows = plain_weights(down, y, height);
        let row: Vec<f64> = (0..width)
            .map(|x| {
                (0..height)
                    .map(|y| rows[y] * f64::from(plane.row(y)[x]))
                    .sum()
            })
            .collect();
        for x in 0..across.count {
            let columns = plain_weights(across, x, width);
            let sum: f64 = row.iter().zip(&columns).map(|(a, b)| a * b).sum();
            made.push(sum.clamp(0.0, 255.0).round());
        }
    }
    made
}

#[track_caller]
fn check_against_plain(plane: &Plane, across: Span, down: Span) {
    let ours = resample(plane, across, down);
    let plain = plain(plane, across, down);
    let ours = ours.rows().flatten().map(|&sample| f64::from(sample));
    let worst = ours
        .zip(&plain)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(
        worst <= 1.0,
        "{plane:?} {across:?} {down:?}: off by {worst}"
    );
}

fn largest_difference(a: &Plane, b: &Plane) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let pairs = a.rows().flatten().zip(b.rows().flatten());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

fn mirrored(plane: &Plane) -> Plane {
    let width = plane.width();
    drawn(width, plane.height(), |x, y| plane.row(y)[width - 1 - x])
}

#[test]
fn samples_are_those_of_a_plain_lanczos() {
    for (width, height, across, down) in [
        (320, 200, 256, 160),
        (320, 200, 101, 63),
        (97, 61, 96, 60),
        (33, 47, 100, 120),
        (500, 20, 3, 20),
        (7, 300, 14, 1),
        (1, 1, 9, 9),
        (2, 3, 50, 2),
    ] {
        let plane = noise(width, height, 7);
        check_against_plain(
            &plane,
            Span::whole(width, across),
            Span::whole(height, down),
        );
    }
}

#[test]
fn a_crop_may_start_and_end_between_two_samples() {
    let plane = noise(120, 90, 3);
    let across = Span {
        start: 10.3,
        step: 1.37,
        count: 64,
    };
    let down = Span {
        start: 5.75,
        step: 0.61,
        count: 100,
    };
    check_against_plain(&plane, across, down);
}

#[test]
fn whole_steps_at_whole_offsets_are_a_copy() {
    let plane = noise(60, 50, 5);
    let (across, down) = (
        Span {
            start: 7.0,
            step: 1.0,
            count: 40,
        },
        Span {
            start: 9.0,
            step: 1.0,
            count: 41,
        },
    );
    let cropped = drawn(40, 41, |x, y| plane.row(9 + y)[7 + x]);
    assert_eq!(resample(&plane, across, down), cropped);
    let shrunk = Span::whole(50, 31);
    let whole_then_cropped = resample(&plane, Span::whole(60, 60), shrunk);
    assert_eq!(
        resample(&plane, across, shrunk),
        drawn(40, 31, |x, y| whole_then_cropped.row(y)[7 + x])
    );
}

#[test]
fn a_step_of_minus_one_mirrors() {
    let plane = noise(60, 50, 5);
    let across = Span {
        start: 60.0,
        step: -1.0,
        count: 60,
    };
    assert_eq!(
        resample(&plane, across, Span::whole(50, 50)),
        mirrored(&plane)
    );
}

#[test]
fn what_is_flat_stays_flat() {
    for value in [0, 1, 127, 128, 254, 255] {
        let plane = drawn(150, 130, |_, _| value);
        for count in [1, 2, 13, 100, 149, 150, 151, 400] {
            let made = resample(&plane, Span::whole(150, count), Span::whole(130, count));
            assert!(
                made.rows().flatten().all(|&sample| sample == value),
                "{value} at {count}"
            );
        }
    }
}

#[test]
fn windows_of_many_thousand_samples_average_them() {
    let plane = drawn(65_000, 1, |x, _| if x % 2 == 0 { 100 } else { 200 });
    let made = resample(&plane, Span::whole(65_000, 1), Span::whole(1, 1));
    assert!(
        (149..=151).contains(&made.row(0)[0]),
        "{made:?} {}",
        made.row(0)[0]
    );
}

#[test]
fn numbers_that_make_no_sense_are_answered_with_some_image() {
    let plane = noise(20, 10, 1);
    let fine = Span::whole(10, 5);
    for bad in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        -1e300,
        0.0,
        1e-300,
    ] {
        for (start, step) in [(bad, 1.0), (0.0, bad), (bad, bad)] {
            let made = resample(
                &plane,
                Span {
                    start,
                    step,
                    count: 9,
                },
                fine,
            );
            assert_eq!((made.width(), made.height()), (9, 5));
        }
    }
    let none = Span {
        start: 0.0,
        step: 1.0,
        count: 0,
    };
    assert_eq!(resample(&plane, none, fine), Plane::new(0, 5));
    assert_eq!(resample(&plane, fine, none), Plane::new(5, 0));
    assert_eq!(resample(&Plane::new(0, 10), fine, fine), Plane::new(5, 5));
    assert_eq!(resample(&Plane::new(10, 0), fine, fine), Plane::new(5, 5));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn every_kind_of_processor_makes_the_same_samples() {
    let best = Level::new();
    let levels = [
        best.as_sse2().map(Level::Sse2),
        best.as_sse4_2().map(Level::Sse4_2),
        best.as_avx2().map(Level::Avx2),
        best.as_avx512().map(Level::Avx512),
    ];
    for (width, height, across, down) in [(203, 150, 160, 99), (40, 30, 90, 77), (300, 8, 31, 3)] {
        let plane = noise(width, height, 11);
        let spans = (Span::whole(width, across), Span::whole(height, down));
        let expected = resample(&plane, spans.0, spans.1);
        for level in levels.into_iter().flatten() {
            let mut resampler = Resampler::new(width, height, spans.0, spans.1);
            resampler.level = level;
            assert_eq!(resampler.resample(&plane), expected, "{level:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sizes_give_the_samples_of_a_plain_lanczos(
        (width, height) in (1usize..90, 1usize..90),
        (across, down) in (1usize..70, 1usize..70),
        seed in any::<u32>(),
    ) {
        let plane = noise(width, height, seed);
        check_against_plain(&plane, Span::whole(width, across), Span::whole(height, down));
    }

    #[test]
    fn a_mirrored_plane_gives_a_mirrored_one(
        (width, height) in (1usize..200, 1usize..60),
        (across, down) in (1usize..200, 1usize..60),
        seed in any::<u32>(),
    ) {
        let plane = noise(width, height, seed);
        let (across, down) = (Span::whole(width, across), Span::whole(height, down));
        let straight = resample(&plane, across, down);
        let turned = resample(&mirrored(&plane), across, down);
        prop_assert!(largest_difference(&mirrored(&straight), &turned) <= 1);
    }

    #[test]
    fn any_span_at_all_is_answered(
        (width, height) in (1usize..40, 1usize..40),
        (start, step) in (-100.0..100.0f64, -20.0..20.0f64),
        count in 0usize..80,
    ) {
        let span = Span { start, step, count };
        let made = resample(&noise(width, height, 1), span, span);
        prop_assert_eq!((made.width(), made.height()), (count, count));
    }
}
