//! Any options on any small image: an image of the promised size, or an error that says why.

use std::sync::LazyLock;

use image::{GrayImage, ImageBuffer, LumaA};
use proptest::prelude::*;

use super::*;
use crate::model::geometry::Gravity;
use crate::model::options::Options;
use crate::model::watermark::{Mark, Tiling, Watermark};

/// One option in any of its values that may be read, with boxes of thumbnails.
fn any_option() -> impl Strategy<Value = String> {
    prop_oneof![
        (1_u32..90).prop_map(|px| format!("w={px}")),
        (1_u32..90).prop_map(|px| format!("h={px}")),
        (100_u32..=200).prop_map(|percent| format!("dpr={}", f64::from(percent) / 100.0)),
        "fit=(contain|cover|inside|pad|fill)",
        "fit=(cover|fill|pad)",
        "g=(auto|entropy|top|bottom-left|0\\.[0-9]{1,3}x1)",
        (1_u32..=100).prop_map(|quality| format!("q={quality}")),
        "background=[0-9a-f]{6}",
        (1_u32..=100).prop_map(|percent| format!("trim={percent}")),
        "rotate=(90|180|270)",
        "flip=(h|v|hv)",
        (3_u32..=100).prop_map(|tenths| format!("blur={}.{}", tenths / 10, tenths % 10)),
        (1_u32..=100).prop_map(|tenths| format!("sharpen={}.{}", tenths / 10, tenths % 10)),
        "watermark=mark",
        (30_u32..=95).prop_map(|score| format!("ssim2={score}")),
        (1_000_u32..20_000).prop_map(|bytes| format!("maxbytes={bytes}")),
        (2_u32..=256).prop_map(|colours| format!("colors={colours}")),
        "(anim|lossless|progressive|enlarge)=(0|1)",
        "enlarge=1",
        "chroma=4(20|44)",
        "metadata=(none|copyright)",
        "profile=(srgb|keep)",
        "effort=(fast|usual|slow)",
    ]
}

#[derive(Clone, Copy, Debug)]
enum Pixel {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
}

/// Some shapes within a border, of any size and kind, in a format that has room for it, standing any way.
fn any_original() -> impl Strategy<Value = Vec<u8>> {
    let pixel = prop_oneof![
        Just(Pixel::Grey),
        Just(Pixel::GreyAlpha),
        Just(Pixel::Rgb),
        Just(Pixel::Rgba)
    ];
    let format = prop_oneof![
        Just(ImageFormat::Jpeg),
        Just(ImageFormat::Png),
        Just(ImageFormat::WebP),
        Just(ImageFormat::Gif)
    ];
    (1_u32..=40, 1_u32..=40, pixel, format, 0_usize..8).prop_map(
        |(width, height, pixel, format, orientation)| {
            let image = drawing((width, height), pixel);
            let fitting = match format {
                ImageFormat::Jpeg if matches!(pixel, Pixel::Grey) => image,
                ImageFormat::Jpeg => DynamicImage::ImageRgb8(image.into_rgb8()),
                ImageFormat::Gif => DynamicImage::ImageRgba8(image.into_rgba8()),
                _ => image,
            };
            let bytes = write(&fitting, format);
            if format == ImageFormat::Jpeg {
                let orientation = Orientation::ALL[orientation];
                let exif = camera_exif(orientation.exif_value(), false);
                return jpeg_with(&bytes, &[exif_segment(&exif)]);
            }
            bytes
        },
    )
}

