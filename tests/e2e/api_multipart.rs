//! Forms, also those that no browser would send.

use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::thread;

use img_core::imaging::noise_jpeg;
use img_core::model::image_id::ImageId;
use serde_json::{Value, json};

use crate::api::{Client, expect_problem, receive};
use crate::api_bodies::chunks;
use crate::api_upload::{check_untouched, staged};
use crate::audit::recorded;
use crate::daemon::Daemon;
use crate::harness::{Response, Site};
use crate::specimen::{camera_exif, jpeg_with_exif, png};

const TARGET: &str = "/api/v1/images";
const TYPE: (&str, &str) = (
    "Content-Type",
    "multipart/form-data; boundary=\"b o.u'n=d\"",
);

/// A part of a form with these parameters of its disposition.
fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--b o.u'n=d\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn field(name: &str, value: &str) -> Vec<u8> {
    part(&format!("name=\"{name}\""), value.as_bytes())
}

fn file(content: &[u8]) -> Vec<u8> {
    part("name=\"file\"; filename=\"a.png\"", content)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--b o.u'n=d--\r\n"].concat()
}

fn post(client: &Client, parts: &[Vec<u8>]) -> Response {
    client.send("POST", TARGET, &[TYPE], &form(parts))
}

/// The most memory that a process has had, in KiB.
pub(crate) fn memory_peak_kib(imgd: &Daemon) -> u64 {
    let pid = imgd.pid().as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

#[test]
fn a_form_may_say_what_is_wished_before_and_after_its_file() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias,admin", None);
    let before = post(
        &client,
        &[
            field("alias", "/a.png"),
            field("tags", "one,two"),
            field("derive", ""),
            file(&png(8, 8, 1)),
            field("modified", "1000000000"),
            field("reason", "as told by the form"),
        ],
    );
    assert_eq!(before.status, 201, "{before:?}");
    assert_eq!(before.json()["tags"], json!(["one", "two"]));
    let modified = site
        .get("/a.png")
        .header("last-modified")
        .map(str::to_owned);
    assert_eq!(modified.as_deref(), Some("Sun, 09 Sep 2001 01:46:40 GMT"));
    let log = client.get("/api/v1/audit?action=image.ingest").json();
    assert_eq!(log["entries"][0]["reason"], "as told by the form", "{log}");

    // Its file is large, has a place to forget, and another name; what it says counts more than the query.
    let photo = jpeg_with_exif(&noise_jpeg(900, 900, 1), &camera_exif(1));
    let parts = [
        part("filename=x; name=photo", &photo),
        field("alias", "/b.jpg"),
        field("metadata", "keep"),
        field("looks", "false"),
    ];
    let target = format!("{TARGET}?alias=/c.jpg");
    let mut stream = client.open("POST", &target, &[TYPE], None);
    stream
        .write_all(&chunks(&form(&parts), &[7, 20_000, 300_000]))
        .unwrap();
    let after = receive(stream);
    assert_eq!(after.status, 201, "{after:?}");
    assert_eq!(after.json()["id"], ImageId::of(&photo).to_string());
    assert_eq!(after.json()["blurhash"], Value::Null);
    assert_eq!(site.get("/b.jpg").body, photo);
    assert_eq!(site.get("/c.jpg").status, 404);
}

