//! Colours and blurs of drawn images.

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use super::*;
use crate::imaging::fixture::{
    QUADRANTS, camera_exif, exif_segment, jpeg_with, png_chunk, png_with, quadrants, undecodable,
    write,
};
use crate::imaging::limits::SvgPolicy;
use crate::imaging::sample::{noise_jpeg, samples};
use crate::imaging::stop::NeverStop;

const RED: [u8; 4] = [200, 20, 30, 255];
const BLUE: [u8; 4] = [10, 20, 220, 255];

fn of(original: &[u8]) -> Result<Appearance, ImagingError> {
    let limits = Limits {
        svg: SvgPolicy::Accept,
        ..Limits::default()
    };
    appearance(original, &limits, &NeverStop)
}

fn drawn(size: (u32, u32), draw: impl Fn(u32, u32) -> [u8; 4]) -> Appearance {
    let image = RgbaImage::from_fn(size.0, size.1, |x, y| Rgba(draw(x, y)));
    of(&write(&DynamicImage::ImageRgba8(image), ImageFormat::Png)).unwrap()
}

#[track_caller]
fn assert_close(found: &[u8], expected: &[u8], distance_max: u8) {
    for (found_value, value) in found.iter().zip(expected) {
        let distance = found_value.abs_diff(*value);
        assert!(distance <= distance_max, "{found:?}, not {expected:?}");
    }
}

/// What a browser shows for a blurhash: red, green, blue, alpha.
fn shown(blurhash: &str, size: (u32, u32)) -> RgbaImage {
    let pixels = ::blurhash::decode(blurhash, size.0, size.1, 1.0).unwrap();
    RgbaImage::from_raw(size.0, size.1, pixels).unwrap()
}

#[test]
fn the_most_common_colour_wins_over_the_mean() {
    let stripe = |x, _| if (40..70).contains(&x) { BLUE } else { RED };
    assert_close(&drawn((100, 80), stripe).dominant.0, &RED, 2);
}

#[test]
fn a_colour_that_varies_wins_over_a_smaller_even_one() {
    // Sky from 90 to 121, in four bins; a sign in one, which is larger than each of them.
    let scene = |x: u32, y: u32| match (x, y) {
        (0..25, _) => RED,
        _ => [80, u8::try_from(90 + y / 2).unwrap(), 200, 255],
    };
    let Rgb([red, green, blue]) = drawn((64, 64), scene).dominant;
    assert!(red < 90 && (90..=121).contains(&green) && blue > 190);
}

#[test]
fn transparent_pixels_have_no_say_and_show_white() {
    let dot = |x, y| {
        if x < 20 && y < 20 {
            BLUE
        } else {
            [200, 20, 30, 0]
        }
    };
    assert_close(&drawn((60, 60), dot).dominant.0, &BLUE, 2);

    let nothing = drawn((30, 20), |_, _| [200, 20, 30, 0]);
    assert_eq!(nothing.dominant, Rgb::WHITE);
    for pixel in shown(&nothing.blurhash, (8, 8)).pixels() {
        assert_close(&pixel.0, &[255; 4], 1);
    }
}

#[test]
fn one_pixel_has_its_own_colour() {
    let pixel = drawn((1, 1), |_, _| RED);
    assert_eq!(pixel.dominant.0, RED[..3]);
    assert_close(&shown(&pixel.blurhash, (1, 1)).as_raw()[..3], &RED, 1);
    let thin = drawn((3_000, 1), |_, _| RED);
    assert_eq!(thin.dominant.0, RED[..3]);
}

#[test]
fn the_blur_shows_what_is_where_and_upright() {
    let png = write(&quadrants(240, 160), ImageFormat::Png);
    let corners = |bytes: &[u8]| {
        let image = shown(&of(bytes).unwrap().blurhash, (30, 30));
        [(5, 5), (24, 5), (5, 24), (24, 24)].map(|(x, y)| nearest(&image.get_pixel(x, y).0))
    };
    assert_eq!(corners(&png), [0, 1, 2, 3]);
    let turned = png_with(&png, &[png_chunk(*b"eXIf", &camera_exif(6, false))]);
    assert_eq!(corners(&turned), [2, 0, 3, 1]);
}

/// Which of the four colours a pixel is most like; four waves show no more.
fn nearest(pixel: &[u8]) -> usize {
    let distance = |colour: [u8; 3]| -> u32 {
        let pairs = colour.iter().zip(pixel);
        pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    };
    (0..4)
        .min_by_key(|&index| distance(QUADRANTS[index]))
        .unwrap()
}

#[test]
fn the_longer_side_has_more_waves() {
    // The first digit is waves across − 1, and 9 × (waves down − 1).
    let first = |bytes: &[u8]| of(bytes).unwrap().blurhash.as_bytes()[0];
    let digit = |across: u8, down: u8| {
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[usize::from(across - 1 + 9 * (down - 1))]
    };
    assert_eq!(first(&noise_jpeg(120, 80, 1)), digit(4, 3));
    assert_eq!(first(&noise_jpeg(80, 120, 1)), digit(3, 4));
    assert_eq!(first(&noise_jpeg(105, 100, 1)), digit(4, 4));
    let turned = jpeg_with(
        &noise_jpeg(120, 80, 1),
        &[exif_segment(&camera_exif(6, false))],
    );
    assert_eq!(first(&turned), digit(3, 4));
}

#[test]
fn originals_of_any_kind_have_an_appearance_or_no_decoder() {
    for (name, bytes) in samples() {
        let seen = of(&bytes).unwrap();
        assert!(seen.blurhash.len() >= 28, "{name}");
    }
    for (_, bytes) in undecodable() {
        assert_eq!(of(&bytes).unwrap_err().code(), "no-decoder");
    }
    assert_eq!(of(b"text").unwrap_err().code(), "not-an-image");
}

#[test]
fn memory_grows_with_the_original() {
    let needed = |side| {
        let inspected = inspect(&noise_jpeg(side, side, 1), &Limits::default()).unwrap();
        appearance_memory_needed(&inspected)
    };
    // At least the pixels as they are decoded.
    assert!(needed(1_000) >= needed(100) + 3 * 990_000);
}
