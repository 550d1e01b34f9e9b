//! A rendered scene as the bytes of one derivative: pixels or planes to an encoder, at the quality asked for.

use std::cell::OnceCell;

use img_codec::colour::{Chroma, ycbcr_from_rgb};
use img_codec::jpeg::encode as jpeg;
use img_codec::plane::Plane;

use crate::imaging::decode::{DecodeRequest, decode};
use crate::imaging::encode::encode;
use crate::imaging::error::{CodecFault, ImagingError};
use crate::imaging::inspect::inspect;
use crate::imaging::limits::Limits;
use crate::imaging::pipeline::Encoded;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::quality::{Trials, settle};
use crate::imaging::render::Rendering;
use crate::imaging::stop::Stop;
use crate::model::geometry::Rgb;
use crate::model::media::OutputFormat;
use crate::model::recipe::{self, Encoding, Scan};

/// One derivative to be encoded.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub(crate) rendering: &'a Rendering<'a>,
    pub(crate) encoding: &'a Encoding,
    /// Behind transparent pixels, where the format has none.
    pub(crate) background: Rgb,
}

pub(crate) fn finish(finish: Finish<'_>, stop: &dyn Stop) -> Result<Encoded, ImagingError> {
    let drafts = Drafts {
        finish,
        stop,
        planes: OnceCell::new(),
    };
    let (width_px, height_px) = finish.rendering.size();
    Ok(Encoded {
        bytes: settle(finish.encoding, &drafts, stop)?,
        width_px,
        height_px,
    })
}

/// Pixels without any wishes, at the quality of the encoding.
pub(crate) fn encode_plain(pixels: &Pixels, encoding: &Encoding) -> Result<Vec<u8>, CodecFault> {
    let quality = encoding.quality.highest();
    match encoding.format {
        OutputFormat::Jpeg => {
            let planes = planes_of(pixels.clone().into_opaque(Rgb::WHITE), chroma(encoding));
            let size = (pixels.width_px, pixels.height_px);
            encode_jpeg(&planes, size, (encoding, quality))
        }
        OutputFormat::Png | OutputFormat::Webp | OutputFormat::Avif | OutputFormat::Gif => {
            encode(pixels, encoding, quality)
        }
    }
}

/// One derivative at any quality.
struct Drafts<'a> {
    finish: Finish<'a>,
    stop: &'a dyn Stop,
    /// What JPEG is encoded from, for as many drafts as it takes.
    planes: OnceCell<Vec<Plane>>,
}

impl Trials for Drafts<'_> {
    fn encode(&self, quality: u8) -> Result<Vec<u8>, ImagingError> {
        let Finish {
            rendering,
            encoding,
            ..
        } = self.finish;
        let encoded = match encoding.format {
            OutputFormat::Jpeg => {
                encode_jpeg(self.planes()?, rendering.size(), (encoding, quality))
            }
            OutputFormat::Png | OutputFormat::Webp | OutputFormat::Avif | OutputFormat::Gif => {
                encode(rendering.pixels()?, encoding, quality)
            }
        };
        encoded.map_err(|source| ImagingError::Encode {
            format: encoding.format,
            source,
        })
    }

    fn decode(&self, encoded: &[u8]) -> Result<Pixels, ImagingError> {
        let limits = Limits::default();
        let inspected = inspect(encoded, &limits)?;
        let decoded = decode(&DecodeRequest {
            original: encoded,
            inspected: &inspected,
            limits: &limits,
            stop: self.stop,
        })?;
        Ok(decoded.pixels)
    }

    fn pixels(&self) -> Result<&Pixels, ImagingError> {
        self.finish.rendering.pixels()
    }
}

impl Drafts<'_> {
    fn planes(&self) -> Result<&[Plane], ImagingError> {
        if let Some(planes) = self.planes.get() {
            return Ok(planes);
        }
        let chroma = chroma(self.finish.encoding);
        let planes = match self.finish.rendering.planes(chroma) {
            Some(planes) => planes,
            None => {
                let pixels = self.finish.rendering.pixels()?.clone();
                planes_of(pixels.into_opaque(self.finish.background), chroma)
            }
        };
        Ok(self.planes.get_or_init(|| planes))
    }
}

fn chroma(encoding: &Encoding) -> Chroma {
    match encoding.chroma {
        recipe::Chroma::Half => Chroma::Half,
        recipe::Chroma::Full => Chroma::Full,
    }
}

fn encode_jpeg(
    planes: &[Plane],
    (width_px, height_px): (u32, u32),
    (encoding, quality): (&Encoding, u8),
) -> Result<Vec<u8>, CodecFault> {
    let request = jpeg::Request {
        width_px,
        height_px,
        planes: match planes {
            [y, cb, cr] => jpeg::Planes::YCbCr([y, cb, cr]),
            [grey, ..] => jpeg::Planes::Grey(grey),
            [] => return Err("no planes".into()),
        },
        quality,
        huffman: jpeg::Huffman::Optimal,
        process: match encoding.scan {
            Scan::Baseline => jpeg::Process::Sequential,
            Scan::Progressive => jpeg::Process::Progressive,
        },
        segments: &[],
    };
    Ok(jpeg::encode(&request)?)
}

/// Luma and chroma of opaque pixels; luma alone if they are grey.
fn planes_of(pixels: Pixels, chroma: Chroma) -> Vec<Plane> {
    let (width, height) = (pixels.width_px as usize, pixels.height_px as usize);
    match pixels.channels {
        Channels::Grey => vec![Plane::from_samples(width, height, &pixels.bytes)],
        Channels::Rgb | Channels::GreyAlpha | Channels::Rgba => {
            ycbcr_from_rgb(&pixels.bytes, width, height, chroma).into()
        }
    }
}
