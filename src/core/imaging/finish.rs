//! A rendered scene as the bytes of one derivative: pixels or planes to an encoder, at the quality asked for.

use std::cell::OnceCell;

use img_codec::plane::Plane;

use crate::imaging::decode::{DecodeRequest, decode};
use crate::imaging::encode::jpeg::planes_chroma;
use crate::imaging::encode::{Attachments, encode, jpeg};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::inspect;
use crate::imaging::limits::Limits;
use crate::imaging::pipeline::Encoded;
use crate::imaging::pixels::Pixels;
use crate::imaging::quality::{Trials, settle};
use crate::imaging::render::Rendering;
use crate::imaging::stop::Stop;
use crate::model::geometry::Rgb;
use crate::model::media::OutputFormat;
use crate::model::recipe::Encoding;

/// One derivative to be encoded.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub(crate) rendering: &'a Rendering<'a>,
    pub(crate) encoding: &'a Encoding,
    /// Behind transparent pixels, where the format has none.
    pub(crate) background: Rgb,
    pub(crate) attachments: Attachments<'a>,
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
            background,
            attachments,
        } = self.finish;
        let encoded = match encoding.format {
            OutputFormat::Jpeg => {
                let wanted = (encoding, quality);
                jpeg::encode(self.planes()?, rendering.size(), wanted, attachments)
            }
            OutputFormat::Png | OutputFormat::Webp | OutputFormat::Avif | OutputFormat::Gif => {
                let pixels = rendering.pixels()?;
                encode(pixels, (encoding, quality), background, attachments)
            }
        };
        encoded.map_err(|source| ImagingError::Encode {
            format: encoding.format,
            source,
        })
    }

    fn decode(&self, encoded: &[u8]) -> Result<Pixels, ImagingError> {
        let limits = Limits::of_our_own();
        let inspected = inspect(encoded, &limits)?;
        let decoded = decode(&DecodeRequest {
            original: encoded,
            inspected: &inspected,
            limits: &limits,
            stop: self.stop,
        })?;
        // As `pixels` has it: one background on both sides of the comparison.
        Ok(decoded.pixels.into_opaque(self.finish.background))
    }

    fn pixels(&self) -> Result<Pixels, ImagingError> {
        let pixels = self.finish.rendering.pixels()?.clone();
        Ok(pixels.into_opaque(self.finish.background))
    }
}

impl Drafts<'_> {
    fn planes(&self) -> Result<&[Plane], ImagingError> {
        if let Some(planes) = self.planes.get() {
            return Ok(planes);
        }
        let chroma = self.finish.encoding.chroma;
        let straight = self.finish.rendering.planes(planes_chroma(chroma));
        let planes = if let Some(planes) = straight {
            planes
        } else {
            let pixels = self.finish.rendering.pixels()?.clone();
            jpeg::planes_of(&pixels.into_opaque(self.finish.background), chroma)
        };
        Ok(self.planes.get_or_init(|| planes))
    }
}
