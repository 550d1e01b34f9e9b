//! One image: read, judged, derived from, and put in place by renaming.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use img_core::imaging::{
    DeriveRequest, Encoded, ImagingError, Inspected, Limits, Quantity, Stop, derive, inspect, place,
};
use img_core::model::media::OutputFormat;
use img_core::model::recipe::Recipe;
use img_core::model::watermark::Watermarks;
use img_core::origin::ingest::{Rejection, StopFlag};
use tempfile::{Builder, NamedTempFile};

use crate::args::ConvertArgs;
use crate::paths::shown;

use super::Rules;
use super::naming::{Naming, Parts};
use super::wanted::Wanted;

#[derive(Clone, Copy, Debug)]
pub(super) enum Existing {
    Keep,
    Replace,
}

/// A derivative of a plain file; with a dry run, one that would be made.
#[derive(Debug)]
pub(super) struct Made {
    /// `None` is standard output.
    pub(super) path: Option<PathBuf>,
    pub(super) format: OutputFormat,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    /// Unknown before it is made.
    pub(super) bytes: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Work<'a> {
    wanted: &'a Wanted,
    naming: &'a Naming,
    limits: Limits,
    watermarks: Arc<Watermarks>,
    existing: Existing,
    dry_run: bool,
    stop: Option<&'a StopFlag>,
    /// Device and inode of every file to be read: none of them is written.
    originals: BTreeSet<(u64, u64)>,
    /// Names that were given to derivatives of this run.
    claimed: Mutex<BTreeSet<PathBuf>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        args: &ConvertArgs,
        wanted: &'a Wanted,
        naming: &'a Naming,
        rules: Rules,
    ) -> Self {
        Self {
            wanted,
            naming,
            limits: rules.limits,
            watermarks: rules.watermarks,
            existing: if args.force {
                Existing::Replace
            } else {
                Existing::Keep
            },
            dry_run: args.dry_run,
            stop: None,
            originals: args
                .inputs
                .iter()
                .filter_map(|path| identity(path))
                .collect(),
            claimed: Mutex::default(),
        }
    }

    pub(super) fn stopped_by(self, stop: &'a StopFlag) -> Self {
        Self {
            stop: Some(stop),
            ..self
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(StopFlag::is_set)
    }

    /// All derivatives of one image, or none. A panic is that image's fault and costs no other.
    pub(super) fn convert(&self, input: &Path) -> Result<Vec<Made>, Rejection> {
        catch_unwind(AssertUnwindSafe(|| self.derive(input))).unwrap_or_else(|_| {
            Err(
                Rejection::new("panicked", "deriving from it made the program panic")
                    .with_hint("please report this, with the file"),
            )
        })
    }

    fn derive(&self, input: &Path) -> Result<Vec<Made>, Rejection> {
        let original = read(input, self.limits.bytes_max)?;
        let inspected = inspect(&original, &self.limits).map_err(told)?;
        let (recipes, mut made) = self.plan(input, &inspected)?;
        for path in made.iter().filter_map(|made| made.path.as_deref()) {
            self.claim(path)?;
        }
        if self.dry_run {
            return Ok(made);
        }
        let request = DeriveRequest {
            original: &original,
            recipes: &recipes,
            watermarks: &self.watermarks,
            limits: &self.limits,
            stop: self,
        };
        let derivatives = derive(&request).map_err(told)?;
        for (made, encoded) in made.iter_mut().zip(&derivatives) {
            made.bytes = Some(encoded.bytes.len() as u64);
            (made.width_px, made.height_px) = (encoded.width_px, encoded.height_px);
        }
        self.write_all(&made, &derivatives)?;
        Ok(made)
    }

    fn plan(
        &self,
        input: &Path,
        inspected: &Inspected,
    ) -> Result<(Vec<Recipe>, Vec<Made>), Rejection> {
        let format = self.wanted.format(inspected.media)?;
        let sized = self.wanted.recipes(format)?;
        let one_of_several = sized.len() > 1;
        let mut made = Vec::new();
        for sized in &sized {
            // Before trimming, which only decoding can tell.
            let layout = &sized.recipe.layout;
            let turned = layout.rotation.turn_size(inspected.upright_size());
            let (width_px, height_px) = place(layout, turned).size();
            let path = self.naming.path(&Parts {
                input,
                width_px: sized.width_px.unwrap_or(width_px),
                format,
                one_of_several,
            });
            made.push(Made {
                path,
                format,
                width_px,
                height_px,
                bytes: None,
            });
        }
        Ok((sized.into_iter().map(|sized| sized.recipe).collect(), made))
    }

    /// Refuses a name that is taken, before the work is done.
    fn claim(&self, path: &Path) -> Result<(), Rejection> {
        if identity(path).is_some_and(|file| self.originals.contains(&file)) {
            let message = format!("{} is read, and cannot be written", shown(path));
            return Err(Rejection::new("same-file", message));
        }
        let exists = fs::symlink_metadata(path).is_ok();
        if exists && matches!(self.existing, Existing::Keep) {
            return Err(exists_already(path));
        }
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        if !claimed.insert(path.to_owned()) {
            let message = format!("another derivative is named {}", shown(path));
            return Err(Rejection::new("named-twice", message)
                .with_hint("put {name} and {width} into OUT, or use one directory for each"));
        }
        Ok(())
    }

    /// Nothing appears under its name before all of them are whole.
    fn write_all(&self, made: &[Made], derivatives: &[Encoded]) -> Result<(), Rejection> {
        let mut whole = Vec::new();
        for (made, encoded) in made.iter().zip(derivatives) {
            match &made.path {
                Some(path) => {
                    let written = write_beside(path, &encoded.bytes);
                    let file = written.map_err(|error| unwritable(path, &error))?;
                    whole.push((path, file));
                }
                None => write_stdout(&encoded.bytes)
                    .map_err(|error| unwritable(Path::new("-"), &error))?,
            }
        }
        for (path, file) in whole {
            let placed = match self.existing {
                Existing::Keep => file.persist_noclobber(path),
                Existing::Replace => file.persist(path),
            };
            placed.map_err(|fault| match fault.error.kind() {
                io::ErrorKind::AlreadyExists => exists_already(path),
                _ => unwritable(path, &fault.error),
            })?;
        }
        Ok(())
    }
}

