//! Points in time and spans of the command line.

use img_core::model::clock::UnixSeconds;
use img_core::model::time;

pub(crate) use img_core::model::time::{format_time, parse_span_s};

use crate::exit::Failure;

/// A span before `now`, a date, or a time such as 2026-01-31T12:00:00Z.
pub(crate) fn parse_since(text: &str, now: UnixSeconds) -> Result<UnixSeconds, Failure> {
    time::parse_since(text, now).map_err(|invalid| Failure::usage(invalid.to_string()))
}
