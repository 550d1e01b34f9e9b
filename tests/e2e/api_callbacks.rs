//! Callbacks: told once, signed, again until they are taken, and never to private addresses.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use img_core::imaging::noise_jpeg;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::api::{Client, expect_problem};
use crate::api_bodies::start_with_keys;
use crate::api_tickets::{Holder, RAW};
use crate::audit::recorded;
use crate::daemon::Daemon;
use crate::harness::{Site, init_with_keys, wait_until};
use crate::specimen::png;

/// A request that came in whole.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Names in lower case.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines();
        let found =
            lines.find_map(|line| line.split_once(": ").filter(|(known, _)| *known == name));
        found
            .unwrap_or_else(|| panic!("no {name} in {}", self.head))
            .1
    }
}

/// A server on this machine that answers as a test tells it to, until the test is over.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    answer: Arc<Mutex<String>>,
}

impl Listener {
    /// Answers with this status and body; an empty one is silence.
    pub(crate) fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(answer.to_owned()));
        let (hears, answers) = (Arc::clone(&heard), Arc::clone(&answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (hears, answers) = (Arc::clone(&hears), Arc::clone(&answers));
                thread::spawn(move || serve(stream.unwrap(), &hears, &answers));
            }
        });
        Self {
            address,
            heard,
            answer,
        }
    }

    /// As in `200 OK\r\nX: y` or `403 No|its reason`.
    pub(crate) fn say(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?token=of-theirs", self.address)
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait_for(&self, count: usize) -> Vec<Heard> {
        wait_until("it is told", || self.heard().len() >= count);
        self.heard()
    }
}

fn serve(mut stream: TcpStream, heard: &Mutex<Vec<Heard>>, answer: &Mutex<String>) -> Option<()> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut request = Heard {
        head,
        body: bytes.split_off(end + 4),
    };
    let length: usize = request.header("content-length").parse().unwrap();
    let mut rest = vec![0; length - request.body.len()];
    stream.read_exact(&mut rest).ok()?;
    request.body.append(&mut rest);
    let answer = answer.lock().unwrap().clone();
    heard.lock().unwrap().push(request);
    if answer.is_empty() {
        // Until the other side gives up.
        return stream.read_to_end(&mut bytes).ok().map(drop);
    }
    let (head, body) = answer.split_once('|').unwrap_or((&answer, ""));
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()
}

/// HMAC by its definition (RFC 2104), for keys of up to a block.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message);
    let outer = Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner.finalize());
    outer.finalize().to_vec()
}

#[track_caller]
fn check_signature(site: &Site, heard: &Heard) {
    let secret = fs::read_to_string(site.data().join("keys/webhook.key")).unwrap();
    let (id, timestamp) = (
        heard.header("webhook-id"),
        heard.header("webhook-timestamp"),
    );
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &heard.body].concat();
    let expected = BASE64.encode(&hmac(secret.trim().as_bytes(), &signed));
    assert_eq!(heard.header("webhook-signature"), format!("v1,{expected}"));
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert!(now.as_secs().abs_diff(timestamp.parse().unwrap()) < 60);
    assert_eq!(heard.header("content-type"), "application/json");
}

/// As if the wait before the next try had passed; answers how many tries were made of those that wait.
fn hurry(site: &Site) -> Vec<(i64, Option<String>)> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(site.data().join("catalog.db"));
        let mut catalog = options
            .busy_timeout(Duration::from_secs(10))
            .connect()
            .await
            .unwrap();
        catalog
            .execute("UPDATE callback SET next_ms = 0 WHERE attempts > 0")
            .await
            .unwrap();
        let sql = "SELECT attempts, fault FROM callback";
        sqlx::query_as(sql).fetch_all(&mut catalog).await.unwrap()
    })
}

const WEBHOOK: &str = "webhook.secret = 'keys/webhook.key'";
const ALLOWED: &str = "webhook.secret = 'keys/webhook.key'\nfetch.allow = ['127.0.0.0/8']";

fn holder(site: &Site, url: &str) -> Holder {
    let issuer = Client::with_key(site, "ingest,alias,read", None);
    Holder::of(
        site,
        &issuer,
        &json!({"uses": 100, "alias_prefix": "/up/", "callback_url": url}),
    )
}

