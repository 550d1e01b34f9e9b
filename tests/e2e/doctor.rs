//! `imgctl doctor`: silent on a sound site, and each fault of a sick one is named with what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::Site;

/// The findings by check, and the exit code.
fn findings(site: &Site) -> (Vec<Value>, i32) {
    site.imgctl_json(["doctor"])
}

#[track_caller]
fn check(site: &Site, check: &str, verdict: &str, detail: &str, hint: &str) {
    let (findings, code) = findings(site);
    let found = findings.iter().find(|finding| {
        finding["check"] == check && finding["detail"].as_str().unwrap().contains(detail)
    });
    let found = found.unwrap_or_else(|| panic!("no {check} with `{detail}` in {findings:#?}"));
    assert_eq!(found["verdict"], verdict, "{found}");
    assert!(found["hint"].as_str().unwrap().contains(hint), "{found}");
    let failed = findings.iter().any(|finding| finding["verdict"] == "fail");
    assert_eq!(code, i32::from(failed));
    let output = site.imgctl(["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let word = if verdict == "fail" { "FAIL" } else { "warn" };
    assert!(
        text.lines()
            .any(|line| line.starts_with(&format!("{word}  {check}"))),
        "{text}"
    );
    assert!(
        text.contains(&format!("→ {}", found["hint"].as_str().unwrap())),
        "{text}"
    );
}

#[test]
fn a_running_site_is_sound() {
    let site = Site::start();
    site.ingest_sample("wheel.png");
    let (findings, code) = findings(&site);
    for name in [
        "config",
        "clock",
        "catalog",
        "signing",
        "layout",
        "permissions",
        "nginx-config",
        "nginx-runs",
        "imgd",
    ] {
        let of_name = findings.iter().filter(|finding| finding["check"] == name);
        let verdicts: Vec<_> = of_name.map(|finding| finding["verdict"].clone()).collect();
        assert_eq!(verdicts, ["ok"], "{name} in {findings:#?}");
    }
    // The machine may be short of space, and its nginx of fixes; neither makes a sound site sick here.
    let failed = findings.iter().find(|finding| finding["verdict"] == "fail");
    assert!(
        failed.is_none_or(|finding| finding["check"] == "nginx"),
        "{findings:#?}"
    );
    assert_eq!(code, i32::from(failed.is_some()));
}

#[test]
fn what_is_not_running_is_missed() {
    let site = Site::init();
    check(&site, "imgd", "warn", "imgd.sock", "start imgd");
    check(&site, "nginx-runs", "warn", "nobody answers", "start nginx");
}

#[test]
fn a_configuration_that_was_not_applied_is_found() {
    let mut site = Site::init();
    site.start_nginx();
    site.write_config(&site.config_text().replace("workers = 2", "workers = 3"));
    check(
        &site,
        "nginx-runs",
        "warn",
        "but imgctl.toml says",
        "imgctl nginx apply",
    );
    site.imgctl_ok(["nginx", "apply"]);
    let (findings, _) = findings(&site);
    let runs = findings
        .iter()
        .find(|finding| finding["check"] == "nginx-runs");
    assert_eq!(runs.unwrap()["verdict"], "ok");
}

#[test]
fn faults_of_the_site_are_found() {
    let site = Site::init();
    let config = site.config_text();

    let binary = "[nginx]\nbinary = \"/nowhere/nginx\"";
    site.write_config(&config.replace("[nginx]", binary));
    check(
        &site,
        "nginx",
        "fail",
        "/nowhere/nginx",
        "apt install nginx",
    );

    let bad_listen = config.replace("listen = [\"", "listen = [\"nowhere.invalid;");
    site.write_config(&bad_listen);
    let (found, code) = findings(&site);
    let nginx = found
        .iter()
        .find(|finding| finding["check"] == "nginx-config");
    assert_eq!((&nginx.unwrap()["verdict"], code), (&"fail".into(), 1));

    site.write_config(&config.replace(
        "free_bytes_min = 1",
        "free_bytes_min = 9_000_000_000_000_000",
    ));
    check(
        &site,
        "space",
        "fail",
        "fewer than the floor",
        "limits.free_bytes_min",
    );

    site.write_config(&config.replace("signing.keys", "#"));
    check(&site, "signing", "warn", "no key", "signing.keys");

    site.write_config(&config);
    fs::remove_file(site.data().join("catalog.db")).unwrap();
    check(&site, "catalog", "fail", "is empty", "imgctl schema apply");
    assert!(!site.data().join("catalog.db").exists());
}

#[test]
fn wrong_permissions_are_found() {
    let site = Site::init();
    let key = site.data().join("keys/k1.key");
    let mode = |mode| fs::Permissions::from_mode(mode);

    fs::set_permissions(&key, mode(0o644)).unwrap();
    check(
        &site,
        "signing",
        "warn",
        "can be read by others",
        "chmod 600",
    );

    fs::set_permissions(&key, mode(0o600)).unwrap();
    fs::set_permissions(site.data(), mode(0o700)).unwrap();
    let (sound, _) = findings(&site);
    let permissions = sound
        .iter()
        .find(|finding| finding["check"] == "permissions");
    assert_eq!(
        permissions.unwrap()["verdict"],
        "ok",
        "workers are who owns the data"
    );
    if rustix::process::getuid().is_root() {
        site.write_config(&site.config_text().replace("user = \"root\"", ""));
        check(
            &site,
            "permissions",
            "warn",
            "is closed to others",
            "chmod o+x",
        );
    }

    fs::remove_file(&key).unwrap();
    check(&site, "signing", "fail", "k1.key", "imgctl init");
}
