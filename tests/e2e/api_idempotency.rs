//! Requests that are repeated: done once, answered alike, and without secrets the second time.

use std::thread;

use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::beside::image;
use crate::harness::{Response, Site, wait_until};

fn post(client: &Client, target: &str, token: &str, body: &Value) -> Response {
    let headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", token),
    ];
    client.send("POST", target, &headers, body.to_string().as_bytes())
}

/// Keys on record with this name.
fn named(admin: &Client, name: &str) -> usize {
    let keys = admin.get("/api/v1/keys").json()["keys"].take();
    let keys = keys.as_array().unwrap().iter();
    keys.filter(|key| key["name"] == name).count()
}

#[test]
fn a_repeated_request_is_done_once() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let key = json!({"name": "shop", "verbs": ["read"]});

    let first = post(&admin, "/api/v1/keys", "t-1", &key);
    let second = post(&admin, "/api/v1/keys", "t-1", &key);

    assert_eq!((first.status, second.status), (201, 201));
    let (mut first, mut second) = (first.json(), second.json());
    let token = first["token"].take();
    assert!(second["token"].take().is_null());
    assert_eq!(first, second);
    assert_eq!(named(&admin, "shop"), 1);
    let made = Client::with_token(&site, token.as_str().unwrap());
    assert_eq!(made.get("/api/v1/me").status, 200);
    // A secret that was shown once is not shown again by rotating twice.
    let rotate = format!("/api/v1/keys/{}/rotate", made.key_id());
    let rotated = post(&admin, &rotate, "t-2", &json!({})).json();
    assert!(rotated["token"].is_string());
    assert!(post(&admin, &rotate, "t-2", &json!({})).json()["token"].is_null());
    let rotated = Client::with_token(&site, rotated["token"].as_str().unwrap());
    assert_eq!(rotated.get("/api/v1/me").status, 200);

    let ticket = json!({"uses": 2});
    let one = post(&admin, "/api/v1/tickets", "t-3", &ticket).json();
    let two = post(&admin, "/api/v1/tickets", "t-3", &ticket).json();
    assert_eq!(one, two);
    let url = two["url"].as_str().unwrap();
    let path = url
        .strip_prefix(&format!("http://127.0.0.1:{}", site.port()))
        .unwrap();
    let anyone = Client::without_key(&site);
    let headers = [("Content-Type", "image/jpeg")];
    assert_eq!(anyone.send("PUT", path, &headers, &image(1)).status, 201);
    assert_eq!(
        admin.get("/api/v1/tickets").json()["tickets"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_token_belongs_to_one_request_of_one_actor() {
    let mut site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let (key, ticket) = (json!({"name": "shop", "verbs": ["read"]}), json!({}));
    let first = post(&admin, "/api/v1/keys", "t-1", &key).json();
    // Another request under the same token.
    let other = json!({"name": "shop", "verbs": ["read", "ingest"]});
    expect_problem(
        &post(&admin, "/api/v1/keys", "t-1", &other),
        422,
        "idempotency-mismatch",
    );
    expect_problem(
        &post(&admin, "/api/v1/tickets", "t-1", &ticket),
        422,
        "idempotency-mismatch",
    );
    // Another actor under the same token.
    let colleague = Client::with_key(&site, "admin", None);
    let theirs = post(&colleague, "/api/v1/keys", "t-1", &key);
    assert!(theirs.json()["token"].is_string(), "{theirs:?}");
    assert_eq!(named(&admin, "shop"), 2);
    // What went wrong may be tried again, in another way too.
    let wrong = json!({"name": "again", "verbs": []});
    for _ in 0..2 {
        expect_problem(
            &post(&admin, "/api/v1/keys", "t-4", &wrong),
            400,
            "key-verbs",
        );
    }
    let right = json!({"name": "again", "verbs": ["read"]});
    assert!(post(&admin, "/api/v1/keys", "t-4", &right).json()["token"].is_string());
    for wrong in ["", &"x".repeat(101), "é", " "] {
        let answer = post(&admin, "/api/v1/keys", wrong, &key);
        let blank = wrong.trim().is_empty();
        assert!(answer.status == 400 || blank, "{wrong:?}: {answer:?}");
    }
    // Not for those who may not.
    let reader = Client::with_key(&site, "read", None);
    expect_problem(
        &post(&reader, "/api/v1/keys", "t-1", &key),
        403,
        "verb-missing",
    );
    // Remembered by the catalog.
    site.stop_imgd();
    site.start_imgd();
    assert_eq!(
        post(&admin, "/api/v1/keys", "t-1", &key).json()["id"],
        first["id"]
    );
}

#[test]
fn of_many_at_once_one_is_done() {
    let site = Site::start();
    repeat_at_once(&site);
}

pub(crate) fn repeat_at_once(site: &Site) {
    let admin = Client::with_key(site, "admin", None);
    for round in 0..10 {
        let (name, token) = (format!("at once {round}"), format!("once-{round}"));
        let key = json!({"name": name, "verbs": ["read"]});
        let answers: Vec<Response> = thread::scope(|scope| {
            let asked = (0..6).map(|_| scope.spawn(|| post(&admin, "/api/v1/keys", &token, &key)));
            let asked: Vec<_> = asked.collect();
            asked.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let (done, others): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 201);
        for other in others {
            expect_problem(other, 409, "idempotency-in-progress");
        }
        let shown = done.iter().filter(|it| it.json()["token"].is_string());
        assert_eq!(shown.count(), 1, "{done:?}");
        assert_eq!(named(&admin, &name), 1);
    }
}

#[test]
fn a_client_that_went_away_may_ask_again() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    for round in 0..10 {
        let (name, token) = (format!("gone {round}"), format!("gone-{round}"));
        let key = json!({"name": name, "verbs": ["read"]});
        let body = key.to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", &*token),
        ];
        let mut gone = admin.open("POST", "/api/v1/keys", &headers, Some(body.len()));
        std::io::Write::write_all(&mut gone, body.as_bytes()).unwrap();
        thread::sleep(std::time::Duration::from_micros(round * 300));
        drop(gone);
        wait_until("it is answered", || {
            post(&admin, "/api/v1/keys", &token, &key).status == 201
        });
        assert_eq!(named(&admin, &name), 1);
    }
}
