//! Colours and blurs of drawn images.

use image::{DynamicImage, ImageFormat, RgbImage, Rgba, RgbaImage};

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
    assert_eq!(nothing.palette, []);
    assert_eq!(nothing.sharpness, 0);
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

/// Hills, leaves and a sun, sharp to the pixel at any size.
fn landscape(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (
            f64::from(x) / f64::from(width),
            f64::from(y) / f64::from(width),
        );
        let ridge = 0.3 + 0.08 * (x * 7.0).sin() + 0.02 * (x * 31.0).cos();
        let is_leaf = (x * 220.0).sin() * (y * 190.0 + x * 20.0).sin() > 0.3;
        image::Rgb(match () {
            () if (x - 0.7).hypot(y - 0.15) < 0.06 => [255, 240, 190],
            () if y < ridge => [90, 140, 230],
            () if is_leaf => [10, 50, 20],
            () => [110, 190, 90],
        })
    })
}

fn png_of(image: RgbImage) -> Vec<u8> {
    write(&DynamicImage::ImageRgb8(image), ImageFormat::Png)
}

fn jpeg_of(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    image.write_with_encoder(encoder).unwrap();
    bytes
}

#[test]
fn copies_have_nearly_the_same_hash_and_others_have_not() {
    let scene = landscape(900, 600);
    let hash = |bytes: &[u8]| of(bytes).unwrap().perceptual_hash;
    let original = hash(&png_of(scene.clone()));
    let half = image::imageops::resize(&scene, 450, 300, image::imageops::FilterType::Triangle);
    let cropped = image::imageops::crop_imm(&scene, 9, 6, 882, 588).to_image();
    let mirrored = image::imageops::flip_horizontal(&scene);
    for (name, copy, distance_max) in [
        ("quality 50", jpeg_of(&scene, 50), 4),
        ("half", png_of(half.clone()), 4),
        ("half, quality 30", jpeg_of(&half, 30), 6),
        ("1 % cropped on each side", png_of(cropped), 8),
    ] {
        let distance = hash(&copy).distance(original);
        assert!(distance <= distance_max, "{name}: {distance}");
    }
    let mut others = vec![jpeg_of(&mirrored, 90), noise_jpeg(900, 600, 1)];
    others.extend(samples().into_iter().map(|(_, bytes)| bytes));
    for other in others {
        let distance = hash(&other).distance(original);
        assert!(distance >= 18, "{distance}");
    }
}

#[test]
fn the_hash_is_that_of_the_upright_image() {
    let jpeg = jpeg_of(&landscape(600, 400), 90);
    let turned = image::imageops::rotate270(&landscape(600, 400));
    let said = jpeg_with(
        &jpeg_of(&turned, 90),
        &[exif_segment(&camera_exif(6, false))],
    );
    let (upright, said) = (of(&jpeg).unwrap(), of(&said).unwrap());
    assert!(upright.perceptual_hash.distance(said.perceptual_hash) <= 2);
}

#[test]
fn the_more_blurred_the_less_sharp() {
    let scene = landscape(900, 600);
    let mut last = of(&png_of(scene.clone())).unwrap().sharpness;
    assert!(last > 1_000, "{last}");
    for sigma in [2.0, 4.0, 8.0, 16.0] {
        let blurred = image::imageops::blur(&scene, sigma);
        let found = of(&png_of(blurred)).unwrap().sharpness;
        assert!(found * 3 < last * 2, "{sigma}: {found}, {last} before");
        last = found;
    }
    assert!(last < 10, "{last}");
}

#[test]
fn sharpness_compares_across_sizes() {
    let sharpness = |width| {
        let scene = landscape(width, width * 2 / 3);
        of(&png_of(scene)).unwrap().sharpness
    };
    let expected = sharpness(1_600);
    for width in [1_200, 900, 600, 400] {
        let found = sharpness(width);
        let distance = found.abs_diff(expected);
        assert!(distance * 3 < expected, "{width}: {found}, not {expected}");
    }
}

#[test]
fn the_palette_says_how_much_of_what() {
    let flag = |x, y| match (x, y) {
        (0..40, _) => BLUE,
        (_, 0..30) => [240, 240, 240, 255],
        _ => RED,
    };
    let found = drawn((120, 90), flag);
    let colours: Vec<[u8; 3]> = found.palette.iter().map(|swatch| swatch.rgb).collect();
    assert_eq!(colours.len(), 3, "{found:?}");
    assert_close(&colours[0], &RED[..3], 8);
    assert_close(&colours[1], &BLUE[..3], 8);
    assert_close(&colours[2], &[240; 3], 8);
    for (swatch, share) in found.palette.iter().zip([44, 33, 22]) {
        assert!(swatch.share_percent.abs_diff(share) <= 2, "{found:?}");
    }
    assert_eq!(drawn((120, 90), flag), found);
}

#[test]
fn the_thumbhash_is_upright_and_keeps_transparency() {
    let half = |x, _| if x < 150 { [0; 4] } else { BLUE };
    let seen = drawn((300, 200), half);
    let (width, height, pixels) = ::thumbhash::thumb_hash_to_rgba(&seen.thumbhash).unwrap();
    assert!(width > height);
    let pixel = |x: usize| &pixels[(height / 2 * width + x) * 4..][..4];
    assert!(pixel(2)[3] < 60 && pixel(width - 3)[3] > 195);
    assert_close(&pixel(width - 3)[..3], &BLUE, 40);

    let png = write(&quadrants(240, 160), ImageFormat::Png);
    let turned = png_with(&png, &[png_chunk(*b"eXIf", &camera_exif(6, false))]);
    let hash = of(&turned).unwrap().thumbhash;
    let (width, height, pixels) = ::thumbhash::thumb_hash_to_rgba(&hash).unwrap();
    assert!(width < height);
    let corners = [
        (3, 3),
        (width - 4, 3),
        (3, height - 4),
        (width - 4, height - 4),
    ];
    let found = corners.map(|(x, y)| nearest(&pixels[(y * width + x) * 4..][..3]));
    assert_eq!(found, [2, 0, 3, 1]);
}

#[test]
fn originals_of_any_kind_have_an_appearance_or_no_decoder() {
    for (name, bytes) in samples() {
        let seen = of(&bytes).unwrap();
        assert!(seen.blurhash.len() >= 28, "{name}");
        assert!(seen.thumbhash.len() >= 17, "{name}");
        assert!((2..=5).contains(&seen.palette.len()), "{name}");
        assert!(seen.sharpness > 0, "{name}");
    }
    for (_, bytes) in undecodable() {
        assert_eq!(of(&bytes).unwrap_err().code(), "no-decoder");
    }
    assert_eq!(of(b"text").unwrap_err().code(), "not-an-image");
}

#[test]
fn memory_grows_with_the_original() {
    let needed = |side| {
        let original = noise_jpeg(side, side, 1);
        let inspected = inspect(&original, &Limits::default()).unwrap();
        appearance_memory_needed(&original, &inspected)
    };
    // At least the planes as they are decoded, at three eighths.
    assert!(needed(1_000) >= needed(100) + 375 * 375);
}
