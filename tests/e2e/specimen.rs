//! Images built byte by byte: small ones in any number, and those that no encoder would make.

use img_core::imaging::noise_jpeg;

/// A GIF of one-pixel frames on a screen of this size.
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

/// A grey PNG; different seeds make different images.
pub(crate) fn png(width: u16, height: u16, seed: u8) -> Vec<u8> {
    let row = usize::from(width) + 1; // with the byte that names its filter
    let mut raw = vec![seed; row * usize::from(height)];
    raw.iter_mut().step_by(row).for_each(|filter| *filter = 0);
    let data = png_chunk(*b"IDAT", &stored(&raw));
    png_of(u32::from(width), u32::from(height), &[data])
}

/// A grey PNG with these chunks between header and end.
pub(crate) fn png_of(width: u32, height: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let parts = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(*b"IHDR", &header),
        chunks.concat(),
        png_chunk(*b"IEND", b""),
    ];
    parts.concat()
}

/// Puts chunks behind the header of a PNG.
pub(crate) fn png_with(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&png[..33], &chunks.concat(), &png[33..]].concat()
}

pub(crate) fn png_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = length(data).to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    chunk.extend(crc32(&chunk[4..]).to_be_bytes());
    chunk
}

fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap()
}

/// zlib without compression.
pub(crate) fn stored(raw: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let mut blocks = raw.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let len = u16::try_from(block.len()).unwrap();
        zlib.push(u8::from(blocks.peek().is_none()));
        zlib.extend(len.to_le_bytes());
        zlib.extend((!len).to_le_bytes());
        zlib.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in raw {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    zlib
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
    let byte = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), bit);
    !bytes.iter().fold(u32::MAX, byte)
}

/// One white pixel, lossless.
pub(crate) fn webp() -> Vec<u8> {
    webp_of(&[riff_chunk(*b"VP8L", WEBP_PIXEL)])
}

const WEBP_PIXEL: &[u8] = b"\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07";

/// One white pixel with EXIF in an extended file.
pub(crate) fn webp_with_exif(exif: &[u8]) -> Vec<u8> {
    const HAS_EXIF: u8 = 0x08;
    let header = [HAS_EXIF, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    webp_of(&[
        riff_chunk(*b"VP8X", &header),
        riff_chunk(*b"VP8L", WEBP_PIXEL),
        riff_chunk(*b"EXIF", exif),
    ])
}

/// A lossless WebP whose header claims a side of up to 16,384 px; its pixels end at once.
pub(crate) fn webp_claiming(width: u32, height: u32) -> Vec<u8> {
    let bits = (width - 1) | (height - 1) << 14;
    webp_of(&[riff_chunk(
        *b"VP8L",
        &[&[0x2f][..], &bits.to_le_bytes()].concat(),
    )])
}

/// A WebP whose canvas claims any size.
pub(crate) fn webp_canvas(width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let header = [vec![0; 4], side(width), side(height)].concat();
    webp_of(&[
        riff_chunk(*b"VP8X", &header),
        riff_chunk(*b"VP8L", WEBP_PIXEL),
    ])
}

fn webp_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(*b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

fn riff_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = kind.to_vec();
    chunk.extend(length(data).to_le_bytes());
    chunk.extend(data);
    chunk.extend(vec![0; data.len() % 2]);
    chunk
}

/// A JPEG whose frame header claims this size.
pub(crate) fn jpeg_claiming(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = noise_jpeg(16, 16, 1);
    let frame = jpeg
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// Puts segments behind the start of a JPEG.
pub(crate) fn jpeg_with(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

pub(crate) fn jpeg_segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 2).unwrap();
    [&[0xff, marker][..], &len.to_be_bytes(), payload].concat()
}

pub(crate) fn jpeg_with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    jpeg_with(jpeg, &[jpeg_segment(0xe1, &[b"Exif\0\0", exif].concat())])
}

/// From the start of the first scan: all that decides the pixels besides the tables.
pub(crate) fn jpeg_scan(jpeg: &[u8]) -> &[u8] {
    let start = jpeg.windows(2).position(|marker| marker == [0xff, 0xda]);
    &jpeg[start.unwrap()..]
}

pub(crate) const MAKER: &[u8] = b"CAMERA-WORKS\0";
/// 51° 30′ 26″, as three fractions.
pub(crate) const LATITUDE: &[u8] = b"\0\0\0\x33\0\0\0\x01\0\0\0\x1e\0\0\0\x01\0\0\0\x1a\0\0\0\x01";

/// EXIF of a camera: maker, orientation, and where the photo was taken.
pub(crate) fn camera_exif(orientation: u8) -> Vec<u8> {
    // The header has 8 bytes, the directories of 3 and of 2 entries 42 and 30.
    let (gps_at, maker_at) = (50, 80);
    let latitude_at = maker_at + u8::try_from(MAKER.len()).unwrap();
    let entry = |tag: u16, kind: u8, count: u8, value: [u8; 4]| {
        let head = [0, kind, 0, 0, 0, count];
        [&tag.to_be_bytes()[..], &head, &value].concat()
    };
    let parts = [
        b"MM\0\x2a\0\0\0\x08\0\x03".to_vec(),
        entry(0x010f, 2, 13, [0, 0, 0, maker_at]),
        entry(0x0112, 3, 1, [0, orientation, 0, 0]),
        entry(0x8825, 4, 1, [0, 0, 0, gps_at]),
        vec![0, 0, 0, 0, 0, 2],
        entry(1, 2, 2, *b"N\0\0\0"),
        entry(2, 5, 3, [0, 0, 0, latitude_at]),
        vec![0; 4],
        MAKER.to_vec(),
        LATITUDE.to_vec(),
    ];
    parts.concat()
}

/// An AVIF or HEIC by its boxes, without a picture in it.
pub(crate) fn heif(brand: [u8; 4], width: u32, height: u32) -> Vec<u8> {
    let ispe = [[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat();
    let ipco = plain_box(*b"ipco", &plain_box(*b"ispe", &ispe));
    let meta = [vec![0; 4], plain_box(*b"iprp", &ipco)].concat();
    let parts = [
        plain_box(*b"ftyp", &[&brand[..], &[0; 4], b"mif1"].concat()),
        plain_box(*b"meta", &meta),
        plain_box(*b"mdat", &[1, 2, 3, 4]),
    ];
    parts.concat()
}

fn plain_box(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    [&(length(data) + 8).to_be_bytes()[..], &kind, data].concat()
}

/// A TIFF directory: 8×8 px, grey, uncompressed, in one strip.
pub(crate) fn tiff() -> Vec<u8> {
    let entries: [(u16, u32); 9] = [
        (256, 8),   // width
        (257, 8),   // height
        (258, 8),   // bits
        (259, 1),   // not compressed
        (262, 1),   // black is 0
        (273, 122), // where the strip is
        (277, 1),   // channels
        (278, 8),   // rows in the strip
        (279, 64),  // bytes of the strip
    ];
    let mut tiff = b"II\x2a\0\x08\0\0\0\x09\0".to_vec();
    for (tag, value) in entries {
        tiff.extend(tag.to_le_bytes());
        tiff.extend([4, 0, 1, 0, 0, 0]);
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    tiff.extend([0x55; 64]);
    tiff
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
