//! Derivatives of a photo against a reference, with the distance that was measured when this was written: quality cannot slip
//! unseen.

use std::sync::LazyLock;

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, SamplingFactor};

use super::reference::{Floats, psnr};
use super::*;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::quality::Reference;
use crate::imaging::sample::photo;

const SIZE: (u16, u16) = (720, 480);

static PHOTO: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let size = (u32::from(SIZE.0), u32::from(SIZE.1));
    let file = photo(size, Encoding::new(OutputFormat::Png, Quality::Fixed(100)));
    read(&file)
        .pixels()
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect()
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Baseline(SamplingFactor),
    Progressive,
    Grey,
    Png,
    Webp,
}

impl Kind {
    fn file(self) -> Vec<u8> {
        match self {
            Self::Baseline(sampling) => jpeg(sampling, ColorType::Rgb, false),
            Self::Progressive => jpeg(SamplingFactor::F_2_2, ColorType::Rgb, true),
            Self::Grey => jpeg(SamplingFactor::F_1_1, ColorType::Luma, false),
            Self::Png => lossless(OutputFormat::Png),
            Self::Webp => lossless(OutputFormat::Webp),
        }
    }
}

fn jpeg(sampling: SamplingFactor, colours: ColorType, progressive: bool) -> Vec<u8> {
    let pixels: Vec<u8> = match colours {
        ColorType::Luma => PHOTO.chunks_exact(3).map(|pixel| pixel[1]).collect(),
        _ => PHOTO.clone(),
    };
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.set_sampling_factor(sampling);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.set_progressive(progressive);
    encoder.encode(&pixels, SIZE.0, SIZE.1, colours).unwrap();
    bytes
}

fn lossless(format: OutputFormat) -> Vec<u8> {
    let (width, height) = (u32::from(SIZE.0), u32::from(SIZE.1));
    let image = image::RgbImage::from_raw(width, height, PHOTO.clone()).unwrap();
    let format = match format {
        OutputFormat::Webp => ImageFormat::WebP,
        OutputFormat::Jpeg | OutputFormat::Png | OutputFormat::Avif | OutputFormat::Gif => {
            ImageFormat::Png
        }
    };
    write(&DynamicImage::ImageRgb8(image), format)
}

/// Three sizes, and a part.
fn recipes(format: OutputFormat) -> [Recipe; 4] {
    let mut crop = recipe(Fit::Cover, 150, 200, format);
    crop.layout.gravity = "0.3x0.8".parse().unwrap();
    [
        recipe(Fit::Contain, 320, 320, format),
        recipe(Fit::Contain, 160, 160, format),
        recipe(Fit::Contain, 64, 64, format),
        crop,
    ]
    .map(|recipe| Recipe {
        encoding: Encoding {
            quality: Quality::Fixed(95),
            ..recipe.encoding
        },
        ..recipe
    })
}

fn expected(whole: &Floats, recipe: &Recipe) -> Floats {
    let size = (u32::from(SIZE.0), u32::from(SIZE.1));
    let placement = crate::imaging::place::place(&recipe.layout, size);
    whole.resized(placement.crop, placement.size())
}

/// PSNR of luma in dB for each of [`recipes`], to PNG and to JPEG of quality 95, each recipe by itself: as few samples are
/// decoded as it needs.
const GOLDEN: [(Kind, [f64; 4], [f64; 4]); 9] = [
    (
        Kind::Baseline(SamplingFactor::F_2_2),
        [53.06, 54.27, 47.28, 53.92],
        [44.69, 44.91, 43.77, 44.47],
    ),
    (
        Kind::Baseline(SamplingFactor::F_2_1),
        [53.15, 54.43, 47.26, 54.07],
        [44.69, 44.91, 43.73, 44.48],
    ),
    (
        Kind::Baseline(SamplingFactor::F_1_1),
        [53.17, 54.49, 47.32, 54.11],
        [44.68, 44.91, 43.75, 44.46],
    ),
    (
        Kind::Baseline(SamplingFactor::F_1_2),
        [53.07, 54.30, 47.32, 53.96],
        [44.68, 44.91, 43.78, 44.47],
    ),
    (
        Kind::Baseline(SamplingFactor::F_4_1),
        [53.05, 54.28, 47.11, 53.93],
        [44.69, 44.91, 43.72, 44.47],
    ),
    (
        Kind::Progressive,
        [53.05, 54.25, 47.28, 53.90],
        [44.69, 44.91, 43.77, 44.47],
    ),
    (
        Kind::Grey,
        [52.81, 54.83, 47.04, 53.95],
        [44.68, 45.03, 43.89, 44.46],
    ),
    (
        Kind::Png,
        [62.20, 53.88, 54.59, 62.24],
        [45.07, 44.61, 45.01, 44.76],
    ),
    (
        Kind::Webp,
        [62.20, 62.19, 62.23, 62.24],
        [45.07, 45.06, 45.41, 44.76],
    ),
];

#[test]
fn luma_is_as_near_to_the_reference_as_it_was() {
    /// In dB, for what other processors round differently.
    const TOLERANCE: f64 = 0.05;
    let mut slipped = Vec::new();
    for (kind, png, jpeg) in GOLDEN {
        let original = kind.file();
        let whole = Floats::of(&read(&original));
        let expected = recipes(OutputFormat::Png).map(|recipe| expected(&whole, &recipe).luma());
        for (format, golden) in [(OutputFormat::Png, png), (OutputFormat::Jpeg, jpeg)] {
            let found = recipes(format).map(|recipe| Floats::of(&one(&original, recipe)).luma());
            let found = std::array::from_fn::<f64, 4, _>(|at| psnr(&found[at], &expected[at]));
            if found
                .iter()
                .zip(golden)
                .any(|(found, golden)| *found < golden - TOLERANCE)
            {
                slipped.push(format!(
                    "{kind:?} to {format}: {found:.2?} for {golden:.2?}"
                ));
            }
        }
    }
    assert!(slipped.is_empty(), "{}", slipped.join("\n"));
}

#[test]
fn eyes_see_no_more_difference_than_they_did() {
    /// In points of SSIMULACRA2.
    const TOLERANCE: f64 = 0.1;
    let mut slipped = Vec::new();
    for (kind, golden) in [
        (Kind::Baseline(SamplingFactor::F_2_2), [94.68, 90.16]),
        (Kind::Baseline(SamplingFactor::F_1_1), [95.20, 90.00]),
        (Kind::Progressive, [94.56, 90.04]),
        (Kind::Png, [98.06, 90.03]),
    ] {
        let original = kind.file();
        let whole = Floats::of(&read(&original));
        let formats = [OutputFormat::Png, OutputFormat::Jpeg];
        let found = formats.map(|format| {
            let [recipe, ..] = recipes(format);
            let expected = Reference::new(&pixels(&expected(&whole, &recipe))).unwrap();
            let found = pixels(&Floats::of(&one(&original, recipe)));
            expected.score(&found).unwrap()
        });
        if found
            .iter()
            .zip(golden)
            .any(|(found, golden)| *found < golden - TOLERANCE)
        {
            slipped.push(format!("{kind:?}: {found:.2?} for {golden:.2?}"));
        }
    }
    assert!(slipped.is_empty(), "{}", slipped.join("\n"));
}

fn pixels(floats: &Floats) -> Pixels {
    Pixels {
        width_px: u32::try_from(floats.width).unwrap(),
        height_px: u32::try_from(floats.height).unwrap(),
        channels: Channels::Rgb,
        bytes: floats.to_rgb(),
    }
}
