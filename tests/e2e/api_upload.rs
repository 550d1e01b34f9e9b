//! Uploads by key, through nginx: what is answered, and what stands afterwards.

use std::path::PathBuf;

use img_core::imaging::{MetadataMode, noise_jpeg, sniff, strip};
use img_core::model::image_id::ImageId;
use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::audit::{check_tree, recorded};
use crate::harness::{Site, files_below, sample};
use crate::specimen::{
    LATITUDE, camera_exif, contains, gif, jpeg_with_exif, png, png_chunk, png_with, tiff, webp,
    webp_with_exif,
};

/// Above this, an upload is written to a file while it arrives.
const MEMORY_BYTES_MAX: usize = 256 << 10;

/// What the catalog says that a key has used: bytes and images.
pub(crate) fn usage(site: &Site, client: &Client) -> (u64, u64) {
    let admin = Client::with_key(site, "admin", None);
    let keys = admin.get("/api/v1/keys").json();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys
        .iter()
        .find(|key| key["id"] == client.key_id())
        .unwrap();
    let number = |name: &str| key[name].as_u64().unwrap();
    (number("bytes_used"), number("images_used"))
}

/// Files being written, besides the lock of the process that would write them.
pub(crate) fn staged(site: &Site) -> Vec<PathBuf> {
    let files = files_below(&site.data().join("staging"));
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|it| it == "lock");
    files.into_iter().filter(|path| !is_lock(path)).collect()
}

/// Nothing came of what was sent.
#[track_caller]
pub(crate) fn check_untouched(site: &Site, client: &Client) {
    assert_eq!(recorded(site).len(), 0);
    assert_eq!(staged(site), Vec::<PathBuf>::new());
    for tree in ["original", "alias", "derived"] {
        let left = files_below(&site.data().join(tree));
        assert!(left.is_empty(), "{left:?}");
    }
    assert_eq!(usage(site, client), (0, 0));
}

#[test]
fn an_upload_is_answered_with_all_that_a_page_needs() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let bytes = sample("sunset.jpg");

    let answer = client.upload(
        "?alias=/shop/sunset.jpg&tags=evening,sea&derive=thumb&modified=1000000000",
        &bytes,
    );

    assert_eq!(answer.status, 201, "{answer:?}");
    let image = answer.json();
    assert_eq!(image["status"], "new");
    assert_eq!(image["type"], "jpg");
    assert_eq!(image["mime"], "image/jpeg");
    assert_eq!(image["bytes"], bytes.len());
    assert_eq!(image["tags"], json!(["evening", "sea"]));
    assert_eq!(image["derived"], 2);
    assert!(image["blurhash"].as_str().unwrap().len() >= 20);
    assert!(image["dominant"].as_str().unwrap().starts_with('#'));
    assert!(image["thumbhash"].as_str().unwrap().len() >= 24);
    assert!(
        image["palette"][0]["rgb"]
            .as_str()
            .unwrap()
            .starts_with('#')
    );
    assert!(image["palette"][0]["percent"].as_u64().unwrap() >= 20);
    assert_eq!(image["phash"].as_str().unwrap().len(), 16);
    assert!(image["sharpness"].as_u64().unwrap() > 0);
    assert!(image["srcset"]["webp"].as_str().unwrap().contains(" 320w"));
    let id = image["id"].as_str().unwrap();
    let hit = site.get(&format!("/i/{id}.jpg"));
    assert_eq!(hit.body, bytes);
    let modified = hit.header("last-modified");
    assert_eq!(modified, Some("Sun, 09 Sep 2001 01:46:40 GMT"));
    assert_eq!(site.get("/shop/sunset.jpg").body, bytes);
    // What was derived ahead is a file: it is served without imgd.
    assert_eq!(files_below(&site.data().join("derived")).len(), 2);
    assert_eq!(usage(&site, &client), (bytes.len() as u64, 1));

    let again = client.upload("?looks=false", &bytes);
    assert_eq!(again.status, 200);
    let again = again.json();
    assert_eq!(again["status"], "known");
    for unseen in ["blurhash", "dominant", "thumbhash", "phash", "sharpness"] {
        assert_eq!(again[unseen], Value::Null, "{unseen}");
    }
    assert_eq!(again["palette"], json!([]));
    assert_eq!(usage(&site, &client), (bytes.len() as u64, 1));
}

#[test]
fn the_content_decides_what_it_is_and_the_type_said_only_that_it_is_an_image() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    let images = [
        ("application/octet-stream", noise_jpeg(16, 16, 1), "jpg"),
        ("image/jpeg", png(8, 8, 1), "png"),
        ("IMAGE/x-whatever; q=1", gif(4, 4, 2), "gif"),
        ("image/webp", webp(), "webp"),
        ("Application/Octet-Stream", tiff(), "tiff"),
    ];
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        client.send("POST", "/api/v1/images", headers, body)
    };
    for (said, bytes, found) in &images {
        let answer = post(&[("Content-Type", said)], bytes);
        assert_eq!(answer.status, 201, "{said}: {answer:?}");
        let image = answer.json();
        assert_eq!(image["type"], *found);
        assert_eq!(image["id"], ImageId::of(bytes).to_string());
    }
    assert_eq!(post(&[], &png(8, 8, 2)).status, 201);

    // The first is what `curl --data-binary @file` says.
    for wrong in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/json",
        "",
        "x",
    ] {
        let refused = post(&[("Content-Type", wrong)], &png(8, 8, 3));
        expect_problem(&refused, 415, "content-type");
        let hint = refused.json()["hint"].as_str().unwrap().to_owned();
        assert!(hint.contains("application/octet-stream"), "{hint}");
    }
    assert_eq!(recorded(&site).len(), images.len() + 1);
}

