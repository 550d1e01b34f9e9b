//! `--server` and its key, before anything is sent: where a key may go, and who may read it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use img_core::imaging::noise_jpeg;
use img_test_port::free_port;
use serde_json::{Value, json};

use crate::harness::Site;
use crate::specimen::{LATITUDE, MAKER, camera_exif, contains, jpeg_with_exif};

fn key_file(site: &Site, mode: u32) -> PathBuf {
    let path = site.inbox().join("key");
    let token = format!("imgk_{}_{}\n", "0".repeat(16), "a".repeat(64));
    fs::write(&path, token).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    path
}

fn fault(site: &Site, args: &[&str]) -> (Value, String, i32) {
    let (lines, code) = site.imgctl_json(args);
    let error = &lines[0]["error"];
    (error["code"].clone(), error.to_string(), code)
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let site = Site::init();
    for mode in [0o640, 0o604, 0o644] {
        let file = key_file(&site, mode);
        let file = file.to_str().unwrap();
        let args = [
            "--server",
            "https://127.0.0.1:1",
            "--key-file",
            file,
            "status",
        ];
        let (error, text, code) = fault(&site, &args);
        assert_eq!((error, code), (json!("key-file-open"), 1));
        assert!(text.contains(&format!("chmod 600 {file}")), "{text}");
    }
    let file = key_file(&site, 0o600);
    fs::write(&file, "not-a-key-but-secret").unwrap();
    let args = [
        "--server",
        "https://127.0.0.1:1",
        "--key-file",
        file.to_str().unwrap(),
        "status",
    ];
    let (error, text, code) = fault(&site, &args);
    assert_eq!((error, code), (json!("key-file-invalid"), 1));
    assert!(!text.contains("not-a-key"), "{text}");
}

#[test]
fn a_key_is_sent_nowhere_in_the_clear_but_to_this_machine() {
    let site = Site::init();
    let file = key_file(&site, 0o600);
    let file = file.to_str().unwrap();
    for url in [
        "http://img.example.com",
        "http://192.0.2.1",
        "http://127.0.0.1.example.com",
        "https://key@img.example.com",
        "https://img.example.com/?key=x",
        "img.example.com",
        "file:///etc/passwd",
        "",
    ] {
        let (error, text, code) = fault(&site, &["--server", url, "--key-file", file, "status"]);
        assert_eq!((error, code), (json!("usage"), 2), "{url}: {text}");
    }
    let (error, _, code) = fault(&site, &["--server", "https://img.example.com", "status"]);
    assert_eq!((error, code), (json!("usage"), 2));
}

#[test]
fn what_belongs_to_the_machine_says_so() {
    let site = Site::init();
    for args in [
        &["up"][..],
        &["init"],
        &["nginx", "check"],
        &["schema", "status"],
        &["doctor"],
        &["sign", "x", "w=1", "jpg"],
        &["user", "list"],
    ] {
        let (error, text, code) = fault(&site, &[&["--server", "https://x"], args].concat());
        assert_eq!((error, code), (json!("usage"), 2), "{args:?}");
        assert!(text.contains("on the machine of the origin only"), "{text}");
    }
}

#[test]
fn a_server_that_does_not_speak_the_api_is_told_from_one_that_is_down() {
    let site = Site::init();
    let file = key_file(&site, 0o600);
    let file = file.to_str().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let len = stream.read(&mut head).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-request-id: r17\r\n\r\nhello";
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&head[..len]).into_owned()
    });

    let (error, text, code) = fault(&site, &["--server", &url, "--key-file", file, "status"]);

    assert_eq!((error, code), (json!("server-answer"), 15), "{text}");
    assert!(text.contains("\"request_id\":\"r17\""), "{text}");
    let head = serving.join().unwrap();
    assert!(
        head.starts_with("GET /api/v1/status HTTP/1.1\r\n"),
        "{head}"
    );
    let head = head.to_lowercase();
    assert!(head.contains("authorization: bearer imgk_"), "{head}");
    let mut command = site.command(["--json", "--server"]);
    command.arg(format!("http://127.0.0.1:{}", free_port()));
    // Tries for a while.
    let output = command
        .args(["--key-file", file, "status"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(15), "{output:?}");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        said.contains("server-unreachable") && !said.contains("imgk_"),
        "{said}"
    );
}

/// A request's head and body.
fn read_request(stream: &mut BufReader<TcpStream>) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let len = lengths.next().map_or(0, |(_, len)| len.parse().unwrap());
    let mut body = vec![0; len];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn the_place_of_a_photo_and_what_is_no_image_never_leave_the_machine() {
    let site = Site::init();
    let file = key_file(&site, 0o600);
    let photos = site.inbox().join("photos");
    fs::create_dir(&photos).unwrap();
    let photo = jpeg_with_exif(&noise_jpeg(40, 24, 5), &camera_exif(6));
    assert!(contains(&photo, LATITUDE));
    fs::write(photos.join("photo.jpg"), photo).unwrap();
    fs::write(photos.join("notes.txt"), "secret plans").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let answers = [
            ("200 OK", "application/json", r#"{"known":[]}"#),
            (
                "415 No",
                "application/problem+json",
                r#"{"status":415,"code":"type-refused"}"#,
            ),
        ];
        answers.map(|(status, media, body)| {
            let request = read_request(&mut reader);
            let len = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {len}");
            (&stream)
                .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
                .unwrap();
            request
        })
    });

    let args = [
        "--server",
        &url,
        "--key-file",
        file.to_str().unwrap(),
        "ingest",
    ];
    let (lines, code) = site.imgctl_json([&args[..], &[photos.to_str().unwrap()]].concat());

    assert_eq!(code, 3, "{lines:?}");
    let [(asked, ids), (sent, body)] = serving.join().unwrap();
    assert!(
        asked.starts_with("POST /api/v1/images/lookup HTTP/1.1\r\n"),
        "{asked}"
    );
    let ids: Value = serde_json::from_slice(&ids).unwrap();
    let id = img_core::model::image_id::ImageId::of(&body).to_string();
    assert_eq!(ids, json!({"ids": [id]}));
    assert!(
        sent.starts_with("POST /api/v1/images?metadata=strip-gps&modified="),
        "{sent}"
    );
    assert!(contains(&body, MAKER) && !contains(&body, LATITUDE));
    let reasons: Vec<&Value> = lines.iter().map(|line| &line["reason"]).collect();
    assert!(reasons.contains(&&json!("type-refused")), "{lines:?}");
    assert!(reasons.contains(&&json!("not-an-image")), "{lines:?}");
}
