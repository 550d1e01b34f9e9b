//! Remote ingest at the limits of a key and of the disk: waited for, told per image, or the end of the run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use img_core::imaging::noise_jpeg;
use serde_json::{Value, json};

use crate::audit::{check_acknowledged, recorded};
use crate::elsewhere::{Remote, start_with_one_worker};
use crate::harness::{Site, json_lines};
use crate::ingest::fill;
use crate::report::Report;

/// The error at the end of a run.
fn error(report: &Report) -> &Value {
    &report.items.last().unwrap()["error"]
}

#[test]
fn a_rate_is_waited_for() {
    const BURST: usize = 20 * 60;
    let site = start_with_one_worker("");
    let remote = Remote::with_key(&site, &["--verbs", "read,ingest", "--rate", "20/s"]);
    let dir = site.inbox().join("images");
    fill(&dir, 100);
    // A minute's worth may come at once, and is spent first.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..BURST / 8 {
                    remote.client.get("/api/v1/status");
                }
            });
        }
    });

    let report = Report::remote(&remote, &["--jobs", "64"], &[&dir]);

    assert_eq!(
        (report.code, report.count("new")),
        (0, 100),
        "{:?}",
        report.summary
    );
    assert!(remote.refused_as(429) > 0);
    check_acknowledged(&site, &report.items);
}

#[test]
fn what_passes_the_quota_is_rejected_and_the_rest_is_taken_in() {
    let site = Site::start();
    let remote = Remote::with_key(&site, &["--verbs", "read,ingest", "--max-images", "10"]);
    let dir = site.inbox().join("images");
    fill(&dir, 30);

    let report = Report::remote(&remote, &[], &[&dir]);

    assert_eq!(
        (report.code, report.count("new")),
        (3, 10),
        "{:?}",
        report.summary
    );
    assert_eq!(
        report.summary["rejected_by_reason"],
        json!({"quota-passed": 20})
    );
    assert!(
        report
            .reasons()
            .values()
            .all(|reason| *reason == "quota-passed")
    );
    check_acknowledged(&site, &report.items);
    // What is there is not charged for again.
    let again = Report::remote(&remote, &[], &[&dir]);
    assert_eq!(
        (again.code, again.count("known"), again.count("new")),
        (3, 10, 0)
    );
}

#[test]
fn a_key_that_is_revoked_in_the_middle_ends_the_run() {
    let site = Site::start();
    let remote = Remote::new(&site, "read,ingest");
    let dir = site.inbox().join("images");
    fill(&dir, 900);
    let mut command = remote.command(["--json", "ingest", "--jobs", "1"]);
    command
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    for _ in 0..20 {
        stdout.read_line(&mut told).unwrap();
    }

    site.imgctl_ok(["key", "revoke", &remote.client.key_id()]);

    stdout.read_to_string(&mut told).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines = json_lines(told.as_bytes());
    let error = &lines.last().unwrap()["error"];
    assert_eq!(
        (&error["code"], output.status.code()),
        (&json!("key-revoked"), Some(15))
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: the key was revoked\nrequest: "),
        "{said}"
    );
    assert!(lines.len() < 900);
    check_acknowledged(&site, &lines);
    assert_eq!(recorded(&site).len(), lines.len() - 2);
}

#[test]
fn a_key_that_may_not_ends_the_run_before_anything_is_sent() {
    let site = Site::start();
    let dir = site.inbox().join("images");
    fill(&dir, 20);
    for (verbs, flags, missing) in [
        ("read", &[][..], "ingest"),
        ("alias,erase", &[], "ingest"),
        ("ingest", &["--alias-prefix", "x"], "alias"),
    ] {
        let remote = Remote::new(&site, verbs);
        let report = Report::remote(&remote, flags, &[&dir]);
        let error = error(&report);
        assert_eq!((&error["code"], report.code), (&json!("verb-missing"), 15));
        assert_eq!(error["message"], format!("this needs the verb `{missing}`"));
        assert!(error["request_id"].is_string());
        assert_eq!(report.summary["new"], 0);
    }
    for (args, verb) in [
        (&["key", "list"][..], "admin"),
        (&["audit", "log"], "admin"),
        (&["block", "list"], "admin"),
        (&["image", "erase", "--dry-run", "/x.jpg"], "read"),
    ] {
        let remote = Remote::new(&site, "ingest");
        let (lines, code) = remote.json(args);
        assert_eq!(
            (&lines[0]["error"]["code"], code),
            (&json!("verb-missing"), 15)
        );
        assert_eq!(
            lines[0]["error"]["message"],
            format!("this needs the verb `{verb}`")
        );
    }
    assert!(recorded(&site).is_empty());
    // To write is enough: what is there is asked for by whoever may write.
    let remote = Remote::new(&site, "ingest");
    assert_eq!(Report::remote(&remote, &[], &[&dir]).count("new"), 20);
    assert_eq!(Report::remote(&remote, &[], &[&dir]).count("known"), 20);
}

