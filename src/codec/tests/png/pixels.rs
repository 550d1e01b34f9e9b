//! Files of every kind: the pixels of the crate `png`, and their averages.

use img_codec::plane::Plane;
use img_codec::png::{Alpha, Chromaticities, ColourType, Interlacing, Missing, read_header};

use crate::file::{File, Kind, zlib};
use crate::reference::{boxes, decoded, planes};

#[test]
fn every_kind_has_the_pixels_that_another_decoder_sees() {
    for kind in Kind::all() {
        for (seed, size) in [[1, 1], [2, 3], [3, 2], [7, 5], [9, 9], [33, 20], [301, 70]]
            .into_iter()
            .enumerate()
        {
            let file = kind.file(size, seed);
            let ours = decoded(&file, 1, Missing::Refuse).unwrap();
            assert!(ours.planes == planes(&file), "{kind:?} {size:?}");
            assert_eq!(ours.header, read_header(&file).unwrap());
            assert_eq!(ours.header.channels(), ours.planes.len());
            assert!(!ours.damaged);
            let alpha = if ours.planes.len().is_multiple_of(2) {
                Alpha::Straight
            } else {
                Alpha::None
            };
            assert_eq!(ours.alpha, alpha);
        }
    }
}

#[test]
fn a_shrunk_image_is_the_average_of_boxes() {
    for kind in Kind::all() {
        for size in [[1, 1], [7, 5], [33, 20], [64, 48]] {
            let file = kind.file(size, 5);
            let whole = decoded(&file, 1, Missing::Refuse).unwrap().planes;
            for side in [2, 3, 4, 8, 21, 100] {
                let ours = decoded(&file, side, Missing::Refuse).unwrap();
                assert!(
                    ours.planes == boxes(&whole, side as usize),
                    "{kind:?} {size:?} by {side}"
                );
                assert_ne!(ours.alpha, Alpha::Straight);
            }
        }
    }
}

#[test]
fn boxes_of_hundreds_of_rows_do_not_overflow() {
    let kinds = [ColourType::Rgb, ColourType::Rgba].map(|colour| Kind {
        colour,
        ..Kind::RGB
    });
    for kind in kinds {
        for size in [[2, 1100], [1100, 2], [600, 600]] {
            let file = kind.file(size, 8);
            let whole = decoded(&file, 1, Missing::Refuse).unwrap().planes;
            for side in [255, 256, 257, 512, 5000, u32::MAX] {
                let ours = decoded(&file, side, Missing::Refuse).unwrap().planes;
                let side = side.min(5000) as usize;
                assert!(ours == boxes(&whole, side), "{size:?} by {side}");
            }
        }
    }
}

#[test]
fn white_stays_white_and_opaque_stays_opaque() {
    let kind = Kind {
        colour: ColourType::Rgba,
        ..Kind::RGB
    };
    let size = [40, 700];
    let mut rows = vec![255; (1 + 4 * 40) * 700];
    rows.chunks_exact_mut(1 + 4 * 40).for_each(|row| row[0] = 0);
    let mut file = File::new(&kind.header(size));
    file.pixels(&rows);
    let file = file.end();
    for side in [2, 7, 300] {
        let planes = decoded(&file, side, Missing::Refuse).unwrap().planes;
        let rows = planes.iter().flat_map(Plane::rows);
        assert!(rows.flatten().all(|value| *value == 255), "by {side}");
    }
}

/// Colours that change slowly, where an encoder picks its filters.
fn gradient(width: usize, height: usize, channels: usize) -> Vec<u8> {
    let value = |x: usize, y: usize, channel: usize| {
        u8::try_from((x * (channel + 1) + y * 2 + x * y / 50) % 256).unwrap()
    };
    (0..width * height * channels)
        .map(|i| value(i / channels % width, i / channels / width, i % channels))
        .collect()
}

#[test]
fn what_an_encoder_wrote_is_read_back() {
    let (width, height) = (400, 300);
    for (colour, channels) in [
        (png::ColorType::Grayscale, 1),
        (png::ColorType::GrayscaleAlpha, 2),
        (png::ColorType::Rgb, 3),
        (png::ColorType::Rgba, 4),
    ] {
        for filter in [
            png::Filter::NoFilter,
            png::Filter::Sub,
            png::Filter::Up,
            png::Filter::Avg,
            png::Filter::Paeth,
            png::Filter::Adaptive,
        ] {
            let samples = gradient(width, height, channels);
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, 400, 300);
            encoder.set_color(colour);
            encoder.set_filter(filter);
            encoder
                .write_header()
                .unwrap()
                .write_image_data(&samples)
                .unwrap();
            let ours = decoded(&file, 1, Missing::Refuse).unwrap().planes;
            for (channel, plane) in ours.iter().enumerate() {
                let written = samples.iter().skip(channel).step_by(channels);
                assert!(plane.rows().flatten().eq(written), "{colour:?} {filter:?}");
            }
        }
    }
}

