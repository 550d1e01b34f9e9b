//! A disk that fills up: a small file system of the test's own, in a mount namespace.
//!
//! Each test runs itself again inside of `unshare`, which root may do, and elsewhere whoever may make user namespaces.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use img_core::imaging::noise_jpeg;
use serde_json::json;

use crate::audit::{check_acknowledged, check_nothing_staged, check_tree, recorded};
use crate::harness::{Site, files_below};
use crate::report::Report;

/// Set within: where the small disk is mounted.
const DISK: &str = "IMGCTL_TEST_DISK";
/// Set within: a directory with room, for input.
const ROOM: &str = "IMGCTL_TEST_ROOM";

pub(crate) struct SmallDisk {
    at: PathBuf,
    room: PathBuf,
}

impl SmallDisk {
    /// Runs `test`, which has the name `name`, on a disk with these options of tmpfs.
    #[track_caller]
    pub(crate) fn run(name: &str, options: &str, test: impl FnOnce(&Self)) {
        if let (Some(at), Some(room)) = (env::var_os(DISK), env::var_os(ROOM)) {
            let (at, room) = (at.into(), room.into());
            return test(&Self { at, room });
        }
        let dir = tempfile::tempdir().unwrap();
        let [disk, room] = ["disk", "room"].map(|name| dir.path().join(name));
        fs::create_dir(&disk).unwrap();
        fs::create_dir(&room).unwrap();
        let script = r#"mount -t tmpfs -o "$0" none "$1" && shift && exec "$@""#;
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", script, options])
            .arg(&disk)
            .arg(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(DISK, &disk)
            .env(ROOM, &room)
            .env("TMPDIR", &disk)
            .output()
            .expect("unshare is installed: it is part of util-linux");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "in a mount namespace (root, or user namespaces, are needed):\n{said}"
        );
    }

    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let mount = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.at)
            .status();
        assert!(mount.unwrap().success());
    }

    /// Images of some 20 KB each, in a directory that has room.
    fn images(&self, count: u16) -> PathBuf {
        let dir = self.room.join("images");
        fs::create_dir_all(&dir).unwrap();
        for seed in 0..count {
            let jpeg = noise_jpeg(165, 165, 2 * u64::from(seed) + 1);
            fs::write(dir.join(format!("{seed}.jpg")), jpeg).unwrap();
        }
        dir
    }
}

/// A site that fills its disk to the last byte.
pub(crate) fn site_without_floor() -> Site {
    let site = Site::init();
    let text = site.config_text();
    let text = text.replace("free_bytes_min = 1", "free_bytes_min = 0");
    site.write_config(&text.replace("free_inodes_min = 1", "free_inodes_min = 0"));
    site
}

/// Fails, clearly, whoever met the full disk first, and leaves nothing half done.
#[track_caller]
fn check_full(report: &Report) {
    assert_eq!(report.code, 12, "{report:#?}");
    let told = report.items.iter().any(|line| {
        let (reason, code) = (&line["reason"], &line["error"]["code"]);
        (reason == "disk-full" || code == "disk-full")
            && (line["hint"].is_string() || line["error"]["hint"].is_string())
    });
    assert!(told, "{report:#?}");
}

/// Where SQLite itself can be asked: tests do without its program if there is none.
#[track_caller]
pub(crate) fn check_catalog_is_sound(site: &Site) {
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(site.data().join("catalog.db"));
    if let Ok(output) = sqlite.arg("PRAGMA integrity_check").output() {
        assert_eq!(output.stdout, b"ok\n", "{output:?}");
    }
    site.imgctl_ok(["status"]);
}

#[test]
fn an_ingest_that_fills_the_disk_keeps_what_it_acknowledged_and_completes_when_there_is_room() {
    let name = "disk_full::an_ingest_that_fills_the_disk_keeps_what_it_acknowledged_and_completes_when_there_is_room";
    SmallDisk::run(name, "size=4m", |disk| {
        let site = site_without_floor();
        let images = disk.images(300);
        let flags = ["--alias-prefix", "x"];
        // In portions, so that some of it is acknowledged before the disk is full.
        let mut acknowledged = Vec::new();
        let few: Vec<PathBuf> = (0..40).map(|n| images.join(format!("{n}.jpg"))).collect();
        acknowledged.extend(Report::ingest_ok(&site, &flags, &few).items);

        for _ in 0..3 {
            let report = Report::ingest(&site, &flags, &[&images]);
            check_full(&report);
            acknowledged.extend(report.items);
            disk.remount("size=4200k");
            check_acknowledged(&site, &acknowledged);
        }

        disk.remount("size=64m");
        check_catalog_is_sound(&site);
        check_acknowledged(&site, &acknowledged);
        let report = Report::ingest_ok(&site, &flags, &[&images]);
        assert_eq!((report.items.len(), recorded(&site).len()), (300, 300));
        check_acknowledged(&site, &report.items);
        check_nothing_staged(&site);
    });
}

