//! Stands in for imgd on its socket: records what it was asked, answers what the test says.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// `GET /__miss HTTP/1.1`
    pub line: String,
    /// Names as sent, values as bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(found, _)| found == name)?;
        Some(String::from_utf8_lossy(&found.1).into_owned())
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// A whole answer, status line included; `Content-Length` is added.
pub(super) type Handler = dyn Fn(&Asked) -> String + Send + Sync;

/// One connection, from its beginning to whatever end.
pub(super) type Server = dyn Fn(&UnixStream) + Send + Sync;

pub(super) struct FakeImgd {
    socket: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
    streams: Arc<Mutex<Vec<UnixStream>>>,
}

impl FakeImgd {
    pub(super) fn start(socket: &Path, handler: Box<Handler>) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let record = Arc::clone(&asked);
        let serve = move |stream: &UnixStream| serve(stream, &record, handler.as_ref());
        Self::listen(socket, asked, Arc::new(serve))
    }

    /// Leaves what is read and written, and when, to the test.
    pub(super) fn start_raw(socket: &Path, server: Arc<Server>) -> Self {
        Self::listen(socket, Arc::default(), server)
    }

    fn listen(socket: &Path, asked: Arc<Mutex<Vec<Asked>>>, server: Arc<Server>) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let streams = Arc::<Mutex<Vec<UnixStream>>>::default();
        let open = Arc::clone(&streams);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                open.lock().unwrap().push(stream.try_clone().unwrap());
                let server = Arc::clone(&server);
                thread::spawn(move || server(&stream));
            }
        });
        Self {
            socket: socket.to_owned(),
            asked,
            streams,
        }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Closes every connection and lets no new one in.
    pub(super) fn stop(&self) {
        let _ = fs::remove_file(&self.socket);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for FakeImgd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(stream: &UnixStream, record: &Mutex<Vec<Asked>>, handler: &Handler) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader) {
        let answer = handler(&asked);
        record.lock().unwrap().push(asked);
        let (head, body) = answer.split_once("\n\n").unwrap_or((&answer, ""));
        let head = head.trim().replace('\n', "\r\n");
        let bytes = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut writer = stream;
        if writer.write_all(bytes.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<&UnixStream>) -> Option<Asked> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    let first = String::from_utf8_lossy(&line).trim().to_owned();
    if first.is_empty() {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok()?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        headers.push((name, line[colon + 2..].to_vec()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| String::from_utf8_lossy(value).parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line: first,
        headers,
        body,
    })
}