#[test]
fn an_animation_gives_its_default_image() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 20, 10);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    let first = gradient(20, 10, 3);
    writer.write_image_data(&first).unwrap();
    writer.write_image_data(&vec![9; 600]).unwrap();
    writer.finish().unwrap();
    let ours = decoded(&file, 1, Missing::Refuse).unwrap();
    assert_eq!(ours.header.frames, 2);
    let reds = first.iter().step_by(3);
    assert!(ours.planes[0].rows().flatten().eq(reds));
}

#[test]
fn an_index_beyond_the_palette_is_black() {
    let kind = Kind {
        colour: ColourType::Palette,
        ..Kind::RGB
    };
    let mut file = File::new(&kind.header([3, 1]));
    file.chunk(*b"PLTE", &[10, 20, 30, 40, 50, 60]);
    file.pixels(&[0, 1, 2, 255]);
    let planes = decoded(&file.end(), 1, Missing::Refuse).unwrap().planes;
    let rows: Vec<&[u8]> = planes.iter().map(|plane| plane.row(0)).collect();
    assert_eq!(rows, [[40, 0, 0], [50, 0, 0], [60, 0, 0]]);
}

#[test]
fn colour_space_and_exif_are_handed_over() {
    let numbers = [
        31_270_u32, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6000,
    ];
    let profile: Vec<u8> = (0..50_000_u32)
        .map(|i| (i % 251).to_le_bytes()[0])
        .collect();
    let mut file = File::new(&Kind::RGB.header([2, 2]));
    file.chunk(*b"gAMA", &45_455_u32.to_be_bytes());
    file.chunk(*b"cHRM", &numbers.map(u32::to_be_bytes).concat());
    file.chunk(*b"iCCP", &[b"a name\0\0", &zlib(&profile)[..]].concat());
    file.chunk(*b"sRGB", &[1]);
    file.chunk(*b"cICP", &[9, 16, 0, 1]);
    file.pixels(&Kind::RGB.rows([2, 2], 0));
    file.chunk(*b"eXIf", b"MM\0*");
    let metadata = decoded(&file.end(), 1, Missing::Refuse).unwrap().metadata;
    assert_eq!(metadata.gamma, Some(0.45455));
    assert_eq!(
        metadata.chromaticities,
        Some(Chromaticities {
            white: [0.3127, 0.329],
            red: [0.64, 0.33],
            green: [0.3, 0.6],
            blue: [0.15, 0.06],
        })
    );
    assert!(metadata.icc_profile == Some(profile));
    assert_eq!(metadata.srgb_intent, Some(1));
    assert_eq!(metadata.cicp, Some([9, 16, 0, 1]));
    assert_eq!(metadata.exif.as_deref(), Some(&b"MM\0*"[..]));
}

#[test]
fn a_profile_that_is_too_long_or_malformed_is_left_out() {
    let mut cut = zlib(&[1; 500]);
    cut.truncate(300);
    for content in [
        [b"a\0\0", &zlib(&vec![0; 100_001])[..]].concat(),
        [b"a\0\0", &cut[..]].concat(),
        [b"a\0\x01", &zlib(&[0; 10])[..]].concat(),
        vec![b'a'; 200],
        Vec::new(),
    ] {
        let mut file = File::new(&Kind::RGB.header([2, 2]));
        file.chunk(*b"iCCP", &content);
        file.pixels(&Kind::RGB.rows([2, 2], 0));
        let decoded = decoded(&file.end(), 1, Missing::Refuse).unwrap();
        assert!(decoded.metadata.icc_profile.is_none());
    }
}

#[test]
fn memory_for_a_photo_of_twelve_megapixels_is_small_unless_it_is_interlaced() {
    let file = Kind::RGB.file([1, 1], 0);
    let mut header = read_header(&file).unwrap();
    (header.width_px, header.height_px) = (4000, 3000);
    assert!(img_codec::png::memory_needed(&header, 6) < 2 << 20);
    header.interlacing = Interlacing::Adam7;
    assert!(img_codec::png::memory_needed(&header, 6) > 36_000_000);
}
