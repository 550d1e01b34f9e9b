//! Programs that make thumbnails, and what each is told so that it makes the same as the others.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::exit::Failure;

use super::task::Task;

#[derive(Debug)]
pub(super) struct Tool {
    kind: Kind,
    program: PathBuf,
    pub(super) name: &'static str,
    pub(super) version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Imgctl,
    Vipsthumbnail,
    Vips,
    ImageMagick,
    GraphicsMagick,
    Sharp,
    Pillow,
}

/// A program with its arguments.
pub(super) type Line = Vec<OsString>;

/// Widths are in the first argument, then the directory, the extension, the quality, and the files.
const SHARP: &str = "
const sharp = require('sharp'), path = require('path');
const [widths, out, kind, quality, ...files] = process.argv.slice(1);
sharp.concurrency(1);
(async () => {
  for (const file of files) for (const width of widths.split(',').map(Number)) {
    const to = path.join(out, `${path.parse(file).name}-${width}.${kind}`);
    await sharp(file).resize({ width })[kind === 'jpg' ? 'jpeg' : kind]({ quality: Number(quality) }).toFile(to);
  }
})();";
const PILLOW: &str = "
import os, sys
from PIL import Image
widths, out, kind, quality, *files = sys.argv[1:]
widths = [int(width) for width in widths.split(',')]
for file in files:
    image = Image.open(file)
    ratio = image.height / image.width
    image.draft('RGB', (2 * max(widths), 2 * round(max(widths) * ratio)))
    image = image.convert('RGB')
    for width in widths:
        small = image.resize((width, max(1, round(width * ratio))), Image.LANCZOS, reducing_gap=2.0)
        name = os.path.splitext(os.path.basename(file))[0]
        small.save(os.path.join(out, f'{name}-{width}.{kind}'), quality=int(quality))
";

impl Tool {
    /// imgctl first, then those on the PATH.
    pub(super) fn find_all() -> Result<Vec<Self>, Failure> {
        let program = env::current_exe().map_err(Failure::io("find this program"))?;
        let mut tools = vec![Self {
            kind: Kind::Imgctl,
            program,
            name: "imgctl",
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }];
        let sharp = "console.log('sharp ' + require('sharp/package.json').version)";
        let pillow = "import PIL; print('Pillow ' + PIL.__version__)";
        tools.extend(Self::find(
            Kind::Vipsthumbnail,
            "vipsthumbnail",
            &["--vips-version"],
        ));
        tools.extend(Self::find(Kind::Vips, "vips", &["--version"]));
        tools.extend(
            Self::find(Kind::ImageMagick, "magick", &["-version"])
                .or_else(|| Self::find(Kind::ImageMagick, "convert", &["-version"])),
        );
        tools.extend(Self::find(Kind::GraphicsMagick, "gm", &["version"]));
        tools.extend(Self::find(Kind::Sharp, "node", &["-e", sharp]));
        tools.extend(Self::find(Kind::Pillow, "python3", &["-c", pillow]));
        Ok(tools)
    }

    /// `None` where it is missing, or cannot say its version.
    fn find(kind: Kind, program: &'static str, version: &[&str]) -> Option<Self> {
        let path = env::var_os("PATH")?;
        let path = env::split_paths(&path)
            .map(|directory| directory.join(program))
            .find(|path| path.is_file())?;
        let told = Command::new(&path)
            .args(version)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let first = text.lines().next().unwrap_or_default().trim();
        let name = match kind {
            Kind::Sharp => "sharp",
            Kind::Pillow => "Pillow",
            Kind::Imgctl
            | Kind::Vipsthumbnail
            | Kind::Vips
            | Kind::ImageMagick
            | Kind::GraphicsMagick => program,
        };
        told.status.success().then(|| Self {
            kind,
            program: path,
            name,
            version: first.to_owned(),
        })
    }

