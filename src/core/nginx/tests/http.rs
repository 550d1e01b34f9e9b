//! The least HTTP client that shows exactly what was sent: header order, raw bytes, nothing added.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer in {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            status: status.parse().unwrap(),
            headers: headers.collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// The only value of a header; panics if it is there twice.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// The body, which must be a problem document.
    pub(super) fn problem(&self) -> serde_json::Value {
        assert_eq!(
            self.header("Content-Type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Everything but the time of day.
    pub(super) fn timeless(&self) -> Self {
        let mut answer = self.clone();
        answer.headers.retain(|(name, _)| name != "Date");
        answer
    }
}

#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    pub method: &'a str,
    pub target: &'a [u8],
    pub host: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a str,
}

impl<'a> Request<'a> {
    pub(super) fn get(target: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self {
            method: "GET",
            target: target.as_ref(),
            host: "img.example.com",
            headers: Vec::new(),
            body: "",
        }
    }

    pub(super) fn method(mut self, method: &'a str) -> Self {
        self.method = method;
        self
    }

    pub(super) fn host(mut self, host: &'a str) -> Self {
        self.host = host;
        self
    }

    pub(super) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn body(mut self, body: &'a str) -> Self {
        self.body = body;
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend_from_slice(self.target);
        bytes.extend_from_slice(b" HTTP/1.1\r\nConnection: close\r\n");
        bytes.extend_from_slice(format!("Host: {}\r\n", self.host).as_bytes());
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if !self.body.is_empty() {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
        bytes
    }

    pub(super) fn send(&self, port: u16) -> Answer {
        exchange(port, &self.bytes())
    }
}

/// All bytes are sent before the first one of the answer is read.
pub(super) fn exchange(port: u16, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Answer::parse(&answer)
}
