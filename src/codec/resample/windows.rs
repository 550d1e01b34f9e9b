//! The samples of one axis that each resampled sample is made of, and their weights.

use std::f64::consts::PI;
use std::ops::Range;

use super::Span;

/// Bits after the point of a weight: the most that leaves an `i16` room for weights near 1.3, which windows cut off at
/// the end of an axis have.
pub(super) const WEIGHT_BITS: u32 = 14;

/// Samples to each side of the centre, at steps up to 1.
const LOBES: f64 = 3.0;

/// Weights of all windows of an axis.
///
/// Invariants: the weights of each window are of an even number, and their sum is 1 exactly, so that what is flat stays
/// flat; windows lie within the axis, but for the weight (zero) that makes their number even.
#[derive(Debug)]
pub(super) struct Windows {
    windows: Vec<Window>,
    weights: Vec<i16>,
}

#[derive(Debug)]
struct Window {
    first: usize,
    weights: Range<usize>,
}

impl Windows {
    pub(super) fn new(span: Span, length: usize) -> Self {
        let mut found = Self {
            windows: Vec::new(),
            weights: Vec::new(),
        };
        if length == 0 {
            found.windows.extend((0..span.count).map(|_| Window {
                first: 0,
                weights: 0..0,
            }));
            return found;
        }
        let window = Lanczos::new(span, length);
        found.windows.reserve_exact(span.count);
        found.weights.reserve_exact(
            span.count
                .saturating_mul(window.taps_max().next_multiple_of(2)),
        );
        let mut exact = vec![0.0; window.taps_max()];
        for i in 0..span.count {
            let taps = window.taps(i);
            let exact = &mut exact[..taps.len()];
            window.weigh(i, &taps, exact);
            found.push(taps.start, exact);
        }
        found
    }

    pub(super) fn bytes_needed(span: Span, length: usize) -> u64 {
        let taps = Lanczos::new(span, length.max(1)).taps_max();
        let window = size_of::<Window>() + taps.next_multiple_of(2) * size_of::<i16>();
        (span.count as u64)
            .saturating_mul(window as u64)
            .saturating_add((taps * size_of::<f64>()) as u64)
    }

    pub(super) fn count(&self) -> usize {
        self.windows.len()
    }

    /// The first sample of a window, and weights from there on.
    pub(super) fn get(&self, i: usize) -> (usize, &[i16]) {
        let window = &self.windows[i];
        (window.first, &self.weights[window.weights.clone()])
    }

    /// The most weights of a window.
    pub(super) fn longest(&self) -> usize {
        let lengths = self.windows.iter().map(|window| window.weights.len());
        lengths.max().unwrap_or(0)
    }

    /// The first sample, if each is its neighbour's neighbour and taken as it is.
    pub(super) fn copied_from(&self) -> Option<usize> {
        let first = self.windows.first()?.first;
        (0..self.count())
            .all(|i| self.get(i) == (first + i, &[1 << WEIGHT_BITS, 0]))
            .then_some(first)
    }

    /// Rounds the sums of weights up to each one, not the weights: their sum stays exact, and of windows so long that a
    /// weight is less than a unit there are left as many units as belong there.
    fn push(&mut self, first: usize, exact: &[f64]) {
        let scale = f64::from(1 << WEIGHT_BITS) / exact.iter().sum::<f64>();
        let (from, mut sum, mut rounded) = (self.weights.len(), 0.0, 0);
        for weight in exact {
            sum += weight * scale;
            let up_to_here = round(sum);
            #[expect(clippy::cast_possible_truncation, reason = "weights are within -2..2")]
            self.weights.push((up_to_here - rounded) as i16);
            rounded = up_to_here;
        }
        let kept = &self.weights[from..];
        let leading = kept.iter().take_while(|&&weight| weight == 0).count();
        let trailing = kept.iter().rev().take_while(|&&weight| weight == 0).count();
        self.weights.truncate(self.weights.len() - trailing);
        self.weights.drain(from..from + leading);
        if !(self.weights.len() - from).is_multiple_of(2) {
            self.weights.push(0);
        }
        self.windows.push(Window {
            first: first + leading,
            weights: from..self.weights.len(),
        });
    }
}

/// To the nearest whole number, of numbers not below -65536.
#[expect(clippy::cast_possible_truncation, reason = "sums of weights are small")]
fn round(sum: f64) -> i32 {
    const OFFSET: i32 = 1 << 16;
    (sum + f64::from(OFFSET) + 0.5) as i32 - OFFSET
}

/// The window of the kernel over an axis.
struct Lanczos {
    start: f64,
    step: f64,
    /// Samples to a unit of the kernel.
    scale: f64,
    length: usize,
}

impl Lanczos {
    fn new(span: Span, length: usize) -> Self {
        let step = if span.step.is_finite() {
            span.step
        } else {
            1.0
        };
        Self {
            start: if span.start.is_finite() {
                span.start
            } else {
                0.0
            },
            step,
            scale: step.abs().max(1.0),
            length,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number, and a cast saturates"
    )]
    fn taps_max(&self) -> usize {
        // An open interval of 2 × LOBES × scale; one more for rounding.
        ((2.0 * LOBES * self.scale) as usize)
            .saturating_add(2)
            .min(self.length)
    }

    fn centre(&self, i: usize) -> f64 {
        ((i as f64 + 0.5) * self.step + self.start).clamp(0.0, self.length as f64)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and the end of an axis is another bound"
    )]
    fn taps(&self, i: usize) -> Range<usize> {
        let (centre, reach) = (self.centre(i), LOBES * self.scale);
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = (centre + reach + 0.5).ceil() as usize;
        let first = first.min(self.length - 1);
        first
            ..end
                .min(self.length)
                .min(first + self.taps_max())
                .max(first + 1)
    }

    fn weigh(&self, i: usize, taps: &Range<usize>, weights: &mut [f64]) {
        let from = taps.start as f64 + 0.5 - self.centre(i);
        for (j, weight) in weights.iter_mut().enumerate() {
            *weight = lanczos3((from + j as f64) / self.scale);
        }
    }
}

/// `sinc(πx) sinc(πx/3)` within 3 of zero, else 0.
///
/// With t = πx/3 and sin 3t = 3 sin t - 4 sin³t it is sinc²t (1 - ⁴⁄₃ sin²t): one series, no case at zero. Terms up to
/// t²⁰ leave less than 1e-11 at t = π.
fn lanczos3(x: f64) -> f64 {
    /// (-1)ᵏ / (2k + 1)! from k = 0.
    const SERIES: [f64; 11] = {
        let mut terms = [1.0; 11];
        let mut k = 1;
        while k < terms.len() {
            terms[k] = -terms[k - 1] / (2 * k * (2 * k + 1)) as f64;
            k += 1;
        }
        terms
    };
    let t2 = (x * (PI / LOBES)).powi(2);
    let sinc = SERIES.iter().rev().fold(0.0, |sum, term| sum * t2 + term);
    let sinc2 = sinc * sinc;
    let value = sinc2 * (1.0 - 4.0 / 3.0 * t2 * sinc2);
    if x.abs() < LOBES { value } else { 0.0 }
}
