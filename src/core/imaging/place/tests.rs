//! Sizes, crops and padding.

use super::*;
use crate::model::geometry::Gravity;

fn layout(fit: Fit, width: u32, height: u32) -> Layout {
    let side = |px| (px > 0).then_some(px);
    Layout {
        width_px: side(width),
        height_px: side(height),
        fit,
        ..Layout::default()
    }
}

fn enlarging(fit: Fit, width: u32, height: u32) -> Layout {
    Layout {
        enlarge: Enlarge::Yes,
        ..layout(fit, width, height)
    }
}

/// Sizes of a 400 × 200 original; 0 for a side that is not given.
#[test]
fn every_fit_meets_its_box() {
    for (fit, bounds, expected) in [
        (Fit::Contain, (100, 100), (100, 50)),
        (Fit::Contain, (100, 20), (40, 20)),
        (Fit::Contain, (100, 0), (100, 50)),
        (Fit::Contain, (0, 100), (200, 100)),
        (Fit::Contain, (0, 0), (400, 200)),
        (Fit::Contain, (800, 800), (400, 200)),
        (Fit::Contain, (800, 0), (400, 200)),
        (Fit::Inside, (100, 100), (100, 50)),
        (Fit::Inside, (800, 800), (400, 200)),
        (Fit::Cover, (100, 100), (100, 100)),
        (Fit::Cover, (100, 0), (100, 50)),
        (Fit::Cover, (300, 300), (200, 200)),
        (Fit::Cover, (800, 800), (200, 200)),
        (Fit::Cover, (1600, 400), (400, 100)),
        (Fit::Pad, (100, 100), (100, 100)),
        (Fit::Pad, (800, 800), (800, 800)),
        (Fit::Fill, (100, 150), (100, 150)),
        (Fit::Fill, (800, 150), (400, 150)),
    ] {
        let placement = place(&layout(fit, bounds.0, bounds.1), (400, 200));
        assert_eq!(placement.size(), expected, "{fit} {bounds:?}");
    }
}

#[test]
fn enlarging_must_be_asked_for() {
    for (fit, expected) in [
        (Fit::Contain, (800, 400)),
        (Fit::Inside, (400, 200)),
        (Fit::Cover, (800, 800)),
        (Fit::Pad, (800, 800)),
        (Fit::Fill, (800, 800)),
    ] {
        let placement = place(&enlarging(fit, 800, 800), (400, 200));
        assert_eq!(placement.size(), expected, "{fit}");
    }
    let padded = place(&layout(Fit::Pad, 800, 800), (400, 200));
    assert_eq!((padded.width_px, padded.height_px), (400, 200));
}

#[test]
fn gravity_decides_what_cover_keeps_and_where_pad_puts_it() {
    for (gravity, left, top) in [
        ("top-left", 0.0, 0.0),
        ("top", 100.0, 0.0),
        ("right", 200.0, 0.0),
        ("centre", 100.0, 0.0),
        ("bottom-right", 200.0, 0.0),
        ("0.25x0.75", 50.0, 0.0),
    ] {
        let gravity: Gravity = gravity.parse().unwrap();
        let cover = Layout {
            gravity,
            ..layout(Fit::Cover, 50, 50)
        };
        let crop = place(&cover, (400, 200)).crop;
        assert_eq!((crop.left, crop.top), (left, top), "{gravity}");
        assert_eq!((crop.width, crop.height), (200.0, 200.0));
    }
    for (gravity, left_px, top_px) in [
        ("top", 0, 0),
        ("centre", 0, 25),
        ("bottom-left", 0, 50),
        ("0.5x0.1", 0, 5),
    ] {
        let pad = Layout {
            gravity: gravity.parse().unwrap(),
            ..layout(Fit::Pad, 100, 100)
        };
        let canvas = place(&pad, (400, 200)).canvas.unwrap();
        assert_eq!(
            (canvas.left_px, canvas.top_px),
            (left_px, top_px),
            "{gravity}"
        );
    }
}

#[test]
fn a_gravity_that_looks_at_the_pixels_takes_the_centre_until_a_focus_is_known() {
    for gravity in [Gravity::Auto, Gravity::Entropy] {
        let cover = Layout {
            gravity,
            ..layout(Fit::Cover, 50, 50)
        };
        for (focus, left) in [
            (None, 100.0),
            (Some((0.25, 0.9)), 50.0),
            (Some((7.0, 0.0)), 200.0),
        ] {
            let found = place_at(&cover, (400, 200), focus).crop.left;
            assert!(
                (found - left).abs() < 1e-9,
                "{gravity}: {found}, not {left}"
            );
        }
    }
    let fixed = layout(Fit::Cover, 50, 50);
    let focused = place_at(&fixed, (400, 200), Some((0.25, 0.9)));
    assert_eq!(focused, place(&fixed, (400, 200)));
}

