//! Profiles and inks, against a colour-management library and plain formulas.

use std::io::Cursor;

use image::ImageEncoder;
use moxcms::{ColorProfile, LutDataType, LutStore, LutType, LutWarehouse, TransformOptions};

use super::reference::{Floats, mean_distance};
use super::*;
use crate::model::recipe::ColourProfile;

#[test]
fn the_inks_of_a_cmyk_jpeg_come_out_as_colours() {
    // Cyan, magenta, yellow, black as light left by the ink: cyan lets no red through.
    let inks: Vec<u8> = [255, 0, 0, 0].repeat(16 * 16);
    for colour in [
        jpeg_encoder::ColorType::Cmyk,
        jpeg_encoder::ColorType::CmykAsYcck,
    ] {
        let mut original = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut original, 95);
        encoder.encode(&inks, 16, 16, colour).unwrap();
        let image = one(&original, recipe(Fit::Contain, 8, 8, OutputFormat::Png));
        assert_near(*image.get_pixel(4, 4), [0, 255, 255], "cyan");
    }
}

#[test]
fn colours_of_another_profile_are_brought_to_srgb() {
    let icc = ColorProfile::new_display_p3().encode().unwrap();
    let profile = jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &icc[..]].concat());
    let plain = write(&quadrants(24, 16), ImageFormat::Jpeg);
    let tagged = jpeg_with(&plain, &[profile]);
    let recipe = recipe(Fit::Contain, 24, 16, OutputFormat::Png);
    let (plain, converted) = (one(&plain, recipe), one(&tagged, recipe));
    let green = |image: &RgbaImage| image.get_pixel(18, 4).0;
    assert!(
        green(&converted)[0] < green(&plain)[0],
        "{:?}",
        green(&converted)
    );
    assert!(green(&converted)[1] >= green(&plain)[1]);
}

/// Slow waves of every colour.
fn rainbow(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let wave = |phase: f64| 128.0 + 110.0 * phase.sin();
        let [red, green, blue] = [
            wave(x / 31.0 + y / 47.0),
            wave(y / 29.0 - x / 53.0),
            wave(1.0 + x / 37.0 - y / 23.0),
        ]
        .map(byte);
        Rgba([red, green, blue, 255])
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 18 and 238"
)]
fn byte(value: f64) -> u8 {
    value.round() as u8
}

/// Transformed at full size by the library, then resized in floats.
fn expected(image: &RgbaImage, icc: &[u8], size: (u32, u32)) -> Floats {
    let profile = ColorProfile::new_from_slice(icc).unwrap();
    let transform = profile.create_transform_8bit(
        moxcms::Layout::Rgba,
        &ColorProfile::new_srgb(),
        moxcms::Layout::Rgba,
        TransformOptions::default(),
    );
    let mut bytes = vec![0; image.as_raw().len()];
    transform
        .unwrap()
        .transform(image.as_raw(), &mut bytes)
        .unwrap();
    let converted = RgbaImage::from_raw(image.width(), image.height(), bytes).unwrap();
    let floats = Floats::of(&converted);
    floats.resized(floats.whole(), size)
}

#[track_caller]
fn assert_alike(found: &RgbaImage, expected: &Floats, distance_max: f64, what: &str) {
    let distance = mean_distance(&Floats::of(found), expected);
    assert!(distance < distance_max, "{what}: {distance:.2}");
}

#[test]
fn rgb_profiles_are_converted_as_a_colour_library_does() {
    let image = rainbow(180, 120);
    let profiles = [
        ("sRGB", ColorProfile::new_srgb()),
        ("Adobe RGB", ColorProfile::new_adobe_rgb()),
        ("Display P3", ColorProfile::new_display_p3()),
        ("ProPhoto", ColorProfile::new_pro_photo_rgb()),
    ];
    for (name, profile) in profiles {
        let icc = profile.encode().unwrap();
        let rgb = DynamicImage::ImageRgba8(image.clone()).into_rgb8();
        let mut png = Cursor::new(Vec::new());
        let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
        encoder.set_icc_profile(icc.clone()).unwrap();
        rgb.write_with_encoder(encoder).unwrap();
        let mut jpeg = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 98);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
        encoder.add_icc_profile(&icc).unwrap();
        encoder
            .encode(rgb.as_raw(), 180, 120, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        // The second needs no PNG: planes may be shrunk on the way.
        for (original, distance_max) in [(png.into_inner(), 0.8), (jpeg, 1.2)] {
            let decoded = read(&original);
            for size in [(180, 120), (90, 60), (45, 30)] {
                let found = one(
                    &original,
                    recipe(Fit::Contain, size.0, size.1, OutputFormat::Png),
                );
                let what = format!("{name} at {size:?}");
                assert_alike(&found, &expected(&decoded, &icc, size), distance_max, &what);
            }
        }
    }
}

