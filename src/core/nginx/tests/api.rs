//! The API: requests stream through, each has an id, no secret is logged, and an early answer reaches who still sends.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::model::layout::ShardWidth;
use crate::nginx::settings::RealIp;
use crate::nginx::tests::fake_imgd::Asked;
use crate::nginx::tests::http::{Answer, Request, exchange};
use crate::nginx::tests::site::{ID, Site};

const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
const UNAUTHORIZED: &str =
    "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 6\r\n\r\nwho? \n";
const BODY_BYTES: usize = 5_000_000;

fn site(answer: &'static str) -> Site {
    let mut site = Site::prepare(ShardWidth::Three);
    site.start_imgd(Box::new(move |_: &Asked| answer.to_owned()));
    site.start_nginx();
    site
}

fn post<'a>(target: &'a str, body: &'a str) -> Request<'a> {
    Request::get(target).method("POST").body(body)
}

/// The same body in chunks of 64 KiB.
fn chunked(target: &str, body: &str) -> Vec<u8> {
    let head = Request::get(target)
        .method("POST")
        .with("Transfer-Encoding", "chunked");
    let mut bytes = head.bytes();
    for chunk in body.as_bytes().chunks(65_536) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Reads until the bytes end with `end`.
fn read_until(mut stream: impl Read, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(end) && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        bytes.push(byte[0]);
    }
    bytes
}

/// Until nginx closes; returns how many bytes came.
fn discard(mut stream: &UnixStream) -> usize {
    let mut discarded = 0;
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        discarded += read;
    }
    discarded
}

#[test]
fn every_method_reaches_imgd_below_api_and_nowhere_else() {
    let site = site("HTTP/1.1 200 OK\n\nok");
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    for method in methods {
        let answer = Request::get("/api/v1/images/x?a=b")
            .method(method)
            .send(site.port);
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
        for elsewhere in ["/api", "/apis/x", "/i/api/x"] {
            Request::get(elsewhere).method(method).send(site.port);
        }
    }
    let asked = site.imgd().asked();
    let api: Vec<_> = asked.iter().map(|asked| asked.line.as_str()).collect();
    let api: Vec<_> = api
        .into_iter()
        .filter(|line| !line.contains("/__miss"))
        .collect();
    let expected = methods.map(|method| format!("{method} /api/v1/images/x?a=b HTTP/1.1"));
    assert_eq!(api, expected);
}

#[test]
fn of_all_cookies_imgd_learns_its_own_and_nothing_is_made_of_a_bad_one() {
    let site = site("HTTP/1.1 200 OK\nSet-Cookie: a=b; Secure\n\nok");
    let ours = format!("__Host-imgctl={}", "0af9".repeat(16));
    let good = [
        ours.clone(),
        format!("{ours}; parent=secret"),
        format!("parent=secret; {ours}"),
        format!("parent=secret;{ours};b=c"),
        format!("__Host-imgctl=short; {ours}"),
    ];
    for sent in &good {
        let answer = Request::get("/api/x").with("Cookie", sent).send(site.port);
        assert_eq!(answer.header("Set-Cookie"), Some("a=b; Secure"));
        let asked = site.imgd().asked().pop().unwrap();
        assert_eq!(asked.header("Cookie").as_ref(), Some(&ours), "{sent}");
    }
    let bad = [
        "parent=secret".to_owned(),
        format!("x{ours}"),
        format!("x={ours}"),
        format!("{ours}0"),
        ours.to_uppercase(),
        ours.replace("0af9", "0ag9"),
        ours[..ours.len() - 1].to_owned(),
    ];
    for sent in &bad {
        Request::get("/api/x").with("Cookie", sent).send(site.port);
        let asked = site.imgd().asked().pop().unwrap();
        assert_eq!(asked.header("Cookie"), None, "{sent}");
    }
    // A miss learns of none, and hands none out.
    let miss = Request::get("/a.jpg").with("Cookie", &ours).send(site.port);
    assert_eq!(miss.header("Set-Cookie"), None);
    assert_eq!(site.imgd().asked().pop().unwrap().header("Cookie"), None);
}

