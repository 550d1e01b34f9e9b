//! Whole derivations, looked at by their pixels.

use image::{DynamicImage, ImageFormat, Luma, Rgba, RgbaImage};

use super::*;
use crate::imaging::decode::decode;
use crate::imaging::drawn_font::drawn_font;
use crate::imaging::fixture::{
    QUADRANTS, camera_exif, decodable, exif_segment, gif, jpeg_segment, jpeg_with, png_chunk,
    quadrants, read, riff_chunk, undecodable, vp8x, webp, write,
};
use crate::imaging::limits::{DamagedPolicy, SvgPolicy};
use crate::imaging::orient::Orientation;
use crate::imaging::sniff::sniff;
use crate::imaging::stop::NeverStop;
use crate::model::geometry::{Enlarge, Fit, Point, Rgb};
use crate::model::media::{MediaType, OutputFormat};
use crate::model::recipe::{Effects, Encoding, Layout, Quality};
use crate::model::watermark::{Mark, Tiling, Watermark};

mod reference; // another decoder, a resize by the formula, distances
mod golden; // how near derivatives are to it
mod turns; // orientations, rotations, flips
mod colours; // profiles and inks
mod options; // any options on any image
mod animations; // all frames
mod targets; // qualities that are searched
mod attached; // what goes along with the pixels
mod damage; // broken, cut and stopped
mod memory; // what it takes

fn recipe(fit: Fit, width: u32, height: u32, format: OutputFormat) -> Recipe {
    Recipe {
        layout: Layout {
            width_px: Some(width),
            height_px: Some(height),
            fit,
            ..Layout::default()
        },
        effects: Effects::default(),
        encoding: Encoding::new(format, Quality::Fixed(90)),
    }
}

fn with(
    original: &[u8],
    recipes: &[Recipe],
    stop: &dyn Stop,
) -> Result<Vec<Encoded>, ImagingError> {
    let limits = Limits {
        svg: SvgPolicy::Accept,
        ..Limits::default()
    };
    derive(&DeriveRequest {
        original,
        recipes,
        watermarks: &Watermarks::default(),
        limits: &limits,
        stop,
    })
}

fn one(original: &[u8], recipe: Recipe) -> RgbaImage {
    let encoded = encoded(original, recipe);
    let image = shown(&encoded.bytes);
    assert_eq!(image.dimensions(), (encoded.width_px, encoded.height_px));
    image
}

#[track_caller]
fn encoded(original: &[u8], recipe: Recipe) -> Encoded {
    let derived = with(original, &[recipe], &NeverStop).unwrap();
    let [encoded] = derived.try_into().unwrap();
    encoded
}

/// By another library than made it, but for AVIF.
fn shown(bytes: &[u8]) -> RgbaImage {
    if sniff(bytes) != Some(MediaType::Avif) {
        return read(bytes);
    }
    let limits = Limits::default();
    let inspected = inspect(bytes, &limits).unwrap();
    let decoded = decode(&DecodeRequest {
        original: bytes,
        inspected: &inspected,
        limits: &limits,
        stop: &NeverStop,
    });
    let mut rgba = Vec::new();
    let pixels = decoded.unwrap().pixels.into_coloured();
    for pixel in pixels.bytes.chunks_exact(pixels.channels.count()) {
        rgba.extend([pixel[0], pixel[1], pixel[2], *pixel.get(3).unwrap_or(&255)]);
    }
    RgbaImage::from_raw(pixels.width_px, pixels.height_px, rgba).unwrap()
}

#[track_caller]
fn assert_near(found: Rgba<u8>, expected: [u8; 3], what: &str) {
    for (found, expected) in found.0.iter().zip(expected) {
        assert!(
            found.abs_diff(expected) <= 24,
            "{what}: {found} for {expected}"
        );
    }
}

/// Compares the centres of the four quadrants.
#[track_caller]
fn assert_quadrants(image: &RgbaImage, expected: [[u8; 3]; 4], what: &str) {
    let (width, height) = image.dimensions();
    for (index, colour) in (0..).zip(expected) {
        let (x, y) = (
            width / 4 + index % 2 * width / 2,
            height / 4 + index / 2 * height / 2,
        );
        assert_near(
            *image.get_pixel(x, y),
            colour,
            &format!("{what}, quadrant {index}"),
        );
    }
}

/// What is derived in the colours of a grey ground, with the text of the watermark that is laid on it.
fn with_text(text: &str, scale_permille: Option<u16>) -> Result<RgbaImage, ImagingError> {
    let named = "words".parse().unwrap();
    let mut watermarks = Watermarks::default();
    let named = watermarks.declare(
        named,
        Watermark {
            mark: Mark::Text {
                text: text.to_owned(),
                font: drawn_font().into(),
                colour: Rgb([255, 255, 0]),
                size_px: 48,
            },
            position: Point::BOTTOM_RIGHT,
            margin_px: 10,
            scale_permille,
            opacity_permille: 1000,
            tiling: Tiling::Once,
        },
    );
    let ground = RgbaImage::from_pixel(200, 150, Rgba([100, 100, 100, 255]));
    let mut recipe = recipe(Fit::Contain, 200, 150, OutputFormat::Png);
    recipe.effects.watermark = Some(named);
    let encoded = derive(&DeriveRequest {
        original: &write(&DynamicImage::ImageRgba8(ground), ImageFormat::Png),
        recipes: &[recipe],
        watermarks: &watermarks,
        limits: &Limits::default(),
        stop: &NeverStop,
    })?;
    Ok(read(&encoded[0].bytes))
}

