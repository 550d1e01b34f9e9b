//! A declared watermark as pixels, laid over a scene.

use crate::imaging::decode::DecodeRequest;
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::inspect;
use crate::imaging::op::overlay::{self, Overlay, Repeat};
use crate::imaging::op::text::{self, Lettering, Room};
use crate::imaging::pipeline::see;
use crate::imaging::pixels::Pixels;
use crate::imaging::place::whole_px;
use crate::imaging::render::Material;
use crate::model::geometry::Fit;
use crate::model::recipe::Layout;
use crate::model::watermark::{Mark, Tiling, Watermark, WatermarkRef};

pub(crate) fn lay(
    named: WatermarkRef,
    base: Pixels,
    material: &Material<'_>,
) -> Result<Pixels, ImagingError> {
    let watermark = material.watermarks.get(named)?;
    let mark = mark(watermark, &base, material).map_err(|source| ImagingError::Mark {
        name: named.name,
        source,
    })?;
    let overlay = Overlay {
        image: &mark,
        position: watermark.position,
        margin_px: watermark.margin_px,
        width_share: width_share(watermark, &mark, &base),
        opacity: f64::from(watermark.opacity_permille) / 1000.0,
        repeat: match watermark.tiling {
            Tiling::Once => Repeat::Once,
            Tiling::Everywhere => Repeat::Tiled {
                gap_px: watermark.margin_px,
            },
        },
    };
    Ok(overlay::lay(base, &overlay))
}

/// As wide as declared, else as wide as the mark is, but no wider than the derivative. Text is drawn as wide as declared.
fn width_share(watermark: &Watermark, mark: &Pixels, base: &Pixels) -> f64 {
    let own = (f64::from(mark.width_px) / f64::from(base.width_px.max(1))).min(1.0);
    match &watermark.mark {
        Mark::Image { .. } => declared_share(watermark).unwrap_or(own),
        Mark::Text { .. } => own,
    }
}

fn declared_share(watermark: &Watermark) -> Option<f64> {
    let permille = watermark.scale_permille?;
    Some(f64::from(permille) / 1000.0)
}

fn mark(
    watermark: &Watermark,
    base: &Pixels,
    material: &Material<'_>,
) -> Result<Pixels, CodecFault> {
    match &watermark.mark {
        Mark::Image { bytes } => {
            let request = DecodeRequest {
                original: bytes,
                inspected: &inspect(bytes, material.limits)?,
                limits: material.limits,
                stop: material.stop,
            };
            // Upright, in sRGB, and no larger than it is laid.
            let share = declared_share(watermark).unwrap_or(1.0);
            let layout = Layout {
                width_px: Some(whole_px(f64::from(base.width_px) * share).max(1)),
                height_px: Some(base.height_px),
                fit: Fit::Inside,
                ..Layout::default()
            };
            Ok(see(&request, layout)?)
        }
        Mark::Text {
            text,
            font,
            colour,
            size_px,
        } => {
            let lettering = Lettering {
                text,
                font,
                colour: *colour,
                size_px: *size_px,
            };
            let room = Room {
                width_px: base.width_px,
                height_px: base.height_px,
                width_share: declared_share(watermark),
            };
            Ok(text::draw(&lettering, room)?)
        }
    }
}
