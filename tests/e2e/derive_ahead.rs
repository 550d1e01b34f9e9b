//! `imgctl derive`: what it makes, what it leaves, and that an interrupted run goes on where it stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::SystemTime;

use img_core::imaging::noise_jpeg;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Site, files_below};

/// Of the test site: `thumb` in two formats, `card` in three.
const OF_ALL_PRESETS: u64 = 5;
/// Images of one chunk, after which a run tells of them and notes how far it came.
const CHUNK: u64 = 16;
/// So many that a run is still going when it is interrupted after a chunk or two.
const MANY: u64 = 8 * CHUNK + 10;

fn with_images(count: u64) -> Site {
    let site = Site::init();
    let dir = site.inbox().join("many");
    fs::create_dir(&dir).unwrap();
    for seed in 0..count {
        fs::write(
            dir.join(format!("{seed}.jpg")),
            noise_jpeg(40, 30, seed * 2),
        )
        .unwrap();
    }
    let (lines, code) = site.imgctl_json(["ingest".as_ref(), dir.as_os_str()]);
    assert_eq!((lines.len() as u64, code), (count + 1, 0));
    site
}

/// The lines of images, the summary and the exit code.
#[track_caller]
fn derive(site: &Site, args: &[&str]) -> (Vec<Value>, Value, i32) {
    let (mut lines, code) = site.imgctl_json([&["derive"], args].concat());
    let summary = lines.pop().unwrap()["summary"].take();
    (lines, summary, code)
}

#[track_caller]
fn made(site: &Site, args: &[&str]) -> u64 {
    let (lines, summary, code) = derive(site, args);
    assert_eq!(code, 0, "{lines:?} {summary}");
    let of_lines = lines.iter().map(|line| line["made"].as_u64().unwrap());
    assert_eq!(of_lines.sum::<u64>(), summary["made"]);
    assert_eq!(summary["finished"], true);
    summary["made"].as_u64().unwrap()
}

fn derived(site: &Site) -> Vec<PathBuf> {
    files_below(&site.data().join("derived"))
}

#[test]
fn only_what_is_missing_is_made() {
    let mut site = with_images(4);
    assert_eq!(made(&site, &["--preset", "thumb", "--missing"]), 8);
    assert_eq!(made(&site, &["--preset", "thumb,card", "--missing"]), 12);
    assert_eq!(made(&site, &["--all", "--missing"]), 0);
    let all = derived(&site);
    assert_eq!(all.len() as u64, 4 * OF_ALL_PRESETS);

    fs::remove_file(site.data().join("derived").join(&all[3])).unwrap();
    assert_eq!(made(&site, &["--all", "--missing"]), 1);
    fs::remove_dir_all(site.data().join("derived")).unwrap();
    assert_eq!(made(&site, &["--all", "--missing", "--jobs", "1"]), 20);

    assert_eq!(derived(&site), all);
    site.start_nginx();
    for file in all {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(site.get(&format!("/i/{name}")).status, 200, "without imgd");
    }
}

#[test]
fn without_missing_everything_is_made_again_under_the_same_names() {
    let site = with_images(2);
    made(&site, &["--all"]);
    let state = || {
        let all = derived(&site).into_iter().map(|file| {
            let path = site.data().join("derived").join(&file);
            let modified = path.metadata().unwrap().modified().unwrap();
            (file, modified, fs::read(path).unwrap())
        });
        all.collect::<Vec<(PathBuf, SystemTime, Vec<u8>)>>()
    };
    let before = state();
    let spoilt = site.data().join("derived").join(&before[0].0);
    fs::write(spoilt, "spoilt").unwrap();

    assert_eq!(made(&site, &["--all"]), 2 * OF_ALL_PRESETS);

    assert!(state() == before);
}

#[test]
fn a_dry_run_says_what_would_be_made_and_makes_nothing() {
    let site = with_images(3);
    made(&site, &["--preset", "thumb"]);
    let before = files_below(&site.data());
    let (status, _) = site.imgctl_json(["status"]);

    assert_eq!(made(&site, &["--all", "--dry-run"]), 3 * OF_ALL_PRESETS);
    let output = site.imgctl(["derive", "--all", "--missing", "--dry-run"]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("9 derivatives would be made"), "{said}");
    assert_eq!(files_below(&site.data()), before);
    let (after, _) = site.imgctl_json(["status"]);
    assert_eq!(after[0]["derivatives"], status[0]["derivatives"]);
}

#[test]
fn since_leaves_out_what_was_ingested_before() {
    let site = with_images(2);
    assert_eq!(
        made(&site, &["--preset", "thumb", "--since", "2999-01-01"]),
        0
    );
    assert_eq!(made(&site, &["--preset", "thumb", "--since", "1h"]), 4);
}