fn drawing((width, height): (u32, u32), pixel: Pixel) -> DynamicImage {
    let shade = |x: u32, y: u32| -> u8 {
        let border = x.min(y) < 3;
        let value = if border { 250 } else { x * 11 + y * 7 };
        value.to_le_bytes()[0]
    };
    let alpha = |x: u32, y: u32| {
        if x * 2 > width + y {
            0
        } else {
            shade(y, x) | 1
        }
    };
    match pixel {
        Pixel::Grey => {
            let image = GrayImage::from_fn(width, height, |x, y| Luma([shade(x, y)]));
            DynamicImage::ImageLuma8(image)
        }
        Pixel::GreyAlpha => {
            let pixel = |x, y| LumaA([shade(x, y), alpha(x, y)]);
            DynamicImage::ImageLumaA8(ImageBuffer::from_fn(width, height, pixel))
        }
        Pixel::Rgb => {
            let pixel = |x, y| image::Rgb([shade(x, y), shade(y, x), shade(x / 2, y)]);
            DynamicImage::ImageRgb8(ImageBuffer::from_fn(width, height, pixel))
        }
        Pixel::Rgba => {
            let pixel = |x, y| Rgba([shade(x, y), shade(y, x), shade(x / 2, y), alpha(x, y)]);
            DynamicImage::ImageRgba8(ImageBuffer::from_fn(width, height, pixel))
        }
    }
}

static WATERMARKS: LazyLock<Watermarks> = LazyLock::new(|| {
    let mut watermarks = Watermarks::default();
    let mark = DynamicImage::ImageRgba8(RgbaImage::from_pixel(9, 5, Rgba([200, 0, 0, 128])));
    let watermark = Watermark {
        mark: Mark::Image {
            bytes: write(&mark, ImageFormat::Png).into(),
        },
        position: Gravity::default().point(),
        margin_px: 2,
        scale_permille: Some(300),
        opacity_permille: 700,
        tiling: Tiling::Everywhere,
    };
    watermarks.declare("mark".parse().unwrap(), watermark);
    watermarks
});

/// What the words say, and the pixels where it depends on them.
fn promised_size(original: &[u8], recipe: &Recipe) -> (u32, u32) {
    let limits = Limits::default();
    let inspected = inspect(original, &limits).unwrap();
    let request = DecodeRequest {
        original,
        inspected: &inspected,
        limits: &limits,
        stop: &NeverStop,
    };
    let [scene] = scenes(&[*recipe]).try_into().unwrap();
    let expected = scene.set(&inspected, Sight::default());
    if !must_look(&scene) {
        return expected.placement.size();
    }
    let sight = look(&scene, &request).unwrap();
    scene.set(&inspected, sight).placement.size()
}

fn check(original: &[u8], options: &Options, format: OutputFormat) {
    let recipe = options.recipe(format);
    let derived = derive(&DeriveRequest {
        original,
        recipes: &[recipe],
        watermarks: &WATERMARKS,
        limits: &Limits::default(),
        stop: &NeverStop,
    });
    let derived = match derived {
        Ok(derived) => derived,
        Err(ImagingError::BytesCap { .. }) if recipe.encoding.bytes_max.is_some() => return,
        Err(error) => panic!("{options} to {format}: {error:?}"),
    };
    let [found] = derived.try_into().unwrap();
    let size = promised_size(original, &recipe);
    assert_eq!(
        (found.width_px, found.height_px),
        size,
        "{options} to {format}"
    );
    assert_eq!(
        shown(&found.bytes).dimensions(),
        size,
        "{options} to {format}"
    );
    assert_eq!(sniff(&found.bytes), Some(format.media()));
    if let Some(bytes_max) = recipe.encoding.bytes_max {
        assert!(found.bytes.len() <= bytes_max as usize);
    }
}

proptest::proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_options_on_any_image_give_the_promised_size(
        options in proptest::collection::vec(any_option(), 1..10),
        original in any_original(),
        format in 0_usize..5,
    ) {
        // What stands twice or contradicts is left out, word by word.
        let mut words = String::new();
        for option in options {
            let longer = if words.is_empty() { option } else { format!("{words},{option}") };
            if longer.parse::<Options>().is_ok() {
                words = longer;
            }
        }
        if let Ok(options) = words.parse::<Options>() {
            check(&original, &options, OutputFormat::ALL[format]);
        }
    }
}
