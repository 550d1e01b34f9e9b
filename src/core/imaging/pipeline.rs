//! From an original to its derivatives, as a list of steps.

use crate::imaging::animate;
use crate::imaging::decode::DecodeRequest;
use crate::imaging::decode_planes;
use crate::imaging::encode::Attachments;
use crate::imaging::error::ImagingError;
use crate::imaging::finish::{Finish, finish};
use crate::imaging::inspect::{Inspected, inspect};
use crate::imaging::limits::Limits;
use crate::imaging::metadata::copyright;
use crate::imaging::open::{Opened, open};
use crate::imaging::pixels::Pixels;
use crate::imaging::render::{Material, Rendering};
use crate::imaging::scene::{Scene, Setting, Sight, scenes};
use crate::imaging::sight::{look, must_look};
use crate::imaging::stop::{Stop, check};
use crate::model::recipe::{ColourProfile, Encoding, Layout, MetadataKept, Recipe};
use crate::model::watermark::Watermarks;

pub struct DeriveRequest<'a> {
    pub original: &'a [u8],
    pub recipes: &'a [Recipe],
    /// Those that recipes name.
    pub watermarks: &'a Watermarks,
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
    let scenes = scenes(request.recipes);
    let expected = set_all(&scenes, &inspected, request.limits)?;
    if scenes.is_empty() {
        return Ok(Vec::new());
    }
    let decoding = DecodeRequest {
        original: request.original,
        inspected: &inspected,
        limits: request.limits,
        stop: request.stop,
    };
    let opened = open(&decoding, density(&expected))?;
    let (opened, settings) = look_closer(opened, &decoding, (&scenes, expected))?;
    let mut derivatives = vec![None; request.recipes.len()];
    let exif = copyright(&decoding, request.recipes)?;
    for (scene, setting) in scenes.iter().zip(settings) {
        let material = Material {
            opened: &opened,
            watermarks: request.watermarks,
            limits: request.limits,
            stop: request.stop,
        };
        let rendering = Rendering::new(material, scene, setting);
        for (index, encoding) in &scene.encodings {
            let still = Finish {
                rendering: &rendering,
                encoding,
                background: scene.layout.background,
                attachments: attachments(encoding, &opened, exif.as_deref()),
            };
            let encoded = if animate::moves(encoding, &inspected) {
                animate::animate(&still, &decoding)
            } else {
                finish(still, request.stop)
            };
            derivatives[*index] = Some(encoded?);
        }
    }
    let derivatives: Option<Vec<Encoded>> = derivatives.into_iter().collect();
    Ok(derivatives.expect("every recipe belongs to a scene"))
}

/// Artist and copyright of the original, if any derivative is to name them.
fn copyright(
    decoding: &DecodeRequest<'_>,
    recipes: &[Recipe],
) -> Result<Option<Vec<u8>>, ImagingError> {
    let kept = |recipe: &Recipe| recipe.encoding.metadata == MetadataKept::Copyright;
    if !recipes.iter().any(kept) {
        return Ok(None);
    }
    let credit = copyright::load(&decoding.original, decoding.inspected.media)?;
    Ok(credit.to_exif())
}

fn attachments<'a>(
    encoding: &Encoding,
    opened: &'a Opened,
    exif: Option<&'a [u8]>,
) -> Attachments<'a> {
    Attachments {
        icc: match encoding.profile {
            ColourProfile::Keep => opened.icc.as_deref(),
            ColourProfile::Srgb => None,
        },
        exif: match encoding.metadata {
            MetadataKept::Copyright => exif,
            MetadataKept::Nothing => None,
        },
    }
}

/// The pixels of one layout, without an encoding.
pub(crate) fn see(request: &DecodeRequest<'_>, layout: Layout) -> Result<Pixels, ImagingError> {
    let scene = Scene::of_layout(layout);
    let setting = scene.set(request.inspected, Sight::default());
    let opened = open(request, setting.density())?;
    let material = Material {
        opened: &opened,
        watermarks: &Watermarks::default(),
        limits: request.limits,
        stop: request.stop,
    };
    Rendering::new(material, &scene, setting).into_pixels()
}

/// As far as it is known without the pixels. Trimming makes derivatives no larger.
fn set_all(
    scenes: &[Scene],
    inspected: &Inspected,
    limits: &Limits,
) -> Result<Vec<Setting>, ImagingError> {
    let set = |scene: &Scene| {
        let setting = scene.set(inspected, Sight::default());
        for (_, encoding) in &scene.encodings {
            setting.placement.check(encoding.format, limits)?;
        }
        Ok(setting)
    };
    scenes.iter().map(set).collect()
}

/// Settles what depends on the pixels; decodes again if less of the original is to become as large.
fn look_closer(
    opened: Opened,
    decoding: &DecodeRequest<'_>,
    (scenes, expected): (&[Scene], Vec<Setting>),
) -> Result<(Opened, Vec<Setting>), ImagingError> {
    let mut settings = expected;
    for (scene, setting) in scenes.iter().zip(&mut settings) {
        if must_look(scene) {
            let sight = look(scene, &opened, decoding)?;
            *setting = scene.set(decoding.inspected, sight);
        }
    }
    let opened = opened.reopen_for(decoding, density(&settings))?;
    Ok((opened, settings))
}

/// The most samples that any of them needs for a pixel of the original.
fn density(settings: &[Setting]) -> f64 {
    settings.iter().map(Setting::density).fold(0.0, f64::max)
}

/// An upper bound of the memory that `derive` takes at once, in bytes, besides the original itself.
pub fn memory_needed(original: &[u8], inspected: &Inspected, recipes: &[Recipe]) -> u64 {
    memory_of_scenes(original, inspected, &scenes(recipes))
}

/// As [`memory_needed`], of [`see`].
pub(crate) fn memory_to_see(original: &[u8], inspected: &Inspected, layout: Layout) -> u64 {
    memory_of_scenes(original, inspected, &[Scene::of_layout(layout)])
}

fn memory_of_scenes(original: &[u8], inspected: &Inspected, scenes: &[Scene]) -> u64 {
    /// Look-ups, encoder contexts, hash tables of deflate.
    const FIXED: u64 = 8 << 20;
    /// For each pixel of the derivative being made: its planes, its pixels, a copy of either for an effect or a canvas,
    /// the planes and the output of its encoder.
    const WORKING: u64 = 32;
    /// For each pixel of a finished one.
    const FINISHED: u64 = 4;
    let settings: Vec<Setting> = scenes
        .iter()
        .map(|scene| scene.set(inspected, Sight::default()))
        .collect();
    // Trimming may leave so little that all of the original's pixels are needed.
    let trims = scenes.iter().any(|scene| scene.layout.trim.is_some());
    let density = if trims { 1.0 } else { density(&settings) };
    let area = |setting: &Setting| {
        let (width_px, height_px) = setting.placement.size();
        u64::from(width_px) * u64::from(height_px)
    };
    let largest = settings.iter().map(area).max().unwrap_or(0);
    let finished: u64 = scenes
        .iter()
        .zip(&settings)
        .map(|(scene, setting)| area(setting).saturating_mul(scene.encodings.len() as u64))
        .fold(0, u64::saturating_add);
    decode_planes::memory_needed(original, inspected, density)
        .saturating_add(largest.saturating_mul(WORKING))
        .saturating_add(finished.saturating_mul(FINISHED))
        .saturating_add(FIXED)
}

#[cfg(test)]
mod tests;
