//! `imgctl --server …`: every verb answers as it does on the machine of the origin.

use std::fs;

use img_core::imaging::noise_jpeg;
use serde_json::json;

use crate::elsewhere::{Remote, seen};
use crate::harness::{Site, sample, wait_until};
use crate::ingest::fill;

/// Runs a command here and there on the same data, as text and as JSON.
#[track_caller]
fn check_same(site: &Site, remote: &Remote, args: &[&str]) {
    for flags in [&[][..], &["--json"]] {
        let args = [flags, args].concat();
        let (here, there) = (seen(site.imgctl(&args)), seen(remote.output(&args)));
        assert_eq!(here, there, "{args:?}");
    }
}

/// A site that has some of everything.
fn site_with_all() -> (Site, String) {
    let mut site = Site::init();
    let shop = site.inbox().join("shop");
    fill(&shop, 30);
    fs::write(shop.join("wheel ü.png"), sample("wheel.png")).unwrap();
    site.imgctl_ok([
        "ingest".as_ref(),
        "--alias-prefix=shop".as_ref(),
        "--tag=a,夏".as_ref(),
        "--derive=thumb".as_ref(),
        "--reason=new season".as_ref(),
        shop.as_os_str(),
    ]);
    let id = site.ingest_sample("sunset.jpg");
    let gone = site.ingest("gone.jpg", &noise_jpeg(16, 16, 9001));
    for args in [
        &["alias", "put", "/b/sunset.jpg", &id][..],
        &["alias", "put", "--host", "b.example", "/h/s.jpg", &id],
        &["image", "tag", &id, "--add", "evening"],
        &["derive", "--preset", "card", "--since", "1h"],
        &["image", "erase", "--yes", "--reason", "asked for", &gone],
        &["block", "add", &gone, "--reason", "not ours"],
        &["block", "add", &"0".repeat(40)],
        &["ticket", "create", "--alias-prefix", "/up/", "--tag", "x"],
        &["ticket", "create", "--uses", "3", "--types", "jpg,png"],
    ] {
        site.imgctl_ok(args);
    }
    site.start_imgd();
    site.start_nginx();
    (site, id)
}

#[test]
fn whatever_is_looked_at_looks_the_same_from_elsewhere() {
    let (site, id) = site_with_all();
    let remote = Remote::new(&site, "admin");
    let (tickets, _) = site.imgctl_json(["ticket", "list"]);
    let ticket = tickets[0]["id"].as_str().unwrap();
    let (gone, _) = site.imgctl_json(["audit", "log", "--action", "image.erase"]);
    let gone = gone[0]["target"].as_str().unwrap();
    let url = format!("https://img.example/i/{id}.jpg?v=1");
    // From the first use on, the key has been used at some time.
    assert!(remote.output(["status"]).status.success());
    let key = &remote.client.key_id();
    wait_until("the use of the key is on record", || {
        let (keys, _) = site.imgctl_json(["key", "list"]);
        keys.iter()
            .any(|it| it["id"] == **key && it["last_used_at"].is_string())
    });
    check_lists(&site, &remote);
    for args in [
        &["image", "url", &id][..],
        &["image", "url", "/shop/wheel%20%C3%BC.png"],
        &["image", "url", &url],
        &["image", "tag", &id],
        &[
            "image",
            "erase",
            "--dry-run",
            &id,
            "/b/sunset.jpg",
            "/shop/1.jpg",
        ],
        &[
            "image",
            "erase",
            "--dry-run",
            "--block",
            "//b.example/h/s.jpg",
        ],
        &["image", "erase", &id],
        &["image", "erase", "--dry-run", &id, "/nothing"],
        &["alias", "show", "/b/sunset.jpg"],
        &["alias", "show", "--host", "b.example", "h/s.jpg"],
        &["key", "list"],
        &["ticket", "list"],
        &["ticket", "show", ticket],
        &["audit", "log"],
        &["audit", "log", "--limit", "3"],
        &["audit", "log", "--action", "image", "--since", "1h"],
        &["audit", "log", "--target", gone],
        &["audit", "log", "--actor", "user:nobody"],
        &["block", "list"],
    ] {
        check_same(&site, &remote, args);
    }
    check_missing(&site, &remote, [&id, gone]);
}

#[track_caller]
fn check_lists(site: &Site, remote: &Remote) {
    for filter in [
        &[][..],
        &["--limit", "7"],
        &["--limit", "100000"],
        &["--tag", "a"],
        &["--tag", "夏", "--limit", "3"],
        &["--tag", "none"],
        &["--alias-prefix", "shop"],
        &["--alias-prefix", "/h/", "--alias-host", "b.example"],
        &["--alias-prefix", "/shop/", "--tag", "a", "--type", "png"],
        &["--type", "jpg", "--since", "1h", "--min-bytes", "1KB"],
        &["--max-bytes", "5KB", "--until", "2999-01-01"],
        &["--until", "2020-01-01"],
        &["--since", "yesterday"],
        &["--limit", "0"],
    ] {
        check_same(site, remote, &[&["image", "list"], filter].concat());
    }
}

