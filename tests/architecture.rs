//! What the code promises about itself: layers, who may use which library, names, and documents that match.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Rust files below a directory of the repository, relative to its root, sorted, with their text.
fn rust_files(below: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no Rust below {below}");
    found
}

/// What is not part of a program: modules declared for tests, directories and files `tests`, examples.
fn is_test_module(path: &Path, declared: &BTreeSet<PathBuf>) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "examples")
        || path.file_stem().is_some_and(|stem| stem == "tests")
        || declared.contains(path)
}

fn test_modules(files: &[(PathBuf, String)]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for (path, text) in files {
        for (declared, _) in text
            .split("#[cfg(test)]\nmod ")
            .skip(1)
            .filter_map(|rest| rest.split_once(';'))
        {
            found.insert(path.with_file_name(format!("{declared}.rs")));
        }
    }
    found
}

/// The part of a file that is not compiled for tests only.
fn program_part(text: &str) -> &str {
    let tests = [
        "#[cfg(test)]\nmod tests {",
        "#[cfg(test)]\npub(super) mod tests {",
    ];
    let starts = tests.iter().filter_map(|start| text.find(start));
    text.get(..starts.min().unwrap_or(text.len())).unwrap()
}

#[test]
fn every_file_says_what_it_owns() {
    for (path, text) in [rust_files("src"), rust_files("tests")].concat() {
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 12,
            "{}",
            path.display()
        );
    }
}

/// Modules of img-core with those that each may use. Later ones stand on earlier ones; siblings do not know each other.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("imaging", &["model"]),
    ("cpu", &["model", "imaging"]),
    ("blobs", &["model"]),
    ("catalog", &["model"]),
    ("fetch", &["model"]),
    (
        "origin",
        &["model", "imaging", "cpu", "blobs", "catalog", "fetch"],
    ),
    ("nginx", &["model"]),
    (
        "config",
        &[
            "model", "imaging", "blobs", "catalog", "fetch", "origin", "nginx",
        ],
    ),
];

#[test]
fn modules_of_the_core_use_only_those_below_them() {
    for (path, text) in rust_files("src/core") {
        let below_core = path.strip_prefix("src/core").unwrap();
        if below_core.starts_with("tests") {
            continue; // they use what others use
        }
        let module = below_core
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let module = module.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let known = MAY_USE.iter().find(|(name, _)| *name == module);
        let (_, may_use) = known.unwrap_or_else(|| panic!("module {module} has no layer"));
        for used in text.split("crate::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            assert!(
                used == module || may_use.contains(&used.as_str()),
                "{} uses crate::{used}",
                path.display()
            );
        }
    }
}

#[test]
fn each_outside_thing_is_known_in_one_place() {
    let allowed: [(&str, &[&str]); 4] = [
        ("clap", &["src/bin/imgctl", "src/bin/imgd/main.rs"]),
        ("axum", &["src/bin/imgd"]),
        ("sqlx", &["src/core/catalog"]),
        ("reqwest", &["src/core/fetch", "src/bin/imgctl/remote"]),
    ];
    for (path, text) in rust_files("src") {
        for (library, places) in allowed {
            let uses = [format!("{library}::"), format!("{library}_")];
            let used = uses.iter().any(|name| {
                text.match_indices(name.as_str()).any(|(at, _)| {
                    let before = text
                        .as_bytes()
                        .get(at.wrapping_sub(1))
                        .copied()
                        .unwrap_or(b' ');
                    !(before.is_ascii_alphanumeric() || before == b'_')
                })
            });
            let here = places.iter().any(|place| path.starts_with(place));
            assert!(here || !used, "{} uses {library}", path.display());
        }
    }
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let files = rust_files("src");
    let declared = test_modules(&files);
    for (path, text) in files
        .iter()
        .filter(|(path, _)| !is_test_module(path, &declared))
    {
        let unwraps = program_part(text)
            .lines()
            .find(|line| line.contains("unwrap("));
        assert_eq!(unwraps, None, "{}", path.display());
    }
}

#[test]
fn no_module_is_named_for_having_no_home() {
    let forbidden = [
        "util", "utils", "common", "helper", "helpers", "misc", "manager", "base",
    ];
    for (path, _) in [rust_files("src"), rust_files("tests")].concat() {
        for part in path.with_extension("").components() {
            let part = part.as_os_str().to_str().unwrap();
            assert!(!forbidden.contains(&part), "{}", path.display());
        }
    }
}

