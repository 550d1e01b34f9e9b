//! What the one door to HTTP lets through, and what not.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;

use super::super::listener::{Script, Server, fetcher};
use super::{Answer, AnswerBody, Call, Fetcher, Reach};
use crate::fetch::{FetchError, FetchUrl};

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

async fn post(fetcher: &Fetcher, url: &FetchUrl, reach: Reach) -> Result<Answer, FetchError> {
    post_within(fetcher, url, reach, Duration::from_secs(10)).await
}

async fn post_within(
    fetcher: &Fetcher,
    url: &FetchUrl,
    reach: Reach,
    timeout: Duration,
) -> Result<Answer, FetchError> {
    let call = Call {
        url,
        reach,
        headers: HeaderMap::new(),
        body: "hello".into(),
        timeout,
    };
    fetcher.post(call).await
}

#[tokio::test]
async fn loopback_is_refused_however_it_is_named() {
    let mut server = Server::start(Script::answer(200, "")).await;
    let fetcher = fetcher(&[]);
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "0x7f.1",
        "2130706433",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
    ];
    for host in hosts {
        let error = post(&fetcher, &server.url_at(host), Reach::Public)
            .await
            .unwrap_err();
        assert!(
            matches!(error, FetchError::Refused { .. }),
            "{host}: {error:?}"
        );
        assert_eq!(error.code(), "fetch-refused");
        assert!(!error.is_retryable());
    }
    assert!(server.is_unheard());
}

#[tokio::test]
async fn allowed_and_configured_addresses_are_spoken_to() {
    for (allow, reach) in [(&LOOPBACK[..], Reach::Public), (&[][..], Reach::Configured)] {
        let mut server = Server::start(Script::answer(200, "fine")).await;
        let fetcher = fetcher(allow);
        for host in ["127.0.0.1", "localhost"] {
            let answer = post(&fetcher, &server.url_at(host), reach).await.unwrap();
            assert_eq!(answer.status(), 200);
            let body = answer.read(100).await.unwrap();
            assert_eq!(body, AnswerBody::Whole(b"fine".to_vec()));
            let request = server.request().await;
            assert_eq!(request.body, b"hello");
            assert!(request.head.starts_with("post /hook?token=secret http/1.1"));
            let version = env!("CARGO_PKG_VERSION");
            assert_eq!(request.header("user-agent"), format!("imgctl/{version}"));
        }
    }
}

#[tokio::test]
async fn a_connection_of_the_operator_is_not_lent_to_clients() {
    let server = Server::start(Script::answer(200, "")).await;
    let fetcher = fetcher(&[]);
    let url = server.url_at("localhost");
    let answer = post(&fetcher, &url, Reach::Configured).await.unwrap();
    answer.read(100).await.unwrap();
    let error = post(&fetcher, &url, Reach::Public).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut inside = Server::start(Script::answer(200, "")).await;
    let location = inside.url();
    let location = location.as_str();
    let head = format!("HTTP/1.1 307 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let outside = Server::start(Script::Say(head)).await;
    for reach in [Reach::Public, Reach::Configured] {
        let answer = post(&fetcher(&LOOPBACK), &outside.url(), reach).await;
        assert_eq!(answer.unwrap().status(), 307);
        assert!(inside.is_unheard());
    }
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let server = Server::start(Script::Silence).await;
    let began = Instant::now();
    let timeout = Duration::from_millis(100);
    let error = post_within(&fetcher(&[]), &server.url(), Reach::Configured, timeout)
        .await
        .unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, FetchError::Timeout { .. }), "{error:?}");
    assert!(error.is_retryable());
    assert!(
        error.to_string().ends_with("/hook?… within 100 ms"),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_without_an_end_is_read_to_the_bound() {
    let server = Server::start(Script::Endless(200)).await;
    let answer = post(&fetcher(&[]), &server.url(), Reach::Configured).await;
    let body = answer.unwrap().read(10_000).await.unwrap();
    assert_eq!(body, AnswerBody::Start(vec![b'x'; 10_000]));
}

#[tokio::test]
async fn a_body_of_just_the_bound_is_whole() {
    let server = Server::start(Script::answer(200, "1234")).await;
    for (bytes_max, expected) in [
        (4, AnswerBody::Whole(b"1234".to_vec())),
        (3, AnswerBody::Start(b"123".to_vec())),
    ] {
        let answer = post(&fetcher(&[]), &server.url(), Reach::Configured).await;
        assert_eq!(answer.unwrap().read(bytes_max).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn who_is_not_there_is_told_from_who_breaks_off() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let url = format!("http://127.0.0.1:{port}/?token=secret").parse();
    let error = post(&fetcher(&[]), &url.unwrap(), Reach::Configured)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Connect { .. }), "{error:?}");
    assert!(error.is_retryable());
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");

    let server = Server::start(Script::Say("nonsense\r\n\r\n".to_owned())).await;
    let error = post(&fetcher(&[]), &server.url(), Reach::Configured)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Exchange { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn https_is_spoken() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hello = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 2];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first)
            .await
            .unwrap();
        first
    });
    let url = format!("https://localhost:{port}/").parse().unwrap();
    let error = post(&fetcher(&LOOPBACK), &url, Reach::Public)
        .await
        .unwrap_err();
    // A TLS record that holds a handshake (RFC 8446, section 5.1).
    assert_eq!(hello.await.unwrap(), [22, 3]);
    assert!(matches!(error, FetchError::Connect { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("certificate"));
}