#[test]
fn a_form_brings_one_file_and_known_fields() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", None);
    let image = png(8, 8, 1);
    let long = "x".repeat(4097);
    let fields = |count: usize| vec![field("tags", "a"); count];
    let odd = b"--b o.u'n=d\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\n\xff\xfe\r\n"
        .to_vec();
    let nameless = b"--b o.u'n=d\r\nX: y\r\n\r\nvalue\r\n".to_vec();
    let large = vec![file(&noise_jpeg(900, 900, 1)), file(&image)];
    let cases = [
        (vec![], 400, "multipart-no-file"),
        (vec![field("tags", "a")], 400, "multipart-no-file"),
        (vec![file(&image), file(&image)], 400, "multipart-files"),
        (vec![file(&image); 10], 400, "multipart-files"),
        (large, 400, "multipart-files"),
        (vec![file(b"")], 422, "image-empty"),
        (vec![field("file", "no image")], 415, "not-an-image"),
        (vec![file(&image), field("x", "y")], 400, "multipart-field"),
        (vec![nameless, file(&image)], 400, "multipart-field"),
        (vec![odd, file(&image)], 400, "multipart-field"),
        (
            vec![field("tags", &long), file(&image)],
            413,
            "multipart-field",
        ),
        (
            vec![field("looks", "perhaps"), file(&image)],
            400,
            "value-invalid",
        ),
        (
            vec![file(&image), field("alias", "/../x.png")],
            400,
            "alias-invalid",
        ),
        (
            vec![
                file(&image),
                field("alias", "/a.png"),
                field("alias_host", ".."),
            ],
            400,
            "alias-invalid",
        ),
        (
            [vec![file(&image)], fields(1000)].concat(),
            400,
            "multipart-fields",
        ),
        (
            [fields(1000), vec![file(&image)]].concat(),
            400,
            "multipart-fields",
        ),
    ];
    for (number, (parts, status, code)) in cases.into_iter().enumerate() {
        let answer = post(&client, &parts);
        assert_eq!(answer.status, status, "{number}: {answer:?}");
        expect_problem(&answer, status, code);
    }
    // A key for one prefix is held to it by the fields too.
    let shop = Client::with_key(&site, "ingest,alias", Some("/shop/"));
    let outside = post(&shop, &[file(&image), field("alias", "/a.png")]);
    expect_problem(&outside, 403, "outside-prefix");
    check_untouched(&site, &client);
}

#[test]
fn a_form_that_is_none_is_refused_and_leaves_nothing() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    let whole = form(&[field("tags", "a"), file(&png(30, 30, 1))]);
    let send =
        |kind: &str, body: &[u8]| client.send("POST", TARGET, &[("Content-Type", kind)], body);
    let odd = [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=another",
        "multipart/form-data; boundary=\"b o.u'n=\"",
    ];
    for kind in odd {
        let answer = send(kind, &whole);
        assert_eq!(answer.status, 400, "{kind}: {answer:?}");
    }
    expect_problem(
        &send("multipart/mixed; boundary=b", &whole),
        415,
        "content-type",
    );
    let not_ascii = "multipart/form-data; x=\u{e9}; boundary=b";
    expect_problem(&send(not_ascii, &whole), 415, "content-type");
    for end in 0..whole.len() - 2 {
        // Not each byte of the image.
        if (150..whole.len() - 60).contains(&end) && end % 97 != 0 {
            continue;
        }
        let answer = send(TYPE.1, &whole[..end]);
        assert_eq!(answer.status, 400, "{end}: {answer:?}");
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        let codes = ["body-incomplete", "multipart-invalid", "multipart-no-file"];
        assert!(codes.contains(&&*code), "{end}: {code}");
    }
    check_untouched(&site, &client);
    // What stands before the first part and after the last says nothing.
    let framed = [b"preamble\r\n", &whole[..], b"epilogue: \0\xff"].concat();
    assert_eq!(send(TYPE.1, &framed).status, 201);
}

