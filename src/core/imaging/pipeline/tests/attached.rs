//! What goes along with the pixels: profiles that are kept, credit, and nothing else.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;

use super::*;
use crate::imaging::container::jpeg::load_icc;
use crate::imaging::fixture::{LATITUDE, MAKER, contains, png_with};
use crate::imaging::source::Window;
use crate::model::recipe::{ColourProfile, MetadataKept};

/// Display P3, then zeros that nobody reads, as long as tables of printers are.
fn large_profile() -> Vec<u8> {
    let mut icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    icc.resize(150_000, 0);
    let size = u32::try_from(icc.len()).unwrap();
    icc[..4].copy_from_slice(&size.to_be_bytes());
    icc
}

fn with_profile(image: &DynamicImage, icc: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.add_icc_profile(icc).unwrap();
    let (width, height) = (
        image.width().try_into().unwrap(),
        image.height().try_into().unwrap(),
    );
    encoder
        .encode(
            image.as_bytes(),
            width,
            height,
            jpeg_encoder::ColorType::Rgb,
        )
        .unwrap();
    bytes
}

/// Read by another library where one does.
fn attached_profile(bytes: &[u8]) -> Option<Vec<u8>> {
    match sniff(bytes).unwrap() {
        MediaType::Jpeg => load_icc(&mut Window::over(&bytes), &Limits::default()).unwrap(),
        MediaType::Png => PngDecoder::new(Cursor::new(bytes))
            .unwrap()
            .icc_profile()
            .unwrap(),
        MediaType::Webp => WebPDecoder::new(Cursor::new(bytes))
            .unwrap()
            .icc_profile()
            .unwrap(),
        MediaType::Avif => {
            let inspected = inspect(bytes, &Limits::default()).unwrap();
            let expected = img_avif::Expected {
                width_px: inspected.width_px,
                height_px: inspected.height_px,
            };
            img_avif::decode(bytes, expected).unwrap().icc
        }
        other => panic!("{other} carries no profile here"),
    }
}

/// All that have room for it.
const CARRIERS: [OutputFormat; 4] = [
    OutputFormat::Jpeg,
    OutputFormat::Png,
    OutputFormat::Webp,
    OutputFormat::Avif,
];

#[test]
fn a_profile_that_is_kept_is_attached_and_the_values_stay() {
    let (image, icc) = (quadrants(48, 32), large_profile());
    let tagged = with_profile(&image, &icc);
    let plain = write(&image, ImageFormat::Png);
    for format in CARRIERS {
        let mut recipe = recipe(Fit::Contain, 24, 24, format);
        recipe.encoding.profile = ColourProfile::Keep;
        let kept = encoded(&tagged, recipe);
        assert!(
            attached_profile(&kept.bytes).as_ref() == Some(&icc),
            "{format}"
        );
        assert_quadrants(&shown(&kept.bytes), QUADRANTS, &format!("{format}"));
        let without = encoded(&plain, recipe);
        assert_eq!(attached_profile(&without.bytes), None, "{format}");
    }
}

#[test]
fn a_profile_that_is_converted_is_not_attached() {
    let tagged = with_profile(&quadrants(48, 32), &large_profile());
    for format in CARRIERS {
        let converted = encoded(&tagged, recipe(Fit::Contain, 24, 24, format));
        assert_eq!(attached_profile(&converted.bytes), None, "{format}");
    }
}

const ARTIST: &str = "Ada Example";
const COPYRIGHT: &str = "(c) 2026 Example Press";

/// EXIF of a camera with a place, with artist and copyright besides.
fn credited() -> Vec<u8> {
    let camera = camera_exif(1, true);
    let texts = [(0x013b_u16, ARTIST), (0x8298, COPYRIGHT)];
    let old = &camera[10..46];
    // Two entries more.
    let shift = 24_u32;
    let texts_at = u32::try_from(camera.len()).unwrap() + shift;
    let mut values = Vec::new();
    let mut entries: Vec<[u8; 12]> = old
        .as_chunks::<12>()
        .0
        .iter()
        .map(|entry| moved(*entry, shift))
        .collect();
    for (tag, text) in texts {
        let at = texts_at + u32::try_from(values.len()).unwrap();
        let length = u32::try_from(text.len() + 1).unwrap();
        let mut entry = [0; 12];
        entry[..2].copy_from_slice(&tag.to_be_bytes());
        entry[2..4].copy_from_slice(&[0, 2]);
        entry[4..8].copy_from_slice(&length.to_be_bytes());
        entry[8..].copy_from_slice(&at.to_be_bytes());
        entries.push(entry);
        values.extend(text.as_bytes());
        values.push(0);
    }
    entries.sort_unstable();
    let mut gps = camera[50..].to_vec();
    // The latitude, behind the count of entries, the first of them, and tag, type and count of its own.
    for byte in gps[22..26].as_chunks_mut::<4>().0 {
        *byte = (u32::from_be_bytes(*byte) + shift).to_be_bytes();
    }
    [
        &camera[..8],
        &[0, 5],
        &entries.concat(),
        &camera[46..50],
        &gps,
        &values,
    ]
    .concat()
}

/// An entry whose value lies outside of it, if it does, further back.
fn moved(mut entry: [u8; 12], shift: u32) -> [u8; 12] {
    let tag = u16::from_be_bytes([entry[0], entry[1]]);
    if matches!(tag, 0x010f | 0x8825) {
        let at = u32::from_be_bytes([entry[8], entry[9], entry[10], entry[11]]) + shift;
        entry[8..].copy_from_slice(&at.to_be_bytes());
    }
    entry
}

#[test]
fn credit_goes_along_and_the_place_does_not() {
    let image = quadrants(48, 32);
    let exif = credited();
    assert!(contains(&exif, LATITUDE) && contains(&exif, MAKER));
    let originals = [
        jpeg_with(&write(&image, ImageFormat::Jpeg), &[exif_segment(&exif)]),
        png_with(
            &write(&image, ImageFormat::Png),
            &[png_chunk(*b"eXIf", &exif)],
        ),
    ];
    for original in &originals {
        for format in CARRIERS {
            let mut recipe = recipe(Fit::Contain, 24, 24, format);
            let kept = encoded(original, recipe).bytes;
            for text in [ARTIST, COPYRIGHT] {
                assert!(contains(&kept, text.as_bytes()), "{text} in {format}");
            }
            for private in [LATITUDE, MAKER] {
                assert!(!contains(&kept, private), "{format}");
            }
            assert_quadrants(&shown(&kept), QUADRANTS, &format!("{format}"));
            recipe.encoding.metadata = MetadataKept::Nothing;
            let none = encoded(original, recipe).bytes;
            for text in [ARTIST.as_bytes(), COPYRIGHT.as_bytes(), LATITUDE, MAKER] {
                assert!(!contains(&none, text), "{format}");
            }
        }
    }
}