/// A derivative too large for the limits and one too large for its format are the same to a client.
const SHARED_CODES: [&str; 1] = ["limit-output"];

#[test]
fn codes_of_errors_are_kebab_case_and_each_enum_uses_one_once() {
    let mut total = 0;
    for (path, text) in rust_files("src") {
        for body in program_part(&text).split("fn code(&self) -> &").skip(1) {
            let body = body.split("\n    }\n").next().unwrap();
            let codes: Vec<&str> = body
                .split("=> \"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap())
                .collect();
            for code in &codes {
                let kebab = code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
                let framed =
                    code.starts_with(|c: char| c.is_ascii_lowercase()) && !code.ends_with('-');
                assert!(kebab && framed, "`{code}` in {}", path.display());
            }
            let mut seen = BTreeSet::from(SHARED_CODES);
            let again = codes
                .iter()
                .find(|code| !SHARED_CODES.contains(code) && !seen.insert(code));
            assert_eq!(again, None, "in {}", path.display());
            total += codes.len();
        }
    }
    assert!(total > 40, "{total} codes found");
}

fn imgctl_help() -> String {
    let mut imgctl = Command::new(env!("CARGO_BIN_EXE_imgctl"));
    String::from_utf8(imgctl.arg("--help").output().unwrap().stdout).unwrap()
}

#[test]
fn readme_and_changelog_mention_every_command() {
    let help = imgctl_help();
    let (_, listed) = help.split_once("\nCommands:\n").unwrap();
    let commands: Vec<&str> = listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for document in ["README.md", "CHANGELOG.md"] {
        let text = read(document);
        for command in &commands {
            assert!(
                text.contains(&format!("imgctl {command}")),
                "{document}: imgctl {command}"
            );
        }
    }
}

#[test]
fn readme_shows_the_exit_codes_of_help() {
    let help = imgctl_help();
    let (_, of_help) = help.split_once("Exit codes:\n").unwrap();
    let readme = read("README.md");
    let (_, rest) = readme.split_once("<!-- exit codes -->").unwrap();
    let (of_readme, _) = rest.split_once("<!-- /exit codes -->").unwrap();
    let rows = |text: &str| {
        let rows = text.lines().map(|line| line.trim().to_owned());
        let is_row = |line: &String| line.starts_with(|c: char| c.is_ascii_digit());
        rows.filter(is_row).collect::<Vec<_>>()
    };
    assert!(of_readme.contains("```"), "in a code block");
    assert_eq!(rows(of_readme), rows(of_help));
    assert!(rows(of_help).len() > 5);
}

/// The sections of imgctl.toml as declared: by the name of the type, keys with their types.
fn sections() -> BTreeMap<String, Vec<(String, String)>> {
    let file = read("src/core/config/file.rs") + &read("src/core/config/section.rs");
    let mut found = BTreeMap::new();
    for declared in file.split("pub struct ").skip(1) {
        let (name, rest) = declared.split_once(" {").unwrap();
        let fields = rest.split("\n}").next().unwrap().lines();
        let fields = fields.filter_map(|line| {
            let (key, kind) = line.trim().strip_prefix("pub ")?.split_once(": ")?;
            Some((key.to_owned(), kind.to_owned()))
        });
        found.insert(name.to_owned(), fields.collect());
    }
    found
}

#[test]
fn every_key_of_the_configuration_is_documented() {
    let sections = sections();
    let document = read("docs/configuration.md");
    let inner = |kind: &str| {
        sections
            .iter()
            .find(|(name, _)| kind.contains(name.as_str()))
    };
    let mut keys = 0;
    for (section, kind) in &sections["ConfigFile"] {
        let heading = format!("## [{section}");
        let part = document
            .split("\n## ")
            .find(|part| format!("## {part}").starts_with(&heading));
        let part = part.unwrap_or_else(|| panic!("no {heading}"));
        for (key, kind) in inner(kind).unwrap().1 {
            let name = if ["presets", "watermarks"].contains(&section.as_str()) {
                format!("`{key}`")
            } else {
                format!("`{section}.{key}`")
            };
            let line = part.lines().find(|line| line.contains(&name));
            let line = line.unwrap_or_else(|| panic!("{name} is not in docs/configuration.md"));
            let nested = inner(kind).map_or(&[][..], |(_, fields)| fields);
            for (key, _) in nested {
                assert!(line.contains(key.as_str()), "{key} is not told with {name}");
            }
            keys += 1 + nested.len();
        }
    }
    assert!(keys > 50, "{keys} keys found");
}
