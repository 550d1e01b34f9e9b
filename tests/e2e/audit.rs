//! What must hold of a data directory at any time, also after kill -9: checked file by file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use img_core::imaging::{Limits, inspect};
use img_core::model::image_id::ImageId;
use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::harness::{Site, files_below};

/// The ids of all originals. Each one is what its name says, and no derivative or alias is less than whole.
#[track_caller]
pub(crate) fn check_tree(data: &Path) -> BTreeSet<String> {
    let originals = data.join("original");
    let mut ids = BTreeSet::new();
    for file in files_below(&originals) {
        let id = ImageId::of(&fs::read(originals.join(&file)).unwrap()).to_string();
        let shown = file.display();
        assert_eq!(file.file_stem().unwrap().to_str(), Some(&*id), "{shown}");
        assert!(file.starts_with(&id[..3]), "{shown}");
        ids.insert(id);
    }
    let derived = data.join("derived");
    for file in files_below(&derived) {
        let inspected = inspect(&fs::read(derived.join(&file)).unwrap(), &Limits::default());
        let inspected = inspected.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let extension = file.extension().unwrap().to_str();
        assert_eq!(extension, Some(inspected.media.extension()));
    }
    let aliases = data.join("alias");
    let mut aliased = Vec::new();
    for file in files_below(&aliases) {
        let id = ImageId::of(&fs::read(aliases.join(&file)).unwrap()).to_string();
        assert!(ids.contains(&id), "{} is no original", file.display());
        aliased.push((file, id));
    }
    check_aliases(data, &aliased);
    ids
}

/// Every alias that nginx would answer is on record, for the image that it shows.
#[track_caller]
fn check_aliases(data: &Path, aliased: &[(PathBuf, String)]) {
    let sql = "SELECT host, path, lower(hex(image_id)) FROM alias";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rows: Vec<(String, Vec<u8>, String)> = runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(data.join("catalog.db"));
        let mut catalog = options.connect().await.unwrap();
        sqlx::query_as(sql).fetch_all(&mut catalog).await.unwrap()
    });
    let on_record: BTreeSet<(PathBuf, String)> = rows
        .into_iter()
        .map(|(host, path, id)| {
            let host = if host.is_empty() { "_" } else { &host };
            let relative = OsStr::from_bytes(&path[1..]);
            (Path::new(host).join(relative), id)
        })
        .collect();
    for alias in aliased {
        assert!(on_record.contains(alias), "not on record: {alias:?}");
    }
}

/// The images on record, by id.
#[track_caller]
pub(crate) fn recorded(site: &Site) -> BTreeMap<String, Value> {
    let (images, code) = site.imgctl_json(["image", "list", "--limit", "100000"]);
    assert_eq!(code, 0, "{images:?}");
    images
        .into_iter()
        .map(|image| (image["id"].as_str().unwrap().to_owned(), image))
        .collect()
}

/// The tree is sound, and every line that told of an image holds: original, record and alias are there.
#[track_caller]
pub(crate) fn check_acknowledged(site: &Site, lines: &[Value]) {
    let ids = check_tree(&site.data());
    let recorded = recorded(site);
    for line in lines {
        let Some(id) = line["id"].as_str() else {
            continue;
        };
        assert!(ids.contains(id), "no original: {line}");
        assert!(recorded.contains_key(id), "not on record: {line}");
        if let Some(alias) = line["alias"].as_str() {
            let path = site.data().join(format!("alias/_{alias}"));
            let found = fs::read(&path).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(ImageId::of(&found).to_string(), id, "{line}");
        }
    }
}

/// Nothing is left of what was being written.
#[track_caller]
pub(crate) fn check_nothing_staged(site: &Site) {
    let left: Vec<_> = fs::read_dir(site.data().join("staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
