//! Free options: whoever has no signature can have nothing made, and whoever has one gets one file for it.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::harness::{Response, Site};

/// The path and query that `imgctl sign` prints.
#[track_caller]
fn sign(site: &Site, args: &[&str]) -> String {
    let printed = site.imgctl_ok([&["sign"], args].concat());
    let path = printed.find("/i/").unwrap();
    printed.trim()[path..].to_owned()
}

#[track_caller]
fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(response.json()["code"], code);
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

#[test]
fn a_signature_has_a_derivative_made_that_is_then_a_file_for_everyone() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let signed = sign(&site, &[&id, "w=64,h=48,fit=cover", "webp"]);
    let (path, query) = signed.split_once('?').unwrap();
    assert_eq!(path, format!("/i/{id}.w=64,h=48,fit=cover.webp"));

    assert_refused(&site.get(path), 403, "signature-missing");
    let made = site.get(&signed);
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.header("content-type"), Some("image/webp"));
    let year = Some("public, max-age=31536000, immutable");
    assert_eq!(made.header("cache-control"), year);

    site.stop_imgd();
    for query in ["", "?s=k1.AAAA", "?utm=1"] {
        assert_eq!(site.get(&format!("{path}{query}")), made, "{query}");
    }
    // Escaped as some proxies like it.
    assert_eq!(
        site.get(&path.replace('=', "%3D").replace(',', "%2C")),
        made
    );
    // Gone again, it takes a signature again.
    fs::remove_dir_all(site.data().join("derived")).unwrap();
    site.start_imgd();
    assert_refused(&site.get(path), 403, "signature-missing");
    let escaped = path.replace('=', "%3D").replace(',', "%2C");
    assert_eq!(site.get(&format!("{escaped}?utm=1&{query}")), made);
}

#[test]
fn any_other_signature_opens_nothing() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let other = site.ingest_sample("wheel.png");
    let signed = sign(&site, &[&id, "w=64", "webp"]);
    let (path, query) = signed.split_once('?').unwrap();
    let tag = query.strip_prefix("s=k1.").unwrap();
    let flipped = if tag.starts_with('A') { "B" } else { "A" };
    for wrong in [
        format!("{path}?s=k1.{flipped}{}", &tag[1..]),
        format!("{path}?s=k1.{}", &tag[..tag.len() - 1]),
        format!("{path}?s=k1.{}", &tag[..10]),
        format!("{path}?s=k1.{tag}A"),
        format!("{path}?s=k1."),
        format!("{path}?s=k1"),
        format!("{path}?s={tag}"),
        format!("{path}?s=k2.{tag}"),
        format!("{path}?s=.{tag}"),
        format!("{path}?{query}&e=99999999999"),
        format!("{path}?{query}&e="),
        format!("{path}?s=&{query}"),
        format!("/i/{id}.w=65.webp?{query}"),
        format!("/i/{id}.w=64.jpg?{query}"),
        format!("/i/{other}.w=64.webp?{query}"),
    ] {
        assert_refused(&site.get(&wrong), 403, "signature-wrong");
    }
    for missing in [format!("{path}?"), format!("{path}?S={tag}")] {
        assert_refused(&site.get(&missing), 403, "signature-missing");
    }
    assert!(!site.data().join("derived").join(&id[..3]).exists());
    assert_eq!(site.get(&signed).status, 200);
}

#[test]
fn an_expired_signature_makes_nothing_more_but_keeps_what_it_made() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let lasting = sign(&site, &["--expires", "7d", &id, "w=64", "webp"]);
    let (path, query) = lasting.split_once('?').unwrap();
    let stretched = query.replace("&e=", "&e=9");
    assert_refused(
        &site.get(&format!("{path}?{stretched}")),
        403,
        "signature-wrong",
    );
    let dropped = query.split('&').next().unwrap();
    assert_refused(
        &site.get(&format!("{path}?{dropped}")),
        403,
        "signature-wrong",
    );
    let made = site.get(&lasting);
    assert_eq!(made.status, 200);

    let brief = sign(&site, &["--expires", "1s", &id, "w=64", "webp"]);
    thread::sleep(Duration::from_millis(2100));

    assert_eq!(site.get(&brief), made);
    fs::remove_dir_all(site.data().join("derived")).unwrap();
    assert_refused(&site.get(&brief), 403, "signature-expired");
    // Nor does a restart give it new life.
    site.stop_imgd();
    site.start_imgd();
    assert_refused(&site.get(&brief), 403, "signature-expired");
    assert_eq!(site.get(&lasting), made);
}

