//! Points in time on the wire: RFC 3339 in UTC, to the second or to the millisecond.

use img_core::model::clock::UnixSeconds;
use img_core::model::time;

/// `2026-01-31T12:00:00Z`
pub fn format(at: UnixSeconds) -> String {
    time::format_time(at)
}

/// `2026-01-31T12:00:00.250Z`
pub fn format_ms(at_ms: i64) -> String {
    let text = time::format_time(at_ms.div_euclid(1000));
    format!(
        "{}.{:03}Z",
        text.trim_end_matches('Z'),
        at_ms.rem_euclid(1000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_told() {
        assert_eq!(format_ms(1_250), "1970-01-01T00:00:01.250Z");
        assert_eq!(format_ms(-1), "1969-12-31T23:59:59.999Z");
    }
}
