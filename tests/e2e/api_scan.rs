//! What is not taken in: by the word of a scan hook, or by the block list, whoever brings it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use img_core::imaging::noise_jpeg;
use img_core::model::image_id::ImageId;
use serde_json::json;

use crate::api::{Client, expect_problem};
use crate::api_bodies::start_with_keys;
use crate::api_callbacks::Listener;
use crate::api_tickets::Holder;
use crate::api_upload::{check_untouched, staged, usage};
use crate::audit::{check_tree, recorded};
use crate::harness::Site;
use crate::specimen::{LATITUDE, camera_exif, contains, jpeg_with_exif, png};

fn site(listener: &Listener, more: &str) -> Site {
    let url = listener.url();
    start_with_keys(&format!(
        "scan.url = '{url}'\nscan.timeout_ms = 1000\n{more}"
    ))
}

#[test]
fn a_scan_hook_sees_what_would_be_stored_and_is_asked_once() {
    let listener = Listener::start("200 OK|{\"verdict\":\"accept\"}");
    let site = site(&listener, "");
    let client = Client::with_key(&site, "ingest,alias,read", None);
    let photos = [30, 900].map(|side| jpeg_with_exif(&noise_jpeg(side, side, 1), &camera_exif(1)));
    for (number, photo) in photos.iter().enumerate() {
        let alias = format!("/a b{number}.jpg");
        let answer = client.upload(&format!("?alias={}", alias.replace(' ', "+")), photo);
        assert_eq!(answer.status, 201, "{answer:?}");
        let heard = listener.heard();
        let asked = heard.last().unwrap();
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(asked.header("x-img-id"), id);
        assert_eq!(asked.header("x-img-alias"), alias.replace(' ', "%2520"));
        assert_eq!(asked.header("content-type"), "image/jpeg");
        let actor = asked.header("x-img-actor");
        assert_eq!(actor, format!("key%3A{}", client.key_id()));
        assert_eq!(ImageId::of(&asked.body).to_string(), id);
        assert!(!contains(&asked.body, LATITUDE));
        // Known now, so nobody is asked again.
        assert_eq!(client.upload("", photo).status, 200);
        assert_eq!(listener.heard().len(), number + 1);
    }
    let ticket = Holder::of(&site, &client, &json!({}));
    assert_eq!(ticket.put("", &png(8, 8, 1)).status, 201);
    site.ingest("local.png", &png(8, 8, 2));
    site.ingest("again.png", &png(8, 8, 1));
    let path = site.inbox().join("dry.png");
    fs::write(&path, png(8, 8, 3)).unwrap();
    site.imgctl_ok(["ingest".as_ref(), "--dry-run".as_ref(), path.as_os_str()]);
    assert_eq!(listener.heard().len(), 4);
}

#[test]
fn what_a_scan_hook_refuses_leaves_nothing_behind() {
    let listener =
        Listener::start("200 OK|{\"verdict\":\"reject\",\"reason\":\"it\\nis <b>bad</b>\"}");
    let site = site(&listener, "");
    let client = Client::with_key(&site, "ingest,alias,read", None);
    let large = noise_jpeg(900, 900, 1);
    for says in [
        "200 OK|{\"verdict\":\"reject\",\"reason\":\"bad\"}",
        "403 No|bad",
        "451 No|{\"reason\":\"bad\"}",
    ] {
        listener.say(says);
        for bytes in [&png(8, 8, 1), &large] {
            let refused = client.upload("?alias=/a.png", bytes);
            expect_problem(&refused, 422, "scan-refused");
            let detail = refused.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.ends_with("bad"), "{detail}");
        }
    }
    let ticket = Holder::of(&site, &client, &json!({}));
    expect_problem(&ticket.put("", &png(8, 8, 1)), 422, "scan-refused");
    assert_eq!(ticket.uses_left(), 1);
    let path = site.inbox().join("local.png");
    fs::write(&path, png(8, 8, 1)).unwrap();
    let (lines, _) = site.imgctl_json(["ingest".as_ref(), path.as_os_str()]);
    assert_eq!(lines[0]["reason"], "scan-refused", "{lines:?}");
    check_untouched(&site, &client);
    // It may change its mind.
    listener.say("204 OK");
    assert_eq!(ticket.put("", &png(8, 8, 1)).status, 201);
}

