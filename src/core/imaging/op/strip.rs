//! A strip of an image as lanes of samples along a line: filters written once run along rows and along columns, and
//! every loop over the lanes vectorises.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatch is compiled for its instructions"
)]

/// Samples side by side: 32 floats are four AVX2 registers, and a line of 2,000 of them stays in the second cache.
pub(super) const LANES: usize = 32;

pub(super) type Lanes = [f32; LANES];

/// Three running boxes with fractional edges ("extended boxes": Gwosdek, Grewenig, Bruhn, Weickert 2011), which have
/// exactly the variance that is asked for; the cost does not depend on it.
pub(super) struct Boxes {
    /// Whole samples on each side of the middle one.
    radius: usize,
    /// Weight of the two samples beyond, 0..1.
    edge: f32,
    /// One over the sum of the weights.
    scale: f32,
}

impl Boxes {
    const COUNT: f64 = 3.0;

    /// `sigma` at least 1 sample.
    pub(super) fn new(sigma: f64) -> Self {
        let variance = sigma * sigma / Self::COUNT;
        // A box of radius r has the variance r(r + 1) / 3; the largest that is not above the sought one.
        let radius = ((12.0 * variance + 1.0).sqrt() / 2.0 - 0.5).floor();
        let whole = 2.0 * radius + 1.0;
        let beyond = (radius + 1.0) * (radius + 1.0);
        // Solved for the weight at which the variance of box and edges together is the sought one.
        let edge = whole * (radius * (radius + 1.0) - 3.0 * variance) / (6.0 * (variance - beyond));
        Self {
            radius: index(radius),
            edge: narrow(edge),
            scale: narrow(1.0 / (whole + 2.0 * edge)),
        }
    }

    /// The result ends in `line`; `spare` is of the same length.
    #[inline(always)]
    pub(super) fn run(&self, line: &mut [Lanes], spare: &mut [Lanes]) {
        self.once(line, spare);
        self.once(spare, line);
        self.once(line, spare);
        line.copy_from_slice(spare);
    }

    #[inline(always)]
    fn once(&self, from: &[Lanes], to: &mut [Lanes]) {
        let last = from.len() - 1;
        let mut sum = [0.0; LANES];
        for at in 0..=2 * self.radius {
            let behind = &from[at.saturating_sub(self.radius).min(last)];
            for (sum, value) in sum.iter_mut().zip(behind) {
                *sum += value;
            }
        }
        for (at, out) in to.iter_mut().enumerate() {
            let leaving = &from[at.saturating_sub(self.radius)];
            let before = &from[at.saturating_sub(self.radius + 1)];
            let entering = &from[(at + self.radius + 1).min(last)];
            for lane in 0..LANES {
                let edges = before[lane] + entering[lane];
                out[lane] = (sum[lane] + self.edge * edges) * self.scale;
                sum[lane] += entering[lane] - leaving[lane];
            }
        }
    }
}

/// A symmetric kernel, its middle first.
pub(super) struct Kernel {
    half: Vec<f32>,
}

impl Kernel {
    /// Sampled Gaussian to 3.3 sigma, beyond which lies a thousandth of it; its weights add up to one.
    pub(super) fn gaussian(sigma: f64) -> Self {
        let radius = index((3.3 * sigma).ceil());
        let mut half: Vec<f64> = (0..=radius)
            .map(|at| (-((at * at) as f64) / (2.0 * sigma * sigma)).exp())
            .collect();
        let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
        for weight in &mut half {
            *weight /= sum;
        }
        Self {
            half: half.into_iter().map(narrow).collect(),
        }
    }

    /// The result ends in `line`; `spare` is of the same length.
    #[inline(always)]
    pub(super) fn run(&self, line: &mut [Lanes], spare: &mut [Lanes]) {
        let last = line.len() - 1;
        for (at, out) in spare.iter_mut().enumerate() {
            let middle = &line[at];
            let mut sum: Lanes = [0.0; LANES];
            for lane in 0..LANES {
                sum[lane] = middle[lane] * self.half[0];
            }
            for (away, weight) in self.half.iter().enumerate().skip(1) {
                let before = &line[at.saturating_sub(away)];
                let behind = &line[(at + away).min(last)];
                for lane in 0..LANES {
                    sum[lane] += (before[lane] + behind[lane]) * weight;
                }
            }
            *out = sum;
        }
        line.copy_from_slice(spare);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and not negative; the cast saturates"
)]
fn index(value: f64) -> usize {
    value as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "weights need no more than 24 bits"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean square distance from the middle, weighted by the response to one sample of 1.
    fn variance(sigma: f64, run: impl Fn(&mut [Lanes], &mut [Lanes])) -> f64 {
        let middle = index(sigma * 6.0) + 8;
        let len = 2 * middle + 1;
        let mut line = vec![[0.0; LANES]; len];
        line[middle] = [1.0; LANES];
        run(&mut line, &mut vec![[0.0; LANES]; len]);
        let away = |at: usize| at as f64 - middle as f64;
        line.iter()
            .enumerate()
            .map(|(at, lanes)| f64::from(lanes[7]) * away(at) * away(at))
            .sum()
    }

    #[test]
    fn the_boxes_have_the_variance_that_is_asked_for() {
        for sigma in [1.0, 2.5, 3.1, 10.0, 77.7, 250.0] {
            let boxes = Boxes::new(sigma);
            let found = variance(sigma, |line, spare| boxes.run(line, spare)).sqrt();
            assert!((found / sigma - 1.0).abs() < 0.001, "{sigma} {found}");
        }
    }

    #[test]
    fn the_kernel_has_nearly_the_variance_that_is_asked_for() {
        for sigma in [0.8, 1.0, 2.0, 3.0] {
            let kernel = Kernel::gaussian(sigma);
            let found = variance(sigma, |line, spare| kernel.run(line, spare)).sqrt();
            assert!((found / sigma - 1.0).abs() < 0.02, "{sigma} {found}");
        }
    }
}
