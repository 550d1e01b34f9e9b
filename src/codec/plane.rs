//! One channel of an image, as the decoders leave it, the resampler turns it and the encoders take it.

use std::fmt;

/// Samples of 8 bits, rows from the top, each row followed by padding.
///
/// Invariants: `stride >= width + PADDING`, a multiple of 32; as many rows as `height`; what the padding holds is
/// undefined, so that a kernel may read and write beyond the end of a row without asking.
#[derive(Clone)]
pub struct Plane {
    width: usize,
    height: usize,
    stride: usize,
    samples: Vec<u8>,
}

impl Plane {
    /// Samples after the end of each row, of no meaning: two of the widest vectors.
    pub const PADDING: usize = 64;

    /// All zero.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let stride = (width + Self::PADDING).next_multiple_of(32);
        Self {
            width,
            height,
            stride,
            samples: vec![0; stride * height],
        }
    }

    /// From samples without padding.
    ///
    /// # Panics
    ///
    /// If there are not `width` × `height` of them.
    #[must_use]
    pub fn from_samples(width: usize, height: usize, samples: &[u8]) -> Self {
        assert_eq!(samples.len(), width * height, "samples of a plane");
        let mut plane = Self::new(width, height);
        for y in 0..height {
            plane
                .row_mut(y)
                .copy_from_slice(&samples[y * width..][..width]);
        }
        plane
    }

    /// The bytes that a plane of this size takes.
    #[must_use]
    pub fn bytes_needed(width: usize, height: usize) -> u64 {
        ((width + Self::PADDING).next_multiple_of(32) as u64) * height as u64
    }

    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Samples from the start of one row to the start of the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..][..self.width]
    }

    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.samples[y * self.stride..][..self.width]
    }

    /// A row with its padding.
    #[must_use]
    pub fn padded_row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..][..self.stride]
    }

    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        (0..self.height).map(|y| self.row(y))
    }

    /// All rows with their padding.
    #[must_use]
    pub fn padded_samples(&self) -> &[u8] {
        &self.samples
    }

    pub fn padded_samples_mut(&mut self) -> &mut [u8] {
        &mut self.samples
    }
}

/// The samples that mean something.
impl PartialEq for Plane {
    fn eq(&self, other: &Self) -> bool {
        self.width == other.width && self.height == other.height && self.rows().eq(other.rows())
    }
}

impl Eq for Plane {}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plane({}x{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_no_part_of_an_image() {
        let mut plane = Plane::from_samples(3, 2, &[1, 2, 3, 4, 5, 6]);
        let same = plane.clone();
        let stride = plane.stride();
        plane.padded_samples_mut()[stride - 1] = 9;
        assert_eq!(plane, same);
        assert_eq!(plane.row(1), [4, 5, 6]);
        assert_eq!(
            Plane::bytes_needed(3, 2),
            plane.padded_samples().len() as u64
        );
    }
}
