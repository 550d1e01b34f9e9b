//! Letters where the font says, of the size and colour asked for.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides of some hundred pixels"
)]

use proptest::prelude::{any, proptest};

use super::*;
use crate::imaging::drawn_font::{ADVANCE, DASH, UNITS_PER_EM, UPRIGHT, drawn_font};

/// An em of 240 px, so that the rim is 10 px, and a unit 0.24 px.
const SIZE_PX: u32 = 240;
const RIM_PX: f64 = 10.0;
/// Larger than all that is drawn here.
const WIDE: Room = Room {
    width_px: 2000,
    height_px: 2000,
    width_share: None,
};
const LINE_HEIGHT: i16 = 1000;

fn px(units: i16) -> f64 {
    f64::from(units) * f64::from(SIZE_PX) / f64::from(UNITS_PER_EM)
}

fn draw_text(text: &str, colour: Rgb, room: Room) -> Result<Pixels, TextFault> {
    draw(
        &Lettering {
            text,
            font: &drawn_font(),
            colour,
            size_px: SIZE_PX,
        },
        room,
    )
}

fn size(pixels: &Pixels) -> (u32, u32) {
    (pixels.width_px, pixels.height_px)
}

fn at(pixels: &Pixels, x: f64, y: f64) -> [u8; 4] {
    let (x, y) = (x as usize, y as usize);
    let index = y * pixels.width_px as usize + x;
    pixels.bytes.as_chunks::<4>().0[index]
}

/// Width and height of letters in units, with the rim, in whole pixels.
fn with_rim(width: i16, height: i16) -> (u32, u32) {
    let side = |units| (px(units) + 2.0 * RIM_PX).ceil() as u32;
    (side(width), side(height))
}

#[test]
fn a_letter_is_as_large_as_its_outline_and_filled_where_that_is() {
    let orange = Rgb([255, 160, 0]);
    let drawn = draw_text("I", orange, WIDE).unwrap();
    let [left, bottom, right, top] = UPRIGHT;
    assert_eq!(size(&drawn), with_rim(right - left, top - bottom));
    let (width, height) = (f64::from(drawn.width_px), f64::from(drawn.height_px));
    let (right, bottom) = (RIM_PX + px(right - left), RIM_PX + px(top - bottom));
    for (x, y) in [
        (width / 2.0, height / 2.0),
        (RIM_PX + 1.0, RIM_PX + 1.0),
        (right - 2.0, bottom - 2.0),
    ] {
        assert_eq!(at(&drawn, x, y), [255, 160, 0, 255], "{x} {y}");
    }
    for (x, y) in [
        (RIM_PX - 2.0, height / 2.0),
        (right + 2.0, height / 2.0),
        (width / 2.0, RIM_PX - 2.0),
        (width / 2.0, bottom + 2.0),
    ] {
        assert_eq!(at(&drawn, x, y), [0, 0, 0, RIM_ALPHA], "{x} {y}");
    }
    // The rim is round.
    assert_eq!(at(&drawn, 0.0, 0.0)[3], 0);
}

#[test]
fn the_rim_of_dark_letters_is_white() {
    let drawn = draw_text("I", Rgb([0, 0, 200]), WIDE).unwrap();
    let middle = f64::from(drawn.height_px / 2);
    assert_eq!(at(&drawn, RIM_PX - 2.0, middle), [255, 255, 255, RIM_ALPHA]);
}

#[test]
fn letters_stand_side_by_side_by_the_advance_of_the_font() {
    let drawn = draw_text("I -", Rgb::WHITE, WIDE).unwrap();
    let width = 2 * ADVANCE + DASH[2] - UPRIGHT[0];
    assert_eq!(size(&drawn), with_rim(width, UPRIGHT[3] - UPRIGHT[1]));
    let middle = |glyph: [i16; 4]| glyph[0].midpoint(glyph[2]) - UPRIGHT[0];
    let dash_y = RIM_PX + px(UPRIGHT[3] - DASH[1].midpoint(DASH[3]));
    let dash_x = RIM_PX + px(2 * ADVANCE + middle(DASH));
    assert_eq!(at(&drawn, dash_x, dash_y), [255; 4]);
    let space_x = RIM_PX + px(ADVANCE + ADVANCE / 2);
    assert_eq!(at(&drawn, space_x, dash_y)[3], 0);
}

