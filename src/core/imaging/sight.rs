//! Looks at a decoded original to find what only pixels can tell: a border to cut off, and where the eye goes.

use img_codec::colour::Chroma;

use crate::imaging::decode::DecodeRequest;
use crate::imaging::decode_planes::Detail;
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::op::focus::{Interest, focus};
use crate::imaging::op::trim::{self, Border, Tolerance};
use crate::imaging::open::{Opened, open};
use crate::imaging::orient::Orientation;
use crate::imaging::picture::Frame;
use crate::imaging::pixels::Pixels;
use crate::imaging::place::{Crop, whole_px};
use crate::imaging::render::in_colour;
use crate::imaging::scene::{Scene, Sight};
use crate::imaging::stop::check;
use crate::model::geometry::{Fit, Gravity};
use crate::model::turn::Trim;

/// The longer side at which a border is looked for: it is found to a pixel of that size, and the cut goes a pixel inside.
const TRIM_SIDE_PX: u32 = 1_024;
/// The longer side at which a focus is looked for: what draws the eye is larger than a 256th of an image.
const FOCUS_SIDE_PX: u32 = 256;

/// Whether the scene depends on the pixels at all.
pub(crate) fn must_look(scene: &Scene) -> bool {
    scene.layout.trim.is_some() || interest(scene).is_some()
}

/// Decodes what it takes to look, and no more, whatever the derivative needs.
pub(crate) fn look(scene: &Scene, request: &DecodeRequest<'_>) -> Result<Sight, ImagingError> {
    let opened = open(request, detail(scene, request.inspected))?;
    let view = View {
        scene,
        inspected: request.inspected,
        opened: &opened,
    };
    let mut sight = Sight::default();
    if let Some(trim) = scene.layout.trim {
        check(request.stop)?;
        sight.trimmed = Some(view.find_border(trim));
    }
    if let Some(interest) = interest(scene) {
        check(request.stop)?;
        sight.focus = Some(view.find_focus(interest, sight));
    }
    Ok(sight)
}

/// What [`look`] decodes.
pub(crate) fn detail(scene: &Scene, inspected: &Inspected) -> Detail {
    let side_px = if scene.layout.trim.is_some() {
        TRIM_SIDE_PX
    } else {
        FOCUS_SIDE_PX
    };
    let longer_px = inspected.width_px.max(inspected.height_px).max(1);
    let density = f64::from(side_px) / f64::from(longer_px);
    Detail::of(inspected.media, density.min(1.0))
}

fn interest(scene: &Scene) -> Option<Interest> {
    match (scene.layout.fit, scene.layout.gravity) {
        (Fit::Cover, Gravity::Auto) => Some(Interest::Attention),
        (Fit::Cover, Gravity::Entropy) => Some(Interest::Entropy),
        (Fit::Cover, Gravity::Point(_))
        | (Fit::Contain | Fit::Inside | Fit::Pad | Fit::Fill, _) => None,
    }
}

struct View<'a> {
    scene: &'a Scene,
    inspected: &'a Inspected,
    opened: &'a Opened,
}

impl View<'_> {
    fn find_border(&self, trim: Trim) -> Crop {
        let whole = Scene::kept(self.inspected, Sight::default());
        let small = self.small(whole, Orientation::Upright, TRIM_SIDE_PX);
        let tolerance = Tolerance::percent(f32::from(trim.tolerance_percent()));
        let inner = trim::inner(&small, Border::Corners, tolerance);
        inner.crop(self.inspected.upright_size())
    }

    fn find_focus(&self, interest: Interest, sight: Sight) -> (f64, f64) {
        let kept = Scene::kept(self.inspected, sight);
        let small = self.small(kept, self.scene.turn(), FOCUS_SIDE_PX);
        let crop = self.scene.set(self.inspected, sight).placement.crop;
        focus(&small, crop.width / crop.height, interest).before
    }

    /// A part of the upright original, turned, with its longer side no longer than `side_px`.
    fn small(&self, part: Crop, turn: Orientation, side_px: u32) -> Pixels {
        let orientation = self.inspected.orientation;
        let (stored_width, stored_height) = (self.inspected.width_px, self.inspected.height_px);
        let crop = orientation.stored_crop(
            part,
            (
                f64::from(stored_width.max(1)),
                f64::from(stored_height.max(1)),
            ),
        );
        let scale = (f64::from(side_px) / crop.width.max(crop.height)).min(1.0);
        let frame = Frame {
            width_px: whole_px(crop.width * scale).max(1),
            height_px: whole_px(crop.height * scale).max(1),
            crop,
            orientation: orientation.then(turn),
        };
        let planes = self.opened.picture.resize(&frame, Chroma::Full);
        in_colour(self.opened.picture.model, planes, None)
    }
}