#[test]
fn a_key_with_a_prefix_names_below_it_and_tags_what_it_can_show() {
    let site = Site::start();
    let dir = site.inbox().join("images");
    fill(&dir, 5);
    site.imgctl_ok(["ingest".as_ref(), dir.as_os_str()]);
    fs::write(dir.join("new.jpg"), noise_jpeg(16, 16, 9001)).unwrap();
    let key = ["--verbs", "read,ingest,alias", "--prefix", "shop/"];
    let remote = Remote::with_key(&site, &key);

    let outside = Report::remote(&remote, &["--alias-prefix", "other"], &[&dir]);
    assert_eq!((outside.code, outside.count("rejected")), (3, 6));
    assert!(
        outside
            .reasons()
            .values()
            .all(|reason| *reason == "outside-prefix")
    );
    assert_eq!(recorded(&site).len(), 5);

    let flags = ["--alias-prefix", "shop/new", "--tag", "sale"];
    let report = Report::remote(&remote, &flags, &[&dir]);
    assert_eq!(
        (report.code, report.count("known"), report.count("new")),
        (0, 5, 1)
    );
    check_acknowledged(&site, &report.items);
    let (tagged, _) = site.imgctl_json(["image", "list", "--tag", "sale"]);
    assert_eq!(tagged.len(), 6);
}

#[test]
fn a_key_file_that_others_can_read_or_that_is_none_is_not_used() {
    let site = Site::start();
    let remote = Remote::new(&site, "admin");
    let told = |path: &Path| {
        let mut command = remote.command(["--json", "status", "--key-file"]);
        let output = command.arg(path).output().unwrap();
        let said = String::from_utf8([output.stdout.clone(), output.stderr].concat()).unwrap();
        assert!(
            !said.contains(remote.client.token.as_ref().unwrap()),
            "{said}"
        );
        (
            json_lines(&output.stdout).remove(0)["error"]["code"].take(),
            output.status.code(),
        )
    };
    for mode in [0o640, 0o604, 0o620, 0o610, 0o644] {
        fs::set_permissions(&remote.key_file, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(
            told(&remote.key_file),
            (json!("key-file-open"), Some(1)),
            "{mode:o}"
        );
    }
    let missing = site.inbox().join("no such key");
    assert_eq!(told(&missing), (json!("io"), Some(1)));
    assert_eq!(told(&site.data()).1, Some(1));
    for mode in [0o600, 0o400] {
        fs::set_permissions(&remote.key_file, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(told(&remote.key_file), (Value::Null, Some(0)));
    }
}

#[test]
fn a_disk_that_is_full_ends_the_run_and_is_named() {
    let mut site = Site::start();
    let remote = Remote::new(&site, "read,ingest,alias");
    let dir = site.inbox().join("images");
    fill(&dir, 50);
    let known = site.ingest("known.jpg", &noise_jpeg(16, 16, 3));
    let text = site.config_text();
    let floor = "free_bytes_min = 9000000000000000";
    site.write_config(&text.replace("free_bytes_min = 1", floor));
    site.stop_imgd();
    site.start_imgd();

    let report = Report::remote(&remote, &[], &[&dir]);

    assert_eq!(report.code, 12, "{report:#?}");
    let message = format!("the disk of {} is full", remote.url);
    let full = report
        .items
        .iter()
        .find(|line| line["reason"] == "disk-full")
        .unwrap();
    assert_eq!(full["message"], message);
    assert!(
        full["hint"]
            .as_str()
            .unwrap()
            .contains("limits.free_bytes_min"),
        "{full}"
    );
    assert!(report.count("rejected") < 20, "it goes on: {report:#?}");
    assert_eq!(recorded(&site).keys().collect::<Vec<_>>(), [&known]);
    let (lines, code) = remote.json(&["image", "list"]);
    assert_eq!(
        (lines.len(), code),
        (1, 0),
        "what is there is told all the same"
    );
}
