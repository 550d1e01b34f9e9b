//! What is encoded comes back: pixels, palettes, animations, attachments.

use super::palette::{Colours, Dither};
use super::*;
use crate::imaging::decode::animation::{Frame, Loops, frames};
use crate::imaging::decode::{DecodeRequest, Decoded, decode};
use crate::imaging::fixture::contains;
use crate::imaging::inspect::inspect;
use crate::imaging::limits::Limits;
use crate::imaging::pixels::Channels;
use crate::imaging::stop::NeverStop;
use crate::model::recipe::Quality;

const ALL: [Channels; 4] = [
    Channels::Grey,
    Channels::GreyAlpha,
    Channels::Rgb,
    Channels::Rgba,
];

fn gif_settings(dither: Dither) -> gif::Settings {
    gif::Settings {
        colours: Colours::MOST,
        dither,
    }
}

/// A slope of colours, with alpha falling from left to right where there is one.
fn slope(channels: Channels, width_px: u32, height_px: u32) -> Pixels {
    let byte = |value: u32| u8::try_from(value).unwrap();
    let mut bytes = Vec::new();
    for y in 0..height_px {
        for x in 0..width_px {
            let (across, down) = (byte(x * 200 / width_px), byte(y * 200 / height_px));
            let alpha = byte(255 - x * 155 / width_px);
            match channels {
                Channels::Grey => bytes.push(across),
                Channels::GreyAlpha => bytes.extend([across, alpha]),
                Channels::Rgb => bytes.extend([across, down, 90]),
                Channels::Rgba => bytes.extend([across, down, 90, alpha]),
            }
        }
    }
    Pixels {
        width_px,
        height_px,
        channels,
        bytes,
    }
}

fn decoded(bytes: &[u8]) -> Decoded {
    let limits = Limits::default();
    let inspected = inspect(bytes, &limits).unwrap();
    let request = DecodeRequest {
        original: bytes,
        inspected: &inspected,
        limits: &limits,
        stop: &NeverStop,
    };
    decode(&request).unwrap()
}

/// The mean distance of RGBA values, with transparent pixels taken for black.
fn distance(one: &Pixels, other: &Pixels) -> f64 {
    let rgba = |pixels: &Pixels| {
        let mut bytes = palette::into_rgba(pixels.clone()).bytes;
        let hidden = bytes.chunks_exact_mut(4).filter(|pixel| pixel[3] == 0);
        hidden.for_each(|pixel| pixel.fill(0));
        bytes
    };
    let (one, other) = (rgba(one), rgba(other));
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(&other);
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}

#[track_caller]
fn check(encoded: &[u8], drawn: &Pixels, distance_max: f64) {
    let found = decoded(encoded).pixels;
    let size = (found.width_px, found.height_px);
    assert_eq!(size, (drawn.width_px, drawn.height_px));
    let found = distance(&found, drawn);
    assert!(found <= distance_max, "{found} for {:?}", drawn.channels);
}

const NONE: Attachments<'_> = Attachments {
    icc: None,
    exif: None,
};

#[test]
fn lossless_formats_give_back_what_was_drawn() {
    for channels in ALL {
        let drawn = slope(channels, 61, 37);
        let png = png::encode(&drawn, png::Settings::Truecolour, NONE).unwrap();
        check(&png, &drawn, 0.0);
        assert_eq!(decoded(&png).pixels.channels, channels);
        let webp = webp::encode(&drawn, webp::Settings::lossless(), NONE).unwrap();
        check(&webp, &drawn, 0.0);
    }
}

#[test]
fn lossy_formats_come_close() {
    for channels in ALL {
        let drawn = slope(channels, 61, 37);
        for effort in [0, 2, 4, 6] {
            let settings = webp::Settings {
                effort,
                ..webp::Settings::lossy(90)
            };
            check(&webp::encode(&drawn, settings, NONE).unwrap(), &drawn, 2.5);
        }
        for chroma in [avif::Chroma::Halved, avif::Chroma::Full] {
            for settings in [avif::Settings::online(90), avif::Settings::background(90)] {
                let settings = avif::Settings { chroma, ..settings };
                check(&avif::encode(&drawn, settings, NONE).unwrap(), &drawn, 2.5);
            }
        }
    }
    let drawn = slope(Channels::Rgb, 61, 37);
    let encoding = Encoding::new(OutputFormat::Jpeg, Quality::Fixed(90));
    let encoded = encode(&drawn, (&encoding, 90), Rgb::WHITE, NONE).unwrap();
    check(&encoded, &drawn, 2.5);
}

