//! What should come out: pixels of the crate `png`, averages computed pixel by pixel.

use std::io::Cursor;

use img_codec::plane::Plane;
use img_codec::png::{DecodeError, Decoded, Limits, Missing, Request, decode};
use img_codec::stop::NeverStop;

pub(crate) const LIMITS: Limits = Limits {
    pixels_max: 10_000_000,
    memory_bytes_max: 64 << 20,
    metadata_bytes_max: 100_000,
};

pub(crate) fn decoded(bytes: &[u8], shrink: u32, missing: Missing) -> Result<Decoded, DecodeError> {
    decode(&Request {
        bytes,
        shrink,
        limits: LIMITS,
        stop: &NeverStop,
        missing,
    })
}

/// Planes of 8 bits by the crate `png`.
pub(crate) fn planes(bytes: &[u8]) -> Vec<Plane> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    let channels = info.color_type.samples();
    if info.bit_depth == png::BitDepth::Sixteen {
        samples = samples
            .as_chunks::<2>()
            .0
            .iter()
            .map(|sample| {
                u8::try_from((u32::from(u16::from_be_bytes(*sample)) + 128) / 257).unwrap()
            })
            .collect();
    }
    let (width, height) = (info.width as usize, info.height as usize);
    (0..channels)
        .map(|channel| {
            let plane: Vec<u8> = samples
                .iter()
                .skip(channel)
                .step_by(channels)
                .copied()
                .collect();
            Plane::from_samples(width, height, &plane)
        })
        .collect()
}

/// Averages of boxes, pixel by pixel, colours weighted by alpha if there is one.
pub(crate) fn boxes(planes: &[Plane], side: usize) -> Vec<Plane> {
    let (width, height) = (planes[0].width(), planes[0].height());
    let alpha = planes
        .len()
        .is_multiple_of(2)
        .then(|| planes.last().unwrap());
    let average = |plane: &Plane, is_alpha: bool, (left, top): (usize, usize)| {
        let (mut sum, mut pixels) = (0_u64, 0_u64);
        for y in top..height.min(top + side) {
            for x in left..width.min(left + side) {
                let weight = match alpha {
                    Some(alpha) if !is_alpha => alpha.row(y)[x],
                    Some(_) | None => 255,
                };
                sum += u64::from(plane.row(y)[x]) * u64::from(weight);
                pixels += 255;
            }
        }
        u8::try_from((sum + pixels / 2) / pixels).unwrap()
    };
    let shrunk = |(channel, plane): (usize, &Plane)| {
        let is_alpha = alpha.is_some() && channel == planes.len() - 1;
        let mut shrunk = Plane::new(width.div_ceil(side), height.div_ceil(side));
        for y in 0..shrunk.height() {
            for x in 0..shrunk.width() {
                shrunk.row_mut(y)[x] = average(plane, is_alpha, (x * side, y * side));
            }
        }
        shrunk
    };
    planes.iter().enumerate().map(shrunk).collect()
}
