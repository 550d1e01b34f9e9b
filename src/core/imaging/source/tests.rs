//! Originals give the same answers piece by piece as in memory, and take no more of it than they may.

use std::cell::Cell;

use super::*;
use crate::imaging::fixture::{
    camera_exif, decodable, exif_segment, gif, heif, jpeg_segment, jpeg_with, png_chunk, png_with,
    riff_chunk, undecodable, vp8x, webp, webp_with,
};
use crate::imaging::inspect::{inspect, inspect_as, inspect_source};
use crate::imaging::limits::{Limits, SvgPolicy};
use crate::imaging::metadata::{MetadataMode, Piece, StripPlan, strip, strip_source, strip_window};
use crate::imaging::sample::noise_jpeg;
use crate::imaging::sniff::sniff;
use crate::model::media::MediaType;

const MODES: [MetadataMode; 3] = [
    MetadataMode::Keep,
    MetadataMode::StripGps,
    MetadataMode::StripAll,
];

/// A source that is not in memory, as a file.
struct Disk<F> {
    size_bytes: u64,
    fill: F,
    /// Of one read.
    most_bytes: Cell<usize>,
    /// Of all reads.
    all_bytes: Cell<u64>,
}

impl<F: Fn(u64, &mut [u8])> Disk<F> {
    fn new(size_bytes: u64, fill: F) -> Self {
        Self {
            size_bytes,
            fill,
            most_bytes: Cell::new(0),
            all_bytes: Cell::new(0),
        }
    }
}

impl<F: Fn(u64, &mut [u8])> Source for Disk<F> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        assert!(offset < self.size_bytes && offset + into.len() as u64 <= self.size_bytes);
        self.most_bytes.set(self.most_bytes.get().max(into.len()));
        self.all_bytes.set(self.all_bytes.get() + into.len() as u64);
        (self.fill)(offset, into);
        Ok(())
    }
}

fn disk(bytes: &[u8]) -> Disk<impl Fn(u64, &mut [u8])> {
    Disk::new(bytes.len() as u64, move |offset, into: &mut [u8]| {
        bytes.read_at(offset, into).unwrap();
    })
}

fn index(at: u64) -> usize {
    at.try_into().unwrap()
}

fn limits() -> Limits {
    Limits {
        bytes_max: 1 << 30,
        svg: SvgPolicy::Accept,
        ..Limits::default()
    }
}

fn applied(plan: &StripPlan, bytes: &[u8]) -> Vec<u8> {
    let pieces = plan.pieces.iter().map(|piece| match piece {
        Piece::Keep(range) => bytes[index(range.start)..index(range.end)].to_vec(),
        Piece::New(new) => new.clone(),
    });
    pieces.collect::<Vec<_>>().concat()
}

#[track_caller]
fn check(bytes: &[u8], window_len: usize) {
    let source = disk(bytes);
    let told = |error: ImagingError| (error.code(), error.to_string());
    let whole = inspect(bytes, &limits()).map_err(told);
    assert_eq!(inspect_source(&source, &limits()).map_err(told), whole);
    let Some(media) = sniff(bytes) else {
        return;
    };
    let mut window = Window::of_len(window_len, &source);
    let found = inspect_as(media, &mut window, &limits()).map_err(told);
    assert_eq!(found, whole, "{media}, {window_len}");
    for mode in MODES {
        let plan = strip_window(&mut Window::of_len(window_len, &source), media, mode);
        match (plan, strip(bytes, media, mode)) {
            (Ok(plan), Ok(stripped)) => {
                assert_eq!(plan.outcome, stripped.outcome);
                assert_eq!(
                    plan.is_untouched(),
                    matches!(stripped.bytes, Cow::Borrowed(_))
                );
                assert_eq!(plan.size_bytes(), stripped.bytes.len() as u64);
                assert!(applied(&plan, bytes) == *stripped.bytes, "{media} {mode:?}");
            }
            (Err(plan), Err(whole)) => assert_eq!(told(plan), told(whole)),
            (plan, whole) => panic!("{media} {mode:?} {window_len}: {plan:?}, {whole:?}"),
        }
    }
}

