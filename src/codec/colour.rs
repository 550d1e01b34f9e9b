//! Between planes and interleaved pixels: Y'CbCr and RGB, alpha multiplied in and out, CMYK.
//!
//! Each value is the exact one, rounded: halves go up.
#![expect(
    clippy::inline_always,
    reason = "loops must end up in the caller that knows the CPU"
)]

use fearless_simd::{Level, dispatch};

use crate::plane::Plane;

#[cfg(test)]
mod tests;

/// How many samples of Cb and Cr there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// As many as of Y (4:4:4).
    Full,
    /// One for 2 × 2 of Y, rounded up (4:2:0): their mean, pixels at the edges doubled where one is missing.
    Half,
}

/// BT.601 over the full range, as in JFIF (ITU-T T.871, section 7), from 3 bytes a pixel.
///
/// # Panics
///
/// If there are not `width` × `height` pixels.
#[must_use]
pub fn ycbcr_from_rgb(rgb: &[u8], width: usize, height: usize, chroma: Chroma) -> [Plane; 3] {
    let [red, green, blue] = <[Plane; 3]>::try_from(split(rgb, 3, width, height))
        .expect("three channels were asked for");
    let mut luma = Plane::new(width, height);
    let [mut cb, mut cr] = match chroma {
        Chroma::Full => [Plane::new(width, height), Plane::new(width, height)],
        Chroma::Half => {
            let (width, height) = (width.div_ceil(2), height.div_ceil(2));
            [Plane::new(width, height), Plane::new(width, height)]
        }
    };
    let level = Level::new();
    for y in 0..height {
        let pixels = [red.row(y), green.row(y), blue.row(y)];
        dispatch!(level, _simd => luma_row(pixels, luma.row_mut(y)));
    }
    let mut sums = [const { Vec::new() }; 3].map(|mut sums: Vec<u16>| {
        sums.resize(cb.width(), 0);
        sums
    });
    for y in 0..cb.height() {
        for (sums, plane) in sums.iter_mut().zip([&red, &green, &blue]) {
            match chroma {
                Chroma::Full => dispatch!(level, _simd => quadruple(plane.row(y), sums)),
                Chroma::Half => {
                    let rows = [plane.row(2 * y), plane.row((2 * y + 1).min(height - 1))];
                    dispatch!(level, _simd => add_squares(rows, sums));
                }
            }
        }
        let sums = [&sums[0][..], &sums[1][..], &sums[2][..]];
        dispatch!(level, _simd => chroma_rows(sums, cb.row_mut(y), cr.row_mut(y)));
    }
    [luma, cb, cr]
}

/// The reverse of [`ycbcr_from_rgb`], clamped; chroma must have been brought to the size of luma.
///
/// # Panics
///
/// If the planes are of different sizes.
#[must_use]
pub fn rgb_from_ycbcr(planes: &[Plane; 3]) -> Vec<u8> {
    let (width, height) = size_of_all(planes);
    let mut rgb = vec![0; width * height * 3];
    let level = Level::new();
    for (y, pixels) in rgb.chunks_exact_mut((3 * width).max(1)).enumerate() {
        let rows = [planes[0].row(y), planes[1].row(y), planes[2].row(y)];
        dispatch!(level, _simd => rgb_row(rows, pixels));
    }
    rgb
}

/// One plane for each byte of a pixel.
///
/// # Panics
///
/// If there are not `width` × `height` pixels of `channels` bytes, or none in a pixel.
#[must_use]
pub fn split(interleaved: &[u8], channels: usize, width: usize, height: usize) -> Vec<Plane> {
    assert!(channels > 0, "pixels of no bytes");
    assert_eq!(
        interleaved.len(),
        width * height * channels,
        "bytes of an image"
    );
    let mut planes = vec![Plane::new(width, height); channels];
    let level = Level::new();
    for (y, pixels) in interleaved
        .chunks_exact((channels * width).max(1))
        .enumerate()
    {
        for (channel, plane) in planes.iter_mut().enumerate() {
            let row = plane.row_mut(y);
            dispatch!(level, _simd => take_channel(pixels, (channel, channels), row));
        }
    }
    planes
}

/// The reverse of [`split`].
///
/// # Panics
///
/// If the planes are of different sizes, or there is none.
#[must_use]
pub fn join(planes: &[Plane]) -> Vec<u8> {
    let (width, height) = size_of_all(planes);
    let channels = planes.len();
    let mut interleaved = vec![0; width * height * channels];
    let level = Level::new();
    let rows = interleaved.chunks_exact_mut((channels * width).max(1));
    for (y, pixels) in rows.enumerate() {
        dispatch!(level, _simd => join_row(planes, y, pixels));
    }
    interleaved
}