impl Stop for Work<'_> {
    fn should_stop(&self) -> bool {
        self.is_stopped()
    }
}

/// Device and inode, of what a symbolic link leads to.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// At most a byte more than the limit.
fn read(input: &Path, bytes_max: u64) -> Result<Vec<u8>, Rejection> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Rejection::new("vanished", "there is no such file"),
        _ => Rejection::new("unreadable", error.to_string()),
    };
    let mut bytes = Vec::new();
    if input == Path::new("-") {
        let mut stdin = io::stdin().lock().take(bytes_max.saturating_add(1));
        stdin.read_to_end(&mut bytes).map_err(unreadable)?;
        return Ok(bytes);
    }
    let file = File::open(input).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Rejection::not_a_file());
    }
    if metadata.len() > bytes_max {
        return Err(told(ImagingError::Limit {
            quantity: Quantity::Bytes,
            found: metadata.len(),
            max: bytes_max,
        }));
    }
    bytes.reserve_exact(usize::try_from(metadata.len()).unwrap_or_default());
    let mut rest = file.take(bytes_max.saturating_add(1));
    rest.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// A whole file under another name in the same directory; gone if it is not placed.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = Builder::new()
        .prefix(".imgctl-")
        // Less what umask takes.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// With the flag that cures it, since there may be no configuration.
fn told(error: ImagingError) -> Rejection {
    let flag = match &error {
        ImagingError::Limit {
            quantity, found, ..
        } => match quantity {
            Quantity::Bytes => Some(format!("--limit-bytes {found}")),
            Quantity::Pixels => Some(format!("--limit-pixels {found}")),
            Quantity::Output => Some(format!("--limit-side {found}")),
            Quantity::Side
            | Quantity::Frames
            | Quantity::FramePixels
            | Quantity::Metadata
            | Quantity::Scans => None,
        },
        _ => None,
    };
    let rejection = Rejection::from(error);
    match flag {
        Some(flag) => rejection.with_hint(format!("{flag} accepts it")),
        None => rejection,
    }
}

fn exists_already(path: &Path) -> Rejection {
    Rejection::new("exists", format!("{} is there already", shown(path)))
        .with_hint("--force replaces it")
}

fn unwritable(path: &Path, error: &io::Error) -> Rejection {
    Rejection::new("unwritable", format!("write {}: {error}", shown(path)))
}
