//! A small whole file of every kind that is decoded.

use std::io::Cursor;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, ImageFormat, RgbImage};
use img_core::imaging::noise_jpeg;
use img_core::model::media::OutputFormat;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::zune_core::bit_depth::BitDepth;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::EncoderOptions;
use zune_jpegxl::JxlSimpleEncoder;

use crate::{derive_one, limits, recipe};

const SIDES: (u16, u16) = (67, 45);

/// With a name for each.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut files = jpegs();
    let noise = noise_jpeg(SIDES.0, SIDES.1, 3);
    let drawn = image::load_from_memory(&noise).unwrap();
    files.extend(derived(&noise));
    files.extend(written(&drawn));
    let moving = moving(&drawn.to_rgb8());
    for (name, format) in [
        ("moving WebP", OutputFormat::Webp),
        ("moving GIF", OutputFormat::Gif),
    ] {
        let whole = recipe(format, "w=60,anim=1");
        let made = derive_one(&moving, whole, &limits()).unwrap();
        files.push((name.to_owned(), made[0].bytes.clone()));
    }
    files.push(("JPEG XL".to_owned(), jxl(&drawn.to_rgb8())));
    files.push(("SVG".to_owned(), SVG.as_bytes().to_vec()));
    files
}

fn jpegs() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (name, colour, channels) in [
        ("grey", ColorType::Luma, 1),
        ("YCbCr", ColorType::Rgb, 3),
        ("CMYK", ColorType::Cmyk, 4),
        ("YCCK", ColorType::CmykAsYcck, 4),
    ] {
        for (process, scans, restart_interval) in [
            ("baseline", None, 0),
            ("baseline with restarts", None, 3),
            ("progressive", Some(8), 0),
            ("progressive with restarts", Some(4), 2),
        ] {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 80);
            encoder.set_sampling_factor(SamplingFactor::F_2_2);
            encoder.set_restart_interval(restart_interval);
            if let Some(scans) = scans {
                encoder.set_progressive_scans(scans);
            }
            let pixels = slopes(channels);
            encoder.encode(&pixels, SIDES.0, SIDES.1, colour).unwrap();
            files.push((format!("{process} {name} JPEG"), bytes));
        }
    }
    files
}

fn slopes(channels: usize) -> Vec<u8> {
    let area = usize::from(SIDES.0) * usize::from(SIDES.1);
    (0..area * channels)
        .map(|index| u8::try_from(index * index / 97 % 256).unwrap())
        .collect()
}

/// By the encoders of our own.
fn derived(jpeg: &[u8]) -> Vec<(String, Vec<u8>)> {
    let outputs = [
        ("optimised JPEG", OutputFormat::Jpeg, "w=60"),
        ("refined JPEG", OutputFormat::Jpeg, "w=60,progressive=1"),
        ("PNG", OutputFormat::Png, "w=60"),
        ("palette PNG", OutputFormat::Png, "w=60,colors=9"),
        ("lossy WebP", OutputFormat::Webp, "w=60"),
        ("lossless WebP", OutputFormat::Webp, "w=60,lossless=1"),
        ("AVIF", OutputFormat::Avif, "w=60"),
        ("GIF", OutputFormat::Gif, "w=60"),
    ];
    let file = |(name, format, options): (&str, OutputFormat, &str)| {
        let made = derive_one(jpeg, recipe(format, options), &limits()).unwrap();
        (name.to_owned(), made[0].bytes.clone())
    };
    outputs.into_iter().map(file).collect()
}

fn written(drawn: &DynamicImage) -> Vec<(String, Vec<u8>)> {
    let alpha = DynamicImage::ImageRgba8(drawn.to_rgba8());
    let deep = DynamicImage::ImageRgb16(drawn.to_rgb16());
    let outputs = [
        ("TIFF", drawn, ImageFormat::Tiff),
        ("16-bit TIFF", &deep, ImageFormat::Tiff),
        ("BMP", drawn, ImageFormat::Bmp),
        ("BMP with alpha", &alpha, ImageFormat::Bmp),
        ("PNG with alpha", &alpha, ImageFormat::Png),
        ("16-bit PNG", &deep, ImageFormat::Png),
        ("WebP with alpha", &alpha, ImageFormat::WebP),
    ];
    let file = |(name, image, format): (&str, &DynamicImage, ImageFormat)| {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        (name.to_owned(), bytes.into_inner())
    };
    outputs.into_iter().map(file).collect()
}

fn moving(drawn: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for turn in 0..4 {
        let mut canvas = DynamicImage::ImageRgb8(drawn.clone()).into_rgba8();
        canvas.as_mut().rotate_left(turn * 400);
        let frame = Frame::from_parts(canvas, 0, 0, Delay::from_numer_denom_ms(80, 1));
        encoder.encode_frame(frame).unwrap();
    }
    drop(encoder);
    bytes
}

fn jxl(drawn: &RgbImage) -> Vec<u8> {
    let (width, height) = (SIDES.0.into(), SIDES.1.into());
    let options = EncoderOptions::new(width, height, ColorSpace::RGB, BitDepth::Eight);
    let mut bytes = Vec::new();
    let encoder = JxlSimpleEncoder::new(drawn.as_raw(), options);
    encoder.encode(&mut bytes).unwrap();
    bytes
}

const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='67' height='45' viewBox='0 0 134 90'>\
    <linearGradient id='g'><stop stop-color='red'/><stop offset='1' stop-color='blue'/></linearGradient>\
    <filter id='f'><feGaussianBlur stdDeviation='2'/></filter>\
    <clipPath id='c'><circle cx='40' cy='40' r='30'/></clipPath>\
    <pattern id='p' width='.2' height='.2'><rect width='5' height='3'/></pattern>\
    <g filter='url(#f)' opacity='.5'><rect width='70' height='50' fill='url(#g)' transform='rotate(9)'/></g>\
    <path clip-path='url(#c)' d='M0 0L90 20Q30 50 10 10z' stroke='green' stroke-dasharray='3 2' fill='url(#p)'/></svg>";
