//! What a value of sRGB means: how much light it is, and where it lies among the colours that the eye tells apart.

/// Light of one channel, 0..=1, by IEC 61966-2-1.
pub(crate) fn to_light(value: u8) -> f64 {
    let value = f64::from(value) / 255.0;
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// Lightness 0..=1, green to red, blue to yellow: Oklab, as published at <https://bottosson.github.io/posts/oklab/>.
/// A distance of 0.02 is just about seen.
pub(crate) fn to_oklab(rgb: [u8; 3]) -> [f64; 3] {
    const TO_CONES: [[f64; 3]; 3] = [
        [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
        [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
        [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
    ];
    const TO_LAB: [[f64; 3]; 3] = [
        [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
        [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
        [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
    ];
    let cones = apply(&TO_CONES, rgb.map(to_light));
    apply(&TO_LAB, cones.map(f64::cbrt))
}

fn apply(matrix: &[[f64; 3]; 3], by: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * by[0] + row[1] * by[1] + row[2] * by[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_lie_where_oklab_puts_them() {
        // White and black by definition; red as CSS Color 4 has it.
        for (rgb, expected) in [
            ([255, 255, 255], [1.0, 0.0, 0.0]),
            ([0, 0, 0], [0.0, 0.0, 0.0]),
            ([255, 0, 0], [0.62796, 0.22486, 0.12585]),
        ] {
            for (found, expected) in to_oklab(rgb).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{rgb:?}: {found}");
            }
        }
    }
}
