//! Animations of GIF, WebP and PNG, frame by frame: each as a whole canvas, so that any of them stands for itself.

use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::LoopCount;
use image::{AnimationDecoder, Frames, ImageDecoder, Rgba};
use memchr::memmem;

use crate::imaging::container::le16;
use crate::imaging::decode::{DecodeRequest, check_size, explain, framework, png};
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::Inspected;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::stop::{StoppableBytes, check};
use crate::model::media::MediaType;

/// One canvas is held by its user, and up to [`CANVASES`] by the decoder.
pub(crate) struct Animation<'a> {
    pub(crate) loops: Loops,
    request: DecodeRequest<'a>,
    frames: Frames<'a>,
    /// Frames that may still come; 0 after an error.
    left: u32,
}

/// How often an animation is shown in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loops {
    Forever,
    /// At least 1.
    Times(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// RGBA, of the size of the original.
    pub(crate) pixels: Pixels,
    /// As stored, rounded down; browsers show frames of 10 ms and less for 100 ms.
    pub(crate) delay_ms: u32,
}

/// Canvases of RGBA at once: that of the decoder, the one before, the frame, and what is given out.
const CANVASES: u64 = 4;

/// An upper bound of what reading an animation takes at once, in bytes, with one frame given out.
pub(crate) fn memory_needed(inspected: &Inspected) -> u64 {
    let canvas = u64::from(inspected.width_px) * u64::from(inspected.height_px) * 4;
    inspected.decoder_bytes + CANVASES * canvas
}

/// All frames of an original that has more than one; of any other type, or of a single frame, there is no animation.
///
/// Inspection has checked the number of frames, and their pixels in all. Frames are neither turned nor converted to sRGB.
pub(crate) fn frames<'a>(
    request: &DecodeRequest<'a>,
) -> Result<Option<Animation<'a>>, ImagingError> {
    let inspected = request.inspected;
    if inspected.frames < 2 {
        return Ok(None);
    }
    let opened = match inspected.media {
        MediaType::Gif => open_gif(request),
        MediaType::Webp => open_webp(request),
        MediaType::Png => open_png(request),
        MediaType::Jpeg
        | MediaType::Tiff
        | MediaType::Bmp
        | MediaType::Avif
        | MediaType::Heic
        | MediaType::Svg
        | MediaType::Jxl => return Ok(None),
    };
    let opened = opened.map_err(|source| explain(request, source))?;
    let icc_bytes = opened.icc.as_ref().map_or(0, Vec::len);
    request.limits.check_metadata(icc_bytes as u64)?;
    Ok(Some(Animation {
        loops: opened.loops,
        request: *request,
        frames: opened.frames,
        left: inspected.frames.min(request.limits.frames_max),
    }))
}

impl Iterator for Animation<'_> {
    type Item = Result<Frame, ImagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.left.checked_sub(1)?;
        self.left = 0;
        if let Err(stopped) = check(self.request.stop) {
            return Some(Err(stopped));
        }
        let frame = self.frames.next()?;
        let frame = frame.map_err(CodecFault::from).and_then(|found| {
            let (milliseconds, parts) = found.delay().numer_denom_ms();
            let delay_ms = milliseconds.checked_div(parts).unwrap_or(0);
            let canvas = found.into_buffer();
            let (width_px, height_px) = canvas.dimensions();
            check_size((width_px, height_px), self.request.inspected)?;
            let pixels = Pixels {
                width_px,
                height_px,
                channels: Channels::Rgba,
                bytes: canvas.into_raw(),
            };
            Ok(Frame { pixels, delay_ms })
        });
        if frame.is_ok() {
            self.left = left;
        }
        Some(frame.map_err(|source| explain(&self.request, source)))
    }
}

struct Opened<'a> {
    loops: Loops,
    icc: Option<Vec<u8>>,
    frames: Frames<'a>,
}

fn open_gif<'a>(request: &DecodeRequest<'a>) -> Result<Opened<'a>, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    let mut decoder = GifDecoder::new(reader)?;
    decoder.set_limits(animation_limits(request))?;
    check_size(decoder.dimensions(), request.inspected)?;
    Ok(Opened {
        loops: gif_loops(request.original),
        icc: decoder.icc_profile().unwrap_or_default(),
        frames: decoder.into_frames(),
    })
}

fn open_webp<'a>(request: &DecodeRequest<'a>) -> Result<Opened<'a>, CodecFault> {
    let reader = StoppableBytes::new(request.original, request.stop);
    let mut decoder = WebPDecoder::new(reader)?;
    decoder.set_limits(animation_limits(request))?;
    check_size(decoder.dimensions(), request.inspected)?;
    if !decoder.has_animation() {
        return Err("frames without an animation".into());
    }
    // The colour in the file is a hint that nobody follows.
    decoder.set_background_color(Rgba([0; 4]))?;
    Ok(Opened {
        loops: loops(decoder.loop_count()),
        icc: decoder.icc_profile().unwrap_or_default(),
        frames: decoder.into_frames(),
    })
}

fn open_png<'a>(request: &DecodeRequest<'a>) -> Result<Opened<'a>, CodecFault> {
    let mut decoder = png::open(request)?;
    decoder.set_limits(animation_limits(request))?;
    check_size(decoder.dimensions(), request.inspected)?;
    let icc = match decoder.icc_profile().unwrap_or_default() {
        Some(icc) => Some(icc),
        None => png::profile(request.original)?,
    };
    let decoder = decoder.apng()?;
    Ok(Opened {
        loops: loops(decoder.loop_count()),
        icc,
        frames: decoder.into_frames(),
    })
}

fn animation_limits(request: &DecodeRequest<'_>) -> image::Limits {
    let mut limits = framework::limits(request);
    limits.max_alloc = Some(memory_needed(request.inspected));
    limits
}

fn loops(found: LoopCount) -> Loops {
    match found {
        LoopCount::Infinite => Loops::Forever,
        LoopCount::Finite(times) => Loops::Times(times.get()),
    }
}

/// By the extension of Netscape, which counts repetitions, 0 for no end. Without it, a GIF is shown once.
fn gif_loops(original: &[u8]) -> Loops {
    const NAME: &[u8] = b"\x21\xff\x0bNETSCAPE2.0\x03\x01";
    let count = memmem::find(original, NAME).and_then(|at| le16(original, at + NAME.len()));
    match count {
        Some(0) => Loops::Forever,
        Some(repetitions) => Loops::Times(u32::from(repetitions) + 1),
        None => Loops::Times(1),
    }
}
