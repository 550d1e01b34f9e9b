//! From an original to its derivatives, as a list of steps.

use crate::imaging::colour::Profile;
use crate::imaging::decode::{DecodeRequest, Decoded, decode};
use crate::imaging::encode::encode;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::{Inspected, inspect};
use crate::imaging::limits::Limits;
use crate::imaging::orient::{Orientation, upright};
use crate::imaging::pixels::Pixels;
use crate::imaging::place::{Placement, place};
use crate::imaging::resize::resize;
use crate::imaging::stop::{Stop, check};
use crate::model::recipe::{Layout, Recipe};

pub struct DeriveRequest<'a> {
    pub original: &'a [u8],
    pub recipes: &'a [Recipe],
    pub limits: &'a Limits,
    pub stop: &'a dyn Stop,
}

impl std::fmt::Debug for DeriveRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeriveRequest")
            .field("original_bytes", &self.original.len())
            .field("recipes", &self.recipes)
            .finish_non_exhaustive()
    }
}

/// A derivative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub width_px: u32,
    pub height_px: u32,
}

/// One derivative per recipe, in the same order, from one decoding.
///
/// A recipe that asks for too much fails all of them, before anything is decoded.
pub fn derive(request: &DeriveRequest<'_>) -> Result<Vec<Encoded>, ImagingError> {
    check(request.stop)?;
    let inspected = inspect(request.original, request.limits)?;
    let placements = place_all(&inspected, request)?;
    if placements.is_empty() {
        return Ok(Vec::new());
    }
    let original = Upright::decode(&DecodeRequest {
        original: request.original,
        inspected: &inspected,
        limits: request.limits,
        stop: request.stop,
    })?;
    let recipes = request.recipes.iter().zip(&placements);
    recipes
        .map(|(recipe, placement)| original.derive(recipe, placement, request.stop))
        .collect()
}

fn place_all(
    inspected: &Inspected,
    request: &DeriveRequest<'_>,
) -> Result<Vec<Placement>, ImagingError> {
    let place_one = |recipe: &Recipe| {
        let placement = place(&recipe.layout, inspected.upright_size());
        placement.check(recipe.encoding.format, request.limits)?;
        Ok(placement)
    };
    request.recipes.iter().map(place_one).collect()
}

/// A decoded original with what is needed to see it as it was meant.
pub(crate) struct Upright {
    pixels: Pixels,
    orientation: Orientation,
    profile: Option<Profile>,
}

impl Upright {
    pub(crate) fn decode(request: &DecodeRequest<'_>) -> Result<Self, ImagingError> {
        let Decoded { pixels, icc } = decode(request)?;
        Ok(Self {
            pixels,
            orientation: request.inspected.orientation,
            profile: icc.as_deref().and_then(Profile::parse),
        })
    }

    /// Upright and in sRGB, without the canvas. Turning and converting come after the resize, when there is less to
    /// turn and to convert.
    pub(crate) fn resize(
        &self,
        placement: &Placement,
        stop: &dyn Stop,
    ) -> Result<Pixels, ImagingError> {
        check(stop)?;
        let stored = &self.pixels;
        let stored_size = (stored.width_px, stored.height_px);
        let crop = self.orientation.stored_crop(placement.crop, stored_size);
        let size = self
            .orientation
            .turn_size(placement.width_px, placement.height_px);
        let pixels = resize(stored, crop, size)?;
        check(stop)?;
        let pixels = upright(pixels, self.orientation);
        Ok(match &self.profile {
            Some(profile) => profile.to_srgb(pixels),
            None => pixels,
        })
    }

    fn derive(
        &self,
        recipe: &Recipe,
        placement: &Placement,
        stop: &dyn Stop,
    ) -> Result<Encoded, ImagingError> {
        let mut pixels = self.resize(placement, stop)?;
        if let Some(canvas) = placement.canvas {
            pixels = pixels.onto_canvas(canvas, recipe.layout.background);
        }
        check(stop)?;
        let (width_px, height_px) = (pixels.width_px, pixels.height_px);
        let bytes = encode(pixels, recipe.encoding, recipe.layout.background)?;
        Ok(Encoded {
            bytes,
            width_px,
            height_px,
        })
    }
}

/// An upper bound of the memory that `derive` takes at once, in bytes, besides the original itself.
pub fn memory_needed(inspected: &Inspected, recipes: &[Recipe]) -> u64 {
    memory_of_layouts(inspected, recipes.iter().map(|recipe| &recipe.layout))
}

pub(crate) fn memory_of_layouts<'a>(
    inspected: &Inspected,
    layouts: impl IntoIterator<Item = &'a Layout>,
) -> u64 {
    /// Coefficients, encoder contexts, hash tables of deflate.
    const FIXED: u64 = 8 << 20;
    /// Of RGBA.
    const CHANNELS: u64 = 4;
    /// Copies of the derivative at once: resized, turned, converted, padded, flattened, the planes of the encoder and
    /// its output.
    const COPIES: u64 = 8;
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let original = area((inspected.width_px, inspected.height_px));
    let (mut largest, mut finished) = (0, 0_u64);
    for layout in layouts {
        let placement = place(layout, inspected.upright_size());
        let derivative = area(placement.size());
        // Between its two passes, the resize holds the width of one image times the height of the other.
        let (width, height) = inspected.upright_size();
        let between = u64::from(placement.width_px) * u64::from(height)
            + u64::from(width) * u64::from(placement.height_px);
        let working = (between + derivative * COPIES).saturating_mul(CHANNELS);
        largest = working.max(largest);
        finished = finished.saturating_add(derivative.saturating_mul(CHANNELS));
    }
    // Alpha is multiplied into a copy of the original; a profile may be copied twice.
    let premultiplied = original.saturating_mul(CHANNELS);
    inspected
        .decoder_bytes
        .saturating_add(premultiplied)
        .saturating_add(largest)
        .saturating_add(finished)
        .saturating_add(FIXED)
}

#[cfg(test)]
mod tests;