#[test]
fn while_keys_are_rotated_both_are_valid_and_a_removed_one_is_not() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let old = |site: &Site, width: &str| sign(site, &["--key", "k1", &id, width, "webp"]);
    let only_old = site.config_text();
    // With a newline at its end, as an editor leaves it.
    let secret = "0123456789abcdef0123456789abcdef0123456789\n";
    fs::write(site.data().join("keys/k2.key"), secret).unwrap();
    let (k1, k2) = (
        "{ id = \"k1\", file = \"keys/k1.key\" }",
        "{ id = \"k2\", file = \"keys/k2.key\" }",
    );
    site.write_config(&only_old.replace(k1, &format!("{k2}, {k1}")));
    let fresh = sign(&site, &[&id, "w=61", "webp"]);
    assert!(fresh.contains("?s=k2."), "{fresh}");
    assert_refused(&site.get(&fresh), 403, "signature-wrong");

    site.stop_imgd();
    site.start_imgd();

    assert_eq!(site.get(&fresh).status, 200);
    assert_eq!(site.get(&old(&site, "w=62")).status, 200);
    let signed_with_old = old(&site, "w=63");

    site.write_config(&only_old.replace(k1, k2));
    site.stop_imgd();
    site.start_imgd();

    assert_refused(&site.get(&signed_with_old), 403, "signature-wrong");
    assert_eq!(site.get(&sign(&site, &[&id, "w=63", "webp"])).status, 200);
}

#[test]
fn options_in_another_order_lead_to_the_canonical_url_with_their_query() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let signed = sign(&site, &[&id, "fit=cover,height=48,width=64", "webp"]);
    let query = signed.split_once('?').unwrap().1;
    assert!(signed.contains(".w=64,h=48,fit=cover.webp?"), "{signed}");
    for spelling in [
        "fit=cover,w=64,h=48",
        "width=64,height=48,fit=cover",
        "w=64,h=48,fit=cover,gravity=center,dpr=1",
        "w=64,h=48,dpr=1.0,fit=cover",
    ] {
        let answer = site.get(&format!("/i/{id}.{spelling}.webp?{query}"));
        assert_eq!(answer.status, 301, "{spelling}: {answer:?}");
        assert_eq!(answer.header("location"), Some(signed.as_str()));
    }
    let bare = site.get(&format!("/i/{id}.fit=cover,w=64,h=48.webp"));
    assert_eq!(bare.header("location"), signed.split('?').next());
    assert_eq!(site.get(&signed).status, 200);

    // A query of any bytes leads to the same place, and never elsewhere.
    let odd = format!("/i/{id}.h=48,w=64.webp?x=\u{e9}%0d%0aSet-Cookie:a&y=\"<>");
    let answer = site.get(&odd);
    assert_eq!(answer.status, 301, "{answer:?}");
    let location = answer.header("location").unwrap();
    let start = format!("/i/{id}.w=64,h=48.webp?x=%C3%A9%0d%0aSet-Cookie:a");
    assert!(location.starts_with(&start), "{location}");
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn options_that_make_no_sense_are_told_by_name() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    for (options, named) in [
        ("w=0", "w"),
        ("w=abc", "w"),
        ("w=-1", "w"),
        ("h=99999", "h"),
        ("w=64,w=65", "w"),
        ("w=64,q=101", "q"),
        ("w=64,q=", "q"),
        ("w=64,dpr=9", "dpr"),
        ("w=64,fit=squeeze", "squeeze"),
        ("w=64,gravity=up", "up"),
        ("w=64,background=red-ish", "red-ish"),
        ("w=64,colour=1", "colour"),
        ("fit=cover", "w"),
    ] {
        let answer = site.get(&format!("/i/{id}.{options}.webp"));
        assert_refused(&answer, 400, "invalid-options");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(named), "{options}: {detail}");
    }
}

#[test]
fn sizes_beyond_the_limit_are_refused_even_with_a_signature() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let refused = site.imgctl(["sign", &id, "w=60000", "webp"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    // Another node may sign by other limits; imgd keeps those that it has started with.
    site.write_config(&format!(
        "limits.output_side_px_max = 262140\n{}",
        site.config_text()
    ));
    for options in [
        "w=60000",
        "w=60000,enlarge=1",
        "h=65535,fit=pad",
        "w=4000,dpr=4",
    ] {
        let signed = sign(&site, &[&id, options, "webp"]);
        for _ in 0..2 {
            let answer = site.get(&signed);
            assert_refused(&answer, 400, "limit-output");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("4096"), "{detail}");
        }
    }
    assert_eq!(site.get(&sign(&site, &[&id, "w=64", "webp"])).status, 200);
}