#[test]
fn without_a_verdict_an_image_is_refused_for_now_or_accepted_as_the_operator_wishes() {
    for (on_failure, status) in [("reject", 503), ("accept", 201)] {
        let listener = Listener::start("");
        let site = site(&listener, &format!("scan.on_failure = '{on_failure}'"));
        let client = Client::with_key(&site, "ingest", None);
        let says = [
            "",
            "500 No",
            "302 Go\r\nLocation: /",
            "200 OK|{\"verdict\":\"perhaps\"}",
            "200 OK|{",
        ];
        for (says, seed) in says.into_iter().zip(1..) {
            listener.say(says);
            let began = Instant::now();
            let answer = client.upload("", &png(8, 8, seed));
            assert_eq!(answer.status, status, "{says}: {answer:?}");
            if status == 503 {
                expect_problem(&answer, 503, "scan-unanswered");
                assert_eq!(answer.header("retry-after"), Some("1"));
                let text = answer.json().to_string();
                assert!(!text.contains("token"), "{text}");
            }
            assert!(began.elapsed() < Duration::from_secs(8));
        }
        let images = if status == 201 { 5 } else { 0 };
        assert_eq!((recorded(&site).len(), staged(&site).len()), (images, 0));
        assert_eq!(usage(&site, &client).1, images as u64);
    }
}

#[test]
fn a_scan_hook_that_hangs_holds_up_nobody_else() {
    let listener = Listener::start("200 OK");
    let site = site(&listener, "api.uploads_per_key_max = 40");
    let client = Client::with_key(&site, "ingest", None);
    let known = png(8, 8, 1);
    assert_eq!(client.upload("", &known).status, 201);
    listener.say("");
    thread::scope(|scope| {
        for seed in 2..32 {
            let client = &client;
            scope.spawn(move || {
                expect_problem(&client.upload("", &png(8, 8, seed)), 503, "scan-unanswered");
            });
        }
        let began = Instant::now();
        let answer = client.upload("", &known);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            site.get(
                &answer.json()["presets"][0]["url"]
                    .as_str()
                    .unwrap()
                    .replace(&format!("http://127.0.0.1:{}", site.port()), "")
            )
            .status,
            200
        );
        assert!(
            began.elapsed() < Duration::from_millis(900),
            "{:?}",
            began.elapsed()
        );
    });
    assert_eq!(recorded(&site).len(), 1);
}

#[test]
fn what_is_blocked_is_refused_from_whoever_brings_it_as_it_is_kept_and_as_it_came() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let client = Client::with_key(&site, "ingest,alias,read", None);
    let small = jpeg_with_exif(&noise_jpeg(30, 30, 1), &camera_exif(1));
    let large = jpeg_with_exif(&noise_jpeg(900, 900, 3), &camera_exif(1));
    // As it is kept of one, as it came of the other.
    let dry = site.inbox().join("dry.jpg");
    fs::write(&dry, &small).unwrap();
    let (lines, _) = site.imgctl_json(["ingest".as_ref(), "--dry-run".as_ref(), dry.as_os_str()]);
    let kept = lines[0]["id"].as_str().unwrap().to_owned();
    let came = ImageId::of(&large).to_string();
    let block = json!({"ids": [kept, came], "reason": "by order"});
    for other in [
        &client,
        &Client::with_key(&site, "read,ingest,alias,erase", None),
    ] {
        expect_problem(
            &other.json("POST", "/api/v1/blocks", &block),
            403,
            "verb-missing",
        );
    }
    for wrong in [
        json!({"ids": []}),
        json!({"ids": ["x"]}),
        json!({"ids": vec![&came; 1001]}),
    ] {
        expect_problem(
            &admin.json("POST", "/api/v1/blocks", &wrong),
            400,
            "value-invalid",
        );
    }
    assert_eq!(admin.json("POST", "/api/v1/blocks", &block).status, 204);
    let listed = admin.get("/api/v1/blocks").json();
    assert_eq!(listed["blocks"].as_array().unwrap().len(), 2);
    assert_eq!(listed["blocks"][0]["reason"], "by order");

    let ticket = Holder::of(&site, &client, &json!({"alias_prefix": "/up/"}));
    for (bytes, name) in [(&small, "s.jpg"), (&large, "l.jpg")] {
        expect_problem(
            &client.upload(&format!("?alias=/{name}"), bytes),
            403,
            "blocked",
        );
        expect_problem(
            &ticket.put(&format!("&alias=/up/{name}"), bytes),
            403,
            "blocked",
        );
        let path = site.inbox().join(name);
        fs::write(&path, bytes).unwrap();
        let (lines, _) = site.imgctl_json(["ingest".as_ref(), path.as_os_str()]);
        assert_eq!(lines[0]["reason"], "blocked", "{lines:?}");
    }
    expect_problem(&client.upload("?metadata=keep", &large), 403, "blocked");
    assert_eq!(ticket.uses_left(), 1);
    check_untouched(&site, &client);

    for id in [&kept, &came] {
        assert_eq!(admin.delete(&format!("/api/v1/blocks/{id}")).status, 204);
    }
    expect_problem(
        &admin.delete(&format!("/api/v1/blocks/{came}")),
        404,
        "not-blocked",
    );
    assert_eq!(client.upload("?alias=/s.jpg", &small).status, 201);
    assert_eq!(ticket.put("&alias=/up/l.jpg", &large).status, 201);
    assert_eq!(check_tree(&site.data()).len(), 2);
}
