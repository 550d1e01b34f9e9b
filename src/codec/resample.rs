//! Resampling of planes with Lanczos3, smaller and larger, on the values as they are (gamma-encoded).
//!
//! In gamma-encoded light because vips, sharp and Pillow do so, and thumbnails are compared with theirs.

use fearless_simd::{Level, dispatch};

use crate::plane::Plane;

use passes::PairedWeights;
use windows::Windows;

mod passes; // down the columns, then along the row
mod windows; // which samples, and how much of each
#[cfg(test)]
mod tests;

/// Where the samples of a resampled axis lie in the given one.
///
/// Sample `i` is centred at `start + (i + 0.5) * step`, in samples of the given axis, whose own sample `j` is centred at
/// `j + 0.5`. Both may be fractions: a crop, the chroma of a subsampled image, a decode at n/8. A negative step mirrors.
///
/// Centres outside the axis are taken to its nearer end; a start or step that is no finite number counts as 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub start: f64,
    pub step: f64,
    pub count: usize,
}

impl Span {
    /// All `length` samples turned into `count`.
    #[must_use]
    pub fn whole(length: usize, count: usize) -> Self {
        Self {
            start: 0.0,
            step: length as f64 / count.max(1) as f64,
            count,
        }
    }
}

/// Resamples one plane to `across.count` × `down.count`; all zero where there is nothing to sample.
#[must_use]
pub fn resample(plane: &Plane, across: Span, down: Span) -> Plane {
    Resampler::new(plane.width(), plane.height(), across, down).resample(plane)
}

/// The most memory in bytes that [`resample`] of a plane of `width` × `height` holds at a time, its result included.
#[must_use]
pub fn memory_needed(width: usize, height: usize, across: Span, down: Span) -> u64 {
    let row = (width + passes::ROW_PADDING) as u64 * size_of::<i16>() as u64;
    Plane::bytes_needed(across.count, down.count)
        .saturating_add(row)
        .saturating_add(Windows::bytes_needed(across, width))
        .saturating_add(Windows::bytes_needed(down, height))
        .saturating_add(PairedWeights::bytes_needed(across, width))
}

/// The weights of both axes, for any number of planes of one size.
#[derive(Debug)]
pub struct Resampler {
    width: usize,
    height: usize,
    down: Windows,
    across: PairedWeights,
    /// The first column, if the columns are taken as they are.
    columns_kept_from: Option<usize>,
    level: Level,
}

impl Resampler {
    /// For planes of `width` × `height`.
    #[must_use]
    pub fn new(width: usize, height: usize, across: Span, down: Span) -> Self {
        let windows = Windows::new(across, width);
        Self {
            width,
            height,
            down: Windows::new(down, height),
            columns_kept_from: windows.copied_from(),
            across: PairedWeights::new(&windows),
            level: Level::new(),
        }
    }

    /// # Panics
    ///
    /// If the plane is not of the size that the weights were made for.
    #[must_use]
    pub fn resample(&self, plane: &Plane) -> Plane {
        assert_eq!(
            (plane.width(), plane.height()),
            (self.width, self.height),
            "the size of a plane to resample"
        );
        let mut resampled = Plane::new(self.across.count(), self.down.count());
        if self.width == 0 || self.height == 0 || self.across.count() == 0 {
            return resampled;
        }
        match (self.columns_kept_from, self.down.copied_from()) {
            (Some(left), Some(top)) => copy(plane, (left, top), &mut resampled),
            (Some(_) | None, Some(_) | None) => {
                dispatch!(self.level, simd => passes::run(simd, plane, (&self.down, &self.across), &mut resampled));
            }
        }
        resampled
    }
}

fn copy(plane: &Plane, (left, top): (usize, usize), copied: &mut Plane) {
    let width = copied.width();
    for y in 0..copied.height() {
        copied
            .row_mut(y)
            .copy_from_slice(&plane.row(top + y)[left..][..width]);
    }
}
