//! Erasing while others work: clients that go away, kills, uploads of the same bytes, derivations.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::api::Client;
use crate::api_erase::{check_consistent, files_of, url};
use crate::beside::{image, take_in};
use crate::harness::{Site, wait_until};

const VERBS: &str = "read,ingest,alias,erase";

#[test]
fn an_erasure_whose_client_goes_away_is_finished() {
    let site = Site::start();
    let client = Client::with_key(&site, VERBS, None);
    let ids: Vec<String> = (0..40)
        .map(|seed| {
            take_in(
                &client,
                &format!("?looks=false&alias=/a/{seed}.jpg"),
                &image(seed),
            )
        })
        .collect();
    for (at, id) in ids.iter().enumerate() {
        let target = if at % 2 == 0 {
            url(id)
        } else {
            format!("/api/v1/aliases?path=/a/{at}.jpg")
        };
        let gone = client.open("DELETE", &target, &[], Some(0));
        thread::sleep(Duration::from_micros(at as u64 * 100));
        drop(gone);
    }
    // Some were done, some never began; none is half done.
    wait_until("what was begun is done", || {
        let record = client.get("/api/v1/images?limit=1000").json();
        let record: BTreeSet<String> = record["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect();
        ids.iter().enumerate().all(|(at, id)| {
            let stands = site.get(&format!("/i/{id}.jpg")).status == 200;
            let named = site.get(&format!("/a/{at}.jpg")).status == 200;
            let alias = client.get(&format!("/api/v1/aliases?path=/a/{at}.jpg"));
            stands == record.contains(id) && named == (alias.status == 200)
        })
    });
    check_consistent(&site);
}

#[test]
fn erasures_cut_short_by_a_kill_are_finished_by_the_next_imgd() {
    let mut site = Site::start();
    let client = Client::with_key(&site, VERBS, None);
    let ids: Vec<String> = (0..100)
        .map(|seed| {
            take_in(
                &client,
                &format!("?looks=false&alias=/a/{seed}.jpg"),
                &image(seed),
            )
        })
        .collect();
    for round in 0..5 {
        let part = &ids[round * 20..][..20];
        let killed = AtomicBool::new(false);
        let erased: Vec<String> = thread::scope(|scope| {
            let workers: Vec<_> = part
                .chunks(5)
                .map(|part| {
                    let (client, killed) = (&client, &killed);
                    scope.spawn(move || {
                        let erase = |id: &&String| {
                            !killed.load(Ordering::Relaxed) && client.delete(&url(id)).status == 200
                        };
                        part.iter().filter(erase).cloned().collect::<Vec<_>>()
                    })
                })
                .collect();
            thread::sleep(Duration::from_millis(10 + 12 * round as u64));
            site.kill_imgd();
            killed.store(true, Ordering::Relaxed);
            let erased = workers.into_iter().flat_map(|it| it.join().unwrap());
            erased.collect()
        });
        site.start_imgd();
        let standing = check_consistent(&site);
        for id in &erased {
            assert!(!standing.contains(id), "{id} was erased");
            assert_eq!(site.get(&format!("/i/{id}.jpg")).status, 410);
        }
    }
}

#[test]
fn erasing_and_uploading_the_same_bytes_end_in_one_or_the_other() {
    let site = Site::start();
    race_uploads(&site);
    check_consistent(&site);
}

pub(crate) fn race_uploads(site: &Site) {
    let client = Client::with_key(site, VERBS, None);
    for round in 0..50 {
        let bytes = image(round % 3);
        let id = take_in(&client, "?looks=false", &bytes);
        let query = format!("?looks=false&alias=/r/{round}.jpg");
        let (erased, uploads) = thread::scope(|scope| {
            let erase = scope.spawn(|| client.delete(&url(&id)));
            let uploads = [&*query, "?looks=false"].map(|query| {
                let (client, bytes) = (&client, &bytes);
                scope.spawn(move || client.upload(query, bytes))
            });
            (erase.join().unwrap(), uploads.map(|it| it.join().unwrap()))
        });
        assert!([200, 410].contains(&erased.status), "{erased:?}");
        for upload in &uploads {
            assert!([200, 201, 503].contains(&upload.status), "{upload:?}");
        }
        let on_record = client.get(&url(&id)).status == 200;
        let file = site.data().join(format!("original/{}/{id}.jpg", &id[..3]));
        assert_eq!(
            fs::read(&file).ok(),
            on_record.then_some(bytes),
            "round {round}"
        );
        let alias = client
            .get(&format!("/api/v1/aliases?path=/r/{round}.jpg"))
            .status
            == 200;
        let served = site.get(&format!("/r/{round}.jpg")).status == 200;
        assert_eq!(alias, served, "round {round}");
    }
}

#[test]
fn no_derivative_outlives_its_image() {
    let site = Site::start();
    race_derivatives(&site);
    check_consistent(&site);
}

pub(crate) fn race_derivatives(site: &Site) {
    let client = Client::with_key(site, VERBS, None);
    for round in 0..12 {
        let id = take_in(&client, "?looks=false", &image(round));
        let ahead = json!({"presets": ["all"]});
        thread::scope(|scope| {
            for preset in ["thumb~1.webp", "card~1.png", "card~1.jpg"] {
                let id = &id;
                scope.spawn(move || {
                    let answer = site.get(&format!("/i/{id}.{preset}"));
                    assert!([200, 410, 500, 503].contains(&answer.status), "{answer:?}");
                });
            }
            scope.spawn(|| client.json("POST", &format!("{}/derivatives", url(&id)), &ahead));
            thread::sleep(Duration::from_millis(u64::from(round)));
            assert_eq!(client.delete(&url(&id)).status, 200);
        });
        let left = files_of(&site.data(), &id, &[]);
        assert!(left.is_empty(), "round {round}: {left:?}");
        for preset in ["thumb~1.webp", "card~1.png", "card~1.jpg"] {
            assert_eq!(site.get(&format!("/i/{id}.{preset}")).status, 410);
        }
    }
}
