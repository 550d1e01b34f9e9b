//! Bodies of every size and speed, whole and broken; answers that come before their end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use img_core::imaging::noise_jpeg;
use serde_json::json;

use crate::api::{Client, expect_problem, new_key, receive};
use crate::api_upload::{check_untouched, staged, usage};
use crate::audit::recorded;
use crate::harness::{Response, Site, init_with_keys, wait_until};
use crate::specimen::png;

const TARGET: &str = "/api/v1/images";
const TYPE: (&str, &str) = ("Content-Type", "application/octet-stream");

/// A site with these lines at the top of `imgctl.toml`, running.
pub(crate) fn start_with_keys(lines: &str) -> Site {
    let mut site = init_with_keys(lines);
    site.start_imgd();
    site.start_nginx();
    site
}

/// In chunks of so many bytes, over and over, and then the last one.
pub(crate) fn chunks(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut chunked = Vec::new();
    let (mut rest, mut sizes) = (body, sizes.iter().cycle());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        chunked.extend(format!("{:x};odd=\"ext\"\r\n", chunk.len()).as_bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
        rest = after;
    }
    chunked.extend(b"0\r\n\r\n");
    chunked
}

/// Sends all of a body, however early the answer comes, and answers it.
///
/// Nothing but a whole answer will do: neither a reset nor silence.
#[track_caller]
fn send_all(client: &Client, target: &str, length: Option<usize>, body: &[u8]) -> Response {
    let stream = client.open("POST", target, &[TYPE], length);
    let mut sender = stream.try_clone().unwrap();
    let body = body.to_owned();
    let sent = thread::spawn(move || sender.write_all(&body));
    let answer = receive(stream);
    // nginx closes when it has lingered, or the client has its answer and closes.
    drop(sent.join().unwrap());
    answer
}

#[test]
fn too_large_is_said_before_a_byte_is_read_or_when_it_is_passed() {
    let site = start_with_keys("limits.bytes_max = 300000");
    let client = Client::with_key(&site, "ingest", None);
    let fits = png(500, 500, 1);
    assert!(fits.len() < 300_000);

    // Announced: no byte of it is sent.
    let stream = client.open("POST", TARGET, &[TYPE], Some(300_001));
    let announced = receive(stream);
    expect_problem(&announced, 413, "limit-bytes");
    let hint = announced.json()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("limits.bytes_max"), "{hint}");
    // Found out on the way; the last chunk never comes.
    let mut stream = client.open("POST", TARGET, &[TYPE], None);
    let body = chunks(&vec![1; 300_001], &[70_000]);
    stream.write_all(&body[..body.len() - 5]).unwrap();
    expect_problem(&receive(stream), 413, "limit-bytes");
    // Larger than nginx takes, with the frame of a form.
    let nginx_max = 300_000 + (1 << 20);
    let stream = client.open("POST", TARGET, &[TYPE], Some(nginx_max + 1));
    expect_problem(&receive(stream), 413, "body-too-large");
    let form = [("Content-Type", "multipart/form-data; boundary=x")];
    let stream = client.open("POST", TARGET, &form, Some(nginx_max + 1));
    expect_problem(&receive(stream), 413, "body-too-large");
    check_untouched(&site, &client);

    assert_eq!(client.upload("", &fits).status, 201);
}

