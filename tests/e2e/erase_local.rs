//! Tags, names and erasures on the machine itself, and lists that find images by them.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Site, files_below, sample};

fn ids(site: &Site, args: &[&str]) -> Vec<String> {
    let (lines, code) = site.imgctl_json([&["image", "list"], args].concat());
    assert_eq!(code, 0, "{lines:?}");
    let id = |line: &Value| line["id"].as_str().unwrap().to_owned();
    lines.iter().map(id).collect()
}

#[test]
fn images_are_tagged_and_found_by_tag_type_and_size() {
    let site = Site::init();
    let path = site.inbox().join("wheel.png");
    fs::write(&path, sample("wheel.png")).unwrap();
    let path = path.to_str().unwrap();
    let (lines, _) = site.imgctl_json(["ingest", "--tag", "summer,sale", "--tag", "夏", path]);
    let wheel = lines[0]["id"].as_str().unwrap();
    let sunset = site.ingest_sample("sunset.jpg");

    let tags = |args: &[&str]| {
        let (lines, code) = site.imgctl_json([&["image", "tag", wheel], args].concat());
        assert_eq!(code, 0, "{lines:?}");
        lines[0]["tags"].clone()
    };
    assert_eq!(tags(&[]), json!(["sale", "summer", "夏"]));
    assert_eq!(ids(&site, &["--tag", "summer"]), [wheel]);
    assert_eq!(
        tags(&["--add", "new", "--remove", "sale,夏"]),
        json!(["new", "summer"])
    );
    assert_eq!(tags(&["--set", "a,b"]), json!(["a", "b"]));
    assert_eq!(tags(&["--set", ""]), json!([]));
    assert!(ids(&site, &["--tag", "summer"]).is_empty());
    assert_eq!(ids(&site, &["--type", "jpg"]), [sunset.as_str()]);
    assert_eq!(ids(&site, &["--min-bytes", "1TB"]), [""; 0]);
    assert_eq!(ids(&site, &["--max-bytes", "1GB"]).len(), 2);
    assert_eq!(ids(&site, &["--until", "2020-01-31"]), [""; 0]);
    for wrong in [
        &["image", "tag", wheel, "--add", "a\nb"][..],
        &["image", "tag", wheel, "--add", "a", "--set", "b"],
        &["image", "list", "--type", "exe"],
        &["image", "list", "--alias-host", "b.example"],
        &["image", "list", "--after", wheel, "--tag", "a"],
        &["image", "list", "--alias-prefix", "../x"],
        &["image", "list", "--min-bytes", "many"],
    ] {
        let (_, code) = site.imgctl_json(wrong);
        assert_eq!(code, 2, "{wrong:?}");
    }
}

#[test]
fn names_are_given_shown_and_taken() {
    let site = Site::start();
    let (wheel, sunset) = (
        site.ingest_sample("wheel.png"),
        site.ingest_sample("sunset.jpg"),
    );
    let alias = |args: &[&str]| site.imgctl_json([&["alias"], args].concat());
    let status = |args: &[&str]| alias(args).0[0]["status"].clone();

    assert_eq!(status(&["put", "shop/a b.png", &wheel]), "new");
    assert_eq!(status(&["put", "/shop/a%20b.png", &wheel]), "same");
    assert_eq!(site.get("/shop/a%20b.png").body, sample("wheel.png"));
    assert_eq!(status(&["put", "/c.jpg", "/i/x.jpg"]), Value::Null);
    assert_eq!(
        status(&["put", "/c.jpg", &sunset, "--host", "B.example"]),
        "new"
    );
    let (shown, _) = alias(&["show", "/c.jpg", "--host", "b.example"]);
    assert_eq!(
        (&shown[0]["id"], &shown[0]["url"]),
        (&json!(sunset), &json!("//b.example/c.jpg"))
    );
    assert_eq!(ids(&site, &["--alias-prefix", "shop"]), [wheel.as_str()]);
    let (taken, code) = alias(&["put", "/shop/a%20b.png", &sunset]);
    assert_eq!(
        (&taken[0]["error"]["code"], code),
        (&json!("alias-taken"), 1)
    );
    assert_eq!(
        status(&["remove", "/shop/a%20b.png", "--reason", "renamed"]),
        "removed"
    );
    assert_eq!(site.get("/shop/a%20b.png").status, 404);
    let (gone, code) = alias(&["remove", "/shop/a%20b.png"]);
    assert_eq!(
        (&gone[0]["error"]["code"], code),
        (&json!("unknown-alias"), 1)
    );
    for wrong in ["../x", "/i/x.jpg", "/api/x", "/a\nb", "a//b", "/.x", ""] {
        assert_eq!(alias(&["put", wrong, &wheel]).1, 2, "{wrong:?}");
    }
    assert_eq!(alias(&["put", "/x", &wheel, "--host", "../x"]).1, 2);
}

#[test]
fn an_erased_image_is_gone_with_all_of_its_names() {
    let site = Site::start();
    let id = site.ingest_sample("wheel.png");
    let other = site.ingest_sample("sunset.jpg");
    site.imgctl_ok(["alias", "put", "/wheel.png", &id]);
    let thumb = format!("/i/{id}.thumb~1.webp");
    assert_eq!(site.get(&thumb).status, 200);

    let (plan, code) = site.imgctl_json(["image", "erase", "--dry-run", "/wheel.png", &id]);
    assert_eq!((plan.len(), code), (1, 0));
    assert_eq!(
        (&plan[0]["aliases"], &plan[0]["derivatives"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (
            &plan[0]["dry_run"],
            plan[0]["urls"].as_array().unwrap().len()
        ),
        (&json!(true), 3)
    );
    let (_, code) = site.imgctl_json(["image", "erase", &id]);
    assert_eq!(code, 2, "nobody was asked");
    let (refused, code) = site.imgctl_json(["image", "erase", "--yes", &id, "/nothing.png"]);
    assert_eq!(
        (&refused[0]["error"]["code"], code),
        (&json!("unknown-image"), 1)
    );
    assert_eq!(site.get("/wheel.png").status, 200);

    let erase = [
        "image",
        "erase",
        "--yes",
        "--block",
        "--reason",
        "order 17",
        "/wheel.png",
    ];
    let (erased, code) = site.imgctl_json(erase);
    assert_eq!(
        (&erased[0]["id"], &erased[0]["blocked"], code),
        (&json!(id), &json!(true), 0)
    );

    let original = format!("/i/{id}.png");
    for path in ["/wheel.png", &thumb, &original] {
        assert!(matches!(site.get(path).status, 404 | 410), "{path}");
    }
    let left = files_below(&site.data().join("original"));
    assert_eq!(left.len(), 1);
    assert_eq!(ids(&site, &[]), [other.as_str()]);
    let (shown, code) = site.imgctl_json(["image", "show", &id]);
    assert_eq!((&shown[0]["error"]["code"], code), (&json!("erased"), 1));
    let (entries, _) = site.imgctl_json(["audit", "log", "--action", "image.erase"]);
    assert_eq!(
        (&entries[0]["reason"], entries.len()),
        (&json!("order 17"), 1)
    );
    let (blocks, _) = site.imgctl_json(["block", "list"]);
    assert_eq!(blocks[0]["id"], json!(id));
}