#[test]
fn whoever_is_named_is_told_signed_and_once_for_each_upload() {
    let site = start_with_keys(ALLOWED);
    let listener = Listener::start("204 OK");
    let ticket = holder(&site, &listener.url());
    let uploaded = ticket.put("&alias=/up/a.png", &png(8, 8, 1)).json();
    ticket.put("", b"no image");
    let known = ticket.put("", &png(8, 8, 1)).json();

    let heard = listener.wait_for(2);
    assert!(
        heard[0]
            .head
            .starts_with("POST /hook?token=of-theirs HTTP/1.1")
    );
    let mut images = Vec::new();
    for told in &heard {
        check_signature(&site, told);
        let body: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!(body["event"], "image.uploaded");
        assert_eq!(body["ticket"], ticket.id);
        images.push(body["image"].clone());
    }
    images.sort_by_key(|image| image["status"] == "known");
    assert_eq!(images, [uploaded, known]);
    assert_ne!(heard[0].header("webhook-id"), heard[1].header("webhook-id"));
    wait_until("nothing waits", || hurry(&site).is_empty());
    assert_eq!(listener.heard().len(), 2);
}

#[test]
fn who_goes_away_with_the_last_byte_has_uploaded_all_the_same() {
    let site = start_with_keys(ALLOWED);
    let listener = Listener::start("200 OK");
    let issuer = Client::with_key(&site, "ingest", None);
    let wishes = json!({"uses": 3, "derive": ["all"], "callback_url": listener.url()});
    let ticket = Holder::of(&site, &issuer, &wishes);
    for number in 1..=3 {
        let image = noise_jpeg(1500, 1500, 2 * number + 1);
        let (target, length) = (&ticket.target, Some(image.len()));
        let mut stream = ticket.nobody.open("PUT", target, &[RAW], length);
        stream.write_all(&image).unwrap();
        wait_until("it is on record", || recorded(&site).len() as u64 == number);
        // Its derivatives are being made.
        drop(stream);
        // Else one use would bring any number of images, and nobody would be told.
        listener.wait_for(usize::try_from(number).unwrap());
        assert_eq!(ticket.uses_left(), 3 - number);
    }
    expect_problem(&ticket.put("", &png(8, 8, 1)), 403, "ticket-used-up");
}

#[test]
fn who_answers_500_or_elsewhere_is_told_again_even_by_an_imgd_that_was_killed_in_between() {
    let mut site = init_with_keys(ALLOWED);
    let mut imgd = Daemon::start(&site);
    site.start_nginx();
    let elsewhere = Listener::start("200 OK");
    let listener = Listener::start("500 No");
    let ticket = holder(&site, &listener.url());
    assert_eq!(ticket.put("", &png(8, 8, 1)).status, 201);
    listener.wait_for(1);
    // A redirect is not followed, and is no success.
    listener.say(&format!("307 Go\r\nLocation: {}", elsewhere.url()));
    wait_until("it has been settled", || hurry(&site)[0].0 == 1);
    listener.wait_for(2);
    wait_until("it has been settled", || hurry(&site)[0].0 == 2);
    imgd.kill();
    listener.say("200 OK");
    let imgd = Daemon::start(&site);
    hurry(&site);

    let heard = listener.wait_for(3);
    wait_until("nothing waits", || hurry(&site).is_empty());
    assert_eq!((listener.heard().len(), elsewhere.heard().len()), (3, 0));
    for told in &heard {
        check_signature(&site, told);
        assert_eq!(told.header("webhook-id"), heard[0].header("webhook-id"));
        assert_eq!(told.body, heard[0].body);
    }
    assert!(!imgd.log().contains("of-theirs"), "{}", imgd.log());
}

#[test]
fn private_addresses_are_never_called_back_whatever_they_are_named() {
    let site = start_with_keys(WEBHOOK);
    let listener = Listener::start("200 OK");
    let port = listener.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
    ];
    let mut queued = 0;
    for (host, seed) in hosts.iter().zip(1..) {
        let issuer = Client::with_key(&site, "ingest,read", None);
        let wishes = json!({"callback_url": format!("http://{host}:{port}/x?token=of-theirs")});
        if issuer.json("POST", "/api/v1/tickets", &wishes).status == 201 {
            let ticket = Holder::of(&site, &issuer, &wishes);
            assert_eq!(ticket.put("", &png(8, 8, seed)).status, 201);
            queued += 1;
        }
    }
    assert!(queued > 0);
    let refused = |(attempts, fault): &(i64, Option<String>)| {
        *attempts > 0
            && fault
                .as_ref()
                .is_some_and(|fault| fault.contains("may not be spoken to"))
    };
    let waiting = || hurry(&site);
    wait_until("all were tried", || waiting().iter().all(|it| it.0 > 0));
    let waiting = waiting();
    assert_eq!(waiting.len(), queued);
    assert!(waiting.iter().all(refused), "{waiting:?}");
    assert_eq!(listener.heard().len(), 0);
}
