//! Lists: every image once, whatever the page; filters together; cursors as they were given.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::beside::{image, take_in};
use crate::harness::{Site, sample};

const IMAGES: u16 = 250;

/// Two hundred and fifty images below `/all/`, every third with a tag.
fn filled() -> (Site, Client, BTreeSet<String>) {
    let mut site = Site::init();
    let dir = site.inbox();
    for seed in 0..IMAGES {
        fs::write(dir.join(format!("{seed:03}.jpg")), image(seed)).unwrap();
    }
    let (lines, code) =
        site.imgctl_json(["ingest", "--alias-prefix", "all", dir.to_str().unwrap()]);
    assert_eq!(code, 0, "{:?}", lines.last());
    site.start_imgd();
    site.start_nginx();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let ids = lines.iter().filter_map(|line| line["id"].as_str());
    let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
    assert_eq!(ids.len(), usize::from(IMAGES));
    for id in ids.iter().step_by(3) {
        let target = format!("/api/v1/images/{id}/tags");
        let tagged = client.json("PATCH", &target, &json!({"add": ["third", "été"]}));
        assert_eq!(tagged.status, 200, "{tagged:?}");
    }
    (site, client, ids)
}

/// All pages of a list: the images, and how many pages there were.
#[track_caller]
fn walk(client: &Client, query: &str) -> (Vec<Value>, usize) {
    let (mut images, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let answer = client.get(&format!("/api/v1/images?{query}{cursor}"));
        assert_eq!(answer.status, 200, "{query}{cursor}: {answer:?}");
        let mut page = answer.json();
        images.extend(page["images"].as_array().unwrap().iter().cloned());
        pages += 1;
        assert!(pages <= 100, "no end");
        match page["next"].take() {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return (images, pages),
        }
    }
}