    /// What to run, one after another; derivatives go into the directory `out`.
    pub(super) fn commands(&self, task: &Task, out: &Path) -> Vec<Line> {
        match self.kind {
            Kind::Imgctl => vec![self.imgctl(task, out)],
            Kind::Vipsthumbnail => self.vipsthumbnail(task, out),
            Kind::Vips | Kind::ImageMagick | Kind::GraphicsMagick => self.one_by_one(task, out),
            Kind::Sharp => vec![self.script(&["-e", SHARP], task, out)],
            Kind::Pillow => vec![self.script(&["-c", PILLOW], task, out)],
        }
    }

    fn line<T: Into<OsString>>(&self, args: impl IntoIterator<Item = T>) -> Line {
        let program = self.program.clone().into_os_string();
        std::iter::once(program)
            .chain(args.into_iter().map(Into::into))
            .collect()
    }

    fn imgctl(&self, task: &Task, out: &Path) -> Line {
        let (format, quality) = (task.format.extension(), task.quality.to_string());
        let mut line = self.line(["image", "convert", "--quiet", "--sizes", &widths(task)]);
        line.extend(["--format", format, "--quality", &quality].map(OsString::from));
        line.extend(task.images.paths.iter().map(OsString::from));
        // With a slash: a directory, whether it is there or not.
        line.push(out.join("").into_os_string());
        line
    }

    /// Reads every file again for each width.
    fn vipsthumbnail(&self, task: &Task, out: &Path) -> Vec<Line> {
        let of = |width: &u32| {
            let name = format!("%s-{width}.{}[Q={}]", task.format.extension(), task.quality);
            let mut line = self.line(["--size", &format!("{width}x"), "-o"]);
            line.push(out.join(name).into_os_string());
            line.extend(task.images.paths.iter().map(OsString::from));
            line
        };
        task.widths_px.iter().map(of).collect()
    }

    /// Programs that take one image at a time.
    fn one_by_one(&self, task: &Task, out: &Path) -> Vec<Line> {
        let mut lines = Vec::new();
        for (number, path) in task.images.paths.iter().enumerate() {
            for &width in &task.widths_px {
                let to = out.join(format!("{number}-{width}.{}", task.format.extension()));
                lines.push(self.one(task, path, width, &to));
            }
        }
        lines
    }

    fn one(&self, task: &Task, from: &Path, width: u32, to: &Path) -> Line {
        let (from, mut to) = (from.as_os_str().to_owned(), to.as_os_str().to_owned());
        let (size, quality) = (width.to_string(), task.quality.to_string());
        // A hint to decode no more than twice what is needed.
        let hint = format!("{0}x{0}", width * 2);
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let args = match self.kind {
            Kind::Vips => {
                to.push(format!("[Q={quality}]"));
                [
                    words(&["thumbnail"]),
                    vec![from, to],
                    words(&[&size, "--height", "100000"]),
                ]
                .concat()
            }
            Kind::GraphicsMagick => [
                words(&["convert", "-size", &hint]),
                vec![from],
                words(&["-thumbnail", &size, "-quality", &quality]),
                vec![to],
            ]
            .concat(),
            Kind::Imgctl | Kind::Vipsthumbnail | Kind::ImageMagick | Kind::Sharp | Kind::Pillow => {
                [
                    words(&["-define", &format!("jpeg:size={hint}")]),
                    vec![from],
                    words(&["-thumbnail", &size, "-quality", &quality]),
                    vec![to],
                ]
                .concat()
            }
        };
        self.line(args)
    }

    fn script(&self, script: &[&str], task: &Task, out: &Path) -> Line {
        let mut line = self.line(script.iter().copied());
        line.push(widths(task).into());
        line.push(out.as_os_str().to_owned());
        line.push(task.format.extension().into());
        line.push(task.quality.to_string().into());
        line.extend(task.images.paths.iter().map(OsString::from));
        line
    }
}

fn widths(task: &Task) -> String {
    let widths: Vec<String> = task.widths_px.iter().map(u32::to_string).collect();
    widths.join(",")
}
