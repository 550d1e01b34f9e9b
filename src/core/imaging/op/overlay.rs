//! Lays an overlay, such as a watermark, onto an image.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatch is compiled for its instructions"
)]

use fearless_simd::{Level, dispatch};

use crate::imaging::picture::resized;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::place::whole_px;
use crate::model::geometry::Point;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Once,
    /// Over the whole image, this far apart.
    Tiled {
        gap_px: u32,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Overlay<'a> {
    /// Of any kind; without alpha it is opaque.
    pub(crate) image: &'a Pixels,
    /// Where it lies, or where the first of the tiles does: how much of the room that it leaves is before it.
    pub(crate) position: Point,
    /// Between the overlay and the edges of the image that it lies at.
    pub(crate) margin_px: u32,
    /// Of the width of the image, above 0.0 and up to 1.0; an overlay that would be higher than the image is as high.
    pub(crate) width_share: f64,
    /// 0.0..=1.0, multiplied into the alpha of the overlay.
    pub(crate) opacity: f64,
    pub(crate) repeat: Repeat,
}

/// A grey image becomes coloured if the overlay has colour where it is seen; what is transparent stays so where nothing
/// lies on it.
///
/// Memory: the resize of the overlay, which becomes no larger than the image; then that, and a row of it; a coloured copy of
/// a grey image.
pub(crate) fn lay(base: Pixels, overlay: &Overlay<'_>) -> Pixels {
    let size = size(&base, overlay);
    if size.0 == 0 || size.1 == 0 || overlay.opacity.is_nan() || overlay.opacity <= 0.0 {
        return base;
    }
    let sized = resized(overlay.image, size);
    let mut base = if has_colour(&sized) {
        base.into_coloured()
    } else {
        base
    };
    let fade =
        std::array::from_fn(|alpha| faded(u8::try_from(alpha).unwrap_or(u8::MAX), overlay.opacity));
    let spots = spots((base.width_px, base.height_px), size, overlay);
    dispatch!(Level::new(), _simd => {
        match base.channels {
            Channels::Grey => press_all::<1>(&mut base, (&sized, &fade), &spots),
            Channels::GreyAlpha => press_all::<2>(&mut base, (&sized, &fade), &spots),
            Channels::Rgb => press_all::<3>(&mut base, (&sized, &fade), &spots),
            Channels::Rgba => press_all::<4>(&mut base, (&sized, &fade), &spots),
        }
    });
    base
}

fn size(base: &Pixels, overlay: &Overlay<'_>) -> (u32, u32) {
    let (width, height) = (
        f64::from(overlay.image.width_px),
        f64::from(overlay.image.height_px),
    );
    if width == 0.0 || height == 0.0 || base.bytes.is_empty() {
        return (0, 0);
    }
    let wanted = f64::from(base.width_px) * overlay.width_share.clamp(0.0, 1.0) / width;
    let scale = wanted.min(f64::from(base.height_px) / height);
    let side = |side: f64, most: u32| whole_px(side * scale).clamp(1, most);
    (side(width, base.width_px), side(height, base.height_px))
}

fn has_colour(pixels: &Pixels) -> bool {
    match pixels.channels {
        Channels::Grey | Channels::GreyAlpha => false,
        Channels::Rgb => {
            let mut colours = pixels.bytes.as_chunks::<3>().0.iter();
            colours.any(|&[red, green, blue]| red != green || green != blue)
        }
        Channels::Rgba => {
            let mut colours = pixels.bytes.as_chunks::<4>().0.iter();
            colours.any(|&[red, green, blue, alpha]| alpha > 0 && (red != green || green != blue))
        }
    }
}

/// Lefts and tops of all copies; some stand out over the edges.
fn spots(base: (u32, u32), size: (u32, u32), overlay: &Overlay<'_>) -> (Vec<i64>, Vec<i64>) {
    let along = |side: u32, size: u32, share: f64| {
        let (side, size) = (i64::from(side), i64::from(size));
        // A margin that leaves no room is lessened until there is.
        let margin = i64::from(overlay.margin_px).min((side - size) / 2);
        let first = margin + share_of(side - size - 2 * margin, share);
        match overlay.repeat {
            Repeat::Once => vec![first],
            Repeat::Tiled { gap_px } => {
                let step = size + i64::from(gap_px);
                let mut spots = Vec::new();
                let mut at = first.rem_euclid(step) - step;
                while at < side {
                    spots.push(at);
                    at += step;
                }
                spots
            }
        }
    };
    (
        along(base.0, size.0, overlay.position.x()),
        along(base.1, size.1, overlay.position.y()),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "no more than the room, which came from u32"
)]
fn share_of(room: i64, share: f64) -> i64 {
    (room as f64 * share).floor() as i64
}

