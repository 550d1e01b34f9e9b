//! What is encoded is decoded; what is broken is answered.

use super::*;

fn gradient(channels: Channels, width_px: u32, height_px: u32) -> Vec<u8> {
    let byte = |value: u32| u8::try_from(value).unwrap();
    let mut bytes = Vec::new();
    for y in 0..height_px {
        for x in 0..width_px {
            let (across, down) = (byte(x * 255 / width_px), byte(y * 255 / height_px));
            let pixel = [across, down, 128, 255 - across / 2];
            bytes.extend_from_slice(&pixel[..channels.count()]);
        }
    }
    bytes
}

fn encoded(channels: Channels, bytes: &[u8], chroma: Chroma) -> Vec<u8> {
    deep(channels, bytes, chroma, Depth::Eight)
}

fn deep(channels: Channels, bytes: &[u8], chroma: Chroma, depth: Depth) -> Vec<u8> {
    let picture = Picture {
        width_px: 80,
        height_px: 48,
        channels,
        bytes,
        icc: Some(b"no profile, but kept"),
        exif: None,
    };
    let settings = Settings {
        quality: 90,
        speed: 9,
        chroma,
        depth,
    };
    encode(&picture, settings).unwrap()
}

fn size(width_px: u32, height_px: u32) -> Expected {
    Expected {
        width_px,
        height_px,
    }
}

fn mean_distance(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 = one
        .iter()
        .zip(other)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / one.len() as f64
}

#[test]
fn what_is_encoded_is_decoded() {
    for channels in [Channels::Grey, Channels::Rgb, Channels::Rgba] {
        let drawn = gradient(channels, 80, 48);
        for chroma in [Chroma::Halved, Chroma::Full] {
            let bytes = encoded(channels, &drawn, chroma);
            let decoded = decode(&bytes, size(80, 48)).unwrap();
            assert_eq!(decoded.channels, channels);
            let distance = mean_distance(&decoded.bytes, &drawn);
            assert!(distance < 2.0, "{channels:?} {chroma:?}: {distance}");
            assert_eq!(decoded.icc.as_deref(), Some(&b"no profile, but kept"[..]));
        }
    }
}

#[test]
fn deeper_samples_become_8_bits() {
    for depth in [Depth::Ten, Depth::Twelve] {
        for channels in [Channels::Rgb, Channels::Rgba] {
            let drawn = gradient(channels, 80, 48);
            let bytes = deep(channels, &drawn, Chroma::Full, depth);
            let decoded = decode(&bytes, size(80, 48)).unwrap();
            let distance = mean_distance(&decoded.bytes, &drawn);
            assert!(distance < 2.0, "{channels:?} {depth:?}: {distance}");
        }
    }
}

#[test]
fn another_size_than_stated_is_refused() {
    let bytes = encoded(
        Channels::Rgb,
        &gradient(Channels::Rgb, 80, 48),
        Chroma::Full,
    );
    for wrong in [
        size(79, 48),
        size(48, 80),
        size(81, 48),
        size(0, 48),
        size(80, 20_000),
    ] {
        assert!(decode(&bytes, wrong).is_err(), "{wrong:?}");
    }
    let picture = Picture {
        width_px: 80,
        height_px: 48,
        channels: Channels::Rgba,
        bytes: &[0; 80 * 48 * 3],
        icc: None,
        exif: None,
    };
    let settings = Settings {
        quality: 50,
        speed: 10,
        chroma: Chroma::Full,
        depth: Depth::Eight,
    };
    assert_eq!(encode(&picture, settings).unwrap_err(), Fault::Size);
}

#[test]
fn cut_and_changed_files_give_an_answer() {
    let bytes = encoded(
        Channels::Rgba,
        &gradient(Channels::Rgba, 80, 48),
        Chroma::Halved,
    );
    for len in (0..bytes.len()).step_by(7) {
        assert!(decode(&bytes[..len], size(80, 48)).is_err(), "{len}");
    }
    let mut state = 1_u32;
    for _ in 0..300 {
        let mut changed = bytes.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = state as usize >> 8;
            let len = changed.len();
            changed[at % len] = state.to_le_bytes()[1];
        }
        // Either is right, as long as there is one.
        if let Ok(decoded) = decode(&changed, size(80, 48)) {
            assert_eq!((decoded.width_px, decoded.height_px), (80, 48));
        }
    }
}
