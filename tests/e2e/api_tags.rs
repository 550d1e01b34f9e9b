//! Tags: set, changed, and what is none.

use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::beside::{image, take_in};
use crate::harness::Site;

#[test]
fn tags_are_set_and_changed() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,erase", None);
    let id = take_in(&client, "?tags=a,b", &image(1));
    let target = format!("/api/v1/images/{id}/tags");
    let tags = |method: &str, body: Value| {
        let answer = client.json(method, &target, &body);
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        let said = answer.json()["tags"].take();
        let shown = client.get(&format!("/api/v1/images/{id}")).json()["tags"].take();
        assert_eq!(said, shown, "{body}");
        said
    };
    assert_eq!(
        tags("PATCH", json!({"add": ["c"], "remove": ["a", "nope"]})),
        json!(["b", "c"])
    );
    assert_eq!(tags("PATCH", json!({})), json!(["b", "c"]));
    assert_eq!(
        tags("PATCH", json!({"add": ["b", "b"], "remove": ["b"]})),
        json!(["b", "c"])
    );
    assert_eq!(
        tags("PUT", json!({"tags": ["z", "z", "b"]})),
        json!(["b", "z"])
    );
    let words = json!(["a:b/c", "two words", "été", "夏", "🐱"]);
    assert_eq!(tags("PUT", json!({"tags": words})), words);
    let found = client.get("/api/v1/images?tag=%F0%9F%90%B1").json();
    assert_eq!(found["images"][0]["id"], id);
    // The same bytes bring more words, and take none away.
    take_in(&client, "?tags=more", &image(1));
    assert_eq!(
        tags("PATCH", json!({"remove": ["été", "夏", "🐱"]})),
        json!(["a:b/c", "more", "two words"])
    );
    assert_eq!(tags("PUT", json!({"tags": []})), json!([]));

    let many = |count: usize| -> Vec<String> { (0..count).map(|it| format!("{it:064}")).collect() };
    tags("PUT", json!({"tags": many(64)}));
    expect_problem(
        &client.json("PUT", &target, &json!({"tags": many(65)})),
        400,
        "too-many-tags",
    );
    let patch = json!({"add": ["one more"]});
    expect_problem(&client.json("PATCH", &target, &patch), 400, "too-many-tags");
    tags(
        "PATCH",
        json!({"add": ["one more"], "remove": [format!("{:064}", 0)]}),
    );
    let query = format!("?tags={}", many(65).join(","));
    expect_problem(&client.upload(&query, &image(2)), 400, "too-many-tags");

    let nobody = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9";
    let unknown = format!("/api/v1/images/{nobody}/tags");
    expect_problem(
        &client.json("PUT", &unknown, &json!({"tags": []})),
        404,
        "unknown-image",
    );
    assert_eq!(client.delete(&format!("/api/v1/images/{id}")).status, 200);
    expect_problem(
        &client.json("PATCH", &target, &json!({"add": ["x"]})),
        410,
        "erased",
    );
}

#[test]
fn what_is_no_tag_is_refused() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest", None);
    let id = take_in(&client, "?tags=kept", &image(1));
    let target = format!("/api/v1/images/{id}/tags");
    for wrong in [
        "",
        " ",
        " a",
        "a ",
        "a,b",
        ",",
        "a\nb",
        "a\u{0}b",
        "a\u{7f}",
        "\u{85}",
        "\u{a0}a",
        &"x".repeat(65),
        &"夏".repeat(22),
    ] {
        for (method, body) in [
            ("PUT", json!({"tags": [wrong]})),
            ("PATCH", json!({"add": [wrong]})),
            ("PATCH", json!({"remove": [wrong]})),
        ] {
            expect_problem(&client.json(method, &target, &body), 400, "value-invalid");
        }
    }
    for (body, status, code) in [
        ("", 400, "json-invalid"),
        ("{", 400, "json-invalid"),
        ("[]", 400, "json-invalid"),
        ("null", 400, "json-invalid"),
        (r#"{"tags":"a"}"#, 400, "json-invalid"),
        (r#"{"tags":[1]}"#, 400, "json-invalid"),
        (r#"{"tags":["\ud800"]}"#, 400, "json-invalid"),
        (r#"{"tags":[],"tags":[]}"#, 400, "json-invalid"),
        (r#"{"tags":[],"more":1}"#, 400, "json-invalid"),
        (&"[".repeat(10_000), 400, "json-invalid"),
        (
            &format!(r#"{{"tags":["{}"]}}"#, "x".repeat(70_000)),
            413,
            "body-too-large",
        ),
    ] {
        let headers = [("Content-Type", "application/json; charset=utf-8")];
        let answer = client.send("PUT", &target, &headers, body.as_bytes());
        expect_problem(&answer, status, code);
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let answer = client.send("PUT", &target, &[("Content-Type", kind)], br#"{"tags":[]}"#);
        expect_problem(&answer, 415, "content-type");
    }
    let shown = client.get(&format!("/api/v1/images/{id}")).json();
    assert_eq!(shown["tags"], json!(["kept"]));
}
