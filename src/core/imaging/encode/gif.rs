//! GIF: still, or animated frame by frame, each with a palette of its own; alpha is all or nothing. Holds no metadata.

use std::borrow::Cow;

use gif::{DisposalMethod, Encoder, Repeat};

use crate::imaging::decode::animation::{Frame, Loops};
use crate::imaging::encode::changes::Area;
use crate::imaging::encode::palette::{Colours, Dither, Indexed, into_rgba};
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};

/// Less opaque pixels are transparent.
const OPAQUE_FROM: u8 = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Of each frame, the transparent one included.
    pub(crate) colours: Colours,
    pub(crate) dither: Dither,
}

/// A single frame.
pub(crate) fn encode(pixels: Pixels, settings: Settings) -> Result<Vec<u8>, CodecFault> {
    let frame = Frame {
        pixels,
        delay_ms: 0,
    };
    let mut animation = Animated::start(&frame.pixels, Loops::Times(1), settings)?;
    animation.push(frame)?;
    animation.finish()
}

/// An animation in the making. Holds two canvases, one of them until it is known what follows it.
pub(crate) struct Animated {
    encoder: Encoder<Vec<u8>>,
    settings: Settings,
    width_px: u32,
    height_px: u32,
    /// What stands on the screen before `pending`.
    screen: Vec<u8>,
    pending: Option<Pending>,
    /// Of the delays that GIF cannot express: it counts in 10 ms.
    owed_ms: u32,
}

struct Pending {
    canvas: Vec<u8>,
    delay: u16,
}

impl Animated {
    /// For frames of the size of the first one.
    pub(crate) fn start(
        first: &Pixels,
        loops: Loops,
        settings: Settings,
    ) -> Result<Self, CodecFault> {
        let (width_px, height_px) = (first.width_px, first.height_px);
        let (width, height) = (width_px.try_into()?, height_px.try_into()?);
        let mut encoder = Encoder::new(Vec::new(), width, height, &[])?;
        match loops {
            Loops::Forever => encoder.set_repeat(Repeat::Infinite)?,
            // Without the extension, it is shown once.
            Loops::Times(0 | 1) => {}
            Loops::Times(times) => {
                let repetitions = u16::try_from(times - 1).unwrap_or(u16::MAX);
                encoder.set_repeat(Repeat::Finite(repetitions))?;
            }
        }
        Ok(Self {
            encoder,
            settings,
            width_px,
            height_px,
            screen: vec![0; width_px as usize * height_px as usize * 4],
            pending: None,
            owed_ms: 0,
        })
    }

    pub(crate) fn push(&mut self, frame: Frame) -> Result<(), CodecFault> {
        if (frame.pixels.width_px, frame.pixels.height_px) != (self.width_px, self.height_px) {
            return Err("a frame of another size than the first".into());
        }
        let canvas = all_or_nothing(into_rgba(frame.pixels).bytes);
        if let Some(pending) = self.pending.take() {
            self.write(pending, Some(&canvas))?;
        }
        let delay_ms = frame.delay_ms.saturating_add(self.owed_ms);
        let delay = u16::try_from(delay_ms / 10).unwrap_or(u16::MAX);
        self.owed_ms = delay_ms % 10;
        self.pending = Some(Pending { canvas, delay });
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, CodecFault> {
        let pending = self.pending.take().ok_or("no frame")?;
        self.write(pending, None)?;
        Ok(self.encoder.into_inner()?)
    }

    fn write(&mut self, pending: Pending, next: Option<&[u8]>) -> Result<(), CodecFault> {
        let Pending { canvas, delay } = pending;
        // Nothing that is drawn makes a pixel transparent again: the screen has to be wiped in between, where a frame
        // was.
        let wiped = next.is_some_and(|next| uncovers(&canvas, next));
        let (area, mut part) = if wiped {
            let whole = Area {
                left_px: 0,
                top_px: 0,
                width_px: self.width_px,
                height_px: self.height_px,
            };
            (whole, canvas.clone())
        } else {
            let area = Area::of_changes(&self.screen, &canvas, self.width_px);
            (area, area.cut(&canvas, self.width_px))
        };
        // What is on the screen already is left out: equal bytes compress well.
        let behind = area.cut(&self.screen, self.width_px);
        for (pixel, behind) in part.chunks_exact_mut(4).zip(behind.chunks_exact(4)) {
            if pixel == behind {
                pixel.fill(0);
            }
        }
        let mut frame = self.indexed(area, part)?;
        frame.delay = delay;
        frame.dispose = if wiped {
            DisposalMethod::Background
        } else {
            DisposalMethod::Keep
        };
        self.encoder.write_frame(&frame)?;
        self.screen = canvas;
        if wiped {
            self.screen.fill(0);
        }
        Ok(())
    }

    fn indexed(&self, area: Area, part: Vec<u8>) -> Result<gif::Frame<'static>, CodecFault> {
        let pixels = Pixels {
            width_px: area.width_px,
            height_px: area.height_px,
            channels: Channels::Rgba,
            bytes: part,
        };
        let opaque: Vec<bool> = pixels
            .bytes
            .chunks_exact(4)
            .map(|pixel| pixel[3] != 0)
            .collect();
        // One is kept for transparency.
        let mut found = Indexed::of(
            pixels,
            self.settings.colours.less_one(),
            self.settings.dither,
        )?;
        let transparent = u8::try_from(found.palette.len())?;
        found.palette.push([0; 4]);
        // Dithering may carry some transparency over to pixels that have none.
        let solid = found.palette.iter().position(|colour| colour[3] != 0);
        let solid = u8::try_from(solid.unwrap_or(0))?;
        for (index, opaque) in found.indices.iter_mut().zip(opaque) {
            if !opaque {
                *index = transparent;
            } else if found.palette[usize::from(*index)][3] == 0 {
                *index = solid;
            }
        }
        let colours = found.palette.iter().flat_map(|colour| colour[..3].to_vec());
        Ok(gif::Frame {
            left: area.left_px.try_into()?,
            top: area.top_px.try_into()?,
            width: area.width_px.try_into()?,
            height: area.height_px.try_into()?,
            palette: Some(colours.collect()),
            transparent: Some(transparent),
            buffer: Cow::Owned(found.indices),
            ..gif::Frame::default()
        })
    }
}

fn all_or_nothing(mut rgba: Vec<u8>) -> Vec<u8> {
    for pixel in rgba.chunks_exact_mut(4) {
        if pixel[3] < OPAQUE_FROM {
            pixel.fill(0);
        } else {
            pixel[3] = 255;
        }
    }
    rgba
}

fn uncovers(canvas: &[u8], next: &[u8]) -> bool {
    let mut pixels = canvas.chunks_exact(4).zip(next.chunks_exact(4));
    pixels.any(|(now, then)| now[3] != 0 && then[3] == 0)
}
