//! A server that answers what it is told to, one request after the other, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

pub(super) struct Listener {
    pub(super) url: String,
    asked: Receiver<Asked>,
}

#[derive(Debug)]
pub(super) struct Asked {
    /// `POST /api/v1/keys HTTP/1.1`
    pub(super) line: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The how manieth connection it came on.
    pub(super) connection: usize,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// An answer; nothing: the connection is closed without one.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> String {
    let len = body.len();
    format!("HTTP/1.1 {status} Said\r\ncontent-length: {len}\r\n{headers}\r\n{body}")
}

pub(super) fn problem(status: u16, headers: &str, body: &str) -> String {
    let headers = format!("content-type: application/problem+json\r\n{headers}");
    answer(status, &headers, body)
}

impl Listener {
    pub(super) fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, asked) = channel();
        thread::spawn(move || {
            let mut answers = answers.into_iter().peekable();
            for connection in 0.. {
                if answers.peek().is_none() {
                    return;
                }
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while answers.peek().is_some() {
                    let Some(asked) = read(&mut reader, connection) else {
                        break;
                    };
                    let answer = answers.next().unwrap_or_default();
                    let _ = send.send(asked);
                    if answer.is_empty() {
                        break;
                    }
                    (&stream).write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        Self { url, asked }
    }

    /// All that was asked, once nobody asks any more.
    pub(super) fn asked(self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }
}

fn read(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let len = headers.iter().find(|(name, _)| name == "content-length");
    let len = len.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line: lines.first()?.clone(),
        headers,
        body,
        connection,
    })
}
