//! What each operation costs on 1600×1200 pixels:
//! `cargo test --release -p img-core imaging::op::speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use crate::imaging::op::blur::{Sigma, blur};
use crate::imaging::op::drawn::{KINDS, flat, noise};
use crate::imaging::op::focus::{Interest, focus};
use crate::imaging::op::overlay::{Overlay, Repeat, lay};
use crate::imaging::op::sharpen::{Amount, sharpen};
use crate::imaging::op::trim::{Border, Tolerance, inner};
use crate::imaging::pixels::{Channels, Pixels};
use crate::model::geometry::Point;

/// The least of seven runs, in milliseconds.
fn measure(name: &str, mut run: impl FnMut(&mut Pixels)) {
    for kind in KINDS {
        let pixels = noise(1600, 1200, kind);
        let least = (0..7).map(|_| {
            let mut pixels = black_box(pixels.clone());
            let start = Instant::now();
            run(&mut pixels);
            let took = start.elapsed();
            black_box(pixels);
            took.as_secs_f64() * 1000.0
        });
        println!("{name} {kind:?}: {:.1} ms", least.fold(f64::MAX, f64::min));
    }
}

#[test]
#[ignore = "measures, and judges nothing"]
fn operations_at_1600_by_1200() {
    for sigma in [0.5, 1.0, 3.0, 10.0, 100.0] {
        measure(&format!("blur {sigma}"), |pixels| {
            blur(pixels, Sigma::px(sigma));
        });
    }
    measure("sharpen 1", |pixels| sharpen(pixels, Amount::new(1.0)));
    measure("trim", |pixels| {
        black_box(inner(pixels, Border::Corners, Tolerance::percent(99.9)));
    });
    let mark = noise(1600, 1200, Channels::Rgba);
    measure("overlay of the whole image", |pixels| {
        let base = std::mem::replace(pixels, flat(1, 1, Channels::Grey, [0; 4]));
        let overlay = Overlay {
            image: &mark,
            position: Point::CENTRE,
            margin_px: 0,
            width_share: 1.0,
            opacity: 0.5,
            repeat: Repeat::Once,
        };
        *pixels = lay(base, &overlay);
    });
    measure("focus at 256 px, attention", |pixels| {
        *pixels = noise(256, 192, pixels.channels);
        black_box(focus(pixels, 1.0, Interest::Attention));
    });
}
