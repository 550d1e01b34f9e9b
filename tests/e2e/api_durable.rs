//! What was answered stands: after kill -9, of two at once, and when the disk is full.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use img_core::imaging::noise_jpeg;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::api::{Client, expect_problem, receive};
use crate::api_bodies::chunks;
use crate::api_flood::{Crowd, lines, runtime};
use crate::api_upload::{staged, usage};
use crate::audit::{check_acknowledged, check_nothing_staged, check_tree, recorded};
use crate::disk_full::{SmallDisk, check_catalog_is_sound, site_without_floor};
use crate::harness::{Response, Site, files_below, init_with_keys};
use crate::specimen::png;

/// Most are small; each tenth is written to staging while it arrives.
fn image(number: u16) -> Vec<u8> {
    match number % 10 {
        0 => png(600 + number / 10, 500, 1),
        _ => png(1 + number % 100, 1 + number / 100, 1),
    }
}

/// Uploads all at once while imgd is killed after `delay`; what was answered well.
fn upload_killed(
    site: &mut Site,
    crowd: &Crowd,
    numbers: Range<u16>,
    delay: Duration,
) -> Vec<Response> {
    let runtime = runtime();
    let images: Vec<_> = numbers.map(|number| (number, image(number))).collect();
    let mut uploads = JoinSet::new();
    for (number, bytes) in images {
        let crowd = crowd.clone();
        let query = format!("?looks=false&alias=/k/{number}.png");
        let upload = async move { crowd.upload(&query, &bytes).await };
        uploads.spawn_on(upload, runtime.handle());
    }
    thread::sleep(delay);
    site.kill_imgd();
    let answers = runtime.block_on(uploads.join_all());
    let is_done = |answer: &Response| [200, 201].contains(&answer.status);
    answers
        .into_iter()
        .filter_map(Result::ok)
        .filter(is_done)
        .collect()
}

#[test]
fn whatever_was_answered_before_imgd_was_killed_is_on_record_and_whole() {
    const ROUNDS: u16 = 10;
    const AT_ONCE: u16 = 200;
    let mut site = init_with_keys("api.uploads_per_key_max = 250");
    site.start_imgd();
    site.start_nginx();
    let client = Client::with_key(&site, "ingest,alias", None);
    let crowd = Crowd::of(&site, &client);
    let (mut acknowledged, mut counts) = (Vec::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        let numbers = round * AT_ONCE..(round + 1) * AT_ONCE;
        let delay = Duration::from_millis(30 + u64::from(round) * 40);
        let answers = upload_killed(&mut site, &crowd, numbers, delay);
        counts.insert(answers.len());
        acknowledged.extend(lines(&answers));
        // As it was left, and as the next imgd makes of it.
        check_acknowledged(&site, &acknowledged);
        site.start_imgd();
        assert_eq!(staged(&site).len(), 0);
    }
    check_acknowledged(&site, &acknowledged);
    // Otherwise the delays missed the work.
    assert!(counts.len() > 2, "{counts:?}");
    let images = recorded(&site);
    assert!(images.len() >= acknowledged.len());
    let bytes: u64 = images
        .values()
        .map(|image| image["bytes"].as_u64().unwrap())
        .sum();
    let (used_bytes, used_images) = usage(&site, &client);
    let over = used_images - images.len() as u64;
    assert!(
        used_bytes >= bytes && over <= u64::from(ROUNDS * AT_ONCE),
        "{used_bytes}, {over}"
    );
    // All of it once more: what is on record is known, the rest is new.
    let answers = runtime().block_on(async {
        let mut uploads = JoinSet::new();
        for number in 0..AT_ONCE {
            let crowd = crowd.clone();
            let query = format!("?looks=false&alias=/k/{number}.png");
            uploads.spawn(async move { crowd.upload(&query, &image(number)).await.unwrap() });
        }
        uploads.join_all().await
    });
    assert!(answers.iter().all(|it| [200, 201].contains(&it.status)));
    check_acknowledged(&site, &lines(&answers));
    site.stop_imgd();
    check_nothing_staged(&site);
}

fn at_once(crowd: &Crowd, uploads: Vec<(String, Vec<u8>)>) -> Vec<Response> {
    runtime().block_on(async {
        let mut set = JoinSet::new();
        for (query, bytes) in uploads {
            let crowd = crowd.clone();
            set.spawn(async move { crowd.upload(&query, &bytes).await.unwrap() });
        }
        set.join_all().await
    })
}

