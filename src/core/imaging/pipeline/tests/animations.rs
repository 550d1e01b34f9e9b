//! Animations in, animations out: all frames, their timing, one crop for all.

use std::io::Cursor;

use super::*;
use crate::imaging::decode::animation::{self, Frame, Loops};
use crate::imaging::encode::webp as encode_webp;
use crate::imaging::pixels::{Channels, Pixels};
use crate::model::geometry::Gravity;
use crate::model::recipe::Frames;

const SIZE: (u32, u32) = (90, 30);
const DELAYS_MS: [u32; 3] = [120, 40, 250];

/// A bright square that wanders, before a ground whose blue says where one is.
fn frame(index: u32) -> RgbaImage {
    let (width, height) = SIZE;
    RgbaImage::from_fn(width, height, |x, y| {
        let left = 10 + index * 28;
        if (left..left + 12).contains(&x) && (9..21).contains(&y) {
            Rgba([255, 240, 0, 255])
        } else {
            Rgba([0, 0, u8::try_from(40 + x * 2).unwrap(), 255])
        }
    })
}

/// With three frames, shown four times.
fn animated_gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let size = (90, 30);
    let mut encoder = ::gif::Encoder::new(&mut bytes, size.0, size.1, &[]).unwrap();
    encoder.set_repeat(::gif::Repeat::Finite(3)).unwrap();
    for (index, delay_ms) in (0..).zip(DELAYS_MS) {
        let mut pixels = frame(index).into_raw();
        let mut frame = ::gif::Frame::from_rgba_speed(size.0, size.1, &mut pixels, 10);
        frame.delay = u16::try_from(delay_ms / 10).unwrap();
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

fn animated_png() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = ::png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
    encoder.set_color(::png::ColorType::Rgba);
    encoder.set_animated(3, 4).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for (index, delay_ms) in (0..).zip(DELAYS_MS) {
        writer
            .set_frame_delay(u16::try_from(delay_ms).unwrap(), 1000)
            .unwrap();
        writer.write_image_data(frame(index).as_raw()).unwrap();
    }
    writer.finish().unwrap();
    bytes.into_inner()
}

fn animated_webp() -> Vec<u8> {
    let pixels = |index| Pixels {
        width_px: SIZE.0,
        height_px: SIZE.1,
        channels: Channels::Rgba,
        bytes: frame(index).into_raw(),
    };
    let settings = encode_webp::Settings::lossless();
    let attachments = Attachments::default();
    let mut file =
        encode_webp::Animated::start(&pixels(0), Loops::Times(4), settings, attachments).unwrap();
    for (index, delay_ms) in (0..).zip(DELAYS_MS) {
        file.push(Frame {
            pixels: pixels(index),
            delay_ms,
        })
        .unwrap();
    }
    file.finish().unwrap()
}

fn frames(bytes: &[u8]) -> (Loops, Vec<Frame>) {
    let limits = Limits::default();
    let inspected = inspect(bytes, &limits).unwrap();
    let request = DecodeRequest {
        original: bytes,
        inspected: &inspected,
        limits: &limits,
        stop: &NeverStop,
    };
    let animation = animation::frames(&request).unwrap().unwrap();
    (animation.loops, animation.map(Result::unwrap).collect())
}

fn moving(fit: Fit, (width, height): (u32, u32), format: OutputFormat) -> Recipe {
    let mut recipe = recipe(fit, width, height, format);
    recipe.encoding.frames = Frames::All;
    recipe
}

const MOVING: [OutputFormat; 2] = [OutputFormat::Webp, OutputFormat::Gif];

