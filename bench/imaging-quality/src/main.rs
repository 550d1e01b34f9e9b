//! For each line `<original>\t<derivative>` on standard input: prints `<SSIMULACRA2> <PSNR-Y in dB>`.
//!
//! The reference is the original, fully decoded and resized to the size of the derivative by Lanczos3 in floating point, in
//! sRGB-encoded values: what vips, sharp and Pillow aim at too. Nothing of it is rounded to 8 bits.

mod lanczos;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Write};

use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use crate::lanczos::Plane;

type Fault = Box<dyn Error>;

/// Red, green, blue, each from 0 to 1.
type Picture = [Plane; 3];

fn main() -> Result<(), Fault> {
    let mut of = String::new();
    let mut original: Option<Picture> = None;
    let mut references: HashMap<(usize, usize), Picture> = HashMap::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (file, derivative) = line.split_once('\t').ok_or("not two fields")?;
        if file != of || original.is_none() {
            original = Some(read(file)?);
            references.clear();
            of = file.to_owned();
        }
        let whole = original.as_ref().ok_or("no original")?;
        let seen = read(derivative)?;
        let size = (seen[0].width, seen[0].height);
        let reference = references
            .entry(size)
            .or_insert_with(|| whole.each_ref().map(|plane| plane.resize(size.0, size.1)));
        let ssimulacra2 = compute_frame_ssimulacra2(rgb(reference)?, rgb(&seen)?)?;
        println!("{ssimulacra2:.4} {:.4}", psnr_luma(reference, &seen));
        io::stdout().flush()?;
    }
    Ok(())
}

fn read(file: &str) -> Result<Picture, Fault> {
    let image = image::ImageReader::open(file)?.with_guessed_format()?;
    let image = image.decode()?.into_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok([0, 1, 2].map(|channel| {
        let values = image.as_raw().iter().skip(channel).step_by(3);
        Plane {
            width,
            height,
            values: values.map(|&value| f32::from(value) / 255.0).collect(),
        }
    }))
}

fn rgb(picture: &Picture) -> Result<Rgb, Fault> {
    let [red, green, blue] = picture;
    let pixels = (0..red.values.len())
        .map(|at| [red.values[at], green.values[at], blue.values[at]].map(|v| v.clamp(0.0, 1.0)))
        .collect();
    let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
    let made = Rgb::new(pixels, red.width, red.height, transfer, primaries);
    made.map_err(|fault| format!("{fault:?}").into())
}

/// Of luma as JPEG defines it (ITU-T T.871), in 8-bit units.
fn psnr_luma(reference: &Picture, seen: &Picture) -> f64 {
    let luma = |picture: &Picture, at: usize| {
        let [red, green, blue] = picture.each_ref().map(|plane| f64::from(plane.values[at]));
        255.0 * (0.299 * red + 0.587 * green + 0.114 * blue).clamp(0.0, 1.0)
    };
    let count = seen[0].values.len();
    let sum: f64 = (0..count)
        .map(|at| (luma(reference, at) - luma(seen, at)).powi(2))
        .sum();
    10.0 * (255.0 * 255.0 / (sum / count as f64).max(1e-12)).log10()
}
