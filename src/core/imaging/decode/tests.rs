//! Each format of originals, against what was drawn; animations; files that lie.

use std::io::Cursor;

use ::tiff::encoder::TiffEncoder;
use ::tiff::encoder::colortype::{CMYK8, ColorType, RGB32Float};
use image::{DynamicImage, ImageFormat, Luma, LumaA, Rgba, RgbaImage};

use super::animation::{Frame, Loops, frames};
use super::*;
use crate::imaging::fixture::{
    QUADRANTS, avif, gif, heif, jxl, png_chunk, png_with, quadrants, svg, write,
};
use crate::imaging::inspect::inspect;
use crate::imaging::limits::SvgPolicy;
use crate::imaging::metadata::exif;
use crate::imaging::orient::Orientation;
use crate::imaging::picture::turned;
use crate::imaging::stop::NeverStop;

struct Now;

impl Stop for Now {
    fn should_stop(&self) -> bool {
        true
    }
}

fn limits() -> Limits {
    Limits {
        svg: SvgPolicy::Accept,
        ..Limits::default()
    }
}

fn stopped_by(original: &[u8], stop: &dyn Stop) -> Result<Decoded, ImagingError> {
    let limits = limits();
    let inspected = inspect(original, &limits)?;
    decode(&DecodeRequest {
        original,
        inspected: &inspected,
        limits: &limits,
        stop,
    })
}

fn of(original: &[u8]) -> Result<Decoded, ImagingError> {
    stopped_by(original, &NeverStop)
}

fn rgba(pixels: Pixels) -> RgbaImage {
    let pixels = pixels.into_coloured();
    let (width, height) = (pixels.width_px, pixels.height_px);
    if pixels.channels.has_alpha() {
        return RgbaImage::from_raw(width, height, pixels.bytes).unwrap();
    }
    let rgb = image::RgbImage::from_raw(width, height, pixels.bytes).unwrap();
    DynamicImage::ImageRgb8(rgb).into_rgba8()
}

#[track_caller]
fn check_quadrants(original: &[u8], tolerance: u8) {
    let image = rgba(of(original).unwrap().pixels);
    let (width, height) = image.dimensions();
    for (index, colour) in (0..).zip(QUADRANTS) {
        let (x, y) = (
            width / 4 + index % 2 * width / 2,
            height / 4 + index / 2 * height / 2,
        );
        let found = image.get_pixel(x, y).0;
        let near = found
            .iter()
            .zip(colour)
            .all(|(a, b)| a.abs_diff(b) <= tolerance);
        assert!(
            near && found[3] == 255,
            "quadrant {index}: {found:?} for {colour:?}"
        );
    }
}

#[test]
fn png_of_every_depth_is_decoded() {
    let image = quadrants(24, 16);
    for deep in [
        DynamicImage::ImageRgb16(image.to_rgb16()),
        DynamicImage::ImageRgba16(image.to_rgba16()),
        DynamicImage::ImageRgba8(image.to_rgba8()),
    ] {
        check_quadrants(&write(&deep, ImageFormat::Png), 1);
    }
}