#[test]
fn of_the_same_bytes_at_once_one_is_new_and_one_name_goes_to_one_image() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", None);
    let crowd = Crowd::of(&site, &client);
    for round in 0..10 {
        let bytes = image(round * 10 + u16::from(round % 2 == 0));
        let same = vec![(String::new(), bytes.clone()); 8];
        let answers = at_once(&crowd, same);
        let new = answers.iter().filter(|it| it.status == 201).count();
        let known = answers.iter().filter(|it| it.status == 200).count();
        assert_eq!((new, known), (1, 7), "{answers:?}");

        let different =
            (0..8).map(|seed| (format!("?alias=/r/{round}.png"), png(30 + round, 31, seed)));
        let answers = at_once(&crowd, different.collect());
        let (got, not): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 201);
        assert_eq!((got.len(), not.len()), (1, 7), "{not:?}");
        for refused in &not {
            expect_problem(refused, 409, "alias-taken");
            let text = refused.json().to_string();
            assert!(!text.contains("--alias"), "{text}");
        }
        let named = site.get(&format!("/r/{round}.png"));
        assert_eq!(
            files_below(&site.data().join("alias")).len(),
            usize::from(round) + 1
        );
        assert_eq!(
            named.body.len() as u64,
            got[0].json()["bytes"].as_u64().unwrap()
        );
        check_acknowledged(&site, &lines(&got));
    }
    let images = recorded(&site);
    let bytes: u64 = images
        .values()
        .map(|image| image["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(usage(&site, &client), (bytes, images.len() as u64));
    assert_eq!(staged(&site).len(), 0);
}

#[test]
fn below_the_floor_of_free_space_uploads_are_refused_and_hits_go_on() {
    let mut site = Site::init();
    let id = site.ingest("a.png", &png(8, 8, 9));
    site.start_nginx();
    let client = Client::with_key(&site, "ingest,alias,read", None);
    for key in ["free_bytes_min", "free_inodes_min"] {
        let floor = format!("{key} = 9000000000000000000");
        site.write_config(&site.config_text().replace(&format!("{key} = 1"), &floor));
        site.start_imgd();
        for bytes in [png(8, 8, 1), noise_jpeg(900, 900, 1)] {
            let announced = client.upload("?alias=/b.png", &bytes);
            expect_problem(&announced, 507, "disk-full");
            let mut stream = client.open("POST", "/api/v1/images", &[], None);
            stream.write_all(&chunks(&bytes, &[9999])).unwrap();
            expect_problem(&receive(stream), 507, "disk-full");
        }
        assert_eq!(site.get(&format!("/i/{id}.png")).status, 200);
        let known = client.get(&format!("/api/v1/images/{id}"));
        assert_eq!(known.status, 200, "{known:?}");
        assert_eq!((recorded(&site).len(), staged(&site).len()), (1, 0));
        assert_eq!(files_below(&site.data().join("original")).len(), 1);
        assert_eq!(usage(&site, &client), (0, 0));
        site.stop_imgd();
    }
}

#[test]
fn uploads_that_fill_the_disk_leave_nothing_half_done() {
    let name = "api_durable::uploads_that_fill_the_disk_leave_nothing_half_done";
    SmallDisk::run(name, "size=6m", |disk| {
        let mut site = site_without_floor();
        site.start_imgd();
        site.start_nginx();
        let client = Client::with_key(&site, "ingest,alias", None);
        let mut acknowledged: Vec<Response> = Vec::new();
        let mut refused = 0;
        for seed in 0..200 {
            let side = if seed % 5 == 0 { 900 } else { 130 };
            let bytes = noise_jpeg(side, side, 2 * seed + 1);
            let answer = client.upload(&format!("?looks=false&alias=/d/{seed}.jpg"), &bytes);
            if answer.status == 201 {
                acknowledged.push(answer);
                continue;
            }
            expect_problem(&answer, 507, "disk-full");
            refused += 1;
            if refused > 10 {
                break;
            }
        }
        assert!(refused > 10 && !acknowledged.is_empty());
        assert_eq!(staged(&site).len(), 0);
        let first = acknowledged[0].json()["id"].as_str().unwrap().to_owned();
        assert_eq!(site.get(&format!("/i/{first}.jpg")).status, 200);

        disk.remount("size=64m");
        check_catalog_is_sound(&site);
        let told: Vec<Value> = lines(&acknowledged);
        check_acknowledged(&site, &told);
        let images = recorded(&site);
        assert_eq!(images.len(), told.len());
        let bytes: u64 = images
            .values()
            .map(|image| image["bytes"].as_u64().unwrap())
            .sum();
        // Where not even what was charged could be given back, it stays charged: more is counted than is there.
        let (used_bytes, used_images) = usage(&site, &client);
        assert!(used_bytes >= bytes && used_images <= images.len() as u64 + refused);
        assert_eq!(
            client.upload("?alias=/after.png", &png(8, 8, 1)).status,
            201
        );
        assert!(check_tree(&site.data()).len() >= recorded(&site).len());
    });
}
