//! Times the PNG decoder on files (CPU of the process, least of all rounds), beside a full decode by the crate `png`:
//! `cargo run --release -p img-codec --example png_shrink -- [--rounds N] [--width 320] [--only ours|crate] FILE...`
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::error::Error;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use img_codec::png::{Limits, Missing, Request, decode, memory_needed, read_header};
use img_codec::stop::NeverStop;
use rustix::time::{ClockId, clock_gettime};

struct Arguments {
    rounds: u32,
    width: u32,
    ours: bool,
    theirs: bool,
    files: Vec<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let mut sums = [Duration::ZERO; 2];
    let mut pixels = 0.0;
    for path in &arguments.files {
        let bytes = std::fs::read(path)?;
        let header = read_header(&bytes)?;
        // At least twice the wanted width is left for a resampler.
        let shrink = (header.width_px / (2 * arguments.width)).max(1);
        let mut least = [Duration::MAX; 2];
        for _ in 0..arguments.rounds {
            if arguments.ours {
                least[0] = least[0].min(timed(|| ours(&bytes, shrink))?);
            }
            if arguments.theirs {
                least[1] = least[1].min(timed(|| theirs(&bytes))?);
            }
        }
        let least = least.map(|time| {
            if time == Duration::MAX {
                Duration::ZERO
            } else {
                time
            }
        });
        println!(
            "{:7.2} ms ours, {:7.2} ms png crate, {}x{} {:?} by {shrink}, {} KiB needed: {}",
            least[0].as_secs_f64() * 1e3,
            least[1].as_secs_f64() * 1e3,
            header.width_px,
            header.height_px,
            header.colour,
            memory_needed(&header, shrink) >> 10,
            path.display()
        );
        pixels += f64::from(header.width_px) * f64::from(header.height_px) / 1e6;
        sums = [sums[0] + least[0], sums[1] + least[1]];
    }
    let files = f64::from(u32::try_from(arguments.files.len())?);
    println!(
        "mean of {files} files of {:.1} MP: {:.2} ms ours, {:.2} ms png crate",
        pixels / files,
        sums[0].as_secs_f64() * 1e3 / files,
        sums[1].as_secs_f64() * 1e3 / files
    );
    Ok(())
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments {
        rounds: 5,
        width: 320,
        ours: true,
        theirs: true,
        files: Vec::new(),
    };
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().and_then(|value| value.into_string().ok());
        match argument.to_str() {
            Some("--rounds") => parsed.rounds = value().ok_or("--rounds N")?.parse()?,
            Some("--width") => parsed.width = value().ok_or("--width N")?.parse()?,
            Some("--only") => {
                let only = value().ok_or("--only ours|crate")?;
                parsed.ours = only == "ours";
                parsed.theirs = only == "crate";
            }
            _ => parsed.files.push(argument.into()),
        }
    }
    Ok(parsed)
}

fn timed(work: impl FnOnce() -> Result<usize, Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let start = clock_gettime(ClockId::ProcessCPUTime);
    std::hint::black_box(work()?);
    let end = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::try_from(end - start)?)
}

fn ours(bytes: &[u8], shrink: u32) -> Result<usize, Box<dyn Error>> {
    let decoded = decode(&Request {
        bytes,
        shrink,
        limits: Limits {
            pixels_max: 200_000_000,
            memory_bytes_max: 1 << 30,
            metadata_bytes_max: 4 << 20,
        },
        stop: &NeverStop,
        missing: Missing::Refuse,
    })?;
    Ok(decoded.planes[0].width())
}

fn theirs(bytes: &[u8]) -> Result<usize, Box<dyn Error>> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
    reader.next_frame(&mut pixels)?;
    Ok(pixels.len())
}