fn files() -> Vec<Vec<u8>> {
    let of = |media| {
        let (_, bytes) = decodable()
            .into_iter()
            .find(|(found, _)| *found == media)
            .unwrap();
        bytes
    };
    let exif = camera_exif(6, true);
    let xmp = b"<x:xmpmeta exif:GPSLatitude='51,30N'/>".as_slice();
    let extension = |text: &[u8]| {
        let head = b"http://ns.adobe.com/xmp/extension/\0";
        jpeg_segment(0xe1, &[head, &[b'0'; 40][..], text].concat())
    };
    let segments = [
        jpeg_segment(0xe0, b"JFIF\0\x01\x02"),
        exif_segment(&exif),
        jpeg_segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp].concat()),
        extension(b"<exif:G"),
        extension(b"P"),
        extension(b"SLatitude>"),
        jpeg_segment(0xe2, b"MPF\0offsets"),
        jpeg_segment(0xfe, b"a comment"),
    ];
    let camera = jpeg_with(&noise_jpeg(40, 30, 5), &segments);
    let texts = [
        png_chunk(*b"eXIf", &exif),
        png_chunk(*b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", xmp].concat()),
        png_chunk(*b"tEXt", b"Raw profile type exif\0abc"),
        png_chunk(*b"fcTL", &[[0; 4], [0, 0, 0, 24], [0, 0, 0, 16]].concat()),
    ];
    let photo = webp_with(
        &of(MediaType::Webp),
        0x0c,
        &[],
        &[riff_chunk(*b"EXIF", &exif), riff_chunk(*b"XMP ", xmp)],
    );
    let frame = [
        &[0, 0, 0, 0, 0, 0, 23, 0, 0, 15, 0, 0, 1, 0, 0, 0],
        &of(MediaType::Webp)[12..],
    ];
    let animation = [
        vp8x(2, 24, 16),
        riff_chunk(*b"ANMF", &frame.concat()),
        riff_chunk(*b"ANMF", &frame.concat()),
    ];
    let mut files: Vec<_> = decodable()
        .into_iter()
        .chain(undecodable())
        .map(|(_, f)| f)
        .collect();
    files.extend([
        [&camera[..], b"\0\0\0\x18ftypmp42"].concat(),
        camera,
        png_with(&of(MediaType::Png), &texts),
        [photo.clone(), b"behind it: Exif\0\0".to_vec()].concat(),
        photo,
        webp(&animation),
        gif(10, 10, 9),
        heif(*b"avis", 8, 8),
    ]);
    files
}

#[test]
fn a_file_read_through_any_window_is_judged_and_stripped_as_in_memory() {
    for file in files() {
        for window_len in [1, 2, 3, 7, 50, 301, Window::LEN] {
            check(&file, window_len);
        }
    }
}

#[test]
fn no_damage_makes_a_difference_between_window_and_memory() {
    let mut state = 9_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        index(state % below as u64)
    };
    for file in files() {
        for _ in 0..120 {
            let mut damaged = file.clone();
            for _ in 0..random(4) {
                // Headers are where lengths stand.
                let reach = if random(2) == 0 { 64 } else { damaged.len() };
                let at = random(reach.min(damaged.len()));
                damaged[at] =
                    [0, 0xff, 0x7f, damaged[at] ^ 1, damaged[at].wrapping_add(1)][random(5)];
            }
            if random(3) == 0 {
                damaged.truncate(random(damaged.len()) + 1);
            }
            check(&damaged, 1 + random(40));
        }
    }
}

/// A JPEG whose scan goes on for nearly all of it, with restarts and stuffed bytes, also across windows.
fn endless_jpeg(size_bytes: u64) -> Disk<impl Fn(u64, &mut [u8])> {
    let frame = jpeg_segment(0xc0, &[8, 0, 100, 0, 100, 1, 1, 0x11, 0]);
    let scan = jpeg_segment(0xda, &[1, 1, 0, 0, 63, 0]);
    let exif = exif_segment(&camera_exif(6, true));
    let head = [vec![0xff, 0xd8], exif, frame, scan].concat();
    Disk::new(size_bytes, move |offset, into: &mut [u8]| {
        into.fill(0x55);
        let len = into.len() as u64;
        let mut put = |at: u64, byte| {
            if (offset..offset + len).contains(&at) {
                into[index(at - offset)] = byte;
            }
        };
        // Not a divisor of the window, so that the pair is cut in two somewhere.
        let step = 4_099_u16;
        for at in (offset - offset % u64::from(step)..offset + len).step_by(step.into()) {
            put(at, 0xff);
            put(at + 1, if at % 2 == 0 { 0 } else { 0xd3 });
        }
        for (at, &byte) in head.iter().enumerate() {
            put(at as u64, byte);
        }
        put(size_bytes - 3, 0x55);
        put(size_bytes - 2, 0xff);
        put(size_bytes - 1, 0xd9);
    })
}

