//! From the paths of a command line to candidates, lazily: memory does not grow with the number of files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use img_core::model::alias::{AliasName, AliasPath, HostName, InvalidHostName};
use img_core::model::clock::{Clock, SystemClock};
use img_core::origin::ingest::{Candidate, Input, Rejection, Symlinks};
use walkdir::WalkDir;

use crate::args::IngestArgs;
use crate::exit::Failure;
use crate::output::Progress;

/// How aliases are made from relative paths.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    /// With a slash at either end.
    prefix: Vec<u8>,
    host: Option<HostName>,
}

impl Naming {
    pub(crate) fn parse(prefix: Option<&str>, host: Option<&str>) -> Result<Option<Self>, Failure> {
        let Some(text) = prefix else { return Ok(None) };
        let trimmed = text.trim_matches('/');
        let prefix = if trimmed.is_empty() {
            "/".to_owned()
        } else {
            format!("/{trimmed}/")
        };
        // Any name below it will do to find out whether the prefix itself is sound.
        AliasPath::from_decoded(format!("{prefix}x").into_bytes())
            .map_err(|error| Failure::usage(format!("--alias-prefix: {error}")))?;
        let host = host.map(|host| parse_host(host, "--alias-host"));
        Ok(Some(Self {
            prefix: prefix.into_bytes(),
            host: host.transpose()?,
        }))
    }

    fn alias(&self, relative: &Path) -> Result<AliasName, Rejection> {
        let mut path = self.prefix.clone();
        path.extend_from_slice(relative.as_os_str().as_bytes());
        Ok(AliasName {
            host: self.host.clone(),
            path: AliasPath::from_decoded(path)?,
        })
    }
}

/// A host of aliases, as the flag `flag` names it.
pub(crate) fn parse_host(host: &str, flag: &str) -> Result<HostName, Failure> {
    let parsed = host.parse();
    parsed.map_err(|error: InvalidHostName| Failure::usage(format!("{flag}: {error}")))
}

/// What is to be ingested, and how it is to be named.
#[derive(Debug)]
pub(crate) struct Listing {
    sources: Vec<Source>,
    symlinks: Symlinks,
    naming: Option<Naming>,
}

#[derive(Clone, Debug)]
enum Source {
    /// A file or a directory.
    Path(PathBuf),
    /// One image on standard input.
    Stdin,
    /// A list of paths, each ending with this byte; `None` is standard input.
    List { file: Option<PathBuf>, end: u8 },
}

impl Listing {
    pub(crate) fn from_args(args: &IngestArgs, naming: Option<Naming>) -> Result<Self, Failure> {
        let dash = Path::new("-");
        let mut sources: Vec<Source> = Vec::new();
        for path in &args.paths {
            let source = if path == dash {
                Source::Stdin
            } else {
                Source::Path(path.clone())
            };
            sources.push(source);
        }
        if let Some(list) = &args.files_from {
            let file = (list != dash).then(|| list.clone());
            sources.push(Source::List {
                file,
                end: if args.null { 0 } else { b'\n' },
            });
        }
        let reads_stdin =
            |source: &&Source| matches!(source, Source::Stdin | Source::List { file: None, .. });
        if sources.is_empty() {
            return Err(Failure::usage("nothing to ingest")
                .with_hint("name files or directories, `-`, or --files-from"));
        }
        if sources.iter().filter(reads_stdin).count() > 1 {
            return Err(Failure::usage("standard input can be read once"));
        }
        if naming.is_some() && sources.iter().any(|source| matches!(source, Source::Stdin)) {
            return Err(Failure::usage(
                "an image on standard input has no name for an alias",
            ));
        }
        let symlinks = if args.follow_symlinks {
            Symlinks::Follow
        } else {
            Symlinks::Refuse
        };
        Ok(Self {
            sources,
            symlinks,
            naming,
        })
    }

