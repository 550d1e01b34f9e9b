//! Verdicts for each answer, and what is made of them.

use std::io::Write;
use std::path::Path;

use bytes::Bytes;

use super::super::listener::{Script, Server, fetcher};
use super::*;

fn subject<'a>() -> ScanSubject<'a> {
    ScanSubject {
        id: "3fa9",
        media: MediaType::Jpeg,
        size_bytes: 5,
        actor: "shop",
        alias: None,
        body: ScanBody::Bytes(Bytes::from_static(b"image")),
    }
}

fn hook(url: FetchUrl) -> ScanHook {
    ScanHook {
        url,
        timeout: Duration::from_secs(10),
        on_failure: OnFailure::Reject,
    }
}

async fn verdict_after(script: Script) -> Verdict {
    let server = Server::start(script).await;
    hook(server.url()).ask(&fetcher(&[]), &subject()).await
}

async fn check(status: u16, body: &str, expected: &str) {
    let found = match verdict_after(Script::answer(status, body)).await {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Reject { reason } => format!("reject {}", reason.as_deref().unwrap_or("-")),
        Verdict::Unanswered { why } => why.code().to_owned(),
    };
    assert_eq!(found, expected, "{status} {body}");
}

#[tokio::test]
async fn success_accepts_unless_it_says_reject() {
    check(200, "", "accept").await;
    check(204, "", "accept").await;
    check(200, "fine by me", "accept").await;
    check(200, "{}", "accept").await;
    check(200, r#"{"verdict":"accept"}"#, "accept").await;
    check(200, r#"{"verdict":"reject"}"#, "reject -").await;
    check(
        200,
        r#" {"verdict":"reject","reason":"a cat"}"#,
        "reject a cat",
    )
    .await;
    check(200, "\u{feff}{\"verdict\":\"reject\"}", "reject -").await;
}

#[tokio::test]
async fn an_answer_that_may_mean_no_is_not_taken_for_yes() {
    check(200, r#"{"verdict":"REJECT"}"#, "fetch-answer").await;
    check(200, r#"{"verdict":"reject""#, "fetch-answer").await;
    check(200, r#"{"verdict":["reject"]}"#, "fetch-answer").await;
    let padded = format!(r#"{}{{"verdict":"reject"}}"#, " ".repeat(ANSWER_BYTES_MAX));
    check(200, &padded, "fetch-answer").await;
}

#[tokio::test]
async fn refusals_reject_with_the_reason_given() {
    for status in [403, 406, 422, 451] {
        check(status, "", "reject -").await;
        check(status, "a cat", "reject a cat").await;
        check(status, r#"{"reason":"a cat"}"#, "reject a cat").await;
        check(status, r#"{"verdict":"accept"}"#, "reject -").await;
    }
}

#[tokio::test]
async fn other_answers_are_none() {
    for status in [302, 400, 401, 404, 429, 500, 503] {
        check(status, r#"{"verdict":"reject"}"#, "fetch-status").await;
    }
}

#[tokio::test]
async fn reasons_are_short_and_clean() {
    check(403, "  a\u{1b}[31m\r\n\tcat\0 ", "reject a[31m cat").await;
    check(
        403,
        &"ü".repeat(1000),
        &format!("reject {}", "ü".repeat(300)),
    )
    .await;
    let Verdict::Reject { reason } = verdict_after(Script::Endless(403)).await else {
        panic!("no rejection");
    };
    assert_eq!(reason.unwrap(), "x".repeat(REASON_CHARS_MAX));
}

#[tokio::test]
async fn silence_and_babble_are_no_answer() {
    let server = Server::start(Script::Silence).await;
    let mut hook = hook(server.url());
    hook.timeout = Duration::from_millis(100);
    let verdict = hook.ask(&fetcher(&[]), &subject()).await;
    assert!(
        matches!(
            verdict,
            Verdict::Unanswered {
                why: FetchError::Timeout { .. }
            }
        ),
        "{verdict:?}"
    );
    let verdict = verdict_after(Script::Endless(200)).await;
    assert!(
        matches!(
            verdict,
            Verdict::Unanswered {
                why: FetchError::Answer { .. }
            }
        ),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn on_failure_decides_only_what_nobody_answered() {
    let url: FetchUrl = "http://127.0.0.1/".parse().unwrap();
    let unanswered = || Verdict::Unanswered {
        why: FetchError::Status {
            url: url.clone(),
            status: 500,
        },
    };
    let rejected = || Verdict::Reject { reason: None };
    for on_failure in [OnFailure::Reject, OnFailure::Accept] {
        let hook = ScanHook {
            on_failure,
            ..hook(url.clone())
        };
        assert!(matches!(hook.decide(Verdict::Accept), Decision::Accept));
        assert!(matches!(hook.decide(rejected()), Decision::Reject { .. }));
        let decided = hook.decide(unanswered());
        match on_failure {
            OnFailure::Reject => assert!(matches!(decided, Decision::RejectUnscanned { .. })),
            OnFailure::Accept => assert!(matches!(decided, Decision::AcceptUnscanned { .. })),
        }
    }
}

#[tokio::test]
async fn the_hook_sees_the_image_and_who_brings_it() {
    let mut server = Server::start(Script::answer(200, "")).await;
    let subject = ScanSubject {
        alias: Some("/café/a b\r\nx-evil: 1.jpg"),
        actor: "shop 7%",
        ..subject()
    };
    hook(server.url()).ask(&fetcher(&[]), &subject).await;
    let request = server.request().await;
    assert_eq!(request.body, b"image");
    assert_eq!(request.header("content-type"), "image/jpeg");
    assert_eq!(request.header("x-img-id"), "3fa9");
    assert_eq!(request.header("x-img-actor"), "shop%207%25");
    assert_eq!(
        request.header("x-img-alias"),
        "/caf%c3%a9/a%20b%0d%0ax-evil%3a%201.jpg"
    );
}

async fn ask_about_file(path: &Path, size_bytes: u64) -> (Verdict, Server) {
    let server = Server::start(Script::answer(200, "")).await;
    let subject = ScanSubject {
        size_bytes,
        body: ScanBody::File(path),
        ..subject()
    };
    let verdict = hook(server.url()).ask(&fetcher(&[]), &subject).await;
    (verdict, server)
}

#[tokio::test]
async fn a_file_is_sent_whole_with_its_length() {
    let pattern: Vec<u8> = (0..=250_u8).cycle().take(3_000_001).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&pattern).unwrap();
    let (verdict, mut server) = ask_about_file(file.path(), 3_000_001).await;
    assert!(matches!(verdict, Verdict::Accept), "{verdict:?}");
    let request = server.request().await;
    assert_eq!(request.header("content-length"), "3000001");
    assert!(!request.head.contains("chunked"));
    assert!(request.body == pattern);
}

#[tokio::test]
async fn a_file_that_is_not_what_was_said_is_not_sent() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"image").unwrap();
    for (path, size_bytes, code) in [
        (file.path(), 4, "fetch-file-size"),
        (file.path(), 6, "fetch-file-size"),
        (Path::new("/nowhere/at/all"), 5, "fetch-file"),
    ] {
        let (verdict, mut server) = ask_about_file(path, size_bytes).await;
        let Verdict::Unanswered { why } = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(why.code(), code);
        assert!(server.is_unheard());
    }
}
