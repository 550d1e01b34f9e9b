//! Free options: the recipe written into a URL, in one canonical order.

use std::fmt;
use std::str::FromStr;

use crate::model::geometry::{Enlarge, InvalidGeometry};
use crate::model::media::OutputFormat;
use crate::model::recipe::{Effects, Finish, Layout, Quality, Recipe, quality_default};
use crate::model::words::{
    InvalidWord, Words, parse_number, print_encoding, print_picture, switch,
};

/// Options of a derivative, as in `w=320,h=240,fit=cover`.
///
/// Names are Cloudflare's (<https://developers.cloudflare.com/images/transform-images/transform-via-url/>) with their
/// short forms, where it has one. Parsing accepts any order and either form of a name; display is canonical: short
/// names, in the order `w h dpr fit gravity q background enlarge`, then those of [`Words`], defaults left out. At least
/// one of width and height is set; a watermark has no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// As written: `dpr` is not multiplied in.
    layout: Layout,
    /// 100..=400, in hundredths.
    dpr_percent: u32,
    /// `None`: the default of the format.
    quality: Option<Quality>,
    effects: Effects,
    finish: Finish,
}

impl Options {
    /// Longest text accepted, in bytes.
    ///
    /// A file name has 255 at most: 46 are the id, two dots and an extension of four letters, and 8 are left to programs
    /// that copy a file under a temporary name (rsync: `.` before and `.XXXXXX` behind), which makes 201. All options at
    /// once, each at its longest, would be longer; a preset has room for them.
    pub const TEXT_LEN_MAX: usize = 200;
    /// Largest width or height that can be written, before `dpr`, in pixels.
    pub const SIDE_PX_MAX: u32 = 65_535;

    /// The recipe for `format`; `dpr` is multiplied into the box.
    pub fn recipe(&self, format: OutputFormat) -> Recipe {
        let scaled = |side_px: Option<u32>| side_px.map(|px| (px * self.dpr_percent).div_ceil(100));
        let quality = self
            .quality
            .unwrap_or_else(|| Quality::Fixed(quality_default(format)));
        Recipe {
            layout: Layout {
                width_px: scaled(self.layout.width_px),
                height_px: scaled(self.layout.height_px),
                ..self.layout
            },
            effects: self.effects,
            encoding: self.finish.encoding(format, quality),
        }
    }

