//! Where decoded blocks go.

use crate::plane::Plane;

use super::idct::Samples;

/// A plane that blocks are put into.
#[derive(Debug)]
pub(super) struct Output<'p> {
    samples: &'p mut [u8],
    stride: usize,
    height: usize,
}

impl<'p> Output<'p> {
    /// Blocks may stick out of the plane: by less than 40 samples at the right, which its padding takes, and by any
    /// number of rows at the bottom, which are dropped.
    pub(super) fn new(plane: &'p mut Plane) -> Self {
        Self {
            stride: plane.stride(),
            height: plane.height(),
            samples: plane.padded_samples_mut(),
        }
    }

    /// Puts a block of N×N samples at a place counted in blocks.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, (x, y): (usize, usize), block: &Samples) {
        let (left, top) = (x * N, y * N);
        if top + N <= self.height {
            let rows = &mut self.samples[top * self.stride..(top + N) * self.stride];
            for (into, from) in rows.chunks_exact_mut(self.stride).zip(block) {
                into[left..left + N].copy_from_slice(&from[..N]);
            }
        } else {
            for (row, from) in (top..self.height).zip(block) {
                let into = &mut self.samples[row * self.stride + left..][..N];
                into.copy_from_slice(&from[..N]);
            }
        }
    }
}