fn tiff_of<C: ColorType>(values: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: ::tiff::encoder::TiffValue,
{
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    encoder.write_image::<C>(24, 16, values).unwrap();
    bytes.into_inner()
}

#[test]
fn tiff_of_ink_of_16_bits_and_of_floats_is_decoded() {
    let image = quadrants(24, 16);
    let rgb = image.to_rgb8();
    let inks: Vec<u8> = rgb
        .pixels()
        .flat_map(|pixel| [255 - pixel.0[0], 255 - pixel.0[1], 255 - pixel.0[2], 0])
        .collect();
    check_quadrants(&tiff_of::<CMYK8>(&inks), 2);
    let floats: Vec<f32> = rgb.iter().map(|&value| f32::from(value) / 255.0).collect();
    check_quadrants(&tiff_of::<RGB32Float>(&floats), 1);
    let deep = DynamicImage::ImageRgb16(image.to_rgb16());
    check_quadrants(&write(&deep, ImageFormat::Tiff), 1);
}

#[test]
fn bmp_and_gif_are_decoded() {
    let image = quadrants(24, 16);
    check_quadrants(&write(&image, ImageFormat::Bmp), 0);
    let rgba = DynamicImage::ImageRgba8(image.to_rgba8());
    check_quadrants(&write(&rgba, ImageFormat::Gif), 2);
}

#[test]
fn avif_is_decoded_in_each_orientation() {
    let image = quadrants(96, 64);
    for orientation in Orientation::ALL {
        let exif = exif::minimal(orientation);
        let bytes = avif(&image, Some(&exif));
        let inspected = inspect(&bytes, &limits()).unwrap();
        assert_eq!(inspected.orientation, orientation);
        assert_eq!((inspected.width_px, inspected.height_px), (96, 64));
        check_quadrants(&bytes, 6);
        let decoded = of(&bytes).unwrap();
        assert_eq!(decoded.icc, None);
        // What is seen is what any other format would show with this orientation.
        let seen = rgba(turned(&decoded.pixels, orientation));
        let turned = orientation.turn_size(96, 64);
        assert_eq!(seen.dimensions(), turned);
    }
}

/// The container may say less than the coded image: then nothing is allocated by the latter.
#[test]
fn an_avif_that_holds_a_larger_image_than_it_says_is_refused() {
    let mut bytes = avif(&quadrants(600, 500), None);
    let at = memchr::memmem::find(&bytes, b"ispe").unwrap();
    bytes[at + 8..at + 16].copy_from_slice(&[0, 0, 0, 30, 0, 0, 0, 20]);
    assert_eq!(inspect(&bytes, &limits()).unwrap().width_px, 30);
    let error = of(&bytes).unwrap_err();
    let ImagingError::Corrupt { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        source.to_string(),
        "a coded image larger than the whole one"
    );
}

#[test]
fn an_avif_without_items_is_corrupt() {
    let error = of(&heif(*b"avif", 24, 16)).unwrap_err();
    assert_eq!(error.code(), "image-corrupt");
    assert_eq!(
        of(&heif(*b"heic", 24, 16)).unwrap_err().code(),
        "no-decoder"
    );
}

#[test]
fn jpeg_xl_is_decoded_exactly() {
    let rgb = quadrants(300, 270);
    let alpha = RgbaImage::from_fn(40, 30, |x, y| {
        let byte = |value: u32| u8::try_from(value * 6).unwrap();
        Rgba([byte(x), byte(y), 90, 255 - byte(y)])
    });
    let grey = image::GrayImage::from_fn(40, 30, |x, _| Luma([u8::try_from(x * 6).unwrap()]));
    for image in [
        rgb,
        DynamicImage::ImageRgba8(alpha),
        DynamicImage::ImageLuma8(grey),
    ] {
        let decoded = of(&jxl(&image)).unwrap();
        assert_eq!(decoded.pixels.bytes, image.as_bytes());
        assert_eq!(decoded.icc, None);
    }
}

#[test]
fn svg_is_rendered_without_text_or_other_files() {
    check_quadrants(&svg(24, 16), 0);
    let text = |inside: &str| {
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
             width='40' height='30'>{inside}</svg>"
        )
    };
    let png = write(&quadrants(8, 8), ImageFormat::Png);
    let data = data_encoding::BASE64.encode(&png);
    for nothing in [
        "<text x='2' y='20' font-size='20'>W</text>".to_owned(),
        "<image width='40' height='30' xlink:href='file:///etc/passwd'/>".to_owned(),
        "<image width='40' height='30' xlink:href='http://127.0.0.1/a.png'/>".to_owned(),
        format!("<image width='40' height='30' xlink:href='data:image/png;base64,{data}'/>"),
    ] {
        let decoded = of(text(&nothing).as_bytes()).unwrap();
        assert!(
            decoded.pixels.bytes.iter().all(|&byte| byte == 0),
            "{nothing}"
        );
    }
    // Half transparent, and not premultiplied.
    let half = text("<rect width='40' height='30' fill='rgb(200,100,50)' opacity='0.5'/>");
    let decoded = of(half.as_bytes()).unwrap().pixels.bytes;
    for (found, expected) in decoded[..4].iter().zip([200, 100, 50, 128]) {
        assert!(found.abs_diff(expected) <= 1, "{:?}", &decoded[..4]);
    }
}

