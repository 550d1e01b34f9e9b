//! What recipes have in common: those that show the same pixels are one scene, rendered once and encoded as often as wanted.

use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::orient::Orientation;
use crate::imaging::picture::Frame;
use crate::imaging::place::{Crop, Placement, place_at, whole_px};
use crate::model::recipe::{ColourProfile, Effects, Encoding, Frames, Layout, Recipe};
use crate::model::turn::{Flip, Rotation};

/// Recipes with the same pixels.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) layout: Layout,
    pub(crate) effects: Effects,
    pub(crate) profile: ColourProfile,
    pub(crate) frames: Frames,
    /// With the place of each among the recipes.
    pub(crate) encodings: Vec<(usize, Encoding)>,
}

/// In the order in which they are first asked for.
pub(crate) fn scenes(recipes: &[Recipe]) -> Vec<Scene> {
    let mut scenes: Vec<Scene> = Vec::new();
    for (index, recipe) in recipes.iter().enumerate() {
        let encoding = recipe.encoding;
        let same = |scene: &&mut Scene| {
            scene.layout == recipe.layout
                && scene.effects == recipe.effects
                && scene.profile == encoding.profile
                && scene.frames == encoding.frames
        };
        match scenes.iter_mut().find(same) {
            Some(scene) => scene.encodings.push((index, encoding)),
            None => scenes.push(Scene {
                layout: recipe.layout,
                effects: recipe.effects,
                profile: encoding.profile,
                frames: encoding.frames,
                encodings: vec![(index, encoding)],
            }),
        }
    }
    scenes
}

/// What looking at the pixels has told about a scene.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sight {
    /// Within the border that is cut off, in whole pixels of the upright original; `None`: all of it.
    pub(crate) trimmed: Option<Crop>,
    /// Where `cover` is to look, after trimming and turning; see [`place_at`].
    pub(crate) focus: Option<(f64, f64)>,
}

/// Where a scene is taken from, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) placement: Placement,
    pub(crate) frame: Frame,
}

impl Setting {
    /// Samples that the derivative needs for each pixel of the original: above 1 where it is enlarged.
    pub(crate) fn density(&self) -> f64 {
        let Frame {
            crop,
            width_px,
            height_px,
            ..
        } = self.frame;
        (f64::from(width_px) / crop.width).max(f64::from(height_px) / crop.height)
    }
}

impl Scene {
    /// To be looked at, not encoded.
    pub(crate) fn of_layout(layout: Layout) -> Self {
        Self {
            layout,
            effects: Effects::default(),
            profile: ColourProfile::Srgb,
            frames: Frames::First,
            encodings: Vec::new(),
        }
    }

    /// What is left of the original once it stands upright and is trimmed.
    pub(crate) fn kept(inspected: &Inspected, sight: Sight) -> Crop {
        let (width_px, height_px) = inspected.upright_size();
        sight.trimmed.unwrap_or(Crop {
            left: 0.0,
            top: 0.0,
            width: f64::from(width_px.max(1)),
            height: f64::from(height_px.max(1)),
        })
    }

    pub(crate) fn set(&self, inspected: &Inspected, sight: Sight) -> Setting {
        let kept = Self::kept(inspected, sight);
        let turn = self.turn();
        let turned = turn.turn_sides((kept.width, kept.height));
        let size = (whole_px(turned.0), whole_px(turned.1));
        let placement = place_at(&self.layout, size, sight.focus);
        // Back the way it came: from the derivative through turn, trim and orientation to what is stored.
        let in_kept = turn.stored_crop(placement.crop, (kept.width, kept.height));
        let in_upright = Crop {
            left: kept.left + in_kept.left,
            top: kept.top + in_kept.top,
            ..in_kept
        };
        let stored_size = (
            f64::from(inspected.width_px.max(1)),
            f64::from(inspected.height_px.max(1)),
        );
        let orientation = inspected.orientation.then(turn);
        let (width_px, height_px) = orientation.turn_size(placement.width_px, placement.height_px);
        Setting {
            placement,
            frame: Frame {
                crop: inspected.orientation.stored_crop(in_upright, stored_size),
                width_px,
                height_px,
                orientation,
            },
        }
    }

    /// Refuses what is too large, for the limits or for a format.
    pub(crate) fn check(&self, setting: &Setting, limits: &Limits) -> Result<(), ImagingError> {
        let mut encodings = self.encodings.iter();
        encodings.try_for_each(|(_, encoding)| setting.placement.check(encoding.format, limits))
    }

    /// Rotation, then flip, as one turn.
    pub(crate) fn turn(&self) -> Orientation {
        let rotated = match self.layout.rotation {
            Rotation::None => Orientation::Upright,
            Rotation::Quarter => Orientation::Rotate90,
            Rotation::Half => Orientation::Rotate180,
            Rotation::ThreeQuarters => Orientation::Rotate270,
        };
        rotated.then(match self.layout.flip {
            Flip::None => Orientation::Upright,
            Flip::Horizontal => Orientation::FlipHorizontal,
            Flip::Vertical => Orientation::FlipVertical,
            Flip::Both => Orientation::Rotate180,
        })
    }
}
