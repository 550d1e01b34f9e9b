//! What becomes of metadata: the place is removed unless told otherwise, and no pixel changes.

use std::fs;
use std::path::Path;

use img_core::imaging::{Limits, inspect, noise_jpeg};
use img_core::model::image_id::ImageId;
use serde_json::{Value, json};

use crate::harness::Site;
use crate::report::Report;
use crate::specimen::{
    LATITUDE, MAKER, camera_exif, contains, heif, jpeg_scan, jpeg_with_exif, png, png_chunk,
    png_with, tiff, webp_with_exif,
};

/// The same place in each kind of file that can be stripped.
fn photos() -> [(&'static str, Vec<u8>); 3] {
    let exif = camera_exif(6);
    [
        ("photo.jpg", jpeg_with_exif(&noise_jpeg(40, 24, 5), &exif)),
        (
            "photo.png",
            png_with(&png(40, 24, 5), &[png_chunk(*b"eXIf", &exif)]),
        ),
        ("photo.webp", webp_with_exif(&exif)),
    ]
}

fn write_photos(inbox: &Path) {
    for (name, bytes) in photos() {
        assert!(contains(&bytes, LATITUDE), "{name}");
        fs::write(inbox.join(name), bytes).unwrap();
    }
}

fn stored(site: &Site, line: &Value) -> Vec<u8> {
    let (id, extension) = (line["id"].as_str().unwrap(), line["type"].as_str().unwrap());
    let path = format!("original/{}/{id}.{extension}", &id[..3]);
    fs::read(site.data().join(path)).unwrap()
}

#[test]
fn the_place_is_removed_by_default_and_all_else_is_kept() {
    for flags in [&[][..], &["--strip-gps"]] {
        let site = Site::init();
        write_photos(&site.inbox());
        let report = Report::ingest_ok(&site, flags, &[site.inbox()]);
        for (name, source) in photos() {
            let line = report.line(name);
            let kept = stored(&site, line);
            assert_eq!(line["metadata"], "gps-removed", "{name}");
            assert!(!contains(&kept, LATITUDE), "{name}");
            assert!(contains(&kept, MAKER), "{name}");
            assert_eq!(inspected(&kept), inspected(&source), "{name}");
            assert_eq!(line["id"], ImageId::of(&kept).to_string());
        }
        let jpeg = stored(&site, report.line("photo.jpg"));
        assert_eq!(jpeg_scan(&jpeg), jpeg_scan(&photos()[0].1));
    }
}

fn inspected(bytes: &[u8]) -> (u32, u32, img_core::imaging::Orientation) {
    let inspected = inspect(bytes, &Limits::default()).unwrap();
    (
        inspected.width_px,
        inspected.height_px,
        inspected.orientation,
    )
}

#[test]
fn metadata_is_kept_to_the_byte_when_asked_for() {
    let site = Site::init();
    write_photos(&site.inbox());
    let report = Report::ingest_ok(&site, &["--keep-metadata"], &[site.inbox()]);
    for (name, source) in photos() {
        let line = report.line(name);
        assert_eq!(line["id"], ImageId::of(&source).to_string(), "{name}");
        assert_eq!(line["metadata"], "untouched", "{name}");
        assert_eq!(stored(&site, line), source, "{name}");
    }
}

#[test]
fn everything_but_the_orientation_is_removed_when_asked_for() {
    let site = Site::init();
    write_photos(&site.inbox());
    let report = Report::ingest_ok(&site, &["--strip-all"], &[site.inbox()]);
    for (name, source) in photos() {
        let line = report.line(name);
        let kept = stored(&site, line);
        assert_eq!(line["metadata"], "removed", "{name}");
        assert!(
            !contains(&kept, LATITUDE) && !contains(&kept, MAKER),
            "{name}"
        );
        assert_eq!(inspected(&kept), inspected(&source), "{name}");
    }
    let jpeg = stored(&site, report.line("photo.jpg"));
    assert_eq!(jpeg_scan(&jpeg), jpeg_scan(&photos()[0].1));
}

#[test]
fn a_file_without_a_place_is_untouched() {
    let site = Site::init();
    let id = site.ingest("plain.jpg", &noise_jpeg(16, 16, 1));
    assert_eq!(id, ImageId::of(&noise_jpeg(16, 16, 1)).to_string());
}

#[test]
fn types_that_cannot_be_stripped_are_counted() {
    let site = Site::init();
    let inbox = site.inbox();
    fs::write(inbox.join("a.heic"), heif(*b"heic", 24, 16)).unwrap();
    fs::write(inbox.join("b.avif"), heif(*b"avif", 24, 16)).unwrap();
    fs::write(inbox.join("c.tiff"), tiff()).unwrap();
    fs::write(inbox.join("d.png"), png(4, 4, 1)).unwrap();
    let report = Report::ingest_ok(&site, &[], &[&inbox]);
    assert_eq!(report.summary["metadata_unsupported"], 3);
    for name in ["a.heic", "b.avif", "c.tiff"] {
        assert_eq!(report.line(name)["metadata"], "unsupported");
    }
    let said = site.imgctl(["ingest".as_ref(), inbox.as_os_str()]).stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("of types whose metadata is stored as it is: 3"),
        "{said}"
    );
    let kept = Report::ingest_ok(&site, &["--keep-metadata"], &[&inbox]);
    assert_eq!(kept.summary["metadata_unsupported"], 0);
}

#[test]
fn a_photo_taken_upright_is_recorded_and_shown_upright() {
    let site = Site::start();
    fs::write(site.inbox().join("photo.jpg"), &photos()[0].1).unwrap();
    let report = Report::ingest_ok(&site, &["--derive", "all"], &[site.inbox()]);
    let line = report.line("photo.jpg");
    // 40 × 24 px as stored, turned by a quarter.
    assert_eq!((&line["width"], &line["height"]), (&json!(24), &json!(40)));
    let card = site.get(&format!("/i/{}.card~1.webp", line["id"].as_str().unwrap()));
    let derived = inspect(&card.body, &Limits::default()).unwrap();
    assert_eq!((derived.width_px, derived.height_px), (24, 40));
    assert!(!contains(&card.body, MAKER));
}
