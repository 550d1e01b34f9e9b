//! Times the JPEG encoder beside jpeg-encoder, on a photo-like picture drawn by code.
//!
//! `taskset -c 0 cargo run --release -p img-codec --example encode_speed`
#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

use std::time::{Duration, Instant};

use img_codec::colour::{Chroma, join, rgb_from_ycbcr, ycbcr_from_rgb};
use img_codec::jpeg::encode::{Huffman, Planes, Process, Request, encode};
use img_codec::plane::Plane;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const ROUNDS: usize = 41;

const QUALITY: u8 = 80;

fn main() {
    println!("                                     ours          jpeg-encoder");
    println!("pixels       codes, process       ms    bytes       ms    bytes");
    for (width, height) in [(320, 240), (1024, 768)] {
        let rgb = photo(width, height);
        let [y, cb, cr] = ycbcr_from_rgb(&rgb, width, height, Chroma::Half);
        for (huffman, process, name) in [
            (Huffman::Standard, Process::Sequential, "standard"),
            (Huffman::Optimal, Process::Sequential, "optimal"),
            (Huffman::Optimal, Process::Progressive, "progressive"),
        ] {
            let request = Request {
                width_px: u32::try_from(width).expect("small"),
                height_px: u32::try_from(height).expect("small"),
                planes: Planes::YCbCr([&y, &cb, &cr]),
                quality: QUALITY,
                huffman,
                process,
                segments: &[],
            };
            let (ours, our_bytes) = fastest(|| encode(&request).expect("a fine request").len());
            let (theirs, their_bytes) =
                fastest(|| theirs(&rgb, (width, height), (huffman, process)));
            println!(
                "{width:>4}x{height:<5} {name:<14} {:>8.3} {our_bytes:>8} {:>8.3} {their_bytes:>8}",
                ms(ours),
                ms(theirs)
            );
        }
        colours(&rgb, (width, height));
    }
}

fn theirs(rgb: &[u8], (width, height): (usize, usize), way: (Huffman, Process)) -> usize {
    let mut file = Vec::with_capacity(rgb.len() / 4);
    let mut encoder = Encoder::new(&mut file, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(way.0 == Huffman::Optimal);
    encoder.set_progressive(way.1 == Process::Progressive);
    let (width, height) = (
        u16::try_from(width).expect("small"),
        u16::try_from(height).expect("small"),
    );
    encoder
        .encode(rgb, width, height, ColorType::Rgb)
        .expect("a fine image");
    file.len()
}

/// What jpeg-encoder does besides: conversion and subsampling, here of their own.
fn colours(rgb: &[u8], (width, height): (usize, usize)) {
    let (half, _) = fastest(|| ycbcr_from_rgb(rgb, width, height, Chroma::Half)[1].width());
    let planes: [Plane; 3] = ycbcr_from_rgb(rgb, width, height, Chroma::Full);
    let (back, _) = fastest(|| rgb_from_ycbcr(&planes).len());
    let (joined, _) = fastest(|| join(&planes).len());
    println!(
        "{width:>4}x{height:<5} RGB to Y'CbCr 4:2:0 {:.3} ms, 4:4:4 to RGB {:.3} ms, joined {:.3} ms",
        ms(half),
        ms(back),
        ms(joined)
    );
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The fastest of many rounds: what else the machine does is not to be measured.
fn fastest(mut work: impl FnMut() -> usize) -> (Duration, usize) {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let answer = work();
        (start.elapsed(), answer)
    });
    times.min().expect("there are rounds")
}

/// Slopes, waves at several scales, edges and a little grain.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a sample saturates"
)]
fn photo(width: usize, height: usize) -> Vec<u8> {
    let mut grain = 1_u32;
    let pixels = (0..width * height).map(|i| (i % width, i / width));
    pixels
        .flat_map(|(x, y)| {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let edge = if (x / 37 + y / 29) % 3 == 0 {
                25.0
            } else {
                0.0
            };
            let (x, y) = (x as f64, y as f64);
            let wave = (x * 0.05).sin() + (y * 0.03).cos() + (x * y * 0.0007).sin() * 0.6;
            let light = 120.0 + wave * 40.0 + f64::from(grain >> 28);
            [light, light + edge, light * 0.7 + edge].map(|value| value as u8)
        })
        .collect()
}
