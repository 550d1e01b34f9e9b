//! What drawing an SVG would cost, judged by its tree: drawing cannot be stopped, so what costs too much is not begun.

use resvg::usvg::filter::{Kind, Primitive};
use resvg::usvg::{Fill, Group, Node, Paint, Path, Pattern, Stroke, Transform};

use crate::imaging::container::svg::CANVASES_MAX;
use crate::imaging::error::CodecFault;

/// Half of the time that a derivative has by default, by the figures below.
const NANOSECONDS_MAX: f64 = 7.5e9;

// Measured with resvg 0.49 on one core of 2024, in nanoseconds; rounded up.
/// For each node, whatever it shows; also what a look at it takes here.
const NODE: f64 = 2_000.0;
/// For each pixel of a path's box: a gradient, which costs most.
const FILLED: f64 = 5.0;
/// For each row that each segment of a path may cross.
const CROSSED: f64 = 25.0;
const DASH: f64 = 100.0;
/// For each pixel of a layer; for one that is cut or masked.
const LAYER: f64 = 6.0;
const CUT: f64 = 13.0;
/// For each pixel and step of a filter, and what some of them do for each pixel.
const STEP: f64 = 20.0;
const BLUR: f64 = 60.0;
const LIGHT: f64 = 80.0;
const OCTAVE: f64 = 50.0;
const NEIGHBOUR: f64 = 1.0;
const WEIGHTED_NEIGHBOUR: f64 = 4.0;

/// The renderer cuts layers to the canvas and twice its sides beyond each edge.
const LAYER_CANVASES_MAX: f64 = 25.0;

/// Refuses a drawing that takes more than [`CANVASES_MAX`] canvases at once, or too long.
///
/// `size` is that of the canvas in pixels, `scale` what a unit of the tree becomes on it.
pub(super) fn check(
    root: &Group,
    (width_px, height_px): (u32, u32),
    (across, down): (f32, f32),
) -> Result<(), CodecFault> {
    let mut cost = Cost {
        width: f64::from(width_px),
        height: f64::from(height_px),
        nanoseconds: 0.0,
    };
    let scale = Scale {
        across: f64::from(across),
        down: f64::from(down),
    };
    if cost.group(root, scale)? > f64::from(CANVASES_MAX) {
        return Err("too many layers on top of each other".into());
    }
    Ok(())
}

/// Pixels for each unit.
#[derive(Clone, Copy)]
struct Scale {
    across: f64,
    down: f64,
}

impl Scale {
    fn of(transform: Transform) -> Self {
        let (across, down) = transform.get_scale();
        Self {
            across: f64::from(across),
            down: f64::from(down),
        }
    }

    fn then(self, other: Self) -> Self {
        Self {
            across: self.across * other.across,
            down: self.down * other.down,
        }
    }

    fn longer(self) -> f64 {
        self.across.max(self.down)
    }

    /// Pixels of a box of so many units.
    fn area(self, width: f32, height: f32) -> f64 {
        f64::from(width) * self.across * f64::from(height) * self.down
    }
}

/// The canvas, and the time that has been added up for it.
struct Cost {
    width: f64,
    height: f64,
    nanoseconds: f64,
}

impl Cost {
    fn spend(&mut self, nanoseconds: f64) -> Result<(), CodecFault> {
        self.nanoseconds += nanoseconds;
        // What is not a number is too much as well.
        if self.nanoseconds <= NANOSECONDS_MAX {
            return Ok(());
        }
        Err("drawing it would take too long".into())
    }

    fn area(&self) -> f64 {
        self.width * self.height
    }

    /// The most canvases that drawing a group takes at once, in units of the whole one. The depth of groups is bounded by
    /// the parser.
    fn group(&mut self, group: &Group, scale: Scale) -> Result<f64, CodecFault> {
        self.spend(NODE)?;
        let layer = group.abs_layer_bounding_box();
        let layer = scale.area(layer.width(), layer.height()) / self.area();
        let layer = layer.min(LAYER_CANVASES_MAX);
        let mut own: f64 = 0.0;
        if group.should_isolate() {
            own = layer.max(1.0);
            self.spend(layer * self.area() * LAYER)?;
        }
        let cuts = u8::from(group.clip_path().is_some()) + u8::from(group.mask().is_some());
        self.spend(f64::from(cuts) * layer * self.area() * CUT)?;
        let unit = Scale::of(group.abs_transform()).then(scale).longer();
        let mut filters: f64 = 0.0;
        for filter in group.filters() {
            // Each step has a result of its own.
            let steps = filter.primitives().len() as f64 + 2.0;
            filters = filters.max(layer.max(1.0) * steps);
            for primitive in filter.primitives() {
                let pixels = layer * self.area();
                self.spend(pixels * (STEP + self.of_each_pixel(primitive, unit)))?;
            }
        }
        let mut inner: f64 = 0.0;
        for child in group.children() {
            inner = inner.max(self.node(child, scale)?);
        }
        Ok(own + filters + inner)
    }

