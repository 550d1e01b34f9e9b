//! What is on disk is served without imgd, with the headers of its class.

use std::time::Duration;

use crate::model::layout::ShardWidth;
use crate::nginx::settings::OpenFileCache;
use crate::nginx::tests::http::Request;
use crate::nginx::tests::site::{ID, Site};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const ALIAS: &str = "public, max-age=86400, stale-while-revalidate=604800";
const OPTIONS: &str = "w=320,h=240,dpr=1.5,fit=cover,gravity=0.2x1,q=70,background=00ff00.webp";

#[test]
fn every_kind_of_hit_is_served_while_imgd_is_down() {
    for shards in ShardWidth::ALL {
        let site = Site::start(shards);
        site.put(site.original("jxl"), "original");
        site.put(site.derived("thumb~1.webp"), "thumb");
        site.put(site.derived(OPTIONS), "free");
        site.put("alias/_/shop/a b.jpg", "alias");
        site.imgd().stop();

        let original = site.get(&format!("/i/{ID}.jxl"));
        assert_eq!(
            (original.status, original.body.as_slice()),
            (200, b"original".as_slice())
        );
        assert_eq!(original.header("Content-Type"), Some("image/jxl"));
        assert_eq!(original.header("Cache-Control"), Some(IMMUTABLE));
        assert_eq!(
            original.header("Cache-Tag"),
            Some(format!("i-{ID}").as_str())
        );
        assert_eq!(original.header("ETag"), Some("\"5f5e1000-8\""));
        assert_eq!(
            original.header("Last-Modified"),
            Some("Sun, 13 Sep 2020 12:26:40 GMT")
        );
        assert_eq!(original.header("Server"), Some("nginx"));

        let thumb = site.get(&format!("/i/{ID}.thumb~1.webp"));
        assert_eq!(thumb.body, b"thumb");
        assert_eq!(
            thumb.header("Cache-Tag"),
            Some(format!("i-{ID},p-thumb").as_str())
        );
        assert_eq!(
            thumb.header("Surrogate-Key"),
            Some(format!("i-{ID} p-thumb").as_str())
        );

        let free = site.get(&format!("/i/{ID}.{OPTIONS}?s=any"));
        assert_eq!(free.body, b"free");
        assert_eq!(free.header("Content-Type"), Some("image/webp"));
        assert_eq!(
            free.header("Surrogate-Key"),
            Some(format!("i-{ID}").as_str())
        );

        let alias = site.get("/shop//x/../a%20b.jpg");
        assert_eq!(alias.body, b"alias");
        assert_eq!(alias.header("Cache-Control"), Some(ALIAS));
        assert_eq!(alias.header("Cache-Tag"), None);

        for answer in [original, thumb, free, alias] {
            assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
            assert_eq!(answer.header("Timing-Allow-Origin"), Some("*"));
            assert_eq!(
                answer.header("Cross-Origin-Resource-Policy"),
                Some("cross-origin")
            );
            assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
            assert_eq!(answer.header("Content-Security-Policy"), None);
            assert_eq!(answer.header("Set-Cookie"), None);
        }
    }
}