    /// Of plain paths, for `imgctl up`.
    pub(crate) fn of_paths(paths: &[PathBuf]) -> Self {
        let sources = paths.iter().cloned().map(Source::Path).collect();
        Self {
            sources,
            symlinks: Symlinks::Refuse,
            naming: None,
        }
    }

    /// Everything to ingest, found while it is ingested. Of standard input, not much more than `bytes_max` is read.
    pub(crate) fn candidates(
        &self,
        bytes_max: u64,
    ) -> impl Iterator<Item = Candidate> + Send + use<> {
        let (symlinks, naming) = (self.symlinks, self.naming.clone());
        self.sources
            .clone()
            .into_iter()
            .flat_map(move |source| -> Candidates {
                match source {
                    Source::Path(path) => walk(path, symlinks, naming.clone()),
                    Source::Stdin => {
                        Box::new(std::iter::once_with(move || stdin_candidate(bytes_max)))
                    }
                    Source::List { file, end } => list(file, end, symlinks, naming.clone()),
                }
            })
    }
}

type Candidates = Box<dyn Iterator<Item = Candidate> + Send>;

/// Counts what the walk will find, so that the progress bar knows its end. Costs a second, lighter walk.
pub(crate) fn count_ahead(listing: &Listing, progress: &Progress) {
    let countable = |source: &Source| matches!(source, Source::Path(_));
    if !progress.is_shown() || !listing.sources.iter().all(countable) {
        return;
    }
    let (sources, symlinks) = (listing.sources.clone(), listing.symlinks);
    let progress = progress.handle();
    std::thread::spawn(move || {
        let count = |source| match source {
            Source::Path(path) => walker(&path, symlinks).filter(is_leaf).count() as u64,
            Source::Stdin | Source::List { .. } => 1,
        };
        progress.set_total(sources.into_iter().map(count).sum());
    });
}

fn walker(root: &Path, symlinks: Symlinks) -> walkdir::IntoIter {
    let follow = symlinks == Symlinks::Follow;
    // A link that is named itself is refused like any other.
    WalkDir::new(root)
        .follow_links(follow)
        .follow_root_links(follow)
        .into_iter()
}

fn is_leaf(entry: &walkdir::Result<walkdir::DirEntry>) -> bool {
    entry
        .as_ref()
        .map_or(true, |entry| !entry.file_type().is_dir())
}

fn walk(root: PathBuf, symlinks: Symlinks, naming: Option<Naming>) -> Candidates {
    let found = walker(&root, symlinks).filter(is_leaf).map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return unwalkable(&root, &error),
        };
        let path = entry.path().to_owned();
        let file_type = entry.file_type();
        let input = if file_type.is_symlink() {
            Input::Rejected(Rejection::symlink())
        } else if !file_type.is_file() {
            Input::Rejected(Rejection::not_a_file())
        } else {
            Input::File {
                at: path.clone(),
                symlinks,
            }
        };
        named(path, input, relative(&root, entry.path()), naming.as_ref())
    });
    Box::new(found)
}

/// The path below the directory that was named, or the name of a file that was named itself.
fn relative<'a>(root: &Path, path: &'a Path) -> &'a Path {
    match path.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => below,
        _ => Path::new(path.file_name().unwrap_or(path.as_os_str())),
    }
}

fn named(path: PathBuf, input: Input, relative: &Path, naming: Option<&Naming>) -> Candidate {
    match naming.map(|naming| naming.alias(relative)).transpose() {
        Ok(alias) => Candidate { path, input, alias },
        Err(rejection) => Candidate {
            path,
            input: Input::Rejected(rejection),
            alias: None,
        },
    }
}

fn unwalkable(root: &Path, error: &walkdir::Error) -> Candidate {
    let path = error.path().unwrap_or(root).to_owned();
    let code = match error.io_error().map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => "vanished",
        Some(_) => "unreadable",
        None => "symlink-loop",
    };
    let message = error
        .io_error()
        .map_or_else(|| error.to_string(), ToString::to_string);
    Candidate {
        path,
        input: Input::Rejected(Rejection::new(code, message)),
        alias: None,
    }
}

