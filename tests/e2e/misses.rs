//! What is not on disk: made, refused, or tried again later, and never cached by mistake.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::harness::{Response, Site, sample, wait_until};

#[track_caller]
fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(response.json()["code"], code, "{response:?}");
    assert_eq!(response.json()["status"], status);
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    let ttl = if status == 404 {
        "public, max-age=60"
    } else {
        "no-store"
    };
    assert_eq!(response.header("cache-control"), Some(ttl));
    assert_eq!(response.header("etag"), None);
}

/// An image whose structure is sound and whose pixels are not: garbage where deflated data should be, with a checksum.
fn corrupt_png() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let checked = [&kind[..], data].concat();
        let len = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&len[..], &checked, &crc32(&checked).to_be_bytes()].concat()
    };
    let header = [0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0];
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &[0x55; 400]),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// CRC-32 of PNG (ISO/IEC 15948, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// The boxes of a HEIF file of 24×16 px, without a picture.
fn heif(brand: [u8; 4]) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], data: &[u8]| {
        let len = u32::try_from(data.len() + 8).unwrap().to_be_bytes();
        [&len[..], kind, data].concat()
    };
    let size = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 16]);
    let properties = boxed(b"iprp", &boxed(b"ipco", &size));
    [
        boxed(b"ftyp", &[&brand[..], &[0; 4], b"mif1"].concat()),
        boxed(b"meta", &[&[0; 4][..], &properties].concat()),
        boxed(b"mdat", &[1, 2, 3, 4]),
    ]
    .concat()
}

#[test]
fn what_nobody_can_make_is_not_found_for_a_minute() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let unknown = "0".repeat(40);
    for (name, code) in [
        (format!("{unknown}.jpg"), "unknown-image"),
        (format!("{unknown}.thumb~1.webp"), "unknown-image"),
        (format!("{id}.png"), "other-type"),
        (format!("{id}.nope~1.webp"), "unknown-preset"),
        (format!("{id}.nope.webp"), "unknown-preset"),
        (format!("{id}.thumb~2.webp"), "unknown-preset"),
        (format!("{id}.thumb~1.png"), "format-not-made"),
        (format!("{id}.thumb.png"), "format-not-made"),
    ] {
        let absent = site.get(&format!("/i/{name}"));
        assert_problem(&absent, 404, code);
        assert_eq!(site.request("HEAD", &format!("/i/{name}"), &[]).status, 404);
    }
    // What asks for things that are not there must leave nothing behind.
    assert_eq!(site.imgctl_json(["status"]).0[0]["derivatives"], 0);
}

#[test]
fn a_changed_preset_gets_a_new_url_and_the_old_one_goes_on() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let other = site.ingest_sample("wheel.png");
    let latest = |site: &Site| {
        let answer = site.get(&format!("/i/{id}.thumb.webp"));
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
        answer.header("location").unwrap().to_owned()
    };
    let old = site.get(&format!("/i/{id}.thumb~1.webp"));
    assert_eq!(latest(&site), format!("/i/{id}.thumb~1.webp"));

    site.write_config(&site.config_text().replace("width = 120", "width = 100"));
    site.stop_imgd();
    site.start_imgd();

    assert_eq!(latest(&site), format!("/i/{id}.thumb~2.webp"));
    let new = site.get(&latest(&site));
    assert_eq!((new.status, old.status), (200, 200));
    assert_ne!(new.body, old.body);
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")), old);
    // Also where the old one has still to be made, and by its own definition.
    fs::remove_dir_all(site.data().join("derived")).unwrap();
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")), old);
    assert_eq!(site.get(&format!("/i/{other}.thumb~1.webp")).status, 200);
    assert_eq!(site.get(&format!("/i/{other}.thumb~3.webp")).status, 404);
}

#[test]
fn a_broken_image_is_tried_once_and_disturbs_no_other() {
    let mut site = Site::init_with("[derive]\nfailure_ttl_s = 3\n");
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let broken = site.ingest("broken.png", &corrupt_png());
    let sound = site.ingest_sample("wheel.png");
    let url = format!("/i/{broken}.thumb~1.webp");
    let attempts = || imgd.logged(&format!("deriving thumb~1.webp of {broken}"));

    let first = site.get(&url);

    assert_problem(&first, 422, "image-corrupt");
    for _ in 0..5 {
        let again = site.get(&url);
        assert_problem(&again, 422, "image-corrupt");
        assert!(again.header("retry-after").is_some(), "{again:?}");
        assert_eq!(again.json()["detail"], first.json()["detail"]);
    }
    assert_eq!(attempts(), 1, "{}", imgd.log());
    assert_eq!(site.imgctl_json(["status"]).0[0]["failures"], 1);
    assert_eq!(site.get(&format!("/i/{sound}.thumb~1.webp")).status, 200);
    assert_eq!(site.get(&format!("/i/{broken}.png")).body, corrupt_png());

    thread::sleep(Duration::from_millis(3100));
    assert_problem(&site.get(&url), 422, "image-corrupt");
    assert_eq!(attempts(), 2, "{}", imgd.log());
}

