//! From text and the bytes of a font to one path in units of that font.

use harfrust::{BufferClusterLevel, ShapeOptions, ShaperData, UnicodeBuffer};
use resvg::tiny_skia::{Path, PathBuilder, Rect};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, Hinting, OutlinePen};
use skrifa::raw::ReadError;
use skrifa::{FontRef, MetadataProvider, OutlineGlyphCollection};

/// Why a text cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TextFault {
    #[error("the font cannot be read")]
    Font {
        #[source]
        source: ReadError,
    },
    #[error("the font is damaged: give another file")]
    Damaged,
    #[error("the font has no size of the em square")]
    Em,
    #[error(
        "the font has no glyph for `{character}` (U+{:04X}): give a font that has it, or another text",
        u32::from(*character)
    )]
    Missing { character: char },
    #[error("the font's outline of `{character}` (U+{:04X}) cannot be drawn", u32::from(*character))]
    Outline { character: char },
    #[error(
        "the text takes more than {SEGMENTS_MAX} lines and curves: give a simpler font or a shorter text"
    )]
    Segments,
    #[error("the font's outlines are too large to be drawn")]
    Extent,
    #[error("nothing of the text is seen")]
    Blank,
}

/// A Chinese character has some 200, and a text 200 characters.
const SEGMENTS_MAX: usize = 100_000;
/// What drawing one glyph may take, in bytes; the largest of usual fonts take some 50,000.
const GLYPH_BYTES_MAX: usize = 4 << 20;
/// 24 bits, which is what `f32` tells apart; the lines of usual fonts are at most 200 ems of 2,048 long.
const EXTENT_MAX: f32 = 16_777_216.0;

pub(super) struct Shaped {
    /// Downwards from the top, as pixels are.
    pub(super) path: Path,
    /// Of what is seen.
    pub(super) bounds: Rect,
    pub(super) units_per_em: f32,
}

/// Kerning, ligatures and the forms of letters are those of the font. A line is written in one direction, that of its
/// first script.
pub(super) fn shape(text: &str, font: &[u8]) -> Result<Shaped, TextFault> {
    let font = FontRef::new(font).map_err(|source| TextFault::Font { source })?;
    let metrics = font.metrics(Size::unscaled(), LocationRef::default());
    let units_per_em = f32::from(metrics.units_per_em);
    if units_per_em <= 0.0 {
        return Err(TextFault::Em);
    }
    let own = metrics.ascent - metrics.descent + metrics.leading;
    // What type setters take where the font does not say.
    let line_height = if own > 0.0 { own } else { 1.2 * units_per_em };
    let mut pen = Pen::default();
    let shaper_data = ShaperData::new(&font);
    let setting = Setting {
        shaper: shaper_data.shaper(&font).build(),
        outlines: font.outline_glyphs(),
    };
    for line in text.split('\n') {
        setting.draw_line(line, &mut pen)?;
        pen.baseline += line_height;
    }
    let path = pen.builder.finish().ok_or(TextFault::Blank)?;
    let bounds = path.compute_tight_bounds().ok_or(TextFault::Extent)?;
    let edges = [bounds.left(), bounds.top(), bounds.right(), bounds.bottom()];
    if !edges.iter().all(|edge| edge.abs() < EXTENT_MAX) {
        return Err(TextFault::Extent);
    }
    Ok(Shaped {
        path,
        bounds,
        units_per_em,
    })
}

struct Setting<'a> {
    shaper: harfrust::Shaper<'a>,
    outlines: OutlineGlyphCollection<'a>,
}

impl Setting<'_> {
    /// Each line starts at 0.
    fn draw_line(&self, line: &str, pen: &mut Pen) -> Result<(), TextFault> {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(line);
        buffer.set_cluster_level(BufferClusterLevel::Characters);
        buffer.guess_segment_properties();
        let shaped = self.shaper.shape(buffer, ShapeOptions::new());
        let (mut along, mut down) = (0.0, pen.baseline);
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        for (glyph, position) in glyphs {
            let character = character_at(line, glyph.cluster);
            // Glyph 0 is the one for what is missing (OpenType specification, `cmap`).
            if glyph.glyph_id == 0 {
                return Err(TextFault::Missing { character });
            }
            pen.origin = (
                along + units(position.x_offset),
                down - units(position.y_offset),
            );
            self.draw_glyph(glyph.glyph_id, character, pen)?;
            along += units(position.x_advance);
            down -= units(position.y_advance);
        }
        Ok(())
    }

    fn draw_glyph(&self, id: u32, character: char, pen: &mut Pen) -> Result<(), TextFault> {
        let outline = self.outlines.get(id.into());
        let outline = outline.ok_or(TextFault::Outline { character })?;
        if outline.draw_memory_size(Hinting::None) > GLYPH_BYTES_MAX {
            return Err(TextFault::Segments);
        }
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        outline
            .draw(settings, pen)
            .map_err(|_| TextFault::Outline { character })?;
        if pen.segments > SEGMENTS_MAX {
            return Err(TextFault::Segments);
        }
        Ok(())
    }
}

/// The first one for a place that the shaper has not told.
fn character_at(line: &str, byte: u32) -> char {
    let rest = usize::try_from(byte).ok().and_then(|byte| line.get(byte..));
    rest.unwrap_or(line).chars().next().unwrap_or(' ')
}

#[expect(clippy::cast_precision_loss, reason = "what is larger is refused")]
fn units(value: i32) -> f32 {
    value as f32
}

/// Puts glyphs, whose outlines go upwards, where they stand.
struct Pen {
    builder: PathBuilder,
    segments: usize,
    baseline: f32,
    origin: (f32, f32),
}

impl Default for Pen {
    fn default() -> Self {
        Self {
            builder: PathBuilder::new(),
            segments: 0,
            baseline: 0.0,
            origin: (0.0, 0.0),
        }
    }
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.origin.0 + x, self.origin.1 - y)
    }

    /// Answers whether one more may be drawn; who draws too many is told in the end.
    fn count(&mut self) -> bool {
        self.segments += 1;
        self.segments <= SEGMENTS_MAX
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        if self.count() {
            let (x, y) = self.at(x, y);
            self.builder.move_to(x, y);
        }
    }

    fn line_to(&mut self, x: f32, y: f32) {
        if self.count() {
            let (x, y) = self.at(x, y);
            self.builder.line_to(x, y);
        }
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        if self.count() {
            let ((cx, cy), (x, y)) = (self.at(cx0, cy0), self.at(x, y));
            self.builder.quad_to(cx, cy, x, y);
        }
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        if self.count() {
            let (from, to) = (self.at(cx0, cy0), self.at(cx1, cy1));
            let (x, y) = self.at(x, y);
            self.builder.cubic_to(from.0, from.1, to.0, to.1, x, y);
        }
    }

    fn close(&mut self) {
        if self.count() {
            self.builder.close();
        }
    }
}
