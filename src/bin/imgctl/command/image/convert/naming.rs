//! Where derivatives go: a file, a directory, a pattern, or standard output.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use img_core::model::media::OutputFormat;

use crate::args::ConvertArgs;
use crate::exit::Failure;
use crate::paths::shown;

#[derive(Debug)]
pub(super) enum Naming {
    Stdout,
    File(PathBuf),
    /// Files are named for their originals, and for their widths if there are several.
    Directory(PathBuf),
    /// With `{name}` or `{width}` in it.
    Pattern(String),
}

/// A name is made of this.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) input: &'a Path,
    pub(super) width_px: u32,
    pub(super) format: OutputFormat,
    /// Whether the image has derivatives of other widths beside this one.
    pub(super) one_of_several: bool,
}

impl Naming {
    pub(super) fn from_args(args: &ConvertArgs) -> Result<Self, Failure> {
        let (images, sizes) = (args.inputs.len(), args.sizes.len().max(1));
        let stdin = |input: &&PathBuf| input.as_path() == Path::new("-");
        if args.inputs.iter().filter(stdin).count() > 1 {
            return Err(Failure::usage("standard input can be read once"));
        }
        let naming = Self::parse(&args.out);
        let (has_name, has_width) = match &naming {
            Self::Stdout | Self::File(_) => (false, false),
            Self::Directory(_) => (true, true),
            Self::Pattern(text) => (text.contains(NAME), text.contains(WIDTH)),
        };
        let out = shown(&args.out);
        if images > 1 && !has_name {
            return Err(Failure::usage(format!(
                "{images} images cannot all become {out}"
            ))
            .with_hint("OUT is then a directory that exists, one with a slash at its end, or a pattern with {name}"));
        }
        if sizes > 1 && !has_width {
            return Err(
                Failure::usage(format!("{sizes} sizes cannot all become {out}"))
                    .with_hint("OUT is then a directory or a pattern with {width}"),
            );
        }
        Ok(naming)
    }

    fn parse(out: &Path) -> Self {
        if out == Path::new("-") {
            return Self::Stdout;
        }
        if is_directory(out) {
            return Self::Directory(out.to_owned());
        }
        match out.to_str() {
            Some(text) if text.contains(NAME) || text.contains(WIDTH) => {
                Self::Pattern(text.to_owned())
            }
            _ => Self::File(out.to_owned()),
        }
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Makes the directory if it is missing.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        match self {
            Self::Directory(directory) => fs::create_dir_all(directory)
                .map_err(Failure::io(format!("make {}", shown(directory)))),
            Self::Stdout | Self::File(_) | Self::Pattern(_) => Ok(()),
        }
    }

    /// `None` is standard output.
    pub(super) fn path(&self, parts: &Parts<'_>) -> Option<PathBuf> {
        match self {
            Self::Stdout => None,
            Self::File(path) => Some(path.clone()),
            Self::Directory(directory) => {
                let mut name = stem(parts.input).to_os_string();
                if parts.one_of_several {
                    name.push(format!("-{}", parts.width_px));
                }
                name.push(format!(".{}", parts.format.extension()));
                Some(directory.join(name))
            }
            Self::Pattern(text) => {
                let width = text.replace(WIDTH, &parts.width_px.to_string());
                let name = stem(parts.input).to_string_lossy();
                Some(PathBuf::from(width.replace(NAME, &name)))
            }
        }
    }
}

const NAME: &str = "{name}";
const WIDTH: &str = "{width}";

/// A directory that exists, or that was meant: `thumbs/`.
pub(super) fn is_directory(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/") || path.is_dir()
}

fn stem(input: &Path) -> &std::ffi::OsStr {
    if input == Path::new("-") {
        return "stdin".as_ref();
    }
    input.file_stem().unwrap_or_else(|| "image".as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(out: &str, input: &str, one_of_several: bool, expected: &str) {
        let parts = Parts {
            input: Path::new(input),
            width_px: 320,
            format: OutputFormat::Webp,
            one_of_several,
        };
        let path = Naming::parse(Path::new(out)).path(&parts);
        assert_eq!(path, Some(PathBuf::from(expected)));
    }

    #[test]
    fn names_come_from_the_original_the_width_and_the_format() {
        check("x.png", "a/cat.jpg", false, "x.png");
        check("thumbs/", "a/cat.jpg", false, "thumbs/cat.webp");
        check("thumbs/", "a/cat.v2.jpg", true, "thumbs/cat.v2-320.webp");
        check("thumbs/", "-", false, "thumbs/stdin.webp");
        check("t/{name}_{width}.webp", "a/cat.jpg", true, "t/cat_320.webp");
    }

    #[test]
    fn a_name_with_braces_is_not_read_as_a_pattern() {
        check(
            "t/{name}-{width}.webp",
            "a/{width}.jpg",
            true,
            "t/{width}-320.webp",
        );
    }
}
