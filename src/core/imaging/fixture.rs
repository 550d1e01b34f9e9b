//! Small files of every kind for the tests of this module, built byte by byte where no encoder makes them.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, RgbaImage};
use zune_jpeg::zune_core::bit_depth::BitDepth;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::EncoderOptions;
use zune_jpegxl::JxlSimpleEncoder;

use crate::imaging::container::png::crc32;
use crate::model::media::MediaType;

/// Red, green, blue, yellow: from the top left, row by row.
pub(crate) const QUADRANTS: [[u8; 3]; 4] =
    [[220, 30, 30], [30, 200, 30], [30, 30, 220], [230, 220, 20]];

pub(crate) fn quadrants(width: u32, height: u32) -> DynamicImage {
    let image = RgbImage::from_fn(width, height, |x, y| {
        let index = usize::from(y >= height / 2) * 2 + usize::from(x >= width / 2);
        Rgb(QUADRANTS[index])
    });
    DynamicImage::ImageRgb8(image)
}

pub(crate) fn write(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn read(bytes: &[u8]) -> RgbaImage {
    image::load_from_memory(bytes).unwrap().into_rgba8()
}

/// A small file of each type that is decoded.
pub(crate) fn decodable() -> Vec<(MediaType, Vec<u8>)> {
    let image = quadrants(24, 16);
    let of = |media, format| (media, write(&image, format));
    vec![
        of(MediaType::Jpeg, ImageFormat::Jpeg),
        of(MediaType::Png, ImageFormat::Png),
        (
            MediaType::Gif,
            write(
                &DynamicImage::ImageRgba8(image.to_rgba8()),
                ImageFormat::Gif,
            ),
        ),
        of(MediaType::Webp, ImageFormat::WebP),
        of(MediaType::Tiff, ImageFormat::Tiff),
        of(MediaType::Bmp, ImageFormat::Bmp),
        (MediaType::Avif, avif(&image, None)),
        (MediaType::Jxl, jxl(&image)),
        (MediaType::Svg, svg(24, 16)),
    ]
}

/// Near the best quality, with the orientation that EXIF names.
pub(crate) fn avif(image: &DynamicImage, exif: Option<&[u8]>) -> Vec<u8> {
    let picture = img_avif::Picture {
        width_px: image.width(),
        height_px: image.height(),
        channels: img_avif::Channels::Rgb,
        bytes: image.as_rgb8().unwrap().as_raw(),
        icc: None,
        exif,
    };
    let settings = img_avif::Settings {
        quality: 95,
        speed: 9,
        chroma: img_avif::Chroma::Full,
        depth: img_avif::Depth::Eight,
    };
    img_avif::encode(&picture, settings).unwrap()
}

/// Without loss, of 8 bits; grey, RGB, or either with alpha.
pub(crate) fn jxl(image: &DynamicImage) -> Vec<u8> {
    let colour = match image {
        DynamicImage::ImageLuma8(_) => ColorSpace::Luma,
        DynamicImage::ImageLumaA8(_) => ColorSpace::LumaA,
        DynamicImage::ImageRgba8(_) => ColorSpace::RGBA,
        _ => ColorSpace::RGB,
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let options = EncoderOptions::new(width, height, colour, BitDepth::Eight);
    let mut bytes = Vec::new();
    JxlSimpleEncoder::new(image.as_bytes(), options)
        .encode(&mut bytes)
        .unwrap();
    bytes
}

/// The same quadrants, by their view box.
pub(crate) fn svg(width: u32, height: u32) -> Vec<u8> {
    let rect = |index: usize, [r, g, b]: [u8; 3]| {
        let (x, y) = (index % 2, index / 2);
        format!("<rect x='{x}' y='{y}' width='1' height='1' fill='rgb({r},{g},{b})'/>")
    };
    let rects: Vec<String> = QUADRANTS
        .into_iter()
        .enumerate()
        .map(|(index, rgb)| rect(index, rgb))
        .collect();
    let rects = rects.concat();
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 2 2' \
         preserveAspectRatio='none'>{rects}</svg>"
    )
    .into_bytes()
}

/// A small file of each type that is not.
pub(crate) fn undecodable() -> Vec<(MediaType, Vec<u8>)> {
    vec![(MediaType::Heic, heif(*b"heic", 24, 16))]
}

pub(crate) fn jpeg_segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 2).unwrap();
    let mut segment = vec![0xff, marker];
    segment.extend(len.to_be_bytes());
    segment.extend(payload);
    segment
}

/// Puts segments behind the start of a JPEG.
pub(crate) fn jpeg_with(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

pub(crate) fn exif_segment(tiff: &[u8]) -> Vec<u8> {
    jpeg_segment(0xe1, &[b"Exif\0\0", tiff].concat())
}

pub(crate) fn png_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    chunk.extend(crc32(kind, data).to_be_bytes());
    chunk
}

/// Puts chunks behind IHDR.
pub(crate) fn png_with(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&png[..33], &chunks.concat(), &png[33..]].concat()
}

pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut data = width.to_be_bytes().to_vec();
    data.extend(height.to_be_bytes());
    data.extend([8, 2, 0, 0, 0]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(*b"IHDR", &data)].concat()
}

pub(crate) fn riff_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = kind.to_vec();
    chunk.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    chunk.extend(data);
    if data.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

pub(crate) fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(*b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

pub(crate) fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    riff_chunk(
        *b"VP8X",
        &[vec![flags, 0, 0, 0], side(width), side(height)].concat(),
    )
}

/// The image chunk of a simple file, between chunks of an extended one.
pub(crate) fn webp_with(
    simple: &[u8],
    flags: u8,
    before: &[Vec<u8>],
    after: &[Vec<u8>],
) -> Vec<u8> {
    let image = read(simple);
    let mut chunks = vec![vp8x(flags, image.width(), image.height())];
    chunks.extend_from_slice(before);
    chunks.push(simple[12..].to_vec());
    chunks.extend_from_slice(after);
    webp(&chunks)
}

/// A GIF of one-pixel frames on a screen of the given size.
pub(crate) fn gif(width: u16, height: u16, frames: u32) -> Vec<u8> {
    let mut gif = b"GIF89a".to_vec();
    gif.extend(width.to_le_bytes());
    gif.extend(height.to_le_bytes());
    gif.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    for _ in 0..frames {
        gif.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
    }
    gif.push(0x3b);
    gif
}

pub(crate) fn plain_box(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut found = u32::try_from(data.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    found.extend(kind);
    found.extend(data);
    found
}

pub(crate) fn heif(brand: [u8; 4], width: u32, height: u32) -> Vec<u8> {
    let ispe = [[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat();
    let ipco = plain_box(*b"ipco", &plain_box(*b"ispe", &ispe));
    let meta = [vec![0; 4], plain_box(*b"iprp", &ipco)].concat();
    [
        plain_box(*b"ftyp", &[&brand[..], &[0; 4], &b"mif1"[..]].concat()),
        plain_box(*b"meta", &meta),
        plain_box(*b"mdat", &[1, 2, 3, 4]),
    ]
    .concat()
}

/// A JPEG XL that ends behind its size.
pub(crate) fn jxl_header(width: u32, height: u32) -> Vec<u8> {
    // Long form, 18 bits each, no ratio: selector 2, side − 1.
    let mut bits: u64 = 2 << 1 | u64::from(height - 1) << 3;
    bits |= 2 << 24 | u64::from(width - 1) << 26;
    [&[0xff, 0x0a][..], &bits.to_le_bytes()].concat()
}

/// A TIFF header and one directory of LONG values.
pub(crate) fn tiff(entries: &[(u16, u32)]) -> Vec<u8> {
    let mut tiff = b"II\x2a\0\x08\0\0\0".to_vec();
    tiff.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, value) in entries {
        tiff.extend(tag.to_le_bytes());
        tiff.extend([4, 0, 1, 0, 0, 0]);
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    tiff
}

pub(crate) const MAKER: &[u8] = b"CAMERA-WORKS\0";
/// 51° 30′ 26″, as three fractions.
pub(crate) const LATITUDE: &[u8] = b"\0\0\0\x33\0\0\0\x01\0\0\0\x1e\0\0\0\x01\0\0\0\x1a\0\0\0\x01";

/// EXIF of a camera: maker, orientation, and a place if wanted, with values out of line behind all directories.
pub(crate) fn camera_exif(orientation: u16, with_place: bool) -> Vec<u8> {
    let count: u16 = if with_place { 3 } else { 2 };
    let directory_len = 2 + u32::from(count) * 12 + 4;
    let gps_at = 8 + directory_len;
    let gps_len = if with_place { 2 + 2 * 12 + 4 } else { 0 };
    let maker_at = gps_at + gps_len;
    let latitude_at = maker_at + u32::try_from(MAKER.len()).unwrap();
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        let mut entry = tag.to_be_bytes().to_vec();
        entry.extend(kind.to_be_bytes());
        entry.extend(count.to_be_bytes());
        entry.extend(value);
        entry
    };
    let mut exif = b"MM\0\x2a\0\0\0\x08".to_vec();
    exif.extend(count.to_be_bytes());
    exif.extend(entry(0x010f, 2, 13, maker_at.to_be_bytes()));
    let [high, low] = orientation.to_be_bytes();
    exif.extend(entry(0x0112, 3, 1, [high, low, 0, 0]));
    if with_place {
        exif.extend(entry(0x8825, 4, 1, gps_at.to_be_bytes()));
    }
    exif.extend([0; 4]);
    if with_place {
        exif.extend([0, 2]);
        exif.extend(entry(1, 2, 2, *b"N\0\0\0"));
        exif.extend(entry(2, 5, 3, latitude_at.to_be_bytes()));
        exif.extend([0; 4]);
    }
    exif.extend(MAKER);
    if with_place {
        exif.extend(LATITUDE);
    }
    exif
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}
