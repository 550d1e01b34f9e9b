//! From an original to its derivatives, as a list of steps.

use crate::imaging::animate;
use crate::imaging::decode::{DecodeRequest, svg};
use crate::imaging::decode_planes::{self, Detail};
use crate::imaging::encode::{self, Attachments};
use crate::imaging::error::ImagingError;
use crate::imaging::finish::{Finish, finish};
use crate::imaging::inspect::{Inspected, inspect};
use crate::imaging::limits::Limits;
use crate::imaging::metadata::copyright;
use crate::imaging::open::open;
use crate::imaging::pixels::Pixels;
use crate::imaging::render::{Material, Rendering};
use crate::imaging::scene::{Scene, Setting, Sight, scenes};
use crate::imaging::sight::{look, must_look};
use crate::imaging::stop::{Stop, check};
use crate::model::media::MediaType;
use crate::model::recipe::{Encoding, Layout, MetadataKept, Quality, Recipe};
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

/// One derivative per recipe, in the same order.
///
/// Those that need the same detail of the original share one decoding, and those that show the same pixels one
/// rendering; neither changes a byte of them. A recipe that asks for too much fails all of them.
pub fn derive(request: &DeriveRequest<'_>) -> Result<Vec<Encoded>, ImagingError> {
    check(request.stop)?;
    let inspected = inspect(request.original, request.limits)?;
    let scenes = scenes(request.recipes);
    check_all(&scenes, &inspected, request.limits)?;
    let decoding = DecodeRequest {
        original: request.original,
        inspected: &inspected,
        limits: request.limits,
        stop: request.stop,
    };
    let exif = copyright(&decoding, request.recipes)?;
    let mut derivatives = vec![None; request.recipes.len()];
    for (detail, scenes) in by_detail(&scenes, &decoding)? {
        let opened = open(&decoding, detail)?;
        let material = Material {
            opened: &opened,
            watermarks: request.watermarks,
            limits: request.limits,
            stop: request.stop,
        };
        for (scene, setting) in scenes {
            let rendering = Rendering::new(material, scene, setting);
            for (index, encoding) in &scene.encodings {
                let still = Finish {
                    rendering: &rendering,
                    encoding,
                    background: scene.layout.background,
                    attachments: attachments(encoding, &rendering, exif.as_deref()),
                };
                let encoded = if animate::moves(encoding, &inspected) {
                    animate::animate(&still, &decoding)
                } else {
                    finish(still, request.stop)
                };
                derivatives[*index] = Some(encoded?);
            }
        }
    }
    let derivatives: Option<Vec<Encoded>> = derivatives.into_iter().collect();
    Ok(derivatives.expect("every recipe belongs to a scene"))
}

/// Refuses what is too large, as far as that is known before anything is decoded.
fn check_all(scenes: &[Scene], inspected: &Inspected, limits: &Limits) -> Result<(), ImagingError> {
    let check_one = |scene: &Scene| scene.check(&scene.set(inspected, Sight::default()), limits);
    scenes.iter().try_for_each(check_one)
}

type Settled<'a> = Vec<(&'a Scene, Setting)>;

/// Scenes with their settings, looked at where that is needed, put together by what they need of the original.
fn by_detail<'a>(
    scenes: &'a [Scene],
    decoding: &DecodeRequest<'_>,
) -> Result<Vec<(Detail, Settled<'a>)>, ImagingError> {
    let inspected = decoding.inspected;
    let mut groups: Vec<(Detail, Settled<'a>)> = Vec::new();
    for scene in scenes {
        let sight = if must_look(scene) {
            look(scene, decoding)?
        } else {
            Sight::default()
        };
        let setting = scene.set(inspected, sight);
        scene.check(&setting, decoding.limits)?;
        let detail = Detail::of(inspected.media, setting.density());
        match groups.iter_mut().find(|(known, _)| *known == detail) {
            Some((_, group)) => group.push((scene, setting)),
            None => groups.push((detail, vec![(scene, setting)])),
        }
    }
    Ok(groups)
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
    rendering: &Rendering<'a>,
    exif: Option<&'a [u8]>,
) -> Attachments<'a> {
    Attachments {
        icc: rendering.kept_profile(),
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
    let detail = Detail::of(request.inspected.media, setting.density());
    let opened = open(request, detail)?;
    let material = Material {
        opened: &opened,
        watermarks: &Watermarks::default(),
        limits: request.limits,
        stop: request.stop,
    };
    Rendering::new(material, &scene, setting).into_pixels()
}

/// An upper bound of the memory that `derive` takes at once, in bytes, besides the original itself.
pub fn memory_needed(
    original: &[u8],
    inspected: &Inspected,
    recipes: &[Recipe],
    limits: &Limits,
) -> u64 {
    memory_of_scenes((original, inspected), &scenes(recipes), limits)
}

/// As [`memory_needed`], of [`see`].
pub(crate) fn memory_to_see(original: &[u8], inspected: &Inspected, layout: Layout) -> u64 {
    let scene = Scene::of_layout(layout);
    memory_of_scenes((original, inspected), &[scene], &Limits::default())
}

fn memory_of_scenes(
    (original, inspected): (&[u8], &Inspected),
    scenes: &[Scene],
    limits: &Limits,
) -> u64 {
    /// Look-ups, encoder contexts, hash tables of deflate.
    const FIXED: u64 = 8 << 20;
    /// For each pixel of the derivative being made: its planes, its pixels, a copy of either for an effect or a canvas.
    const RENDERING: u64 = 16;
    /// For each pixel more where qualities are tried: planes of both pictures at all scales of SSIMULACRA2.
    const SCORING: u64 = 160;
    /// For each pixel of a finished one.
    const FINISHED: u64 = 4;
    let (mut decoding, mut working, mut finished) = (0, 0, 0_u64);
    for scene in scenes {
        let setting = scene.set(inspected, Sight::default());
        let (width_px, height_px) = setting.placement.size();
        let mut area = u64::from(width_px) * u64::from(height_px);
        let mut density = setting.density();
        if scene.layout.trim.is_some() {
            // So little may be left that all of the original is needed, and a side that follows is as long as can be.
            density = match inspected.media {
                MediaType::Svg => svg::density_max(inspected, limits),
                _ => 1.0,
            };
            let side = |px: Option<u32>| u64::from(px.unwrap_or(limits.output_side_px_max));
            area = side(scene.layout.width_px) * side(scene.layout.height_px);
        }
        let detail = Detail::of(inspected.media, density);
        decoding = decode_planes::memory_needed(original, inspected, detail).max(decoding);
        for (_, encoding) in &scene.encodings {
            let mut each = RENDERING + encode::bytes_per_pixel(encoding);
            if let Quality::Target(_) = encoding.quality {
                each += SCORING;
            }
            let mut frames = 1;
            if animate::moves(encoding, inspected) {
                decoding = animate::memory_needed(inspected).max(decoding);
                frames = u64::from(inspected.frames);
            }
            working = area.saturating_mul(each).max(working);
            finished = finished.saturating_add(area.saturating_mul(FINISHED * frames));
        }
    }
    [decoding, working, finished, FIXED]
        .into_iter()
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
