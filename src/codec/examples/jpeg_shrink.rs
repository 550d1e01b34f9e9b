//! Times (mean processor time of 25 rounds) decoding of JPEG files at some scales: `jpeg_shrink [-a] EIGHTHS FILE…`; `zune` for EIGHTHS times that library.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers"
)]

use img_codec::jpeg::decode::{Limits, Missing, Refinement, Request, Scale, decode};
use img_codec::stop::NeverStop;

const ROUNDS: usize = 25;

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let refinement = match args.first().map(String::as_str) {
        Some("-a") => Refinement::Approximate,
        _ => Refinement::Exact,
    };
    args.retain(|arg| arg != "-a");
    let (eighths, paths) = args.split_first().unwrap();
    let files: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let mut total = 0.0;
    for (path, bytes) in paths.iter().zip(&files) {
        let run = || match eighths.as_str() {
            "zune" => full(bytes),
            eighths => shrunk(bytes, eighths.parse().unwrap(), refinement),
        };
        run();
        let start = cpu_ms();
        (0..ROUNDS).for_each(|_| run());
        let mean = (cpu_ms() - start) / ROUNDS as f64;
        let name = path.rsplit('/').next().unwrap();
        println!("{mean:8.2} ms {:6.2} MB {name}", bytes.len() as f64 / 1e6);
        total += mean;
    }
    println!("{:8.2} ms mean", total / files.len() as f64);
}

/// Time that this thread has spent on a processor (Linux).
fn cpu_ms() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: u64 = statistics.split(' ').next().unwrap().parse().unwrap();
    nanoseconds as f64 / 1e6
}

fn shrunk(bytes: &[u8], eighths: u8, refinement: Refinement) {
    let decoded = decode(&Request {
        bytes,
        scale: Scale::from_eighths(eighths).unwrap(),
        missing: Missing::Refuse,
        refinement,
        limits: Limits {
            pixels_max: u64::MAX,
            scans_max: 1000,
        },
        stop: &NeverStop,
    });
    std::hint::black_box(decoded.unwrap());
}

fn full(bytes: &[u8]) {
    let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(bytes));
    std::hint::black_box(decoder.decode().unwrap());
}
