//! What is no image, or too much of one: each refused with its reason, and the good ones beside it taken in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use img_core::imaging::noise_jpeg;
use serde_json::{Value, json};

use crate::audit::check_acknowledged;
use crate::harness::{Site, init_with_keys};
use crate::report::Report;
use crate::specimen::{
    gif, heif, jpeg_claiming, jpeg_segment, jpeg_with, png, png_chunk, png_of, png_with, stored,
    webp, webp_canvas, webp_claiming,
};

type Specimens = Vec<(&'static str, Vec<u8>, &'static str)>;

const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' width='3' height='4'><script/></svg>";

fn cut(mut bytes: Vec<u8>, left: usize) -> Vec<u8> {
    bytes.truncate(left);
    bytes
}

fn no_images() -> Specimens {
    vec![
        ("empty.jpg", Vec::new(), "image-empty"),
        ("text.jpg", b"hello\n".to_vec(), "not-an-image"),
        (
            "page.png",
            b"<!doctype html><html></html>".to_vec(),
            "not-an-image",
        ),
        ("elf.gif", b"\x7fELF\x02\x01\x01\0".to_vec(), "not-an-image"),
        ("zip.webp", b"PK\x03\x04\x14\0\0\0".to_vec(), "not-an-image"),
        ("pdf.jpg", b"%PDF-1.7\n".to_vec(), "not-an-image"),
        (
            "movie.heic",
            b"\0\0\0\x14ftypisom\0\0\0\0mp42".to_vec(),
            "not-an-image",
        ),
        ("zeroes.png", vec![0; 5000], "not-an-image"),
        (
            "noise.jpg",
            noise_jpeg(32, 32, 7).split_off(700),
            "not-an-image",
        ),
        ("drawing.svg", SVG.to_vec(), "svg-refused"),
        ("drawing.png", SVG.to_vec(), "svg-refused"),
    ]
}

fn broken() -> Specimens {
    let jpeg = noise_jpeg(64, 64, 1);
    let webp = webp();
    let mut wrong_sum = png(4, 4, 1);
    wrong_sum[29] ^= 1;
    vec![
        ("signature.jpg", cut(jpeg.clone(), 3), "image-truncated"),
        (
            "half.jpg",
            cut(jpeg.clone(), jpeg.len() / 2),
            "image-truncated",
        ),
        (
            "tail.jpg",
            cut(jpeg.clone(), jpeg.len() - 2),
            "image-truncated",
        ),
        ("signature.png", cut(png(9, 9, 1), 8), "image-truncated"),
        ("half.png", cut(png(9, 9, 1), 60), "image-truncated"),
        (
            "tail.png",
            cut(png(9, 9, 1), png(9, 9, 1).len() - 12),
            "image-truncated",
        ),
        ("sum.png", wrong_sum, "image-corrupt"),
        ("no-data.png", png_of(9, 9, &[]), "image-corrupt"),
        (
            "no-side.png",
            png_of(0, 9, &[png_chunk(*b"IDAT", b"")]),
            "image-corrupt",
        ),
        ("half.gif", cut(gif(9, 9, 2), 30), "image-truncated"),
        (
            "tail.gif",
            cut(gif(9, 9, 2), gif(9, 9, 2).len() - 1),
            "image-truncated",
        ),
        ("no-frame.gif", gif(9, 9, 0), "image-corrupt"),
        (
            "half.webp",
            cut(webp.clone(), webp.len() / 2),
            "image-truncated",
        ),
        ("head.webp", cut(webp, 13), "image-truncated"),
    ]
}

