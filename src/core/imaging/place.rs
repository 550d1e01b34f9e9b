//! Where an upright image goes: which part is taken, how large it becomes, what is around it. Arithmetic only.

use crate::imaging::error::ImagingError;
use crate::imaging::limits::Limits;
use crate::imaging::pixels::Canvas;
use crate::model::geometry::{Enlarge, Fit, Gravity, Point};
use crate::model::media::OutputFormat;
use crate::model::recipe::Layout;

/// A part of an image, in its pixels, from the top left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Taken of the upright original.
    pub crop: Crop,
    /// The crop becomes this large.
    pub width_px: u32,
    pub height_px: u32,
    /// For [`Fit::Pad`] with room around the image.
    pub canvas: Option<Canvas>,
}

impl Placement {
    /// Of the derivative.
    pub fn size(&self) -> (u32, u32) {
        self.canvas
            .map_or((self.width_px, self.height_px), |canvas| {
                (canvas.width_px, canvas.height_px)
            })
    }

    pub(crate) fn check(&self, format: OutputFormat, limits: &Limits) -> Result<(), ImagingError> {
        let (width_px, height_px) = self.size();
        let side_px = width_px.max(height_px);
        limits.check_output(side_px)?;
        if side_px > format.side_px_max() {
            return Err(ImagingError::FormatSide {
                format,
                found_px: side_px,
                max_px: format.side_px_max(),
            });
        }
        Ok(())
    }
}

/// As [`place_at`], without a look at the pixels.
pub fn place(layout: &Layout, size: (u32, u32)) -> Placement {
    place_at(layout, size, None)
}

/// `size` is that of the image upright, trimmed and turned; it and the result are at least 1 px on each side.
///
/// `focus` is where a gravity that depends on the pixels was found, as shares of width and height, 0.0..=1.0, with the
/// meaning of a point of gravity: what stands at that share of the image stands at that share of the crop. It is the
/// centre without one, and without effect on a gravity that is a point by itself.
pub fn place_at(
    layout: &Layout,
    (width_px, height_px): (u32, u32),
    focus: Option<(f64, f64)>,
) -> Placement {
    let image = Size {
        width: f64::from(width_px.max(1)),
        height: f64::from(height_px.max(1)),
    };
    let point = match (layout.gravity, focus) {
        (Gravity::Auto | Gravity::Entropy, Some((x, y))) => (x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)),
        (gravity, _) => (gravity.point().x(), gravity.point().y()),
    };
    let bounds = bounds(layout, image);
    match layout.fit {
        Fit::Contain => contain(image, bounds, layout.enlarge),
        Fit::Inside => contain(image, bounds, Enlarge::No),
        Fit::Cover => cover(image, bounds, layout.enlarge, point),
        Fit::Fill => fill(image, bounds, layout.enlarge),
        // All of the image is kept: what draws attention in it has no say in where it stands.
        Fit::Pad => pad(
            contain(image, bounds, layout.enlarge),
            bounds,
            layout.gravity.point(),
        ),
    }
}

#[derive(Clone, Copy)]
struct Size {
    width: f64,
    height: f64,
}

impl Size {
    fn whole(self) -> Crop {
        Crop {
            left: 0.0,
            top: 0.0,
            width: self.width,
            height: self.height,
        }
    }

    /// To whole pixels, at least one.
    fn rounded(self) -> (u32, u32) {
        (whole_px(self.width).max(1), whole_px(self.height).max(1))
    }
}

/// The box; a side that is not given follows from the ratio of the image, unrounded, lest it narrow the given one.
fn bounds(layout: &Layout, image: Size) -> Size {
    let side = |px: u32| f64::from(px.max(1));
    match (layout.width_px.map(side), layout.height_px.map(side)) {
        (None, None) => image,
        (Some(width), None) => Size {
            width,
            height: width * image.height / image.width,
        },
        (None, Some(height)) => Size {
            width: height * image.width / image.height,
            height,
        },
        (Some(width), Some(height)) => Size { width, height },
    }
}

fn contain(image: Size, bounds: Size, enlarge: Enlarge) -> Placement {
    let ratios = (bounds.width / image.width, bounds.height / image.height);
    // The given side is met exactly, whatever the rounding of the other.
    let mut size = if ratios.0 <= ratios.1 {
        Size {
            width: bounds.width,
            height: (image.height * ratios.0).min(bounds.height),
        }
    } else {
        Size {
            width: (image.width * ratios.1).min(bounds.width),
            height: bounds.height,
        }
    };
    if enlarge == Enlarge::No && ratios.0.min(ratios.1) >= 1.0 {
        size = image;
    }
    scaled(image.whole(), size)
}

fn fill(image: Size, bounds: Size, enlarge: Enlarge) -> Placement {
    let size = match enlarge {
        Enlarge::Yes => bounds,
        Enlarge::No => Size {
            width: bounds.width.min(image.width),
            height: bounds.height.min(image.height),
        },
    };
    scaled(image.whole(), size)
}

fn cover(image: Size, bounds: Size, enlarge: Enlarge, point: (f64, f64)) -> Placement {
    let scale = (image.width / bounds.width).min(image.height / bounds.height);
    let mut part = Size {
        width: (bounds.width * scale).min(image.width),
        height: (bounds.height * scale).min(image.height),
    };
    let mut size = bounds;
    if enlarge == Enlarge::No && scale < 1.0 {
        // Whole pixels on both sides of the cut, so that nothing is resampled.
        let (width_px, height_px) = part.rounded();
        part = Size {
            width: f64::from(width_px),
            height: f64::from(height_px),
        };
        size = part;
    }
    let mut left = (image.width - part.width) * point.0;
    let mut top = (image.height - part.height) * point.1;
    if scale <= 1.0 && enlarge == Enlarge::No {
        (left, top) = (left.floor(), top.floor());
    }
    let crop = Crop {
        left,
        top,
        ..part.whole()
    };
    scaled(crop, size)
}

fn pad(inner: Placement, bounds: Size, point: Point) -> Placement {
    let (width_px, height_px) = bounds.rounded();
    if (width_px, height_px) == (inner.width_px, inner.height_px) {
        return inner;
    }
    let room = |outer: u32, inner: u32, share: f64| {
        whole_px(f64::from(outer.saturating_sub(inner)) * share)
    };
    Placement {
        canvas: Some(Canvas {
            width_px,
            height_px,
            left_px: room(width_px, inner.width_px, point.x()),
            top_px: room(height_px, inner.height_px, point.y()),
        }),
        ..inner
    }
}

fn scaled(crop: Crop, size: Size) -> Placement {
    let (width_px, height_px) = size.rounded();
    Placement {
        crop,
        width_px,
        height_px,
        canvas: None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides are positive and come from u32; the cast saturates"
)]
pub(crate) fn whole_px(side: f64) -> u32 {
    side.round() as u32
}

#[cfg(test)]
mod tests;
