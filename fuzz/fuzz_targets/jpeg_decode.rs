//! Any bytes as a JPEG, at every scale: an error, or planes of the promised size within the promised memory.
#![no_main]

use img_codec::jpeg::decode::{
    Limits, Missing, Refinement, Request, Scale, decode, memory_needed, read_header,
};
use img_codec::stop::NeverStop;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let scale = Scale::from_eighths((choice & 7) + 1).expect("1..=8");
    let missing = if choice & 8 == 0 {
        Missing::Refuse
    } else {
        Missing::Accept
    };
    let refinement = if choice & 16 == 0 {
        Refinement::Exact
    } else {
        Refinement::Approximate
    };
    let limits = Limits {
        pixels_max: 1 << 20,
        scans_max: 40,
    };
    let header = read_header(bytes);
    let decoded = decode(&Request {
        bytes,
        scale,
        missing,
        refinement,
        limits,
        stop: &NeverStop,
    });
    if let Ok(decoded) = decoded {
        let header = header.expect("what was decoded has a header");
        let mut samples = 0;
        for (plane, component) in decoded.planes.iter().zip(&header.components) {
            samples += plane.padded_samples().len() as u64;
            assert!(plane.width() > 0 && plane.height() > 0, "{component:?}");
        }
        assert!(samples <= memory_needed(&header, scale));
    }
});
