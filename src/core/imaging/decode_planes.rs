//! Decodes an original to planes, shrunk on the way where its format allows.

use img_codec::jpeg::decode as jpeg;
use img_codec::png;

use crate::imaging::container::jpeg::load_icc;
use crate::imaging::decode::{DecodeRequest, Decoded, decode, png as png_decode, svg};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::DamagedPolicy;
use crate::imaging::picture::{ColourModel, Density, Picture, premultiply};
use crate::imaging::source::Window;
use crate::imaging::stop::check;
use crate::model::media::MediaType;

/// As stored: neither oriented nor converted to sRGB.
pub(crate) struct DecodedPlanes {
    pub(crate) picture: Picture,
    /// The profile of the original, or one made from what it says of its colours instead.
    pub(crate) icc: Option<Vec<u8>>,
}

/// Samples that are decoded for each sample of the derivative where coefficients are left out: with fewer, thumbnails are
/// softer than those of libvips; with more, no eye sees a difference (docs/imaging.md).
const JPEG_MARGIN: f64 = 1.25;
/// As above, where whole boxes of pixels are averaged, which blurs more than leaving coefficients out.
const BOX_MARGIN: f64 = 2.0;

/// How much of an original is decoded.
///
/// It follows from one derivative alone, never from what else is made at the same time: a derivative has the same bytes on
/// every node, whenever it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Detail {
    Jpeg(jpeg::Scale),
    /// Boxes of so many pixels on either side are averaged.
    Png {
        box_side: u32,
    },
    /// Drawn at so many times its size.
    Svg {
        density: f64,
    },
    Whole,
}

impl Detail {
    /// `density` is how many samples the derivative needs for a pixel of the original, along the side that needs more.
    pub(crate) fn of(media: MediaType, density: f64) -> Self {
        match media {
            MediaType::Jpeg => Self::Jpeg(jpeg::Scale::smallest_for(density * JPEG_MARGIN)),
            MediaType::Png => Self::Png {
                box_side: box_side(density),
            },
            MediaType::Svg => Self::Svg { density },
            MediaType::Gif
            | MediaType::Webp
            | MediaType::Avif
            | MediaType::Tiff
            | MediaType::Bmp
            | MediaType::Heic
            | MediaType::Jxl => Self::Whole,
        }
    }
}

pub(crate) fn decode_planes(
    request: &DecodeRequest<'_>,
    detail: Detail,
) -> Result<DecodedPlanes, ImagingError> {
    match detail {
        Detail::Jpeg(scale) => decode_jpeg(request, scale),
        Detail::Png { box_side } => decode_png(request, box_side),
        Detail::Svg { density } => draw(request, density),
        Detail::Whole => decode_whole(request),
    }
}
/// The most memory that [`decode_planes`] takes, in bytes, besides the original itself.
pub(crate) fn memory_needed(original: &[u8], inspected: &Inspected, detail: Detail) -> u64 {
    let area = u64::from(inspected.width_px) * u64::from(inspected.height_px);
    let whole = inspected.decoder_bytes.saturating_add(area * 5);
    match detail {
        Detail::Jpeg(scale) => {
            jpeg::read_header(original).map_or(whole, |header| jpeg::memory_needed(&header, scale))
        }
        Detail::Png { box_side } => png::read_header(original).map_or(whole, |header| {
            png::memory_needed(&header, box_side).saturating_add(8 << 20)
        }),
        Detail::Svg { density } => scaled(whole, density),
        Detail::Whole => whole,
    }
}

