//! How imgd stands, what it counts, and what every error says.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::api::{Client, expect_problem, receive};
use crate::beside::{bare, image, logged, take_in};
use crate::harness::{Site, init_with_keys, wait_until};

#[test]
fn health_is_told_to_everyone_and_numbers_to_those_with_a_key() {
    let site = Site::start();
    let anyone = Client::without_key(&site);
    for path in ["live", "ready"] {
        let answer = anyone.get(&format!("/api/v1/health/{path}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), json!({"status": "ok", "checks": {}}));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for path in ["metrics", "status", "presets", "me"] {
        expect_problem(&anyone.get(&format!("/api/v1/{path}")), 401, "key-missing");
    }
    let client = Client::with_key(&site, "read,ingest", Some("/shop/"));
    let me = client.get("/api/v1/me").json();
    let expected = json!({"actor": format!("key:{}", client.key_id()), "verbs": ["read", "ingest"], "prefix": "/shop/"});
    assert_eq!(me, expected);
    let presets = client.get("/api/v1/presets").json()["presets"].take();
    let names = presets
        .as_array()
        .unwrap()
        .iter()
        .map(|preset| preset["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["card", "thumb"]);

    // Methods that clients make up are one line of the metrics, however many there are.
    for made_up in 0..20 {
        bare(
            &site,
            &format!("BREW{}", char::from(b'A' + made_up)),
            "/api/v1/me",
            &[],
        );
    }
    let counted = |line: &str| -> u64 {
        let text = String::from_utf8(client.get("/api/v1/metrics").body).unwrap();
        assert!(!text.contains("BREW"), "{text}");
        let found = text.lines().find_map(|it| it.strip_prefix(line));
        found.map_or(0, |count| count.trim().parse().unwrap())
    };
    let uploads = r#"imgd_requests_total{route="/api/v1/images",method="POST",status="201"}"#;
    let misses = r#"imgd_requests_total{route="miss",method="GET",status="404"}"#;
    let before = (
        counted(uploads),
        counted(misses),
        counted("imgd_upload_bytes_total"),
    );
    take_in(&client, "", &image(1));
    site.get("/nothing.jpg");
    let after = (
        counted(uploads),
        counted(misses),
        counted("imgd_upload_bytes_total"),
    );
    assert_eq!(
        after,
        (before.0 + 1, before.1 + 1, before.2 + image(1).len() as u64)
    );
    let status = client.get("/api/v1/status").json();
    assert_eq!(
        (&status["images"], &status["image_bytes"]),
        (&json!(1), &json!(image(1).len()))
    );
}

#[test]
fn an_imgd_without_room_is_not_ready() {
    let mut site = Site::init();
    let config = site.config_text().replace(
        "free_bytes_min = 1\n",
        "free_bytes_min = 1000000000000000\n",
    );
    site.write_config(&config);
    site.start_imgd();
    site.start_nginx();
    let client = Client::with_key(&site, "ingest", None);
    let answer = client.get("/api/v1/health/ready");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({"status": "failing", "checks": {"space": "disk-full"}})
    );
    assert_eq!(client.get("/api/v1/health/live").status, 200);
    expect_problem(&client.upload("", &image(1)), 507, "disk-full");
}

/// Method, target, what is sent, status, code.
const ERRORS: &str = "
    GET   /api/v1/nothing                      nothing    404 not-found
    POST  /api/v1/me                           nothing    405 method-not-allowed
    TRACE /api/v1/me                           nothing    405 method-not-allowed
    GET   /api/v1/images/xyz                   nothing    400 path-invalid
    GET   /api/v1/images/%FF                   nothing    400 path-invalid
    GET   /api/v1/images/NOBODY                nothing    404 unknown-image
    GET   /api/v1/images?limit=0               nothing    400 value-invalid
    GET   /api/v1/images?nope=0                nothing    400 query-invalid
    GET   /api/v1/images?tag=%FF               nothing    400 query-invalid
    GET   /api/v1/aliases?path=/nope           nothing    404 unknown-alias
    PUT   /api/v1/aliases?path=/a.jpg          target     409 alias-taken
    PUT   /api/v1/aliases?path=/../x           target     400 alias-invalid
    POST  /api/v1/keys                         brace      400 json-invalid
    POST  /api/v1/keys                         untyped    415 content-type
    POST  /api/v1/images                       untyped    415 not-an-image
    POST  /api/v1/images                       large      413 limit-bytes
    POST  /api/v1/images/lookup                large-json 413 body-too-large
    POST  /api/v1/images?alias=/a.jpg          image      409 alias-taken
    GET   /api/v1/upload/0123456789abcdef0123456789abcdef nothing 403 ticket-wrong
    GET   /api/v1/images?reason=LONG           nothing    414 uri-too-long
";

/// Of an error in the table, sent with an id that the client made up. Answers the id that it was given, and its status.
fn check_error(client: &Client, line: &str, other: &str) -> (String, u64) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [method, target, sent, status, code] = words[..] else {
        panic!("{line}")
    };
    let target = target
        .replace("NOBODY", &"0".repeat(40))
        .replace("LONG", &"x".repeat(40_000));
    let json = ("Content-Type", "application/json");
    let mut headers = vec![("X-Request-Id", "0123456789abcdef0123456789abcdef")];
    headers.extend(
        ["target", "brace", "large-json"]
            .contains(&sent)
            .then_some(json),
    );
    let body = match sent {
        "target" => json!({"id": other}).to_string().into_bytes(),
        "brace" | "untyped" => b"{".to_vec(),
        "large" | "large-json" => vec![0; 200_000],
        "image" => image(2),
        _ => Vec::new(),
    };
    let answer = client.send(method, &target, &headers, &body);
    expect_problem(&answer, status.parse().unwrap(), code);
    let by_nginx = method == "TRACE" || code == "uri-too-long";
    assert!(
        by_nginx || answer.json()["detail"].is_string(),
        "{line}: {answer:?}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{line}");
    let ids = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "x-request-id");
    assert_eq!(ids.count(), 1, "{line}: {answer:?}");
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert_ne!(id, "0123456789abcdef0123456789abcdef");
    (id, status.parse().unwrap())
}

#[test]
fn every_error_is_a_problem_with_the_id_that_nginx_logged() {
    let mut site = init_with_keys("limits.bytes_max = 100000");
    site.start_imgd();
    site.start_nginx();
    let client = Client::with_key(&site, "admin", None);
    take_in(&client, "?alias=/a.jpg", &image(1));
    let other = take_in(&client, "", &image(2));
    let lines = ERRORS.lines().filter(|line| !line.trim().is_empty());
    let seen: Vec<(String, u64)> = lines
        .map(|line| check_error(&client, line, &other))
        .collect();
    assert_eq!(seen.len(), 20);
    for (id, status) in seen {
        wait_until("nginx logged it", || logged(&site, &id).len() == 1);
        assert_eq!(logged(&site, &id)[0]["status"], status);
    }
    // Answers that went well have the id in their header too.
    let me = client.get("/api/v1/me");
    assert_eq!(me.header("x-request-id").map(str::len), Some(32));
    site.stop_imgd();
    let answer = client.get("/api/v1/me");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    let id = answer.json()["request_id"].take();
    assert_eq!(id.as_str(), answer.header("x-request-id"));
}

/// Uploads that have begun and do not go on, until there is no place left. Some of them may have been refused.
fn take_all_places(client: &Client, length: usize) -> Vec<TcpStream> {
    let mut begun = Vec::new();
    while client.get("/api/v1/me").status != 503 {
        assert!(begun.len() < 50, "there is always one more place");
        begun.push(client.open("POST", "/api/v1/images", &[], Some(length)));
        std::thread::sleep(Duration::from_millis(20));
    }
    begun
}

#[test]
fn more_requests_than_there_are_places_are_refused_at_once() {
    let mut site = init_with_keys("api.requests_max = 2");
    site.start_imgd();
    site.start_nginx();
    let client = Client::with_key(&site, "ingest,read", None);
    let bytes = image(1);
    let begun = take_all_places(&client, bytes.len());
    let refused = client.get("/api/v1/me");
    expect_problem(&refused, 503, "busy");
    assert!(refused.header("retry-after").is_some());
    // Images do not wait for uploads.
    assert_eq!(site.get("/nothing.jpg").status, 404);
    let statuses = begun.into_iter().map(|mut stream| {
        // One that was refused may be closed by now.
        let _ = stream.write_all(&bytes);
        receive(stream).status
    });
    let taken_in = statuses.filter(|status| [200, 201].contains(status));
    assert_eq!(taken_in.count(), 2);
    // A client that goes away gives its place back.
    drop(take_all_places(&client, bytes.len()));
    wait_until("the places are free", || {
        client.get("/api/v1/me").status == 200
    });
}
