//! A decoded original as planes: shrunk as far as its derivatives allow; not yet cut, turned or converted.

use img_codec::colour::{self, Chroma};
use img_codec::jpeg::decode::Inks;
use img_codec::plane::Plane;
use img_codec::resample::{Span, resample};

use crate::imaging::orient::Orientation;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::place::Crop;

/// What the planes of a picture hold, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColourModel {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Full range, BT.601, as JFIF has it.
    YCbCr,
    Cmyk(Inks),
    /// As CMYK, its first three as luma and chroma.
    Ycck(Inks),
}

impl ColourModel {
    pub(crate) fn is_ink(self) -> bool {
        match self {
            Self::Cmyk(_) | Self::Ycck(_) => true,
            Self::Grey | Self::GreyAlpha | Self::Rgb | Self::Rgba | Self::YCbCr => false,
        }
    }

    /// RGB, or what becomes RGB without a profile.
    pub(crate) fn is_rgb(self) -> bool {
        match self {
            Self::Rgb | Self::Rgba | Self::YCbCr => true,
            Self::Grey | Self::GreyAlpha | Self::Cmyk(_) | Self::Ycck(_) => false,
        }
    }

    /// Whether the plane may be made at half the size where the encoder wants it so.
    fn is_chroma(self, plane: usize) -> bool {
        match self {
            Self::YCbCr => plane == 1 || plane == 2,
            Self::Grey
            | Self::GreyAlpha
            | Self::Rgb
            | Self::Rgba
            | Self::Cmyk(_)
            | Self::Ycck(_) => false,
        }
    }
}

/// Samples of a plane for each pixel of the original, at most 1: by the scale of the decoding and by subsampling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Density {
    pub(crate) across: f64,
    pub(crate) down: f64,
}

/// Alpha, where there is one, is multiplied into the colours.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) model: ColourModel,
    pub(crate) planes: Vec<(Plane, Density)>,
}

/// A part of the original, how large it becomes, and how it is turned afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// In pixels of the original as stored.
    pub(crate) crop: Crop,
    /// Of the result as stored, before it is turned.
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) orientation: Orientation,
}

impl Picture {
    /// Of an original of the size given; alpha may be straight or not be there.
    pub(crate) fn from_pixels(pixels: &Pixels, (width_px, height_px): (u32, u32)) -> Self {
        let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
        let mut planes = colour::split(&pixels.bytes, pixels.channels.count(), width, height);
        let model = match pixels.channels {
            Channels::Grey => ColourModel::Grey,
            Channels::GreyAlpha => ColourModel::GreyAlpha,
            Channels::Rgb => ColourModel::Rgb,
            Channels::Rgba => ColourModel::Rgba,
        };
        if pixels.channels.has_alpha() {
            premultiply(&mut planes);
        }
        // An SVG is drawn at the size that it is wanted at.
        let density = Density {
            across: f64::from(pixels.width_px) / f64::from(width_px.max(1)),
            down: f64::from(pixels.height_px) / f64::from(height_px.max(1)),
        };
        let planes = planes.into_iter().map(|plane| (plane, density));
        Self {
            model,
            planes: planes.collect(),
        }
    }

    /// Each plane straight to its size in the derivative, turned upright.
    pub(crate) fn resize(&self, frame: &Frame, chroma: Chroma) -> Vec<Plane> {
        let planes = self.planes.iter().enumerate();
        planes
            .map(|(index, (plane, density))| {
                let half = chroma == Chroma::Half && self.model.is_chroma(index);
                let pixels_each = if half { 2 } else { 1 };
                let (flips_across, flips_down) = frame.orientation.mirrors_stored();
                let across = Side {
                    start: frame.crop.left,
                    len: frame.crop.width,
                    count: frame.width_px,
                    flips: flips_across,
                };
                let down = Side {
                    start: frame.crop.top,
                    len: frame.crop.height,
                    count: frame.height_px,
                    flips: flips_down,
                };
                let resized = resample(
                    plane,
                    across.span(density.across, pixels_each),
                    down.span(density.down, pixels_each),
                );
                frame.orientation.turn(resized)
            })
            .collect()
    }
}

/// One axis of a resize, in pixels.
#[derive(Clone, Copy)]
struct Side {
    start: f64,
    len: f64,
    count: u32,
    /// Whether it is mirrored afterwards.
    flips: bool,
}

impl Side {
    /// In samples of a plane; `pixels_each` pixels of the derivative share one sample.
    fn span(self, density: f64, pixels_each: u32) -> Span {
        let count = self.count.div_ceil(pixels_each);
        let step_px = self.len / f64::from(self.count);
        // The last of an odd number of pixels has a sample of its own. Once mirrored it is the first, and the grid lies
        // the other way round.
        let hanging = if self.flips {
            f64::from(count * pixels_each - self.count)
        } else {
            0.0
        };
        Span {
            start: (self.start - hanging * step_px) * density,
            step: step_px * f64::from(pixels_each) * density,
            count: count as usize,
        }
    }
}

