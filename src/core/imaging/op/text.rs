//! Text as pixels, drawn with a font that is given.

use std::panic::{UnwindSafe, catch_unwind};

use resvg::tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, Pixmap, Rect, Shader, Stroke, Transform,
};

use crate::imaging::pixels::{Channels, Pixels};
use crate::model::geometry::Rgb;

pub(crate) use self::shape::TextFault;
use self::shape::{Shaped, shape};

mod shape; // which outlines stand where

#[derive(Clone, Copy, Debug)]
pub(crate) struct Lettering<'a> {
    /// Lines end with `\n`, and stand at the left.
    pub(crate) text: &'a str,
    /// A TrueType or OpenType file.
    pub(crate) font: &'a [u8],
    pub(crate) colour: Rgb,
    /// Of the em square.
    pub(crate) size_px: u32,
}

/// What the text is drawn into: it becomes smaller where it would be wider or higher.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    /// The share of the width that the text takes, in place of its size; above 0.0 and up to 1.0.
    pub(crate) width_share: Option<f64>,
}

/// Thickness of the line around the letters as a share of the em: one pixel at 24 px.
const RIM_PER_EM: f32 = 1.0 / 24.0;
/// Enough to tell white letters from white ground, and light enough not to look like a frame.
const RIM_ALPHA: u8 = 153;

/// As large as what is seen of it, with a thin rim around each letter: black around light letters, white around dark ones.
///
/// Memory: at most four bytes for each pixel of the room, and the outlines, whose number is bounded.
pub(crate) fn draw(lettering: &Lettering<'_>, room: Room) -> Result<Pixels, TextFault> {
    guarded(|| fill(lettering, room))
}

/// Whether the text can be drawn with the font at all.
pub(crate) fn check(text: &str, font: &[u8]) -> Result<(), TextFault> {
    guarded(|| shape(text, font).map(drop))
}

/// What reads fonts does not expect all that may be wrong in them: read-fonts 0.41 indexes beyond the points of a glyph
/// that has none.
fn guarded<T>(work: impl FnOnce() -> Result<T, TextFault> + UnwindSafe) -> Result<T, TextFault> {
    catch_unwind(work).unwrap_or(Err(TextFault::Damaged))
}

fn fill(lettering: &Lettering<'_>, room: Room) -> Result<Pixels, TextFault> {
    let shaped = shape(lettering.text, lettering.font)?;
    let rim = shaped.units_per_em * RIM_PER_EM;
    let seen = Seen::new(&shaped, rim);
    let scale = seen.scale(
        f64::from(lettering.size_px) / f64::from(shaped.units_per_em),
        room,
    );
    let size = (
        whole_px(seen.width * scale, room.width_px),
        whole_px(seen.height * scale, room.height_px),
    );
    let mut pixmap = Pixmap::new(size.0, size.1).ok_or(TextFault::Extent)?;
    let to_canvas = seen.to_canvas(scale);
    let mut lay = |path: &Path, colour: Rgb, alpha: u8| {
        let [red, green, blue] = colour.0;
        let paint = Paint {
            shader: Shader::SolidColor(Color::from_rgba8(red, green, blue, alpha)),
            ..Paint::default()
        };
        pixmap.fill_path(path, &paint, FillRule::Winding, to_canvas, None);
    };
    let stroke = Stroke {
        width: 2.0 * rim,
        line_join: LineJoin::Round,
        ..Stroke::default()
    };
    if let Some(around) = shaped.path.stroke(&stroke, narrow(scale)) {
        lay(&around, rim_colour(lettering.colour), RIM_ALPHA);
    }
    lay(&shaped.path, lettering.colour, u8::MAX);
    Ok(Pixels {
        width_px: size.0,
        height_px: size.1,
        channels: Channels::Rgba,
        bytes: pixmap.take_demultiplied(),
    })
}

/// The letters and their rims, in units of the font.
#[derive(Clone, Copy)]
struct Seen {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Seen {
    fn new(shaped: &Shaped, rim: f32) -> Self {
        let bounds: Rect = shaped.bounds;
        let rim = f64::from(rim);
        Self {
            left: f64::from(bounds.left()) - rim,
            top: f64::from(bounds.top()) - rim,
            width: f64::from(bounds.right()) - f64::from(bounds.left()) + 2.0 * rim,
            height: f64::from(bounds.bottom()) - f64::from(bounds.top()) + 2.0 * rim,
        }
    }

    /// Pixels for each unit of the font: as given, or as the share of the width demands, and within the room.
    fn scale(self, given: f64, room: Room) -> f64 {
        let (room_width, room_height) = (f64::from(room.width_px), f64::from(room.height_px));
        let wanted = match room.width_share {
            Some(share) => room_width * share / self.width,
            None => given,
        };
        wanted
            .min(room_width / self.width)
            .min(room_height / self.height)
    }

    fn to_canvas(self, scale: f64) -> Transform {
        let (left, top) = (narrow(-self.left * scale), narrow(-self.top * scale));
        let scale = narrow(scale);
        Transform::from_row(scale, 0.0, 0.0, scale, left, top)
    }
}

fn rim_colour(letters: Rgb) -> Rgb {
    let [red, green, blue] = letters.0.map(u32::from);
    // BT.601, in thousandths.
    let luma = (299 * red + 587 * green + 114 * blue) / 1000;
    if luma >= 128 { Rgb([0; 3]) } else { Rgb::WHITE }
}

/// Rounded up, but not for what floating point leaves over.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and the cast saturates"
)]
fn whole_px(side: f64, most_px: u32) -> u32 {
    ((side - 1e-6).ceil() as u32).clamp(1, most_px.max(1))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "places need no more than 24 bits"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
