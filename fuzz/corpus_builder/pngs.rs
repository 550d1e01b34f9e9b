//! PNG of every depth, colour and filter; interlaced, with transparency, animated, with metadata.

use png::{BitDepth, BlendOp, ColorType, DisposeOp, Encoder, Filter};

use crate::drawing::{HEIGHT, WIDTH, bytes, samples};

const KINDS: [(ColorType, BitDepth); 15] = [
    (ColorType::Grayscale, BitDepth::One),
    (ColorType::Grayscale, BitDepth::Two),
    (ColorType::Grayscale, BitDepth::Four),
    (ColorType::Grayscale, BitDepth::Eight),
    (ColorType::Grayscale, BitDepth::Sixteen),
    (ColorType::GrayscaleAlpha, BitDepth::Eight),
    (ColorType::GrayscaleAlpha, BitDepth::Sixteen),
    (ColorType::Rgb, BitDepth::Eight),
    (ColorType::Rgb, BitDepth::Sixteen),
    (ColorType::Rgba, BitDepth::Eight),
    (ColorType::Rgba, BitDepth::Sixteen),
    (ColorType::Indexed, BitDepth::One),
    (ColorType::Indexed, BitDepth::Two),
    (ColorType::Indexed, BitDepth::Four),
    (ColorType::Indexed, BitDepth::Eight),
];

const FILTERS: [Filter; 5] = [
    Filter::NoFilter,
    Filter::Sub,
    Filter::Up,
    Filter::Avg,
    Filter::Paeth,
];

/// The passes of Adam7: first column and row, and the steps from there.
const PASSES: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

pub fn all() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for kind in KINDS {
        for filter in FILTERS {
            files.push(encode(kind, filter));
        }
        files.push(interlaced(kind));
    }
    files.push(animated());
    let plain = encode(KINDS[7], Filter::Paeth);
    let metadata: [([u8; 4], &[u8]); 6] = [
        (*b"gAMA", &45_455_u32.to_be_bytes()),
        (*b"cHRM", &[0, 0, 122, 38].repeat(8)),
        (*b"cICP", &[12, 13, 0, 1]),
        (*b"tRNS", &[0, 1, 0, 2, 0, 3]),
        (*b"eXIf", b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"),
        (*b"iCCP", &[b"name\0\0", &zlib(&bytes(300))[..]].concat()),
    ];
    files.extend(metadata.map(|(name, content)| with_chunk(&plain, name, content)));
    files.push(plain[..plain.len() / 2].to_vec());
    files
}

/// Bytes of a row.
fn row((colour, depth): (ColorType, BitDepth), width: usize) -> usize {
    (colour.samples() * depth as usize * width).div_ceil(8)
}

fn encode(kind: (ColorType, BitDepth), filter: Filter) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, WIDTH.into(), HEIGHT.into());
    encoder.set_color(kind.0);
    encoder.set_depth(kind.1);
    encoder.set_filter(filter);
    if kind.0 == ColorType::Indexed {
        let colours = 1 << kind.1 as usize;
        encoder.set_palette(bytes(colours * 3));
        encoder.set_trns(bytes(colours / 2));
    }
    let raw = bytes(row(kind, WIDTH.into()) * usize::from(HEIGHT));
    let mut writer = encoder.write_header().expect("start a PNG");
    writer.write_image_data(&raw).expect("encode a PNG");
    writer.finish().expect("end a PNG");
    file
}

/// Written by hand: the encoder has no interlacing. Any bytes are an image.
fn interlaced(kind: (ColorType, BitDepth)) -> Vec<u8> {
    let plain = encode(kind, Filter::NoFilter);
    let mut rows = Vec::new();
    for [x, y, step_x, step_y] in PASSES {
        let across = usize::from(WIDTH).saturating_sub(x).div_ceil(step_x);
        let down = usize::from(HEIGHT).saturating_sub(y).div_ceil(step_y);
        for index in 0..down {
            rows.push(u8::try_from((index + x) % 5).expect("a filter"));
            rows.extend(bytes(row(kind, across)));
        }
    }
    let mut file = plain[..8].to_vec();
    for (name, content) in chunks(&plain) {
        match &name {
            b"IHDR" => chunk(&mut file, name, &[&content[..12], &[1]].concat()),
            b"IDAT" => chunk(&mut file, name, &zlib(&rows)),
            _ => chunk(&mut file, name, content),
        }
    }
    file
}

fn animated() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, WIDTH.into(), HEIGHT.into());
    encoder.set_color(ColorType::Rgba);
    encoder.set_animated(4, 2).expect("four frames");
    encoder.set_frame_delay(1, 10).expect("a delay");
    let mut writer = encoder.write_header().expect("start an APNG");
    let whole = samples(4);
    writer.write_image_data(&whole).expect("a first frame");
    let ends = [
        (DisposeOp::None, BlendOp::Over),
        (DisposeOp::Background, BlendOp::Source),
        (DisposeOp::Previous, BlendOp::Over),
    ];
    for (dispose, blend) in ends {
        writer.set_frame_dimension(9, 7).expect("a part");
        writer.set_frame_position(5, 3).expect("a place");
        writer.set_dispose_op(dispose).expect("a way out");
        writer.set_blend_op(blend).expect("a way in");
        writer
            .write_image_data(&whole[..9 * 7 * 4])
            .expect("a frame");
    }
    writer.finish().expect("end an APNG");
    file
}

fn with_chunk(file: &[u8], name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut longer = file[..33].to_vec();
    chunk(&mut longer, name, content);
    longer.extend(&file[33..]);
    longer
}

fn chunks(file: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut found = Vec::new();
    let mut rest = &file[8..];
    while let [a, b, c, d, name @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.push(([name[0], name[1], name[2], name[3]], &name[4..4 + length]));
        rest = &name[8 + length..];
    }
    found
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a short chunk");
    file.extend(length.to_be_bytes());
    file.extend(name);
    file.extend(content);
    file.extend(crc32(&[&name[..], content].concat()).to_be_bytes());
}

/// By RFC 1952, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            0xedb8_8320 ^ crc >> 1
        } else {
            crc >> 1
        }
    };
    !bytes
        .iter()
        .fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// A zlib stream of stored blocks, by RFC 1950.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    for part in bytes.chunks(0xffff) {
        let length = u16::try_from(part.len()).expect("at most 65,535");
        stream.push(0);
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(part);
    }
    stream.extend([1, 0, 0, 0xff, 0xff]);
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}
