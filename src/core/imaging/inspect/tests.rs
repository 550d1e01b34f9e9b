//! What is taken, what is refused, and under which name.

use super::*;
use crate::imaging::fixture::{
    camera_exif, decodable, exif_segment, gif, heif, jpeg_segment, jpeg_with, jxl_header,
    plain_box, png_chunk, png_header, png_with, riff_chunk, tiff, undecodable, vp8x, webp,
    webp_with,
};
use crate::imaging::limits::SvgPolicy;
use crate::imaging::sample::noise_jpeg;

fn limits() -> Limits {
    Limits {
        svg: SvgPolicy::Accept,
        ..Limits::default()
    }
}

#[track_caller]
fn refused(bytes: &[u8], code: &str) {
    let error = inspect(bytes, &limits()).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
}

fn of(media: MediaType) -> Vec<u8> {
    let all = decodable().into_iter().chain(undecodable());
    let (_, bytes) = all.into_iter().find(|(found, _)| *found == media).unwrap();
    bytes
}

#[test]
fn every_type_is_recognised_with_its_size() {
    for (media, bytes) in decodable().into_iter().chain(undecodable()) {
        let inspected = inspect(&bytes, &limits()).unwrap();
        assert_eq!(inspected.media, media);
        assert_eq!(
            (inspected.width_px, inspected.height_px),
            (24, 16),
            "{media}"
        );
        assert_eq!(inspected.frames, 1);
        assert_eq!(inspected.orientation, Orientation::Upright);
    }
}