/// Multiplies a channel of colour by its alpha: `colour * alpha / 255`.
///
/// # Panics
///
/// If the planes are of different sizes.
pub fn premultiply(colour: &mut Plane, alpha: &Plane) {
    assert_eq!(size(colour), size(alpha), "colour and its alpha");
    let level = Level::new();
    for y in 0..alpha.height() {
        let (colour, alpha) = (colour.row_mut(y), alpha.row(y));
        dispatch!(level, _simd => for_each(colour, alpha, multiplied));
    }
}

/// The reverse of [`premultiply`]: `colour * 255 / alpha`, clamped; 0 where nothing is to be seen.
///
/// # Panics
///
/// If the planes are of different sizes.
pub fn unpremultiply(colour: &mut Plane, alpha: &Plane) {
    assert_eq!(size(colour), size(alpha), "colour and its alpha");
    let level = Level::new();
    for y in 0..alpha.height() {
        let (colour, alpha) = (colour.row_mut(y), alpha.row(y));
        dispatch!(level, _simd => for_each(colour, alpha, divided));
    }
}

/// CMYK without a profile, 255 being all ink: `red = (255 - cyan) * (255 - black) / 255`, and so on.
///
/// # Panics
///
/// If the planes are of different sizes.
#[must_use]
pub fn rgb_from_cmyk(inks: &[Plane; 4]) -> [Plane; 3] {
    size_of_all(inks);
    let [cyan, magenta, yellow, black] = inks;
    let level = Level::new();
    [cyan, magenta, yellow].map(|ink| {
        let mut light = ink.clone();
        for y in 0..light.height() {
            let (light, black) = (light.row_mut(y), black.row(y));
            dispatch!(level, _simd => for_each(light, black, |ink, black| multiplied(255 - ink, 255 - black)));
        }
        light
    })
}

fn size(plane: &Plane) -> (usize, usize) {
    (plane.width(), plane.height())
}

fn size_of_all(planes: &[Plane]) -> (usize, usize) {
    let first = planes.first().expect("at least one plane");
    assert!(
        planes.iter().all(|plane| size(plane) == size(first)),
        "planes of one size"
    );
    size(first)
}

#[inline(always)]
fn luma_row([red, green, blue]: [&[u8]; 3], luma: &mut [u8]) {
    let pixels = red.iter().zip(green).zip(blue);
    for (((&red, &green), &blue), luma) in pixels.zip(luma) {
        let thousandths = 299 * i32::from(red) + 587 * i32::from(green) + 114 * i32::from(blue);
        *luma = rounded_ratio(thousandths, 1000);
    }
}

/// From four times the red, green and blue.
#[inline(always)]
fn chroma_rows([red, green, blue]: [&[u16]; 3], cb: &mut [u8], cr: &mut [u8]) {
    let pixels = red.iter().zip(green).zip(blue);
    for (((&red, &green), &blue), (cb, cr)) in pixels.zip(cb.iter_mut().zip(cr)) {
        let (red, green, blue) = (i32::from(red), i32::from(green), i32::from(blue));
        // (B - Y) / 1.772 and (R - Y) / 1.402, in their thousandths, about the middle of the range.
        let blueness = 886 * blue - 299 * red - 587 * green;
        let redness = 701 * red - 587 * green - 114 * blue;
        *cb = rounded_ratio(blueness + 128 * 4 * 1772, 4 * 1772);
        *cr = rounded_ratio(redness + 128 * 4 * 1402, 4 * 1402);
    }
}

/// Rounded `numerator / denominator`, for those from 0 to 256 with a denominator up to 7088.
///
/// The quotient before it is cut off lies half a unit of the numerator off any whole number, 1/14176 of a sample, while
/// `f32` is wrong by 1/32768 at most: the cut is exact.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast saturates"
)]
fn rounded_ratio(numerator: i32, denominator: i32) -> u8 {
    ((((numerator + denominator / 2) as f32) + 0.5) * (1.0 / denominator as f32)) as u8
}

#[inline(always)]
fn quadruple(samples: &[u8], sums: &mut [u16]) {
    for (&sample, sum) in samples.iter().zip(sums) {
        *sum = 4 * u16::from(sample);
    }
}

