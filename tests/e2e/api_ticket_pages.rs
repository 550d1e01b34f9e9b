//! What browsers get to see of tickets, and what logs do not.

use std::fs;

use serde_json::json;

use crate::api::{Client, expect_problem};
use crate::api_bodies::start_with_keys;
use crate::api_tickets::{Holder, RAW, issuer};
use crate::daemon::Daemon;
use crate::harness::{Site, wait_until};
use crate::specimen::png;

#[test]
fn the_form_runs_no_script_names_its_url_to_nobody_and_shows_no_markup_of_others() {
    let site = Site::start();
    let issuer = Client::with_key(&site, "ingest,alias", None);
    let alias = "/<script>'\"&.png";
    for wishes in [
        json!({"alias": alias}),
        json!({"alias_prefix": "/<script>'\"&/"}),
    ] {
        let ticket = Holder::of(&site, &issuer, &wishes);
        let html = [("Accept", "text/html,*/*")];
        let chosen = [("alias", "/<script>'\"&/<img src=x>.png")];
        let fields: &[_] = if wishes["alias"].is_null() {
            &chosen
        } else {
            &[]
        };
        let form = ticket.nobody.get(&ticket.target);
        let done = ticket.post_form(fields, &png(8, 8, 1), &html);
        assert_eq!((form.status, done.status / 100), (200, 2), "{done:?}");
        for page in [form, done] {
            assert_eq!(
                page.header("content-type"),
                Some("text/html; charset=utf-8")
            );
            assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
            assert_eq!(page.header("cache-control"), Some("no-store"));
            let policy = page.header("content-security-policy").unwrap();
            assert!(
                policy.contains("default-src 'none'") && !policy.contains("script-src"),
                "{policy}"
            );
            assert!(
                policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'")
            );
            let text = String::from_utf8(page.body).unwrap();
            assert!(
                !text.contains("<script") && !text.contains("src=x>"),
                "{text}"
            );
            let secret = ticket.target.split_once("?s=").unwrap().1;
            assert!(!text.contains(secret), "{text}");
        }
        expect_problem(
            &ticket.post_form(fields, b"x", &html),
            403,
            "ticket-used-up",
        );
    }
}

#[test]
fn pages_of_other_sites_may_upload_if_the_operator_says_so() {
    let ask = |client: &Client, target: &str, origin: &str| {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "PUT")];
        client.send("OPTIONS", target, &headers, b"")
    };
    for (line, allowed, refused) in [
        ("", Some("*"), Some("*")),
        (
            "api.ticket_origins = ['https://shop.example']",
            Some("https://shop.example"),
            None,
        ),
        ("api.ticket_origins = []", None, None),
    ] {
        let site = start_with_keys(line);
        let ticket = Holder::of(&site, &issuer(&site), &json!({"uses": 9}));
        for (origin, expected) in [
            ("https://shop.example", allowed),
            ("https://evil.example", refused),
            ("null", refused),
        ] {
            let preflight = ask(&ticket.nobody, &ticket.target, origin);
            assert_eq!(preflight.status, 204);
            assert_eq!(
                preflight.header("access-control-allow-methods"),
                Some("POST, PUT")
            );
            assert_eq!(
                preflight.header("access-control-allow-headers"),
                Some("content-type")
            );
            let headers = [RAW, ("Origin", origin)];
            let send = |body: &[u8]| ticket.nobody.send("PUT", &ticket.target, &headers, body);
            let (done, failed) = (send(&png(8, 8, 1)), send(b"x"));
            assert_eq!((done.status / 100, failed.status), (2, 415));
            for answer in [preflight, done, failed] {
                assert_eq!(
                    answer.header("access-control-allow-origin"),
                    expected,
                    "{origin}: {answer:?}"
                );
                assert_eq!(answer.header("access-control-allow-credentials"), None);
                assert!(
                    answer
                        .header("vary")
                        .unwrap()
                        .eq_ignore_ascii_case("origin")
                );
            }
        }
        // With a key, from a page of another site: never.
        let keyed = ask(&ticket.nobody, "/api/v1/images", "https://shop.example");
        assert_eq!(keyed.header("access-control-allow-origin"), None);
    }
}

#[test]
fn no_log_has_what_makes_a_ticket() {
    let mut site = Site::init();
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let ticket = Holder::of(&site, &issuer(&site), &json!({"uses": 2}));
    let secret = ticket
        .target
        .split_once("?s=k1.")
        .unwrap()
        .1
        .split('&')
        .next()
        .unwrap();
    ticket.nobody.get(&ticket.target);
    ticket.put("", &png(8, 8, 1));
    ticket.put("", b"no image");
    let referer = format!("{}{}", "http://127.0.0.1", ticket.target);
    ticket.nobody.send(
        "PUT",
        &format!("{}x", ticket.target),
        &[("Referer", &referer)],
        b"",
    );
    drop(ticket.nobody.open("PUT", &ticket.target, &[RAW], Some(100)));
    imgd.log();
    let said = imgd.log();
    drop(imgd);
    ticket.put("", &png(8, 8, 1));
    ticket.nobody.get("/api/the/end");
    let log = site.data().join("log/nginx-access.log");
    let read = || String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    wait_until("the log is written", || read().contains("/api/the/end"));
    assert!(read().contains(&ticket.id), "the path stands there");
    for text in [said, read()] {
        assert!(!text.contains(secret), "{text}");
    }
}