/// All of an image, at another size.
pub(crate) fn resized(pixels: &Pixels, (width_px, height_px): (u32, u32)) -> Pixels {
    if (width_px, height_px) == (pixels.width_px, pixels.height_px) {
        return pixels.clone();
    }
    let picture = Picture::from_pixels(pixels, (pixels.width_px, pixels.height_px));
    let frame = Frame {
        crop: Crop {
            left: 0.0,
            top: 0.0,
            width: f64::from(pixels.width_px),
            height: f64::from(pixels.height_px),
        },
        width_px,
        height_px,
        orientation: Orientation::Upright,
    };
    pixels_of(picture.model, picture.resize(&frame, Chroma::Full))
}

/// All of an image, upright.
#[cfg(test)]
pub(crate) fn turned(pixels: &Pixels, orientation: Orientation) -> Pixels {
    let picture = Picture::from_pixels(pixels, (pixels.width_px, pixels.height_px));
    let planes = picture
        .planes
        .into_iter()
        .map(|(plane, _)| orientation.turn(plane));
    pixels_of(picture.model, planes.collect())
}

/// Multiplies alpha, the last plane, into the others.
pub(crate) fn premultiply(planes: &mut [Plane]) {
    if let Some((alpha, colours)) = planes.split_last_mut() {
        for plane in colours {
            colour::premultiply(plane, alpha);
        }
    }
}

fn unpremultiply(planes: &mut [Plane]) {
    if let Some((alpha, colours)) = planes.split_last_mut() {
        for plane in colours {
            colour::unpremultiply(plane, alpha);
        }
    }
}

/// Planes of one size as interleaved pixels, alpha straight again; inks by the plain formula, for want of a profile.
pub(crate) fn pixels_of(model: ColourModel, mut planes: Vec<Plane>) -> Pixels {
    let size = planes
        .first()
        .map_or((0, 0), |plane| (plane.width(), plane.height()));
    let (channels, bytes) = match model {
        ColourModel::Grey => (Channels::Grey, colour::join(&planes)),
        ColourModel::GreyAlpha => {
            unpremultiply(&mut planes);
            (Channels::GreyAlpha, colour::join(&planes))
        }
        ColourModel::Rgb => (Channels::Rgb, colour::join(&planes)),
        ColourModel::Rgba => {
            unpremultiply(&mut planes);
            (Channels::Rgba, colour::join(&planes))
        }
        ColourModel::YCbCr => (Channels::Rgb, colour::rgb_from_ycbcr(&three(planes))),
        ColourModel::Cmyk(_) | ColourModel::Ycck(_) => {
            let inks = inks_of(model, planes);
            (Channels::Rgb, colour::join(&colour::rgb_from_cmyk(&inks)))
        }
    };
    let side = |samples| u32::try_from(samples).unwrap_or(u32::MAX);
    Pixels {
        width_px: side(size.0),
        height_px: side(size.1),
        channels,
        bytes,
    }
}

/// Cyan, magenta, yellow, black: 255 is all ink. `model` is one of inks.
pub(crate) fn inks_of(model: ColourModel, planes: Vec<Plane>) -> [Plane; 4] {
    let mut planes = <[Plane; 4]>::try_from(planes).expect("inks are four planes");
    let stored = match model {
        ColourModel::Ycck(stored) => {
            let [y, cb, cr, black] = planes;
            let (width, height) = (y.width(), y.height());
            // What luma and chroma were made of is light: 255 less the ink, as that is stored.
            let mut light = colour::split(&colour::rgb_from_ycbcr(&[y, cb, cr]), 3, width, height);
            light.iter_mut().for_each(invert);
            let [cyan, magenta, yellow] = three(light);
            planes = [cyan, magenta, yellow, black];
            stored
        }
        ColourModel::Cmyk(stored) => stored,
        ColourModel::Grey
        | ColourModel::GreyAlpha
        | ColourModel::Rgb
        | ColourModel::Rgba
        | ColourModel::YCbCr => Inks::AsIs,
    };
    if stored == Inks::Inverted {
        planes.iter_mut().for_each(invert);
    }
    planes
}

fn invert(plane: &mut Plane) {
    for sample in plane.padded_samples_mut() {
        *sample = 255 - *sample;
    }
}

fn three(planes: Vec<Plane>) -> [Plane; 3] {
    <[Plane; 3]>::try_from(planes).expect("a model of three planes")
}
