//! For each line `<definition>\t<format>\t<file>` on standard input: makes that derivative in memory, and prints
//! `<milliseconds> <bytes>`.
//!
//! The definition is one of a preset, as the catalog has it. The time is that of `imaging::derive` alone: the file is
//! read before, and nothing is written.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use img_core::imaging::{DeriveRequest, Limits, NeverStop, derive};
use img_core::model::media::OutputFormat;
use img_core::model::preset::PresetDefinition;
use img_core::model::watermark::Watermarks;

fn main() -> Result<(), Box<dyn Error>> {
    // On a thread of its own, as in imgd: the main thread has another arena of malloc.
    let worker = std::thread::spawn(|| answer_all().map_err(|error| error.to_string()));
    worker.join().map_err(|_| "the worker panicked")??;
    Ok(())
}

fn answer_all() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lock().lines() {
        let (ms, bytes) = answer(&line?)?;
        println!("{ms:.4} {bytes}");
        io::stdout().flush()?;
    }
    Ok(())
}

fn answer(line: &str) -> Result<(f64, usize), Box<dyn Error>> {
    let mut fields = line.splitn(3, '\t');
    let (Some(definition), Some(format), Some(file)) =
        (fields.next(), fields.next(), fields.next())
    else {
        return Err(format!("not three fields: {line}").into());
    };
    let definition: PresetDefinition = definition.parse()?;
    let format: OutputFormat = format.parse()?;
    let recipe = definition
        .recipe(format)
        .ok_or("not a format of the preset")?;
    let original = std::fs::read(file)?;
    let request = DeriveRequest {
        original: &original,
        recipes: &[recipe],
        watermarks: &Watermarks::default(),
        limits: &Limits::default(),
        stop: &NeverStop,
    };
    let started = Instant::now();
    let made = derive(&request)?;
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    Ok((ms, made[0].bytes.len()))
}
