//! What is done to the pixels after shrinking: blur and sharpening, in tenths, so that a number has one spelling.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Standard deviation of a Gaussian blur, in pixels of the derivative.
///
/// Invariant: 0.3..=250.0, a multiple of a tenth. At 0.3 a neighbour has 1/258 of the weight of the middle (e^(-1/2σ²)),
/// less than one of 255 levels; 250 is Cloudflare's bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlurSigma {
    tenths: u16,
}

impl BlurSigma {
    pub fn px(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }
}

/// How much is sharpened; 1 is recommended for what was shrunk.
///
/// Invariant: 0.1..=10.0, a multiple of a tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SharpenStrength {
    tenths: u16,
}

impl SharpenStrength {
    pub fn value(self) -> f32 {
        f32::from(self.tenths) / 10.0
    }
}

impl fmt::Display for BlurSigma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_tenths(self.tenths, f)
    }
}

impl fmt::Display for SharpenStrength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_tenths(self.tenths, f)
    }
}

impl FromStr for BlurSigma {
    type Err = NotInTenths;

    fn from_str(text: &str) -> Result<Self, NotInTenths> {
        let tenths = parse_tenths(text, 3..=2500)?;
        Ok(Self { tenths })
    }
}

impl FromStr for SharpenStrength {
    type Err = NotInTenths;

    fn from_str(text: &str) -> Result<Self, NotInTenths> {
        let tenths = parse_tenths(text, 1..=100)?;
        Ok(Self { tenths })
    }
}

/// `1`, `0.5`; never `1.0`, `.5`.
fn write_tenths(tenths: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => write!(f, "{whole}"),
        (whole, tenth) => write!(f, "{whole}.{tenth}"),
    }
}

/// Reads `1`, `1.0`, `0.5`, `.5`: one decimal at most, no leading zero before another digit, no sign.
fn parse_tenths(text: &str, range: RangeInclusive<u16>) -> Result<u16, NotInTenths> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = whole.len() <= 3 && (whole == "0" || !whole.starts_with('0'));
    if !plain || tenth.len() != 1 || !digits(whole) || !digits(tenth) || text.is_empty() {
        return Err(NotInTenths);
    }
    let tenths: u16 = format!("{whole}{tenth}").parse().map_err(|_| NotInTenths)?;
    if range.contains(&tenths) {
        Ok(tenths)
    } else {
        Err(NotInTenths)
    }
}

/// The words that name the value say what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a number within its range with one decimal at most")]
pub struct NotInTenths;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for (text, canonical) in [
            ("0.5", "0.5"),
            (".5", "0.5"),
            ("1", "1"),
            ("1.0", "1"),
            ("250", "250"),
            ("12.3", "12.3"),
        ] {
            let sigma: BlurSigma = text.parse().unwrap();
            assert_eq!(sigma.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(sigma));
        }
    }

    #[test]
    fn every_tenth_in_range_round_trips_and_none_outside() {
        for tenths in 0..=3000_u16 {
            let text = format!("{}.{}", tenths / 10, tenths % 10);
            let sigma = text.parse::<BlurSigma>();
            assert_eq!(sigma.is_ok(), (3..=2500).contains(&tenths), "{text}");
            let strength = text.parse::<SharpenStrength>();
            assert_eq!(strength.is_ok(), (1..=100).contains(&tenths), "{text}");
            if let Ok(sigma) = sigma {
                assert_eq!(sigma.to_string().parse(), Ok(sigma));
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "", ".", "1.", "1.25", "0.50", "01", "00.5", "-1", "+1", "1e1", "1,5", "٣", "2000",
        ] {
            assert!(bad.parse::<BlurSigma>().is_err(), "{bad}");
        }
    }
}