#[test]
fn a_chunked_body_is_the_same_upload_whatever_its_chunks() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    let images = [noise_jpeg(30, 30, 1), noise_jpeg(900, 900, 3)];
    for (bytes, status) in images.iter().zip([201, 201]) {
        let mut expected = status;
        for sizes in [
            &[1, 2, 3, 5_000][..],
            &[bytes.len()],
            &[262_144],
            &[262_143, 1],
            &[16_411],
        ] {
            let mut stream = client.open("POST", TARGET, &[TYPE], None);
            stream.write_all(&chunks(bytes, sizes)).unwrap();
            let answer = receive(stream);
            assert_eq!(answer.status, expected, "{sizes:?}: {answer:?}");
            assert_eq!(answer.json()["bytes"], bytes.len());
            expected = 200;
        }
    }
    // What is no chunk at all.
    for wrong in [
        "x\r\n",
        "-1\r\n",
        "ffffffffffffffffff\r\n",
        "5\r\nabcdefgh\r\n0\r\n\r\n",
    ] {
        let mut stream = client.open("POST", TARGET, &[TYPE], None);
        stream.write_all(wrong.as_bytes()).unwrap();
        let answer = receive(stream);
        assert_eq!(answer.status, 400, "{wrong:?} {answer:?}");
    }
    assert_eq!(recorded(&site).len(), 2);
}

#[test]
fn what_breaks_off_leaves_nothing_behind() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    let (small, large) = (png(8, 8, 1), noise_jpeg(1200, 1200, 1));
    let broken = |length: Option<usize>, part: &[u8], end: Option<Shutdown>| {
        let mut stream = client.open("POST", TARGET, &[TYPE], length);
        stream.write_all(part).unwrap();
        if let Some(end) = end {
            stream.shutdown(end).unwrap();
        }
        stream
    };
    // All of the image is there, but not all that was announced.
    for bytes in [&small, &large] {
        for end in [Shutdown::Write, Shutdown::Both] {
            drop(broken(Some(bytes.len() + 1), bytes, Some(end)));
            drop(broken(
                Some(bytes.len()),
                &bytes[..bytes.len() / 2],
                Some(end),
            ));
            let chunked = chunks(bytes, &[10_000]);
            drop(broken(None, &chunked[..chunked.len() - 5], Some(end)));
            drop(broken(None, &chunked[..chunked.len() / 2], Some(end)));
        }
    }
    // Two that are large hang for a moment, and go.
    let held = broken(Some(large.len()), &large[..large.len() - 1], None);
    wait_until("it is written to staging", || !staged(&site).is_empty());
    drop(held);
    wait_until("nothing is staged", || staged(&site).is_empty());
    check_untouched(&site, &client);

    // More than announced is another request, and none.
    let mut stream = client.open("POST", TARGET, &[TYPE], Some(small.len()));
    stream
        .write_all(&[&small[..], b"and more"].concat())
        .unwrap();
    assert_eq!(receive(stream).status, 201);
    // Less is only a part of an image.
    let mut stream = client.open("POST", TARGET, &[TYPE], Some(small.len() - 3));
    let _ = stream.write_all(&small);
    expect_problem(&receive(stream), 422, "image-truncated");
    assert_eq!(usage(&site, &client), (small.len() as u64, 1));
}