#[inline(always)]
fn add_squares([upper, lower]: [&[u8]; 2], sums: &mut [u16]) {
    let (upper, right_upper) = upper.as_chunks::<2>();
    let (lower, right_lower) = lower.as_chunks::<2>();
    for ((upper, lower), sum) in upper.iter().zip(lower).zip(sums.iter_mut()) {
        *sum =
            u16::from(upper[0]) + u16::from(upper[1]) + u16::from(lower[0]) + u16::from(lower[1]);
    }
    if let ([upper], [lower], Some(sum)) = (right_upper, right_lower, sums.last_mut()) {
        *sum = 2 * (u16::from(*upper) + u16::from(*lower));
    }
}

/// In units of 2⁻²⁰; what the coefficients lack is worth less than 0.0002 of a sample.
#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "clamped just before")]
fn rgb_row([luma, cb, cr]: [&[u8]; 3], rgb: &mut [u8]) {
    /// A half, and what makes up for coefficients rounded down where the exact value ends in one.
    const HALF: i32 = (1 << 19) + 160;
    const RED_OF_CR: i32 = unit(1.402);
    const BLUE_OF_CB: i32 = unit(1.772);
    const GREEN_OF_CB: i32 = unit(0.114 * 1.772 / 0.587);
    const GREEN_OF_CR: i32 = unit(0.299 * 1.402 / 0.587);
    let sample = |value: i32| (value >> 20).clamp(0, 255) as u8;
    let pixels = luma.iter().zip(cb).zip(cr);
    for (((&luma, &cb), &cr), rgb) in pixels.zip(rgb.as_chunks_mut::<3>().0) {
        let luma = (i32::from(luma) << 20) + HALF;
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        *rgb = [
            sample(luma + RED_OF_CR * cr),
            sample(luma - GREEN_OF_CB * cb - GREEN_OF_CR * cr),
            sample(luma + BLUE_OF_CB * cb),
        ];
    }
}

#[expect(clippy::cast_possible_truncation, reason = "numbers below 2")]
const fn unit(value: f64) -> i32 {
    (value * (1 << 20) as f64 + 0.5) as i32
}

#[inline(always)]
fn take_channel(pixels: &[u8], (channel, channels): (usize, usize), row: &mut [u8]) {
    match channels {
        1 => row.copy_from_slice(pixels),
        // The usual ones by a constant, which makes vectors of them.
        2 => take_of::<2>(pixels, channel, row),
        3 => take_of::<3>(pixels, channel, row),
        4 => take_of::<4>(pixels, channel, row),
        _ => {
            for (sample, pixel) in row.iter_mut().zip(pixels.chunks_exact(channels)) {
                *sample = pixel[channel];
            }
        }
    }
}

#[inline(always)]
fn take_of<const CHANNELS: usize>(pixels: &[u8], channel: usize, row: &mut [u8]) {
    for (sample, pixel) in row.iter_mut().zip(pixels.as_chunks::<CHANNELS>().0) {
        *sample = pixel[channel];
    }
}

#[inline(always)]
fn join_row(planes: &[Plane], y: usize, pixels: &mut [u8]) {
    match planes.len() {
        2 => join_of::<2>(planes, y, pixels),
        3 => join_of::<3>(planes, y, pixels),
        4 => join_of::<4>(planes, y, pixels),
        _ => {
            for (channel, plane) in planes.iter().enumerate() {
                let bytes = pixels.iter_mut().skip(channel).step_by(planes.len());
                for (sample, byte) in plane.row(y).iter().zip(bytes) {
                    *byte = *sample;
                }
            }
        }
    }
}

#[inline(always)]
fn join_of<const CHANNELS: usize>(planes: &[Plane], y: usize, pixels: &mut [u8]) {
    let pixels = pixels.as_chunks_mut::<CHANNELS>().0;
    let rows: [&[u8]; CHANNELS] =
        std::array::from_fn(|channel| &planes[channel].row(y)[..pixels.len()]);
    for (x, pixel) in pixels.iter_mut().enumerate() {
        *pixel = std::array::from_fn(|channel| rows[channel][x]);
    }
}

#[inline(always)]
fn for_each(colour: &mut [u8], alpha: &[u8], made: impl Fn(u8, u8) -> u8) {
    for (colour, &alpha) in colour.iter_mut().zip(alpha) {
        *colour = made(*colour, alpha);
    }
}

/// Exactly rounded: a product p of two bytes has `p / 255` = `p / 256 + p / 256² + …`.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "at most 255")]
fn multiplied(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast saturates"
)]
fn divided(colour: u8, alpha: u8) -> u8 {
    // Quotients up to 255 are at least 1/255 off the next whole number, or are one: `f32` tells them apart.
    let numerator = u32::from(colour) * 255 + u32::from(alpha) / 2;
    let quotient = numerator as f32 / f32::from(alpha.max(1));
    if alpha == 0 { 0 } else { quotient as u8 }
}
