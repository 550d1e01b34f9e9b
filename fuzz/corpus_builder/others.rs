//! One file of each of the other formats, by the encoders at hand; AVIF by `derive` itself would cost a build of libaom.

use std::io::Cursor;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, ImageFormat, RgbImage, RgbaImage};
use zune_jpegxl::JxlSimpleEncoder;

use crate::drawing::{HEIGHT, WIDTH, samples};

pub fn all() -> Vec<Vec<u8>> {
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let rgb = RgbImage::from_raw(width, height, samples(3)).expect("its size");
    let rgb = DynamicImage::ImageRgb8(rgb);
    let rgba = RgbaImage::from_raw(width, height, samples(4)).expect("its size");
    let formats = [
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ];
    let mut files: Vec<Vec<u8>> = formats.map(|format| write(&rgb, format)).to_vec();
    files.push(moving(&rgba));
    files.push(write(&DynamicImage::ImageRgba8(rgba), ImageFormat::WebP));
    files.push(jxl());
    files.push(SVG.as_bytes().to_vec());
    files
}

const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='37' height='29' viewBox='0 0 74 58'>\
<defs><linearGradient id='g'><stop offset='0' stop-color='red'/><stop offset='1' stop-color='blue'/></linearGradient>\
<filter id='f'><feGaussianBlur stdDeviation='2'/></filter><clipPath id='c'><circle cx='30' cy='30' r='20'/></clipPath></defs>\
<g filter='url(#f)' opacity='.5'><rect width='40' height='40' fill='url(#g)' transform='rotate(10)'/></g>\
<path clip-path='url(#c)' d='M0 0L70 20Q30 50 10 10z' stroke='green' stroke-dasharray='3 2'/></svg>";

fn write(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).expect("encode an image");
    file.into_inner()
}

fn moving(first: &RgbaImage) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    encoder.set_repeat(Repeat::Infinite).expect("repeat");
    for turn in 0..3 {
        let mut canvas = first.clone();
        canvas.as_mut().rotate_left(turn * 40);
        let delay = Delay::from_numer_denom_ms(100, 1);
        let frame = Frame::from_parts(canvas, 0, 0, delay);
        encoder.encode_frame(frame).expect("encode a frame");
    }
    drop(encoder);
    file
}

fn jxl() -> Vec<u8> {
    use zune_core::{bit_depth::BitDepth, colorspace::ColorSpace, options::EncoderOptions};
    let (width, height) = (WIDTH.into(), HEIGHT.into());
    let options = EncoderOptions::new(width, height, ColorSpace::RGB, BitDepth::Eight);
    let mut file = Vec::new();
    let encoded = JxlSimpleEncoder::new(&samples(3), options).encode(&mut file);
    encoded.expect("encode a JPEG XL");
    file
}