    fn node(&mut self, node: &Node, scale: Scale) -> Result<f64, CodecFault> {
        match node {
            Node::Group(group) => {
                let mut roots: f64 = 0.0;
                let mut judged = Ok(());
                // Those of masks, clips and filters.
                node.subroots(|root| match self.group(root, scale) {
                    Ok(canvases) => roots = roots.max(1.0 + canvases),
                    Err(fault) => judged = Err(fault),
                });
                judged?;
                Ok(roots.max(self.group(group, scale)?))
            }
            Node::Path(path) => self.path(path, scale),
            // Without fonts and without raster images, neither shows anything.
            Node::Image(_) | Node::Text(_) => Ok(0.0),
        }
    }

    fn path(&mut self, path: &Path, scale: Scale) -> Result<f64, CodecFault> {
        let seen = path.abs_stroke_bounding_box();
        let width = (f64::from(seen.width()) * scale.across).min(self.width);
        let height = (f64::from(seen.height()) * scale.down).min(self.height);
        let parts = f64::from(u8::from(path.fill().is_some()))
            + 3.0 * f64::from(u8::from(path.stroke().is_some()));
        let segments = path.data().verbs().len() as f64;
        self.spend(NODE + parts * (width * height * FILLED + segments * height * CROSSED))?;
        let dashes = dashes(path);
        let crossed = CROSSED * (height / dashes.max(1.0)).max(1.0);
        self.spend(dashes * (DASH + crossed))?;
        let fill = path.fill().map(Fill::paint);
        let stroke = path.stroke().map(Stroke::paint);
        let mut canvases: f64 = 0.0;
        for paint in [fill, stroke].into_iter().flatten() {
            if let Paint::Pattern(pattern) = paint {
                let scale = Scale::of(path.abs_transform()).then(scale);
                canvases = canvases.max(self.pattern(pattern, scale)?);
            }
        }
        Ok(canvases)
    }

    /// The renderer draws a whole tile, however much of it is seen.
    fn pattern(&mut self, pattern: &Pattern, scale: Scale) -> Result<f64, CodecFault> {
        let scale = Scale::of(pattern.transform()).then(scale);
        let tile = pattern.rect();
        let tile = scale.area(tile.width(), tile.height());
        self.spend(tile * LAYER)?;
        Ok(tile / self.area() + self.group(pattern.root(), scale)?)
    }

    /// Nanoseconds beyond [`STEP`]; `unit` is what a unit of the filter is in pixels.
    fn of_each_pixel(&self, primitive: &Primitive, unit: f64) -> f64 {
        match primitive.kind() {
            Kind::GaussianBlur(_) | Kind::DropShadow(_) => BLUR,
            Kind::DiffuseLighting(_) | Kind::SpecularLighting(_) => LIGHT,
            Kind::Turbulence(turbulence) => OCTAVE * (f64::from(turbulence.num_octaves()) + 1.0),
            Kind::ConvolveMatrix(convolution) => {
                let matrix = convolution.matrix();
                WEIGHTED_NEIGHBOUR * f64::from(matrix.columns()) * f64::from(matrix.rows())
            }
            Kind::Morphology(morphology) => {
                let side = |radius: f32, side_max: f64| {
                    let radius = f64::from(radius) * unit;
                    (2.0 * radius + 1.0).min(5.0 * side_max)
                };
                NEIGHBOUR
                    * side(morphology.radius_x().get(), self.width)
                    * side(morphology.radius_y().get(), self.height)
            }
            Kind::Blend(_)
            | Kind::ColorMatrix(_)
            | Kind::ComponentTransfer(_)
            | Kind::Composite(_)
            | Kind::DisplacementMap(_)
            | Kind::Flood(_)
            | Kind::Image(_)
            | Kind::Merge(_)
            | Kind::Offset(_)
            | Kind::Tile(_) => 0.0,
        }
    }
}

/// How many dashes the outline of a path is cut into, at most.
fn dashes(path: &Path) -> f64 {
    let Some(lengths) = path.stroke().and_then(|stroke| stroke.dasharray()) else {
        return 0.0;
    };
    let period: f64 = lengths.iter().copied().map(f64::from).sum();
    let mut outline = 0.0;
    let mut before = path.data().points().first().copied();
    for point in path.data().points() {
        let from = before.replace(*point).unwrap_or(*point);
        outline += f64::from(point.x - from.x).hypot(f64::from(point.y - from.y));
    }
    // Twice the outline: it may be closed by one more line.
    let dashes = 2.0 * outline / period * lengths.len() as f64 / 2.0;
    // The renderer draws nothing at all beyond a million.
    dashes.min(1e6)
}
