//! WebP by libwebp: lossy, lossless, with alpha; animated frame by frame.

use webp::{Encoder, WebPConfig};

use crate::imaging::container::webp::{Chunks, FLAG_ALPHA, FLAG_ANIMATION, FLAG_EXIF, FLAG_ICC};
use crate::imaging::decode::animation::{Frame, Loops};
use crate::imaging::encode::Attachments;
use crate::imaging::encode::changes::Area;
use crate::imaging::encode::palette::into_rgba;
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::source::Window;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) coding: Coding,
    /// 0 is the fastest, 6 the smallest: the `method` of libwebp.
    pub(crate) effort: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// 0 to 100; alpha is kept exactly.
    Lossy {
        quality: u8,
    },
    Lossless,
}

impl Settings {
    /// As libwebp has it by default.
    pub(crate) const EFFORT: u8 = 4;

    pub(crate) fn lossy(quality: u8) -> Self {
        Self {
            coding: Coding::Lossy { quality },
            effort: Self::EFFORT,
        }
    }

    pub(crate) fn lossless() -> Self {
        Self {
            coding: Coding::Lossless,
            effort: Self::EFFORT,
        }
    }

    fn config(self) -> Result<WebPConfig, CodecFault> {
        let mut config = WebPConfig::new().map_err(|()| "another version of libwebp")?;
        config.method = i32::from(self.effort.min(6));
        match self.coding {
            Coding::Lossy { quality } => config.quality = f32::from(quality.min(100)),
            Coding::Lossless => {
                config.lossless = 1;
                // How hard it tries, not how good it looks: here as hard as the default of libwebp.
                config.quality = 75.0;
            }
        }
        Ok(config)
    }
}

/// Grey becomes colour: WebP has no other.
pub(crate) fn encode(
    pixels: &Pixels,
    settings: Settings,
    attachments: Attachments<'_>,
) -> Result<Vec<u8>, CodecFault> {
    let simple = simple(pixels, settings)?;
    let Attachments { icc, exif } = attachments;
    if icc.is_none() && exif.is_none() {
        return Ok(simple);
    }
    let mut file = Riff::start();
    let alpha = if pixels.channels.has_alpha() {
        FLAG_ALPHA
    } else {
        0
    };
    let size = (pixels.width_px, pixels.height_px);
    file.extended(alpha | flags(attachments), size)?;
    file.optional(*b"ICCP", icc)?;
    for (kind, data) in image_chunks(&simple)? {
        file.chunk(kind, data)?;
    }
    file.optional(*b"EXIF", exif)?;
    file.finish()
}

fn flags(attachments: Attachments<'_>) -> u8 {
    let flag = |set: Option<&[u8]>, flag| if set.is_some() { flag } else { 0 };
    flag(attachments.icc, FLAG_ICC) | flag(attachments.exif, FLAG_EXIF)
}

/// A file without attachments.
fn simple(pixels: &Pixels, settings: Settings) -> Result<Vec<u8>, CodecFault> {
    let coloured;
    let pixels = match pixels.channels {
        Channels::Rgb | Channels::Rgba => pixels,
        Channels::Grey | Channels::GreyAlpha => {
            coloured = pixels.clone().into_coloured();
            &coloured
        }
    };
    let (bytes, width_px, height_px) = (&pixels.bytes, pixels.width_px, pixels.height_px);
    let encoder = if pixels.channels.has_alpha() {
        Encoder::from_rgba(bytes, width_px, height_px)
    } else {
        Encoder::from_rgb(bytes, width_px, height_px)
    };
    // The encoder's own error type is no `Error`.
    let encoded = encoder
        .encode_advanced(&settings.config()?)
        .map_err(|fault| format!("{fault:?}"))?;
    Ok(encoded.to_vec())
}

/// An animation in the making: each frame covers what has changed since the one before, exactly.
pub(crate) struct Animated<'a> {
    file: Riff,
    settings: Settings,
    attachments: Attachments<'a>,
    size: (u32, u32),
    screen: Option<Vec<u8>>,
}