#[test]
fn a_type_without_decoder_is_served_as_it_is_and_not_resized() {
    let site = Site::start();
    let bytes = heif(*b"heic");
    let id = site.ingest("a.heic", &bytes);

    let original = site.get(&format!("/i/{id}.heic"));
    let thumb = site.get(&format!("/i/{id}.thumb~1.webp"));

    assert_eq!(original.body, bytes);
    assert_eq!(original.header("content-type"), Some("image/heic"));
    assert_problem(&thumb, 422, "no-decoder");
}

#[test]
fn a_full_queue_asks_to_come_back_and_then_makes_everything() {
    let mut site = Site::init_with("[derive]\nqueue_max = 0\nworkers = 1\n");
    site.start_imgd();
    site.start_nginx();
    let id = site.ingest("noise.jpg", &img_core::imaging::noise_jpeg(1200, 900, 1));
    let mut urls = Vec::new();
    for width in 200..208 {
        let printed = site.imgctl_ok(["sign", &id, &format!("w={width}"), "webp"]);
        let path = printed.find("/i/").unwrap();
        urls.push(printed.trim()[path..].to_owned());
    }
    let get_all = || -> Vec<Response> {
        thread::scope(|scope| {
            let asked: Vec<_> = urls
                .iter()
                .map(|url| scope.spawn(|| site.get(url)))
                .collect();
            asked
                .into_iter()
                .map(|asked| asked.join().unwrap())
                .collect()
        })
    };

    let first = get_all();

    let refused: Vec<&Response> = first.iter().filter(|answer| answer.status != 200).collect();
    assert!((1..first.len()).contains(&refused.len()), "{first:?}");
    for answer in refused {
        assert_problem(answer, 503, "busy");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while get_all().iter().any(|answer| answer.status != 200) {
        assert!(Instant::now() < deadline, "it stays busy");
    }
}

#[test]
fn derivatives_that_were_removed_are_made_again_while_requests_flow() {
    let site = Site::start();
    let ids = ["sunset.jpg", "wheel.png", "waves.webp"].map(|name| site.ingest_sample(name));
    let urls: Vec<String> = ids
        .iter()
        .flat_map(|id| ["webp", "jpg"].map(|format| format!("/i/{id}.thumb~1.{format}")))
        .collect();
    let known: Vec<Response> = urls.iter().map(|url| site.get(url)).collect();
    assert!(known.iter().all(|answer| answer.status == 200));

    thread::scope(|scope| {
        for (url, known) in urls.iter().zip(&known) {
            let site = &site;
            scope.spawn(move || {
                for _ in 0..20 {
                    let answer = site.get(url);
                    // Removed between being made and being sent: "come back", and no word of an image.
                    if answer.status == 503 {
                        assert_eq!(answer.header("cache-control"), Some("no-store"));
                    } else {
                        assert_eq!(answer, *known);
                    }
                }
            });
        }
        for _ in 0..10 {
            // The tree may be growing while it is being removed, as it would with `rm -rf`.
            let _ = fs::remove_dir_all(site.data().join("derived"));
            thread::sleep(Duration::from_millis(30));
        }
    });

    for (url, known) in urls.iter().zip(&known) {
        assert_eq!(site.get(url), *known);
    }
}

#[test]
fn a_derivative_torn_by_power_loss_is_made_again_after_the_restart() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let url = format!("/i/{id}.card~1.webp");
    let path = site
        .data()
        .join(format!("derived/{}/{id}.card~1.webp", &id[..3]));
    let size_on_record = |site: &Site| {
        let (shown, _) = site.imgctl_json(["image", "show", &id]);
        shown[0]["derivatives"][0]["bytes"].clone()
    };
    for torn_len in [0, 100] {
        let whole = loop {
            fs::remove_dir_all(site.data().join("derived")).unwrap();
            let whole = site.get(&url);
            // At once, before it is settled.
            site.kill_imgd();
            assert_eq!(whole.status, 200);
            if size_on_record(&site).is_null() {
                break whole;
            }
            site.start_imgd();
        };
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(torn_len).unwrap();

        site.start_imgd();

        assert_eq!(site.get(&url), whole, "torn to {torn_len} bytes");
        wait_until("it is settled", || {
            size_on_record(&site) == whole.body.len()
        });
    }
    // What was settled stays: a restart costs no work.
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    site.kill_imgd();
    site.start_imgd();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
}

#[test]
fn a_disk_at_its_floor_takes_nothing_new_and_serves_what_there_is() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let thumb = site.get(&format!("/i/{id}.thumb~1.webp"));
    site.stop_imgd();
    let floor = "limits.free_bytes_min = 1";
    let huge = "limits.free_bytes_min = 4000000000000000000";
    site.write_config(&site.config_text().replace(floor, huge));
    site.start_imgd();

    assert_problem(&site.get(&format!("/i/{id}.card~1.webp")), 507, "disk-full");
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")), thumb);
    let path = site.inbox().join("more.webp");
    fs::write(&path, sample("waves.webp")).unwrap();
    let refused = site.imgctl(["ingest".as_ref(), path.as_os_str()]);
    assert!(!refused.status.success(), "{refused:?}");

    site.stop_imgd();
    site.write_config(&site.config_text());
    site.start_imgd();
    assert_eq!(site.get(&format!("/i/{id}.card~1.webp")).status, 200);
}