#[test]
fn names_and_headers_of_parts_may_be_odd_but_not_many() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest", None);
    let head = |more: &[u8]| {
        let start = b"--b o.u'n=d\r\nContent-Disposition: form-data; name=\"file\"; filename=\"";
        [&start[..], more, b"\r\n\r\n", &png(8, 8, 1), b"\r\n"].concat()
    };
    let names: [&[u8]; 7] = [
        b"\xff\xfe.png\"",
        b"a\\\"b.png\"",
        b"../../etc/passwd\"",
        b"<script>\"",
        b"\"",
        "\u{590f}.png\"; filename*=UTF-8''%e5%a4%8f.png".as_bytes(),
        b"a;name=tags\"",
    ];
    for name in names {
        let answer = post(&client, &[head(name)]);
        assert!([200, 201].contains(&answer.status), "{name:?}: {answer:?}");
    }
    let many = b"\r\nX: y".repeat(40);
    let long = [b"\r\nX: ", &b"y".repeat(200_000)[..]].concat();
    let bombs: [&[u8]; 5] = [
        b"a\"\r\nno header",
        b"a\"\r\nX: \0",
        b"a",
        &[b"a\"", &many[..]].concat(),
        &[b"a\"", &long[..]].concat(),
    ];
    for (number, bomb) in bombs.iter().enumerate() {
        let answer = post(&client, &[head(bomb)]);
        // A name without its end is no name of a file, and the field is the file all the same.
        let expected: &[u16] = if number == 2 { &[200] } else { &[400] };
        assert!(expected.contains(&answer.status), "{number}: {answer:?}");
    }
    assert_eq!((recorded(&site).len(), staged(&site).len()), (1, 0));
}

/// Sends 64 KiB over and over after `start`, up to a gigabyte, until there is an answer.
fn send_endless(client: &Client, start: &[u8], filler: u8) -> (Response, usize) {
    let stream = client.open("POST", TARGET, &[TYPE], None);
    let mut sender = stream.try_clone().unwrap();
    let start = chunks(start, &[100]);
    let chunk = [b"10000\r\n", &vec![filler; 1 << 16][..], b"\r\n"].concat();
    let sent = thread::spawn(move || {
        sender.write_all(&start[..start.len() - 5]).ok()?;
        let sent = (0..1 << 14).take_while(|_| sender.write_all(&chunk).is_ok());
        Some(sent.count() << 16)
    });
    let answer = receive(stream.try_clone().unwrap());
    // nginx would go on discarding for a while.
    stream.shutdown(Shutdown::Both).unwrap();
    (answer, sent.join().unwrap().unwrap_or_default())
}

#[test]
fn a_field_of_a_gigabyte_is_refused_early_and_takes_no_memory() {
    let mut site = Site::init();
    // nginx would take it.
    let text = site
        .config_text()
        .replace("[nginx]", "[nginx]\napi_body_bytes_max = 2000000000");
    site.write_config(&format!("limits.bytes_max = 1000000\n{text}"));
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let client = Client::with_key(&site, "ingest", None);
    assert_eq!(post(&client, &[file(&png(8, 8, 1))]).status, 201);
    let before = memory_peak_kib(&imgd);

    let cases = [
        (
            "--b o.u'n=d\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\n",
            413,
            "multipart-field",
        ),
        (
            "--b o.u'n=d\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n",
            413,
            "limit-bytes",
        ),
        (
            "--b o.u'n=d\r\nContent-Disposition: form-data; name=\"file",
            400,
            "multipart-invalid",
        ),
        ("--b o.u'n=d\r\n", 400, "multipart-invalid"),
        ("--b o.u'n=d", 400, "multipart-invalid"),
        ("no boundary", 400, "multipart-invalid"),
    ];
    for (start, status, code) in cases {
        for filler in [b'x', b' '] {
            let (answer, sent) = send_endless(&client, start.as_bytes(), filler);
            assert_eq!(answer.status, status, "{start}: {answer:?}");
            // Spaces may follow a boundary.
            let is_padding = start.ends_with("n=d") && filler == b'x';
            if !is_padding {
                expect_problem(&answer, status, code);
            }
            assert!(sent < 100 << 20, "{sent} bytes for {start:?}");
        }
    }
    let grown = memory_peak_kib(&imgd) - before;
    assert!(grown < 20 << 10, "{grown} KiB");
    assert_eq!(staged(&site).len(), 0);
}
