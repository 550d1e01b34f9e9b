//! One scene of a decoded original: the pixels that its encodings share.

use std::cell::OnceCell;

use img_codec::colour::{Chroma, join};
use img_codec::jpeg::decode::Inks;
use img_codec::plane::Plane;

use crate::imaging::colour::Profile;
use crate::imaging::error::ImagingError;
use crate::imaging::limits::Limits;
use crate::imaging::op::blur::{self, Sigma};
use crate::imaging::op::sharpen::{self, Amount};
use crate::imaging::open::Opened;
use crate::imaging::picture::{ColourModel, inks_of, pixels_of};
use crate::imaging::pixels::Pixels;
use crate::imaging::scene::{Scene, Setting};
use crate::imaging::stop::{Stop, check};
use crate::imaging::watermark;
use crate::model::recipe::{ColourProfile, Effects};
use crate::model::watermark::Watermarks;

/// What a scene is rendered from.
#[derive(Clone, Copy)]
pub(crate) struct Material<'a> {
    pub(crate) opened: &'a Opened,
    pub(crate) watermarks: &'a Watermarks,
    pub(crate) limits: &'a Limits,
    pub(crate) stop: &'a dyn Stop,
}

/// A scene that is rendered in the form that an encoder asks for, each form once.
pub(crate) struct Rendering<'a> {
    material: Material<'a>,
    scene: &'a Scene,
    setting: Setting,
    pixels: OnceCell<Pixels>,
}

impl<'a> Rendering<'a> {
    pub(crate) fn new(material: Material<'a>, scene: &'a Scene, setting: Setting) -> Self {
        Self {
            material,
            scene,
            setting,
            pixels: OnceCell::new(),
        }
    }

    pub(crate) fn material(&self) -> Material<'a> {
        self.material
    }

    /// The same scene of another picture.
    pub(crate) fn of<'b>(&self, material: Material<'b>) -> Rendering<'b>
    where
        'a: 'b,
    {
        Rendering::new(material, self.scene, self.setting)
    }

    /// Width and height of the derivative.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.setting.placement.size()
    }

    /// Luma and chroma, or grey alone, straight from the planes of the original; `None` where something has to be done in
    /// RGB.
    pub(crate) fn planes(&self, chroma: Chroma) -> Option<Vec<Plane>> {
        let plain = match self.material.opened.picture.model {
            ColourModel::Grey | ColourModel::YCbCr => true,
            ColourModel::GreyAlpha
            | ColourModel::Rgb
            | ColourModel::Rgba
            | ColourModel::Cmyk(_)
            | ColourModel::Ycck(_) => false,
        };
        let untouched = self.scene.effects == Effects::default()
            && self.setting.placement.canvas.is_none()
            && !self.converts();
        (plain && untouched).then(|| {
            self.material
                .opened
                .picture
                .resize(&self.setting.frame, chroma)
        })
    }

    /// Upright, in sRGB unless the profile is kept, with all effects, on its canvas.
    pub(crate) fn pixels(&self) -> Result<&Pixels, ImagingError> {
        if let Some(pixels) = self.pixels.get() {
            return Ok(pixels);
        }
        let pixels = self.render()?;
        Ok(self.pixels.get_or_init(|| pixels))
    }

    pub(crate) fn into_pixels(self) -> Result<Pixels, ImagingError> {
        self.pixels()?;
        Ok(self.pixels.into_inner().expect("they were made above"))
    }

    fn converts(&self) -> bool {
        self.material.opened.profile.is_some() && !self.keeps_profile()
    }

    /// The original's profile, if it belongs to the pixels.
    pub(crate) fn kept_profile(&self) -> Option<&'a [u8]> {
        let kept = self.material.opened.icc.as_deref();
        kept.filter(|_| self.keeps_profile())
    }

    /// Whether the original's profile belongs to the pixels: where it was asked for and fits.
    fn keeps_profile(&self) -> bool {
        self.scene.profile == ColourProfile::Keep && self.material.opened.can_keep_profile()
    }

    fn render(&self) -> Result<Pixels, ImagingError> {
        let Material { opened, stop, .. } = self.material;
        check(stop)?;
        let planes = opened.picture.resize(&self.setting.frame, Chroma::Full);
        check(stop)?;
        let profile = opened.profile.as_ref().filter(|_| self.converts());
        let mut pixels = in_colour(opened.picture.model, planes, profile);
        let effects = self.scene.effects;
        if let Some(sigma) = effects.blur {
            blur::blur(&mut pixels, Sigma::px(sigma.px()));
        }
        if let Some(strength) = effects.sharpen {
            sharpen::sharpen(&mut pixels, Amount::new(strength.value()));
        }
        check(stop)?;
        if let Some(canvas) = self.setting.placement.canvas {
            pixels = pixels.onto_canvas(canvas, self.scene.layout.background);
        }
        if let Some(named) = effects.watermark {
            pixels = watermark::lay(named, pixels, &self.material)?;
        }
        check(stop)?;
        Ok(pixels)
    }
}

/// Interleaved, and in sRGB if there is a profile to convert from.
pub(crate) fn in_colour(
    model: ColourModel,
    planes: Vec<Plane>,
    profile: Option<&Profile>,
) -> Pixels {
    let Some(profile) = profile else {
        return pixels_of(model, planes);
    };
    if !model.is_ink() {
        return profile.to_srgb(pixels_of(model, planes));
    }
    let inks = inks_of(model, planes);
    match profile.inks_to_srgb(&join(&inks)) {
        Some(bytes) => Pixels {
            bytes,
            ..pixels_of(ColourModel::Cmyk(Inks::AsIs), inks.into())
        },
        None => pixels_of(ColourModel::Cmyk(Inks::AsIs), inks.into()),
    }
}
