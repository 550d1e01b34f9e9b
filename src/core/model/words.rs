//! The words that options and presets have in common beyond the box: how each is read and printed.

use crate::model::recipe::{
    Chroma, ColourProfile, Effects, Effort, Finish, Frames, Layout, MetadataKept, QualityTarget,
    Scan,
};
use crate::model::turn::{Flip, Rotation, Trim};
use crate::model::watermark::WatermarkRef;

/// What has been read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) layout: Layout,
    pub(crate) effects: Effects,
    pub(crate) finish: Finish,
    ssim2: Option<u8>,
    quality_min: Option<u8>,
    quality_max: Option<u8>,
}

/// Every word with what is expected of it, in canonical order. The names are Cloudflare's where it has one.
const WORDS: [(&str, &str); 18] = [
    ("trim", "1 to 100, or border"),
    ("rotate", "90, 180 or 270"),
    ("flip", "h, v or hv"),
    ("blur", "0.3 to 250 with one decimal at most"),
    ("sharpen", "0.1 to 10 with one decimal at most"),
    (
        "watermark",
        "the name of a watermark: a lower-case letter, then up to 31 letters, digits, `-` or `_`",
    ),
    ("anim", "0 or 1"),
    ("ssim2", "30 to 95"),
    ("qmin", "1 to 100"),
    ("qmax", "1 to 100"),
    ("maxbytes", "1000 to 10000000"),
    ("lossless", "0 or 1"),
    ("colors", "2 to 256"),
    ("chroma", "420 or 444"),
    ("progressive", "0 or 1"),
    ("metadata", "copyright or none"),
    ("profile", "srgb or keep"),
    ("effort", "fast, usual or slow"),
];

impl Words {
    /// Sets one word and answers its canonical name; `None`: there is no such word.
    pub(crate) fn set(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<Option<&'static str>, InvalidWord> {
        let Some((name, expected)) = WORDS.into_iter().find(|&(word, _)| word == name) else {
            return Ok(None);
        };
        let set = match name {
            "trim" => trim(value).map(|trim| self.layout.trim = Some(trim)),
            "rotate" => rotation(value).map(|rotation| self.layout.rotation = rotation),
            "flip" => flip(value).map(|flip| self.layout.flip = flip),
            "blur" => value
                .parse()
                .ok()
                .map(|blur| self.effects.blur = Some(blur)),
            "sharpen" => value
                .parse()
                .ok()
                .map(|sharpen| self.effects.sharpen = Some(sharpen)),
            "watermark" => watermark(value).map(|named| self.effects.watermark = Some(named)),
            _ => self.set_encoding(name, value),
        };
        match set {
            Some(()) => Ok(Some(name)),
            None => Err(InvalidWord::Value {
                name,
                found: value.chars().take(64).collect(),
                expected,
            }),
        }
    }

    fn set_encoding(&mut self, name: &str, value: &str) -> Option<()> {
        let finish = &mut self.finish;
        match name {
            "anim" => finish.frames = switch(value, Frames::First, Frames::All)?,
            "ssim2" => self.ssim2 = Some(within(value, 30, 95)?),
            "qmin" => self.quality_min = Some(within(value, 1, 100)?),
            "qmax" => self.quality_max = Some(within(value, 1, 100)?),
            "maxbytes" => finish.bytes_max = Some(within(value, 1000, 10_000_000)?),
            "lossless" => finish.lossless = switch(value, false, true)?,
            "colors" => finish.colours = Some(within(value, 2, 256)?),
            "chroma" => {
                finish.chroma = one_of(value, [("420", Chroma::Half), ("444", Chroma::Full)])?;
            }
            "progressive" => finish.scan = switch(value, Scan::Baseline, Scan::Progressive)?,
            "metadata" => {
                let words = [
                    ("copyright", MetadataKept::Copyright),
                    ("none", MetadataKept::Nothing),
                ];
                finish.metadata = one_of(value, words)?;
            }
            "profile" => {
                let words = [("srgb", ColourProfile::Srgb), ("keep", ColourProfile::Keep)];
                finish.profile = one_of(value, words)?;
            }
            "effort" => finish.effort = one_of(value, Effort::WORDS)?,
            _ => return None,
        }
        Some(())
    }

    /// What `ssim2`, `qmin` and `qmax` say together.
    pub(crate) fn target(&self) -> Result<Option<QualityTarget>, InvalidWord> {
        let Some(ssim2) = self.ssim2 else {
            return match (self.quality_min, self.quality_max) {
                (None, None) => Ok(None),
                (Some(_), _) => Err(InvalidWord::NoTarget { name: "qmin" }),
                (None, Some(_)) => Err(InvalidWord::NoTarget { name: "qmax" }),
            };
        };
        let quality_min = self
            .quality_min
            .unwrap_or(QualityTarget::QUALITY_MIN_DEFAULT);
        let quality_max = self
            .quality_max
            .unwrap_or(QualityTarget::QUALITY_MAX_DEFAULT);
        if quality_min > quality_max {
            return Err(InvalidWord::Bounds {
                quality_min,
                quality_max,
            });
        }
        Ok(Some(QualityTarget {
            ssim2,
            quality_min,
            quality_max,
        }))
    }
}