#[test]
fn who_is_too_slow_is_told_so_within_seconds() {
    let site = start_with_keys("api.upload_bytes_per_s_min = 100000\napi.upload_grace_s = 1");
    let client = Client::with_key(&site, "ingest,admin", None);
    let large = noise_jpeg(900, 900, 1);
    let slow = |target: &str, kind, length, part: &[u8]| {
        let mut stream = client.open("POST", target, &[("Content-Type", kind)], length);
        stream.write_all(part).unwrap();
        stream
    };
    let began = Instant::now();
    let form = "multipart/form-data; boundary=x";
    let field = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nab";
    let streams = [
        slow(TARGET, TYPE.1, Some(large.len()), b""),
        slow(TARGET, TYPE.1, Some(large.len()), &large[..100_000]),
        slow(TARGET, TYPE.1, None, &chunks(&large, &[1000])[..10_000]),
        slow(TARGET, form, Some(1000), b"--x\r\nContent-Dis"),
        slow(TARGET, form, Some(1000), field),
        slow("/api/v1/tickets", "application/json", Some(100), b"{"),
    ];
    for stream in streams {
        expect_problem(&receive(stream), 408, "body-too-slow");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    // Someone without a name cannot hold a place either.
    let nobody = Client::without_key(&site);
    let json = [("Content-Type", "application/json")];
    let mut stream = nobody.open("POST", "/api/v1/session", &json, Some(100));
    stream.write_all(b"{").unwrap();
    expect_problem(&receive(stream), 408, "body-too-slow");
    check_untouched(&site, &client);

    // As fast as one must be, in small pieces, for longer than the grace.
    let mut stream = client.open("POST", TARGET, &[TYPE], Some(large.len()));
    for piece in large.chunks(15_000) {
        stream.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(receive(stream).status, 201);
}

/// 5 MB in each way, many times: the same early answer each time.
#[track_caller]
fn check_early(client: &Client, target: &str, expected: (u16, &str)) {
    let body = vec![0x55; 5_000_000];
    let chunked = chunks(&body, &[65_536, 1_000, 300_000]);
    for round in 0..30 {
        // Who sends first and reads then is answered like who does both at once.
        let announced = match round % 2 {
            0 => client.send("POST", target, &[TYPE], &body),
            _ => send_all(client, target, Some(body.len()), &body),
        };
        let found_out = send_all(client, target, None, &chunked);
        for answer in [announced, found_out] {
            assert_eq!(answer.status, expected.0, "round {round}: {answer:?}");
            expect_problem(&answer, expected.0, expected.1);
        }
    }
}

#[test]
fn whoever_still_sends_gets_the_early_answer_401() {
    let site = Site::start();
    check_early(&Client::without_key(&site), TARGET, (401, "key-missing"));
}

#[test]
fn whoever_still_sends_gets_the_early_answer_403() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", Some("/shop/"));
    check_early(
        &client,
        "/api/v1/images?alias=/x.jpg",
        (403, "outside-prefix"),
    );
}

#[test]
fn whoever_still_sends_gets_the_early_answer_413() {
    let mut site = Site::init();
    let text = site
        .config_text()
        .replace("[nginx]", "[nginx]\napi_body_bytes_max = 9000000");
    site.write_config(&format!("limits.bytes_max = 1000000\n{text}"));
    site.start_imgd();
    site.start_nginx();
    let client = Client::with_key(&site, "ingest", None);
    check_early(&client, TARGET, (413, "limit-bytes"));
    assert_eq!(staged(&site).len(), 0);
}

#[test]
fn whoever_still_sends_gets_the_early_answer_429() {
    let site = Site::start();
    let mut key = new_key("ingest", None);
    key.rate_per_min = Some(1);
    let client = Client::with_new_key(&site, key);
    assert_eq!(client.upload("", &png(8, 8, 1)).status, 201);
    let answer = client.upload("", &png(8, 8, 1));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{answer:?}");
    // Until the minute is over.
    check_early(&client, TARGET, (429, "rate-limited"));
}

#[test]
fn a_connection_goes_on_after_an_early_answer_only_if_nothing_is_lost() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    // Two requests on one connection to nginx: the first is refused with its body already on the way.
    let bad = json!({"ids": "x".repeat(2000)}).to_string();
    let token = client.token.as_ref().unwrap();
    let image = png(8, 8, 1);
    let head = |body: &[u8], kind: &str, more: &str| {
        format!(
            "POST {TARGET} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
    };
    for _ in 0..10 {
        let mut stream = TcpStream::connect(("127.0.0.1", site.port())).unwrap();
        let first = head(bad.as_bytes(), "application/json", "");
        stream
            .write_all(&[first.as_bytes(), bad.as_bytes()].concat())
            .unwrap();
        let second = head(&image, TYPE.1, "Connection: close\r\n");
        let _ = stream.write_all(&[second.as_bytes(), &image].concat());
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        let answers = String::from_utf8_lossy(&answers);
        assert!(answers.starts_with("HTTP/1.1 415"), "{answers}");
        // nginx may close; it may not take one body for another.
        let second = answers.matches("HTTP/1.1 ").count() - 1;
        assert_eq!(second, answers.matches("HTTP/1.1 20").count(), "{answers}");
    }
}
