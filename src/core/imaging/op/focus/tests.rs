//! Crops look at what was drawn to be looked at.

use proptest::prelude::proptest;

use super::*;
use crate::imaging::op::drawn::{KINDS, draw, flat, noise};
use crate::imaging::pixels::Channels;

const BOTH: [Interest; 2] = [Interest::Attention, Interest::Entropy];
const SKIN: [u8; 4] = [224, 172, 140, 255];

/// Deterministic grain of the given height around a middle grey.
fn grain(x: u32, y: u32, most: u32) -> u8 {
    let mixed =
        (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)).wrapping_mul(3_266_489_917);
    u8::try_from(120 + (mixed >> 16) % most).unwrap()
}

fn is_in_disk(at: (u32, u32), centre: (u32, u32), radius: u32) -> bool {
    at.0.abs_diff(centre.0).pow(2) + at.1.abs_diff(centre.1).pow(2) <= radius * radius
}

/// Squares of several greys.
fn checks(x: u32, y: u32) -> [u8; 4] {
    let grey = u8::try_from((x / 4 * 53 + y / 4 * 91) % 256).unwrap();
    [grey, grey, grey, 255]
}

#[test]
fn a_subject_off_centre_on_flat_ground_is_centred() {
    for kind in KINDS {
        for interest in BOTH {
            let wide = draw((200, 100), kind, |x, y| {
                match is_in_disk((x, y), (150, 50), 20) {
                    true => checks(x, y),
                    false => [
                        128,
                        if kind == Channels::GreyAlpha {
                            255
                        } else {
                            128
                        },
                        128,
                        255,
                    ],
                }
            });
            let found = focus(&wide, 1.0, interest);
            assert!(
                (found.centre.0 - 0.75).abs() < 0.1,
                "{kind:?} {interest:?} {found:?}"
            );
            assert!((found.centre.1 - 0.5).abs() < 1e-9);
        }
    }
}

#[test]
fn a_crop_of_a_tall_image_moves_down() {
    let tall = draw((60, 180), Channels::Rgb, |x, y| {
        match is_in_disk((x, y), (30, 40), 15) {
            true => [250, 30, 20, 255],
            false => [90, 100, 110, 255],
        }
    });
    let found = focus(&tall, 1.0, Interest::Attention);
    assert!((found.centre.1 - 40.0 / 180.0).abs() < 0.1, "{found:?}");
    assert!((found.centre.0 - 0.5).abs() < 1e-9);
}

#[test]
fn attention_finds_a_colour_among_grain() {
    let noisy = draw((240, 100), Channels::Rgb, |x, y| {
        let grey = grain(x, y, 100);
        match is_in_disk((x, y), (60, 60), 18) {
            true => [210, grey / 4, 30, 255],
            false => [grey, grey, grey, 255],
        }
    });
    let found = focus(&noisy, 1.0, Interest::Attention);
    assert!((found.centre.0 - 0.25).abs() < 0.1, "{found:?}");
}

#[test]
fn a_face_draws_more_than_a_thing() {
    let both = draw((240, 80), Channels::Rgb, |x, y| {
        if is_in_disk((x, y), (50, 40), 22) {
            SKIN
        } else if is_in_disk((x, y), (190, 40), 22) {
            [70, 110, 190, 255]
        } else {
            [150, 160, 165, 255]
        }
    });
    let found = focus(&both, 1.0, Interest::Attention);
    assert!((found.centre.0 - 50.0 / 240.0).abs() < 0.08, "{found:?}");
}

#[test]
fn of_two_subjects_the_larger_is_kept() {
    let two = draw((240, 80), Channels::Rgb, |x, y| {
        let is_subject = is_in_disk((x, y), (45, 40), 10) || is_in_disk((x, y), (180, 40), 25);
        if is_subject {
            [230, 40, 40, 255]
        } else {
            [200, 200, 200, 255]
        }
    });
    let found = focus(&two, 1.0, Interest::Attention);
    assert!((found.centre.0 - 0.75).abs() < 0.1, "{found:?}");
}

#[test]
fn entropy_prefers_detail_to_flat_colour() {
    let half = draw((200, 80), Channels::Rgb, |x, y| {
        if x < 90 { checks(x, y) } else { [255; 4] }
    });
    let found = focus(&half, 1.0, Interest::Entropy);
    assert!(found.centre.0 < 0.3, "{found:?}");
}

#[test]
fn without_a_subject_the_middle_is_kept() {
    for kind in KINDS {
        for interest in BOTH {
            for ratio in [0.2, 1.0, 5.0] {
                let found = focus(&flat(64, 48, kind, [90, 90, 90, 90]), ratio, interest);
                assert_eq!(found.before, (0.5, 0.5), "{kind:?} {interest:?} {ratio}");
            }
        }
    }
}

#[test]
fn the_crop_of_the_ratio_of_the_image_is_all_of_it() {
    let found = focus(&noise(64, 32, Channels::Rgb), 2.0, Interest::Attention);
    assert_eq!(found, Focus::CENTRE);
}

proptest! {
    #[test]
    fn the_focus_is_within_the_image(
        width in 1..24_u32, height in 1..24_u32, kind in 0..4_usize, ratio in -1.0..90.0_f64
    ) {
        for interest in BOTH {
            let found = focus(&noise(width, height, KINDS[kind]), ratio, interest);
            for share in [found.centre.0, found.centre.1, found.before.0, found.before.1] {
                assert!((0.0..=1.0).contains(&share), "{found:?}");
            }
        }
    }
}