/// `name=value` of each word of the layout and the effects that is not at its default, in canonical order.
pub(crate) fn print_picture(layout: &Layout, effects: &Effects) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    part("trim", layout.trim.map(|trim| trim.to_string()));
    let degrees = layout.rotation.degrees();
    part("rotate", (degrees != 0).then(|| degrees.to_string()));
    let flip = Flip::WORDS
        .into_iter()
        .find(|&(_, flip)| flip == layout.flip);
    part("flip", flip.map(|(word, _)| word.to_owned()));
    part("blur", effects.blur.map(|blur| blur.to_string()));
    part(
        "sharpen",
        effects.sharpen.map(|sharpen| sharpen.to_string()),
    );
    part(
        "watermark",
        effects.watermark.map(|named| named.to_string()),
    );
    parts
}

/// As [`print_picture`], of the encoding.
pub(crate) fn print_encoding(finish: &Finish, target: Option<QualityTarget>) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    let when = |is_set: bool, word: &str| is_set.then(|| word.to_owned());
    part("anim", when(finish.frames == Frames::All, "1"));
    part("ssim2", target.map(|target| target.ssim2.to_string()));
    let quality_min = target.map(|target| target.quality_min);
    let quality_min = quality_min.filter(|&min| min != QualityTarget::QUALITY_MIN_DEFAULT);
    part("qmin", quality_min.map(|min| min.to_string()));
    let quality_max = target.map(|target| target.quality_max);
    let quality_max = quality_max.filter(|&max| max != QualityTarget::QUALITY_MAX_DEFAULT);
    part("qmax", quality_max.map(|max| max.to_string()));
    part("maxbytes", finish.bytes_max.map(|bytes| bytes.to_string()));
    part("lossless", when(finish.lossless, "1"));
    part("colors", finish.colours.map(|colours| colours.to_string()));
    part("chroma", when(finish.chroma == Chroma::Full, "444"));
    part("progressive", when(finish.scan == Scan::Progressive, "1"));
    part(
        "metadata",
        when(finish.metadata == MetadataKept::Nothing, "none"),
    );
    part(
        "profile",
        when(finish.profile == ColourProfile::Keep, "keep"),
    );
    let effort = Effort::WORDS
        .into_iter()
        .find(|&(_, effort)| effort == finish.effort && effort != Effort::default());
    part("effort", effort.map(|(word, _)| word.to_owned()));
    parts
}

/// Digits only: no sign, no leading zero, so that a number has one spelling.
pub(crate) fn parse_number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

fn within<T: TryFrom<u32>>(text: &str, min: u32, max: u32) -> Option<T> {
    let number = parse_number(text).filter(|number| (min..=max).contains(number))?;
    T::try_from(number).ok()
}

pub(crate) fn switch<T>(text: &str, off: T, on: T) -> Option<T> {
    match text {
        "1" | "true" => Some(on),
        "0" | "false" => Some(off),
        _ => None,
    }
}

fn one_of<T, const N: usize>(text: &str, words: [(&str, T); N]) -> Option<T> {
    let found = words.into_iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| value)
}

fn trim(text: &str) -> Option<Trim> {
    match text {
        "border" => Some(Trim::DEFAULT),
        percent => parse_number(percent).and_then(Trim::new),
    }
}

fn rotation(text: &str) -> Option<Rotation> {
    Rotation::ALL
        .into_iter()
        .find(|&rotation| rotation != Rotation::None && rotation.degrees().to_string() == text)
}

fn flip(text: &str) -> Option<Flip> {
    one_of(text, Flip::WORDS)
}

/// A name alone: a fingerprint is for definitions of presets, which take it from the configuration.
fn watermark(text: &str) -> Option<WatermarkRef> {
    let name = text.parse().ok()?;
    Some(WatermarkRef {
        name,
        fingerprint: None,
    })
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWord {
    #[error("`{name}` is `{found}`, expected {expected}")]
    Value {
        name: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error("`qmin` is {quality_min}, above `qmax`, which is {quality_max}")]
    Bounds { quality_min: u8, quality_max: u8 },
    #[error("`{name}` bounds what `ssim2` chooses, and `ssim2` is not given")]
    NoTarget { name: &'static str },
    #[error("`ssim2` chooses the quality and excludes a fixed one")]
    TargetAndQuality,
}