fn stdin_candidate(bytes_max: u64) -> Candidate {
    let mut bytes = Vec::new();
    // One byte more, so that the limit is seen to be passed.
    let mut stdin = io::stdin().lock().take(bytes_max.saturating_add(1));
    let input = match stdin.read_to_end(&mut bytes) {
        Ok(_) => Input::Memory {
            bytes,
            modified: SystemClock.now(),
        },
        Err(error) => Input::Rejected(Rejection::new("unreadable", error.to_string())),
    };
    Candidate {
        path: PathBuf::from("-"),
        input,
        alias: None,
    }
}

/// Paths from a list. A relative path is its own relative name; of an absolute one the leading slash is dropped.
fn list(file: Option<PathBuf>, end: u8, symlinks: Symlinks, naming: Option<Naming>) -> Candidates {
    let shown = file.clone().unwrap_or_else(|| PathBuf::from("-"));
    let opened: io::Result<Box<dyn BufRead + Send>> = match file {
        Some(file) => File::open(file).map(|file| Box::new(BufReader::new(file)) as _),
        None => Ok(Box::new(BufReader::new(io::stdin()))),
    };
    let unreadable = move |shown: &Path, error: &io::Error| Candidate {
        path: shown.to_owned(),
        input: Input::Rejected(Rejection::new("unreadable", error.to_string())),
        alias: None,
    };
    let lines = match opened {
        Ok(reader) => reader.split(end),
        Err(error) => return Box::new(std::iter::once(unreadable(&shown, &error))),
    };
    let candidates = lines.filter_map(move |line| match line {
        Ok(line) if line.is_empty() => None,
        Ok(line) => {
            let path = PathBuf::from(OsString::from_vec(line));
            let relative = path.strip_prefix("/").or_else(|_| path.strip_prefix("./"));
            let relative = relative.unwrap_or(&path).to_owned();
            let input = Input::File {
                at: path.clone(),
                symlinks,
            };
            Some(named(path, input, &relative, naming.as_ref()))
        }
        Err(error) => Some(unreadable(&shown, &error)),
    });
    Box::new(candidates)
}

/// A path as people can read it in one line: control characters and bytes that are no text are escaped.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .flat_map(|c| {
            let escaped: Box<dyn Iterator<Item = char>> = if c.is_control() {
                Box::new(c.escape_default())
            } else {
                Box::new(std::iter::once(c))
            };
            escaped
        })
        .collect()
}

/// The bytes of a path that is no text, for programs.
pub(crate) fn hex(path: &Path) -> String {
    data_encoding::HEXLOWER.encode(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_follow_the_path_below_the_directory_named() {
        let naming = Naming::parse(Some("shop/"), None).unwrap().unwrap();
        let alias = |root: &str, path: &str| {
            naming
                .alias(relative(Path::new(root), Path::new(path)))
                .unwrap()
                .to_string()
        };
        assert_eq!(
            alias("photos", "photos/2020/a b.jpg"),
            "/shop/2020/a%20b.jpg"
        );
        assert_eq!(alias("photos/a.jpg", "photos/a.jpg"), "/shop/a.jpg");
        assert!(naming.alias(Path::new("a\nb.jpg")).is_err());
        assert!(naming.alias(Path::new("../b.jpg")).is_err());
    }

    #[test]
    fn prefixes_that_could_shadow_are_refused() {
        for bad in ["/i", "api/v1", "../x", "a//b", ".hidden"] {
            assert!(Naming::parse(Some(bad), None).is_err(), "{bad}");
        }
        assert!(Naming::parse(Some("/"), Some("example.com")).is_ok());
        assert!(Naming::parse(Some("/"), Some("../x")).is_err());
    }

    #[test]
    fn paths_are_shown_on_one_line() {
        assert_eq!(shown(Path::new("a\nb\u{1b}[31m")), "a\\nb\\u{1b}[31m");
    }
}
