//! The coefficients of a progressive image between its scans: values of the low n×n, of the others whether they are zero.

use fearless_simd::{Level, Simd, dispatch};

use crate::plane::Plane;
use crate::stop::Stop;

use super::error::DecodeError;
use super::frame::{Channel, Frame, Scale};
use super::idct::{Coefficients, Idct, Quantisation};
use super::output::Output;
use super::zigzag::{PLACES, low_mask};

/// Slots of coefficients that are not kept.
pub(super) const NOT_KEPT: u8 = 255;

pub(super) struct Stored {
    pub(super) channels: Vec<StoredChannel>,
    /// Which of a block's kept values the k-th coefficient as stored is.
    pub(super) slots: [u8; 64],
    /// The kept ones as a mask.
    pub(super) low: u64,
}

pub(super) struct StoredChannel {
    /// Blocks in a row.
    pub(super) across: usize,
    /// Values kept of a block: n², in rows.
    pub(super) kept: usize,
    pub(super) values: Vec<i16>,
    /// For each block which coefficients are not zero, the k-th as stored being the k-th lowest bit; empty if no scan
    /// goes by it.
    pub(super) history: Vec<u64>,
}

impl Stored {
    /// An upper bound of what `new` takes.
    pub(super) fn bytes_needed(frame: &Frame, scale: Scale) -> u64 {
        let n = u64::from(scale.eighths());
        let history = if n == 1 { 0 } else { size_of::<u64>() as u64 };
        let of_channel = |channel: &Channel| {
            let blocks = channel.stored_x as u64 * channel.stored_y as u64;
            blocks * (n * n * size_of::<i16>() as u64 + history)
        };
        frame.channels.iter().map(of_channel).sum()
    }

    pub(super) fn new(frame: &Frame, scale: Scale, needs_history: bool) -> Self {
        let n = usize::from(scale.eighths());
        let of_channel = |channel: &Channel| {
            let blocks = channel.stored_x * channel.stored_y;
            StoredChannel {
                across: channel.stored_x,
                kept: n * n,
                values: vec![0; blocks * n * n],
                history: vec![0; if needs_history { blocks } else { 0 }],
            }
        };
        let mut slots = [NOT_KEPT; 64];
        for (slot, &place) in slots.iter_mut().zip(&PLACES) {
            let (v, u) = (usize::from(place / 8), usize::from(place % 8));
            if v < n && u < n {
                *slot = (v * n + u) as u8;
            }
        }
        Self {
            channels: frame.channels.iter().map(of_channel).collect(),
            slots,
            low: low_mask(n),
        }
    }
}

/// What one component's values become samples with.
pub(super) struct Rendering<'a> {
    pub(super) quantisation: Quantisation,
    /// Low bits that the AC values lack.
    pub(super) bits_left_out: u8,
    pub(super) stop: &'a dyn Stop,
}

impl StoredChannel {
    /// Makes the plane of a component.
    pub(super) fn render(
        &self,
        scale: Scale,
        rendering: &Rendering<'_>,
        plane: &mut Plane,
    ) -> Result<(), DecodeError> {
        match scale.eighths() {
            1 => self.render_at::<1>(rendering, plane),
            2 => self.render_at::<2>(rendering, plane),
            3 => self.render_at::<3>(rendering, plane),
            4 => self.render_at::<4>(rendering, plane),
            5 => self.render_at::<5>(rendering, plane),
            6 => self.render_at::<6>(rendering, plane),
            7 => self.render_at::<7>(rendering, plane),
            _ => self.render_at::<8>(rendering, plane),
        }
    }

    fn render_at<const N: usize>(
        &self,
        rendering: &Rendering<'_>,
        plane: &mut Plane,
    ) -> Result<(), DecodeError> {
        let level = Level::new();
        let idct = Idct::<N>::new();
        let rows = plane.height().div_ceil(N);
        let mut output = Output::new(plane);
        let values = self.values.chunks_exact(self.across * self.kept);
        for (y, row) in values.enumerate().take(rows) {
            if rendering.stop.should_stop() {
                return Err(DecodeError::Stopped);
            }
            dispatch!(level, simd => render_row(simd, &idct, (y, row), rendering, &mut output));
        }
        Ok(())
    }
}

#[inline(always)]
fn render_row<S: Simd, const N: usize>(
    simd: S,
    idct: &Idct<N>,
    (y, row): (usize, &[i16]),
    rendering: &Rendering<'_>,
    output: &mut Output<'_>,
) {
    for (x, kept) in row.chunks_exact(N * N).enumerate() {
        let mut block: Coefficients = [0; 128];
        for v in 0..N {
            block[8 * v..8 * v + N].copy_from_slice(&kept[N * v..N * v + N]);
        }
        if rendering.bits_left_out >= 2 {
            for value in &mut block[1..64] {
                *value = value.saturating_add(value.signum());
            }
        }
        output.put::<N>((x, y), &idct.samples(simd, &block, &rendering.quantisation));
    }
}