#[test]
fn palettes_keep_few_colours_exactly_and_alpha_roughly() {
    for colours in [2_u32, 3, 4, 5, 16, 17, 200] {
        let mut drawn = slope(Channels::Rgba, 33, 21);
        for (index, pixel) in (0_u32..).zip(drawn.bytes.chunks_exact_mut(4)) {
            let nth = u8::try_from(index % colours).unwrap();
            pixel.copy_from_slice(&[nth, 255 - nth, nth / 2, if nth == 1 { 77 } else { 255 }]);
        }
        let settings = png::Settings::Palette {
            colours: Colours::MOST,
            dither: Dither::On,
        };
        check(&png::encode(&drawn, settings, NONE).unwrap(), &drawn, 0.0);
    }
    for channels in ALL {
        let drawn = slope(channels, 120, 90);
        for (dither, colours) in [(Dither::Off, 256), (Dither::On, 64)] {
            let settings = png::Settings::Palette {
                colours: Colours::at_most(colours),
                dither,
            };
            let png = png::encode(&drawn, settings, NONE).unwrap();
            check(&png, &drawn, 8.0);
            let again = png::encode(&drawn, settings, NONE).unwrap();
            assert_eq!(png, again, "the same pixels give the same bytes");
        }
    }
}

#[test]
fn attachments_are_found_again() {
    let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let exif = crate::imaging::metadata::copyright::Credit {
        artist: None,
        copyright: Some("© somebody".to_owned()),
    };
    let exif = exif.to_exif().unwrap();
    let both = Attachments {
        icc: Some(&icc),
        exif: Some(&exif),
    };
    for channels in ALL {
        let drawn = slope(channels, 20, 30);
        let palette = png::Settings::Palette {
            colours: Colours::MOST,
            dither: Dither::Off,
        };
        for bytes in [
            png::encode(&drawn, png::Settings::Truecolour, both).unwrap(),
            png::encode(&drawn, palette, both).unwrap(),
            webp::encode(&drawn, webp::Settings::lossy(80), both).unwrap(),
            webp::encode(&drawn, webp::Settings::lossless(), both).unwrap(),
            avif::encode(&drawn, avif::Settings::online(80), both).unwrap(),
        ] {
            assert_eq!(decoded(&bytes).icc.as_deref(), Some(&icc[..]));
            assert!(contains(&bytes, "© somebody".as_bytes()));
        }
    }
    // A PNG names its profile before its pixels.
    let drawn = slope(Channels::Rgb, 9, 9);
    let png = png::encode(&drawn, png::Settings::Truecolour, both).unwrap();
    let at = |kind: &[u8]| memchr::memmem::find(&png, kind).unwrap();
    assert!(at(b"iCCP") < at(b"IDAT"));
}

/// A square that moves over a still background, and one frame that wipes part of it.
fn moving(count: u8) -> Vec<Frame> {
    let frame = |index: u8| {
        let (width_px, height_px) = (40, 30);
        let mut bytes = Vec::new();
        for y in 0..height_px {
            for x in 0..width_px {
                let left = u32::from(index) * 4 + 1;
                let inside = (left..left + 9).contains(&x) && (7..16).contains(&y);
                let hole = index == 2 && x > 30 && y > 20;
                bytes.extend(match (inside, hole) {
                    (_, true) => [0; 4],
                    (true, false) => [220, 40, 40, 255],
                    (false, false) => [20, 120, 60, 255],
                });
            }
        }
        Frame {
            pixels: Pixels {
                width_px,
                height_px,
                channels: Channels::Rgba,
                bytes,
            },
            delay_ms: 40 + u32::from(index) * 10,
        }
    };
    (0..count).map(frame).collect()
}

#[track_caller]
fn check_animation(bytes: &[u8], drawn: &[Frame], loops: Loops, distance_max: f64) {
    let limits = Limits::default();
    let inspected = inspect(bytes, &limits).unwrap();
    let request = DecodeRequest {
        original: bytes,
        inspected: &inspected,
        limits: &limits,
        stop: &NeverStop,
    };
    let animation = frames(&request).unwrap().unwrap();
    assert_eq!(animation.loops, loops);
    let found: Vec<Frame> = animation.map(|frame| frame.unwrap()).collect();
    assert_eq!(found.len(), drawn.len());
    for (index, (one, other)) in found.iter().zip(drawn).enumerate() {
        assert_eq!(one.delay_ms, other.delay_ms, "frame {index}");
        let distance = distance(&one.pixels, &other.pixels);
        assert!(distance <= distance_max, "frame {index}: {distance}");
    }
}

