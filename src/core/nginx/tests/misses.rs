//! What is not on disk is asked of imgd, and the first answer equals all later ones.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::layout::ShardWidth;
use crate::nginx::tests::fake_imgd::Asked;
use crate::nginx::tests::http::Request;
use crate::nginx::tests::site::{ID, MISSING, Site, put};

/// An imgd that makes exactly one file, when it is first asked for.
fn site_that_makes(shards: ShardWidth, file: &str, accel: &str) -> Site {
    let mut site = Site::prepare(shards);
    let data_dir = site.settings.paths.data_dir.clone();
    let answer = format!("HTTP/1.1 200 OK\nX-Accel-Redirect: /__store/{accel}\n\n");
    let file = file.to_owned();
    site.start_imgd(Box::new(move |_: &Asked| {
        put(&data_dir, file.as_bytes(), "0123456789");
        answer.clone()
    }));
    site.start_nginx();
    site
}

#[test]
fn the_first_answer_equals_all_later_ones() {
    for shards in ShardWidth::ALL {
        let at = shards.shard(ID.parse().unwrap());
        let canonical = |kind: &str, name: &str| {
            (
                format!("/i/{ID}.{name}"),
                format!("{kind}/{at}/{ID}.{name}"),
                format!("{kind}/{at}/{ID}.{name}"),
            )
        };
        let cases = [
            canonical("original", "png"),
            canonical("original", "svg"),
            canonical("derived", "thumb~2.webp"),
            canonical("derived", "w=320,fit=cover.jpg"),
            (
                "/old/a%20%C3%A9.jpg".to_owned(),
                "alias/_/old/a \u{e9}.jpg".to_owned(),
                "alias/_/old/a%20%C3%A9.jpg".to_owned(),
            ),
            (
                "/b.svg".to_owned(),
                "alias/img.example.com/b.svg".to_owned(),
                "alias/img.example.com/b.svg".to_owned(),
            ),
        ];
        for (url, file, accel) in cases {
            let site = site_that_makes(shards, &file, &accel);
            let path = site.settings.paths.data_dir.join(&file);
            let requests = [
                Request::get(&url),
                Request::get(&url).method("HEAD"),
                Request::get(&url).with("Range", "bytes=1-2"),
                Request::get(&url)
                    .with("Range", "bytes=1-2")
                    .with("If-Range", "\"5f5e1000-a\""),
                Request::get(&url).with("If-None-Match", "\"5f5e1000-a\""),
                Request::get(&url).with("Range", "bytes=99-"),
            ];
            for (done, request) in requests.iter().enumerate() {
                let _ = std::fs::remove_file(&path);
                let miss = request.send(site.port).timeless();
                assert_eq!(site.imgd().asked().len(), done + 1, "{url} was no miss");
                let hit = request.send(site.port).timeless();
                assert_eq!(site.imgd().asked().len(), done + 1, "{url} was no hit");
                assert_eq!(miss, hit, "{request:?}");
                assert!([200, 206, 304, 416].contains(&hit.status), "{hit:?}");
            }
        }
    }
}

#[test]
fn a_miss_tells_what_is_wanted_and_nothing_about_who_asks() {
    let site = Site::start(ShardWidth::Three);
    let url = format!("/i/{ID}.w=320,h=240.webp?s=abc&e=1");
    let request = Request::get(&url)
        .host("IMG.example.com:8443")
        .with("Cookie", "session=1")
        .with("Authorization", "Bearer x")
        .with("X-Img-Path", "/forged")
        .with("X-Accel-Redirect", "/__store/x")
        .with("User-Agent", "curl")
        .body("body");
    request.send(site.port);
    request.clone().method("HEAD").send(site.port);
    site.get(b"/a%2Fb/\xd6\xd0.jpg?v=2");
    site.get(&format!("/i/{ID}.thumb.jpg"));

    let asked = site.imgd().asked();
    assert_eq!(asked[0].line, "GET /__miss HTTP/1.1");
    assert_eq!(
        asked[0].names(),
        ["Host", "X-Img-Name", "X-Img-Path", "X-Request-Id"]
    );
    assert_eq!(asked[0].header("Host").unwrap(), "img.example.com");
    assert_eq!(asked[0].header("X-Img-Path").unwrap(), url);
    assert_eq!(
        asked[0].header("X-Img-Name").unwrap(),
        format!("{ID}.w=320,h=240.webp")
    );
    assert_eq!(asked[0].header("X-Request-Id").unwrap().len(), 32);
    assert!(asked[0].body.is_empty());
    assert_eq!(asked[1].line, "HEAD /__miss HTTP/1.1");
    assert_eq!(asked[2].names(), ["Host", "X-Img-Path", "X-Request-Id"]);
    assert!(
        asked[2]
            .headers
            .contains(&("X-Img-Path".to_owned(), b"/a%2Fb/\xd6\xd0.jpg?v=2".to_vec()))
    );
    assert_eq!(
        asked[3].header("X-Img-Name").unwrap(),
        format!("{ID}.thumb.jpg")
    );
}

