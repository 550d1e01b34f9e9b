//! How finely coefficients are quantised: the tables of T.81, annex K.1, scaled by quality.

/// Divisors of coefficients, in rows, and what the transform's output is multiplied by instead.
#[derive(Debug)]
pub(super) struct Quantiser {
    /// 1..=255.
    pub(super) divisors: [u8; 64],
    /// In columns, as [`super::blocks`] leaves its coefficients.
    pub(super) factors: [f32; 64],
}

/// Table K.1.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// Table K.2.
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

impl Quantiser {
    pub(super) fn luma(quality: u8) -> Self {
        Self::scaled(&LUMA, quality)
    }

    pub(super) fn chroma(quality: u8) -> Self {
        Self::scaled(&CHROMA, quality)
    }

    /// At quality 50 the table as it is, at 100 all ones, as libjpeg does (`jpeg_quality_scaling`).
    fn scaled(table: &[u8; 64], quality: u8) -> Self {
        let quality = u32::from(quality);
        let per_cent = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let divisors = table.map(|divisor| {
            let scaled = (u32::from(divisor) * per_cent + 50) / 100;
            u8::try_from(scaled.clamp(1, 255)).expect("clamped")
        });
        let mut factors = [0.0; 64];
        for (i, divisor) in divisors.iter().enumerate() {
            let (row, column) = (i / 8, i % 8);
            factors[column * 8 + row] = factor(*divisor, row, column);
        }
        Self { divisors, factors }
    }
}

/// The transform leaves each coefficient 8 times too large, and times its own scale for its row and its column:
/// cos(kπ/16) √2, and 1 for k = 0 (Arai, Agui and Nakajima, 1988).
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded to the type of the transform"
)]
fn factor(divisor: u8, row: usize, column: usize) -> f32 {
    let scale = |k: usize| match k {
        0 => 1.0,
        k => (k as f64 * std::f64::consts::PI / 16.0).cos() * std::f64::consts::SQRT_2,
    };
    (1.0 / (8.0 * f64::from(divisor) * scale(row) * scale(column))) as f32
}
