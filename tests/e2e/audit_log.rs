//! The audit log as `imgctl audit log` prints it: who did what, why and how much.

use serde_json::{Value, json};

use crate::harness::Site;

fn log(site: &Site, args: &[&str]) -> Vec<Value> {
    let (lines, code) = site.imgctl_json([&["audit", "log"], args].concat());
    assert_eq!(code, 0, "{lines:?}");
    lines
}

fn actions(site: &Site, args: &[&str]) -> Vec<String> {
    let entries = log(site, args);
    let action = |entry: &Value| entry["action"].as_str().unwrap().to_owned();
    entries.iter().map(action).collect()
}

#[test]
fn local_runs_are_told_with_their_counts_and_reasons() {
    let site = Site::init();
    site.ingest_sample("wheel.png");
    std::fs::write(site.inbox().join("notes.txt"), "no image").unwrap();
    let inbox = site.inbox();
    let inbox = inbox.to_str().unwrap();
    site.imgctl(["ingest", "--reason", "moved from the old site", inbox]);
    site.imgctl_ok([
        "ingest",
        "--dry-run",
        site.inbox().join("wheel.png").to_str().unwrap(),
    ]);
    site.imgctl_ok(["derive", "--preset", "thumb", "--reason", "ahead"]);
    site.imgctl_ok(["derive", "--all", "--missing", "--dry-run"]);

    let entries = log(&site, &[]);

    assert_eq!(
        actions(&site, &[]),
        ["derive.run", "ingest.run", "ingest.run"]
    );
    assert!(entries[0]["actor"].as_str().unwrap().starts_with("local:"));
    assert_eq!(entries[0]["reason"], "ahead");
    assert_eq!(
        (
            &entries[0]["counts"]["images"],
            &entries[0]["counts"]["made"]
        ),
        (&json!(1), &json!(2))
    );
    assert_eq!(entries[1]["reason"], "moved from the old site");
    let counts = json!({"new": 0, "known": 1, "rejected": 1, "bytes": 0, "derived": 0});
    assert_eq!(entries[1]["counts"], counts);
    assert_eq!(
        (&entries[2]["counts"]["new"], &entries[2]["reason"]),
        (&json!(1), &Value::Null)
    );
    let text = site.imgctl_ok(["audit", "log"]);
    assert!(
        text.contains("known=1") && text.contains("(moved from the old site)"),
        "{text}"
    );
}

#[test]
fn the_log_is_filtered_and_cut() {
    let site = Site::init();
    let (key, _) = site.imgctl_json(["key", "create", "--name", "x", "--verbs", "read"]);
    let id = key[0]["id"].as_str().unwrap();
    site.imgctl_ok(["key", "revoke", id]);
    site.imgctl_ok(["block", "add", &"0".repeat(40)]);

    assert_eq!(
        actions(&site, &["--limit", "2"]),
        ["block.add", "key.revoke"]
    );
    assert_eq!(
        actions(&site, &["--action", "key"]),
        ["key.revoke", "key.create"]
    );
    assert_eq!(actions(&site, &["--action", "key.create"]), ["key.create"]);
    assert_eq!(actions(&site, &["--target", id]).len(), 2);
    assert_eq!(actions(&site, &["--since", "1h"]).len(), 3);
    let actor = log(&site, &[])[0]["actor"].as_str().unwrap().to_owned();
    assert_eq!(actions(&site, &["--actor", &actor]).len(), 3);
    for nothing in [
        &["--since", "2999-01-01"][..],
        &["--until", "2020-01-31"],
        &["--actor", "user:nobody"],
        &["--action", "ke"],
        &["--target", "x"],
    ] {
        assert_eq!(actions(&site, nothing), [""; 0], "{nothing:?}");
    }
    let all = log(&site, &[]);
    assert!(!format!("{all:?}").contains("imgk_"));
    for wrong in [
        &["--since", "yesterday"][..],
        &["--limit", "0"],
        &["--until", "x"],
    ] {
        let (_, code) = site.imgctl_json([&["audit", "log"], wrong].concat());
        assert_eq!(code, 2, "{wrong:?}");
    }
}
