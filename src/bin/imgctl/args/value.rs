//! Values of flags: sizes, rates, spans, reasons.

use clap::Args;
use img_core::model::clock::{Clock, SystemClock, UnixSeconds};
use img_core::model::time::{parse_span_s, parse_time};
use img_core::origin::act::Act;

/// Why something is done.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reason {
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub(crate) reason: Option<String>,
}

fn parse_reason(text: &str) -> Result<String, String> {
    if text.len() > Act::REASON_LEN_MAX {
        return Err(format!("at most {} bytes are kept", Act::REASON_LEN_MAX));
    }
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected one line of text".to_owned());
    }
    Ok(text.to_owned())
}

/// Decimal as disks are sold, binary with an `i`.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Bytes in `20`, `20KB`, `1.5GB`, `1GiB`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let invalid = || format!("`{text}` is not a size such as 500KB, 20MB, 10GB, 1GiB");
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (number, unit) = text.split_at(text.find(|c| !is_number(c)).unwrap_or(text.len()));
    let unit = if unit.is_empty() { "B" } else { unit };
    let known = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, unit_bytes) = known.ok_or_else(invalid)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More digits would say no more than a byte.
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(invalid());
    }
    let whole = whole.parse::<u64>().ok();
    let whole = whole.and_then(|whole| whole.checked_mul(*unit_bytes));
    let numerator: u128 = fraction.parse().map_err(|_| invalid())?;
    let denominator = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let part = u64::try_from(numerator * u128::from(*unit_bytes) / denominator);
    whole
        .zip(part.ok())
        .and_then(|(whole, part)| whole.checked_add(part))
        .ok_or_else(invalid)
}

/// Requests in a minute of `10/s` or `600/m`.
pub(crate) fn parse_rate(text: &str) -> Result<u32, String> {
    let invalid = || format!("`{text}` is not a rate such as 10/s or 600/m");
    let (count, unit) = text.split_once('/').ok_or_else(invalid)?;
    let per_min = match unit {
        "s" => 60,
        "m" | "min" => 1,
        _ => return Err(invalid()),
    };
    let count: u32 = count.parse().map_err(|_| invalid())?;
    match count.checked_mul(per_min) {
        Some(0) => Err("a rate of nothing allows nothing".to_owned()),
        Some(rate) => Ok(rate),
        None => Err(invalid()),
    }
}

/// Seconds in `30m`, `24h`, `7d`.
pub(crate) fn parse_span(text: &str) -> Result<u64, String> {
    parse_span_s(text)
        .and_then(|span_s| u64::try_from(span_s).ok())
        .ok_or_else(|| format!("`{text}` is not a span such as 30m, 24h, 7d"))
}

/// Seconds from now to the end of a span, or to a date.
pub(crate) fn parse_lifetime(text: &str) -> Result<u64, String> {
    lifetime_from(text, SystemClock.now())
}

fn lifetime_from(text: &str, now: UnixSeconds) -> Result<u64, String> {
    let left_s = parse_span_s(text)
        .or_else(|| parse_time(text).map(|at| at - now))
        .ok_or_else(|| {
            format!("`{text}` is neither a span such as 1h, 90d nor a date such as 2026-12-31")
        })?;
    u64::try_from(left_s)
        .ok()
        .filter(|left_s| *left_s > 0)
        .ok_or_else(|| format!("`{text}`: it would have ended already"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("20", 20),
            ("20B", 20),
            ("20KB", 20_000),
            ("1.5gb", 1_500_000_000),
            ("1GiB", 1 << 30),
            ("0.5KiB", 512),
            ("10TB", 10_000_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for wrong in [
            "",
            "GB",
            "1.GB",
            ".5GB",
            "1,5GB",
            "-1",
            "1 GB",
            "1XB",
            "1e9",
            "99999999TB",
        ] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_of_a_minute() {
        assert_eq!(parse_rate("10/s"), Ok(600));
        assert_eq!(parse_rate("600/m"), Ok(600));
        for wrong in [
            "10",
            "0/s",
            "/s",
            "1/d",
            "-1/s",
            "99999999999/m",
            "4000000000/s",
        ] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_lifetime_ends_in_the_future() {
        assert_eq!(lifetime_from("90d", 5), Ok(90 * 86_400));
        assert_eq!(lifetime_from("1970-01-02", 400), Ok(86_000));
        for wrong in ["0s", "1970-01-01", "soon", "-1d", ""] {
            assert!(lifetime_from(wrong, 400).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reason_is_one_line() {
        assert!(parse_reason("court order 17").is_ok());
        for wrong in ["", "  ", "a\nb", &"x".repeat(1001)] {
            assert!(parse_reason(wrong).is_err(), "{wrong:?}");
        }
    }
}
