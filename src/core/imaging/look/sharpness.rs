//! How much detail an image has: tells a sharp one from a blurred one.

use crate::imaging::pixels::Pixels;

/// The variance of the Laplacian (four neighbours; at the edge its own pixels are repeated) of luma 0..=255: 0 where there
/// is one colour, at most 1,040,400, for a chessboard of black and white pixels. Sizes compare if the luma, which is grey,
/// has the same longer side.
pub(crate) fn sharpness(luma: &Pixels) -> u32 {
    let (width, height) = (luma.width_px as usize, luma.height_px as usize);
    let rows: Vec<&[u8]> = luma.bytes.chunks_exact(width).collect();
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for (y, row) in rows.iter().enumerate() {
        let above = rows[y.saturating_sub(1)];
        let below = rows[(y + 1).min(height - 1)];
        for x in 0..width {
            let (left, right) = (row[x.saturating_sub(1)], row[(x + 1).min(width - 1)]);
            let around = [left, right, above[x], below[x]].map(i64::from);
            let laplacian = around.iter().sum::<i64>() - 4 * i64::from(row[x]);
            sum += laplacian;
            squares += laplacian * laplacian;
        }
    }
    // Of 256² pixels: 2^16 × 2^36.
    let count = i64::from(luma.width_px) * i64::from(luma.height_px);
    let variance = (squares * count - sum * sum) / (count * count);
    u32::try_from(variance).expect("at most 1,020², and not below 0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::pixels::Channels;

    fn drawn((width_px, height_px): (u32, u32), draw: impl Fn(u32, u32) -> u8) -> Pixels {
        let all = (0..height_px).flat_map(|y| (0..width_px).map(move |x| (x, y)));
        Pixels {
            width_px,
            height_px,
            channels: Channels::Grey,
            bytes: all.map(|(x, y)| draw(x, y)).collect(),
        }
    }

    #[test]
    fn one_colour_has_no_detail_and_a_chessboard_the_most() {
        assert_eq!(sharpness(&drawn((256, 100), |_, _| 90)), 0);
        assert_eq!(sharpness(&drawn((1, 1), |_, _| 90)), 0);
        let chess = |x: u32, y: u32| if (x + y).is_multiple_of(2) { 255 } else { 0 };
        // The edge sees its own pixels too, and so a little less.
        let found = sharpness(&drawn((256, 256), chess));
        assert!((1_020_000..=1_040_400).contains(&found), "{found}");
    }

    #[test]
    fn a_row_of_pixels_has_detail_too() {
        let stripes = |at: u32| if at.is_multiple_of(2) { 200 } else { 0 };
        assert!(sharpness(&drawn((256, 1), |x, _| stripes(x))) > 100_000);
        assert!(sharpness(&drawn((1, 256), |_, y| stripes(y))) > 100_000);
    }
}
