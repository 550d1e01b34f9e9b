//! A declared watermark as pixels, laid over a scene.

use crate::imaging::decode::{DecodeRequest, decode};
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::inspect;
use crate::imaging::op::overlay::{self, Overlay, Repeat};
use crate::imaging::pixels::Pixels;
use crate::imaging::render::Material;
use crate::model::watermark::{Mark, Tiling, Watermark, WatermarkRef};

pub(crate) fn lay(
    named: WatermarkRef,
    base: Pixels,
    material: &Material<'_>,
) -> Result<Pixels, ImagingError> {
    let watermark = material.watermarks.get(named)?;
    let mark = mark(&watermark.mark, material).map_err(|source| ImagingError::Mark {
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

/// As wide as declared, else as wide as the mark is, but no wider than the derivative.
fn width_share(watermark: &Watermark, mark: &Pixels, base: &Pixels) -> f64 {
    match watermark.scale_permille {
        Some(permille) => f64::from(permille) / 1000.0,
        None => (f64::from(mark.width_px) / f64::from(base.width_px.max(1))).min(1.0),
    }
}

fn mark(mark: &Mark, material: &Material<'_>) -> Result<Pixels, CodecFault> {
    match mark {
        Mark::Image { bytes } => {
            let inspected = inspect(bytes, material.limits)?;
            let decoded = decode(&DecodeRequest {
                original: bytes,
                inspected: &inspected,
                limits: material.limits,
                stop: material.stop,
            })?;
            Ok(decoded.pixels)
        }
        Mark::Text { .. } => Err("text".into()),
    }
}