#[test]
fn an_unknown_preset_is_answered_with_those_there_are() {
    let site = Site::init();
    let (lines, code) = site.imgctl_json(["derive", "--preset", "thumb,huge"]);
    let error = &lines[0]["error"];
    assert!(error["message"].as_str().unwrap().contains("`huge`"));
    assert_eq!(error["hint"], "configured are card, thumb");
    assert_eq!(code, 2);
}

#[test]
fn an_image_that_cannot_be_derived_from_does_not_stop_the_others() {
    let site = with_images(5);
    let large = site.ingest("large.jpg", &noise_jpeg(300, 200, 99));
    site.write_config(&site.config_text().replace(
        "limits.free_bytes_min",
        "limits.pixels_max = 10_000\nlimits.free_bytes_min",
    ));

    let (lines, summary, code) = derive(&site, &["--all", "--missing"]);

    assert_eq!(code, 3);
    assert_eq!(summary["made"], 5 * OF_ALL_PRESETS);
    assert_eq!(
        summary["failed_by_reason"],
        serde_json::json!({"limit-pixels": 1})
    );
    let failed = lines.iter().find(|line| !line["error"].is_null()).unwrap();
    assert_eq!(
        (&failed["id"], &failed["error"]["code"]),
        (&large.into(), &"limit-pixels".into())
    );
    let output = site.imgctl(["derive", "--all", "--missing"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("not derived: ") && said.contains("failed as limit-pixels: 1"),
        "{said}"
    );
}

/// Starts a run, signals it once `lines` images are told, and answers its lines and its exit code.
fn interrupted(
    site: &Site,
    args: &[&str],
    lines: u64,
    signal: Signal,
) -> (Vec<Value>, Option<i32>) {
    let mut command = site.command(["--json", "derive"]);
    let mut child = command
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.push(serde_json::from_str(&line.unwrap()).unwrap());
        if told.len() as u64 == lines {
            kill_process(pid, signal).unwrap();
        }
    }
    (told, child.wait().unwrap().code())
}

#[test]
fn an_interrupted_run_ends_tidily_and_goes_on_where_it_stopped() {
    let site = with_images(MANY);
    let (mut told, code) = interrupted(&site, &["--all"], 3, Signal::INT);
    let summary = told.pop().unwrap()["summary"].take();
    let so_far = told.len() as u64;
    assert_eq!((code, &summary["finished"]), (Some(130), &false.into()));
    assert!(so_far.is_multiple_of(CHUNK) && so_far < MANY, "{so_far}");
    // What was told is there, whole and on record, and nothing else.
    assert_eq!(derived(&site).len() as u64, so_far * OF_ALL_PRESETS);
    let (status, _) = site.imgctl_json(["status"]);
    assert_eq!(status[0]["derivatives"], so_far * OF_ALL_PRESETS);

    let (other, of_other, _) = derive(&site, &["--preset", "thumb", "--dry-run"]);
    assert_eq!(of_other["resumed_after"], Value::Null);
    let (rest, summary, code) = derive(&site, &["--all"]);

    assert_eq!(other.len() as u64, MANY);
    let ids = told.iter().map(|line| line["id"].as_str().unwrap());
    assert_eq!(summary["resumed_after"].as_str(), ids.max());
    assert_eq!((rest.len() as u64, code), (MANY - so_far, 0));
    let (all, summary, _) = derive(&site, &["--all", "--missing"]);
    assert_eq!(all.len() as u64, MANY, "a finished run is not resumed");
    assert_eq!(
        (&summary["made"], &summary["resumed_after"]),
        (&0.into(), &Value::Null)
    );
}

#[test]
fn a_killed_run_goes_on_unless_it_is_to_begin_anew() {
    let site = with_images(MANY);
    let options = ["--all", "--since", "7d"];
    let (told, code) = interrupted(&site, &options, CHUNK + 2, Signal::KILL);
    assert_eq!(
        code,
        None,
        "it was over before it could be killed: {} lines",
        told.len()
    );
    let there = derived(&site);
    for line in &told {
        let id = line["id"].as_str().unwrap();
        let of_image = there
            .iter()
            .filter(|file| file.to_string_lossy().contains(id));
        assert_eq!(of_image.count() as u64, OF_ALL_PRESETS, "{id} was told");
    }
    // Another second, another `7d`.
    std::thread::sleep(std::time::Duration::from_millis(1001));

    let (_, killed_again) = interrupted(&site, &options, 2, Signal::KILL);
    assert_eq!(killed_again, None);
    let output = site.imgctl([&["derive"], &options[..]].concat());
    let (_, anew, code) = derive(&site, &[&options[..], &["--restart"]].concat());

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("resumed after ") && output.status.success(),
        "{said}"
    );
    assert_eq!((&anew["resumed_after"], code), (&Value::Null, 0));
    let made = MANY * OF_ALL_PRESETS;
    assert_eq!(
        (&anew["made"], &anew["images"]),
        (&made.into(), &MANY.into())
    );
    assert_eq!(derived(&site).len() as u64, MANY * OF_ALL_PRESETS);
    assert!(files_below(&site.data().join("staging")).is_empty());
}