/// Each within the limit on bytes, and beyond another one.
fn bombs() -> Specimens {
    let chunk = |kind| png_with(&png(4, 4, 1), &[png_chunk(kind, &vec![b'x'; 5 << 20])]);
    let segments = |marker| {
        let segment = jpeg_segment(marker, &vec![b'x'; 65_000]);
        jpeg_with(&noise_jpeg(16, 16, 1), &vec![segment; 70])
    };
    let data = [png_chunk(*b"IDAT", &stored(&[0; 100]))];
    let frames = |count: u32| {
        let claim = [count.to_be_bytes(), [0; 4]].concat();
        png_with(&png(4, 4, 1), &[png_chunk(*b"acTL", &claim)])
    };
    vec![
        ("wide.png", png_of(60_000, 60_000, &data), "limit-side"),
        ("large.png", png_of(10_000, 10_000, &data), "limit-pixels"),
        ("wide.jpg", jpeg_claiming(60_000, 60_000), "limit-side"),
        ("large.jpg", jpeg_claiming(10_000, 10_000), "limit-pixels"),
        ("wide.gif", gif(60_000, 60_000, 1), "limit-side"),
        ("large.gif", gif(10_000, 10_000, 1), "limit-pixels"),
        ("canvas.webp", webp_canvas(60_000, 60_000), "limit-side"),
        ("large.webp", webp_claiming(16_383, 16_383), "limit-pixels"),
        ("wide.avif", heif(*b"avif", 60_000, 60_000), "limit-side"),
        ("long.gif", gif(10, 10, 10_000), "limit-frames"),
        ("painting.gif", gif(2000, 2000, 30), "limit-frame-pixels"),
        ("long.png", frames(10_000), "limit-frames"),
        ("icc.png", chunk(*b"iCCP"), "limit-metadata"),
        ("text.png", chunk(*b"tEXt"), "limit-metadata"),
        ("exif.png", chunk(*b"eXIf"), "limit-metadata"),
        ("exif.jpg", segments(0xe1), "limit-metadata"),
        ("icc.jpg", segments(0xe2), "limit-metadata"),
        ("comment.jpg", segments(0xfe), "limit-metadata"),
        (
            "heavy.jpg",
            [noise_jpeg(16, 16, 1), vec![0; 41 << 20]].concat(),
            "limit-bytes",
        ),
    ]
}

