//! Writes small files of every kind to start fuzzing from, drawn by code: `corpus DIR` fills one directory in `DIR` for
//! each target.

use std::fs;
use std::path::Path;

mod drawing; // what the files show
mod jpegs; // JPEG of every process, sampling and colour space
mod pngs; // PNG of every kind
mod others; // one file of each of the other formats

/// Bits of the first byte that `jpeg_decode` and `png_decode` choose scale and policy by.
const CHOICES: [u8; 6] = [0, 1, 3, 7, 24, 26];

/// Options that `derive` reads from the first line; each touches other steps of the pipeline.
const OPTIONS: [&str; 8] = [
    "jpeg w=20",
    "png w=20,h=20,fit=cover,gravity=auto",
    "webp w=16,h=16,fit=pad,background=ff0000",
    "gif w=20,h=9,fit=cover,gravity=entropy",
    "jpeg w=64,enlarge=1,sharpen=2,rotate=90",
    "png w=30,trim=10,blur=2",
    "webp w=12,anim=1",
    "jpeg h=7,metadata=copyright,profile=keep",
];

fn main() {
    let dir = std::env::args().nth(1).expect("usage: corpus DIR");
    let dir = Path::new(&dir);
    let (jpegs, pngs) = (jpegs::all(), pngs::all());
    let heads = CHOICES.map(|choice| vec![choice]);
    write_all(&dir.join("jpeg_decode"), &heads, &jpegs);
    write_all(&dir.join("png_decode"), &heads, &pngs);
    let heads = OPTIONS.map(|options| format!("{options}\n").into_bytes());
    let few = |files: &[Vec<u8>]| files.iter().step_by(9).cloned().collect::<Vec<_>>();
    let all = [few(&jpegs), few(&pngs), others::all()].concat();
    write_all(&dir.join("derive"), &heads, &all);
}

/// Each file once behind every head.
fn write_all(dir: &Path, heads: &[Vec<u8>], files: &[Vec<u8>]) {
    fs::create_dir_all(dir).expect("create the directory of a corpus");
    for (index, file) in files.iter().enumerate() {
        for (number, head) in heads.iter().enumerate() {
            let path = dir.join(format!("{index:03}-{number:02}"));
            fs::write(path, [&head[..], file].concat()).expect("write a file of a corpus");
        }
    }
}