    fn print_box(&self) -> Vec<String> {
        let default = Layout::default();
        let mut parts = Vec::new();
        if let Some(width_px) = self.layout.width_px {
            parts.push(format!("w={width_px}"));
        }
        if let Some(height_px) = self.layout.height_px {
            parts.push(format!("h={height_px}"));
        }
        if self.dpr_percent != 100 {
            parts.push(format!("dpr={}", f64::from(self.dpr_percent) / 100.0));
        }
        if self.layout.fit != default.fit {
            parts.push(format!("fit={}", self.layout.fit));
        }
        if self.layout.gravity != default.gravity {
            parts.push(format!("gravity={}", self.layout.gravity));
        }
        if let Some(Quality::Fixed(quality)) = self.quality {
            parts.push(format!("q={quality}"));
        }
        if self.layout.background != default.background {
            parts.push(format!("background={}", self.layout.background));
        }
        if self.layout.enlarge == Enlarge::Yes {
            parts.push("enlarge=1".to_owned());
        }
        parts
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.quality {
            Some(Quality::Target(target)) => Some(target),
            Some(Quality::Fixed(_)) | None => None,
        };
        let mut parts = self.print_box();
        parts.extend(print_picture(&self.layout, &self.effects));
        parts.extend(print_encoding(&self.finish, target));
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Options {
    type Err = InvalidOptions;

    fn from_str(text: &str) -> Result<Self, InvalidOptions> {
        if text.len() > Self::TEXT_LEN_MAX {
            return Err(InvalidOptions::TooLong);
        }
        let mut read = Read::default();
        let mut seen = Vec::new();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| InvalidOptions::NotAPair {
                    found: part.to_owned(),
                })?;
            let name = read.set(name, value)?;
            if seen.contains(&name) {
                return Err(InvalidOptions::Twice { name });
            }
            seen.push(name);
        }
        read.options()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Read {
    words: Words,
    dpr_percent: Option<u32>,
    quality: Option<u8>,
}

impl Read {
    fn options(self) -> Result<Options, InvalidOptions> {
        let Words {
            layout,
            effects,
            finish,
            ..
        } = self.words;
        let quality = match (self.quality, self.words.target()?) {
            (Some(_), Some(_)) => return Err(InvalidWord::TargetAndQuality.into()),
            (fixed, None) => fixed.map(Quality::Fixed),
            (None, target) => target.map(Quality::Target),
        };
        if layout.width_px.is_none() && layout.height_px.is_none() {
            return Err(InvalidOptions::NoSize);
        }
        let options = Options {
            layout,
            dpr_percent: self.dpr_percent.unwrap_or(100),
            quality,
            effects,
            finish,
        };
        // `g=0.5x.1` is printed longer than it was written.
        if options.to_string().len() > Options::TEXT_LEN_MAX {
            return Err(InvalidOptions::TooLong);
        }
        Ok(options)
    }

    /// Sets one option and answers its canonical name.
    fn set(&mut self, name: &str, value: &str) -> Result<&'static str, InvalidOptions> {
        let expected = |name, expected| InvalidWord::Value {
            name,
            found: value.into(),
            expected,
        };
        let layout = &mut self.words.layout;
        match name {
            "w" | "width" => {
                let side = parse_side(value).ok_or_else(|| expected("w", "1 to 65535"))?;
                layout.width_px = Some(side);
                Ok("w")
            }
            "h" | "height" => {
                let side = parse_side(value).ok_or_else(|| expected("h", "1 to 65535"))?;
                layout.height_px = Some(side);
                Ok("h")
            }
            "dpr" => {
                let percent = parse_dpr_percent(value).ok_or_else(|| expected("dpr", "1 to 4"))?;
                self.dpr_percent = Some(percent);
                Ok("dpr")
            }
            "fit" => {
                layout.fit = value.parse()?;
                Ok("fit")
            }
            "g" | "gravity" => {
                layout.gravity = value.parse()?;
                Ok("gravity")
            }
            "q" | "quality" => {
                let quality = parse_number(value).filter(|quality| (1..=100).contains(quality));
                let quality = quality.ok_or_else(|| expected("q", "1 to 100"))?;
                self.quality = u8::try_from(quality).ok();
                Ok("q")
            }
            "background" => {
                layout.background = value.parse()?;
                Ok("background")
            }
            "enlarge" => {
                layout.enlarge = switch(value, Enlarge::No, Enlarge::Yes)
                    .ok_or_else(|| expected("enlarge", "0 or 1"))?;
                Ok("enlarge")
            }
            other => self
                .words
                .set(other, value)?
                .ok_or_else(|| InvalidOptions::Unknown {
                    name: other.to_owned(),
                }),
        }
    }
}

fn parse_side(text: &str) -> Option<u32> {
    parse_number(text).filter(|&side_px| side_px <= Options::SIDE_PX_MAX)
}

fn parse_dpr_percent(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || decimals.len() > 2 {
        return None;
    }
    let hundredths: u32 = format!("{decimals:0<2}").parse().ok()?;
    let percent = parse_number(whole)?
        .checked_mul(100)?
        .checked_add(hundredths)?;
    (100..=400).contains(&percent).then_some(percent)
}

/// In canonical order.
const OPTION_NAMES: &str = "w, h, dpr, fit, gravity, q, background, enlarge, trim, rotate, flip, blur, sharpen, \
watermark, anim, ssim2, qmin, qmax, maxbytes, lossless, colors, chroma, progressive, metadata, profile, effort";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    #[error(
        "options are longer than {} bytes, which a file name has room for; a preset has room for more",
        Options::TEXT_LEN_MAX
    )]
    TooLong,
    #[error("`{found}` is not `name=value`")]
    NotAPair { found: String },
    #[error("there is no option `{name}` ({})", OPTION_NAMES)]
    Unknown { name: String },
    #[error("option `{name}` is given twice")]
    Twice { name: &'static str },
    #[error("option {0}")]
    Word(InvalidWord),
    #[error(transparent)]
    Geometry(#[from] InvalidGeometry),
    #[error("neither w nor h is given")]
    NoSize,
}

impl From<InvalidWord> for InvalidOptions {
    fn from(word: InvalidWord) -> Self {
        Self::Word(word)
    }
}

#[cfg(test)]
mod tests;
