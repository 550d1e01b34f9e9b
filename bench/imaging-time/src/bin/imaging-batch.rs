//! `imaging-batch ours|image THREADS OUT DERIVATIVE… -- FILE…`: many files in one process, as the peers are run.
//!
//! A derivative is `WIDTH:FORMAT:QUALITY`. `ours` is img-core; `image` is the crate of that name alone.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use img_core::imaging::{DeriveRequest, Limits, NeverStop, derive};
use img_core::model::media::OutputFormat;
use img_core::model::options::Options;
use img_core::model::watermark::Watermarks;

type Fault = Box<dyn Error + Send + Sync>;

struct Wanted {
    width_px: u32,
    format: String,
    quality: u8,
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Fault> {
        let fields: Vec<&str> = text.split(':').collect();
        let [width_px, format, quality] = fields[..] else {
            return Err(format!("`{text}` is not WIDTH:FORMAT:QUALITY").into());
        };
        Ok(Self {
            width_px: width_px.parse()?,
            format: format.to_owned(),
            quality: quality.parse()?,
        })
    }

    fn path(&self, out: &Path, file: &Path) -> PathBuf {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        out.join(format!("{stem}-{}.{}", self.width_px, self.format))
    }
}

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let end = args.iter().position(|arg| arg == "--").ok_or("no --")?;
    let [mode, threads, out, derivatives @ ..] = &args[..end] else {
        return Err("no MODE THREADS OUT".into());
    };
    let wanted: Vec<Wanted> = derivatives
        .iter()
        .map(|text| Wanted::parse(text))
        .collect::<Result<_, _>>()?;
    let work = match mode.as_str() {
        "ours" => ours,
        "image" => image_alone,
        _ => return Err(format!("no mode `{mode}`").into()),
    };
    let files = &args[end + 1..];
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(Path::new(file), Path::new(out), &wanted)
                .map_err(|fault| format!("{file}: {fault}"))?;
        }
        Ok::<(), Fault>(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.parse()?).map(|_| scope.spawn(run)).collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok(())
    })
}

fn ours(file: &Path, out: &Path, wanted: &[Wanted]) -> Result<(), Fault> {
    let recipe = |wanted: &Wanted| {
        let options: Options = format!("w={},q={}", wanted.width_px, wanted.quality).parse()?;
        let format: OutputFormat = wanted.format.parse()?;
        Ok(options.recipe(format))
    };
    let recipes: Vec<_> = wanted.iter().map(recipe).collect::<Result<_, Fault>>()?;
    let original = fs::read(file)?;
    let made = derive(&DeriveRequest {
        original: &original,
        recipes: &recipes,
        watermarks: &Watermarks::default(),
        limits: &Limits::default(),
        stop: &NeverStop,
    })?;
    for (wanted, encoded) in wanted.iter().zip(made) {
        fs::write(wanted.path(out, file), encoded.bytes)?;
    }
    Ok(())
}

/// As one would use it without thinking further: Lanczos3, and 4:4:4, the only subsampling that it writes.
fn image_alone(file: &Path, out: &Path, wanted: &[Wanted]) -> Result<(), Fault> {
    let original = image::open(file)?.into_rgb8();
    for wanted in wanted {
        if wanted.format != "jpg" {
            return Err("the image crate has no lossy encoder for it".into());
        }
        let ratio = f64::from(original.height()) / f64::from(original.width());
        let height_px = (f64::from(wanted.width_px) * ratio).round().max(1.0) as u32;
        let small =
            image::imageops::resize(&original, wanted.width_px, height_px, FilterType::Lanczos3);
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, wanted.quality).encode_image(&small)?;
        fs::write(wanted.path(out, file), bytes)?;
    }
    Ok(())
}
