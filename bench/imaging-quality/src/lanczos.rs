//! Lanczos3 in floating point, plain and slow: what the others are measured by.

use std::f64::consts::PI;

pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Plane {
    pub fn resize(&self, width: usize, height: usize) -> Plane {
        self.shrink_rows(height)
            .turned()
            .shrink_rows(width)
            .turned()
    }

    /// Every row of the result is a weighted sum of rows.
    fn shrink_rows(&self, height: usize) -> Plane {
        let mut values = vec![0.0_f32; self.width * height];
        for (row, into) in values.chunks_exact_mut(self.width).enumerate() {
            for (from, weight) in weights(self.height, height, row) {
                let line = &self.values[from * self.width..][..self.width];
                for (sum, value) in into.iter_mut().zip(line) {
                    *sum += weight * value;
                }
            }
        }
        Plane {
            width: self.width,
            height,
            values,
        }
    }

    fn turned(&self) -> Plane {
        let (width, height) = (self.height, self.width);
        let mut values = vec![0.0; width * height];
        for (row, line) in self.values.chunks_exact(self.width).enumerate() {
            for (column, value) in line.iter().enumerate() {
                values[column * width + row] = *value;
            }
        }
        Plane {
            width,
            height,
            values,
        }
    }
}

/// Of the samples that make sample `at` of `to`, centres aligned; their sum is 1.
fn weights(from: usize, to: usize, at: usize) -> Vec<(usize, f32)> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let centre = (at as f64 + 0.5) * scale;
    let first = (centre - 3.0 * stretch).floor().max(0.0) as usize;
    let last = ((centre + 3.0 * stretch).ceil() as usize).min(from);
    let weights = (first..last).map(|sample| lanczos3((sample as f64 + 0.5 - centre) / stretch));
    let weights: Vec<f64> = weights.collect();
    let sum: f64 = weights.iter().sum();
    (first..last)
        .zip(weights)
        .map(|(sample, weight)| (sample, (weight / sum) as f32))
        .collect()
}

fn lanczos3(x: f64) -> f64 {
    if x.abs() < 1e-12 {
        return 1.0;
    }
    if x.abs() >= 3.0 {
        return 0.0;
    }
    let at = PI * x;
    3.0 * at.sin() * (at / 3.0).sin() / (at * at)
}
