//! Times the resampler beside fast_image_resize, on the three planes of a 4:2:0 photo decoded at 1.25× and more.
//!
//! `taskset -c 0 cargo run --release -p img-codec --example resample_speed`
#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

use std::time::{Duration, Instant};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use img_codec::plane::Plane;
use img_codec::resample::{Resampler, Span, resample};

const ROUNDS: usize = 41;

type Size = (usize, usize);

fn main() {
    println!("luma from → to             ours ms   weights kept   fast_image_resize ms");
    for (from, to) in [
        ((504, 378), (320, 240)),
        ((800, 600), (320, 240)),
        ((1512, 1134), (1024, 768)),
        ((2016, 1512), (1024, 768)),
        ((4032, 3024), (1024, 768)),
        ((640, 480), (1024, 768)),
    ] {
        let planes = [photo(from), photo(halved(from)), photo(halved(from))];
        let sizes = [to, halved(to), halved(to)];
        let ours = fastest(|| {
            for (plane, to) in planes.iter().zip(sizes) {
                let (across, down) = spans((plane.width(), plane.height()), to);
                std::hint::black_box(resample(plane, across, down));
            }
        });
        let kept: Vec<Resampler> = [(from, to), (halved(from), halved(to))]
            .map(|(from, to)| {
                let (across, down) = spans(from, to);
                Resampler::new(from.0, from.1, across, down)
            })
            .into();
        let weights_kept = fastest(|| {
            for (plane, resampler) in planes.iter().zip([&kept[0], &kept[1], &kept[1]]) {
                std::hint::black_box(resampler.resample(plane));
            }
        });
        let theirs = theirs(&planes, sizes);
        println!(
            "{:>4}x{:<4} → {:>4}x{:<4} {:>14.3} {:>14.3} {:>22.3}",
            from.0,
            from.1,
            to.0,
            to.1,
            ms(ours),
            ms(weights_kept),
            ms(theirs)
        );
    }
}

fn theirs(planes: &[Plane; 3], sizes: [Size; 3]) -> Duration {
    let packed: Vec<Vec<u8>> = planes
        .iter()
        .map(|plane| plane.rows().flatten().copied().collect())
        .collect();
    let mut resizer = Resizer::new();
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    fastest(|| {
        for ((plane, samples), to) in planes.iter().zip(&packed).zip(sizes) {
            let (width, height) = (pixels(plane.width()), pixels(plane.height()));
            let from = ImageRef::new(width, height, samples, PixelType::U8).expect("a whole plane");
            let mut made = Image::new(pixels(to.0), pixels(to.1), PixelType::U8);
            resizer
                .resize(&from, &mut made, &options)
                .expect("planes of one kind");
            std::hint::black_box(made);
        }
    })
}

fn spans(from: Size, to: Size) -> (Span, Span) {
    (Span::whole(from.0, to.0), Span::whole(from.1, to.1))
}

fn halved((width, height): Size) -> Size {
    (width.div_ceil(2), height.div_ceil(2))
}

fn pixels(length: usize) -> u32 {
    u32::try_from(length).expect("a small plane")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The fastest of many rounds: what else the machine does is not to be measured.
fn fastest(mut work: impl FnMut()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    times.min().expect("there are rounds")
}

/// Slopes, waves and grain.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a sample saturates"
)]
fn photo((width, height): Size) -> Plane {
    let mut plane = Plane::new(width, height);
    let mut grain = 1_u32;
    for y in 0..height {
        for (x, sample) in plane.row_mut(y).iter_mut().enumerate() {
            grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (x as f64, y as f64);
            let wave = ((x * 0.05).sin() + (y * 0.03).cos()) * 50.0;
            *sample = (128.0 + wave + f64::from(grain >> 28)) as u8;
        }
    }
    plane
}
