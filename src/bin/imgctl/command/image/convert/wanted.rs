//! From flags to recipes: everything becomes the text of URL options, so that there is one language of looks.

use std::path::Path;

use img_core::model::media::{MediaType, OutputFormat};
use img_core::model::options::{InvalidOptions, Options};
use img_core::model::recipe::Recipe;
use img_core::origin::ingest::Rejection;

use crate::args::{ConvertArgs, LookArgs};
use crate::exit::Failure;

/// What to make of each image.
#[derive(Debug)]
pub(super) struct Wanted {
    sizes: Sizes,
    /// `None`: that of the original.
    format: Option<OutputFormat>,
}

#[derive(Debug)]
enum Sizes {
    One(Options),
    /// Widths as asked for, with their options.
    Several(Vec<(u32, Options)>),
    /// That of the original; the other options as text.
    Unchanged(String),
}

/// A derivative that is wanted of one image.
#[derive(Debug)]
pub(super) struct Sized {
    /// The width by which it was asked for, if it is one of several.
    pub(super) width_px: Option<u32>,
    pub(super) recipe: Recipe,
}

impl Wanted {
    pub(super) fn from_args(args: &ConvertArgs) -> Result<Self, Failure> {
        let text = options_text(&args.look);
        let parse = |text: &str| {
            text.parse::<Options>()
                .map_err(|error| Failure::usage(error.to_string()))
        };
        let sizes = if args.sizes.is_empty() {
            match text.parse() {
                Ok(options) => Sizes::One(options),
                Err(InvalidOptions::NoSize) => Sizes::Unchanged(text),
                Err(_) if text.is_empty() => Sizes::Unchanged(text),
                Err(error) => return Err(Failure::usage(error.to_string())),
            }
        } else {
            let of = |&width_px: &u32| Ok((width_px, parse(&with_width(width_px, &text))?));
            let several: Result<_, Failure> = args.sizes.iter().map(of).collect();
            Sizes::Several(several?)
        };
        Ok(Self {
            sizes,
            format: args.format.or(format_of(&args.out)?),
        })
    }

    pub(super) fn format(&self, original: MediaType) -> Result<OutputFormat, Rejection> {
        let same = || {
            OutputFormat::ALL
                .into_iter()
                .find(|format| format.media() == original)
        };
        self.format.or_else(same).ok_or_else(|| {
            Rejection::new("no-encoder", format!("{original} cannot be written"))
                .with_hint(format!("--format takes {}", formats()))
        })
    }

    /// In the order of the flags.
    pub(super) fn recipes(&self, format: OutputFormat) -> Result<Vec<Sized>, Rejection> {
        let sized = |width_px, options: &Options| Sized {
            width_px,
            recipe: options.recipe(format),
        };
        match &self.sizes {
            Sizes::One(options) => Ok(vec![sized(None, options)]),
            Sizes::Several(several) => Ok(several
                .iter()
                .map(|(width_px, options)| sized(Some(*width_px), options))
                .collect()),
            Sizes::Unchanged(text) => {
                // Options want a size; without one the image keeps its own, however it is turned.
                let options = with_width(1, text).parse::<Options>();
                let options = options
                    .map_err(|error| Rejection::new("invalid-options", error.to_string()))?;
                let mut unchanged = sized(None, &options);
                unchanged.recipe.layout.width_px = None;
                Ok(vec![unchanged])
            }
        }
    }
}

/// `webp` of `x.WebP`; a file needs an extension that tells, everything else does not.
fn format_of(out: &Path) -> Result<Option<OutputFormat>, Failure> {
    let is_file = !super::naming::is_directory(out) && out != Path::new("-");
    if !is_file {
        return Ok(None);
    }
    let extension = out.extension().unwrap_or_default().to_string_lossy();
    let extension = extension.to_ascii_lowercase();
    let word = if extension == "jpeg" {
        "jpg"
    } else {
        &extension
    };
    word.parse().map(Some).map_err(|_| {
        let message = format!("the name {} tells no format", crate::paths::shown(out));
        Failure::usage(message).with_hint(format!("--format takes {}", formats()))
    })
}

fn formats() -> String {
    OutputFormat::ALL.map(OutputFormat::extension).join(", ")
}

fn with_width(width_px: u32, rest: &str) -> String {
    if rest.is_empty() {
        format!("w={width_px}")
    } else {
        format!("w={width_px},{rest}")
    }
}

/// The text of `--options` with what the flags add; said twice is refused where it is parsed.
fn options_text(look: &LookArgs) -> String {
    let named = [
        ("w", &look.width),
        ("h", &look.height),
        ("dpr", &look.dpr),
        ("fit", &look.fit),
        ("gravity", &look.gravity),
        ("q", &look.quality),
        ("background", &look.background),
    ];
    let mut parts: Vec<String> = look.options.iter().cloned().collect();
    for (name, value) in named {
        parts.extend(value.as_ref().map(|value| format!("{name}={value}")));
    }
    if look.enlarge {
        parts.push("enlarge=1".to_owned());
    }
    parts.join(",")
}
