//! What must never be served, and what must never reach imgd.

use crate::model::layout::ShardWidth;
use crate::nginx::tests::http::Request;
use crate::nginx::tests::site::{ID, Site};

const SECRET: &str = "secret";

fn site_with_secrets() -> Site {
    let site = Site::start(ShardWidth::Three);
    for path in [
        "catalog.db",
        "staging/x.jpg",
        "run/x",
        "keys/k",
        "LAYOUT",
        "x.jpg",
    ] {
        site.put(path, SECRET);
    }
    for path in [
        "alias/_/.htpasswd",
        "alias/_/.git/config",
        "alias/_/a/.b/c.jpg",
        "alias/.x/a.jpg",
    ] {
        site.put(path, SECRET);
    }
    site.put(site.original("jpg"), "image");
    site.put(site.derived(".hidden.jpg"), SECRET);
    site.put("original/af1/notes.txt", SECRET);
    site.put("alias/host.example.com/private.jpg", SECRET);
    site
}

const HOSTILE: [&str; 39] = [
    "/catalog.db",
    "/staging/x.jpg",
    "/run/x",
    "/keys/k",
    "/LAYOUT",
    "/../catalog.db",
    "/%2e%2e/catalog.db",
    "/..%2fcatalog.db",
    "/a/..%2f..%2fcatalog.db",
    "/%2e%2e%2f%2e%2e%2fcatalog.db",
    "/..%5ccatalog.db",
    "/i../catalog.db",
    "/i/../catalog.db",
    "/i/..%2fcatalog.db",
    "/i/%2e%2e/catalog.db",
    "/i/notes.txt",
    "/i/af1/notes.txt",
    "/i/x.jpg",
    "/i",
    "/i/",
    "/api",
    "/",
    "/.htpasswd",
    "/%2ehtpasswd",
    "/.git/config",
    "/a/.b/c.jpg",
    "/a/%2eb/c.jpg",
    "/__store/alias/_/x.jpg",
    "/__store/alias/../../catalog.db",
    "//__store/alias/_/.htpasswd",
    "/%5f%5fstore/alias/_/.htpasswd",
    "/__failed",
    "/__absent",
    "/__miss",
    "/_/.htpasswd",
    "/host.example.com/private.jpg",
    "/../host.example.com/private.jpg",
    "/%00",
    "/a%00.jpg",
];

#[test]
fn nothing_but_originals_derivatives_and_aliases_can_be_named() {
    let site = site_with_secrets();
    let original = site.original("jpg");
    let built = [
        format!("/__store/{original}"),
        format!("/{original}"),
        format!("/../{original}"),
        format!("/i/{ID}.jpg%0a"),
        format!("/i/{ID}.jpg/"),
        format!("/i/{ID}.jpg%2f"),
        format!("/i/{ID}..hidden.jpg"),
        format!("/i/{ID}.JPG"),
        format!("/i/{}.jpg", ID.to_uppercase()),
        format!("/i/../{original}"),
    ];
    let targets = HOSTILE.into_iter().chain(built.iter().map(String::as_str));
    for target in targets {
        let answer = site.get(target);
        assert!([400, 404].contains(&answer.status), "{target}: {answer:?}");
        let body = String::from_utf8_lossy(&answer.body);
        assert!(
            !body.contains(SECRET) && body != "image",
            "{target}: {body}"
        );
        if answer.status == 404 {
            assert_eq!(
                answer.header("Cache-Control"),
                Some("public, max-age=60"),
                "{target}"
            );
        }
    }
    for asked in site.imgd().asked() {
        let path = asked.header("X-Img-Path").unwrap();
        let refused_by_nginx = ["/.", "__", "%2eh", "notes"]
            .iter()
            .any(|part| path.contains(part));
        let climbs = path.contains("..") || path.contains("%2e%2e");
        assert!(!refused_by_nginx || climbs, "{path} reached imgd");
    }
}

#[test]
fn a_hostile_host_cannot_leave_its_directory() {
    let site = site_with_secrets();
    site.put("alias/_/ok.jpg", "ok");
    for host in [
        "..", "../..", ".x", "_/..", "a/../..", "[::1]", "a..b", "%2e%2e", "a b", "$host", "-",
    ] {
        let answer = Request::get("/ok.jpg").host(host).send(site.port);
        assert!([200, 400].contains(&answer.status), "{host}: {answer:?}");
        for target in ["/catalog.db", "/x.jpg", "/a.jpg"] {
            let answer = Request::get(target).host(host).send(site.port);
            assert!(
                [400, 404].contains(&answer.status),
                "{host}{target}: {answer:?}"
            );
        }
    }
}

#[test]
fn other_methods_are_refused_and_never_reach_imgd() {
    let site = site_with_secrets();
    site.put("alias/_/a.jpg", "alias");
    let urls = [
        format!("/i/{ID}.jpg"),
        format!("/i/{ID}.png"),
        format!("/i/{ID}.thumb.jpg"),
        "/a.jpg".into(),
        "/absent.jpg".into(),
    ];
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE",
    ] {
        for url in &urls {
            let answer = Request::get(url).method(method).body("x").send(site.port);
            assert!(
                [403, 405].contains(&answer.status),
                "{method} {url}: {answer:?}"
            );
            assert_eq!(answer.header("Cache-Control"), Some("no-store"));
            assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
        }
    }
    assert!(site.imgd().asked().is_empty());
}

#[test]
fn malformed_requests_get_a_plain_error_and_redirects_stay_relative() {
    let site = Site::start(ShardWidth::Three);
    let long = format!("/{}", "a".repeat(40_000));
    let answer = site.get(&long);
    assert_eq!(
        (answer.status, answer.header("Cache-Control")),
        (414, Some("no-store"))
    );
    let answer = Request::get("/a b.jpg").send(site.port);
    assert_eq!(
        (answer.status, answer.header("Cache-Control")),
        (400, Some("no-store"))
    );
    let huge = "x".repeat(40_000);
    assert_eq!(
        Request::get("/a.jpg")
            .with("X", &huge)
            .send(site.port)
            .status,
        400
    );
    // A directory is no image and does not earn the redirect that nginx would give it.
    site.put("alias/_/shop/a.jpg", "alias");
    assert_eq!(site.get("/shop").status, 404);
    assert!(
        !site.error_log().contains("[alert]"),
        "{}",
        site.error_log()
    );
}
