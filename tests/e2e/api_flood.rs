//! Too much at once: thousands of uploads, many large ones, one that is huge.

use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::api::{Client, is_whole};
use crate::api_multipart::memory_peak_kib;
use crate::api_upload::staged;
use crate::audit::{check_acknowledged, recorded};
use crate::daemon::Daemon;
use crate::harness::{Response, Site, init_with_keys, parse};
use crate::specimen::{camera_exif, jpeg_segment, png};

const PATIENCE: Duration = Duration::from_secs(120);

/// Someone who uploads from many places at once.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    pub(crate) port: u16,
    pub(crate) token: String,
    pub(crate) from: Ipv4Addr,
}

impl Crowd {
    pub(crate) fn of(site: &Site, client: &Client) -> Self {
        let token = client.token.clone().unwrap();
        Self {
            port: site.port(),
            token,
            from: Ipv4Addr::LOCALHOST,
        }
    }

    /// The head of an upload.
    async fn open(&self, query: &str, length: u64) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        let mut stream = socket
            .connect((Ipv4Addr::LOCALHOST, self.port).into())
            .await?;
        let Self { token, .. } = self;
        let head = format!(
            "POST /api/v1/images{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        Ok(stream)
    }

    pub(crate) async fn upload(&self, query: &str, bytes: &[u8]) -> io::Result<Response> {
        let mut stream = self.open(query, bytes.len() as u64).await?;
        // The answer may come before the body has gone.
        drop(stream.write_all(bytes).await);
        answer(stream).await
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<Response> {
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    while !is_whole(&answer) {
        match timeout(PATIENCE, stream.read(&mut buffer)).await?? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(parse(&answer))
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// As lines that tell of images, whose aliases are paths.
pub(crate) fn lines(answers: &[Response]) -> Vec<Value> {
    let line = |answer: &Response| {
        let mut line = answer.json();
        if let Some(url) = line["alias"].as_str() {
            let path = url.splitn(4, '/').nth(3).unwrap();
            line["alias"] = format!("/{path}").into();
        }
        line
    };
    answers.iter().map(line).collect()
}

/// Different images, of a few dozen bytes each.
fn small(number: u16) -> Vec<u8> {
    png(1 + number % 100, 1 + number / 100, 1)
}

#[test]
fn a_flood_is_refused_politely_and_keeps_nobody_else_out() {
    const UPLOADS: u16 = 10_000;
    const AT_A_TIME: usize = 2_000;
    let site = Site::init();
    let imgd = Daemon::start(&site);
    let mut site = site;
    site.start_nginx();
    let crowd = Crowd::of(&site, &Client::with_key(&site, "ingest,alias", None));
    let mut other = Crowd::of(&site, &Client::with_key(&site, "ingest", None));
    other.from = Ipv4Addr::new(127, 0, 0, 2);
    let before = memory_peak_kib(&imgd);
    let (answers, slowest) = runtime().block_on(async {
        let (mut uploads, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_A_TIME)));
        for number in 0..UPLOADS {
            let (crowd, places) = (crowd.clone(), Arc::clone(&places));
            uploads.spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                let query = format!("?looks=false&alias=/f/{number}.png");
                crowd.upload(&query, &small(number)).await.unwrap()
            });
        }
        let others = tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            for number in 0..20 {
                let began = Instant::now();
                let answer = other.upload("", &small(20_000 + number)).await.unwrap();
                assert_eq!(answer.status, 201, "{answer:?}");
                slowest = slowest.max(began.elapsed());
            }
            slowest
        });
        (uploads.join_all().await, others.await.unwrap())
    });
    assert_eq!(answers.len(), usize::from(UPLOADS));
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 201);
    for answer in &refused {
        assert_eq!(answer.status, 429, "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert!(
            ["uploads-limited", "rate-limited"].contains(&&*code),
            "{answer:?}"
        );
    }
    let grown = memory_peak_kib(&imgd) - before;
    assert!(
        taken.len() > 200 && !refused.is_empty(),
        "{} taken",
        taken.len()
    );
    // Two seconds on a machine that does nothing else; without the limits, as long as the flood lasts.
    assert!(slowest < Duration::from_secs(15), "{slowest:?}");
    assert!(grown < 150 << 10, "{grown} KiB");
    check_acknowledged(&site, &lines(&taken));
    assert_eq!(recorded(&site).len(), taken.len() + 20);
    assert_eq!(staged(&site).len(), 0);
}

/// A JPEG of any size, most of it one scan, sent without ever being held.
async fn upload_huge(crowd: &Crowd, size_bytes: u64, seed: u8) -> Response {
    let exif = [b"Exif\0\0", &camera_exif(1)[..]].concat();
    let head = [
        vec![0xff, 0xd8],
        jpeg_segment(0xe1, &exif),
        jpeg_segment(0xfe, &[seed]),
        jpeg_segment(0xc0, &[8, 0, 100, 0, 100, 1, 1, 0x11, 0]),
        jpeg_segment(0xda, &[1, 1, 0, 0, 63, 0]),
    ];
    let (head, end) = (head.concat(), [0xff, 0xd9]);
    let mut stream = crowd.open("?looks=false", size_bytes).await.unwrap();
    stream.write_all(&head).await.unwrap();
    let mut rest = usize::try_from(size_bytes).unwrap() - head.len() - end.len();
    let filler = vec![0x55; 256 << 10];
    while rest > 0 {
        let len = rest.min(filler.len());
        stream.write_all(&filler[..len]).await.unwrap();
        rest -= len;
    }
    stream.write_all(&end).await.unwrap();
    answer(stream).await.unwrap()
}

#[test]
fn large_uploads_pass_through_without_being_held() {
    const LARGE: u64 = 8 << 20;
    const HUGE: u64 = 200 << 20;
    let mut site = init_with_keys("limits.bytes_max = 300_000_000");
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let crowd = Crowd::of(&site, &Client::with_key(&site, "ingest", None));
    let runtime = runtime();
    let check = |answer: &Response| {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["metadata"], "gps-removed");
    };
    // What any upload takes is not what this one takes.
    check(&runtime.block_on(upload_huge(&crowd, 1 << 20, 0)));
    let before = memory_peak_kib(&imgd);
    check(&runtime.block_on(upload_huge(&crowd, HUGE, 1)));
    let huge = memory_peak_kib(&imgd) - before;
    let answers = runtime.block_on(async {
        let mut uploads = JoinSet::new();
        for seed in 10..74 {
            let crowd = crowd.clone();
            uploads.spawn(async move { upload_huge(&crowd, LARGE, seed).await });
        }
        uploads.join_all().await
    });
    answers.iter().for_each(check);
    let many = memory_peak_kib(&imgd) - before;
    assert!(huge < 40 << 10, "{huge} KiB");
    assert!(many < 200 << 10, "{many} KiB");
    assert_eq!((recorded(&site).len(), staged(&site).len()), (66, 0));
}
