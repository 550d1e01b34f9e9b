//! Watermarks as they are declared, with files of a directory of the test.

use std::fs;

use super::*;
use crate::config::{Config, ConfigError};
use crate::imaging::{drawn_font, noise_jpeg};

fn parse(data: &Path, text: &str) -> Result<Config, ConfigError> {
    Config::parse(data, &data.join("imgctl.toml"), text)
}

/// A directory with `logo.jpg`, an image, and `mono.ttf`, a font that has `I` and `-`.
fn data() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("logo.jpg"), noise_jpeg(16, 16, 1)).unwrap();
    fs::write(dir.path().join("mono.ttf"), drawn_font()).unwrap();
    dir
}

const DECLARED: &str = "
    [watermarks.logo]
    image = 'logo.jpg'
    position = 'top-left'
    margin_px = 0
    scale = 0.25
    opacity = 0.5
    tile = true
    [watermarks.name]
    text = 'I-I'
    font = 'mono.ttf'
    colour = 'ff8000'
    size_px = 40
    [presets.card]
    width = 640
    formats = ['webp', 'jpg']
    watermark = 'logo'
";

#[test]
fn a_watermark_is_an_image_or_text_and_a_preset_names_it_with_its_fingerprint() {
    let dir = data();
    let config = parse(dir.path(), DECLARED).unwrap();
    let named = |name: &str| config.origin.watermarks.get(name.parse().unwrap()).unwrap();

    let logo = named("logo");
    assert!(matches!(&logo.mark, Mark::Image { bytes } if bytes.starts_with(b"\xff\xd8")));
    assert_eq!(logo.position.to_string(), "top-left");
    assert_eq!(
        (logo.scale_permille, logo.opacity_permille),
        (Some(250), 500)
    );
    assert_eq!(logo.tiling, Tiling::Everywhere);
    let name = named("name");
    assert!(matches!(&name.mark, Mark::Text { size_px: 40, .. }));
    assert_eq!((name.scale_permille, name.opacity_permille), (None, 1000));
    assert_eq!((name.position, name.margin_px), (Point::BOTTOM_RIGHT, 16));

    let (_, card) = config.presets.first_key_value().unwrap();
    let printed = card.to_string();
    assert!(
        printed.contains(&format!(" watermark=logo@{} webp:79", logo.fingerprint())),
        "{printed}"
    );
}

#[test]
fn a_changed_file_changes_the_presets_that_use_it() {
    let dir = data();
    let printed = || {
        let config = parse(dir.path(), DECLARED).unwrap();
        let (_, card) = config.presets.first_key_value().unwrap();
        card.to_string()
    };
    let before = printed();
    assert_eq!(printed(), before);
    fs::write(dir.path().join("logo.jpg"), noise_jpeg(16, 16, 2)).unwrap();
    assert_ne!(printed(), before);
}

#[test]
fn every_fault_is_told_at_once_with_file_and_cure() {
    let dir = data();
    fs::write(dir.path().join("notes.txt"), "no image").unwrap();
    let text = "
        [watermarks.Bad]
        text = 'x'
        [watermarks.gone]
        image = 'gone.png'
        [watermarks.notes]
        image = 'notes.txt'
        [watermarks.dir]
        image = '.'
        [watermarks.both]
        image = 'logo.jpg'
        text = 'x'
        [watermarks.neither]
        [watermarks.odd]
        image = 'logo.jpg'
        size_px = 3
        position = '0.5x0.5'
        margin_px = 5000
        scale = 1.5
        opacity = 0.0001
        [watermarks.words]
        text = ''
        font = 'notes.txt'
        colour = 'red'
        size_px = 0
        [presets.a]
        width = 1
        formats = ['jpg']
        watermark = 'nowhere'
        [presets.b]
        width = 1
        formats = ['jpg']
        watermark = 'gone'
    ";
    let error = parse(dir.path(), text).unwrap_err().to_string();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for part in [
        "watermarks.Bad: `Bad` is not the name of a watermark",
        &format!(
            "watermarks.gone: image {} cannot be read: No such file",
            at("gone.png")
        ),
        "put the file there or correct the path",
        &format!(
            "watermarks.notes: image {} cannot be used: the bytes are no image of a known type; a PNG",
            at("notes.txt")
        ),
        "watermarks.dir: image",
        "not a file",
        "watermarks.both: give either image or text",
        "watermarks.neither: give either image or text",
        "watermarks.odd: size_px is for text",
        "watermarks.odd: position is `0.5x0.5`, expected centre",
        "watermarks.odd: margin_px is 5000, expected 0 to 4096",
        "watermarks.odd: scale is 1.5, expected 0.01 to 1",
        "watermarks.odd: opacity is 0.0001, expected 0 to 1",
        "watermarks.words: text has 0 characters",
        &format!(
            "watermarks.words: font {} is neither TrueType nor OpenType",
            at("notes.txt")
        ),
        "watermarks.words: colour is not six hex digits",
        "watermarks.words: size_px is 0, expected 1 to 4096",
        "presets.a: there is no watermark `nowhere`: declare it in [watermarks.nowhere]",
    ] {
        assert!(error.contains(part), "{part} is not in:\n{error}");
    }
    assert!(!error.contains("presets.b"), "{error}");
}

#[test]
fn a_text_that_cannot_be_drawn_is_told_before_anything_is_derived() {
    let dir = data();
    fs::write(dir.path().join("torn.ttf"), &drawn_font()[..99]).unwrap();
    let text = r#"
        [watermarks.bare]
        text = 'x'
        [watermarks.letters]
        text = 'IXI'
        font = 'mono.ttf'
        [watermarks.torn]
        text = 'I'
        font = 'torn.ttf'
        [watermarks.page]
        text = "I\n\n\n\n\n\n\n\n\n\nI"
        font = 'mono.ttf'
        [watermarks.tab]
        text = "I\tI"
        font = 'mono.ttf'
    "#;
    let error = parse(dir.path(), text).unwrap_err().to_string();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for part in [
        "watermarks.bare: text needs `font`, a .ttf or .otf file",
        "after `apt install fonts-dejavu-core`",
        &format!(
            "watermarks.letters: font {} cannot draw the text: the font has no glyph for `X` (U+0058)",
            at("mono.ttf")
        ),
        &format!(
            "watermarks.torn: font {} cannot draw the text: ",
            at("torn.ttf")
        ),
        "watermarks.page: text has 12 characters in 11 lines, expected 1 to 200 in at most 10",
        "watermarks.tab: text has 3 characters in 1 lines",
    ] {
        assert!(error.contains(part), "{part} is not in:\n{error}");
    }
}

#[test]
fn a_file_above_the_limit_is_not_read_whole() {
    let dir = data();
    let text = "limits.bytes_max = 100\n[watermarks.logo]\nimage = 'logo.jpg'";
    let error = parse(dir.path(), text).unwrap_err().to_string();
    assert!(error.contains("is larger than 100 bytes"), "{error}");
}
