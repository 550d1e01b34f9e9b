//! A client of the API: keys of its own, bodies of every kind, answers as they came.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use img_core::config::Config;
use img_core::model::grant::Quota;
use img_core::origin::act::{Act, Caller};
use img_core::origin::keys::NewKey;
use serde_json::{Value, json};

use crate::harness::{Response, Site, parse};

const PATIENCE: Duration = Duration::from_secs(60);

/// Someone with a key, or without.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    port: u16,
    pub(crate) token: Option<String>,
}

impl Client {
    /// With a new key: `verbs` as in `read,ingest`.
    #[track_caller]
    pub(crate) fn with_key(site: &Site, verbs: &str, prefix: Option<&str>) -> Self {
        let key = new_key(verbs, prefix);
        Self::with_new_key(site, key)
    }

    #[track_caller]
    pub(crate) fn with_new_key(site: &Site, key: NewKey) -> Self {
        Self {
            port: site.port(),
            token: Some(issue(site, key)),
        }
    }

    pub(crate) fn without_key(site: &Site) -> Self {
        Self {
            port: site.port(),
            token: None,
        }
    }

    pub(crate) fn with_token(site: &Site, token: &str) -> Self {
        Self {
            port: site.port(),
            token: Some(token.to_owned()),
        }
    }

    /// With a key that `imgctl key create ARGS` made: `args` as in `["--verbs", "read"]`.
    #[track_caller]
    pub(crate) fn with_made_key(site: &Site, args: &[&str]) -> Self {
        let create = ["key", "create", "--name", "test"];
        let token = site.imgctl_ok([&create, args].concat());
        Self::with_token(site, token.trim_end())
    }

    /// The token in a file that is closed to others, for `--key-file`.
    #[track_caller]
    pub(crate) fn key_file(&self, site: &Site) -> PathBuf {
        let path = site
            .inbox()
            .with_file_name(format!("{}.key", self.key_id()));
        let token = self.token.as_ref().unwrap();
        fs::write(&path, format!("{token}\n")).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    /// The part of the token that is no secret.
    pub(crate) fn key_id(&self) -> String {
        let token = self.token.as_ref().unwrap();
        token.split('_').nth(1).unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Response {
        self.send("GET", target, &[], b"")
    }

    #[track_caller]
    pub(crate) fn delete(&self, target: &str) -> Response {
        self.send("DELETE", target, &[], b"")
    }

    #[track_caller]
    pub(crate) fn json(&self, method: &str, target: &str, body: &Value) -> Response {
        let headers = [("Content-Type", "application/json")];
        self.send(method, target, &headers, body.to_string().as_bytes())
    }

    /// A raw body; `query` as in `?alias=/a.jpg`, or nothing.
    #[track_caller]
    pub(crate) fn upload(&self, query: &str, bytes: &[u8]) -> Response {
        let headers = [("Content-Type", "application/octet-stream")];
        self.send("POST", &format!("/api/v1/images{query}"), &headers, bytes)
    }

    /// One request on one connection, with the length of its body.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut stream = self.open(method, target, headers, Some(body.len()));
        // The answer may come before the body has gone.
        let _ = stream.write_all(body);
        receive(stream)
    }

    /// The head of a request; the body is for the caller to send. `None`: chunked.
    #[track_caller]
    pub(crate) fn open(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        length: Option<usize>,
    ) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
            self.port
        );
        head.push_str("Connection: close\r\n");
        match length {
            Some(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            None => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }
}

/// The answer on a connection that closes after it.
///
/// Like any client, it does not wait for that if it knows the length: nginx lingers while a body has not been sent.
#[track_caller]
pub(crate) fn receive(mut stream: TcpStream) -> Response {
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 << 10]);
    while !is_whole(&answer) {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    parse(&answer)
}

/// Whether it has a length, and all of it came.
pub(crate) fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| answer.len() >= end + 4 + length)
}

/// A key of no quota that never ends.
pub(crate) fn new_key(verbs: &str, prefix: Option<&str>) -> NewKey {
    NewKey {
        name: "test".to_owned(),
        verbs: verbs.parse().unwrap(),
        prefix: prefix.map(|prefix| prefix.parse().unwrap()),
        quota: Quota::default(),
        rate_per_min: Some(1_000_000),
        expires_at: None,
    }
}

/// Puts a key on record and answers its token.
#[track_caller]
pub(crate) fn issue(site: &Site, key: NewKey) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = Config::load(&site.data(), &site.data().join("imgctl.toml")).unwrap();
        let origin = config.open_origin().await.unwrap();
        let act = Act {
            caller: Caller::local("test"),
            reason: None,
            request_id: None,
        };
        let issued = origin.create_key(&act, key).await.unwrap();
        origin.close().await;
        issued.token.reveal()
    })
}

/// Checks that an answer is a problem document with this status and code, whose request id is that of the header.
#[track_caller]
pub(crate) fn expect_problem(response: &Response, status: u16, code: &str) {
    let kind = response.header("content-type");
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(kind, Some("application/problem+json"), "{response:?}");
    let problem = response.json();
    assert_eq!(problem["code"], json!(code), "{response:?}");
    assert_eq!(problem["status"], json!(status));
    let id = problem["request_id"].as_str();
    assert_eq!(id, response.header("x-request-id"), "{response:?}");
    assert_eq!(id.map(str::len), Some(32));
}
