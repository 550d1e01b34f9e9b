//! `.auto`: the best format that a client names, as the file itself.

use crate::model::layout::ShardWidth;
use crate::model::media::OutputFormat::{self, Avif, Jpeg, Png, Webp};
use crate::nginx::settings::AutoFormats;
use crate::nginx::tests::fake_imgd::Asked;
use crate::nginx::tests::http::{Answer, Request};
use crate::nginx::tests::site::{ID, MISSING, Site, put};

const CHROME: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

fn auto(preset: &str, formats: &[OutputFormat]) -> AutoFormats {
    AutoFormats {
        preset: preset.parse().unwrap(),
        formats: formats.to_vec(),
    }
}

fn site() -> Site {
    let mut site = Site::prepare(ShardWidth::TwoTwo);
    site.settings.auto_formats = vec![
        auto("card", &[Avif, Webp, Jpeg]),
        auto("old", &[Webp, Jpeg]),
        auto("older", &[Png]),
    ];
    site.start_imgd(Box::new(|_| MISSING.to_owned()));
    site.start_nginx();
    site
}

fn get(site: &Site, url: &str, accept: &str) -> Answer {
    Request::get(url).with("Accept", accept).send(site.port)
}

#[test]
fn the_best_format_that_is_accepted_is_served_while_imgd_is_down() {
    let site = site();
    for (name, content) in [
        ("card~1.avif", "avif"),
        ("card~1.webp", "webp"),
        ("card~1.jpg", "jpg"),
        ("old~3.webp", "webp"),
        ("old~3.jpg", "jpg"),
        ("older~1.png", "png"),
    ] {
        site.put(site.derived(name), content);
    }
    site.imgd().stop();
    for (variant, accept, expected) in [
        ("card~1", CHROME, "avif"),
        ("card~1", "image/webp", "webp"),
        ("card~1", "text/html, IMAGE/AVIF ;q=0.5", "avif"),
        ("card~1", "image/avif;q=0, image/webp", "webp"),
        ("card~1", "image/avif;x=1; q=0.000,image/webp;q=0.0", "jpg"),
        ("card~1", "image/avif;q=0.01", "avif"),
        ("card~1", "image/avifs,ximage/webp,image/webp2", "jpg"),
        ("card~1", "image/*,*/*", "jpg"),
        ("card~1", "", "jpg"),
        ("old~3", CHROME, "webp"),
        ("old~3", "*/*", "jpg"),
        ("older~1", CHROME, "png"),
    ] {
        let answer = get(&site, &format!("/i/{ID}.{variant}.auto"), accept);
        assert_eq!(answer.status, 200, "{accept}");
        assert_eq!(String::from_utf8_lossy(&answer.body), expected, "{accept}");
        assert_eq!(answer.header("Vary"), Some("Accept"));

        // But for that, it is the answer to a request for the file.
        let file = get(&site, &format!("/i/{ID}.{variant}.{expected}"), accept);
        assert_eq!(file.header("Vary"), None);
        let mut alike = answer.timeless();
        alike.headers.retain(|(name, _)| name != "Vary");
        assert_eq!(alike, file.timeless());
    }
}

#[test]
fn a_client_without_accept_gets_the_last_format() {
    let site = site();
    site.put(site.derived("card~1.jpg"), "jpg");
    let answer = site.get(&format!("/i/{ID}.card~1.auto"));
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"jpg".as_slice())
    );
    // Escaped, it is the same URL.
    let escaped = site.get(&format!("/i/{ID}.card~1.%61uto"));
    assert_eq!(
        (escaped.status, escaped.header("Vary")),
        (200, Some("Accept"))
    );
}

#[test]
fn conditional_and_head_requests_are_answered_as_for_the_file() {
    let site = site();
    site.put(site.derived("card~1.webp"), "0123456789");
    let url = format!("/i/{ID}.card~1.auto");
    let request = Request::get(&url).with("Accept", "image/webp");

    let head = request.clone().method("HEAD").send(site.port);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("Content-Type"), Some("image/webp"));
    assert_eq!(head.header("Content-Length"), Some("10"));
    assert_eq!(head.header("Vary"), Some("Accept"));
    let same = request
        .clone()
        .with("If-None-Match", head.header("ETag").unwrap())
        .send(site.port);
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(same.header("Vary"), Some("Accept"));
    assert_eq!(
        same.header("Cache-Control"),
        Some("public, max-age=31536000, immutable")
    );
    let part = request.with("Range", "bytes=2-4").send(site.port);
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, b"234".as_slice())
    );
    assert!(site.imgd().asked().is_empty());
    let posted = Request::get(&url).method("POST").send(site.port);
    let to_file = Request::get(&format!("/i/{ID}.card~1.jpg"))
        .method("POST")
        .send(site.port);
    assert_eq!(posted.status, to_file.status);
}

#[test]
fn a_miss_makes_the_chosen_format_and_its_answer_equals_all_later_ones() {
    let mut site = site();
    let data_dir = site.settings.paths.data_dir.clone();
    let file = site.derived("card~1.avif");
    site.start_imgd(Box::new(move |_: &Asked| {
        put(&data_dir, file.as_bytes(), "avif");
        format!("HTTP/1.1 200 OK\nX-Accel-Redirect: /__store/{file}\n\n")
    }));
    let url = format!("/i/{ID}.card~1.auto");

    let miss = get(&site, &url, CHROME);
    let hit = get(&site, &url, CHROME);

    assert_eq!(miss.timeless(), hit.timeless());
    assert_eq!((hit.status, hit.header("Vary")), (200, Some("Accept")));
    let asked = site.imgd().asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].header("X-Img-Name").unwrap(),
        format!("{ID}.card~1.avif")
    );
}

#[test]
fn what_has_no_auto_is_absent_and_asks_nobody() {
    let site = site();
    for name in [
        "gone~1.auto",
        "w=320.auto",
        "card.auto",
        "card~0.auto",
        "auto",
    ] {
        let answer = get(&site, &format!("/i/{ID}.{name}"), CHROME);
        assert_eq!(answer.status, 404, "{name}");
        assert_eq!(
            answer.header("Cache-Control"),
            Some("public, max-age=60"),
            "{name}"
        );
    }
    assert!(site.imgd().asked().is_empty());

    let without = Site::start(ShardWidth::Three);
    without.put(without.derived("card~1.jpg"), "jpg");
    assert_eq!(
        get(&without, &format!("/i/{ID}.card~1.auto"), CHROME).status,
        404
    );
}
