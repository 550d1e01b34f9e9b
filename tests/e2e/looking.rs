//! Looking at an origin: image show, list and url, and the numbers of status.

use std::collections::BTreeSet;
use std::fs;

use img_core::imaging::noise_jpeg;
use serde_json::Value;

use crate::harness::{Site, files_below, sample};
use crate::specimen::heif;

/// Ingests `name` with the alias `/shop/<name>`, on one host or on all.
fn ingest_as(site: &Site, name: &str, bytes: &[u8], host: Option<&str>) -> String {
    let path = site.inbox().join(name);
    fs::write(&path, bytes).unwrap();
    let mut args = vec!["ingest", "--alias-prefix", "shop"];
    args.extend(host.iter().flat_map(|host| ["--alias-host", host]));
    args.push(path.to_str().unwrap());
    let (lines, code) = site.imgctl_json(args);
    assert_eq!(code, 0, "{lines:?}");
    lines[0]["id"].as_str().unwrap().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    let values = value.as_array().unwrap().iter();
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_image_is_found_by_id_url_and_alias() {
    let site = Site::init();
    let id = ingest_as(&site, "cat.jpg", &sample("sunset.jpg"), None);
    let theirs = ingest_as(&site, "cat.jpg", &sample("waves.webp"), Some("b.example"));
    let url = format!("http://127.0.0.1:{}", site.port());
    for (name, expected) in [
        (id.clone(), &id),
        (format!("/i/{id}.jpg"), &id),
        (format!("{url}/i/{id}.jpg"), &id),
        (format!("{url}/i/{id}.thumb~1.webp?x=1"), &id),
        (format!("/i/{id}.w=20.webp?s=k1.abc"), &id),
        ("/shop/cat.jpg".to_owned(), &id),
        (format!("{url}/shop/cat.jpg"), &id),
        ("https://a.example/shop/cat.jpg".to_owned(), &id),
        ("https://B.example:8443/shop/cat.jpg".to_owned(), &theirs),
        ("//b.example/shop/cat.jpg".to_owned(), &theirs),
    ] {
        let (shown, code) = site.imgctl_json(["image", "show", &name]);
        assert_eq!(
            (shown[0]["id"].as_str(), code),
            (Some(expected.as_str()), 0),
            "{name}"
        );
    }
    for unknown in [
        "/shop/dog.jpg",
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9",
        "x",
        "",
        "//",
    ] {
        let (lines, code) = site.imgctl_json(["image", "show", unknown]);
        assert_eq!(
            (lines[0]["error"]["code"].as_str(), code),
            (Some("unknown-image"), 1)
        );
    }
}

#[test]
fn show_tells_everything_on_record_as_text_and_as_json() {
    let site = Site::init();
    let id = ingest_as(&site, "cat.jpg", &sample("sunset.jpg"), None);
    site.imgctl_ok(["derive", "--preset", "thumb"]);
    let derived = site
        .data()
        .join(format!("derived/{}/{id}.thumb~1.jpg", id.get(..3).unwrap()));
    fs::remove_file(&derived).unwrap();

    let (shown, _) = site.imgctl_json(["image", "show", &id]);
    let text = site.imgctl_ok(["image", "show", &id]);

    let shown = &shown[0];
    let size = (shown["width"].as_u64(), shown["height"].as_u64());
    assert_eq!(size, (Some(1600), Some(1067)));
    assert_eq!(
        shown["bytes"].as_u64(),
        Some(sample("sunset.jpg").len() as u64)
    );
    assert_eq!(
        (&shown["type"], &shown["on_disk"]),
        (&"jpg".into(), &true.into())
    );
    assert_eq!(strings(&shown["aliases"]), ["/shop/cat.jpg"]);
    let derivatives = shown["derivatives"].as_array().unwrap();
    let on_disk = derivatives.iter().map(|entry| {
        let path = entry["path"].as_str().unwrap();
        (path.to_owned(), entry["on_disk"].as_bool().unwrap())
    });
    let expected = [("jpg", false), ("webp", true)]
        .map(|(format, there)| (format!("/i/{id}.thumb~1.{format}"), there));
    assert_eq!(on_disk.collect::<Vec<_>>(), expected);
    let dominant = shown["dominant"].as_str().unwrap();
    let looked = |name: &str| format!("{name:12}{}", shown[name].as_str().unwrap());
    for part in [
        "1600 × 1067 px",
        "image/jpeg",
        "by local:",
        &format!("looks       {dominant}, blurhash "),
        "palette     #",
        &looked("thumbhash"),
        &looked("phash"),
        &format!("sharpness   {}", shown["sharpness"]),
        "alias       /shop/cat.jpg",
        &format!("derivative  /i/{id}.thumb~1.webp"),
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    fs::remove_file(shown["file"].as_str().unwrap()).unwrap();
    assert!(site.imgctl_ok(["image", "show", &id]).contains("LOST"));
}

#[test]
fn list_goes_through_all_images_page_by_page() {
    let site = Site::init();
    let ids: BTreeSet<String> = (1..=7)
        .map(|seed| site.ingest(&format!("{seed}.jpg"), &noise_jpeg(16, 16, seed * 2)))
        .collect();
    let list = |args: &[&str]| {
        let (lines, code) = site.imgctl_json([&["image", "list"], args].concat());
        assert_eq!(code, 0, "{lines:?}");
        lines
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };

    let first = "0".repeat(40);
    let mut paged = list(&["--limit", "3", "--after", &first]);
    while let Some(last) = paged.last().cloned() {
        let next = list(&["--limit", "3", "--after", &last]);
        if next.is_empty() {
            break;
        }
        paged.extend(next);
    }

    assert_eq!(paged, ids.iter().cloned().collect::<Vec<_>>());
    let sorted = |args: &[&str]| {
        let mut found = list(args);
        found.sort();
        found
    };
    assert_eq!(sorted(&[]), paged);
    assert_eq!(site.imgctl_ok(["image", "list"]).lines().count(), 7);
    assert_eq!(sorted(&["--since", "1h"]), paged);
    assert_eq!(sorted(&["--since", "2020-01-31"]), paged);
    assert_eq!(list(&["--since", "1h", "--after", &first]), paged);
    assert!(list(&["--since", "2999-01-01"]).is_empty());
    let (_, code) = site.imgctl_json(["image", "list", "--limit", "0"]);
    assert_eq!(code, 2);
    let (_, code) = site.imgctl_json(["image", "list", "--after", "x"]);
    assert_eq!(code, 2);
}

const MORE_PRESETS: &str = r#"
[presets.large]
width = 2000
fit = "inside"
formats = ["webp", "jpg"]

[presets.zoom]
width = 4000
enlarge = true
formats = ["webp"]

[presets.tall]
width = 200
height = 100
fit = "pad"
formats = ["jpg"]
"#;

#[test]
fn url_prints_what_is_served_and_srcsets_of_true_widths() {
    let site = Site::start_with(MORE_PRESETS);
    let id = ingest_as(&site, "a cat, grey.jpg", &sample("sunset.jpg"), None);
    let (lines, code) = site.imgctl_json(["sign", &id, "w=77", "webp"]);
    assert_eq!(code, 0);
    let signed = lines[0]["url"].as_str().unwrap();
    let host = format!("http://127.0.0.1:{}", site.port());
    assert_eq!(site.get(signed.strip_prefix(&host).unwrap()).status, 200);

    let (lines, _) = site.imgctl_json(["image", "url", "/shop/a%20cat%2C%20grey.jpg"]);
    let text = site.imgctl_ok(["image", "url", &id]);

    let urls = &lines[0];
    let presets = urls["presets"].as_array().unwrap();
    let mut all = vec![urls["original"].as_str().unwrap().to_owned()];
    all.extend(
        presets
            .iter()
            .map(|url| url["url"].as_str().unwrap().to_owned()),
    );
    all.extend(strings(&urls["others"]));
    all.extend(strings(&urls["aliases"]));
    assert_eq!(all.len(), 1 + (2 + 3 + 2 + 1 + 1) + 1 + 1, "{all:#?}");
    assert!(all.contains(&format!("{host}/i/{id}.w=77.webp")));
    for url in &all {
        let path = url.strip_prefix(&host).unwrap();
        assert_eq!(site.get(path).status, 200, "{url}");
        assert!(
            text.lines().any(|line| line == url),
            "{url} is not in:\n{text}"
        );
    }
    let srcset = |format: &str| urls["srcset"][format].as_str().unwrap().to_owned();
    let card = |format| format!("{host}/i/{id}.card~1.{format} 320w");
    let large = |format| format!("{host}/i/{id}.large~1.{format} 1600w");
    for format in ["webp", "jpg"] {
        assert_eq!(
            srcset(format),
            format!("{}, {}", card(format), large(format))
        );
        assert!(text.contains(&format!("srcset {format}: {}", srcset(format))));
    }
    assert_eq!(srcset("png"), card("png"));
    for entry in srcset("jpg").split(", ") {
        let (url, width) = entry.split_once(' ').unwrap();
        let path = url.strip_prefix(&host).unwrap();
        assert_eq!(format!("{}w", jpeg_width_px(&site.get(path).body)), width);
    }
}

/// From the start of frame, which our encoders write without anything unusual before it.
fn jpeg_width_px(bytes: &[u8]) -> u16 {
    let at = bytes
        .windows(4)
        .position(|window| matches!(window, [0xff, 0xc0 | 0xc2, 0, 17]));
    let at = at.unwrap();
    u16::from_be_bytes([bytes[at + 7], bytes[at + 8]])
}

#[test]
fn url_names_no_derivatives_of_what_cannot_be_decoded() {
    let site = Site::init();
    let id = site.ingest("photo.heic", &heif(*b"heic", 24, 16));

    let (lines, code) = site.imgctl_json(["image", "url", &id]);

    assert_eq!(code, 0);
    assert!(
        lines[0]["original"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/i/{id}.heic"))
    );
    assert_eq!(
        (&lines[0]["presets"], &lines[0]["srcset"]),
        (&serde_json::json!([]), &serde_json::json!({}))
    );
}

#[test]
fn status_counts_what_was_done() {
    let mut site = Site::init();
    ingest_as(&site, "sunset.jpg", &sample("sunset.jpg"), None);
    ingest_as(&site, "wheel.png", &sample("wheel.png"), None);
    site.ingest_sample("wheel.png");
    site.imgctl_ok(["derive", "--preset", "thumb"]);

    let (lines, code) = site.imgctl_json(["status"]);

    let status = &lines[0];
    let number = |name: &str| status[name].as_u64().unwrap();
    let sum = |dir: &str| {
        let dir = site.data().join(dir);
        let sizes = files_below(&dir)
            .into_iter()
            .map(|file| dir.join(file).metadata().unwrap().len());
        sizes.sum::<u64>()
    };
    assert_eq!(code, 0);
    assert_eq!(
        (number("images"), number("image_bytes")),
        (2, sum("original"))
    );
    assert_eq!(
        (number("derivatives"), number("derivative_bytes")),
        (4, sum("derived"))
    );
    assert_eq!((number("aliases"), number("failures")), (2, 0));
    assert!(number("free_bytes") <= number("total_bytes"));
    assert_eq!(
        (&status["imgd_runs"], &status["nginx_release"]),
        (&false.into(), &Value::Null)
    );

    site.start_imgd();
    site.start_nginx();
    let (lines, _) = site.imgctl_json(["status"]);
    let applied = fs::read_link(site.data().join("nginx/current")).unwrap();
    let release = lines[0]["nginx_release"].as_str().unwrap();
    assert!(applied.to_str().unwrap().ends_with(release));
    assert_eq!(lines[0]["imgd_runs"], true);
    let text = site.imgctl_ok(["status"]);
    assert!(text.contains("images       2 (") && text.contains(&format!("runs release {release}")));
}
