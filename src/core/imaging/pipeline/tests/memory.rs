//! What a derivation takes at once, against what was said it would.

use super::*;
use crate::imaging::sample::photo;
use crate::model::options::Options;

#[test]
fn memory_covers_the_decoded_pixels_and_the_derivatives() {
    let recipes = [
        recipe(Fit::Contain, 100, 100, OutputFormat::Webp),
        recipe(Fit::Pad, 2_000, 2_000, OutputFormat::Png),
    ];
    for (media, bytes) in decodable() {
        let limits = Limits {
            svg: SvgPolicy::Accept,
            ..Limits::default()
        };
        let inspected = inspect(&bytes, &limits).unwrap();
        let decoded = 24 * 16 * 3;
        assert!(inspected.decoder_bytes >= decoded, "{media}");
        let needed = memory_needed(&bytes, &inspected, &recipes, &Limits::default());
        assert!(needed >= decoded + 2_000 * 2_000 * 4, "{media}");
        assert!(
            needed > memory_needed(&bytes, &inspected, &recipes[..1], &Limits::default()),
            "{media}"
        );
    }
    let deep = DynamicImage::ImageRgba16(quadrants(24, 16).to_rgba16());
    let inspected = inspect(&write(&deep, ImageFormat::Png), &Limits::default()).unwrap();
    assert!(inspected.decoder_bytes >= 24 * 16 * (8 + 4));
}

/// Names a file of an original, and a format, to the process that is measured.
const MEASURED: &str = "IMG_MEASURED_DERIVATION";

/// What derivatives are made of in a process of their own.
const JOB: &str = "imaging::pipeline::tests::memory::one_derivation_alone";

/// The largest resident set so far and that of now, in bytes, as Linux counts them.
fn resident() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib << 10)
    };
    Some((value("VmHWM:")?, value("VmRSS:")?))
}

/// Options and formats that take most, each in its way, of an original of 1,800 × 1,200 px.
const WANTED: [(&str, OutputFormat); 13] = [
    ("w=1200", OutputFormat::Jpeg),
    ("w=1200,progressive=1,chroma=444", OutputFormat::Jpeg),
    ("w=1200,blur=3,sharpen=1", OutputFormat::Jpeg),
    ("w=1200", OutputFormat::Png),
    ("w=1200,colors=64", OutputFormat::Png),
    ("w=1200", OutputFormat::Webp),
    ("w=1200,lossless=1,effort=slow", OutputFormat::Webp),
    ("w=1200", OutputFormat::Avif),
    ("w=1200,effort=slow", OutputFormat::Avif),
    ("w=1200,lossless=1", OutputFormat::Avif),
    ("w=1200", OutputFormat::Gif),
    ("w=1200,ssim2=70,qmin=60,qmax=70", OutputFormat::Jpeg),
    ("w=1200,ssim2=70,qmin=60,qmax=63", OutputFormat::Avif),
];

fn wanted(options: &str, format: OutputFormat) -> Recipe {
    options.parse::<Options>().unwrap().recipe(format)
}

#[test]
#[ignore = "a part of the test below: memory is measured in a process that has done nothing else"]
fn one_derivation_alone() {
    let Some(job) = std::env::var_os(MEASURED) else {
        return;
    };
    let job = job.into_string().unwrap();
    let mut words = job.splitn(3, ' ');
    let mut word = || words.next().unwrap();
    let recipe = wanted(word(), word().parse().unwrap());
    let original = std::fs::read(word()).unwrap();
    let (_, before) = resident().unwrap();
    let derived = encoded(&original, recipe);
    let (most, _) = resident().unwrap();
    assert_eq!((derived.width_px, derived.height_px), (1_200, 800));
    println!("took {}", most - before);
}

/// Bytes that a derivation takes at most.
fn measured(path: &std::path::Path, (options, format): (&str, OutputFormat)) -> u64 {
    let job = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            JOB,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(MEASURED, format!("{options} {format} {}", path.display()))
        .output()
        .unwrap();
    let output = String::from_utf8(job.stdout).unwrap();
    let took = output.lines().find_map(|line| line.split_once("took "));
    let Some((_, took)) = took else {
        panic!("{output}");
    };
    took.parse().unwrap()
}

/// One picture of 1,800 × 1,200 px in several files; once with alpha.
fn originals() -> [(&'static str, Vec<u8>); 4] {
    let encoding = Encoding::new(OutputFormat::Png, Quality::Fixed(100));
    let drawn = photo((1_800, 1_200), encoding);
    let mut image = read(&drawn);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        pixel[3] = (x / 8 + y / 8).to_le_bytes()[0];
    }
    let alpha = write(&DynamicImage::ImageRgba8(image), ImageFormat::Png);
    let of = |format| encoded(&drawn, wanted("w=1800,q=85", format)).bytes;
    let (jpeg, webp) = (of(OutputFormat::Jpeg), of(OutputFormat::Webp));
    [
        ("png", drawn),
        ("jpg", jpeg),
        ("webp", webp),
        ("alpha", alpha),
    ]
}

#[test]
fn no_derivation_takes_more_than_was_said() {
    if resident().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (mut report, mut enough) = (Vec::new(), true);
    for (kind, file) in originals() {
        let path = directory.path().join(kind);
        std::fs::write(&path, &file).unwrap();
        let limits = Limits::default();
        let inspected = inspect(&file, &limits).unwrap();
        let shows = |(options, format): &(&str, OutputFormat)| match kind {
            "jpg" => true,
            "alpha" => {
                [OutputFormat::Webp, OutputFormat::Avif].contains(format)
                    && !options.contains("ssim2")
            }
            // What an original takes shows by one of them.
            _ => (*options, *format) == WANTED[0],
        };
        for (options, format) in WANTED.iter().filter(|job| shows(job)) {
            let recipe = wanted(options, *format);
            let needed = memory_needed(&file, &inspected, &[recipe], &limits);
            let took = measured(&path, (options, *format));
            enough &= took <= needed;
            let [took, needed] = [took, needed].map(|bytes| bytes / 100_000);
            report.push(format!(
                "{kind} to {format} {options}: {took} of {needed} × 100 kB"
            ));
        }
    }
    println!("{}", report.join("\n"));
    assert!(enough, "{}", report.join("\n"));
}