#[test]
fn a_profile_of_srgb_leaves_values_as_they_are() {
    let icc = ColorProfile::new_srgb().encode().unwrap();
    let plain = write(&quadrants(24, 16), ImageFormat::Jpeg);
    let segment = jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &icc[..]].concat());
    let recipe = recipe(Fit::Contain, 24, 16, OutputFormat::Png);
    assert_eq!(
        one(&jpeg_with(&plain, &[segment]), recipe),
        one(&plain, recipe)
    );
}

#[test]
fn grey_profiles_are_converted_as_a_colour_library_does() {
    for gamma in [1.0, 1.8, 2.6] {
        let profile = ColorProfile::new_gray_with_gamma(gamma);
        let icc = profile.encode().unwrap();
        let grey: Vec<u8> = rainbow(96, 64).pixels().map(|pixel| pixel[1]).collect();
        let mut original = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut original, 98);
        encoder.add_icc_profile(&icc).unwrap();
        encoder
            .encode(&grey, 96, 64, jpeg_encoder::ColorType::Luma)
            .unwrap();
        let decoded = image::load_from_memory(&original).unwrap().into_luma8();
        let transform = profile.create_transform_8bit(
            moxcms::Layout::Gray,
            &ColorProfile::new_srgb(),
            moxcms::Layout::Rgba,
            TransformOptions::default(),
        );
        let mut bytes = vec![0; grey.len() * 4];
        transform
            .unwrap()
            .transform(decoded.as_raw(), &mut bytes)
            .unwrap();
        let whole = Floats::of(&RgbaImage::from_raw(96, 64, bytes).unwrap());
        for size in [(96, 64), (48, 32)] {
            let found = one(
                &original,
                recipe(Fit::Contain, size.0, size.1, OutputFormat::Png),
            );
            let expected = whole.resized(whole.whole(), size);
            assert_alike(
                &found,
                &expected,
                1.0,
                &format!("gamma {gamma} at {size:?}"),
            );
        }
    }
}

/// A printer that was never built: each ink takes some lightness and pulls towards its own side of Lab, from three steps of
/// each ink.
fn inks_profile(lut_type: LutType) -> Vec<u8> {
    let steps = |index: usize| [index / 27, index / 9 % 3, index / 3 % 3, index % 3];
    let lab = |index: usize| {
        let [cyan, magenta, yellow, black] = steps(index).map(|step| step as f64 / 2.0);
        let light = (1.0 - 0.38 * cyan) * (1.0 - 0.5 * magenta) * (1.0 - 0.1 * yellow);
        let paper = 1.0 - 0.9 * black;
        [
            light * paper,
            0.502 + (0.27 * magenta - 0.14 * cyan) * paper,
            0.502 + (0.34 * yellow - 0.19 * cyan - 0.02 * magenta) * paper,
        ]
    };
    let values: Vec<f64> = (0..81).flat_map(lab).collect();
    // Curves that change nothing.
    let ramps = |channels: usize, entries: usize| {
        let ramp = (0..entries).map(move |at| at as f64 / (entries - 1) as f64);
        (0..channels)
            .flat_map(move |_| ramp.clone())
            .collect::<Vec<f64>>()
    };
    let entries = match lut_type {
        LutType::Lut8 => 256,
        _ => 2,
    };
    let store = |values: Vec<f64>| match lut_type {
        LutType::Lut8 => LutStore::Store8(values.iter().map(|value| byte(value * 255.0)).collect()),
        _ => LutStore::Store16(values.iter().map(|value| word(value * 65_280.0)).collect()),
    };
    let mut profile = ColorProfile::new_srgb();
    profile.profile_class = moxcms::ProfileClass::OutputDevice;
    profile.color_space = moxcms::DataColorSpace::Cmyk;
    profile.pcs = moxcms::DataColorSpace::Lab;
    profile.description = None;
    profile.cicp = None;
    (profile.red_trc, profile.green_trc, profile.blue_trc) = (None, None, None);
    profile.lut_a_to_b_perceptual = Some(LutWarehouse::Lut(LutDataType {
        num_input_channels: 4,
        num_output_channels: 3,
        num_clut_grid_points: 3,
        matrix: moxcms::Matrix3d::IDENTITY,
        num_input_table_entries: entries,
        num_output_table_entries: entries,
        input_table: store(ramps(4, usize::from(entries))),
        clut_table: store(values),
        output_table: store(ramps(3, usize::from(entries))),
        lut_type,
    }));
    profile.encode().unwrap()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 0 and 65,535"
)]
fn word(value: f64) -> u16 {
    value.round() as u16
}

/// 255 is all ink; the encoder stores what is left of the light, and marks the file as Adobe's programs do.
fn inks(width: u32, height: u32) -> Vec<u8> {
    let colours = rainbow(width, height);
    colours
        .enumerate_pixels()
        .flat_map(|(x, y, pixel)| {
            let black = x * 90 / width + y * 60 / height;
            [pixel[0], pixel[1], pixel[2], u8::try_from(black).unwrap()]
        })
        .collect()
}