fn ids_of(images: &[Value]) -> Vec<String> {
    let ids = images.iter().map(|image| image["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

#[test]
fn every_order_visits_each_image_once() {
    let (_site, client, ids) = filled();
    let third: BTreeSet<String> = ids.iter().step_by(3).cloned().collect();
    for (query, expected) in [
        ("limit=7", &ids),
        ("limit=7&alias_prefix=/all/", &ids),
        ("limit=7&alias_prefix=all", &ids),
        ("limit=7&tag=third", &third),
        ("limit=7&tag=%C3%A9t%C3%A9", &third),
        ("limit=7&tag=third&alias_prefix=/all/", &third),
        ("limit=7&type=jpg", &ids),
    ] {
        let (images, pages) = walk(&client, query);
        let visited = ids_of(&images);
        assert_eq!(visited.len(), expected.len(), "{query}");
        assert_eq!(
            visited.into_iter().collect::<BTreeSet<_>>(),
            *expected,
            "{query}"
        );
        assert!(pages >= expected.len() / 7, "{query}: {pages}");
        let by_name: Vec<&str> = images
            .iter()
            .filter_map(|it| it["alias"].as_str())
            .collect();
        assert!(by_name.is_sorted(), "{query}");
    }
    let (tagged, _) = walk(&client, "limit=1000&tag=third");
    assert!(ids_of(&tagged).is_sorted());
    let (newest, _) = walk(&client, "limit=7");
    let times: Vec<&str> = newest
        .iter()
        .map(|it| it["ingested_at"].as_str().unwrap())
        .collect();
    assert!(times.iter().rev().is_sorted());
    assert_eq!(walk(&client, "limit=1000").1, 1);
    // What comes while one reads does not make others come twice.
    let page = client.get("/api/v1/images?limit=100").json();
    take_in(&client, "", &image(999));
    let next = page["next"].as_str().unwrap();
    let (rest, _) = walk(&client, &format!("limit=1000&cursor={next}"));
    let seen = ids_of(page["images"].as_array().unwrap());
    let all: BTreeSet<String> = seen.into_iter().chain(ids_of(&rest)).collect();
    assert_eq!((all, rest.len()), (ids, usize::from(IMAGES) - 100));
}

#[test]
fn filters_count_together() {
    filter(&Site::start());
}

pub(crate) fn filter(site: &Site) {
    let client = Client::with_key(site, "read,ingest,alias", None);
    let sunset = take_in(
        &client,
        "?tags=sea,evening&alias=/shop/a.jpg",
        &sample("sunset.jpg"),
    );
    let waves = take_in(
        &client,
        "?tags=sea&alias=/shop/b.webp&alias_host=img.example",
        &sample("waves.webp"),
    );
    let wheel = take_in(
        &client,
        "?tags=evening&alias=/shop/c.png",
        &sample("wheel.png"),
    );
    let bytes = sample("sunset.jpg").len();
    let found = |query: &str| {
        let ids: BTreeSet<String> = ids_of(&walk(&client, query).0).into_iter().collect();
        ids
    };
    let set = |ids: &[&String]| -> BTreeSet<String> { ids.iter().copied().cloned().collect() };
    for (query, expected) in [
        ("tag=sea".to_owned(), set(&[&sunset, &waves])),
        ("tag=sea&type=webp".to_owned(), set(&[&waves])),
        ("tag=sea&type=png".to_owned(), set(&[])),
        ("alias_prefix=/shop/".to_owned(), set(&[&sunset, &wheel])),
        ("alias_prefix=/shop/&tag=sea".to_owned(), set(&[&sunset])),
        (
            "alias_prefix=/shop/&alias_host=IMG.example".to_owned(),
            set(&[&waves]),
        ),
        (
            "alias_prefix=/shop/&alias_host=b.example".to_owned(),
            set(&[]),
        ),
        (
            format!("bytes_min={bytes}&bytes_max={bytes}"),
            set(&[&sunset]),
        ),
        (format!("bytes_min={}&type=jpg", bytes + 1), set(&[])),
        (
            "since=1h&until=2999-01-01".to_owned(),
            set(&[&sunset, &waves, &wheel]),
        ),
        ("until=1h".to_owned(), set(&[])),
        ("since=2999-01-01T00:00:00Z".to_owned(), set(&[])),
        (
            "since=1h&tag=evening&type=jpg&alias_prefix=shop&bytes_min=1".to_owned(),
            set(&[&sunset]),
        ),
        (
            "bytes_max=18446744073709551615&bytes_min=0".to_owned(),
            set(&[&sunset, &waves, &wheel]),
        ),
    ] {
        assert_eq!(found(&query), expected, "{query}");
    }
}

#[test]
fn what_is_no_list_is_refused() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,admin", None);
    for seed in 0..3 {
        take_in(&client, "?tags=x", &image(seed));
    }
    for (query, code) in [
        ("limit=0", "value-invalid"),
        ("limit=1001", "value-invalid"),
        ("limit=-1", "query-invalid"),
        ("limit=ten", "query-invalid"),
        ("limit=4294967296", "query-invalid"),
        ("limit=1&limit=2", "query-invalid"),
        ("page=2", "query-invalid"),
        ("Limit=2", "query-invalid"),
        ("type=exe", "value-invalid"),
        ("type=image/jpeg", "value-invalid"),
        ("tag=", "value-invalid"),
        ("tag=a%2Cb", "value-invalid"),
        ("tag=a%00b", "value-invalid"),
        ("bytes_min=-1", "query-invalid"),
        ("since=yesterday", "value-invalid"),
        ("until=2026-02-30", "value-invalid"),
        ("since=9223372036854775807w", "value-invalid"),
        ("alias_prefix=..", "value-invalid"),
        ("alias_prefix=/i/", "value-invalid"),
        ("alias_host=img.example", "value-invalid"),
        ("alias_prefix=/a/&alias_host=../x", "alias-invalid"),
        ("cursor=", "cursor-invalid"),
        ("cursor=AAAA", "cursor-invalid"),
        ("cursor=%00", "cursor-invalid"),
    ] {
        let answer = client.get(&format!("/api/v1/images?{query}"));
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        expect_problem(&answer, 400, code);
    }
    for list in ["audit", "tickets", "blocks"] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=x",
            "cursor=AAAA",
            "what=1",
        ] {
            let answer = client.get(&format!("/api/v1/{list}?{query}"));
            assert_eq!(answer.status, 400, "{list}?{query}: {answer:?}");
        }
    }
}

#[test]
fn a_cursor_is_of_one_list_and_as_it_was_given() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest", None);
    for seed in 0..3 {
        take_in(&client, "?tags=x", &image(seed));
    }
    for query in ["limit=1", "limit=1&tag=x", "limit=1&type=jpg"] {
        let next = client.get(&format!("/api/v1/images?{query}")).json()["next"].take();
        let next = next.as_str().unwrap();
        for other in [
            "limit=1&bytes_min=1",
            "limit=1&tag=y",
            "limit=1&type=png",
            "limit=1&since=1h",
        ] {
            let answer = client.get(&format!("/api/v1/images?{other}&cursor={next}"));
            expect_problem(&answer, 400, "cursor-invalid");
        }
        for at in 0..next.len() {
            let mut altered = next.as_bytes().to_vec();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let answer = client.get(&format!("/api/v1/images?{query}&cursor={altered}"));
            expect_problem(&answer, 400, "cursor-invalid");
        }
        for cut in 1..next.len() {
            let cut = next.get(..cut).unwrap();
            let answer = client.get(&format!("/api/v1/images?{query}&cursor={cut}"));
            expect_problem(&answer, 400, "cursor-invalid");
        }
    }
}
