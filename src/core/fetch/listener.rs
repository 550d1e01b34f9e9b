//! Servers on this machine that say what a test tells them to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{AddressGuard, FetchUrl, Fetcher};

/// What a server does with a request that it has read.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// Sends these bytes and closes.
    Say(String),
    /// Keeps the connection open.
    Silence,
    /// Sends a head with this status, then a body until nobody listens.
    Endless(u16),
}

impl Script {
    pub(super) fn answer(status: u16, body: &str) -> Self {
        let len = body.len();
        Self::Say(format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {len}\r\n\r\n{body}"
        ))
    }
}

#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
pub(super) struct Request {
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

impl Server {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(play(stream, script.clone(), seen.clone()));
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// Under any name for this machine.
    pub(super) fn url_at(&self, host: &str) -> FetchUrl {
        let port = self.address.port();
        format!("http://{host}:{port}/hook?token=secret")
            .parse()
            .unwrap()
    }

    pub(super) fn url(&self) -> FetchUrl {
        self.url_at("127.0.0.1")
    }

    /// The next request that came in whole.
    pub(super) async fn request(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }

    /// Whether none came in whole so far.
    pub(super) fn is_unheard(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// For tests that speak to this machine as if it were anyone.
pub(super) fn fetcher(allow: &[&str]) -> Fetcher {
    let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
    Fetcher::new(AddressGuard { allow }).unwrap()
}

async fn play(mut stream: TcpStream, script: Script, seen: mpsc::UnboundedSender<Request>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    // The test may be over.
    let _ = seen.send(request);
    match script {
        // The client may have heard enough.
        Script::Say(text) => drop(stream.write_all(text.as_bytes()).await),
        Script::Silence => std::future::pending().await,
        Script::Endless(status) => {
            let head = format!("HTTP/1.1 {status} X\r\n\r\n");
            let mut next = head.into_bytes();
            while stream.write_all(&next).await.is_ok() {
                next = vec![b'x'; 4096];
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let body = bytes[end + 4..].to_vec();
            let mut request = Request { head, body };
            let len: usize = request.header("content-length").parse().unwrap();
            let missing = len.checked_sub(request.body.len()).unwrap();
            let mut rest = vec![0; missing];
            stream.read_exact(&mut rest).await.ok()?;
            request.body.append(&mut rest);
            return Some(request);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
