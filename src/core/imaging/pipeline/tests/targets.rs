//! Qualities that are searched: by score, and by size.

use super::reference::Floats;
use super::*;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::quality::Reference;
use crate::imaging::sample::photo;
use crate::model::recipe::QualityTarget;

const LOSSY: [OutputFormat; 3] = [OutputFormat::Jpeg, OutputFormat::Webp, OutputFormat::Avif];

fn original() -> Vec<u8> {
    photo(
        (240, 160),
        Encoding::new(OutputFormat::Png, Quality::Fixed(100)),
    )
}

fn at(format: OutputFormat, quality: Quality) -> Recipe {
    let mut recipe = recipe(Fit::Contain, 120, 120, format);
    recipe.encoding.quality = quality;
    recipe
}

/// Against the same derivative without loss.
fn score(original: &[u8], bytes: &[u8]) -> f64 {
    let lossless = one(original, at(OutputFormat::Png, Quality::Fixed(100)));
    let reference = Reference::new(&pixels(&lossless)).unwrap();
    reference.score(&pixels(&shown(bytes))).unwrap()
}

fn pixels(image: &RgbaImage) -> Pixels {
    Pixels {
        width_px: image.width(),
        height_px: image.height(),
        channels: Channels::Rgb,
        bytes: Floats::of(image).to_rgb(),
    }
}

#[test]
fn a_target_is_reached_by_the_smallest_quality() {
    let original = original();
    for format in LOSSY {
        let target = QualityTarget {
            ssim2: 65,
            quality_min: 20,
            quality_max: 95,
        };
        let found = encoded(&original, at(format, Quality::Target(target))).bytes;
        let reached = score(&original, &found);
        assert!(reached >= 65.0, "{format}: {reached}");
        let fixed = |quality| encoded(&original, at(format, Quality::Fixed(quality))).bytes;
        let quality = (20..=95).find(|&quality| fixed(quality) == found).unwrap();
        assert!(
            (21..95).contains(&quality),
            "{format}: a bound answers nothing"
        );
        let below = score(&original, &fixed(quality - 1));
        assert!(
            below < 65.0,
            "{format} at {quality}: {below} is enough one below"
        );
    }
}

#[test]
fn a_target_that_is_out_of_reach_takes_the_upper_bound() {
    let original = original();
    for format in LOSSY {
        let target = QualityTarget {
            ssim2: 95,
            quality_min: 20,
            quality_max: 30,
        };
        let found = encoded(&original, at(format, Quality::Target(target)));
        assert_eq!(
            found,
            encoded(&original, at(format, Quality::Fixed(30))),
            "{format}"
        );
    }
}

#[test]
fn a_target_that_any_quality_reaches_takes_the_lower_bound() {
    let original = original();
    for format in LOSSY {
        let target = QualityTarget {
            ssim2: 30,
            quality_min: 85,
            quality_max: 90,
        };
        let found = encoded(&original, at(format, Quality::Target(target)));
        assert_eq!(
            found,
            encoded(&original, at(format, Quality::Fixed(85))),
            "{format}"
        );
    }
}

#[test]
fn a_cap_in_bytes_is_kept_by_the_highest_quality_that_fits() {
    let original = original();
    for format in LOSSY {
        let fixed = |quality| encoded(&original, at(format, Quality::Fixed(quality))).bytes;
        let middle = fixed(50).len();
        let mut recipe = at(format, Quality::Fixed(95));
        recipe.encoding.bytes_max = Some(u32::try_from(middle).unwrap());
        let found = encoded(&original, recipe).bytes;
        assert!(found.len() <= middle, "{format}");
        let quality = (50..95).find(|&quality| fixed(quality) == found).unwrap();
        assert!(fixed(quality + 1).len() > middle, "{format} at {quality}");
    }
}

#[test]
fn a_cap_that_cannot_be_kept_says_what_is_needed() {
    let original = original();
    for format in OutputFormat::ALL {
        let mut recipe = at(format, Quality::Fixed(80));
        recipe.encoding.bytes_max = Some(100);
        let error = with(&original, &[recipe], &NeverStop).unwrap_err();
        let ImagingError::BytesCap {
            found_bytes,
            max_bytes,
            ..
        } = error
        else {
            panic!("{format}: {error:?}");
        };
        assert!(found_bytes > 100 && max_bytes == 100, "{format}: {error}");
    }
}

#[test]
fn tiny_images_have_a_target_too() {
    for (width, height) in [(1, 1), (2, 7), (7, 9), (8, 8), (300, 1)] {
        let image = DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([x, y, x * y].map(|value| value.to_le_bytes()[0]))
        }));
        let target = QualityTarget {
            ssim2: 70,
            quality_min: 40,
            quality_max: 90,
        };
        for format in LOSSY {
            let original = write(&image, ImageFormat::Png);
            let derived = encoded(&original, at(format, Quality::Target(target)));
            assert_eq!(
                shown(&derived.bytes).dimensions(),
                (derived.width_px, derived.height_px)
            );
        }
    }
}