#[test]
fn animated_gifs_keep_frames_delays_and_loops() {
    let drawn = moving(5);
    for loops in [Loops::Forever, Loops::Times(1), Loops::Times(3)] {
        let mut gif =
            gif::Animated::start(&drawn[0].pixels, loops, gif_settings(Dither::Off)).unwrap();
        for frame in &drawn {
            gif.push(frame.clone()).unwrap();
        }
        check_animation(&gif.finish().unwrap(), &drawn, loops, 0.0);
    }
}

#[test]
fn animated_webps_keep_frames_delays_and_loops() {
    let drawn = moving(5);
    let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let attachments = Attachments {
        icc: Some(&icc),
        exif: None,
    };
    for loops in [Loops::Forever, Loops::Times(1), Loops::Times(3)] {
        for (settings, distance_max) in [
            (webp::Settings::lossless(), 0.0),
            (webp::Settings::lossy(90), 4.0),
        ] {
            let first = &drawn[0].pixels;
            let mut webp = webp::Animated::start(first, loops, settings, attachments).unwrap();
            for frame in &drawn {
                webp.push(frame.clone()).unwrap();
            }
            let bytes = webp.finish().unwrap();
            check_animation(&bytes, &drawn, loops, distance_max);
            assert_eq!(decoded(&bytes).icc.as_deref(), Some(&icc[..]));
        }
    }
}

#[test]
fn delays_that_gif_cannot_express_are_made_up_for() {
    let drawn: Vec<Frame> = moving(4)
        .into_iter()
        .map(|frame| Frame {
            delay_ms: 33,
            ..frame
        })
        .collect();
    let mut gif =
        gif::Animated::start(&drawn[0].pixels, Loops::Forever, gif_settings(Dither::Off)).unwrap();
    for frame in drawn {
        gif.push(frame).unwrap();
    }
    let bytes = gif.finish().unwrap();
    let limits = Limits::default();
    let inspected = inspect(&bytes, &limits).unwrap();
    let request = DecodeRequest {
        original: &bytes,
        inspected: &inspected,
        limits: &limits,
        stop: &NeverStop,
    };
    let animation = frames(&request).unwrap().unwrap();
    let delays: Vec<u32> = animation.map(|frame| frame.unwrap().delay_ms).collect();
    assert_eq!(delays, [30, 30, 30, 40]);
}

#[test]
fn a_still_gif_keeps_its_colours_and_its_holes() {
    for dither in [Dither::Off, Dither::On] {
        let mut drawn = slope(Channels::Rgba, 50, 40);
        for (index, pixel) in drawn.bytes.chunks_exact_mut(4).enumerate() {
            pixel[3] = if index % 50 < 10 { 0 } else { 255 };
            if pixel[3] == 0 {
                pixel.fill(0);
            }
        }
        let found = decoded(&gif::encode(drawn.clone(), gif_settings(dither)).unwrap()).pixels;
        let alpha = |pixels: &Pixels| -> Vec<u8> {
            pixels.bytes.iter().skip(3).step_by(4).copied().collect()
        };
        assert_eq!(alpha(&found), alpha(&drawn));
        let distance = distance(&found, &drawn);
        assert!(distance < 6.0, "{distance}");
    }
    let grey = slope(Channels::Grey, 50, 40);
    check(
        &gif::encode(grey.clone(), gif_settings(Dither::Off)).unwrap(),
        &grey,
        2.0,
    );
}

#[test]
fn animations_of_nothing_or_of_different_sizes_are_refused() {
    let first = slope(Channels::Rgb, 8, 8);
    let other = Frame {
        pixels: slope(Channels::Rgb, 9, 8),
        delay_ms: 10,
    };
    let gif = || gif::Animated::start(&first, Loops::Forever, gif_settings(Dither::Off)).unwrap();
    assert!(gif().finish().is_err());
    assert!(gif().push(other.clone()).is_err());
    let settings = webp::Settings::lossless();
    let webp = || webp::Animated::start(&first, Loops::Forever, settings, NONE).unwrap();
    assert!(webp().finish().is_err());
    assert!(webp().push(other).is_err());
}
