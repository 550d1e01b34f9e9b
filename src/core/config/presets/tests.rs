//! Presets as they are declared.

use std::path::Path;

use crate::config::{Config, ConfigError};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(
        Path::new("/srv/img"),
        Path::new("/srv/img/imgctl.toml"),
        text,
    )
}

#[test]
fn presets_take_the_words_of_options() {
    let text = "
        [presets.all]
        width = 640
        formats = ['avif', 'webp', 'gif']
        gravity = 'auto'
        trim = 'border'
        rotate = 90
        flip = 'h'
        blur = 1.5
        sharpen = 1.0
        anim = true
        ssim2 = 75
        qmax = 95
        maxbytes = 100_000
        lossless = false
        colors = 64
        chroma = '444'
        progressive = 1
        metadata = 'none'
        profile = 'keep'
        effort = 'fast'
    ";
    let config = parse(text).unwrap();
    let (_, definition) = config.presets.first_key_value().unwrap();
    assert_eq!(
        definition.to_string(),
        "w=640 h=auto fit=contain gravity=auto enlarge=0 background=ffffff trim=10 rotate=90 flip=h blur=1.5 sharpen=1 \
         anim=1 maxbytes=100000 colors=64 chroma=444 progressive=1 metadata=none profile=keep effort=fast avif:ssim2=75/40-95 \
         webp:ssim2=75/40-95 gif:ssim2=75/40-95"
    );
    assert_eq!(definition.to_string().parse().as_ref(), Ok(definition));
}

#[test]
fn a_word_of_a_preset_that_cannot_be_is_told_with_what_can() {
    let text = "
        [presets.a]
        width = 1
        formats = ['jpg']
        quality.jpg = 80
        ssim2 = 70
        blur = 0.25
        rotate = -90
        flip = true
        [presets.b]
        width = 1
        formats = ['jpg']
        qmin = 50
        [presets.c]
        width = 1
        formats = ['jpg']
        ssim2 = 70
        qmin = 91
    ";
    let error = parse(text).unwrap_err().to_string();
    for part in [
        "presets.a: `ssim2` chooses the quality and excludes a fixed one",
        "presets.a: `blur` is `0.25`, expected 0.3 to 250 with one decimal at most",
        "presets.a: `rotate` is `-90`, expected 90, 180 or 270",
        "presets.a: `flip` is `true`, expected h, v or hv",
        "presets.b: `qmin` bounds what `ssim2` chooses, and `ssim2` is not given",
        "presets.c: `qmin` is 91, above `qmax`, which is 90",
    ] {
        assert!(error.contains(part), "{part} is not in:\n{error}");
    }
}