#[test]
fn conditional_range_and_head_requests_are_answered_from_the_file() {
    let site = Site::start(ShardWidth::Three);
    site.put(site.original("png"), "0123456789");
    let url = format!("/i/{ID}.png");
    let etag = "\"5f5e1000-a\"";

    let same = Request::get(&url)
        .with("If-None-Match", etag)
        .send(site.port);
    assert_eq!(same.status, 304);
    assert_eq!(same.header("Cache-Control"), Some(IMMUTABLE));
    let exact = Request::get(&url)
        .with("If-Modified-Since", "Mon, 14 Sep 2020 12:26:40 GMT")
        .send(site.port);
    assert_eq!(exact.status, 200);

    let part = Request::get(&url)
        .with("Range", "bytes=2-4")
        .send(site.port);
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, b"234".as_slice())
    );
    let still = Request::get(&url)
        .with("Range", "bytes=2-4")
        .with("If-Range", etag);
    assert_eq!(still.send(site.port).status, 206);
    let stale = Request::get(&url)
        .with("Range", "bytes=2-4")
        .with("If-Range", "\"x\"");
    assert_eq!(stale.send(site.port).status, 200);
    let many = Request::get(&url)
        .with("Range", "bytes=0-0,2-2")
        .send(site.port);
    assert_eq!((many.status, many.body.len()), (200, 10));
    let beyond = Request::get(&url)
        .with("Range", "bytes=50-")
        .send(site.port);
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("X-Content-Type-Options"), Some("nosniff"));
    // nginx has said `immutable` before it read the range; with `no-store` beside it nobody keeps the answer.
    let forbids = ("Cache-Control".to_owned(), "no-store".to_owned());
    assert!(beyond.headers.contains(&forbids), "{beyond:?}");

    let head = Request::get(&url).method("HEAD").send(site.port);
    assert_eq!(head.header("Content-Length"), Some("10"));
    assert!(head.body.is_empty());
    assert!(site.imgd().asked().is_empty());
}

#[test]
fn an_alias_of_the_host_comes_before_one_of_all_hosts_and_bytes_are_bytes() {
    let site = Site::start(ShardWidth::Three);
    site.put("alias/_/logo.png", "all");
    site.put("alias/shop.example.com/logo.png", "shop");
    site.put(b"alias/_/\xd6\xd0%20.jpg", "gbk");
    site.put("alias/_/old/image.php", "<?php");
    let on = |host| Request::get("/logo.png").host(host).send(site.port).body;

    assert_eq!(on("shop.example.com"), b"shop");
    assert_eq!(on("SHOP.example.com:8080"), b"shop");
    assert_eq!(on("shop.example.com."), b"shop");
    assert_eq!(on("other.example.com"), b"all");
    assert_eq!(site.get("/%D6%d0%2520.jpg").body, b"gbk");
    assert_eq!(site.get(b"/\xd6\xd0%2520.jpg").body, b"gbk");
    let unknown = site.get("/old/image.php");
    assert_eq!(
        unknown.header("Content-Type"),
        Some("application/octet-stream")
    );
}

#[test]
fn an_svg_can_neither_run_nor_fetch() {
    let site = Site::start(ShardWidth::Three);
    site.put(site.original("svg"), "<svg/>");
    site.put("alias/_/logo.svg", "<svg/>");
    for url in [format!("/i/{ID}.svg"), "/logo.svg".to_owned()] {
        let answer = site.get(&url);
        assert_eq!(answer.header("Content-Type"), Some("image/svg+xml"));
        assert_eq!(
            answer.header("Content-Security-Policy"),
            Some("default-src 'none'; style-src 'unsafe-inline'; sandbox")
        );
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn hits_and_misses_are_told_apart_in_the_log() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.open_file_cache = Some(OpenFileCache {
        files_max: 100,
        inactive: Duration::from_secs(10),
        valid: Duration::from_secs(5),
    });
    site.start_imgd(Box::new(|_| crate::nginx::tests::site::MISSING.to_owned()));
    site.start_nginx();
    site.put(site.original("png"), "x");
    site.get(&format!("/i/{ID}.png?\"\u{e9}"));
    site.get("/absent.jpg");
    site.get("/.git/config");
    site.get("/api/v1/x");

    let log = site.access_log_with("/api/v1/x");
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(&log)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let served: Vec<_> = lines.iter().map(|line| line["served"].as_str()).collect();
    assert_eq!(
        served,
        [Some("hit"), Some("miss"), Some("none"), Some("api")]
    );
    assert_eq!(lines[0]["request_id"].as_str().map(str::len), Some(32));
    assert_eq!(lines[1]["imgd_status"], "404");
}