#[test]
fn what_imgd_answers_without_a_file_reaches_the_client() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.start_imgd(Box::new(|asked: &Asked| {
        match asked.header("X-Img-Path").unwrap().as_str() {
            "/gone.jpg" => "HTTP/1.1 410 Gone\nContent-Type: application/problem+json\nCache-Control: public, max-age=3600\nSet-Cookie: a=b\nX-Content-Type-Options: nosniff\n\n{\"status\":410}".to_owned(),
            "/moved.jpg" => "HTTP/1.1 302 Found\nLocation: /i/x.jpg\nCache-Control: public, max-age=60\n\n".to_owned(),
            "/busy.jpg" => "HTTP/1.1 503 Service Unavailable\nCache-Control: no-store\nRetry-After: 7\n\n".to_owned(),
            "/vanished.jpg" => "HTTP/1.1 200 OK\nX-Accel-Redirect: /__store/alias/_/vanished.jpg\n\n".to_owned(),
            "/climbs.jpg" => "HTTP/1.1 200 OK\nX-Accel-Redirect: /__store/alias/../../catalog.db\n\n".to_owned(),
            "/hidden.jpg" => "HTTP/1.1 200 OK\nX-Accel-Redirect: /__store/alias/_/.hidden\n\n".to_owned(),
            _ => MISSING.to_owned(),
        }
    }));
    site.start_nginx();
    site.put("alias/_/.hidden", "hidden");
    site.put("catalog.db", "secret");

    let gone = site.get("/gone.jpg");
    assert_eq!(
        (gone.status, gone.body.as_slice()),
        (410, b"{\"status\":410}".as_slice())
    );
    assert_eq!(gone.header("Cache-Control"), Some("public, max-age=3600"));
    assert_eq!(gone.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(gone.header("Access-Control-Allow-Origin"), Some("*"));
    assert_eq!(gone.header("Set-Cookie"), None);
    let moved = site.get("/moved.jpg");
    assert_eq!(
        (moved.status, moved.header("Location")),
        (302, Some("/i/x.jpg"))
    );
    let busy = site.get("/busy.jpg");
    assert_eq!((busy.status, busy.header("Retry-After")), (503, Some("7")));
    let absent = site.get("/absent.jpg");
    assert_eq!(
        (absent.status, absent.header("Cache-Control")),
        (404, Some("public, max-age=60"))
    );
    let vanished = site.get("/vanished.jpg");
    assert_eq!(
        (vanished.status, vanished.header("Cache-Control")),
        (503, Some("no-store"))
    );
    assert_eq!(vanished.header("Retry-After"), Some("5"));
    assert_eq!(site.get("/climbs.jpg").status, 404);
    assert_eq!(site.get("/hidden.jpg").status, 503);
}

#[test]
fn without_imgd_a_miss_is_a_clean_503_that_nobody_caches() {
    let site = Site::start(ShardWidth::Three);
    site.imgd().stop();
    let urls = [
        format!("/i/{ID}.jpg"),
        format!("/i/{ID}.thumb.jpg"),
        "/a.jpg".into(),
        "/api/v1/x".into(),
    ];
    for url in urls {
        for method in ["GET", "HEAD"] {
            let answer = Request::get(&url).method(method).send(site.port);
            assert_eq!(answer.status, 503, "{url}");
            assert_eq!(answer.header("Cache-Control"), Some("no-store"));
            assert_eq!(answer.header("Retry-After"), Some("5"));
            assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
            assert_eq!(
                answer.header("Content-Type"),
                Some("application/problem+json")
            );
            if method == "GET" {
                assert_eq!(answer.problem()["code"], "unavailable");
            }
        }
    }
}

#[test]
fn a_slow_imgd_is_given_up_and_comes_back_by_itself() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.miss_timeouts.read = std::time::Duration::from_millis(200);
    let slow = std::sync::Arc::new(AtomicBool::new(true));
    let flag = std::sync::Arc::clone(&slow);
    site.start_imgd(Box::new(move |_: &Asked| {
        if flag.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(600));
        }
        MISSING.to_owned()
    }));
    site.start_nginx();
    assert_eq!(site.get("/a.jpg").status, 503);
    slow.store(false, Ordering::Relaxed);
    assert_eq!(site.get("/a.jpg").status, 404);
}

#[test]
fn a_restart_of_imgd_costs_no_miss() {
    let mut site = Site::start(ShardWidth::Three);
    for _ in 0..5 {
        assert_eq!(site.get("/a.jpg").status, 404);
        site.start_imgd(Box::new(|_| MISSING.to_owned()));
    }
    assert_eq!(site.get("/a.jpg").status, 404);
}

#[test]
fn the_api_gets_the_request_whole_and_is_never_cached() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.api_limits.body_bytes_max = 100;
    site.start_imgd(Box::new(|_: &Asked| {
        "HTTP/1.1 201 Created\nCache-Control: public\nSet-Cookie: a=b\nLocation: /api/v1/images/x\n\nok".to_owned()
    }));
    site.start_nginx();
    let answer = Request::get("/api/v1/images?dry=1")
        .method("POST")
        .with("Authorization", "Bearer x")
        .with("Cookie", "session=1")
        .with("X-Img-Path", "/forged")
        .body("bytes")
        .send(site.port);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("Location"), Some("/api/v1/images/x"));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    assert_eq!(answer.header("Set-Cookie"), Some("a=b"));
    let asked = &site.imgd().asked()[0];
    assert_eq!(asked.line, "POST /api/v1/images?dry=1 HTTP/1.1");
    assert_eq!(asked.body, b"bytes");
    assert_eq!(asked.header("Authorization").unwrap(), "Bearer x");
    assert_eq!(asked.header("X-Forwarded-For").unwrap(), "127.0.0.1");
    for absent in ["Cookie", "X-Img-Path", "X-Img-Name"] {
        assert_eq!(asked.header(absent), None);
    }
    let too_long = "x".repeat(101);
    let refused = Request::get("/api/v1/images")
        .method("POST")
        .body(&too_long)
        .send(site.port);
    assert_eq!(
        (refused.status, refused.header("Cache-Control")),
        (413, Some("no-store"))
    );
    assert_eq!(site.imgd().asked().len(), 1);
}