#[test]
fn two_hundred_megabytes_are_read_through_one_small_window() {
    let size_bytes = 200 << 20;
    let source = endless_jpeg(size_bytes);
    let inspected = inspect_source(&source, &limits()).unwrap();
    assert_eq!((inspected.width_px, inspected.height_px), (100, 100));
    let plan = strip_source(&source, inspected.media, MetadataMode::StripGps).unwrap();
    assert_eq!(plan.size_bytes(), size_bytes);
    assert_eq!(plan.pieces.len(), 3);
    assert_eq!(source.most_bytes.get(), Window::LEN);
    // Each byte once for each of the two, and a few twice.
    assert!(source.all_bytes.get() < 2 * size_bytes + (1 << 20));
}

#[test]
fn what_a_chunk_claims_is_not_read() {
    let size_bytes = 200_u64 << 20;
    let mut png = files().swap_remove(1);
    png.truncate(33);
    let len = u32::try_from(size_bytes).unwrap() - 33 - 12;
    for kind in [b"eXIf", b"iTXt", b"iCCP"] {
        let start = [&png[..], &len.to_be_bytes(), kind].concat();
        let source = Disk::new(size_bytes, |offset, into: &mut [u8]| {
            into.fill(0);
            for (at, byte) in start.iter().enumerate().skip(index(offset)) {
                into[at - index(offset)] = *byte;
            }
        });
        let error = inspect_source(&source, &limits()).unwrap_err();
        assert_eq!(error.code(), "limit-metadata");
        assert_eq!(source.all_bytes.get(), Window::LEN as u64);
        // Without limits, stripping still holds no more than it may.
        let plan = strip_source(&source, MediaType::Png, MetadataMode::StripGps);
        assert!(plan.is_ok());
        assert!(source.most_bytes.get() <= 512 << 10);
    }
}

#[test]
fn metadata_in_no_end_of_places_is_refused() {
    // Comments that go, between tables that stay.
    let pair = [jpeg_segment(0xfe, b""), jpeg_segment(0xdb, b"")].concat();
    let base = noise_jpeg(8, 8, 1);
    let strip = |count| {
        let bytes = jpeg_with(&base, &vec![pair.clone(); count]);
        strip(&bytes, MediaType::Jpeg, MetadataMode::StripAll).map(|stripped| stripped.outcome)
    };
    assert!(strip(4_000).is_ok());
    assert_eq!(strip(5_000).unwrap_err().code(), "image-corrupt");
}

#[test]
fn exif_too_long_to_be_read_is_reduced_to_its_orientation() {
    let exif = [camera_exif(6, true), vec![7; 600 << 10]].concat();
    let png = png_with(&files().swap_remove(1), &[png_chunk(*b"eXIf", &exif)]);
    let stripped = strip(&png, MediaType::Png, MetadataMode::StripGps).unwrap();
    assert!(stripped.bytes.len() < 1_000);
    let seen = |bytes: &[u8]| inspect(bytes, &limits()).unwrap().upright_size();
    assert_eq!(seen(&stripped.bytes), seen(&png));
}

#[test]
fn a_source_that_cannot_be_read_is_no_fault_of_the_image() {
    struct Broken;

    impl Source for Broken {
        fn size_bytes(&self) -> u64 {
            1_000
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    let error = inspect_source(&Broken, &limits()).unwrap_err();
    assert_eq!(error.code(), "image-read");
    assert!(error.is_retryable());
    let error = strip_source(&Broken, MediaType::Png, MetadataMode::StripAll).unwrap_err();
    assert_eq!(error.code(), "image-read");
}

#[test]
fn signs_across_the_border_of_a_window_are_found() {
    let bytes = b"0123456789:GPS0123Exif\0\0";
    let source = disk(bytes);
    for window_len in 1..30 {
        let mut window = Window::of_len(window_len, &source);
        let mut found = |range, sign: &[u8]| window.contains_any(range, &[sign, b"none"]).unwrap();
        assert!(found(0..24, b":GPS"));
        assert!(found(0..14, b":GPS"));
        assert!(!found(0..13, b":GPS"));
        assert!(!found(11..24, b":GPS"));
        assert!(found(3..24, b"Exif\0\0"));
        assert!(!found(24..24, b"Exif"));
    }
}
