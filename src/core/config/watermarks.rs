//! The section `[watermarks]`: from text and files to watermarks, collecting every fault.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::config::section::WatermarkSection;
use crate::imaging::{Limits, can_decode, check_text, inspect};
use crate::model::geometry::{Point, Rgb};
use crate::model::watermark::{Mark, Tiling, Watermark, WatermarkName, Watermarks};

/// Fonts with all of Chinese, Japanese and Korean are some 20 MB.
const FONT_BYTES_MAX: u64 = 32 << 20;
/// A line that is longer cannot be read on an image.
const TEXT_CHARS_MAX: usize = 200;
/// More would be a page on an image.
const TEXT_LINES_MAX: usize = 10;
/// There is no font in the build, and what a machine has is not the same on the next one.
const FONT_MISSING: &str = "text needs `font`, a .ttf or .otf file: such as \
    /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf after `apt install fonts-dejavu-core`";
/// As far as a mark can be from an edge, or a letter be high.
const SIDE_PX_MAX: u32 = 4096;
const TEXT_SIZE_PX_DEFAULT: u32 = 24;

/// Faults name the key, the file where there is one, and the cure.
pub(super) fn load(
    sections: &BTreeMap<String, WatermarkSection>,
    data: &Path,
    limits: &Limits,
    faults: &mut Vec<String>,
) -> Watermarks {
    let mut watermarks = Watermarks::default();
    for (name, section) in sections {
        let mut reading = Reading {
            section,
            data,
            limits,
            faults: Vec::new(),
        };
        let watermark = reading.watermark();
        match (name.parse::<WatermarkName>(), watermark) {
            (Ok(name), Some(watermark)) if reading.faults.is_empty() => {
                watermarks.declare(name, watermark);
            }
            (Ok(_), _) => {}
            (Err(error), _) => reading.faults.push(error.to_string()),
        }
        let found = reading.faults.into_iter();
        faults.extend(found.map(|fault| format!("  watermarks.{name}: {fault}")));
    }
    watermarks
}

struct Reading<'a> {
    section: &'a WatermarkSection,
    data: &'a Path,
    limits: &'a Limits,
    faults: Vec<String>,
}