#[test]
fn every_animation_keeps_its_frames_delays_and_loops() {
    for (from, original) in [
        ("GIF", animated_gif()),
        ("PNG", animated_png()),
        ("WebP", animated_webp()),
    ] {
        for to in MOVING {
            let what = format!("{from} to {to}");
            let derived = encoded(&original, moving(Fit::Contain, (45, 45), to));
            assert_eq!((derived.width_px, derived.height_px), (45, 15), "{what}");
            let (loops, found) = frames(&derived.bytes);
            assert_eq!(loops, Loops::Times(4), "{what}");
            let delays: Vec<u32> = found.iter().map(|frame| frame.delay_ms).collect();
            assert_eq!(delays, DELAYS_MS, "{what}");
            for (index, frame) in (0..).zip(found) {
                let pixels = frame.pixels;
                assert_eq!((pixels.width_px, pixels.height_px), (45, 15), "{what}");
                let image = RgbaImage::from_raw(45, 15, pixels.bytes).unwrap();
                let centre = (10 + index * 28 + 6) / 2;
                assert_near(*image.get_pixel(centre, 7), [255, 240, 0], &what);
                // Where the square of another frame is.
                let elsewhere = (10 + (index + 1) % 3 * 28 + 6) / 2;
                let blue = u8::try_from(40 + elsewhere * 4).unwrap();
                assert_near(*image.get_pixel(elsewhere, 7), [0, 0, blue], &what);
            }
        }
    }
}

#[test]
fn one_crop_serves_all_frames() {
    for gravity in [Gravity::Auto, Gravity::Entropy] {
        for to in MOVING {
            let mut recipe = moving(Fit::Cover, (30, 30), to);
            recipe.layout.gravity = gravity;
            let (_, found) = frames(&encoded(&animated_gif(), recipe).bytes);
            assert_eq!(found.len(), 3);
            // The ground above the squares.
            let grounds = found.iter().map(|frame| {
                let row = 3 * 30 * 4;
                [0, 15, 29].map(|x| frame.pixels.bytes[row + x * 4 + 2])
            });
            let grounds: Vec<[u8; 3]> = grounds.collect();
            for ground in &grounds {
                let pairs = ground.iter().zip(grounds[0]);
                assert!(
                    pairs.clone().all(|(a, b)| a.abs_diff(b) <= 6),
                    "{to}: {grounds:?}"
                );
            }
            // What the first frame shows decides: its square is within.
            let first = &found[0].pixels.bytes;
            let yellow = first
                .as_chunks::<4>()
                .0
                .iter()
                .filter(|pixel| pixel[0] > 200)
                .count();
            assert!(yellow > 100, "{to} by {gravity:?}: {yellow}");
        }
    }
}

#[test]
fn a_format_that_cannot_move_shows_the_first_frame() {
    for to in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::Avif] {
        for original in [animated_gif(), animated_png(), animated_webp()] {
            let image = one(&original, moving(Fit::Contain, (90, 90), to));
            assert_eq!(image.dimensions(), SIZE);
            assert_near(*image.get_pixel(16, 15), [255, 240, 0], "the square");
            assert_near(*image.get_pixel(44, 15), [0, 0, 128], "the ground");
        }
    }
}

#[test]
fn an_animation_stands_still_unless_asked() {
    for to in MOVING {
        let derived = encoded(&animated_gif(), recipe(Fit::Contain, 45, 45, to));
        assert_eq!(
            inspect(&derived.bytes, &Limits::default()).unwrap().frames,
            1
        );
    }
}

#[test]
fn frames_are_turned_trimmed_and_padded_like_a_picture() {
    for to in MOVING {
        let mut recipe = moving(Fit::Pad, (30, 60), to);
        recipe.layout.rotation = crate::model::turn::Rotation::Quarter;
        recipe.layout.background = Rgb([0, 90, 0]);
        let derived = encoded(&animated_webp(), recipe);
        assert_eq!((derived.width_px, derived.height_px), (30, 60));
        let (_, found) = frames(&derived.bytes);
        assert_eq!(found.len(), 3);
        for (index, frame) in (0..).zip(found) {
            let image = RgbaImage::from_raw(30, 60, frame.pixels.bytes).unwrap();
            assert_near(*image.get_pixel(1, 30), [0, 90, 0], "beside");
            let along = (10 + index * 28 + 6) * 2 / 3;
            assert_near(*image.get_pixel(15, along), [255, 240, 0], "the square");
        }
    }
}