fn inks_jpeg(colours: jpeg_encoder::ColorType, icc: Option<&[u8]>) -> Vec<u8> {
    let mut original = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut original, 98);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).unwrap();
    }
    encoder.encode(&inks(96, 64), 96, 64, colours).unwrap();
    original
}

const INKED: [jpeg_encoder::ColorType; 2] = [
    jpeg_encoder::ColorType::Cmyk,
    jpeg_encoder::ColorType::CmykAsYcck,
];

fn by_plain_formula(inks: &[u8]) -> RgbaImage {
    let pixels = inks
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|[cyan, magenta, yellow, black]| {
            let light = |ink: u8| {
                let product = f64::from(255 - ink) * f64::from(255 - black) / 255.0;
                byte(product)
            };
            [light(*cyan), light(*magenta), light(*yellow), 255]
        });
    RgbaImage::from_raw(96, 64, pixels.collect()).unwrap()
}

#[test]
fn inks_without_a_profile_follow_the_plain_formula() {
    let whole = Floats::of(&by_plain_formula(&inks(96, 64)));
    for colours in INKED {
        let original = inks_jpeg(colours, None);
        for size in [(96, 64), (48, 32), (24, 16)] {
            let found = one(
                &original,
                recipe(Fit::Contain, size.0, size.1, OutputFormat::Png),
            );
            let expected = whole.resized(whole.whole(), size);
            assert_alike(&found, &expected, 1.5, &format!("{colours:?} at {size:?}"));
        }
    }
}

#[test]
fn inks_are_those_that_another_decoder_sees() {
    for colours in INKED {
        let original = inks_jpeg(colours, None);
        let expected = Floats::of(&read(&original));
        let found = one(&original, recipe(Fit::Contain, 96, 64, OutputFormat::Png));
        assert_alike(&found, &expected, 1.0, &format!("{colours:?}"));
    }
}

#[test]
fn inks_of_a_file_without_the_mark_of_adobe_are_not_inverted() {
    let original = inks_jpeg(jpeg_encoder::ColorType::Cmyk, None);
    let mark = original
        .windows(4)
        .position(|bytes| bytes == b"\xff\xee\x00\x0e")
        .unwrap();
    let plain = [&original[..mark], &original[mark + 16..]].concat();
    let inverted: Vec<u8> = inks(96, 64).iter().map(|ink| 255 - ink).collect();
    let expected = Floats::of(&by_plain_formula(&inverted));
    let found = one(&plain, recipe(Fit::Contain, 96, 64, OutputFormat::Png));
    assert_alike(&found, &expected, 1.5, "as stored");
}

#[test]
fn inks_with_a_profile_are_converted_as_a_colour_library_does() {
    for lut_type in [LutType::Lut8, LutType::Lut16] {
        let icc = inks_profile(lut_type);
        let expected = expected_of_inks(&icc, &inks(96, 64));
        for colours in INKED {
            let original = inks_jpeg(colours, Some(&icc));
            for size in [(96, 64), (48, 32)] {
                let found = one(
                    &original,
                    recipe(Fit::Contain, size.0, size.1, OutputFormat::Png),
                );
                let expected = expected.resized(expected.whole(), size);
                assert_alike(&found, &expected, 1.5, &format!("{colours:?} at {size:?}"));
                let plain = Floats::of(&by_plain_formula(&inks(96, 64)));
                let plain = plain.resized(plain.whole(), size);
                assert!(
                    mean_distance(&expected, &plain) > 10.0,
                    "the profile does nothing"
                );
            }
        }
    }
}

fn expected_of_inks(icc: &[u8], inks: &[u8]) -> Floats {
    let profile = ColorProfile::new_from_slice(icc).unwrap();
    let transform = profile.create_transform_8bit(
        moxcms::Layout::Rgba,
        &ColorProfile::new_srgb(),
        moxcms::Layout::Rgb,
        TransformOptions::default(),
    );
    let mut bytes = vec![0; inks.len() / 4 * 3];
    transform.unwrap().transform(inks, &mut bytes).unwrap();
    let image = image::RgbImage::from_raw(96, 64, bytes).unwrap();
    Floats::of(&DynamicImage::ImageRgb8(image).into_rgba8())
}

#[test]
fn a_profile_of_ink_or_grey_is_converted_though_it_is_to_be_kept() {
    let mut grey = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut grey, 98);
    let profile = ColorProfile::new_gray_with_gamma(1.0);
    encoder.add_icc_profile(&profile.encode().unwrap()).unwrap();
    let luma = [128; 96 * 64];
    encoder
        .encode(&luma, 96, 64, jpeg_encoder::ColorType::Luma)
        .unwrap();
    let ink = inks_jpeg(INKED[0], Some(&inks_profile(LutType::Lut8)));
    for original in [grey, ink] {
        for format in OutputFormat::ALL {
            let mut recipe = recipe(Fit::Contain, 48, 32, format);
            let converted = encoded(&original, recipe);
            recipe.encoding.profile = ColourProfile::Keep;
            assert!(encoded(&original, recipe) == converted, "{format}");
        }
    }
}
