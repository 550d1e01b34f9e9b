//! JPEG of every process, sampling and colour space, with and without restarts.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::drawing::{HEIGHT, WIDTH, samples};

const COLOURS: [(ColorType, usize); 5] = [
    (ColorType::Luma, 1),
    (ColorType::Rgb, 3),
    (ColorType::Ycbcr, 3),
    (ColorType::Cmyk, 4),
    (ColorType::CmykAsYcck, 4),
];

const SAMPLINGS: [SamplingFactor; 6] = [
    SamplingFactor::F_1_1,
    SamplingFactor::F_2_1,
    SamplingFactor::F_1_2,
    SamplingFactor::F_2_2,
    SamplingFactor::F_4_1,
    SamplingFactor::F_2_4,
];

/// How the coefficients are spread over scans.
#[derive(Clone, Copy)]
enum Scans {
    Baseline,
    /// With codes made for the image.
    Optimised,
    /// Of as many bands.
    Bands(u8),
}

pub fn all() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for colour in COLOURS {
        for sampling in SAMPLINGS {
            // Codes made for the image have no room for what restarts add: none of both at once.
            for (scans, restart_interval) in [
                (Scans::Baseline, 0),
                (Scans::Baseline, 2),
                (Scans::Optimised, 0),
                (Scans::Bands(4), 0),
                (Scans::Bands(4), 3),
                (Scans::Bands(20), 1),
            ] {
                files.push(encode(colour, sampling, (scans, restart_interval)));
            }
        }
    }
    files.extend(refined());
    let plain = encode(COLOURS[1], SAMPLINGS[3], (Scans::Baseline, 0));
    files.push(with_wide_tables(&plain));
    files.push(with_marker(&plain, 0xc1));
    files.push(cut_in_half(&plain));
    files.push(cut_in_half(&encode(
        COLOURS[1],
        SAMPLINGS[3],
        (Scans::Bands(4), 2),
    )));
    files.push(with_fill_bytes(&plain));
    files.push(with_segment(
        &plain,
        0xe1,
        b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    ));
    files.push(with_segment(&plain, 0xee, b"Adobe\0\x64\0\0\0\0\0"));
    files
}

fn encode(
    (colour, channels): (ColorType, usize),
    sampling: SamplingFactor,
    (scans, restart_interval): (Scans, u16),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 75);
    encoder.set_sampling_factor(sampling);
    encoder.set_restart_interval(restart_interval);
    match scans {
        Scans::Baseline => {}
        Scans::Optimised => encoder.set_optimized_huffman_tables(true),
        Scans::Bands(count) => encoder.set_progressive_scans(count),
    }
    let encoded = encoder.encode(&samples(channels), WIDTH, HEIGHT, colour);
    encoded.expect("encode a JPEG");
    bytes
}

/// Progressive files whose scans add bits to what came before, by the encoder of our own.
fn refined() -> Vec<Vec<u8>> {
    use img_codec::jpeg::encode::{Huffman, Planes, Process, Request, encode};
    use img_codec::plane::Plane;
    let plane = |width: usize, height: usize| {
        let mut plane = Plane::new(width, height);
        let drawn = samples(1);
        for (sample, drawn) in plane
            .padded_samples_mut()
            .iter_mut()
            .zip(drawn.iter().cycle())
        {
            *sample = *drawn;
        }
        plane
    };
    let (width, height) = (usize::from(WIDTH), usize::from(HEIGHT));
    let full = plane(width, height);
    let half = plane(width.div_ceil(2), height.div_ceil(2));
    let all = [
        Planes::Grey(&full),
        Planes::YCbCr([&full, &full, &full]),
        Planes::YCbCr([&full, &half, &half]),
    ];
    let file = |planes, quality| {
        let request = Request {
            width_px: WIDTH.into(),
            height_px: HEIGHT.into(),
            planes,
            quality,
            huffman: Huffman::Optimal,
            process: Process::Progressive,
            segments: &[],
        };
        encode(&request).expect("encode a progressive JPEG")
    };
    let qualities = [20, 75, 100];
    let files = all
        .into_iter()
        .flat_map(|planes| qualities.map(|quality| (planes, quality)));
    files
        .map(|(planes, quality)| file(planes, quality))
        .collect()
}

/// Where the first segment with this marker stands.
fn find(jpeg: &[u8], marker: u8) -> usize {
    let found = jpeg.windows(2).position(|pair| pair == [0xff, marker]);
    found.expect("the segment that every JPEG has")
}

/// Quantisation tables of 16 bits, as extended files may have.
fn with_wide_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut wide = with_marker(jpeg, 0xc1);
    while let Some(at) = wide
        .windows(5)
        .position(|head| matches!(head, [0xff, 0xdb, 0, 67, 0..=3]))
    {
        let mut segment = vec![0xff, 0xdb, 0, 131, 0x10 | wide[at + 4]];
        segment.extend(wide[at + 5..at + 69].iter().flat_map(|&factor| [0, factor]));
        wide.splice(at..at + 69, segment);
    }
    wide
}

/// The frame under another name: 0xC1 is extended.
fn with_marker(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let mut changed = jpeg.to_vec();
    let frame = find(jpeg, 0xc0);
    changed[frame + 1] = marker;
    changed
}

fn cut_in_half(jpeg: &[u8]) -> Vec<u8> {
    let scan = find(jpeg, 0xda);
    jpeg[..scan.midpoint(jpeg.len())].to_vec()
}

/// Any number of 0xFF may stand before a marker.
fn with_fill_bytes(jpeg: &[u8]) -> Vec<u8> {
    let mut filled = jpeg.to_vec();
    let scan = find(jpeg, 0xda);
    filled.splice(scan..scan, [0xff; 5]);
    filled
}

fn with_segment(jpeg: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).expect("a short segment");
    let mut segment = vec![0xff, marker];
    segment.extend(length.to_be_bytes());
    segment.extend(payload);
    let mut longer = jpeg.to_vec();
    longer.splice(2..2, segment);
    longer
}
