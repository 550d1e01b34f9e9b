//! Smaller pictures of small pictures: each pixel is the mean of the area that it stands for.

use crate::imaging::pixels::Pixels;

/// Colours are weighted by their alpha. In whole numbers throughout, so that every machine has the same means. Of a side
/// that is shorter than asked for, pixels are repeated. `size` is 1 × 1 or more.
pub(crate) fn mean(pixels: &Pixels, (width_px, height_px): (u32, u32)) -> Pixels {
    let columns = spans(pixels.width_px, width_px);
    let rows = spans(pixels.height_px, height_px);
    let count = pixels.channels.count();
    let mut bytes = Vec::with_capacity(columns.len() * rows.len() * count);
    for row in &rows {
        for column in &columns {
            let mean = area_mean(pixels, column, row);
            bytes.extend_from_slice(&mean[..count]);
        }
    }
    Pixels {
        width_px,
        height_px,
        channels: pixels.channels,
        bytes,
    }
}

/// Which pixels of one side lie below one pixel of the other, and how much of each.
struct Span {
    first: usize,
    weights: Vec<u64>,
}

/// Measured in units of which a pixel of `from` has `to` and a pixel of `to` has `from`: all borders are whole.
fn spans(from: u32, to: u32) -> Vec<Span> {
    let (from, to) = (u64::from(from), u64::from(to));
    let span = |at: u64| {
        let (start, end) = (at * from, (at + 1) * from);
        let first = start / to;
        let weight = |pixel: u64| end.min((pixel + 1) * to) - start.max(pixel * to);
        Span {
            first: usize::try_from(first).expect("a pixel of an image in memory"),
            weights: (first..end.div_ceil(to)).map(weight).collect(),
        }
    };
    (0..to).map(span).collect()
}

/// As many values as there are channels, then zeros.
fn area_mean(pixels: &Pixels, column: &Span, row: &Span) -> [u8; 4] {
    let count = pixels.channels.count();
    let colours = count - usize::from(pixels.channels.has_alpha());
    let (mut area, mut opacity, mut sums) = (0, 0, [0; 4]);
    for (y, down) in (row.first..).zip(&row.weights) {
        let start = (y * pixels.width_px as usize + column.first) * count;
        let line = pixels.bytes[start..].chunks_exact(count);
        for (pixel, across) in line.zip(&column.weights) {
            let weight = down * across;
            let opaque = match pixel.get(colours) {
                Some(&alpha) => weight * u64::from(alpha),
                None => weight * 255,
            };
            area += weight;
            opacity += opaque;
            for (sum, &value) in sums.iter_mut().zip(&pixel[..colours]) {
                *sum += opaque * u64::from(value);
            }
        }
    }
    let mut mean = sums.map(|sum| rounded(sum, opacity));
    if colours < count {
        mean[colours] = rounded(opacity, area);
    }
    mean
}

fn rounded(sum: u64, count: u64) -> u8 {
    let mean = (sum + count / 2).checked_div(count).unwrap_or(0);
    u8::try_from(mean).expect("a mean of bytes is a byte")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::pixels::Channels;

    fn grey((width_px, height_px): (u32, u32), bytes: &[u8]) -> Pixels {
        Pixels {
            width_px,
            height_px,
            channels: Channels::Grey,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_pixel_is_the_mean_of_its_area_even_of_parts_of_pixels() {
        let image = grey((4, 2), &[0, 20, 100, 200, 40, 60, 100, 240]);
        assert_eq!(mean(&image, (2, 1)).bytes, [30, 160]);
        // Two thirds of the first and one of the second; of the third two, and one of the second.
        assert_eq!(mean(&grey((3, 1), &[0, 90, 240]), (2, 1)).bytes, [30, 190]);
        assert_eq!(mean(&image, (4, 2)).bytes, image.bytes);
    }

    #[test]
    fn a_side_that_is_too_short_is_repeated() {
        assert_eq!(
            mean(&grey((2, 1), &[7, 9]), (4, 2)).bytes,
            [7, 7, 9, 9, 7, 7, 9, 9]
        );
    }

    #[test]
    fn what_is_transparent_gives_no_colour() {
        let image = Pixels {
            width_px: 2,
            height_px: 1,
            channels: Channels::Rgba,
            bytes: vec![200, 100, 50, 255, 0, 0, 0, 0],
        };
        assert_eq!(mean(&image, (1, 1)).bytes, [200, 100, 50, 128]);
        let nothing = Pixels {
            bytes: vec![9, 9, 9, 0],
            width_px: 1,
            ..image
        };
        assert_eq!(mean(&nothing, (1, 1)).bytes, [0; 4]);
    }
}
