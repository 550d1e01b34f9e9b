//! What others do beside imgd, as another process on the same machine would: people, keys, a look into the files.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use img_core::config::Config;
use img_core::imaging::noise_jpeg;
use img_core::model::access::Role;
use img_core::origin::Origin;
use img_core::origin::act::{Act, Caller};
use img_core::origin::users::Password;
use serde_json::Value;

use crate::api::Client;
use crate::harness::{Response, Site, files_below, parse};

/// Does something to the origin of a site, from another process than its imgd, as far as imgd can tell.
#[track_caller]
pub(crate) fn act_beside<T>(site: &Site, act: impl AsyncFnOnce(&Arc<Origin>, &Act) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = Config::load(&site.data(), &site.data().join("imgctl.toml")).unwrap();
        let origin = config.open_origin().await.unwrap();
        let by = Act {
            caller: Caller::local("test"),
            reason: None,
            request_id: None,
        };
        let done = act(&origin, &by).await;
        origin.close().await;
        done
    })
}

#[track_caller]
pub(crate) fn add_user(site: &Site, name: &str, role: Role, password: &str) {
    act_beside(site, async |origin, act| {
        let password = Password::new(password.to_owned()).unwrap();
        let name = name.parse().unwrap();
        origin.add_user(act, name, role, password).await.unwrap();
    });
}

/// A small image that no other seed makes.
pub(crate) fn image(seed: u16) -> Vec<u8> {
    noise_jpeg(16, 16, u64::from(seed) * 2 + 1)
}

/// Uploads it and answers its id.
#[track_caller]
pub(crate) fn take_in(client: &Client, query: &str, bytes: &[u8]) -> String {
    let answer = client.upload(query, bytes);
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// One request with these headers and nothing else, over nginx.
#[track_caller]
pub(crate) fn bare(site: &Site, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
    Client::without_key(site).send(method, target, headers, b"")
}

/// imgd without nginx: a connection that is kept.
pub(crate) struct Direct(UnixStream);

impl Direct {
    pub(crate) fn open(socket: &PathBuf) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Self(stream)
    }

    #[track_caller]
    pub(crate) fn get(&mut self, target: &str, authorization: &str) -> Response {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n"
        );
        self.0.write_all(request.as_bytes()).unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut piece).unwrap();
            assert!(read > 0, "closed: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..read]);
            if !answer.windows(4).any(|window| window == b"\r\n\r\n") {
                continue;
            }
            let response = parse(&answer);
            let length = response.header("content-length").unwrap_or("0");
            if response.body.len() >= length.parse().unwrap() {
                return response;
            }
        }
    }
}

/// Lines of nginx's log whose request has this id.
pub(crate) fn logged(site: &Site, request_id: &str) -> Vec<Value> {
    let log = fs::read_to_string(site.data().join("log/nginx-access.log")).unwrap_or_default();
    let lines = log.lines().filter(|line| line.contains(request_id));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Files below the data directory, hidden ones included, that hold these bytes.
pub(crate) fn files_with(site: &Site, bytes: &[u8]) -> Vec<PathBuf> {
    let mut files = files_below(&site.data());
    files.retain(|file| {
        let content = fs::read(site.data().join(file)).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    });
    files
}