#[test]
fn no_side_vanishes() {
    assert_eq!(
        place(&layout(Fit::Contain, 10, 10), (10_000, 1)).size(),
        (10, 1)
    );
    assert_eq!(
        place(&layout(Fit::Contain, 10, 0), (1, 10_000)).size(),
        (1, 10_000)
    );
    assert_eq!(place(&layout(Fit::Cover, 10_000, 1), (3, 3)).size(), (3, 1));
}

/// 1600 × 1067 at 320 wide is 213.4 high: 320 × 213, not the 319 that a box of 320 × 213 would hold.
#[test]
fn rounding_one_side_does_not_narrow_the_other() {
    for fit in Fit::ALL {
        let by_width = place(&layout(fit, 320, 0), (1600, 1067));
        assert_eq!(by_width.size(), (320, 213), "{fit}");
        let by_height = place(&layout(fit, 0, 320), (1067, 1600));
        assert_eq!(by_height.size(), (213, 320), "{fit}");
    }
}

#[test]
fn an_output_beyond_the_limits_is_refused() {
    let limits = Limits::default();
    let code = |layout: &Layout, format, limits: &Limits| {
        let checked = place(layout, (20_000, 100)).check(format, limits);
        checked.map_err(|error| error.code())
    };
    let wide = layout(Fit::Contain, 0, 0);
    assert_eq!(
        code(&wide, OutputFormat::Jpeg, &limits),
        Err("limit-output")
    );
    let generous = Limits {
        output_side_px_max: 100_000,
        ..limits
    };
    assert_eq!(code(&wide, OutputFormat::Jpeg, &generous), Ok(()));
    assert_eq!(
        code(&wide, OutputFormat::Webp, &generous),
        Err("limit-output")
    );
}

fn any_layout() -> impl proptest::strategy::Strategy<Value = Layout> {
    use proptest::prelude::{Strategy as _, any};
    let side = || proptest::option::of(1_u32..5_000);
    let fit = (0..Fit::ALL.len()).prop_map(|index| Fit::ALL[index]);
    let gravity = (0_u32..=1000, 0_u32..=1000);
    (side(), side(), fit, gravity, any::<bool>()).prop_map(
        |(width_px, height_px, fit, (x, y), grow)| {
            let (x, y) = (f64::from(x) / 1000.0, f64::from(y) / 1000.0);
            Layout {
                width_px,
                height_px,
                fit,
                gravity: format!("{x}x{y}").parse().unwrap(),
                enlarge: if grow { Enlarge::Yes } else { Enlarge::No },
                ..Layout::default()
            }
        },
    )
}

proptest::proptest! {
    #[test]
    fn a_side_given_alone_is_met_exactly(fit in 0..Fit::ALL.len(), side in 1_u32..3_000, more in 0_u32..3_000, other in 1_u32..20_000) {
        let (long, fit) = (side + more, Fit::ALL[fit]);
        proptest::prop_assert_eq!(place(&layout(fit, side, 0), (long, other)).size().0, side);
        proptest::prop_assert_eq!(place(&layout(fit, 0, side), (other, long)).size().1, side);
    }

    #[test]
    fn a_crop_lies_inside_and_nothing_grows_unasked(layout in any_layout(), width in 1_u32..20_000, height in 1_u32..20_000) {
        let placement = place(&layout, (width, height));
        let crop = placement.crop;
        proptest::prop_assert!(crop.left >= 0.0 && crop.top >= 0.0);
        proptest::prop_assert!(crop.left + crop.width <= f64::from(width) + 1e-6);
        proptest::prop_assert!(crop.top + crop.height <= f64::from(height) + 1e-6);
        proptest::prop_assert!(crop.width > 0.0 && crop.height > 0.0);
        proptest::prop_assert!(placement.width_px >= 1 && placement.height_px >= 1);
        if layout.enlarge == Enlarge::No {
            proptest::prop_assert!(placement.width_px <= width && placement.height_px <= height);
        }
        if let Some(canvas) = placement.canvas {
            proptest::prop_assert!(canvas.left_px + placement.width_px <= canvas.width_px);
            proptest::prop_assert!(canvas.top_px + placement.height_px <= canvas.height_px);
        }
    }
}
