//! Overlays lie where they are told, blended as the formula says.

use proptest::prelude::proptest;

use super::*;
use crate::imaging::op::drawn::{KINDS, draw, flat, noise};

const POSITIONS: [&str; 9] = [
    "top-left",
    "top",
    "top-right",
    "left",
    "centre",
    "right",
    "bottom-left",
    "bottom",
    "bottom-right",
];

fn word(text: &str) -> Point {
    Point::find_word(text).unwrap()
}

fn once(image: &Pixels) -> Overlay<'_> {
    Overlay {
        image,
        position: word("top-left"),
        margin_px: 0,
        width_share: 1.0,
        opacity: 1.0,
        repeat: Repeat::Once,
    }
}

/// Colour and alpha of every pixel, 0.0..=1.0.
fn colours(pixels: &Pixels) -> Vec<[f64; 4]> {
    let share = |value: u8| f64::from(value) / 255.0;
    pixels
        .bytes
        .chunks_exact(pixels.channels.count())
        .map(|pixel| match *pixel {
            [grey] => [share(grey), share(grey), share(grey), 1.0],
            [grey, alpha] => [share(grey), share(grey), share(grey), share(alpha)],
            [red, green, blue] => [share(red), share(green), share(blue), 1.0],
            [red, green, blue, alpha, ..] => [red, green, blue, alpha].map(share),
            [] => unreachable!("a pixel has a channel"),
        })
        .collect()
}

#[test]
fn blending_is_what_the_formula_says_for_every_pair_of_kinds() {
    for below in KINDS {
        for above in KINDS {
            for opacity in [1.0, 0.4] {
                let (base, image) = (noise(23, 9, below), noise(23, 9, above));
                let overlay = Overlay {
                    opacity,
                    ..once(&image)
                };
                let found = lay(base.clone(), &overlay);
                let layers = colours(&base).into_iter().zip(colours(&image));
                for (found, (base, over)) in colours(&found).into_iter().zip(layers) {
                    let share = over[3] * opacity;
                    let alpha = share + base[3] * (1.0 - share);
                    assert!((found[3] - alpha).abs() < 0.005, "{below:?} {above:?}");
                    for channel in 0..3 {
                        let sum = over[channel] * share + base[channel] * base[3] * (1.0 - share);
                        let apart = (found[channel] - sum / alpha.max(1e-9)).abs() * alpha;
                        assert!(
                            apart < 0.005,
                            "{below:?} {above:?} {found:?} {base:?} {over:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn grey_becomes_coloured_only_under_colour() {
    let base = flat(4, 4, Channels::Grey, [50; 4]);
    let grey = flat(2, 2, Channels::Rgba, [9, 9, 9, 255]);
    assert_eq!(lay(base.clone(), &once(&grey)).channels, Channels::Grey);
    let hidden = flat(2, 2, Channels::Rgba, [9, 200, 9, 0]);
    assert_eq!(lay(base.clone(), &once(&hidden)).channels, Channels::Grey);
    let red = flat(2, 2, Channels::Rgba, [200, 9, 9, 255]);
    assert_eq!(lay(base, &once(&red)).channels, Channels::Rgb);
}

#[test]
fn each_position_keeps_its_margin() {
    let image = flat(10, 5, Channels::Grey, [255; 4]);
    for (at, position) in POSITIONS.into_iter().enumerate() {
        let overlay = Overlay {
            position: word(position),
            margin_px: 3,
            width_share: 0.25,
            ..once(&image)
        };
        let found = lay(flat(40, 30, Channels::Grey, [0; 4]), &overlay);
        let lit = |index: usize| found.bytes[index] > 0;
        let first = (0..40 * 30).find(|&index| lit(index)).unwrap();
        let last = (0..40 * 30).rfind(|&index| lit(index)).unwrap();
        // 10 × 5 pixels in the room of 34 × 24.
        let left = [3, 15, 27][at % 3];
        let top = [3, 12, 22][at / 3];
        assert_eq!((first % 40, first / 40), (left, top), "{position:?}");
        assert_eq!((last % 40, last / 40), (left + 9, top + 4), "{position:?}");
    }
}

#[test]
fn tiles_cover_the_whole_image_at_their_distance() {
    let image = flat(4, 4, Channels::Grey, [255; 4]);
    let overlay = Overlay {
        position: word("centre"),
        width_share: 0.1,
        repeat: Repeat::Tiled { gap_px: 6 },
        ..once(&image)
    };
    let found = lay(flat(40, 23, Channels::Grey, [0; 4]), &overlay);
    let expected = draw((40, 23), Channels::Grey, |x, y| {
        // The one in the middle starts at 18, 9.
        let inside = (x + 2) % 10 < 4 && (y + 1) % 10 < 4;
        [if inside { 255 } else { 0 }; 4]
    });
    assert_eq!(found.bytes, expected.bytes);
}

#[test]
fn nothing_changes_under_no_opacity() {
    for kind in KINDS {
        let (base, image) = (noise(9, 9, kind), noise(3, 3, kind));
        let overlay = Overlay {
            opacity: 0.0,
            ..once(&image)
        };
        assert_eq!(lay(base.clone(), &overlay).bytes, base.bytes);
    }
}

#[test]
fn division_by_255_is_exact() {
    for value in 0..=65_025_u16 {
        let exact = (f64::from(value) / 255.0).round();
        assert!((f64::from(by_255(value)) - exact).abs() < 0.1);
    }
}

proptest! {
    #[test]
    fn the_image_keeps_its_size(
        base in (1..50_u32, 1..50_u32, 0..4_usize), over in (1..30_u32, 1..30_u32, 0..4_usize),
        position in 0..9_usize, margin_px in 0..90_u32, width_share in 0.0..1.2_f64, gap in 0..20_u32
    ) {
        let image = noise(over.0, over.1, KINDS[over.2]);
        let repeat = if gap == 0 { Repeat::Once } else { Repeat::Tiled { gap_px: gap - 1 } };
        let overlay = Overlay {
            image: &image,
            position: word(POSITIONS[position]),
            margin_px,
            width_share,
            opacity: 0.5,
            repeat,
        };
        let found = lay(noise(base.0, base.1, KINDS[base.2]), &overlay);
        assert_eq!((found.width_px, found.height_px), (base.0, base.1));
        let samples = (base.0 * base.1) as usize * found.channels.count();
        assert_eq!(found.bytes.len(), samples);
    }
}
