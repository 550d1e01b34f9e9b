//! `imgctl ingest`: what it promises of what it took in, and how it reports.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use img_core::imaging::noise_jpeg;
use img_core::model::image_id::ImageId;
use serde_json::Value;

use crate::audit::{check_acknowledged, check_tree, recorded};
use crate::harness::{Site, files_below};
use crate::report::Report;
use crate::specimen::{heif, png, png_chunk, png_of};

/// A directory with this many small images, each different.
pub(crate) fn fill(dir: &Path, count: u16) {
    fs::create_dir_all(dir).unwrap();
    for seed in 0..count {
        let jpeg = noise_jpeg(16, 16, 2 * u64::from(seed) + 1);
        fs::write(dir.join(format!("{seed}.jpg")), jpeg).unwrap();
    }
}

fn keys(line: &Value) -> Vec<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// What must not change when an image is ingested again.
fn fingerprints(dir: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    let print = |file: PathBuf| {
        let metadata = fs::metadata(dir.join(&file)).unwrap();
        (
            file,
            metadata.ino(),
            metadata.mtime(),
            metadata.ctime_nsec(),
        )
    };
    files_below(dir).into_iter().map(print).collect()
}

#[test]
fn the_name_of_an_original_is_the_hash_of_its_bytes_and_its_time_is_that_of_the_file() {
    let site = Site::init();
    let inbox = site.inbox();
    let epoch = SystemTime::UNIX_EPOCH;
    let day = Duration::from_secs(86_400);
    let times = [
        ("y2k.png", epoch + Duration::from_secs(951_782_400)),
        ("before.png", epoch - day),
        ("future.png", SystemTime::now() + 1000 * day),
    ];
    for (seed, (name, time)) in (0_u8..).zip(times) {
        fs::write(inbox.join(name), png(4, 4, seed)).unwrap();
        let file = fs::File::options()
            .write(true)
            .open(inbox.join(name))
            .unwrap();
        file.set_modified(time).unwrap();
    }

    let report = Report::ingest_ok(&site, &[], &[&inbox]);

    check_acknowledged(&site, &report.items);
    let recorded = recorded(&site);
    let found = |name: &str| {
        let id = report.line(name)["id"].as_str().unwrap();
        let bytes = fs::read(inbox.join(name)).unwrap();
        assert_eq!(id, ImageId::of(&bytes).to_string());
        let path = site.data().join(format!("original/{}/{id}.png", &id[..3]));
        let modified = fs::metadata(path).unwrap().mtime();
        (
            modified,
            recorded[id]["recorded_at"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        found("y2k.png"),
        (951_782_400, "2000-02-29T00:00:00Z".to_owned())
    );
    assert_eq!(found("before.png"), (0, "1970-01-01T00:00:00Z".to_owned()));
    let (modified, text) = found("future.png");
    let id = report.line("future.png")["id"].as_str().unwrap();
    assert_eq!(text, recorded[id]["ingested_at"]);
    assert!(epoch + Duration::from_secs(modified.unsigned_abs()) <= SystemTime::now());
}

#[test]
fn the_time_on_record_wins_over_that_of_an_orphan_left_by_a_crash() {
    let site = Site::init();
    let (bytes, id) = (png(4, 4, 1), ImageId::of(&png(4, 4, 1)).to_string());
    let orphan = site.data().join(format!("original/{}/{id}.png", &id[..3]));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, &bytes).unwrap();
    let source = site.inbox().join("one.png");
    fs::write(&source, &bytes).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_400);
    fs::File::options()
        .write(true)
        .open(&source)
        .unwrap()
        .set_modified(time)
        .unwrap();

    let report = Report::ingest_ok(&site, &[], &[source]);

    assert_eq!(report.count("new"), 1);
    assert_eq!(recorded(&site)[&id]["recorded_at"], "2000-02-29T00:00:00Z");
    assert_eq!(fs::metadata(orphan).unwrap().mtime(), 951_782_400);
}

#[test]
fn an_image_is_stored_once_under_however_many_names_and_runs() {
    let site = Site::init();
    let inbox = site.inbox();
    let (one, other) = (inbox.join("one.png"), inbox.join("other.png"));
    fs::write(&one, png(4, 4, 1)).unwrap();
    fs::write(&other, png(4, 4, 1)).unwrap();

    let report = Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&one, &other, &one]);
    assert_eq!((report.count("new"), report.count("known")), (1, 2));
    check_acknowledged(&site, &report.items);

    let before = fingerprints(&site.data().join("original"));
    assert_eq!(before.len(), 1);
    let again = Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&inbox]);
    assert_eq!((again.count("new"), again.count("known")), (0, 2));
    assert_eq!(fingerprints(&site.data().join("original")), before);
}