#[test]
fn a_text_is_laid_where_its_watermark_says() {
    // Left, top, right and bottom of what is yellow.
    let yellow = |image: &RgbaImage| {
        let seen = image.enumerate_pixels();
        let seen = seen.filter(|(_, _, pixel)| pixel.0[0] > 250 && pixel.0[2] < 5);
        seen.fold([u32::MAX, u32::MAX, 0, 0], |all, (x, y, _)| {
            [all[0].min(x), all[1].min(y), all[2].max(x), all[3].max(y)]
        })
    };
    // At 48 px, `I` is 4.8 × 33.6 px; with a rim of 2 px on each side the mark is 9 × 38 px.
    let own = with_text("I", None).unwrap();
    let [left, top, right, bottom] = yellow(&own);
    assert!((183..=185).contains(&left) && (186..=188).contains(&right));
    assert!((104..=106).contains(&top) && (136..=138).contains(&bottom));
    assert_eq!(own.get_pixel(100, 75).0, [100, 100, 100, 255]);
    // A fourth of the width is 50 px, of which the rims are 8.6.
    let [left, _, right, _] = yellow(&with_text("-", Some(250)).unwrap());
    assert!(
        (141..=146).contains(&left) && (183..=188).contains(&right),
        "{left} {right}"
    );
}