/// Of what is not there the same is told, whatever was to be done with it.
#[track_caller]
fn check_missing(site: &Site, remote: &Remote, [id, gone]: [&str; 2]) {
    let (nobody, no_key, no_ticket) = ("1".repeat(40), "1".repeat(16), "1".repeat(32));
    for args in [
        &["image", "show", &nobody][..],
        &["image", "show", gone],
        &["image", "url", "/nothing"],
        &["image", "tag", &nobody, "--add", "x"],
        &["image", "tag", gone, "--set", "x"],
        &["image", "erase", "--yes", gone],
        &["alias", "show", "/nothing"],
        &["alias", "show", "../x"],
        &["alias", "remove", "/nothing"],
        &["alias", "put", "/shop/1.jpg", id],
        &["alias", "put", "/shop/1.jpg/x", id],
        &["alias", "put", "/n.jpg", &nobody],
        &["key", "revoke", &no_key],
        &["key", "rotate", &no_key],
        &["ticket", "show", &no_ticket],
        &["ticket", "revoke", &no_ticket],
        &["ticket", "create", "--uses", "10001"],
        &["ticket", "create", "--derive", "nonsense"],
        &["block", "remove", &nobody],
    ] {
        check_same(site, remote, args);
    }
}

/// What a machine knows of itself is not told through the API: where files are, which of them stand, what is free.
#[test]
fn what_only_the_machine_knows_is_all_that_differs() {
    let (site, id) = site_with_all();
    let remote = Remote::new(&site, "admin");
    let (mut here, _) = site.imgctl_json(["image", "show", &id]);
    let (there, code) = remote.json(&["image", "show", &id]);
    let shown = here[0].as_object_mut().unwrap();
    for only_here in ["file", "on_disk", "derivatives"] {
        assert!(shown.remove(only_here).is_some(), "{only_here}");
    }
    assert_eq!((&here[0], code), (&there[0], 0));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let here = lines(&site.imgctl_ok(["image", "show", &id]));
    let there = lines(std::str::from_utf8(&remote.output(["image", "show", &id]).stdout).unwrap());
    let here: Vec<_> = here.iter().filter(|it| !it.starts_with("file ")).collect();
    let there: Vec<_> = there.iter().filter(|it| !it.starts_with("url ")).collect();
    let common = here
        .iter()
        .position(|it| it.starts_with("derivative "))
        .unwrap();
    assert_eq!(here[..common], there[..common]);
    // Sizes on disk are the machine's own; the URLs are there, as URLs.
    assert_eq!(here.len(), there.len());

    let (mut here, _) = site.imgctl_json(["status"]);
    let (mut there, _) = remote.json(&["status"]);
    assert_eq!(
        there[0].as_object_mut().unwrap().remove("server"),
        Some(json!(remote.url))
    );
    let (here, there) = (
        here[0].as_object_mut().unwrap(),
        there[0].as_object().unwrap(),
    );
    here.retain(|field, _| there.contains_key(field));
    assert_eq!(&*here, there);

    // Lists by id are for what walks the whole catalog, on its machine.
    let (lines, code) = remote.json(&["image", "list", "--after", &"0".repeat(40)]);
    assert_eq!((&lines[0]["error"]["code"], code), (&json!("usage"), 2));
    for flags in [&[][..], &["--missing", "--dry-run"]] {
        let (lines, code) = remote.json(&[&["derive", "--all"], flags].concat());
        assert_eq!((&lines[0]["error"]["code"], code), (&json!("usage"), 2));
    }
    // Which presets there are is for the server to say, so the code is that of its answer.
    let image = site.inbox().join("shop/1.jpg");
    let image = image.to_str().unwrap();
    for verb in [
        ["derive", "--missing", "--preset=nonsense"],
        ["ingest", image, "--derive=nonsense"],
    ] {
        let (here, there) = (site.imgctl(verb), remote.output(verb));
        assert_eq!(
            (here.status.code(), there.status.code()),
            (Some(2), Some(2))
        );
        let (here, there) = (here.stderr, String::from_utf8(there.stderr).unwrap());
        let said = "error: there is no preset `nonsense`\n";
        assert!(
            here.starts_with(said.as_bytes()) && there.contains(said),
            "{there}"
        );
    }
    let (lines, _) = remote.json(&["derive", "--all"]);
    assert_eq!(lines[0]["error"]["hint"], "add --missing");
}
