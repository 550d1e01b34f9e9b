//! Animations: each frame goes the way of a picture, and all of them into one file.

use crate::imaging::decode::DecodeRequest;
use crate::imaging::decode::animation::{self, Animation, Frame};
use crate::imaging::encode::{gif, gif_settings, webp, webp_settings};
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::finish::Finish;
use crate::imaging::inspect::Inspected;
use crate::imaging::open::Opened;
use crate::imaging::picture::Picture;
use crate::imaging::pipeline::Encoded;
use crate::imaging::pixels::Pixels;
use crate::imaging::render::{Material, Rendering};
use crate::model::media::OutputFormat;
use crate::model::recipe::{Encoding, Frames};

/// Whether a derivative is to move: asked for, by an original of several frames, in a format that can.
pub(crate) fn moves(encoding: &Encoding, inspected: &Inspected) -> bool {
    let can = match encoding.format {
        OutputFormat::Webp | OutputFormat::Gif => true,
        OutputFormat::Jpeg | OutputFormat::Png | OutputFormat::Avif => false,
    };
    can && encoding.frames == Frames::All && inspected.frames > 1
}

/// All frames as `still` shows the first: what was seen there decides where all of them are cut.
///
/// A quality is not searched: that of the upper bound is taken, and what then takes too many bytes is an error.
pub(crate) fn animate(
    still: &Finish<'_>,
    request: &DecodeRequest<'_>,
) -> Result<Encoded, ImagingError> {
    let format = still.encoding.format;
    let mut file: Option<File<'_>> = None;
    let mut frames = animation::frames(request)?.ok_or(ImagingError::Malformed {
        media: request.inspected.media,
        part: "the frames",
    })?;
    let encoding = |source| ImagingError::Encode { format, source };
    while let Some(frame) = frames.next() {
        let Frame { pixels, delay_ms } = frame?;
        let frame = Frame {
            pixels: render(&pixels, still.rendering, request)?,
            delay_ms,
        };
        drop(pixels);
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(File::start(&frame.pixels, &frames, still).map_err(encoding)?),
        };
        file.push(frame).map_err(encoding)?;
    }
    let file = file.ok_or_else(|| encoding("no frame".into()))?;
    let bytes = file.finish().map_err(encoding)?;
    if let Some(bytes_max) = still.encoding.bytes_max
        && bytes.len() > bytes_max as usize
    {
        return Err(ImagingError::BytesCap {
            format,
            found_bytes: bytes.len() as u64,
            max_bytes: u64::from(bytes_max),
        });
    }
    let (width_px, height_px) = still.rendering.size();
    Ok(Encoded {
        bytes,
        width_px,
        height_px,
    })
}

/// Beside the frame that is rendered: the first picture, which stays, the decoder's canvases, and a frame as planes.
pub(crate) fn memory_needed(inspected: &Inspected) -> u64 {
    /// Planes of four channels with their padding, twice.
    const PLANES: u64 = 10;
    let area = u64::from(inspected.width_px) * u64::from(inspected.height_px);
    animation::memory_needed(inspected).saturating_add(area.saturating_mul(PLANES))
}

fn render(
    pixels: &Pixels,
    still: &Rendering<'_>,
    request: &DecodeRequest<'_>,
) -> Result<Pixels, ImagingError> {
    let size = (request.inspected.width_px, request.inspected.height_px);
    let opened = Opened::of_frame(Picture::from_pixels(pixels, size), still.material().opened);
    let material = Material {
        opened: &opened,
        ..still.material()
    };
    still.of(material).into_pixels()
}

enum File<'a> {
    Webp(webp::Animated<'a>),
    Gif(gif::Animated),
}

impl<'a> File<'a> {
    fn start(
        first: &Pixels,
        animation: &Animation<'_>,
        still: &Finish<'a>,
    ) -> Result<Self, CodecFault> {
        let (loops, encoding) = (animation.loops, still.encoding);
        if encoding.format == OutputFormat::Gif {
            let animated = gif::Animated::start(first, loops, gif_settings(encoding))?;
            return Ok(Self::Gif(animated));
        }
        let settings = webp_settings(encoding, encoding.quality.highest());
        let animated = webp::Animated::start(first, loops, settings, still.attachments)?;
        Ok(Self::Webp(animated))
    }

    fn push(&mut self, frame: Frame) -> Result<(), CodecFault> {
        match self {
            Self::Webp(file) => file.push(frame),
            Self::Gif(file) => file.push(frame),
        }
    }

    fn finish(self) -> Result<Vec<u8>, CodecFault> {
        match self {
            Self::Webp(file) => file.finish(),
            Self::Gif(file) => file.finish(),
        }
    }
}
