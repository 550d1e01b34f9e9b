//! Points in time and spans as people type them and programs print them: `30m`, `7d`, `2026-01-31`, RFC 3339 in UTC.

use crate::model::clock::UnixSeconds;

const DAY_S: i64 = 24 * 60 * 60;
const DAYS_IN_400_YEARS: i64 = 400 * 365 + 97;
/// 9999-12-31T23:59:59Z: RFC 3339 has no way to write what is later.
pub const LATEST: UnixSeconds = 253_402_300_799;

/// Seconds in `30s`, `30m`, `24h`, `7d`, `2w`.
pub fn parse_span_s(text: &str) -> Option<i64> {
    let unit_at = text
        .len()
        .checked_sub(1)
        .filter(|&at| text.is_char_boundary(at))?;
    let (number, unit) = text.split_at(unit_at);
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => DAY_S,
        "w" => 7 * DAY_S,
        _ => return None,
    };
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    plain
        .then(|| number.parse::<i64>().ok()?.checked_mul(unit_s))
        .flatten()
}

/// A span before `now`, a date, or a time such as 2026-01-31T12:00:00Z.
pub fn parse_since(text: &str, now: UnixSeconds) -> Result<UnixSeconds, InvalidTime> {
    parse_span_s(text)
        .and_then(|span_s| now.checked_sub(span_s))
        .or_else(|| parse_time(text))
        .ok_or_else(|| InvalidTime {
            found: text.chars().take(64).collect(),
        })
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is neither a span such as 30m, 24h, 7d nor a date such as 2026-01-31")]
pub struct InvalidTime {
    pub found: String,
}

/// `2026-01-31` or `2026-01-31T12:00:00Z`, in UTC.
pub fn parse_time(text: &str) -> Option<UnixSeconds> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| days_before(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second)
}

/// `2026-01-31T12:00:00Z`
pub fn format_time(at: UnixSeconds) -> String {
    // Four centuries have as many days as the four before them: a time far away costs no more than one near by.
    let (day, second) = (at.div_euclid(DAY_S), at.rem_euclid(DAY_S));
    let mut year = 1970 + day.div_euclid(DAYS_IN_400_YEARS) * 400;
    let mut day = day.rem_euclid(DAYS_IN_400_YEARS);
    while day >= days_in_year(year) {
        day -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        day + 1
    )
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<i64>().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(days_in_year).sum();
    let months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    years + months + day - 1
}

fn days_in_year(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap(year)),
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_and_read_back() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(format_time(at), text);
            assert_eq!(parse_since(text, 0).unwrap(), at);
        }
    }

    #[test]
    fn times_far_away_are_written_as_soon_as_others() {
        for (at, text) in [
            (-1, "1969-12-31T23:59:59Z"),
            (-12_219_292_800, "1582-10-15T00:00:00Z"),
            (LATEST, "9999-12-31T23:59:59Z"),
            (i64::MAX, "292277026596-12-04T15:30:07Z"),
        ] {
            assert_eq!(format_time(at), text);
        }
    }

    #[test]
    fn spans_count_back_from_now() {
        assert_eq!(parse_since("7d", 10 * DAY_S).unwrap(), 3 * DAY_S);
        assert_eq!(parse_since("2000-02-29", 0).unwrap(), 951_782_400);
        for bad in [
            "",
            "7",
            "d",
            "7y",
            "-7d",
            "2001-02-29",
            "2000-13-01",
            "yesterday",
            "é",
        ] {
            assert!(parse_since(bad, 0).is_err(), "{bad}");
        }
    }
}