#[track_caller]
fn request_id(answer: &Answer) -> String {
    let id = answer.header("X-Request-Id").unwrap_or_default();
    assert_eq!(id.len(), 32, "{answer:?}");
    id.to_owned()
}

#[test]
fn every_answer_below_api_names_the_request_and_so_does_the_log() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.api_limits.body_bytes_max = 100_000;
    site.start_imgd(Box::new(|asked: &Asked| {
        let status = if asked.line.contains("absent") {
            "404 Not Found"
        } else {
            "200 OK"
        };
        format!("HTTP/1.1 {status}\nX-Request-Id: forged\n\n{{}}")
    }));
    site.start_nginx();
    let mut answers: Vec<_> = ["/api/x", "/api/absent"].map(|url| site.get(url)).into();
    let large = "x".repeat(100_001);
    answers.push(post("/api/x", &large).send(site.port));
    assert_eq!(answers[0].status, 200);
    assert_eq!(answers[1].status, 404);
    assert_eq!(
        site.imgd().asked()[0].header("X-Request-Id"),
        Some(request_id(&answers[0]))
    );
    site.imgd().stop();
    // Larger than what may be sent elsewhere: the error must not be measured once more.
    answers.push(post("/api/x", &large[..50_000]).send(site.port));

    for (answer, status) in answers[2..].iter().zip([413, 503]) {
        let problem = answer.problem();
        assert_eq!(
            (answer.status, &problem["status"]),
            (status, &status.into())
        );
        assert_eq!(problem["request_id"], request_id(answer));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
    }
    assert_eq!(answers[3].header("Retry-After"), Some("5"));
    let log = site.access_log_with(&request_id(&answers[3]));
    let log = String::from_utf8_lossy(&log);
    assert_eq!(log.lines().count(), answers.len(), "{log}");
    for (line, answer) in log.lines().zip(&answers) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["request_id"], request_id(answer));
        assert_eq!(line["served"], "api");
    }
}

#[test]
fn problems_of_nginx_are_complete_documents_and_cached_ones_name_nobody() {
    let site = Site::start(ShardWidth::Three);
    site.put(site.original("png"), "0123456789");
    let image = format!("/i/{ID}.png");
    let (long, huge) = (format!("/{}", "a".repeat(40_000)), "x".repeat(40_000));
    let encoded = Request::get("/api/x").with("Transfer-Encoding", "gzip");
    let beyond = Request::get(&image).with("Range", "bytes=99-");
    let cases = [
        (Request::get("/a b"), 400, "bad-request", "Bad Request"),
        (
            Request::get("/a").with("X", &huge),
            400,
            "headers-too-large",
            "Bad Request",
        ),
        (post(&image, "x"), 403, "forbidden", "Forbidden"),
        (Request::get("/.git"), 404, "not-found", "Not Found"),
        (Request::get("/api"), 404, "not-found", "Not Found"),
        (
            Request::get("/a").method("TRACE"),
            405,
            "method-not-allowed",
            "Method Not Allowed",
        ),
        (
            post("/a.jpg", &huge),
            413,
            "body-too-large",
            "Payload Too Large",
        ),
        (Request::get(&long), 414, "uri-too-long", "URI Too Long"),
        (
            beyond,
            416,
            "range-not-satisfiable",
            "Range Not Satisfiable",
        ),
        (encoded, 501, "not-implemented", "Not Implemented"),
    ];
    for (request, status, code, title) in cases {
        let answer = request.send(site.port);
        assert_eq!(answer.status, status, "{answer:?}");
        let problem = answer.problem();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], title);
        assert_eq!(problem["status"], status);
        assert_eq!(problem["code"], code);
        if [404, 416].contains(&status) {
            assert_eq!(problem.get("request_id"), None);
            assert_eq!(answer.header("X-Request-Id"), None);
        } else {
            assert_eq!(problem["request_id"], request_id(&answer));
        }
    }
}