fn decode_whole(request: &DecodeRequest<'_>) -> Result<DecodedPlanes, ImagingError> {
    let Decoded { pixels, icc } = decode(request)?;
    check(request.stop)?;
    let size = (request.inspected.width_px, request.inspected.height_px);
    Ok(DecodedPlanes {
        picture: Picture::from_pixels(&pixels, size),
        icc,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn scaled(bytes: u64, density: f64) -> u64 {
    (bytes as f64 * density.max(1.0).powi(2)) as u64
}

/// At the size that is wanted: lines are as sharp as can be, and nothing is drawn to be shrunk.
fn draw(request: &DecodeRequest<'_>, density: f64) -> Result<DecodedPlanes, ImagingError> {
    let size = (request.inspected.width_px, request.inspected.height_px);
    let pixels = svg::draw(request, density)?;
    Ok(DecodedPlanes {
        picture: Picture::from_pixels(&pixels, size),
        icc: None,
    })
}

fn decode_jpeg(
    request: &DecodeRequest<'_>,
    scale: jpeg::Scale,
) -> Result<DecodedPlanes, ImagingError> {
    let decoded = jpeg::decode(&jpeg::Request {
        bytes: request.original,
        scale,
        missing: match request.limits.damaged {
            DamagedPolicy::Refuse => jpeg::Missing::Refuse,
            DamagedPolicy::Accept => jpeg::Missing::Accept,
        },
        // At a quarter and below, what the last scans add is beyond the margin.
        refinement: if scale.eighths() <= 2 {
            jpeg::Refinement::Approximate
        } else {
            jpeg::Refinement::Exact
        },
        limits: jpeg::Limits {
            pixels_max: request.limits.pixels_max,
            scans_max: request.limits.scans_max,
        },
        stop: request.stop,
    });
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(fault) if is_for_another_decoder(&fault) => return decode_whole(request),
        Err(fault) => return Err(jpeg_error(fault)),
    };
    let (h_max, v_max) = decoded.header.sampling_max();
    let share = f64::from(scale.eighths()) / 8.0;
    let densities = decoded.header.components.iter().map(|component| Density {
        across: share * f64::from(component.h) / f64::from(h_max),
        down: share * f64::from(component.v) / f64::from(v_max),
    });
    Ok(DecodedPlanes {
        icc: load_icc(&mut Window::over(&request.original), request.limits)?,
        picture: Picture {
            model: match decoded.header.colour {
                jpeg::Colour::Grey => ColourModel::Grey,
                jpeg::Colour::YCbCr => ColourModel::YCbCr,
                jpeg::Colour::Rgb => ColourModel::Rgb,
                jpeg::Colour::Cmyk(inks) => ColourModel::Cmyk(inks),
                jpeg::Colour::Ycck(inks) => ColourModel::Ycck(inks),
            },
            planes: decoded.planes.into_iter().zip(densities).collect(),
        },
    })
}

/// What ours does not know and the other may: files without a height up front, two or more than four components.
fn is_for_another_decoder(fault: &jpeg::DecodeError) -> bool {
    match fault {
        jpeg::DecodeError::Unsupported { what } => match what {
            jpeg::Feature::HeightAfterScan | jpeg::Feature::ComponentCount { .. } => true,
            jpeg::Feature::ArithmeticCoding
            | jpeg::Feature::Lossless
            | jpeg::Feature::Hierarchical
            | jpeg::Feature::Precision { .. } => false,
        },
        jpeg::DecodeError::NotJpeg
        | jpeg::DecodeError::Malformed { .. }
        | jpeg::DecodeError::Truncated { .. }
        | jpeg::DecodeError::TooManyPixels { .. }
        | jpeg::DecodeError::TooManyScans { .. }
        | jpeg::DecodeError::Stopped => false,
    }
}

fn jpeg_error(fault: jpeg::DecodeError) -> ImagingError {
    let media = MediaType::Jpeg;
    match fault {
        jpeg::DecodeError::Stopped => ImagingError::TimedOut,
        jpeg::DecodeError::Unsupported { what } => ImagingError::Unsupported {
            media,
            what: what.to_string(),
        },
        jpeg::DecodeError::NotJpeg
        | jpeg::DecodeError::Malformed { .. }
        | jpeg::DecodeError::Truncated { .. }
        | jpeg::DecodeError::TooManyPixels { .. }
        | jpeg::DecodeError::TooManyScans { .. } => ImagingError::Corrupt {
            media,
            source: fault.into(),
        },
    }
}

/// Longest side of the boxes that are averaged to one sample.
fn box_side(density: f64) -> u32 {
    let boxes = (1.0 / (density * BOX_MARGIN)).floor();
    // Sides above are no use: thumbnails of 1 px are not what anyone waits for.
    (1..=64)
        .rev()
        .find(|&side| f64::from(side) <= boxes)
        .unwrap_or(1)
}

fn decode_png(request: &DecodeRequest<'_>, box_side: u32) -> Result<DecodedPlanes, ImagingError> {
    let media = MediaType::Png;
    let metadata_bytes_max = request.limits.metadata_bytes_max;
    let decoded = png::decode(&png::Request {
        bytes: request.original,
        shrink: box_side,
        limits: png::Limits {
            pixels_max: request.limits.pixels_max,
            memory_bytes_max: u64::MAX,
            metadata_bytes_max: usize::try_from(metadata_bytes_max).unwrap_or(usize::MAX),
        },
        stop: request.stop,
        missing: match request.limits.damaged {
            DamagedPolicy::Refuse => png::Missing::Refuse,
            DamagedPolicy::Accept => png::Missing::Accept,
        },
    });
    let decoded = decoded.map_err(|fault| match fault {
        png::DecodeError::Stopped => ImagingError::TimedOut,
        fault => ImagingError::Corrupt {
            media,
            source: fault.into(),
        },
    })?;
    let (width_px, height_px) = (request.inspected.width_px, request.inspected.height_px);
    if (decoded.header.width_px, decoded.header.height_px) != (width_px, height_px) {
        return Err(ImagingError::Malformed {
            media,
            part: "a second size",
        });
    }
    let share = 1.0 / f64::from(box_side);
    let model = match decoded.planes.len() {
        1 => ColourModel::Grey,
        2 => ColourModel::GreyAlpha,
        3 => ColourModel::Rgb,
        _ => ColourModel::Rgba,
    };
    let icc = match decoded.metadata.icc_profile {
        Some(icc) => Some(icc),
        None => png_decode::profile(request.original)?,
    };
    let mut planes = decoded.planes;
    if decoded.alpha == png::Alpha::Straight {
        premultiply(&mut planes);
    }
    let density = Density {
        across: share,
        down: share,
    };
    Ok(DecodedPlanes {
        picture: Picture {
            model,
            planes: planes.into_iter().map(|plane| (plane, density)).collect(),
        },
        icc,
    })
}
