//! Free options: the recipe written into a URL, in one canonical order.

use std::fmt;
use std::str::FromStr;

use crate::model::geometry::{Enlarge, InvalidGeometry};
use crate::model::media::OutputFormat;
use crate::model::recipe::{Encoding, Layout, Recipe, quality_default};

/// Options of a derivative, as in `w=320,h=240,fit=cover`.
///
/// Names are Cloudflare's (<https://developers.cloudflare.com/images/transform-images/transform-via-url/>) with their
/// short forms. Parsing accepts any order and either form of a name; display is canonical: short names, in the order
/// `w h dpr fit gravity q background enlarge`, defaults left out. At least one of width and height is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// As written: `dpr` is not multiplied in.
    layout: Layout,
    /// 100..=400, in hundredths.
    dpr_percent: u32,
    quality: Option<u8>,
}

impl Options {
    /// Longest text accepted, in bytes: above every option at its longest, and a file name stays below 255.
    pub const TEXT_LEN_MAX: usize = 160;
    /// Largest width or height that can be written, before `dpr`, in pixels.
    pub const SIDE_PX_MAX: u32 = 65_535;

    /// The recipe for `format`; `dpr` is multiplied into the box.
    pub fn recipe(&self, format: OutputFormat) -> Recipe {
        let scaled = |side_px: Option<u32>| side_px.map(|px| (px * self.dpr_percent).div_ceil(100));
        Recipe {
            layout: Layout {
                width_px: scaled(self.layout.width_px),
                height_px: scaled(self.layout.height_px),
                ..self.layout
            },
            encoding: Encoding {
                format,
                quality: self.quality.unwrap_or_else(|| quality_default(format)),
            },
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        if let Some(quality) = self.quality {
            parts.push(format!("q={quality}"));
        }
        if self.layout.background != default.background {
            parts.push(format!("background={}", self.layout.background));
        }
        if self.layout.enlarge == Enlarge::Yes {
            parts.push("enlarge=1".to_owned());
        }
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Options {
    type Err = InvalidOptions;

    fn from_str(text: &str) -> Result<Self, InvalidOptions> {
        if text.len() > Self::TEXT_LEN_MAX {
            return Err(InvalidOptions::TooLong);
        }
        let mut options = Self {
            layout: Layout::default(),
            dpr_percent: 100,
            quality: None,
        };
        let mut seen = Vec::new();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| InvalidOptions::NotAPair {
                    found: part.to_owned(),
                })?;
            let name = options.set(name, value)?;
            if seen.contains(&name) {
                return Err(InvalidOptions::Twice { name });
            }
            seen.push(name);
        }
        if options.layout.width_px.is_none() && options.layout.height_px.is_none() {
            return Err(InvalidOptions::NoSize);
        }
        Ok(options)
    }
}

impl Options {
    /// Sets one option and answers its canonical name.
    fn set(&mut self, name: &str, value: &str) -> Result<&'static str, InvalidOptions> {
        let out_of_range = |name, range| InvalidOptions::Value {
            name,
            found: value.into(),
            range,
        };
        match name {
            "w" | "width" => {
                let side = parse_side(value).ok_or_else(|| out_of_range("w", "1 to 65535"))?;
                self.layout.width_px = Some(side);
                Ok("w")
            }
            "h" | "height" => {
                let side = parse_side(value).ok_or_else(|| out_of_range("h", "1 to 65535"))?;
                self.layout.height_px = Some(side);
                Ok("h")
            }
            "dpr" => {
                self.dpr_percent =
                    parse_dpr_percent(value).ok_or_else(|| out_of_range("dpr", "1 to 4"))?;
                Ok("dpr")
            }
            "fit" => {
                self.layout.fit = value.parse()?;
                Ok("fit")
            }
            "g" | "gravity" => {
                self.layout.gravity = value.parse()?;
                Ok("gravity")
            }
            "q" | "quality" => {
                let quality = parse_number(value).filter(|quality| (1..=100).contains(quality));
                let quality = quality.ok_or_else(|| out_of_range("q", "1 to 100"))?;
                self.quality = u8::try_from(quality).ok();
                Ok("q")
            }
            "background" => {
                self.layout.background = value.parse()?;
                Ok("background")
            }
            "enlarge" => {
                self.layout.enlarge = match value {
                    "1" | "true" => Enlarge::Yes,
                    "0" | "false" => Enlarge::No,
                    _ => return Err(out_of_range("enlarge", "0 or 1")),
                };
                Ok("enlarge")
            }
            _ => Err(InvalidOptions::Unknown {
                name: name.to_owned(),
            }),
        }
    }
}

/// Digits only: no sign, no leading zero, so that a number has one spelling.
fn parse_number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
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

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    #[error("options are longer than {} bytes", Options::TEXT_LEN_MAX)]
    TooLong,
    #[error("`{found}` is not `name=value`")]
    NotAPair { found: String },
    #[error("there is no option `{name}` (w, h, dpr, fit, gravity, q, background, enlarge)")]
    Unknown { name: String },
    #[error("option `{name}` is given twice")]
    Twice { name: &'static str },
    #[error("option `{name}` is `{found}`, expected {range}")]
    Value {
        name: &'static str,
        found: String,
        range: &'static str,
    },
    #[error(transparent)]
    Geometry(#[from] InvalidGeometry),
    #[error("neither w nor h is given")]
    NoSize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_has_one_canonical_form() {
        let canonical = "w=320,h=240,dpr=1.5,fit=cover,gravity=0.2x1,q=70,background=00ff00";
        let shuffled =
            "background=#00FF00,quality=70,g=.2x1,fit=cover,height=240,dpr=1.50,width=320";
        assert_eq!(shuffled.parse::<Options>().unwrap().to_string(), canonical);
        assert_eq!(canonical.parse::<Options>().unwrap().to_string(), canonical);
    }

    #[test]
    fn defaults_are_left_out() {
        let spelled = "w=1,fit=contain,gravity=center,dpr=1,background=ffffff,enlarge=0";
        assert_eq!(spelled.parse::<Options>().unwrap().to_string(), "w=1");
    }

    #[test]
    fn dpr_multiplies_the_box() {
        let options: Options = "w=101,h=50,dpr=1.5".parse().unwrap();
        let layout = options.recipe(OutputFormat::Webp).layout;
        assert_eq!((layout.width_px, layout.height_px), (Some(152), Some(75)));
    }

    #[test]
    fn nonsense_is_refused() {
        let bad = [
            "",
            "w",
            "w=",
            "w=0",
            "w=-1",
            "w=01",
            "w=70000",
            "w=1,w=2",
            "w=1,width=2",
            "fit=cover",
            "w=1,zoom=2",
            "w=1,q=0",
            "w=1,q=101",
            "w=1,dpr=0.5",
            "w=1,dpr=5",
            "w=1,",
            "w=1,fit=x",
        ];
        for text in bad {
            assert!(text.parse::<Options>().is_err(), "{text}");
        }
        assert!(
            format!("w=1,{}", "x=1,".repeat(60))
                .parse::<Options>()
                .is_err()
        );
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics_and_display_is_a_fixed_point(text in "[a-z0-9=,.x#-]{0,60}") {
            if let Ok(options) = text.parse::<Options>() {
                let canonical = options.to_string();
                proptest::prop_assert_eq!(canonical.parse::<Options>().unwrap(), options);
                proptest::prop_assert!(canonical.len() <= Options::TEXT_LEN_MAX);
            }
        }
    }
}
