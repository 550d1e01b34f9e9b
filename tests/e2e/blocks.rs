//! The block list: what is on it is not taken in, by whichever way its metadata is removed.

use std::fs;

use img_core::imaging::noise_jpeg;
use img_core::model::image_id::ImageId;
use serde_json::json;

use crate::harness::Site;
use crate::report::Report;
use crate::specimen::{camera_exif, jpeg_with_exif};

#[test]
fn a_blocked_file_is_refused_in_every_form() {
    let site = Site::init();
    let path = site.inbox().join("photo.jpg");
    fs::write(
        &path,
        jpeg_with_exif(&noise_jpeg(40, 24, 5), &camera_exif(6)),
    )
    .unwrap();
    let name = path.to_str().unwrap();

    let (added, code) = site.imgctl_json(["block", "add", name, "--reason", "not ours"]);

    assert_eq!(
        (added.len(), code),
        (3, 0),
        "as it is, without place, without all: {added:?}"
    );
    assert!(added.iter().all(|line| line["path"] == json!(name)));
    for flags in [
        &[][..],
        &["--keep-metadata"],
        &["--strip-all"],
        &["--dry-run"],
    ] {
        let report = Report::ingest(&site, flags, &[&path]);
        assert_eq!(report.reasons()["photo.jpg"], "blocked", "{flags:?}");
        assert_eq!(report.code, 3);
    }
    let (listed, _) = site.imgctl_json(["block", "list"]);
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|block| block["reason"] == "not ours"));
    for block in &listed {
        site.imgctl_ok(["block", "remove", block["id"].as_str().unwrap()]);
    }
    Report::ingest_ok(&site, &[], &[&path]);
}

#[test]
fn what_is_here_stays_and_that_is_said() {
    let site = Site::init();
    let id = site.ingest_sample("wheel.png");
    let output = site.imgctl(["block", "add", &id, &"0".repeat(40)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("imgctl image erase {id}")), "{said}");
    assert!(!said.contains(&"0".repeat(40)));
    assert!(site.imgctl_ok(["image", "show", &id]).contains(&id));
}

#[test]
fn nothing_is_blocked_when_anything_is_wrong() {
    let site = Site::init();
    let id = ImageId::of(b"x").to_string();
    for (wrong, expected) in [("no-such-file", 1), ("/", 1), ("", 2)] {
        let output = site.imgctl(["block", "add", &id, wrong]);
        assert_eq!(output.status.code(), Some(expected), "{wrong:?}");
    }
    assert_eq!(site.imgctl(["block", "add"]).status.code(), Some(2));
    let (listed, _) = site.imgctl_json(["block", "list"]);
    assert!(listed.is_empty());
    let (lines, code) = site.imgctl_json(["block", "remove", &"0".repeat(40)]);
    assert_eq!(
        (&lines[0]["error"]["code"], code),
        (&json!("not-blocked"), 1)
    );
    let (_, code) = site.imgctl_json(["block", "remove", "x"]);
    assert_eq!(code, 2);
}