/// Copies do not lie on each other, so that each row of the overlay is prepared once, and pressed wherever it goes.
#[inline(always)]
fn press_all<const N: usize>(
    base: &mut Pixels,
    (overlay, fade): (&Pixels, &[u8; 256]),
    (lefts, tops): &(Vec<i64>, Vec<i64>),
) {
    let width = overlay.width_px as usize;
    let mut stamp = Stamp {
        add: vec![0; width * N],
        keep: vec![0; width * N],
    };
    let row_len = width * overlay.channels.count();
    for (y, row) in (0..).zip(overlay.bytes.chunks_exact(row_len)) {
        match overlay.channels {
            Channels::Grey => stamp.load::<1, N>(row, fade),
            Channels::GreyAlpha => stamp.load::<2, N>(row, fade),
            Channels::Rgb => stamp.load::<3, N>(row, fade),
            Channels::Rgba => stamp.load::<4, N>(row, fade),
        }
        for top in tops {
            for &left in lefts {
                stamp.press::<N>(base, left, top + y);
            }
        }
    }
}

/// A row of an overlay in the kind of the image that it is laid onto.
struct Stamp {
    /// Per sample, colour times alpha, 0..=65025.
    add: Vec<u16>,
    /// Per sample, 255 less alpha.
    keep: Vec<u8>,
}

impl Stamp {
    /// From pixels of `C` samples to such of `N`.
    #[inline(always)]
    fn load<const C: usize, const N: usize>(&mut self, row: &[u8], fade: &[u8; 256]) {
        let add = self.add.as_chunks_mut::<N>().0.iter_mut();
        let laid = add.zip(self.keep.as_chunks_mut::<N>().0);
        for (pixel, (add, keep)) in row.as_chunks::<C>().0.iter().zip(laid) {
            let alpha = if C.is_multiple_of(2) {
                fade[usize::from(pixel[C - 1])]
            } else {
                fade[255]
            };
            for (channel, add) in add.iter_mut().enumerate() {
                let value = if N.is_multiple_of(2) && channel == N - 1 {
                    255
                } else if C < 3 {
                    pixel[0]
                } else {
                    pixel[channel]
                };
                *add = u16::from(value) * u16::from(alpha);
            }
            *keep = [255 - alpha; N];
        }
    }

    #[inline(always)]
    fn press<const N: usize>(&self, base: &mut Pixels, left: i64, top: i64) {
        let (from, to, len) = overlap(left, self.add.len() / N, base.width_px);
        let Some(top) = usize::try_from(top)
            .ok()
            .filter(|&top| top < base.height_px as usize)
        else {
            return;
        };
        let add = &self.add[from * N..(from + len) * N];
        let keep = &self.keep[from * N..(from + len) * N];
        let at = (top * base.width_px as usize + to) * N;
        let row = &mut base.bytes[at..at + len * N];
        if N.is_multiple_of(2) {
            over_alpha::<N>(row, add, keep);
        } else {
            over_opaque(row, add, keep);
        }
    }
}

/// Where a line of `len` that starts at `at` begins in itself and in a side of `side_px`, and how much of it is inside.
fn overlap(at: i64, len: usize, side_px: u32) -> (usize, usize, usize) {
    let distance = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    let (from, to) = if at < 0 {
        (distance.min(len), 0)
    } else {
        (0, distance)
    };
    (
        from,
        to,
        (len - from).min((side_px as usize).saturating_sub(to)),
    )
}

#[inline(always)]
fn over_opaque(row: &mut [u8], add: &[u16], keep: &[u8]) {
    for ((value, &add), &keep) in row.iter_mut().zip(add).zip(keep) {
        *value = by_255(u16::from(*value) * u16::from(keep) + add);
    }
}

/// Porter and Duff's "over" with straight alpha on both sides.
#[inline(always)]
fn over_alpha<const N: usize>(row: &mut [u8], add: &[u16], keep: &[u8]) {
    let laid = add.as_chunks::<N>().0.iter().zip(keep.as_chunks::<N>().0);
    for (pixel, (add, keep)) in row.as_chunks_mut::<N>().0.iter_mut().zip(laid) {
        if pixel[N - 1] == 255 {
            for channel in 0..N - 1 {
                let sum = u16::from(pixel[channel]) * u16::from(keep[0]) + add[channel];
                pixel[channel] = by_255(sum);
            }
        } else if keep[0] < 255 {
            // In 1/65,025: what the image still shows, and the whole.
            let shown = u32::from(pixel[N - 1]) * u32::from(keep[0]);
            let alpha = shown + u32::from(add[N - 1]);
            for channel in 0..N - 1 {
                let sum = u32::from(pixel[channel]) * shown + u32::from(add[channel]) * 255;
                pixel[channel] = u8::try_from((sum + alpha / 2) / alpha).unwrap_or(255);
            }
            pixel[N - 1] = u8::try_from((alpha + 127) / 255).unwrap_or(255);
        }
    }
}

/// Rounded to nearest; exact for all products of two bytes.
#[inline(always)]
fn by_255(value: u16) -> u8 {
    let value = value + 128;
    ((value + (value >> 8)) >> 8) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 255; the cast saturates"
)]
fn faded(alpha: u8, opacity: f64) -> u8 {
    (f64::from(alpha) * opacity.min(1.0)).round() as u8
}

#[cfg(test)]
mod tests;