fn write_all(dir: &Path, specimens: &Specimens) {
    for (name, bytes, _) in specimens {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

#[test]
fn each_bad_file_is_rejected_with_its_reason_and_the_good_ones_are_taken_in() {
    let site = Site::init();
    let inbox = site.inbox();
    let bad: Specimens = [no_images(), broken(), bombs()].concat();
    write_all(&inbox, &bad);
    let good = [
        ("photo.jpg", noise_jpeg(16, 16, 3), "jpg"),
        ("picture.jpg", png(4, 4, 1), "png"),
        ("animation.png", gif(4, 4, 3), "gif"),
        ("no-extension", webp(), "webp"),
    ];
    for (name, bytes, _) in &good {
        fs::write(inbox.join(name), bytes).unwrap();
    }

    let report = Report::ingest(&site, &["--alias-prefix", "x"], &[&inbox]);

    let expected: BTreeMap<&str, &str> = bad.iter().map(|(name, _, why)| (*name, *why)).collect();
    assert_eq!(report.reasons(), expected);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in expected.values() {
        *counts.entry(reason).or_default() += 1;
    }
    assert_eq!(report.summary["rejected_by_reason"], json!(counts));
    assert_eq!((report.code, report.count("new")), (3, good.len()));
    for (name, _, extension) in good {
        // What a file is, its content decides.
        assert_eq!(report.line(name)["type"], extension);
        let id = report.line(name)["id"].as_str().unwrap();
        let stored = site
            .data()
            .join(format!("original/{}/{id}.{extension}", &id[..3]));
        assert!(stored.exists());
    }
    assert_eq!(report.line("animation.png")["frames"], 3);
    check_acknowledged(&site, &report.items);
    every_message_says_what_is_wrong_and_what_helps(&report);
}

fn every_message_says_what_is_wrong_and_what_helps(report: &Report) {
    let rejected = report
        .items
        .iter()
        .filter(|line| line["status"] == "rejected");
    for line in rejected {
        let (reason, message) = (
            line["reason"].as_str().unwrap(),
            line["message"].as_str().unwrap(),
        );
        assert!(!message.is_empty() && !message.contains('\n'), "{line}");
        let hint = line["hint"].as_str().unwrap_or_default();
        if reason.starts_with("limit-") {
            assert!(message.contains("above the limit of"), "{line}");
            assert!(hint.contains("to accept it, set `limits."), "{line}");
        }
        if reason == "image-truncated" {
            assert!(message.contains("ends early"), "{line}");
        }
    }
    let line = report.line("wide.png");
    assert_eq!(
        line["message"],
        "side in pixels 60000 above the limit of 16384"
    );
    assert!(
        report.line("drawing.svg")["hint"]
            .as_str()
            .unwrap()
            .contains("limits.svg = \"accept\"")
    );
}

#[test]
fn a_limit_that_is_raised_lets_in_what_it_kept_out() {
    let bombs = bombs();
    let accepted = |key: &str, value: u64, name: &str| {
        let site = init_with_keys(&format!("limits.{key} = {value}"));
        let (_, bytes, _) = bombs.iter().find(|(known, ..)| *known == name).unwrap();
        fs::write(site.inbox().join(name), bytes).unwrap();
        let report = Report::ingest_ok(&site, &[], &[site.inbox()]);
        assert_eq!(report.count("new"), 1, "{key}");
    };
    accepted("bytes_max", 50 << 20, "heavy.jpg");
    accepted("pixels_max", 100_000_000, "large.png");
    accepted("frames_max", 10_000, "long.gif");
    accepted("frame_pixels_total_max", 120_000_000, "painting.gif");
    accepted("metadata_bytes_max", 6 << 20, "text.png");
}

#[test]
fn a_limit_that_is_lowered_keeps_out_what_it_let_in() {
    let site =
        init_with_keys("limits.bytes_max = 2000\nlimits.side_px_max = 20\nlimits.scans_max = 0");
    let inbox = site.inbox();
    fs::write(inbox.join("heavy.png"), png(10, 200, 1)).unwrap();
    fs::write(inbox.join("long.png"), png(21, 1, 1)).unwrap();
    fs::write(inbox.join("scan.jpg"), noise_jpeg(16, 16, 1)).unwrap();
    fs::write(inbox.join("good.png"), png(20, 20, 1)).unwrap();
    let report = Report::ingest(&site, &[], &[&inbox]);
    let reasons = [
        ("heavy.png", "limit-bytes"),
        ("long.png", "limit-side"),
        ("scan.jpg", "limit-scans"),
    ];
    assert_eq!(report.reasons(), BTreeMap::from(reasons));
    assert_eq!(report.count("new"), 1);
}

#[test]
fn an_image_that_takes_too_much_memory_is_kept_but_not_derived_from() {
    let site = Site::init();
    site.write_config(&format!(
        "derive.memory_bytes_max = 20_000_000\n{}",
        site.config_text()
    ));
    let inbox = site.inbox();
    // 7,000 × 7,000 px are within the limits, and some 200 MB as pixels. There is hardly any data behind the claim.
    fs::write(inbox.join("bomb.webp"), webp_claiming(7000, 7000)).unwrap();
    fs::write(inbox.join("good.png"), png(50, 50, 1)).unwrap();

    let report = Report::ingest(&site, &["--derive", "thumb"], &[&inbox]);

    assert_eq!((report.code, report.count("new")), (3, 2));
    let fault = report.line("bomb.webp")["derive_error"].as_str().unwrap();
    assert!(fault.contains("bytes of memory"), "{fault}");
    assert_eq!(report.line("good.png")["derived"], 2);
    let (lines, code) = site.imgctl_json(["derive", "--preset", "thumb", "--missing"]);
    let faults: Vec<&Value> = lines.iter().map(|line| &line["error"]["code"]).collect();
    assert_eq!(
        (code, faults.contains(&&json!("limit-memory"))),
        (3, true),
        "{lines:?}"
    );
}

#[test]
fn data_that_belies_its_header_ends_in_an_error_not_in_an_answer() {
    let site = Site::start();
    let lying = [
        (
            "short.png",
            png_of(3000, 3000, &[png_chunk(*b"IDAT", &stored(&[0; 100]))]),
        ),
        ("short.jpg", jpeg_claiming(3000, 3000)),
        ("short.webp", webp_claiming(3000, 3000)),
    ];
    for (name, bytes) in lying {
        let id = site.ingest(name, &bytes);
        let answer = site.get(&format!("/i/{id}.card~1.png"));
        // libjpeg and its kin show what there is of a photo; the others refuse.
        let made = answer.status == 200 && answer.header("content-type") == Some("image/png");
        let refused = answer.status == 422 && answer.json()["code"] == "image-corrupt";
        assert!(
            made || refused,
            "{name}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
}

#[test]
fn svg_is_accepted_when_the_configuration_says_so_and_served_in_a_sandbox() {
    let mut site = init_with_keys("limits.svg = \"accept\"");
    fs::write(site.inbox().join("drawing.svg"), SVG).unwrap();
    let report = Report::ingest_ok(&site, &["--alias-prefix", "x"], &[site.inbox()]);
    let line = report.line("drawing.svg");
    assert_eq!(
        (&line["type"], &line["width"], &line["height"]),
        (&json!("svg"), &json!(3), &json!(4))
    );
    site.start_imgd();
    site.start_nginx();
    let original = format!("/i/{}.svg", line["id"].as_str().unwrap());
    for path in [&*original, "/x/drawing.svg"] {
        let answer = site.get(path);
        assert_eq!((answer.status, &*answer.body), (200, SVG), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("sandbox") && policy.contains("default-src 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("image/svg+xml"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
    let derived = site.get(&original.replace(".svg", ".thumb~1.webp"));
    assert_eq!(
        (derived.status, derived.header("content-type")),
        (200, Some("image/webp"))
    );
}