#[test]
fn what_is_no_whole_image_is_refused_and_leaves_nothing() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", None);
    let (photo, large) = (noise_jpeg(40, 40, 1), noise_jpeg(900, 900, 1));
    assert!(large.len() > MEMORY_BYTES_MAX);
    let text = b"<html><script>alert(1)</script></html>";
    let cases: [(&[u8], u16, &str); 7] = [
        (b"", 422, "image-empty"),
        (text, 415, "not-an-image"),
        (&text.repeat(10_000), 415, "not-an-image"),
        (&photo[..photo.len() - 2], 422, "image-truncated"),
        (&large[..large.len() - 2], 422, "image-truncated"),
        (&png(20, 20, 1)[..60], 422, "image-truncated"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            415,
            "svg-refused",
        ),
    ];
    for (bytes, status, code) in cases {
        expect_problem(&client.upload("?alias=/a.jpg", bytes), status, code);
    }
    check_untouched(&site, &client);
}

/// As uploads above and below what is held in memory, with GPS in them.
fn with_places() -> Vec<(&'static str, Vec<u8>)> {
    let exif = camera_exif(6);
    let padded = [exif.clone(), vec![7; MEMORY_BYTES_MAX]].concat();
    let png_place = |side, exif: &[u8]| png_with(&png(side, side, 1), &[png_chunk(*b"eXIf", exif)]);
    vec![
        ("jpg", jpeg_with_exif(&noise_jpeg(40, 40, 1), &exif)),
        ("jpg", jpeg_with_exif(&noise_jpeg(900, 900, 1), &exif)),
        ("png", png_place(8, &exif)),
        ("png", png_place(600, &exif)),
        ("png", png_place(9, &padded)),
        ("webp", webp_with_exif(&exif)),
        ("webp", webp_with_exif(&padded)),
    ]
}

#[test]
fn where_a_photo_was_taken_is_forgotten_however_large_it_is() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    let modes = [
        ("", MetadataMode::StripGps),
        ("?metadata=strip-all", MetadataMode::StripAll),
        ("?metadata=keep", MetadataMode::Keep),
    ];
    for (extension, bytes) in with_places() {
        assert!(contains(&bytes, LATITUDE));
        for (query, mode) in modes {
            let answer = client.upload(query, &bytes);
            assert!([200, 201].contains(&answer.status), "{answer:?}");
            let image = answer.json();
            let id = image["id"].as_str().unwrap();
            let stored = site.get(&format!("/i/{id}.{extension}"));
            assert_eq!(stored.status, 200);
            // The same as what is in memory, and what its name says.
            let media = sniff(&bytes).unwrap();
            let expected = strip(&bytes, media, mode).unwrap();
            assert!(stored.body == *expected.bytes, "{extension} {mode:?}");
            assert_eq!(ImageId::of(&stored.body).to_string(), id);
            assert_eq!(image["bytes"], stored.body.len());
            let kept = mode == MetadataMode::Keep;
            assert_eq!(
                contains(&stored.body, LATITUDE),
                kept,
                "{extension} {mode:?}"
            );
            assert_eq!(ImageId::of(&bytes).to_string() == id, kept);
        }
    }
    check_tree(&site.data());
    assert_eq!(staged(&site).len(), 0);
}

#[test]
fn options_that_mean_nothing_are_refused_before_anything_is_sent() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", None);
    let (long_tag, tags) = ("x".repeat(65), vec!["t"; 65].join("1,"));
    let queries = [
        ("x=1", "query-invalid"),
        ("alias=/a.jpg&alias=/b.jpg", "query-invalid"),
        ("modified=yesterday", "query-invalid"),
        ("looks=maybe", "query-invalid"),
        ("metadata=all", "value-invalid"),
        ("alias_host=a.example", "value-invalid"),
        ("derive=poster", "unknown-preset"),
        ("derive=../x", "value-invalid"),
        ("tags=a%00b", "value-invalid"),
        (&format!("tags={long_tag}"), "value-invalid"),
        (&format!("tags={tags}"), "too-many-tags"),
        (&format!("reason={}", "x".repeat(1001)), "reason-length"),
    ];
    for (query, code) in queries {
        // No byte of the body is sent.
        let target = format!("/api/v1/images?{query}");
        let stream = client.open("POST", &target, &[], Some(1000));
        expect_problem(&crate::api::receive(stream), 400, code);
    }
    check_untouched(&site, &client);
    // Times that a file can have.
    for (modified, statuses) in [
        (i64::MIN, [400, 400]),
        (-1, [400, 400]),
        (0, [200, 201]),
        (4_000_000_000, [200, 201]),
        (i64::MAX, [400, 400]),
    ] {
        let answer = client.upload(&format!("?modified={modified}"), &png(8, 8, 1));
        assert!(statuses.contains(&answer.status), "{answer:?}");
    }
}
