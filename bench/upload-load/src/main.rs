//! Uploads files over HTTP on many kept connections, as fast as they are answered, and prints what it took as JSON.
//!
//!     upload-load HOST:PORT KEY_FILE LIST_FILE CONNECTIONS [QUERY]
//!
//! LIST_FILE names a file on each line. Ends with an error if anything is answered but 201.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, key_file, list_file, connections, rest @ ..] = args.as_slice() else {
        panic!("usage: upload-load HOST:PORT KEY_FILE LIST_FILE CONNECTIONS [QUERY]");
    };
    let key = fs::read_to_string(key_file).expect("the key file");
    let list = fs::read_to_string(list_file).expect("the list");
    let paths: Vec<&str> = list.lines().collect();
    let query = rest.first().map_or("", String::as_str);
    let head = format!(
        "POST /api/v1/images{query} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: ",
        key.trim()
    );
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let mut took_ms: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections.parse().expect("a number of connections"))
            .map(|_| scope.spawn(|| upload_all(address, &head, &paths, &next)))
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<f64>>| worker.join().expect("a worker");
        workers.into_iter().flat_map(join).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    took_ms.sort_by(f64::total_cmp);
    let percentile = |percent: usize| took_ms[(took_ms.len() - 1) * percent / 100];
    println!(
        "{{\"uploads\": {}, \"seconds\": {seconds:.3}, \"p50_ms\": {:.2}, \"p99_ms\": {:.2}}}",
        took_ms.len(),
        percentile(50),
        percentile(99)
    );
}

fn upload_all(address: &str, head: &str, paths: &[&str], next: &AtomicUsize) -> Vec<f64> {
    let mut stream = BufReader::new(TcpStream::connect(address).expect("the server"));
    stream.get_ref().set_nodelay(true).expect("an option of TCP");
    let mut took_ms = Vec::new();
    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
        let body = fs::read(path).expect("a file of the list");
        let began = Instant::now();
        let mut request = format!("{head}{}\r\n\r\n", body.len()).into_bytes();
        request.extend_from_slice(&body);
        stream.get_mut().write_all(&request).expect("the request goes");
        read_answer(&mut stream).expect("an answer");
        took_ms.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    took_ms
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    assert!(line.starts_with("HTTP/1.1 201"), "answered {line:?}");
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
    }
    io::copy(&mut stream.take(length), &mut io::sink())?;
    Ok(())
}