#[test]
fn lines_stand_below_each_other_at_the_left() {
    let drawn = draw_text("I-\n-\n\nI", Rgb::WHITE, WIDE).unwrap();
    let width = ADVANCE + DASH[2] - DASH[0];
    let height = 3 * LINE_HEIGHT + UPRIGHT[3];
    assert_eq!(size(&drawn), with_rim(width, height));
    let spot = |x: i16, line: i16, y: i16| {
        let down = UPRIGHT[3] - y + line * LINE_HEIGHT;
        at(&drawn, RIM_PX + px(x - DASH[0]), RIM_PX + px(down))
    };
    for (x, line, y) in [(250, 0, 350), (900, 0, 350), (300, 1, 350), (250, 3, 600)] {
        assert_eq!(spot(x, line, y), [255; 4], "{x} in line {line}");
    }
    for (x, line, y) in [(250, 1, 600), (900, 1, 350), (250, 2, 350), (900, 3, 350)] {
        assert_eq!(spot(x, line, y)[3], 0, "{x} in line {line}");
    }
}

#[test]
fn text_is_as_wide_as_its_share_and_no_larger_than_its_room() {
    let room = |width_px, height_px, width_share| Room {
        width_px,
        height_px,
        width_share,
    };
    // With its rim, 116 px wide at its own size.
    for (room, width_px) in [
        (room(1000, 1000, None), 116),
        (room(100, 1000, None), 100),
        (room(1000, 1000, Some(0.5)), 500),
        (room(4096, 4096, Some(1.0)), 4096),
        (room(1, 1, None), 1),
    ] {
        let drawn = draw_text("-", Rgb::WHITE, room).unwrap();
        assert_eq!(drawn.width_px, width_px, "{room:?}");
        assert!(drawn.height_px <= room.height_px, "{room:?}");
    }
    // 44 × 188 px at its own size.
    let low = draw_text("I", Rgb::WHITE, room(4000, 94, Some(1.0))).unwrap();
    assert_eq!(size(&low), (22, 94));
}

#[test]
fn a_character_that_the_font_lacks_is_named() {
    for (text, name) in [("IXI", "`X` (U+0058)"), ("I\n-é", "`é` (U+00E9)")] {
        let fault = draw_text(text, Rgb::WHITE, WIDE).unwrap_err().to_string();
        assert!(fault.contains(name), "{fault}");
        assert!(check(text, &drawn_font()).is_err());
    }
    assert!(check("I -", &drawn_font()).is_ok());
}

#[test]
fn what_is_not_seen_is_no_text() {
    for text in ["", " ", "\n\n"] {
        let fault = check(text, &drawn_font()).unwrap_err();
        assert!(matches!(fault, TextFault::Blank), "{fault}");
    }
}

#[test]
fn what_is_no_font_is_told() {
    for bytes in [
        &b""[..],
        b"\0\x01\0\0",
        b"\0\x01\0\0 and so on",
        &[255; 400],
    ] {
        assert!(check("I", bytes).is_err());
    }
    let font = drawn_font();
    // All that is needed of the last table, `maxp`, are its first six bytes of 32.
    for len in 0..font.len() - 32 {
        assert!(check("I", &font[..len]).is_err(), "{len}");
    }
}

#[test]
fn a_glyph_that_claims_to_have_no_contours_is_no_panic() {
    let mut font = drawn_font();
    let [left, bottom, ..] = UPRIGHT.map(i16::to_be_bytes);
    let header = [0, 1, left[0], left[1], bottom[0], bottom[1]];
    let at = font.windows(6).position(|bytes| bytes == header).unwrap();
    font[at + 1] = 0;
    assert!(check("I", &font).is_err());
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]
    #[test]
    fn a_damaged_font_never_panics(
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        text in "[I \n-]{1,20}",
    ) {
        let mut font = drawn_font();
        for (at, value) in flips {
            let at = at.index(font.len());
            font[at] = value;
        }
        let lettering = Lettering { text: &text, font: &font, colour: Rgb::WHITE, size_px: 40 };
        let room = Room { width_px: 300, height_px: 200, width_share: None };
        if let Ok(drawn) = draw(&lettering, room) {
            assert!(drawn.width_px <= 300 && drawn.height_px <= 200);
            assert_eq!(drawn.bytes.len(), (drawn.width_px * drawn.height_px * 4) as usize);
        }
    }
}
