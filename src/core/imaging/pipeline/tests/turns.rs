//! Orientations, rotations and flips: the same picture by whatever way it stands.

use img_codec::jpeg::decode as jpeg;
use img_codec::plane::Plane;

use super::*;
use crate::imaging::fixture::png_with;
use crate::model::turn::{Flip, Rotation, Trim};

#[test]
fn all_eight_orientations_stand_upright() {
    let upright = quadrants(48, 32);
    for orientation in Orientation::ALL {
        let stored = stored(&upright, orientation);
        let exif = camera_exif(orientation.exif_value(), false);
        let original = jpeg_with(&write(&stored, ImageFormat::Jpeg), &[exif_segment(&exif)]);
        let whole = one(&original, recipe(Fit::Contain, 24, 24, OutputFormat::Png));
        assert_eq!(whole.dimensions(), (24, 16), "{orientation:?}");
        assert_quadrants(&whole, QUADRANTS, &format!("{orientation:?}"));
        let mut corner = recipe(Fit::Cover, 8, 16, OutputFormat::Png);
        corner.layout.gravity = "left".parse().unwrap();
        let left = one(&original, corner);
        let [red, _, blue, _] = QUADRANTS;
        assert_quadrants(
            &left,
            [red, red, blue, blue],
            &format!("{orientation:?}, left"),
        );
    }
}

/// Waves of light and colour that look alike from no two sides, within a white border; slow enough for halved chroma.
fn waves(width: u32, height: u32, border_px: u32) -> DynamicImage {
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        let (right, bottom) = (width - 1 - x, height - 1 - y);
        if x.min(y).min(right).min(bottom) < border_px {
            return image::Rgb([255; 3]);
        }
        let (x, y) = (f64::from(x), f64::from(y));
        let wave = |phase: f64| 110.0 + 75.0 * phase.sin();
        let values = [
            wave(x / 6.0 + y / 17.0),
            wave(y / 7.0 - x / 30.0),
            wave(1.0 + x / 9.0 - y / 8.0),
        ];
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 35 and 185"
        )]
        image::Rgb(values.map(|value| value.round() as u8))
    });
    DynamicImage::ImageRgb8(image)
}

/// Stored so that `orientation` makes it stand upright.
fn stored(upright: &DynamicImage, orientation: Orientation) -> DynamicImage {
    match orientation {
        Orientation::Upright => upright.clone(),
        Orientation::FlipHorizontal => upright.fliph(),
        Orientation::Rotate180 => upright.rotate180(),
        Orientation::FlipVertical => upright.flipv(),
        Orientation::Transpose => upright.rotate90().fliph(),
        Orientation::Rotate90 => upright.rotate270(),
        Orientation::Transverse => upright.rotate270().fliph(),
        Orientation::Rotate270 => upright.rotate90(),
    }
}

/// 4:2:0 of the best quality, or PNG, with the orientation in its EXIF.
fn original(image: &DynamicImage, orientation: Orientation, format: OutputFormat) -> Vec<u8> {
    let exif = camera_exif(orientation.exif_value(), false);
    if format == OutputFormat::Png {
        return png_with(
            &write(image, ImageFormat::Png),
            &[png_chunk(*b"eXIf", &exif)],
        );
    }
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 100);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(jpeg_encoder::ChromaSubsamplingMethod::Average);
    let (width, height) = (
        image.width().try_into().unwrap(),
        image.height().try_into().unwrap(),
    );
    encoder
        .encode(
            image.as_bytes(),
            width,
            height,
            jpeg_encoder::ColorType::Rgb,
        )
        .unwrap();
    jpeg_with(&bytes, &[exif_segment(&exif)])
}

/// Luma and both chroma planes of a JPEG; red, green and blue of others.
fn planes(bytes: &[u8]) -> Vec<Plane> {
    if sniff(bytes) != Some(MediaType::Jpeg) {
        let image = shown(bytes);
        let (width, height) = (image.width() as usize, image.height() as usize);
        return img_codec::colour::split(image.as_raw(), 4, width, height);
    }
    let decoded = jpeg::decode(&jpeg::Request {
        bytes,
        scale: jpeg::Scale::from_eighths(8).unwrap(),
        missing: jpeg::Missing::Refuse,
        refinement: jpeg::Refinement::Exact,
        limits: jpeg::Limits {
            pixels_max: 1_000_000,
            scans_max: 10,
        },
        stop: &NeverStop,
    });
    decoded.unwrap().planes
}