#[test]
fn a_text_that_cannot_be_drawn_names_the_watermark_and_the_character() {
    let error = with_text("IX", None).unwrap_err();
    assert_eq!(error.code(), "watermark");
    assert_eq!(error.to_string(), "watermark `words`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("`X` (U+0058)"), "{cause}");
}

#[test]
fn every_type_becomes_every_format() {
    for (media, bytes) in decodable() {
        for format in OutputFormat::ALL {
            let image = one(&bytes, recipe(Fit::Contain, 12, 12, format));
            assert_eq!(image.dimensions(), (12, 8), "{media} to {format}");
            assert_quadrants(&image, QUADRANTS, &format!("{media} to {format}"));
        }
    }
}

#[test]
fn what_has_no_decoder_says_so() {
    for (media, bytes) in undecodable() {
        let recipe = recipe(Fit::Contain, 4, 4, OutputFormat::Jpeg);
        let error = with(&bytes, &[recipe], &NeverStop).unwrap_err();
        assert_eq!(error.code(), "no-decoder", "{media}");
    }
}

#[test]
fn one_decoding_serves_all_recipes_in_order() {
    let original = write(&quadrants(40, 30), ImageFormat::Png);
    let recipes = [
        recipe(Fit::Contain, 20, 20, OutputFormat::Webp),
        recipe(Fit::Cover, 10, 10, OutputFormat::Jpeg),
        recipe(Fit::Pad, 50, 60, OutputFormat::Png),
    ];
    let derived = with(&original, &recipes, &NeverStop).unwrap();
    let sizes: Vec<_> = derived
        .iter()
        .map(|found| (found.width_px, found.height_px))
        .collect();
    assert_eq!(sizes, [(20, 15), (10, 10), (50, 60)]);
    for (recipe, found) in recipes.iter().zip(&derived) {
        assert_eq!(sniff(&found.bytes), Some(recipe.encoding.format.media()));
    }
    assert!(with(&original, &[], &NeverStop).unwrap().is_empty());
}

#[test]
fn gravity_picks_the_quadrants_that_cover_keeps() {
    let original = write(&quadrants(80, 40), ImageFormat::Png);
    let [red, green, blue, yellow] = QUADRANTS;
    for (gravity, expected) in [
        ("left", [red, red, blue, blue]),
        ("right", [green, green, yellow, yellow]),
        ("centre", QUADRANTS),
        ("top-left", [red, red, blue, blue]),
    ] {
        let mut recipe = recipe(Fit::Cover, 20, 20, OutputFormat::Png);
        recipe.layout.gravity = gravity.parse().unwrap();
        assert_quadrants(&one(&original, recipe), expected, gravity);
    }
}

#[test]
fn fill_stretches_and_pad_surrounds() {
    let original = write(&quadrants(40, 20), ImageFormat::Png);
    let stretched = one(&original, recipe(Fit::Fill, 10, 20, OutputFormat::Png));
    assert_eq!(stretched.dimensions(), (10, 20));
    assert_quadrants(&stretched, QUADRANTS, "fill");
    let mut pad = recipe(Fit::Pad, 30, 30, OutputFormat::Webp);
    pad.layout.background = Rgb([10, 120, 200]);
    let padded = one(&original, pad);
    assert_eq!(padded.dimensions(), (30, 30));
    for y in [1, 28] {
        assert_near(*padded.get_pixel(15, y), [10, 120, 200], "around");
    }
    assert_near(*padded.get_pixel(7, 11), QUADRANTS[0], "inside");
}

#[test]
fn nothing_grows_unless_asked() {
    let original = write(&quadrants(20, 10), ImageFormat::Png);
    let mut contain = recipe(Fit::Contain, 100, 100, OutputFormat::Png);
    assert_eq!(one(&original, contain).dimensions(), (20, 10));
    contain.layout.enlarge = Enlarge::Yes;
    assert_eq!(one(&original, contain).dimensions(), (100, 50));
}

#[test]
fn transparency_is_kept_or_laid_onto_the_background() {
    let image = RgbaImage::from_fn(32, 32, |x, _| {
        // What is transparent is black underneath, and must not darken the edge.
        if x < 16 {
            Rgba([255, 0, 0, 255])
        } else {
            Rgba([0, 0, 0, 0])
        }
    });
    let original = write(&DynamicImage::ImageRgba8(image), ImageFormat::Png);
    let mut recipe = recipe(Fit::Contain, 16, 16, OutputFormat::Jpeg);
    recipe.layout.background = Rgb([0, 200, 0]);
    let flat = one(&original, recipe);
    assert_near(*flat.get_pixel(12, 8), [0, 200, 0], "flattened");
    assert_near(*flat.get_pixel(3, 8), [255, 0, 0], "flattened");
    for format in [OutputFormat::Png, OutputFormat::Webp] {
        recipe.encoding.format = format;
        let kept = one(&original, recipe);
        assert_eq!(kept.get_pixel(14, 8).0[3], 0, "{format}");
        assert_eq!(kept.get_pixel(2, 8).0[3], 255, "{format}");
    }
    recipe.encoding.format = OutputFormat::Png;
    for pixel in one(&original, recipe)
        .pixels()
        .filter(|pixel| pixel.0[3] > 8)
    {
        assert!(pixel.0[0] >= 240, "{pixel:?}");
    }
}

#[test]
fn sixteen_bits_grey_and_palettes_are_handled() {
    let grey = image::GrayImage::from_pixel(8, 8, Luma([77]));
    let grey = DynamicImage::ImageLuma8(grey);
    let coloured = quadrants(24, 16);
    let originals = [
        (write(&grey, ImageFormat::Png), [77; 3]),
        (write(&grey, ImageFormat::Jpeg), [77; 3]),
        (
            write(
                &DynamicImage::ImageLuma16(grey.to_luma16()),
                ImageFormat::Png,
            ),
            [77; 3],
        ),
        (
            write(
                &DynamicImage::ImageLumaA16(grey.to_luma_alpha16()),
                ImageFormat::Png,
            ),
            [77; 3],
        ),
        (
            write(
                &DynamicImage::ImageRgb16(coloured.to_rgb16()),
                ImageFormat::Tiff,
            ),
            QUADRANTS[0],
        ),
        (
            write(
                &DynamicImage::ImageRgba16(coloured.to_rgba16()),
                ImageFormat::Png,
            ),
            QUADRANTS[0],
        ),
        (palette_png(), [200, 100, 50]),
    ];
    for (original, expected) in originals {
        for format in OutputFormat::ALL {
            let image = one(&original, recipe(Fit::Contain, 20, 20, format));
            assert_near(*image.get_pixel(1, 1), expected, "first quadrant");
        }
    }
}

/// 8 × 8 pixels of one bit, all of the second colour of two.
fn palette_png() -> Vec<u8> {
    let rows = [0, 0xff].repeat(8);
    let adler = rows.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    // One stored block of 16 bytes.
    let mut data = vec![0x78, 1, 1, 16, 0, 0xef, 0xff];
    data.extend(rows);
    data.extend((adler.1 << 16 | adler.0).to_be_bytes());
    let header = [0, 0, 0, 8, 0, 0, 0, 8, 1, 3, 0, 0, 0];
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(*b"IHDR", &header),
        png_chunk(*b"PLTE", &[1, 2, 3, 200, 100, 50]),
        png_chunk(*b"IDAT", &data),
        png_chunk(*b"IEND", b""),
    ]
    .concat()
}

#[test]
fn the_first_frame_of_an_animation_is_taken() {
    let image = write(&quadrants(24, 16), ImageFormat::WebP)[12..].to_vec();
    let header = vec![0, 0, 0, 0, 0, 0, 23, 0, 0, 15, 0, 0, 1, 0, 0, 0];
    let frame = riff_chunk(*b"ANMF", &[header, image].concat());
    let timing = riff_chunk(*b"ANIM", &[0; 6]);
    let original = webp(&[vp8x(2, 24, 16), timing, frame.clone(), frame]);
    let image = one(&original, recipe(Fit::Contain, 12, 12, OutputFormat::Png));
    assert_quadrants(&image, QUADRANTS, "animated WebP");
    let image = one(
        &gif(10, 10, 3),
        recipe(Fit::Contain, 12, 12, OutputFormat::Jpeg),
    );
    assert_eq!(image.dimensions(), (10, 10));
}
