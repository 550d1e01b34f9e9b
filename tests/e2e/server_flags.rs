//! `--server` and its key, before anything is sent: where a key may go, and who may read it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Site, free_port};

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
        use std::io::{Read, Write};
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
