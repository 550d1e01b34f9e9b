//! Upload tickets on the machine itself: made, shown, listed, ended.

use serde_json::{Value, json};

use crate::harness::Site;

fn create(site: &Site, args: &[&str]) -> Value {
    let (lines, code) = site.imgctl_json([&["ticket", "create"], args].concat());
    assert_eq!(code, 0, "{lines:?}");
    lines[0].clone()
}

#[test]
fn a_ticket_is_made_as_asked_for_and_ended() {
    let site = Site::init();
    let plain = create(&site, &[]);
    let full = create(
        &site,
        &[
            "--expires",
            "7d",
            "--uses",
            "100",
            "--max-bytes",
            "20MB",
            "--types",
            "jpg,png",
            "--alias-prefix",
            "event/",
            "--alias-host",
            "Shop.Example",
            "--tag",
            "a,b",
            "--derive",
            "all",
        ],
    );

    let base = format!("http://127.0.0.1:{}/api/v1/upload/", site.port());
    for ticket in [&plain, &full] {
        let (url, id) = (&ticket["url"], ticket["id"].as_str().unwrap());
        let signed = format!("{base}{id}?s=k1.");
        assert!(url.as_str().unwrap().starts_with(&signed), "{url}");
        let (shown, code) = site.imgctl_json(["ticket", "show", id]);
        assert_eq!((&shown[0], code), (ticket, 0));
    }
    assert_eq!(
        (&plain["uses_max"], &plain["types"]),
        (&json!(1), &json!([]))
    );
    for (field, value) in [
        ("uses_left", json!(100)),
        ("bytes_max", json!(20_000_000)),
        ("types", json!(["jpg", "png"])),
        ("alias_prefix", json!("/event/")),
        ("alias_host", json!("shop.example")),
        ("tags", json!(["a", "b"])),
        ("derive", json!(["card", "thumb"])),
    ] {
        assert_eq!(full[field], value, "{field}");
    }
    let id = full["id"].as_str().unwrap();
    site.imgctl_ok(["ticket", "revoke", id, "--reason", "the event is over"]);
    let (listed, _) = site.imgctl_json(["ticket", "list"]);
    let revoked = listed.iter().filter(|it| it["revoked_at"].is_string());
    let revoked: Vec<&Value> = revoked.map(|ticket| &ticket["id"]).collect();
    assert_eq!((listed.len(), revoked), (2, vec![&json!(id)]));
    assert!(listed.iter().all(|ticket| ticket["url"].is_null()));
    let (_, code) = site.imgctl_json(["ticket", "revoke", id]);
    assert_eq!(code, 1);
}

#[test]
fn an_exact_name_and_a_page_for_people() {
    let site = Site::init();
    let output = site.imgctl(["ticket", "create", "--alias", "team/ana.jpg"]);
    let url = String::from_utf8(output.stdout).unwrap();
    assert!(url.starts_with("http://") && url.lines().count() == 1);
    let (listed, _) = site.imgctl_json(["ticket", "list"]);
    let page = site.imgctl_ok(["ticket", "show", listed[0]["id"].as_str().unwrap()]);
    for part in [
        "named       as /team/ana.jpg",
        "uses left   1 of 1",
        "types       any",
    ] {
        assert!(page.contains(part), "{part} is not in:\n{page}");
    }
}

#[test]
fn what_no_ticket_can_be_is_refused() {
    let site = Site::init();
    for wrong in [
        &["--expires", "0s"][..],
        &["--expires", "2020-01-31"],
        &["--expires", "31d"],
        &["--uses", "0"],
        &["--uses", "10001"],
        &["--types", "exe"],
        &["--alias", "../x.jpg"],
        &["--alias", "/i/x.jpg"],
        &["--alias", "/a", "--alias-prefix", "/b/"],
        &["--alias-prefix", "/api/"],
        &["--alias-host", "b.example"],
        &["--alias", "/a", "--alias-host", "../x"],
        &["--tag", "a\nb"],
        &["--derive", "nonsense"],
        &["--callback", "ftp://example.com"],
        &["--callback", "nonsense"],
    ] {
        let output = site.imgctl([&["ticket", "create"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
    let (listed, _) = site.imgctl_json(["ticket", "list"]);
    assert!(listed.is_empty());
}
