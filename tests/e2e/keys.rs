//! API keys on the machine itself: made, listed, given another token, ended; tokens shown once.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Site, files_below};

fn create(site: &Site, args: &[&str]) -> Value {
    let (lines, code) = site.imgctl_json([&["key", "create"], args].concat());
    assert_eq!(code, 0, "{lines:?}");
    lines[0].clone()
}

fn list(site: &Site) -> Vec<Value> {
    let (lines, code) = site.imgctl_json(["key", "list"]);
    assert_eq!(code, 0, "{lines:?}");
    lines
}

#[test]
fn a_key_is_made_as_asked_for_and_its_token_is_shown_once() {
    let site = Site::init();
    let created = create(
        &site,
        &[
            "--name",
            "shop",
            "--verbs",
            "ingest,read",
            "--verbs",
            "alias",
            "--prefix",
            "shop/",
            "--max-bytes",
            "10GB",
            "--max-images",
            "500",
            "--rate",
            "10/s",
            "--expires",
            "90d",
        ],
    );

    let token = created["token"].as_str().unwrap();
    let id = created["id"].as_str().unwrap();
    assert!(token.starts_with(&format!("imgk_{id}_")) && token.len() == 86);
    let listed = list(&site).remove(0);
    for (field, value) in [
        ("id", json!(id)),
        ("name", json!("shop")),
        ("verbs", json!(["read", "ingest", "alias"])),
        ("prefix", json!("/shop/")),
        ("bytes_max", json!(10_000_000_000_u64)),
        ("images_max", json!(500)),
        ("bytes_used", json!(0)),
        ("rate_per_min", json!(600)),
        ("revoked_at", Value::Null),
        ("last_used_at", Value::Null),
    ] {
        assert_eq!(listed[field], value, "{field}");
    }
    assert!(listed["expires_at"].is_string());
    assert!(listed["created_by"].as_str().unwrap().starts_with("local:"));
    assert!(listed.get("token").is_none());
    let secret = token.rsplit('_').next().unwrap();
    for file in files_below(&site.data()) {
        let bytes = fs::read(site.data().join(&file)).unwrap();
        let found = bytes.windows(64).any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the secret", file.display());
    }
}

#[test]
fn without_json_the_token_alone_is_on_standard_output() {
    let site = Site::init();
    let output = site.imgctl(["key", "create", "--name", "x", "--verbs", "admin"]);
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let token = stdout.strip_suffix('\n').unwrap();
    assert!(token.starts_with("imgk_") && !token.contains(char::is_whitespace));
    assert!(stderr.contains("not shown again") && !stderr.contains(token));
}

#[test]
fn a_key_is_rotated_and_revoked() {
    let site = Site::init();
    let created = create(&site, &["--name", "x", "--verbs", "read"]);
    let id = created["id"].as_str().unwrap();

    let (rotated, code) = site.imgctl_json(["key", "rotate", id, "--overlap", "1h"]);
    assert_eq!((code, &rotated[0]["id"]), (0, &created["id"]));
    assert_ne!(rotated[0]["token"], created["token"]);
    assert!(rotated[0]["previous_until"].is_string());

    site.imgctl_ok(["key", "revoke", id, "--reason", "left the company"]);
    assert!(list(&site)[0]["revoked_at"].is_string());
    for again in ["revoke", "rotate"] {
        let (lines, code) = site.imgctl_json(["key", again, id]);
        let error = &lines[0]["error"]["code"];
        assert_eq!((error, code), (&json!("unknown-key"), 1), "{again}");
    }
    assert!(site.imgctl_ok(["key", "list"]).contains("revoked 20"));
}

#[test]
fn what_no_key_can_be_is_refused() {
    let site = Site::init();
    let base = ["key", "create", "--name", "x"];
    for wrong in [
        &["--verbs", "fly"][..],
        &["--verbs", ""],
        &[],
        &["--verbs", "read", "--prefix", "../up"],
        &["--verbs", "read", "--prefix", "a/../../b"],
        &["--verbs", "read", "--prefix", "/i/"],
        &["--verbs", "read", "--prefix", "/api"],
        &["--verbs", "read", "--prefix", "a%0ab"],
        &["--verbs", "read", "--max-bytes", "10XB"],
        &["--verbs", "read", "--max-images", "-1"],
        &["--verbs", "read", "--rate", "0/s"],
        &["--verbs", "read", "--rate", "often"],
        &["--verbs", "read", "--expires", "2020-01-31"],
        &["--verbs", "read", "--expires", "0s"],
        &["--verbs", "read", "--expires", "-1d"],
        &["--verbs", "read", "--reason", ""],
        &["--verbs", "read", "--reason", "a\nb"],
    ] {
        let output = site.imgctl([&base, wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
    let long = "x".repeat(101);
    for name in ["", "a\nb", &long] {
        let output = site.imgctl(["key", "create", "--verbs", "read", "--name", name]);
        assert_eq!(output.status.code(), Some(2), "{name:?}: {output:?}");
    }
    for id in ["", "x", "ABCDEF0123456789", "../../etc"] {
        let output = site.imgctl(["key", "revoke", id]);
        assert_eq!(output.status.code(), Some(2), "{id:?}: {output:?}");
    }
    assert!(list(&site).is_empty());
}