#[test]
fn no_prefix_of_a_file_passes_for_the_file() {
    for (media, bytes) in decodable().into_iter().chain(undecodable()) {
        for len in 0..bytes.len() {
            let whole = inspect(&bytes[..len], &limits()).is_ok();
            // TIFF may pad its end, and a JPEG XL codestream does not say how long it is.
            let may_pass = matches!(media, MediaType::Tiff | MediaType::Jxl);
            assert!(
                !whole || may_pass,
                "{media} cut to {len} of {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn bytes_after_the_end_are_no_fault() {
    for media in [
        MediaType::Jpeg,
        MediaType::Png,
        MediaType::Gif,
        MediaType::Webp,
    ] {
        let bytes = [of(media), b"trailing".to_vec()].concat();
        assert!(inspect(&bytes, &limits()).is_ok(), "{media}");
    }
}

#[test]
fn what_is_no_image_is_refused() {
    refused(b"", "image-empty");
    let noise: Vec<u8> = noise_jpeg(64, 64, 9)[700..].to_vec();
    for bytes in [
        &b"just some text, longer than any header that is looked at"[..],
        b"<!doctype html><html><body><svg/></body></html>",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
        b"%PDF-1.7\n",
        &[0; 100],
        &noise,
    ] {
        refused(bytes, "not-an-image");
    }
}

#[test]
fn svg_is_refused_unless_accepted() {
    let error = inspect(b"<svg width='1' height='1'/>", &Limits::default()).unwrap_err();
    assert_eq!(error.code(), "svg-refused");
    assert!(inspect(b"<svg width='1' height='1'/>", &limits()).is_ok());
}

#[test]
fn too_many_bytes_are_refused_first() {
    let few = Limits {
        bytes_max: 10,
        ..limits()
    };
    let error = inspect(&of(MediaType::Png), &few).unwrap_err();
    assert_eq!(error.code(), "limit-bytes");
}

#[test]
fn huge_sizes_are_refused_by_the_header_alone() {
    let side = 60_000_u32;
    let [_, _, high, low] = side.to_be_bytes();
    let sof = jpeg_segment(0xc0, &[8, high, low, high, low, 1, 1, 0x11, 0]);
    let mut bmp = of(MediaType::Bmp);
    bmp[18..22].copy_from_slice(&side.to_le_bytes());
    for bytes in [
        [vec![0xff, 0xd8], sof].concat(),
        png_header(side, side),
        gif(60_000, 60_000, 1),
        webp(&[vp8x(0, side, side)]),
        tiff(&[(0x0100, side), (0x0101, side), (0x0111, 8), (0x0117, 1)]),
        bmp,
        heif(*b"avif", side, side),
        jxl_header(side, side),
        b"<svg width='60000' height='60000'/>".to_vec(),
    ] {
        refused(&bytes, "limit-side");
    }
    refused(&png_header(10_000, 10_000), "limit-pixels");
    refused(&png_header(u32::MAX, 1), "image-corrupt");
    refused(&png_header(0, 1), "image-corrupt");
}

#[test]
fn a_frame_larger_than_its_screen_is_judged_by_itself() {
    let mut bytes = gif(1, 1, 1);
    bytes[24..28].fill(0xff);
    refused(&bytes, "limit-side");
    // VP8L of 16,383 × 16,383 inside of a small canvas
    let image = riff_chunk(*b"VP8L", &[0x2f, 0xff, 0xff, 0xff, 0x0f, 0]);
    refused(&webp(&[vp8x(0, 10, 10), image.clone()]), "limit-pixels");
    let frame = [vec![0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0, 1, 0, 0, 0], image].concat();
    refused(
        &webp(&[vp8x(2, 10, 10), riff_chunk(*b"ANMF", &frame)]),
        "limit-pixels",
    );
}

#[test]
fn animations_are_counted() {
    assert_eq!(inspect(&gif(10, 10, 300), &limits()).unwrap().frames, 300);
    refused(&gif(10, 10, 301), "limit-frames");
    refused(&gif(8_000, 6_000, 3), "limit-frame-pixels");
    assert!(inspect(&gif(8_000, 6_000, 2), &limits()).is_ok());

    let lossless = of(MediaType::Webp)[12..].to_vec();
    let header = vec![0, 0, 0, 0, 0, 0, 23, 0, 0, 15, 0, 0, 1, 0, 0, 0];
    let frame = riff_chunk(*b"ANMF", &[header, lossless].concat());
    let animation = |width, height, frames| {
        webp(&[vec![vp8x(2, width, height)], vec![frame.clone(); frames]].concat())
    };
    assert_eq!(inspect(&animation(24, 16, 7), &limits()).unwrap().frames, 7);
    refused(&animation(24, 16, 301), "limit-frames");
    refused(&animation(8_000, 6_000, 3), "limit-frame-pixels");
    refused(&animation(10, 16, 1), "image-corrupt");

    let still = of(MediaType::Png);
    let claims = png_chunk(*b"acTL", &[[0, 1, 0, 0], [0; 4]].concat());
    refused(&png_with(&still, &[claims]), "limit-frames");
    let control = png_chunk(*b"fcTL", &[[0; 4], [0, 0, 0, 24], [0, 0, 0, 16]].concat());
    refused(
        &png_with(&still, &vec![control.clone(); 301]),
        "limit-frames",
    );
    let inspected = inspect(&png_with(&still, &vec![control; 5]), &limits()).unwrap();
    assert_eq!(inspected.frames, 5);
}

#[test]
fn too_much_metadata_is_refused() {
    let block = vec![b'x'; 65_000];
    let profile = jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &block[..]].concat());
    let comment = jpeg_segment(0xfe, &block);
    let jpeg = of(MediaType::Jpeg);
    assert!(inspect(&jpeg_with(&jpeg, &vec![profile.clone(); 60]), &limits()).is_ok());
    refused(&jpeg_with(&jpeg, &vec![profile; 65]), "limit-metadata");
    refused(&jpeg_with(&jpeg, &vec![comment; 65]), "limit-metadata");
    let much = vec![b'x'; 5 << 20];
    let png = of(MediaType::Png);
    for kind in [*b"iTXt", *b"zTXt", *b"iCCP", *b"eXIf", *b"xxXx"] {
        refused(&png_with(&png, &[png_chunk(kind, &much)]), "limit-metadata");
    }
    let simple = of(MediaType::Webp);
    let chunk = riff_chunk(*b"EXIF", &much);
    refused(&webp_with(&simple, 8, &[], &[chunk]), "limit-metadata");
    let colour = plain_box(*b"colr", &much);
    let mut avif = heif(*b"avif", 24, 16);
    let inside = avif.windows(4).position(|kind| kind == b"ispe").unwrap() - 4;
    avif.splice(inside..inside, colour.iter().copied());
    for kind in [b"meta", b"iprp", b"ipco"] {
        let at = avif.windows(4).position(|found| found == kind).unwrap() - 4;
        let size = u32::from_be_bytes(*avif[at..].first_chunk().unwrap());
        let grown = size + u32::try_from(colour.len()).unwrap();
        avif[at..at + 4].copy_from_slice(&grown.to_be_bytes());
    }
    refused(&avif, "limit-metadata");
}

#[test]
fn too_many_scans_are_refused() {
    let mut jpeg = of(MediaType::Jpeg);
    let end = jpeg.len() - 2;
    let scan = jpeg_segment(0xda, &[1, 1, 0, 0, 63, 0]);
    jpeg.splice(end..end, vec![scan; 100].concat());
    refused(&jpeg, "limit-scans");
}

#[test]
fn orientation_is_read_wherever_exif_stands() {
    let exif = camera_exif(6, true);
    let jpeg = jpeg_with(&of(MediaType::Jpeg), &[exif_segment(&exif)]);
    let png = png_with(&of(MediaType::Png), &[png_chunk(*b"eXIf", &exif)]);
    let prefixed = [b"Exif\0\0", &exif[..]].concat();
    let plain = webp_with(&of(MediaType::Webp), 8, &[], &[riff_chunk(*b"EXIF", &exif)]);
    let webp = webp_with(
        &of(MediaType::Webp),
        8,
        &[],
        &[riff_chunk(*b"EXIF", &prefixed)],
    );
    for bytes in [jpeg, png, plain, webp] {
        let inspected = inspect(&bytes, &limits()).unwrap();
        assert_eq!(inspected.orientation, Orientation::Rotate90);
        assert_eq!(inspected.upright_size(), (16, 24));
    }
}

#[test]
fn structures_that_lie_are_refused() {
    let mut crc = of(MediaType::Png);
    crc[29] ^= 1;
    refused(&crc, "image-corrupt");
    let mut first = of(MediaType::Png);
    first[12..16].copy_from_slice(b"IDAT");
    refused(&first, "image-corrupt");
    refused(&tiff(&[(0x0100, 4), (0x0101, 4)]), "image-corrupt");
    refused(
        &tiff(&[(0x0100, 4), (0x0101, 4), (0x0111, 8), (0x0117, 4_000)]),
        "image-truncated",
    );
    refused(b"II\x2b\0\x08\0\0\0", "image-corrupt");
    refused(b"\xff\xd8\xff\xd9", "image-corrupt");
    refused(&gif(10, 10, 0), "image-corrupt");
    // A box that claims more than a machine can address.
    let huge = [&b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x01meta"[..], &[0xff; 8]].concat();
    refused(&huge, "image-truncated");
}

#[test]
fn stray_bytes_between_jpeg_segments_are_skipped() {
    let jpeg = jpeg_with(&of(MediaType::Jpeg), &[b"\0stray\xff\0".to_vec()]);
    assert!(inspect(&[&[0xff, 0xd8, 0xff, 0xff], &jpeg[2..]].concat(), &limits()).is_ok());
}