#[test]
fn reports_have_the_promised_shape() {
    let site = Site::init();
    let inbox = site.inbox();
    fs::write(inbox.join("good.png"), png(4, 3, 1)).unwrap();
    fs::write(inbox.join("bad.png"), "text").unwrap();

    let report = Report::ingest(&site, &["--alias-prefix", "x"], &[&inbox]);

    assert_eq!(
        keys(report.line("good.png")),
        [
            "alias",
            "bytes",
            "derive_error",
            "derived",
            "frames",
            "height",
            "id",
            "metadata",
            "path",
            "status",
            "type",
            "width"
        ]
    );
    assert_eq!(
        keys(report.line("bad.png")),
        ["hint", "message", "path", "reason", "status"]
    );
    assert_eq!(
        keys(&report.summary),
        [
            "bytes_new",
            "derived",
            "dry_run",
            "duration_ms",
            "files_per_s",
            "known",
            "metadata_unsupported",
            "new",
            "not_derived",
            "rejected",
            "rejected_by_reason"
        ]
    );
    assert_eq!(
        (
            report.summary["new"].as_u64(),
            report.summary["rejected"].as_u64()
        ),
        (Some(1), Some(1))
    );
    assert_eq!(report.summary["rejected_by_reason"]["not-an-image"], 1);
    assert_eq!(report.line("good.png")["alias"], "/x/good.png");

    let plain = site.imgctl(["ingest".as_ref(), inbox.as_os_str()]);
    let said = String::from_utf8(plain.stderr).unwrap();
    assert!(plain.stdout.is_empty());
    assert!(
        said.contains("0 new (0 B), 1 there already, 1 rejected;"),
        "{said}"
    );
    assert!(said.contains("\n  rejected as not-an-image: 1"), "{said}");
    let quiet = site.imgctl(["--quiet".as_ref(), "ingest".as_ref(), inbox.as_os_str()]);
    let said = String::from_utf8(quiet.stderr).unwrap();
    assert!(
        said.starts_with("rejected: ") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(
        (plain.status.code(), quiet.status.code()),
        (Some(3), Some(3))
    );
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let site = Site::init();
    let inbox = site.inbox();
    fs::write(inbox.join("known.png"), png(4, 4, 0)).unwrap();
    Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&inbox]);
    fill(&inbox, 10);
    fs::write(inbox.join("copy.jpg"), noise_jpeg(16, 16, 1)).unwrap();
    fs::write(inbox.join("bad.jpg"), "text").unwrap();
    let taken = site.inbox().join("elsewhere");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("known.png"), png(4, 4, 9)).unwrap();
    let before = fingerprints(&site.data());

    let flags = ["--dry-run", "--derive", "all", "--alias-prefix", "x"];
    let report = Report::ingest(&site, &flags, &[&inbox, &taken]);

    assert_eq!(fingerprints(&site.data()), before);
    assert_eq!(recorded(&site).len(), 1);
    // The copy, the one that is there, and `elsewhere`, which is named twice.
    let counts = (
        report.count("would-be-new"),
        report.count("known"),
        report.code,
    );
    assert_eq!(counts, (11, 2, 3), "{report:#?}");
    assert_eq!(
        (&report.summary["dry_run"], &report.summary["new"]),
        (&true.into(), &11.into())
    );
    assert_eq!(report.reasons()["known.png"], "alias-taken");
}

#[test]
fn derivatives_asked_for_stand_before_the_image_is_acknowledged() {
    let site = Site::init();
    let inbox = site.inbox();
    fill(&inbox, 5);
    for (flags, count) in [(["--derive", "thumb"], 2), (["--derive", "all"], 3)] {
        let mut command = site.command(["--json", "ingest"]);
        command.args(flags).arg(&inbox).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().take(5) {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let id = line["id"].as_str().unwrap();
            let thumb = site
                .data()
                .join(format!("derived/{}/{id}.thumb~1.webp", &id[..3]));
            assert!(thumb.exists(), "{line}");
            assert_eq!(line["derived"], count);
        }
        assert!(child.wait().unwrap().success());
    }
    check_tree(&site.data());
}

#[test]
fn an_image_that_cannot_be_derived_from_is_kept_and_said_so() {
    let site = Site::init();
    let inbox = site.inbox();
    let corrupt = png_of(8, 8, &[png_chunk(*b"IDAT", b"this is no zlib")]);
    fs::write(inbox.join("corrupt.png"), corrupt).unwrap();
    fs::write(inbox.join("photo.heic"), heif(*b"heic", 24, 16)).unwrap();
    fs::write(inbox.join("good.png"), png(8, 8, 1)).unwrap();

    let report = Report::ingest(&site, &["--derive", "thumb"], &[&inbox]);

    assert_eq!((report.code, report.count("new")), (3, 3), "{report:#?}");
    assert_eq!(
        (&report.summary["not_derived"], &report.summary["derived"]),
        (&2.into(), &2.into())
    );
    let fault = |name| report.line(name)["derive_error"].as_str();
    assert!(
        fault("corrupt.png")
            .unwrap()
            .contains("png image cannot be decoded"),
        "{report:#?}"
    );
    assert!(
        fault("photo.heic").unwrap().contains("no decoder for heic"),
        "{report:#?}"
    );
    assert_eq!(fault("good.png"), None);
    assert!(report.line("corrupt.png")["derived"].is_null());
    check_acknowledged(&site, &report.items);
}
