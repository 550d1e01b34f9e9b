//! Any bytes as a PNG, shrunk by 1 to 16: an error, or planes of the promised size.
#![no_main]

use img_codec::png::{Limits, Missing, Request, decode};
use img_codec::stop::NeverStop;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let shrink = u32::from(choice & 15) + 1;
    let missing = if choice & 16 == 0 {
        Missing::Refuse
    } else {
        Missing::Accept
    };
    let limits = Limits {
        pixels_max: 1 << 20,
        memory_bytes_max: 64 << 20,
        metadata_bytes_max: 1 << 16,
    };
    if let Ok(decoded) = decode(&Request {
        bytes,
        shrink,
        limits,
        missing,
        stop: &NeverStop,
    }) {
        let width = decoded.header.width_px.div_ceil(shrink) as usize;
        let height = decoded.header.height_px.div_ceil(shrink) as usize;
        for plane in &decoded.planes {
            assert_eq!((plane.width(), plane.height()), (width, height));
        }
    }
});