#[test]
fn an_svg_that_would_take_much_memory_is_refused() {
    let head = "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'>";
    let nested = |depth: usize| {
        let open = "<g opacity='0.5'>".repeat(depth);
        let close = "</g>".repeat(depth);
        format!(
            "{head}{open}<rect width='9' height='9'/><rect x='5' width='9' height='9'/>{close}</svg>"
        )
    };
    assert!(of(nested(5).as_bytes()).is_ok());
    let error = of(nested(200).as_bytes()).unwrap_err();
    assert_eq!(error.code(), "image-corrupt");
    let filter = format!(
        "{head}<filter id='f' x='-9' y='-9' width='19' height='19'><feGaussianBlur stdDeviation='3'/>\
         <feOffset dx='1'/></filter><rect width='40' height='30' filter='url(#f)'/></svg>"
    );
    assert_eq!(of(filter.as_bytes()).unwrap_err().code(), "image-corrupt");
    let shadow = filter.replace(
        "'-9' y='-9' width='19' height='19'",
        "'0' y='0' width='1' height='1'",
    );
    assert!(of(shadow.as_bytes()).is_ok());
    let no_size = "<svg xmlns='http://www.w3.org/2000/svg' width='100%'><rect/></svg>";
    assert_eq!(of(no_size.as_bytes()).unwrap_err().code(), "image-corrupt");
}

#[test]
fn gamma_of_a_png_becomes_a_profile_unless_it_says_srgb() {
    let plain = write(&quadrants(8, 8), ImageFormat::Png);
    let gamma = png_chunk(*b"gAMA", &100_000_u32.to_be_bytes());
    let srgb = png_chunk(*b"sRGB", &[0]);
    assert_eq!(of(&plain).unwrap().icc, None);
    assert!(
        of(&png_with(&plain, std::slice::from_ref(&gamma)))
            .unwrap()
            .icc
            .is_some()
    );
    assert_eq!(
        of(&png_with(&plain, &[gamma.clone(), srgb])).unwrap().icc,
        None
    );
    // Display P3 by code points.
    let p3 = png_chunk(*b"cICP", &[12, 13, 0, 1]);
    assert!(of(&png_with(&plain, &[gamma, p3])).unwrap().icc.is_some());
}

/// Three frames of 20×10 with delays of 40, 50 and 60 ms: one over the whole, two over a part.
fn apng() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 20, 10);
    encoder.set_color(::png::ColorType::Rgba);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_animated(3, 2).unwrap();
    encoder.set_frame_delay(40, 1_000).unwrap();
    encoder.set_blend_op(::png::BlendOp::Source).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&[10, 20, 30, 255].repeat(200))
        .unwrap();
    for (delay, value) in [(50, 100), (60, 200)] {
        writer.set_frame_delay(delay, 1_000).unwrap();
        writer.set_frame_dimension(5, 5).unwrap();
        writer.set_frame_position(5, 5).unwrap();
        writer
            .write_image_data(&[value, value, value, 255].repeat(25))
            .unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn request<'a>(
    original: &'a [u8],
    inspected: &'a Inspected,
    limits: &'a Limits,
    stop: &'a dyn Stop,
) -> DecodeRequest<'a> {
    DecodeRequest {
        original,
        inspected,
        limits,
        stop,
    }
}

