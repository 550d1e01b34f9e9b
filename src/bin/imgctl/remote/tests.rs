//! The client against servers that fail in every way.

use std::io::Write;
use std::time::{Duration, Instant};

use img_api::image::UploadOptions;
use img_api::key::{KeyList, KeyRotation};
use img_core::imaging::Piece;
use serde_json::{Value, json};

use super::address::{Address, Insecure};
use super::listener::{Listener, answer, problem};
use super::retry::RetryPolicy;
use super::{RemoteError, Server, Stamp, UploadBody};
use crate::exit::{ExitStatus, Failure};

const TOKEN: &str = "imgk_secret";
const NO_KEYS: &str = r#"{"keys":[]}"#;

fn server(url: &str) -> Server {
    let retry = RetryPolicy {
        attempts_max: 4,
        base: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let address = Address::parse(url, Insecure::Refused).unwrap();
    Server::new(address, TOKEN, retry).unwrap()
}

async fn list(listener: &Listener) -> Result<KeyList, RemoteError> {
    server(&listener.url).get("keys", &()).await
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again() {
    let listener = Listener::start(vec![
        answer(503, "", ""),
        problem(429, "retry-after: 0\r\n", r#"{"status":429,"code":"rate"}"#),
        String::new(),
        answer(200, "", NO_KEYS),
    ]);
    assert_eq!(list(&listener).await.unwrap().keys, []);
    let asked = listener.asked();
    assert_eq!(asked.len(), 4);
    for asked in &asked {
        assert_eq!(asked.line, "GET /api/v1/keys HTTP/1.1");
        assert_eq!(asked.header("authorization"), Some("Bearer imgk_secret"));
    }
    // The one before was kept open.
    assert_eq!(asked[1].connection, asked[0].connection);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let listener = Listener::start(vec![answer(502, "", ""); 9]);
    let error = list(&listener).await.unwrap_err();
    assert_eq!(error.code(), "server-answer");
    assert_eq!(listener.asked().len(), 4);

    let silent = Listener::start(vec![String::new(); 9]);
    let failure = Failure::from(list(&silent).await.unwrap_err());
    assert_eq!(failure.code, "server-unreachable");
    assert_eq!(failure.status, ExitStatus::ServerRefused);
    assert_eq!(silent.asked().len(), 4);
}

#[tokio::test]
async fn a_server_is_not_waited_for_for_an_hour() {
    let listener = Listener::start(vec![answer(503, "retry-after: 3600\r\n", ""); 2]);
    let begun = Instant::now();
    let error = list(&listener).await.unwrap_err();
    assert_eq!(error.code(), "server-busy");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(listener.asked().len(), 1);

    let listener = Listener::start(vec![
        answer(503, "retry-after: 1\r\n", ""),
        answer(200, "", NO_KEYS),
    ]);
    let begun = Instant::now();
    assert!(list(&listener).await.is_ok());
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_refusal_is_told_with_all_it_says_and_not_tried_again() {
    for (status, exit) in [
        (401, ExitStatus::ServerRefused),
        (403, ExitStatus::ServerRefused),
        (500, ExitStatus::ServerRefused),
        (507, ExitStatus::BlobsUnavailable),
        (400, ExitStatus::Usage),
        (404, ExitStatus::Failure),
        (409, ExitStatus::Failure),
        (422, ExitStatus::Failure),
    ] {
        let said = json!({
            "status": status, "code": "the-code", "detail": "the detail", "hint": "the hint",
            "request_id": "r1",
        });
        let listener = Listener::start(vec![problem(status, "", &said.to_string()); 2]);
        let failure = Failure::from(list(&listener).await.unwrap_err());
        let told = (
            failure.code.as_str(),
            failure.message.as_str(),
            failure.status,
        );
        assert_eq!(told, ("the-code", "the detail", exit));
        assert_eq!(failure.hint.as_deref(), Some("the hint"));
        assert_eq!(failure.request_id.as_deref(), Some("r1"));
        assert_eq!(listener.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn answers_of_others_are_not_believed() {
    for said in [
        answer(200, "x-request-id: r2\r\n", "<html>"),
        answer(
            301,
            "location: https://example.com/\r\nx-request-id: r2\r\n",
            "",
        ),
        answer(403, "content-type: text/html\r\nx-request-id: r2\r\n", "{}"),
        problem(403, "x-request-id: r2\r\n", "<html>"),
    ] {
        let listener = Listener::start(vec![said]);
        let failure = Failure::from(list(&listener).await.unwrap_err());
        assert_eq!(failure.code, "server-answer");
        assert_eq!(failure.request_id.as_deref(), Some("r2"));
        assert_eq!(failure.status, ExitStatus::ServerRefused);
    }
}

#[tokio::test]
async fn a_request_that_is_repeated_says_that_it_is_the_same() {
    let listener = Listener::start(vec![
        String::new(),
        problem(409, "retry-after: 0\r\n", r#"{"status":409}"#),
        answer(200, "", "{}"),
        answer(200, "", "{}"),
    ]);
    let server = server(&listener.url);
    for _ in 0..2 {
        let rotation = KeyRotation::default();
        let rotated = server.post::<_, Value>("keys/x/rotate", &rotation);
        assert!(rotated.await.is_ok());
    }
    let asked = listener.asked();
    let tokens: Vec<_> = asked
        .iter()
        .map(|it| it.header("idempotency-key"))
        .collect();
    assert!(tokens[0].is_some_and(|token| token.len() == 32));
    assert_eq!(tokens[..2], [tokens[0]; 2]);
    assert_eq!(tokens[2], tokens[0]);
    assert_ne!(tokens[3], tokens[0]);
}

#[tokio::test]
async fn what_is_gone_after_a_lost_answer_was_removed() {
    let missing = problem(404, "", r#"{"status":404,"code":"unknown-key"}"#);
    let listener = Listener::start(vec![String::new(), missing.clone(), missing]);
    let server = server(&listener.url);
    assert!(server.delete_only("keys/x", &()).await.is_ok());
    let error = server.delete_only("keys/x", &()).await.unwrap_err();
    assert!(error.is_missing());
}

#[tokio::test]
async fn pieces_of_a_file_are_sent_as_often_as_it_takes() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let large = vec![7; 600_000];
    file.write_all(b"0123456789").unwrap();
    file.write_all(&large).unwrap();
    let stamp = Stamp::of(&file.as_file().metadata().unwrap());
    let body = UploadBody::Pieces {
        file: file.path().to_owned(),
        stamp,
        pieces: vec![
            Piece::Keep(2..5),
            Piece::New(b"new".to_vec()),
            Piece::Keep(10..600_010),
        ],
    };
    let options = UploadOptions {
        alias: Some("/shop/a%20b.jpg".to_owned()),
        tags: Some("a b,c".to_owned()),
        ..UploadOptions::default()
    };
    let listener = Listener::start(vec![answer(503, "", ""), answer(201, "", "{}")]);
    // The answer is no image, but the bytes are what counts here.
    let error = server(&listener.url).upload(&body, &options).await;
    assert_eq!(error.unwrap_err().code(), "server-answer");

    let asked = listener.asked();
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        let query = "alias=%2Fshop%2Fa%2520b.jpg&tags=a+b%2Cc";
        assert_eq!(asked.line, format!("POST /api/v1/images?{query} HTTP/1.1"));
        assert_eq!(asked.header("content-length"), Some("600006"));
        assert_eq!(
            asked.header("content-type"),
            Some("application/octet-stream")
        );
        assert_eq!(asked.header("transfer-encoding"), None);
        assert!(asked.body == [b"234new", large.as_slice()].concat());
    }

    file.write_all(b"more").unwrap();
    let listener = Listener::start(vec![answer(201, "", "{}")]);
    let error = server(&listener.url)
        .upload(&body, &options)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "changed-while-read");
    assert!(error.is_of_the_image() && listener.asked().is_empty());
}

#[test]
fn the_key_is_in_no_debug_text() {
    let server = server("https://img.example.com");
    assert!(!format!("{server:?}").contains("secret"));
}

#[test]
fn faults_of_an_image_do_not_end_a_run() {
    let refused = |status, code| {
        let RemoteError::Refused(mut problem) = RemoteError::conflict(code, String::new()) else {
            panic!("a refusal");
        };
        problem.status = status;
        RemoteError::Refused(problem).is_of_the_image()
    };
    for (status, code) in [
        (415, "not-an-image"),
        (413, "limit-bytes"),
        (409, "alias-taken"),
        (403, "blocked"),
        (403, "quota-passed"),
        (503, "scan-unanswered"),
        (500, "panicked"),
        (507, "disk-full"),
    ] {
        assert!(refused(status, code), "{code}");
    }
    for (status, code) in [
        (401, "key-wrong"),
        (403, "verb-missing"),
        (503, "busy"),
        (500, "x"),
    ] {
        assert!(!refused(status, code), "{code}");
    }
}
