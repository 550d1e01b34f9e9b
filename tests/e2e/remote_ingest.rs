//! `imgctl --server … ingest`: the report and the catalog of an ingest on the machine itself, with nothing sent twice.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use img_core::imaging::noise_jpeg;
use serde_json::{Value, json};

use crate::audit::{check_acknowledged, check_nothing_staged, check_tree, recorded};
use crate::elsewhere::{Remote, neutral, start_with_one_worker};
use crate::harness::{Site, files_below, init_with_keys, sample};
use crate::ingest::fill;
use crate::report::Report;
use crate::specimen::{
    camera_exif, gif, heif, jpeg_claiming, jpeg_with_exif, png, png_chunk, png_of, tiff, webp,
    webp_claiming, webp_with_exif,
};

const BYTES_MAX: usize = 200_000;

/// All kinds of files: images, copies of them, and what is none.
fn write_mixture(dir: &Path) {
    fill(dir, 300);
    let photo = jpeg_with_exif(&noise_jpeg(40, 24, 5), &camera_exif(6));
    let whole = noise_jpeg(130, 130, 3);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'/>";
    for (name, bytes) in [
        ("photo.jpg", photo),
        ("photo.webp", webp_with_exif(&camera_exif(1))),
        ("pixel.webp", webp()),
        ("moving.gif", gif(4, 4, 3)),
        ("scan.tiff", tiff()),
        ("phone.avif", heif(*b"avif", 24, 16)),
        ("ü and space.png", png(4, 4, 7)),
        ("copy of 1.jpg", noise_jpeg(16, 16, 3)),
        (
            "undecodable.png",
            png_of(8, 8, &[png_chunk(*b"IDAT", b"this is no zlib")]),
        ),
        ("drawing.svg", svg.to_vec()),
        ("notes.txt", b"text".to_vec()),
        ("empty.jpg", Vec::new()),
        ("cut off.jpg", whole[..whole.len() / 2].to_vec()),
        ("cut off early.jpg", whole[..20].to_vec()),
        ("bomb.jpg", jpeg_claiming(65_000, 65_000)),
        ("bomb.webp", webp_claiming(16_384, 16_384)),
        ("many.gif", gif(1, 1, 40_000)),
        ("a little too large.png", png(500, 400, 1)),
        ("too large.png", png(1000, 1000, 1)),
    ] {
        fs::write(dir.join(name), bytes).unwrap();
    }
    symlink(dir.join("1.jpg"), dir.join("link.jpg")).unwrap();
}

/// Two sites, and someone elsewhere with a key to the second.
fn twins(lines: &str) -> (Site, Site, Remote) {
    let here = init_with_keys(lines);
    let there = start_with_one_worker(lines);
    let remote = Remote::new(&there, "read,ingest,alias");
    (here, there, remote)
}

/// All but order and time. Which of two files with the same bytes is the new one, and is derived from, is a matter of
/// order: what was derived counts for the image.
fn comparable(report: &Report) -> (BTreeMap<&str, Value>, Value) {
    let mut summary = report.summary.clone();
    for of_time in ["duration_ms", "files_per_s"] {
        assert!(summary[of_time].take().is_number());
    }
    let mut derived = BTreeMap::<&str, u64>::new();
    for line in &report.items {
        if let (Some(id), Some(count)) = (line["id"].as_str(), line["derived"].as_u64()) {
            *derived.entry(id).or_default() += count;
        }
    }
    let line = |line: &Value| {
        let mut line = line.clone();
        if let Some(id) = line["id"].as_str() {
            let count = line["derived"].is_u64().then(|| derived[id]);
            line["status"] = json!("new or known");
            if let Some(count) = count {
                line["derived"] = json!(count);
            }
        }
        if line["reason"] == "alias-unusable" {
            // It names a directory of the machine.
            line["message"] = Value::Null;
        }
        line
    };
    let items = report.items.iter();
    let by_path = items.map(|item| (item["path"].as_str().unwrap(), line(item)));
    (by_path.collect(), summary)
}

