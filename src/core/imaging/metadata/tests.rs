//! What goes, what stays, and that no pixel changes.

use image::ImageFormat;

use super::*;
use crate::imaging::fixture::{
    LATITUDE, MAKER, camera_exif, contains, exif_segment, jpeg_segment, jpeg_with, png_chunk,
    png_with, quadrants, read, riff_chunk, webp_with, write,
};
use crate::imaging::inspect::{Inspected, inspect};
use crate::imaging::limits::Limits;

const MODES: [MetadataMode; 2] = [MetadataMode::StripGps, MetadataMode::StripAll];
const PLACE_XMP: &[u8] = b"<x:xmpmeta><rdf:Description exif:GPSLatitude='51,30N'/></x:xmpmeta>";
const PLAIN_XMP: &[u8] = b"<x:xmpmeta><rdf:Description dc:title='A hill'/></x:xmpmeta>";

fn xmp_segment(packet: &[u8]) -> Vec<u8> {
    jpeg_segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", packet].concat())
}

fn xmp_chunk(packet: &[u8]) -> Vec<u8> {
    png_chunk(*b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", packet].concat())
}

fn icc() -> Vec<u8> {
    moxcms::ColorProfile::new_display_p3().encode().unwrap()
}

fn jpeg(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
    let profile = [b"ICC_PROFILE\0\x01\x01", &icc()[..]].concat();
    let segments = [
        exif_segment(exif),
        xmp_segment(xmp),
        jpeg_segment(0xe2, &profile),
        jpeg_segment(0xed, b"Photoshop 3.0\08BIM"),
        jpeg_segment(0xfe, b"a comment"),
    ];
    jpeg_with(&write(&quadrants(24, 16), ImageFormat::Jpeg), &segments)
}

fn png(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
    let chunks = [
        png_chunk(*b"gAMA", &45_455_u32.to_be_bytes()),
        png_chunk(*b"eXIf", exif),
        xmp_chunk(xmp),
        png_chunk(*b"tEXt", b"Comment\0a comment"),
        png_chunk(*b"tIME", &[7, 220, 1, 1, 1, 1, 1]),
    ];
    png_with(&write(&quadrants(24, 16), ImageFormat::Png), &chunks)
}

fn webp(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
    let simple = write(&quadrants(24, 16), ImageFormat::WebP);
    let before = [riff_chunk(*b"ICCP", &icc())];
    let after = [riff_chunk(*b"EXIF", exif), riff_chunk(*b"XMP ", xmp)];
    webp_with(&simple, 0x2c, &before, &after)
}

fn all(exif: &[u8], xmp: &[u8]) -> [(MediaType, Vec<u8>); 3] {
    [
        (MediaType::Jpeg, jpeg(exif, xmp)),
        (MediaType::Png, png(exif, xmp)),
        (MediaType::Webp, webp(exif, xmp)),
    ]
}

fn look(bytes: &[u8]) -> Inspected {
    inspect(bytes, &Limits::default()).unwrap()
}

#[test]
fn the_place_goes_and_the_rest_stays() {
    for (media, bytes) in all(&camera_exif(6, true), PLACE_XMP) {
        assert!(contains(&bytes, LATITUDE));
        let stripped = strip(&bytes, media, MetadataMode::StripGps).unwrap();
        assert_eq!(stripped.outcome, MetadataOutcome::GpsRemoved);
        assert!(!contains(&stripped.bytes, LATITUDE), "{media}");
        assert!(!contains(&stripped.bytes, b"GPSLatitude"), "{media}");
        assert!(contains(&stripped.bytes, MAKER), "{media}");
        assert_eq!(look(&stripped.bytes).orientation, Orientation::Rotate90);
        assert_eq!(read(&stripped.bytes), read(&bytes));
    }
}

#[test]
fn exif_without_its_place_reads_as_before() {
    let exif::Gps::Removed(rewritten) = exif::without_gps(&camera_exif(8, true)) else {
        panic!("there was a place");
    };
    assert_eq!(rewritten.len(), camera_exif(8, true).len());
    assert_eq!(exif::orientation(&rewritten), Some(Orientation::Rotate270));
    assert!(matches!(exif::without_gps(&rewritten), exif::Gps::None));
    // The maker is still where its entry says.
    let at = u32::from_be_bytes(*rewritten[18..].first_chunk().unwrap()) as usize;
    assert_eq!(&rewritten[at..at + MAKER.len()], MAKER);
}

#[test]
fn all_metadata_goes_but_what_decides_pixels() {
    for (media, bytes) in all(&camera_exif(6, true), PLAIN_XMP) {
        let stripped = strip(&bytes, media, MetadataMode::StripAll).unwrap();
        assert_eq!(stripped.outcome, MetadataOutcome::Removed);
        for gone in [LATITUDE, MAKER, b"comment", b"xmpmeta", b"8BIM", b"tIME"] {
            assert!(!contains(&stripped.bytes, gone), "{media}");
        }
        match media {
            MediaType::Png => assert!(contains(&stripped.bytes, b"gAMA")),
            _ => assert!(contains(&stripped.bytes, &icc()), "{media}"),
        }
        assert_eq!(look(&stripped.bytes).orientation, Orientation::Rotate90);
        assert_eq!(read(&stripped.bytes), read(&bytes));
    }
}

#[test]
fn an_upright_image_keeps_no_exif_at_all() {
    for (media, bytes) in all(&camera_exif(1, true), PLAIN_XMP) {
        let stripped = strip(&bytes, media, MetadataMode::StripAll).unwrap();
        for sign in [&b"Exif\0\0"[..], b"eXIf", b"EXIF"] {
            assert!(!contains(&stripped.bytes, sign), "{media}");
        }
    }
}

#[test]
fn stripping_again_changes_nothing() {
    for mode in MODES {
        for (media, bytes) in all(&camera_exif(6, true), PLACE_XMP) {
            let once = strip(&bytes, media, mode).unwrap().bytes;
            let twice = strip(&once, media, mode).unwrap();
            assert_eq!(
                twice.outcome,
                MetadataOutcome::Untouched,
                "{media} {mode:?}"
            );
            assert!(matches!(twice.bytes, Cow::Borrowed(_)));
        }
    }
}

#[test]
fn bytes_with_nothing_to_remove_are_borrowed() {
    for (media, bytes) in all(&camera_exif(6, false), PLAIN_XMP) {
        for mode in [MetadataMode::Keep, MetadataMode::StripGps] {
            let stripped = strip(&bytes, media, mode).unwrap();
            assert_eq!(stripped.outcome, MetadataOutcome::Untouched, "{media}");
            assert!(matches!(stripped.bytes, Cow::Borrowed(_)));
        }
    }
}

#[test]
fn exif_that_cannot_be_followed_is_dropped_but_for_its_orientation() {
    let mut lost = camera_exif(6, true);
    // The place lies beyond the end.
    let pointer = lost.windows(2).position(|tag| tag == [0x88, 0x25]).unwrap() + 8;
    lost[pointer..pointer + 4].fill(0xff);
    let mut hostile = camera_exif(6, true);
    // The place lies in the directory that points to it.
    hostile[pointer..pointer + 4].copy_from_slice(&8_u32.to_be_bytes());
    for exif in [lost, hostile] {
        for (media, bytes) in all(&exif, PLAIN_XMP) {
            let stripped = strip(&bytes, media, MetadataMode::StripGps).unwrap();
            assert_eq!(stripped.outcome, MetadataOutcome::GpsRemoved);
            assert!(!contains(&stripped.bytes, MAKER), "{media}");
            assert_eq!(look(&stripped.bytes).orientation, Orientation::Rotate90);
            assert_eq!(read(&stripped.bytes), read(&bytes));
        }
    }
    for (media, bytes) in all(b"no TIFF at all", PLAIN_XMP) {
        let stripped = strip(&bytes, media, MetadataMode::StripGps).unwrap();
        assert!(!contains(&stripped.bytes, b"no TIFF"), "{media}");
    }
}

#[test]
fn a_place_split_over_two_parts_of_xmp_is_found() {
    let part = |text: &[u8]| {
        let head = b"http://ns.adobe.com/xmp/extension/\0";
        jpeg_segment(0xe1, &[head, &[b'0'; 40][..], text].concat())
    };
    let base = write(&quadrants(24, 16), ImageFormat::Jpeg);
    let bytes = jpeg_with(&base, &[part(b"<exif:GP"), part(b"SLatitude>")]);
    let stripped = strip(&bytes, MediaType::Jpeg, MetadataMode::StripGps).unwrap();
    assert_eq!(stripped.bytes, base);
}

#[test]
fn what_follows_the_image_goes_if_it_may_tell_the_place() {
    let base = write(&quadrants(24, 16), ImageFormat::Jpeg);
    let image = jpeg_with(&base, &[jpeg_segment(0xe2, b"MPF\0offsets")]);
    let motion = [&image[..], b"\0\0\0\x18ftypmp42"].concat();
    let harmless = [&image[..], b"\0\0\0\0"].concat();
    let strip = |bytes, mode| {
        strip(bytes, MediaType::Jpeg, mode)
            .unwrap()
            .bytes
            .into_owned()
    };
    assert_eq!(strip(&motion, MetadataMode::StripGps), base);
    assert_eq!(strip(&harmless, MetadataMode::StripGps), harmless);
    assert_eq!(strip(&harmless, MetadataMode::StripAll), base);
}

#[test]
fn texts_of_older_programs_that_may_hold_a_place_go() {
    let base = write(&quadrants(24, 16), ImageFormat::Png);
    for (kind, text) in [
        (*b"tEXt", &b"exif:GPSLatitude\x0051/1"[..]),
        (*b"zTXt", b"Raw profile type exif\0\0x"),
        (*b"zTXt", b"XML:com.adobe.xmp\0\0x"),
    ] {
        let bytes = png_with(&base, &[png_chunk(kind, text)]);
        let stripped = strip(&bytes, MediaType::Png, MetadataMode::StripGps).unwrap();
        assert_eq!(stripped.bytes, base);
    }
}

#[test]
fn other_types_are_left_as_they_are() {
    let bytes = write(&quadrants(4, 4), ImageFormat::Bmp);
    for mode in MODES {
        let stripped = strip(&bytes, MediaType::Bmp, mode).unwrap();
        assert_eq!(stripped.outcome, MetadataOutcome::Unsupported);
        assert_eq!(stripped.bytes, bytes);
    }
}

#[test]
fn no_prefix_of_exif_panics() {
    let exif = camera_exif(6, true);
    for len in 0..exif.len() {
        exif::without_gps(&exif[..len]);
        exif::orientation(&exif[..len]);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]
    #[test]
    fn mutated_exif_keeps_no_place(at in 0_usize..120, value in 0_u8..=255) {
        let mut exif = camera_exif(6, true);
        let at = at % exif.len();
        exif[at] = value;
        if let exif::Gps::Removed(rewritten) = exif::without_gps(&exif) {
            proptest::prop_assert_eq!(rewritten.len(), exif.len());
            proptest::prop_assert_eq!(exif::orientation(&rewritten), exif::orientation(&exif));
            proptest::prop_assert!(matches!(exif::without_gps(&rewritten), exif::Gps::None));
        }
    }
}
