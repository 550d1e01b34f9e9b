//! SVG: rendered at its own size. Reads no file, no font, no other resource and no embedded raster image.
//!
//! Text is left out: it would need fonts of the machine, and look another way on each.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::roxmltree::{Document, ParsingOptions};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use crate::imaging::decode::{DecodeRequest, Decoded, explain};
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::place::whole_px;

mod references; // refused if there are too many
mod cost; // refused if it would take too long, or too much

/// Elements become some hundred times as large in memory as they are in a file.
const RENDERED_BYTES_MAX: usize = 4 << 20;

const NO_SIZE: &str = "no size in pixels";

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let size = (request.inspected.width_px, request.inspected.height_px);
    render(request.original, size)
}

/// At a share of its own size, or a multiple of it.
pub(crate) fn draw(request: &DecodeRequest<'_>, density: f64) -> Result<Pixels, ImagingError> {
    if request.inspected.width_px == 0 || request.inspected.height_px == 0 {
        return Err(explain(request, NO_SIZE.into()));
    }
    let (own_width, own_height) = (request.inspected.width_px, request.inspected.height_px);
    let density = density.min(density_max(request.inspected, request.limits));
    let side = |own_px: u32| whole_px((f64::from(own_px) * density).floor().max(1.0));
    let size = (side(own_width), side(own_height));
    let drawn = render(request.original, size).map_err(|source| explain(request, source))?;
    Ok(drawn.pixels)
}

/// The most that limits allow; what is wanted larger is enlarged from there.
pub(crate) fn density_max(inspected: &Inspected, limits: &Limits) -> f64 {
    let (width, height) = (
        f64::from(inspected.width_px.max(1)),
        f64::from(inspected.height_px.max(1)),
    );
    let by_side = f64::from(limits.side_px_max) / width.max(height);
    by_side.min((limits.pixels_max as f64 / (width * height)).sqrt())
}

/// At another size than its own, each side scaled by itself.
fn render(original: &[u8], (width_px, height_px): (u32, u32)) -> Result<Decoded, CodecFault> {
    if original.len() > RENDERED_BYTES_MAX {
        return Err("more than 4 MiB of SVG".into());
    }
    let text = str::from_utf8(original)?;
    let document = Document::parse_with_options(
        text,
        ParsingOptions {
            // Drawing programs write one; entities are bounded by the parser, and nothing is fetched.
            allow_dtd: true,
            ..ParsingOptions::default()
        },
    )?;
    references::check(&document)?;
    let tree = Tree::from_xmltree(&document, &options())?;
    let (across, down) = (
        side(width_px) / tree.size().width(),
        side(height_px) / tree.size().height(),
    );
    cost::check(tree.root(), (width_px, height_px), (across, down))?;
    let mut pixmap = Pixmap::new(width_px, height_px).ok_or(NO_SIZE)?;
    let transform = Transform::from_scale(across, down);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    Ok(Decoded {
        pixels: Pixels {
            width_px,
            height_px,
            channels: Channels::Rgba,
            bytes: pixmap.take_demultiplied(),
        },
        icc: None,
    })
}

fn options() -> Options<'static> {
    Options {
        resources_dir: None,
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "far below 2^24")]
fn side(px: u32) -> f32 {
    f64::from(px) as f32
}

#[cfg(test)]
mod tests;
