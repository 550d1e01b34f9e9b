//! People who sign in: added, listed, given another password or role, removed.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Site, files_below};

const PASSWORD: &str = "correct horse battery";

/// As from `echo PASSWORD |`.
fn with_stdin(site: &Site, args: &[&str], stdin: &str) -> Output {
    let mut command = site.command(["--json"]);
    command.args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have been refused before it was read.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn list(site: &Site) -> Vec<Value> {
    let (lines, code) = site.imgctl_json(["user", "list"]);
    assert_eq!(code, 0, "{lines:?}");
    lines
}

#[test]
fn people_come_and_go() {
    let site = Site::init();
    let add = ["user", "add", "ana", "--role", "viewer"];
    let output = with_stdin(&site, &add, &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{output:?}");
    let file = site.inbox().join("password");
    fs::write(&file, PASSWORD).unwrap();
    let file = file.to_str().unwrap();
    site.imgctl_ok([
        "user",
        "add",
        "bo@example.com",
        "--role",
        "admin",
        "--password-file",
        file,
    ]);

    site.imgctl_ok([
        "user",
        "role",
        "ana",
        "editor",
        "--reason",
        "joined the team",
    ]);
    site.imgctl_ok(["user", "password", "ana", "--password-file", file]);
    let people = list(&site);

    let of = |user: &Value| (user["name"].clone(), user["role"].clone());
    let expected = [("ana", "editor"), ("bo@example.com", "admin")];
    let expected = expected.map(|(name, role)| (json!(name), json!(role)));
    assert_eq!(people.iter().map(of).collect::<Vec<_>>(), expected);
    assert_eq!(people[0]["last_login_at"], Value::Null);
    assert!(people[0].get("password").is_none());
    site.imgctl_ok(["user", "remove", "ana"]);
    assert_eq!(list(&site).len(), 1);
    for file in files_below(&site.data()) {
        let bytes = fs::read(site.data().join(&file)).unwrap();
        let password = PASSWORD.as_bytes();
        let found = bytes.windows(password.len()).any(|it| it == password);
        assert!(!found, "{} holds the password", file.display());
    }
}

#[test]
fn what_cannot_be_is_refused_and_says_nothing_of_passwords() {
    let site = Site::init();
    let add = |name: &str, role: &str, password: &str| {
        let args = ["user", "add", name, "--role", role];
        let output = with_stdin(&site, &args, password);
        let all = [output.stdout.clone(), output.stderr.clone()].concat();
        let all = String::from_utf8(all).unwrap();
        assert!(
            password.len() < 4 || !all.contains(password.trim()),
            "{all}"
        );
        output.status.code()
    };
    assert_eq!(add("ana", "king", PASSWORD), Some(2));
    assert_eq!(add("Ana", "viewer", PASSWORD), Some(2));
    assert_eq!(add("../ana", "viewer", PASSWORD), Some(2));
    assert_eq!(add("ana", "viewer", "short\n"), Some(2));
    assert_eq!(add("ana", "viewer", ""), Some(2));
    assert_eq!(add("ana", "viewer", &"x".repeat(2000)), Some(2));
    assert!(list(&site).is_empty());
    assert_eq!(add("ana", "viewer", PASSWORD), Some(0));
    assert_eq!(add("ana", "admin", PASSWORD), Some(1));
    assert_eq!(list(&site)[0]["role"], "viewer");
    for args in [
        &["user", "password", "bo"][..],
        &["user", "role", "bo", "admin"],
        &["user", "remove", "bo"],
    ] {
        let (lines, code) = site.imgctl_json(args);
        let error = &lines[0]["error"]["code"];
        assert_eq!((error, code), (&json!("unknown-user"), 1), "{args:?}");
    }
}
