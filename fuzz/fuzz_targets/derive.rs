//! Any bytes as an original, with options of their first line, through the whole pipeline: an error, or a derivative.
#![no_main]

use std::str::from_utf8;

use img_core::imaging::{DamagedPolicy, DeriveRequest, Limits, NeverStop, SvgPolicy, derive};
use img_core::model::media::OutputFormat;
use img_core::model::options::Options;
use img_core::model::watermark::Watermarks;
use libfuzzer_sys::fuzz_target;

/// Small, so that an execution is short.
fn limits() -> Limits {
    Limits {
        bytes_max: 1 << 16,
        pixels_max: 1 << 16,
        frames_max: 8,
        frame_pixels_total_max: 1 << 16,
        metadata_bytes_max: 1 << 16,
        scans_max: 20,
        svg: SvgPolicy::Accept,
        damaged: DamagedPolicy::Accept,
        output_side_px_max: 96,
        ..Limits::default()
    }
}

/// `FORMAT OPTIONS`.
fn parse(line: &[u8]) -> Option<(OutputFormat, Options)> {
    let (format, options) = from_utf8(line).ok()?.split_once(' ')?;
    Some((format.parse().ok()?, options.parse().ok()?))
}

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|&byte| byte == b'\n') else {
        return;
    };
    let Some((format, options)) = parse(&data[..end]) else {
        return;
    };
    let recipes = [options.recipe(format)];
    let derived = derive(&DeriveRequest {
        original: &data[end + 1..],
        recipes: &recipes,
        watermarks: &Watermarks::default(),
        limits: &limits(),
        stop: &NeverStop,
    });
    if let Ok(derived) = derived {
        assert_eq!(derived.len(), 1);
        let side_px = derived[0].width_px.max(derived[0].height_px);
        assert!((1..=96).contains(&side_px) && !derived[0].bytes.is_empty());
    }
});
