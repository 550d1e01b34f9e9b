//! Small files that claim to be large: refused soon, and before the memory is taken that they ask for.

use std::time::{Duration, Instant};

use img_core::imaging::Limits;
use img_core::model::media::OutputFormat;

use crate::memory::taken_by;
use crate::{alone, derive_one, limits, originals, recipe};

/// What a refusal may take: reading the file, and tables of a fixed size.
const MEMORY_MAX_BYTES: u64 = 48 << 20;

/// On any machine and beside any other work.
const TIME_MAX: Duration = Duration::from_secs(5);

fn original(wanted: &str) -> Vec<u8> {
    let named = originals::all().into_iter();
    let mut found = named.filter(|(name, _)| name == wanted);
    found.next().unwrap().1
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    let found = bytes.windows(part.len()).position(|at| at == part);
    found.unwrap()
}

/// `value` written over what stands `ahead` bytes behind the start of `part`.
fn changed(mut bytes: Vec<u8>, (part, ahead): (&[u8], usize), value: &[u8]) -> Vec<u8> {
    let at = find(&bytes, part) + ahead;
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

/// A progressive JPEG of a few hundred bytes.
fn progressive(width: u16, height: u16) -> Vec<u8> {
    let small = original("progressive YCbCr JPEG");
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    let mut bytes = changed(small, (&[0xff, 0xc2], 5), &sides);
    let scan = find(&bytes, &[0xff, 0xda]);
    bytes.truncate(scan + 60);
    bytes.extend([0xff, 0xd9]);
    bytes
}

fn many_scans() -> Vec<u8> {
    let mut bytes = original("progressive YCbCr JPEG");
    bytes.truncate(bytes.len() - 2);
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]);
    let scan = bytes[last.unwrap()..].to_vec();
    for _ in 0..2_000 {
        bytes.extend(&scan);
    }
    bytes.extend([0xff, 0xd9]);
    bytes
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let mut bytes = changed(original("PNG"), (b"IHDR", 4), &sides);
    let checksum = !bytes[12..29].iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            }
        })
    });
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// Without a ratio, both sides in 30 bits: ISO/IEC 18181-1, table of SizeHeader.
fn jxl(side: u32) -> Vec<u8> {
    let side = u128::from(side - 1);
    let bits: u128 = 3 << 1 | side << 3 | 3 << 36 | side << 38;
    [&[0xff, 0x0a][..], &bits.to_le_bytes()].concat()
}

fn svg(attributes: &str, inside: &str) -> Vec<u8> {
    let head = "<svg xmlns='http://www.w3.org/2000/svg'";
    format!("{head} {attributes}>{inside}</svg>").into_bytes()
}

/// Each with the code that it is refused by.
fn bombs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let nested = "<g opacity='.5'>".repeat(100_000) + &"</g>".repeat(100_000);
    let le16 = |side: u16| side.to_le_bytes().repeat(2);
    let le32 = |side: u32| side.to_le_bytes().repeat(2);
    let be32 = |side: u32| side.to_be_bytes().repeat(2);
    let avif = original("AVIF");
    let filter = "<filter id='f'><feTurbulence baseFrequency='.1' numOctaves='4000000000'/></filter>\
                  <rect width='9' height='9' filter='url(#f)'/>";
    vec![
        ("JPEG, sides", progressive(65_500, 65_500), "limit-side"),
        ("JPEG, pixels", progressive(16_000, 16_000), "limit-pixels"),
        (
            "JPEG within limits",
            progressive(16_000, 3_000),
            "image-truncated",
        ),
        ("JPEG, scans", many_scans(), "limit-scans"),
        ("PNG, sides", png(20_000, 20_000), "limit-side"),
        ("PNG, pixels", png(16_000, 16_000), "limit-pixels"),
        ("PNG within limits", png(16_000, 3_000), "image-corrupt"),
        (
            "GIF",
            changed(original("GIF"), (b"GIF89a", 6), &le16(u16::MAX)),
            "limit-side",
        ),
        (
            "WebP",
            changed(original("moving WebP"), (b"VP8X", 12), &[0xff; 6]),
            "limit-side",
        ),
        (
            "AVIF",
            changed(avif.clone(), (b"ispe", 8), &be32(1 << 20)),
            "limit-side",
        ),
        (
            "AVIF within limits",
            changed(avif, (b"ispe", 8), &be32(7_000)),
            "image-corrupt",
        ),
        ("JPEG XL", jxl(1 << 30), "limit-side"),
        ("JPEG XL within limits", jxl(7_000), "image-corrupt"),
        (
            "BMP",
            changed(original("BMP"), (b"BM", 18), &le32(1 << 30)),
            "limit-side",
        ),
        (
            "SVG, sides",
            svg("width='1e9' height='1e9'", "<g/>"),
            "limit-side",
        ),
        (
            "SVG, depth",
            svg("width='9' height='9'", &nested),
            "image-corrupt",
        ),
        (
            "SVG, filter",
            svg("width='900' height='900'", filter),
            "image-corrupt",
        ),
    ]
}

#[test]
fn small_files_that_cost_much_are_refused_soon_and_before_memory_is_taken() {
    let _alone = alone();
    let small = recipe(OutputFormat::Jpeg, "w=320");
    let full = recipe(OutputFormat::Png, "w=4000,effort=fast");
    let mut faults = Vec::new();
    for (name, bomb, code) in bombs() {
        for recipe in [small, full] {
            let started = Instant::now();
            let (derived, taken) = taken_by(|| derive_one(&bomb, recipe, &limits()));
            let took = started.elapsed();
            let found = derived.map_or_else(|refused| refused.code(), |_| "a derivative");
            if found != code || took > TIME_MAX || taken > MEMORY_MAX_BYTES {
                faults.push(format!("{name}: {found}, {took:?}, {taken} bytes"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn svg_is_refused_unread_by_default() {
    let file = svg("width='9' height='9'", "<g/>");
    let recipe = recipe(OutputFormat::Png, "w=9");
    let refused = derive_one(&file, recipe, &Limits::default());
    assert_eq!(refused.unwrap_err().code(), "svg-refused");
}