#[track_caller]
fn check_same_report(local: &Report, remote: &Report) {
    let [(local_lines, local_summary), (lines, summary)] = [local, remote].map(comparable);
    let paths = |lines: &BTreeMap<&str, Value>| {
        lines.keys().copied().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(paths(&local_lines), paths(&lines));
    let different = lines
        .iter()
        .filter(|(path, line)| local_lines[*path] != **line);
    let different: Vec<_> = different
        .map(|(path, line)| (&local_lines[*path], line))
        .collect();
    assert!(different.is_empty(), "here and there: {different:#?}");
    assert_eq!(local_summary, summary);
    assert_eq!(local.code, remote.code);
    for status in ["new", "known", "would-be-new", "rejected"] {
        assert_eq!(local.count(status), remote.count(status), "{status}");
    }
}

/// The same images with the same names and tags, and the same files.
#[track_caller]
fn check_same_catalog(here: &Site, there: &Site, tag: &str) {
    for list in [&["--alias-prefix", "/x/"][..], &["--tag", tag], &[]] {
        let [mut here, mut there] = [here, there].map(|site| {
            let list = [&["--json", "image", "list", "--limit", "10000"], list].concat();
            let listed = neutral(&site.imgctl_ok(list), site.port());
            listed.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        // The newest first: those of one second in any order.
        here.sort();
        there.sort();
        assert!(here == there && !here.is_empty(), "{list:?}");
    }
    let [images, theirs] = [recorded(here), recorded(there)];
    for (id, image) in &images {
        assert_eq!(image["recorded_at"], theirs[id]["recorded_at"], "{id}");
    }
    for tree in ["original", "derived", "alias"] {
        let [here, there] = [here, there].map(|site| files_below(&site.data().join(tree)));
        assert_eq!(here, there, "{tree}");
    }
}

#[test]
fn a_directory_is_taken_in_and_reported_as_on_the_machine_itself() {
    let (here, there, remote) = twins(&format!("limits.bytes_max = {BYTES_MAX}"));
    let dir = here.inbox().join("mixture");
    write_mixture(&dir);
    // Names that other images have, and that cannot be: the images are kept without them.
    for site in [&here, &there] {
        let known = site.ingest_sample("wheel.png");
        site.imgctl_ok(["alias", "put", "/x/y/7.jpg", &known]);
        site.imgctl_ok(["alias", "put", "/x/y/8.jpg/below", &known]);
    }
    let flags = [
        "--alias-prefix",
        "x/y",
        "--tag",
        "summer,夏",
        "--derive",
        "thumb",
    ];
    for _again in 0..2 {
        let local = Report::ingest(&here, &flags, &[&dir]);
        let report = Report::remote(&remote, &flags, &[&dir]);

        check_same_report(&local, &report);
        assert_eq!(report.code, 3);
        let ids = check_tree(&there.data());
        assert_eq!(ids, recorded(&there).into_keys().collect());
    }
    check_same_catalog(&here, &there, "summer");
    let of_people = remote.output(["ingest".as_ref(), dir.as_os_str()]);
    let local = here.imgctl(["ingest".as_ref(), dir.as_os_str()]);
    let [mut local, mut of_people] = [local, of_people].map(|output| {
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said
            .lines()
            .map(|line| line.split(" rejected; ").next().unwrap().to_owned());
        said.collect::<Vec<_>>()
    });
    local.sort();
    of_people.sort();
    assert_eq!(local, of_people);
}

#[test]
fn a_dry_run_counts_and_sends_no_image() {
    let (here, there, remote) = twins("");
    let dir = here.inbox().join("images");
    fill(&dir, 30);
    fs::write(dir.join("copy of 1.jpg"), noise_jpeg(16, 16, 3)).unwrap();
    fs::write(dir.join("notes.txt"), "text").unwrap();
    fs::write(dir.join("taken.jpg"), noise_jpeg(16, 16, 9001)).unwrap();
    for site in [&here, &there] {
        let known = site.ingest("2.jpg", &noise_jpeg(16, 16, 5));
        site.imgctl_ok(["alias", "put", "/x/taken.jpg", &known]);
    }
    let flags = [
        "--dry-run",
        "--alias-prefix",
        "x",
        "--derive",
        "all",
        "--tag",
        "a",
    ];

    let local = Report::ingest(&here, &flags, &[&dir]);
    let report = Report::remote(&remote, &flags, &[&dir]);

    assert_eq!(report.reasons()["taken.jpg"], "alias-taken");
    check_same_report(&local, &report);
    assert_eq!(
        (report.count("would-be-new"), report.count("known")),
        (29, 2)
    );
    assert_eq!((recorded(&there).len(), remote.uploads()), (1, 0));
    // The limits of the server are its own: what they will refuse is known when it is sent.
    fs::write(dir.join("bomb.jpg"), jpeg_claiming(65_000, 65_000)).unwrap();
    let report = Report::remote(&remote, &flags, &[&dir]);
    assert_eq!(report.line("bomb.jpg")["status"], "would-be-new");
    let report = Report::remote(&remote, &[], &[&dir]);
    assert_eq!(report.reasons()["bomb.jpg"], "limit-side");
}

#[test]
fn only_what_the_server_does_not_have_is_sent() {
    let site = start_with_one_worker("");
    let remote = Remote::new(&site, "read,ingest,alias");
    let dir = site.inbox().join("images");
    fill(&dir, 30);
    site.imgctl_ok(["ingest".as_ref(), "--tag=old".as_ref(), dir.as_os_str()]);
    fill(&dir, 60);

    let flags = ["--alias-prefix", "n", "--tag", "a,b", "--derive", "thumb"];
    let first = Report::remote(&remote, &flags, &[&dir]);

    assert_eq!(
        (first.code, first.count("new"), first.count("known")),
        (0, 30, 30)
    );
    assert_eq!(first.summary["derived"], 120);
    assert_eq!(remote.uploads(), 30);
    let second = Report::remote(&remote, &flags, &[&dir]);
    assert_eq!((second.code, second.count("known")), (0, 60), "{second:#?}");
    assert_eq!(second.summary["derived"], 0);
    assert_eq!(remote.uploads(), 30);
    check_acknowledged(&site, &[first.items, second.items].concat());
    let count = |filter: [&str; 2]| {
        let (lines, _) =
            site.imgctl_json([&["image", "list", "--limit", "100"][..], &filter].concat());
        lines.len()
    };
    assert_eq!(
        ["old", "a", "b"].map(|tag| count(["--tag", tag])),
        [30, 60, 60]
    );
    assert_eq!(count(["--alias-prefix", "/n/"]), 60);
}

#[test]
fn metadata_is_removed_as_asked_for_on_the_way() {
    let photo = jpeg_with_exif(&noise_jpeg(40, 24, 5), &camera_exif(6));
    for (flag, outcome) in [
        ("--strip-gps", "gps-removed"),
        ("--strip-all", "removed"),
        ("--keep-metadata", "untouched"),
    ] {
        let (here, there, remote) = twins("");
        let path = here.inbox().join("photo.jpg");
        fs::write(&path, &photo).unwrap();
        let [local, report] = [
            Report::ingest_ok(&here, &[flag], &[&path]),
            Report::remote(&remote, &[flag], &[&path]),
        ];
        check_same_report(&local, &report);
        assert_eq!(report.items[0]["metadata"], outcome);
        let bytes = |site: &Site| {
            let dir = site.data().join("original");
            let files = files_below(&dir);
            (files.len(), fs::read(dir.join(&files[0])).unwrap())
        };
        assert_eq!(bytes(&here), bytes(&there));
    }
}

#[test]
fn standard_input_and_lists_of_files_are_sent_too() {
    let (here, _there, remote) = twins("");
    let path = here.inbox().join("wheel.png");
    fs::write(&path, sample("wheel.png")).unwrap();
    let list = here.inbox().join("list");
    fs::write(&list, format!("{}\0/no/such.png\0", path.display())).unwrap();
    let mut command = remote.command(["--json", "ingest", "-"]);
    command.stdin(fs::File::open(&path).unwrap());
    let piped = Report::of(&command.output().unwrap());
    assert_eq!((piped.code, piped.count("new")), (0, 1), "{piped:#?}");
    assert_eq!(piped.items[0]["path"], "-");
    let list = ["--files-from", list.to_str().unwrap(), "--null"];
    let listed = Report::remote::<PathBuf>(&remote, &list, &[]);
    assert_eq!((listed.code, listed.count("known")), (3, 1), "{listed:#?}");
    assert_eq!(listed.reasons()["such.png"], "vanished");
}

/// The most memory that a process has ever had, in KB, watched to its end.
fn watch_memory(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = most.max(size.unwrap_or(0));
        thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    most
}

#[test]
fn a_large_file_goes_through_without_being_held() {
    let (here, there, remote) = twins("limits.bytes_max = 64000000");
    let sent = |name: &str, bytes: &[u8]| {
        let path = here.inbox().join(name);
        fs::write(&path, bytes).unwrap();
        let mut command = remote.command(["ingest".as_ref(), path.as_os_str()]);
        watch_memory(command.args(["--quiet"]).spawn().unwrap())
    };
    let small = sent("small.png", &png(100, 100, 1));
    let large = sent("large.png", &png(6000, 5000, 1));
    assert!(large < small + 10_000, "{small} KB, then {large} KB");
    assert_eq!(recorded(&there).len(), 2);
}

#[test]
fn two_runs_at_once_share_the_work() {
    let mut site = Site::start();
    let dir = site.inbox().join("images");
    fill(&dir, 200);
    let remotes = [(); 2].map(|()| Remote::new(&site, "read,ingest,alias"));
    let runs = remotes.each_ref().map(|remote| {
        let mut command = remote.command(["--json", "ingest", "--alias-prefix", "x", "--tag", "a"]);
        command.arg(&dir).stdout(Stdio::piped()).spawn().unwrap()
    });
    let reports = runs.map(|run| Report::of(&run.wait_with_output().unwrap()));
    for report in &reports {
        assert_eq!(
            (report.code, report.items.len()),
            (0, 200),
            "{:?}",
            report.summary
        );
        check_acknowledged(&site, &report.items);
    }
    let new: usize = reports.iter().map(|report| report.count("new")).sum();
    assert_eq!((new, recorded(&site).len()), (200, 200));
    site.stop_imgd();
    check_nothing_staged(&site);
}