#[test]
fn imgd_sees_the_first_bytes_of_a_body_before_the_client_has_sent_the_last() {
    let mut site = Site::prepare(ShardWidth::Three);
    let (seen, saw) = mpsc::channel();
    let seen = Mutex::new(seen);
    site.start_raw_imgd(Arc::new(move |mut stream| {
        while read_until(stream, b"\r\n\r\n").ends_with(b"\r\n\r\n") {
            for part in ["first", "last"] {
                read_until(stream, part.as_bytes());
                seen.lock().unwrap().send(()).unwrap();
            }
            stream.write_all(CREATED.as_bytes()).unwrap();
        }
    }));
    // A client may take longer to send than imgd may to answer.
    site.settings.api_limits.read_timeout = Duration::from_millis(300);
    site.start_nginx();
    for (head, first, last) in [
        ("Content-Length: 9", "first", "last"),
        (
            "Transfer-Encoding: chunked",
            "5\r\nfirst\r\n",
            "4\r\nlast\r\n0\r\n\r\n",
        ),
    ] {
        let mut client = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        let head =
            format!("POST /api/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(first.as_bytes()).unwrap();
        saw.recv_timeout(Duration::from_secs(5)).unwrap();
        thread::sleep(Duration::from_millis(600));
        client.write_all(last.as_bytes()).unwrap();
        saw.recv_timeout(Duration::from_secs(5)).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(Answer::parse(&answer).status, 201);
    }
    let buffered = std::fs::read_dir(site.settings.paths.run_dir.join("nginx-body"));
    assert_eq!(buffered.unwrap().count(), 0);
}

#[test]
fn an_early_answer_reaches_a_client_that_still_sends_if_imgd_reads_on() {
    let mut site = Site::prepare(ShardWidth::Three);
    let (closed, was_closed) = mpsc::channel();
    let closed = Mutex::new(closed);
    site.start_raw_imgd(Arc::new(move |mut stream| {
        read_until(stream, b"\r\n\r\n");
        stream.write_all(UNAUTHORIZED.as_bytes()).unwrap();
        discard(stream);
        closed.lock().unwrap().send(()).unwrap();
    }));
    site.start_nginx();
    let body = "x".repeat(BODY_BYTES);
    for _ in 0..10 {
        for bytes in [post("/api/x", &body).bytes(), chunked("/api/x", &body)] {
            let answer = exchange(site.port, &bytes);
            assert_eq!(
                (answer.status, answer.body.as_slice()),
                (401, b"who? \n".as_slice())
            );
            // nginx has its answer and closes at once: reading on costs imgd next to nothing.
            was_closed.recv_timeout(Duration::from_secs(5)).unwrap();
        }
    }
}

#[test]
fn an_imgd_that_closes_at_once_may_lose_its_answer_but_the_client_gets_one() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.start_raw_imgd(Arc::new(|mut stream| {
        read_until(stream, b"\r\n\r\n");
        stream.write_all(UNAUTHORIZED.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }));
    site.start_nginx();
    let body = "x".repeat(BODY_BYTES);
    for _ in 0..10 {
        for bytes in [post("/api/x", &body).bytes(), chunked("/api/x", &body)] {
            let answer = exchange(site.port, &bytes);
            assert!([401, 503].contains(&answer.status), "{answer:?}");
            if answer.status == 503 {
                assert_eq!(answer.problem()["code"], "unavailable");
            }
        }
    }
}

#[test]
fn a_body_above_the_limit_is_refused_however_it_is_sent() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.api_limits.body_bytes_max = 1_000_000;
    let (ended, has_ended) = mpsc::channel();
    let ended = Mutex::new(ended);
    site.start_raw_imgd(Arc::new(move |stream| {
        ended.lock().unwrap().send(discard(stream)).unwrap();
    }));
    site.start_nginx();
    let body = "x".repeat(BODY_BYTES);
    let announced = post("/api/x", &body).send(site.port);
    assert_eq!(announced.problem()["code"], "body-too-large");
    assert!(has_ended.try_recv().is_err(), "it reached imgd");
    // Found out on the way: imgd sees a body that ends without its last chunk.
    let found_out = exchange(site.port, &chunked("/api/x", &body));
    assert_eq!(found_out.problem()["code"], "body-too-large");
    let passed_on = has_ended.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(passed_on < 1_100_000, "{passed_on}");
}