impl Reading<'_> {
    fn watermark(&mut self) -> Option<Watermark> {
        let section = self.section;
        let mark = self.mark();
        let position = Point::find_word(&section.position);
        if position.is_none() {
            self.faults.push(format!(
                "position is `{}`, expected centre, top, bottom, left, right or a corner such as bottom-right",
                section.position
            ));
        }
        if section.margin_px > SIDE_PX_MAX {
            let found = section.margin_px;
            self.faults
                .push(format!("margin_px is {found}, expected 0 to {SIDE_PX_MAX}"));
        }
        let scale = section.scale.map(|share| (share, permille(share, 10)));
        if let Some((share, None)) = scale {
            self.faults.push(format!(
                "scale is {share}, expected 0.01 to 1 with three decimals at most"
            ));
        }
        let opacity = permille(section.opacity, 0);
        if opacity.is_none() {
            let found = section.opacity;
            self.faults.push(format!(
                "opacity is {found}, expected 0 to 1 with three decimals at most"
            ));
        }
        Some(Watermark {
            mark: mark?,
            position: position?,
            margin_px: section.margin_px,
            scale_permille: scale.and_then(|(_, permille)| permille),
            opacity_permille: opacity?,
            tiling: if section.tile {
                Tiling::Everywhere
            } else {
                Tiling::Once
            },
        })
    }

    fn mark(&mut self) -> Option<Mark> {
        let section = self.section;
        match (&section.image, &section.text) {
            (Some(image), None) => {
                let of_text = [
                    ("font", section.font.is_some()),
                    ("colour", section.colour.is_some()),
                    ("size_px", section.size_px.is_some()),
                ];
                for (key, _) in of_text.into_iter().filter(|&(_, is_given)| is_given) {
                    self.faults.push(format!(
                        "{key} is for text, and this is an image: remove it"
                    ));
                }
                Some(Mark::Image {
                    bytes: self.image(image)?,
                })
            }
            (None, Some(text)) => self.text(text),
            (Some(_), Some(_)) | (None, None) => {
                self.faults
                    .push("give either image or text, one of the two".to_owned());
                None
            }
        }
    }

    fn image(&mut self, path: &Path) -> Option<Arc<[u8]>> {
        let bytes = self.read("image", path, self.limits.bytes_max)?;
        let fault = match inspect(&bytes, self.limits) {
            Ok(inspected) if can_decode(inspected.media) => return Some(bytes),
            Ok(inspected) => format!("is {}, which cannot be decoded", inspected.media),
            Err(error) => format!("cannot be used: {error}"),
        };
        let path = self.data.join(path);
        self.faults.push(format!(
            "image {} {fault}; a PNG with transparency serves best",
            path.display()
        ));
        None
    }

    fn text(&mut self, text: &str) -> Option<Mark> {
        let section = self.section;
        let is_text = self.check_length(text);
        let size_px = section.size_px.unwrap_or(TEXT_SIZE_PX_DEFAULT);
        if !(1..=SIDE_PX_MAX).contains(&size_px) {
            self.faults
                .push(format!("size_px is {size_px}, expected 1 to {SIDE_PX_MAX}"));
        }
        let colour = section.colour.as_deref().map(str::parse::<Rgb>);
        if let Some(Err(_)) = colour {
            self.faults
                .push("colour is not six hex digits such as ffffff".to_owned());
        }
        let Some(path) = &section.font else {
            self.faults.push(FONT_MISSING.to_owned());
            return None;
        };
        let font = self.font(path)?;
        if is_text && let Err(error) = check_text(text, &font) {
            let path = self.data.join(path);
            self.faults.push(format!(
                "font {} cannot draw the text: {}",
                path.display(),
                chain(&error)
            ));
        }
        Some(Mark::Text {
            text: text.to_owned(),
            font,
            colour: colour.transpose().ok()?.unwrap_or(Rgb::WHITE),
            size_px,
        })
    }

    fn check_length(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let lines = text.split('\n').count();
        let is_text = (1..=TEXT_CHARS_MAX).contains(&length)
            && lines <= TEXT_LINES_MAX
            && !text.chars().any(|c| c.is_control() && c != '\n');
        if !is_text {
            self.faults.push(format!(
                "text has {length} characters in {lines} lines, expected 1 to {TEXT_CHARS_MAX} in at most {TEXT_LINES_MAX}, and no control characters but line feeds"
            ));
        }
        is_text
    }

    fn font(&mut self, path: &Path) -> Option<Arc<[u8]>> {
        // TrueType, OpenType with CFF outlines, Apple's TrueType (OpenType specification, "Organization of an OpenType
        // font").
        const SIGNATURES: [&[u8; 4]; 3] = [b"\0\x01\0\0", b"OTTO", b"true"];
        let bytes = self.read("font", path, FONT_BYTES_MAX)?;
        if SIGNATURES
            .iter()
            .any(|signature| bytes.starts_with(*signature))
        {
            return Some(bytes);
        }
        let path = self.data.join(path);
        self.faults.push(format!(
            "font {} is neither TrueType nor OpenType: give a .ttf or .otf file",
            path.display()
        ));
        None
    }

    fn read(&mut self, key: &str, path: &Path, bytes_max: u64) -> Option<Arc<[u8]>> {
        let path = self.data.join(path);
        let fault = match read_bounded(&path, bytes_max) {
            Ok(bytes) if bytes.len() as u64 <= bytes_max => return Some(bytes.into()),
            Ok(_) => format!("is larger than {bytes_max} bytes: give a smaller file"),
            Err(error) => {
                format!("cannot be read: {error}; put the file there or correct the path")
            }
        };
        self.faults
            .push(format!("{key} {} {fault}", path.display()));
        None
    }
}

/// An error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text = format!("{text}: {found}");
        cause = found.source();
    }
    text
}

/// One byte more than the bound tells that there is more.
fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its other end.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    let mut bounded = File::open(path)?.take(bytes_max.saturating_add(1));
    bounded.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A share with three decimals at most, of at least `min` thousandths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 0..=1000"
)]
fn permille(share: f64, min: u16) -> Option<u16> {
    let thousandths = share * 1000.0;
    let whole = thousandths.round();
    let is_exact = (thousandths - whole).abs() < 1e-6;
    (is_exact && (f64::from(min)..=1000.0).contains(&whole)).then_some(whole as u16)
}

#[cfg(test)]
mod tests;