impl<'a> Animated<'a> {
    /// For frames of the size of the first one.
    pub(crate) fn start(
        first: &Pixels,
        loops: Loops,
        settings: Settings,
        attachments: Attachments<'a>,
    ) -> Result<Self, CodecFault> {
        let size = (first.width_px, first.height_px);
        let mut file = Riff::start();
        file.extended(FLAG_ANIMATION | FLAG_ALPHA | flags(attachments), size)?;
        file.optional(*b"ICCP", attachments.icc)?;
        let times = match loops {
            Loops::Forever => 0,
            Loops::Times(times) => u16::try_from(times).unwrap_or(u16::MAX).max(1),
        };
        // A transparent background, which nobody shows, and the number of times.
        let [low, high] = times.to_le_bytes();
        file.chunk(*b"ANIM", &[0, 0, 0, 0, low, high])?;
        Ok(Self {
            file,
            settings,
            attachments,
            size,
            screen: None,
        })
    }

    pub(crate) fn push(&mut self, frame: Frame) -> Result<(), CodecFault> {
        /// Replace what is there, alpha included; leave the frame on the screen.
        const REPLACE_AND_KEEP: u8 = 2;
        /// Of 24 bits.
        const DELAY_MAX_MS: u32 = 0xff_ffff;
        if (frame.pixels.width_px, frame.pixels.height_px) != self.size {
            return Err("a frame of another size than the first".into());
        }
        let (width_px, height_px) = self.size;
        let canvas = into_rgba(frame.pixels).bytes;
        let area = match &self.screen {
            Some(screen) => Area::of_changes(screen, &canvas, width_px).widened_to_even(),
            None => Area {
                left_px: 0,
                top_px: 0,
                width_px,
                height_px,
            },
        };
        let part = Pixels {
            width_px: area.width_px,
            height_px: area.height_px,
            channels: Channels::Rgba,
            bytes: area.cut(&canvas, width_px),
        };
        let simple = simple(&part, self.settings)?;
        let mut data = Vec::new();
        for number in [
            area.left_px / 2,
            area.top_px / 2,
            area.width_px - 1,
            area.height_px - 1,
            frame.delay_ms.min(DELAY_MAX_MS),
        ] {
            data.extend_from_slice(&number.to_le_bytes()[..3]);
        }
        data.push(REPLACE_AND_KEEP);
        for (kind, image) in image_chunks(&simple)? {
            write_chunk(&mut data, kind, image)?;
        }
        self.file.chunk(*b"ANMF", &data)?;
        self.screen = Some(canvas);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, CodecFault> {
        if self.screen.is_none() {
            return Err("no frame".into());
        }
        self.file.optional(*b"EXIF", self.attachments.exif)?;
        self.file.finish()
    }
}

/// A chunk's kind and data.
type Named<'a> = ([u8; 4], &'a [u8]);

/// Those that hold the pixels: ALPH, VP8, VP8L.
fn image_chunks(simple: &[u8]) -> Result<Vec<Named<'_>>, CodecFault> {
    let mut window = Window::over(&simple);
    let mut chunks = Chunks::open(&mut window)?;
    let mut found = Vec::new();
    while let Some(chunk) = chunks.next(&mut window)? {
        if matches!(&chunk.kind, b"ALPH" | b"VP8 " | b"VP8L") {
            let (start, end) = (chunk.data.start.try_into()?, chunk.data.end.try_into()?);
            let range: std::ops::Range<usize> = start..end;
            found.push((chunk.kind, &simple[range]));
        }
    }
    Ok(found)
}

/// A file in the making.
struct Riff(Vec<u8>);

impl Riff {
    fn start() -> Self {
        Self(b"RIFF\0\0\0\0WEBP".to_vec())
    }

    fn extended(&mut self, flags: u8, (width_px, height_px): (u32, u32)) -> Result<(), CodecFault> {
        let mut data = vec![flags, 0, 0, 0];
        for side in [width_px, height_px] {
            data.extend_from_slice(&(side - 1).to_le_bytes()[..3]);
        }
        self.chunk(*b"VP8X", &data)
    }

    fn optional(&mut self, kind: [u8; 4], data: Option<&[u8]>) -> Result<(), CodecFault> {
        data.map_or(Ok(()), |data| self.chunk(kind, data))
    }

    fn chunk(&mut self, kind: [u8; 4], data: &[u8]) -> Result<(), CodecFault> {
        write_chunk(&mut self.0, kind, data)
    }

    fn finish(mut self) -> Result<Vec<u8>, CodecFault> {
        let size = u32::try_from(self.0.len() - 8)?;
        self.0[4..8].copy_from_slice(&size.to_le_bytes());
        Ok(self.0)
    }
}

fn write_chunk(to: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) -> Result<(), CodecFault> {
    to.extend(kind);
    to.extend(u32::try_from(data.len())?.to_le_bytes());
    to.extend(data);
    if data.len() % 2 == 1 {
        to.push(0);
    }
    Ok(())
}