#[test]
fn one_client_has_so_many_requests_in_progress_and_others_are_not_held_up() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.api_limits.connections = 2;
    site.settings.real_ip = Some(RealIp {
        header: "X-Forwarded-For".to_owned(),
        trusted: vec!["127.0.0.1".to_owned()],
    });
    site.start_imgd(Box::new(|_| "HTTP/1.1 200 OK\n\nok".to_owned()));
    site.start_nginx();
    let from = |client| post("/api/x", "body").with("X-Forwarded-For", client);
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
            let bytes = from("203.0.113.1").bytes();
            stream.write_all(&bytes[..bytes.len() - 1]).unwrap();
            stream
        })
        .collect();
    thread::sleep(Duration::from_millis(200));

    let body = "x".repeat(BODY_BYTES);
    let refused = post("/api/x", &body)
        .with("X-Forwarded-For", "203.0.113.1")
        .send(site.port);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("Retry-After"), Some("1"));
    let problem = refused.problem();
    assert_eq!(problem["code"], "rate-limited");
    assert_eq!(problem["request_id"], request_id(&refused));
    assert_eq!(from("203.0.113.2").send(site.port).status, 200);
    let miss = Request::get("/a.jpg").with("X-Forwarded-For", "203.0.113.1");
    assert_eq!(miss.send(site.port).status, 200);
    drop(held);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(from("203.0.113.1").send(site.port).status, 200);
}

#[test]
fn a_silent_client_is_closed_on_and_a_silent_imgd_is_given_up() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.api_limits.body_timeout = Duration::from_millis(300);
    site.settings.api_limits.read_timeout = Duration::from_millis(300);
    site.start_raw_imgd(Arc::new(|stream| {
        discard(stream);
    }));
    site.start_nginx();
    let silent_imgd = post("/api/x", "body").send(site.port);
    assert_eq!(silent_imgd.problem()["code"], "unavailable");

    let mut client = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let bytes = post("/api/x", "body").bytes();
    client.write_all(&bytes[..bytes.len() - 1]).unwrap();
    match client.read(&mut [0; 16]) {
        Ok(read) => assert_eq!(read, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn no_log_holds_a_secret_whatever_becomes_of_the_request() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.api_limits.body_bytes_max = 100_000;
    site.start_imgd(Box::new(|_| {
        "HTTP/1.1 200 OK\nX-Echo: s3cr3t\n\nok".to_owned()
    }));
    site.start_nginx();
    let cookie = format!("__Host-imgctl={}", "5ec7".repeat(16));
    let targets = [
        "/api/v1/images?signature=s3cr3t",
        "/api/v1/images#?s3cr3t",
        "//api/%76%31/images?s3cr3t",
        "/a/../api/x?s3cr3t",
        "/%61pi/x?s3cr3t",
        "/api?s3cr3t",
    ];
    let send = |body: &str| {
        for target in targets {
            let request = post(target, body)
                .with("Authorization", "Bearer s3cr3t")
                .with("Cookie", &cookie)
                .with(
                    "Referer",
                    "https://img.example.com/api/form?signature=s3cr3t",
                )
                .with("X-Api-Key", "s3cr3t");
            request.send(site.port);
            // Refused before nginx knows what is asked for.
            request.with("Host", "again").send(site.port);
        }
    };
    send("body");
    send(&"x".repeat(100_001));
    site.imgd().stop();
    send("body");
    Request::get("/api/the/end").send(site.port);

    let log = site.access_log_with("/api/the/end");
    let log = String::from_utf8_lossy(&log);
    assert_eq!(log.lines().count(), 6 * targets.len() + 1);
    assert!(log.contains("\"uri\":\"/api/v1/images\""), "{log}");
    for text in [log.as_ref(), &site.error_log()] {
        assert!(!text.contains("s3cr3t") && !text.contains("5ec7"), "{text}");
    }
}
