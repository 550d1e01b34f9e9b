//! Limits bind misses only, and count the client that a trusted proxy names.

use crate::model::layout::ShardWidth;
use crate::nginx::settings::RealIp;
use crate::nginx::tests::http::Request;
use crate::nginx::tests::site::{ID, MISSING, Site};

#[test]
fn a_client_that_misses_too_often_waits_while_its_hits_go_on() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.miss_limits.rate_per_s = 1;
    site.settings.miss_limits.burst = 3;
    site.settings.real_ip = Some(RealIp {
        header: "X-Forwarded-For".to_owned(),
        trusted: vec!["127.0.0.1".to_owned()],
    });
    site.start_imgd(Box::new(|_| MISSING.to_owned()));
    site.start_nginx();
    site.put(site.original("png"), "image");
    let miss = || {
        Request::get("/absent.jpg")
            .with("X-Forwarded-For", "203.0.113.1")
            .send(site.port)
    };

    let answers: Vec<_> = (0..8).map(|_| miss()).collect();
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert!((3..=5).contains(&refused.len()), "{answers:?}");
    for answer in refused {
        assert_eq!(answer.header("Retry-After"), Some("1"));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        assert_eq!(answer.problem()["code"], "rate-limited");
    }
    for _ in 0..30 {
        let hit = Request::get(&format!("/i/{ID}.png"))
            .with("X-Forwarded-For", "203.0.113.1")
            .send(site.port);
        assert_eq!(hit.status, 200);
    }
    let other = Request::get("/absent.jpg").with("X-Forwarded-For", "203.0.113.2");
    assert_eq!(other.send(site.port).status, 404);
}

#[test]
fn misses_above_the_total_are_turned_away() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.miss_limits.connections = 1;
    site.start_imgd(Box::new(|_| {
        std::thread::sleep(std::time::Duration::from_millis(400));
        MISSING.to_owned()
    }));
    site.start_nginx();
    let port = site.port;
    let first = std::thread::spawn(move || Request::get("/a.jpg").send(port).status);
    std::thread::sleep(std::time::Duration::from_millis(150));
    let second = site.get("/b.jpg");
    assert_eq!(
        (second.status, second.header("Retry-After")),
        (503, Some("5"))
    );
    assert_eq!(first.join().unwrap(), 404);
}
