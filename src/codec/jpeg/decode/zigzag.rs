//! Which coefficients count at a scale.

use crate::jpeg::tables::ZIGZAG;

/// Where the k-th coefficient as stored belongs in a block; the place after the last for any k beyond.
pub(super) static PLACES: [u8; 256] = places();

const fn places() -> [u8; 256] {
    let mut places = [64; 256];
    let mut k = 0;
    while k < 64 {
        places[k] = ZIGZAG[k];
        k += 1;
    }
    places
}

/// The first place as stored after which nothing of the low n×n is left.
pub(super) const fn coefficients_to_read(n: usize) -> u32 {
    let mut k = 63;
    while !is_low(k, n) {
        k -= 1;
    }
    k as u32 + 1
}

/// Whether the k-th coefficient as stored is one of the low n×n.
pub(super) const fn is_low(k: usize, n: usize) -> bool {
    let place = ZIGZAG[k] as usize;
    place / 8 < n && place % 8 < n
}

/// The low n×n as a mask, the k-th coefficient as stored being the k-th lowest bit.
pub(super) const fn low_mask(n: usize) -> u64 {
    let mut mask = 0;
    let mut k = 0;
    while k < 64 {
        if is_low(k, n) {
            mask |= 1 << k;
        }
        k += 1;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_coefficients_are_a_square() {
        assert_eq!(low_mask(1), 1);
        assert_eq!(low_mask(2), 0b1_0111);
        assert_eq!(low_mask(8), u64::MAX);
        for n in 1..=8 {
            assert_eq!(low_mask(n).count_ones() as usize, n * n);
            assert_eq!(64 - low_mask(n).leading_zeros(), coefficients_to_read(n));
        }
    }
}
