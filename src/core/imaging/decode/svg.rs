//! SVG: rendered at its own size. Reads no file, no font, no other resource and no embedded raster image.
//!
//! Text is left out: it would need fonts of the machine, and look another way on each.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Group, ImageHrefResolver, Node, Options, Tree};

use crate::imaging::container::svg::CANVASES_MAX;
use crate::imaging::decode::{DecodeRequest, Decoded, explain};
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::pixels::{Channels, Pixels};

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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers from 1 to the longest side"
)]
fn whole_px(side: f64) -> u32 {
    side as u32
}

/// At another size than its own, each side scaled by itself.
fn render(original: &[u8], (width_px, height_px): (u32, u32)) -> Result<Decoded, CodecFault> {
    if original.len() > RENDERED_BYTES_MAX {
        return Err("more than 4 MiB of SVG".into());
    }
    let tree = Tree::from_data(original, &options())?;
    let mut pixmap = Pixmap::new(width_px, height_px).ok_or(NO_SIZE)?;
    let to = Scale {
        across: side(width_px) / tree.size().width(),
        down: side(height_px) / tree.size().height(),
    };
    let canvas = f64::from(width_px) * f64::from(height_px);
    let needed = to.canvases(tree.root(), canvas);
    if needed > f64::from(CANVASES_MAX) {
        return Err("too many layers on top of each other".into());
    }
    let transform = Transform::from_scale(to.across, to.down);
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

#[derive(Clone, Copy)]
struct Scale {
    across: f32,
    down: f32,
}

impl Scale {
    /// The most canvases that rendering takes at once, in units of the whole one of `area` pixels. The depth of groups is
    /// bounded by the parser.
    fn canvases(self, group: &Group, area: f64) -> f64 {
        let own = if group.should_isolate() { 1.0 } else { 0.0 };
        let filters = group.filters().iter().map(|filter| {
            let region = filter.rect();
            let region =
                f64::from(region.width() * self.across) * f64::from(region.height() * self.down);
            // Filters are rendered up to twice the canvas beyond each of its edges; each step has a result of its own.
            let steps = filter.primitives().len() as f64 + 2.0;
            (region / area).min(25.0) * steps
        });
        let filters = filters.fold(0.0, f64::max);
        let mut inner: f64 = 0.0;
        for child in group.children() {
            if let Node::Group(child) = child {
                inner = inner.max(self.canvases(child, area));
            }
            // Those of masks, clips and patterns.
            child.subroots(|root| inner = inner.max(1.0 + self.canvases(root, area)));
        }
        own + filters + inner
    }
}