/// The mean difference of two planes.
fn distance(one: &Plane, other: &Plane) -> f64 {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let pairs = one.rows().flatten().zip(other.rows().flatten());
    let sum: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / (one.width() * one.height()) as f64
}

/// A chroma plane that is half a sample off differs by 2.7 to 4.1 of these waves.
const NEAR: f64 = 2.0;

/// What another library does to a picture.
type Turn = fn(&DynamicImage) -> DynamicImage;

/// Derives a picture by every way that it may be stored, and once more turned beforehand, by another library.
#[track_caller]
fn check(recipe: Recipe, (from, border_px): (OutputFormat, u32), turn: Turn) {
    for (width, height) in [(101, 67), (96, 64), (67, 102)] {
        let upright = waves(width, height, border_px);
        let mut turned = recipe;
        turned.layout.rotation = Rotation::None;
        turned.layout.flip = Flip::None;
        let expected = original(&turn(&upright), Orientation::Upright, from);
        let expected = planes(&encoded(&expected, turned).bytes);
        for orientation in Orientation::ALL {
            let stored = original(&stored(&upright, orientation), orientation, from);
            let found = planes(&encoded(&stored, recipe).bytes);
            let distances: Vec<f64> = found
                .iter()
                .zip(&expected)
                .map(|(a, b)| distance(a, b))
                .collect();
            // At the edge of a border, one sample of chroma is of both sides.
            let near = if border_px > 0 { NEAR + 1.0 } else { NEAR };
            assert!(
                distances.iter().all(|distance| *distance < near),
                "{width}×{height} {from} {orientation:?}: {distances:.2?}"
            );
        }
    }
}

/// The road of planes and the road of pixels.
const ROADS: [(OutputFormat, OutputFormat); 3] = [
    (OutputFormat::Jpeg, OutputFormat::Jpeg),
    (OutputFormat::Jpeg, OutputFormat::Png),
    (OutputFormat::Png, OutputFormat::Jpeg),
];

fn best(fit: Fit, (width, height): (u32, u32), format: OutputFormat) -> Recipe {
    let mut recipe = recipe(fit, width, height, format);
    recipe.encoding.quality = Quality::Fixed(100);
    recipe
}

#[test]
fn an_orientation_shifts_no_plane() {
    for (from, to) in ROADS {
        for side in [200, 60, 51, 33] {
            check(
                best(Fit::Contain, (side, side), to),
                (from, 0),
                DynamicImage::clone,
            );
        }
    }
}

#[test]
fn rotations_and_flips_shift_no_plane() {
    let turns: [(Rotation, Flip, Turn); 6] = [
        (Rotation::Quarter, Flip::None, DynamicImage::rotate90),
        (Rotation::Half, Flip::None, DynamicImage::rotate180),
        (Rotation::ThreeQuarters, Flip::Horizontal, |image| {
            image.rotate270().fliph()
        }),
        (Rotation::None, Flip::Vertical, DynamicImage::flipv),
        (Rotation::None, Flip::Both, DynamicImage::rotate180),
        (Rotation::Quarter, Flip::Vertical, |image| {
            image.rotate90().flipv()
        }),
    ];
    for (from, to) in ROADS {
        for (rotation, flip, turn) in turns {
            let mut recipe = best(Fit::Contain, (51, 51), to);
            (recipe.layout.rotation, recipe.layout.flip) = (rotation, flip);
            check(recipe, (from, 0), turn);
        }
    }
}

#[test]
fn crops_of_turned_pictures_shift_no_plane() {
    for (from, to) in ROADS {
        for gravity in ["left", "0.3x0.9", "bottom-right"] {
            let mut recipe = best(Fit::Cover, (41, 37), to);
            recipe.layout.gravity = gravity.parse().unwrap();
            check(recipe, (from, 0), DynamicImage::clone);
            recipe.layout.rotation = Rotation::Quarter;
            check(recipe, (from, 0), DynamicImage::rotate90);
        }
    }
}

#[test]
fn trimming_a_turned_picture_shifts_no_plane() {
    for (from, to) in ROADS {
        // At full size: where an original is shrunk while it is decoded, a border is found to a pixel.
        let mut recipe = best(Fit::Contain, (200, 200), to);
        recipe.layout.trim = Some(Trim::new(20).unwrap());
        check(recipe, (from, 16), DynamicImage::clone);
        recipe.layout.rotation = Rotation::ThreeQuarters;
        check(recipe, (from, 16), DynamicImage::rotate270);
    }
}