#[test]
fn the_floor_leaves_the_catalog_room_to_record_what_was_taken_in() {
    let name = "disk_full::the_floor_leaves_the_catalog_room_to_record_what_was_taken_in";
    SmallDisk::run(name, "size=6m", |disk| {
        let site = Site::init();
        let text = site.config_text();
        site.write_config(&text.replace("free_bytes_min = 1", "free_bytes_min = 2000000"));
        let images = disk.images(300);

        let report = Report::ingest(&site, &[], &[&images]);

        check_full(&report);
        let acknowledged = report.count("new");
        assert!((1..300).contains(&acknowledged), "{acknowledged}");
        assert_eq!(report.summary["new"].as_u64(), Some(acknowledged as u64));
        check_acknowledged(&site, &report.items);
        // Nothing without a record, either.
        assert_eq!(check_tree(&site.data()).len(), recorded(&site).len());
        check_nothing_staged(&site);

        disk.remount("size=64m");
        let rest = Report::ingest_ok(&site, &[], &[&images]);
        assert_eq!(
            (rest.count("new"), rest.count("known")),
            (300 - acknowledged, acknowledged)
        );
    });
}

#[test]
fn an_ingest_that_runs_out_of_inodes_does_the_same() {
    let name = "disk_full::an_ingest_that_runs_out_of_inodes_does_the_same";
    SmallDisk::run(name, "size=64m,nr_inodes=400", |disk| {
        let site = site_without_floor();
        let images = disk.images(300);
        let few: Vec<PathBuf> = (0..30).map(|n| images.join(format!("{n}.jpg"))).collect();
        let mut acknowledged = Report::ingest_ok(&site, &["--alias-prefix", "x"], &few).items;

        let report = Report::ingest(&site, &["--alias-prefix", "x"], &[&images]);
        check_full(&report);
        acknowledged.extend(report.items);

        disk.remount("nr_inodes=10000");
        check_catalog_is_sound(&site);
        check_acknowledged(&site, &acknowledged);
        Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&images]);
        assert_eq!(
            (check_tree(&site.data()).len(), recorded(&site).len()),
            (300, 300)
        );
        check_nothing_staged(&site);
    });
}

#[test]
fn deriving_that_fills_the_disk_goes_on_when_there_is_room() {
    let name = "disk_full::deriving_that_fills_the_disk_goes_on_when_there_is_room";
    SmallDisk::run(name, "size=4m", |disk| {
        let site = site_without_floor();
        Report::ingest_ok(&site, &[], &[disk.images(80)]);

        let (lines, code) = site.imgctl_json(["derive", "--all", "--missing"]);
        assert_eq!(code, 12, "{lines:?}");
        assert_eq!(lines.last().unwrap()["error"]["code"], "disk-full");
        // Nobody who asks meets half a derivative, and ingest with derivatives says the same.
        let again = Report::ingest(&site, &["--derive", "all"], &[disk.room.join("images")]);
        check_full(&again);

        disk.remount("size=64m");
        check_catalog_is_sound(&site);
        assert_eq!(check_tree(&site.data()).len(), 80);
        let (lines, code) = site.imgctl_json(["derive", "--all", "--missing"]);
        assert_eq!(
            (code, &lines.last().unwrap()["summary"]["finished"]),
            (0, &json!(true))
        );
        // A run that was stopped resumes, so images before that point are looked at by the next.
        site.imgctl_ok(["derive", "--all", "--missing"]);
        assert_eq!(files_below(&site.data().join("derived")).len(), 80 * 5);
        check_tree(&site.data());
        check_nothing_staged(&site);
    });
}

#[test]
fn below_the_floor_of_free_space_nothing_is_written() {
    let site = Site::init();
    for key in ["free_bytes_min", "free_inodes_min"] {
        let floor = format!("{key} = 9000000000000000000");
        let text = site.config_text().replace(&format!("{key} = 1"), &floor);
        site.write_config(&text);
        let inbox = site.inbox();
        for seed in 0..50 {
            fs::write(
                inbox.join(format!("{seed}.jpg")),
                noise_jpeg(16, 16, 2 * seed + 1),
            )
            .unwrap();
        }

        let report = Report::ingest(&site, &["--alias-prefix", "x"], &[&inbox]);

        check_full(&report);
        assert!(
            report.items.len() < 10,
            "a million files would be told one by one"
        );
        let message = report.items[0]["message"].as_str().unwrap();
        assert!(
            message.contains("fewer than the floor of 9000000000000000000"),
            "{message}"
        );
        let hint = report.items[0]["hint"].as_str().unwrap();
        assert!(hint.contains("limits.free_bytes_min"), "{hint}");
        assert_eq!(recorded(&site).len(), 0);
        for part in ["original", "alias", "derived", "staging"] {
            assert_eq!(files_below(&site.data().join(part)), Vec::<&Path>::new());
        }
    }
}