#[test]
fn frames_of_a_png_are_whole_canvases() {
    let (bytes, limits) = (apng(), limits());
    let inspected = inspect(&bytes, &limits).unwrap();
    assert_eq!(inspected.frames, 3);
    let animation = frames(&request(&bytes, &inspected, &limits, &NeverStop))
        .unwrap()
        .unwrap();
    assert_eq!(animation.loops, Loops::Times(2));
    let found: Vec<Frame> = animation.map(|frame| frame.unwrap()).collect();
    let delays: Vec<u32> = found.iter().map(|frame| frame.delay_ms).collect();
    assert_eq!(delays, [40, 50, 60]);
    for (frame, value) in found.into_iter().zip([10, 100, 200]) {
        let canvas = rgba(frame.pixels);
        assert_eq!(canvas.dimensions(), (20, 10));
        assert_eq!(canvas.get_pixel(7, 7).0[0], value);
        assert_eq!(canvas.get_pixel(1, 1).0, [10, 20, 30, 255]);
    }
}

#[test]
fn animations_end_when_stopped_and_stills_are_none() {
    let (bytes, limits) = (apng(), limits());
    let inspected = inspect(&bytes, &limits).unwrap();
    let mut animation = frames(&request(&bytes, &inspected, &limits, &Now))
        .unwrap()
        .unwrap();
    let error = animation.next().unwrap().unwrap_err();
    assert_eq!(error.code(), "timed-out");
    assert!(animation.next().is_none());
    let still = write(&quadrants(8, 8), ImageFormat::Png);
    let inspected = inspect(&still, &limits).unwrap();
    assert!(
        frames(&request(&still, &inspected, &limits, &NeverStop))
            .unwrap()
            .is_none()
    );
}

#[test]
fn no_more_frames_come_than_limits_allow() {
    let bytes = gif(10, 10, 9);
    let inspected = inspect(&bytes, &limits()).unwrap();
    let few = Limits {
        frames_max: 4,
        ..limits()
    };
    let animation = frames(&request(&bytes, &inspected, &few, &NeverStop))
        .unwrap()
        .unwrap();
    assert_eq!(animation.loops, Loops::Times(1));
    assert!(animation.count() <= 4);
}

/// Truncated and changed files: an answer, whichever, and never more pixels than were inspected.
#[test]
fn broken_files_give_an_answer() {
    let alpha =
        DynamicImage::ImageLumaA8(image::GrayAlphaImage::from_pixel(30, 20, LumaA([9, 90])));
    let files = [
        avif(&quadrants(48, 40), None),
        jxl(&quadrants(48, 40)),
        jxl(&alpha),
        svg(48, 40),
        apng(),
        gif(10, 10, 4),
        write(&quadrants(24, 16), ImageFormat::Tiff),
        write(&quadrants(24, 16), ImageFormat::Bmp),
    ];
    let limits = Limits {
        pixels_max: 100_000,
        ..limits()
    };
    let mut state = 7_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for file in &files {
        for round in 0..150 {
            let mut bytes = file.clone();
            for _ in 0..=round % 4 {
                let at = random() % bytes.len();
                bytes[at] = u8::try_from(random() % 256).unwrap();
            }
            if round % 3 == 0 {
                bytes.truncate(random() % bytes.len());
            }
            let Ok(inspected) = inspect(&bytes, &limits) else {
                continue;
            };
            let request = request(&bytes, &inspected, &limits, &NeverStop);
            if let Ok(decoded) = decode(&request) {
                let area = inspected.width_px as usize * inspected.height_px as usize;
                let pixels = decoded.pixels;
                assert_eq!(pixels.bytes.len(), area * pixels.channels.count());
            }
            if let Ok(Some(animation)) = frames(&request) {
                assert!(animation.count() <= inspected.frames as usize);
            }
        }
    }
}
