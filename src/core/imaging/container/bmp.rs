//! BMP: file header, bitmap header, rows.

use crate::imaging::container::{le16, le32};
use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::Limits;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// The size of the oldest bitmap header, which has sides of 16 bits.
const CORE_HEADER_LEN: u32 = 12;

/// File header and bitmap header, up to the last field that is looked at.
const HEADERS_LEN: usize = 34;

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    let headers = window.at_least(0, HEADERS_LEN)?;
    let header = Header::parse(headers).ok_or(truncated("its header"))?;
    let (width_px, height_px) = (header.width, header.height);
    if width_px == 0 || height_px == 0 || i32::try_from(width_px).is_err() {
        return Err(malformed("its size"));
    }
    if !matches!(header.bits, 1 | 2 | 4 | 8 | 16 | 24 | 32) {
        return Err(malformed("the depth of its pixels"));
    }
    limits.check_frame(width_px, height_px)?;
    let row = (u64::from(width_px) * u64::from(header.bits)).div_ceil(32) * 4;
    // Run-length coded rows have no fixed length: only that they start inside the file is known.
    let run_length_coded = matches!(header.compression, 1 | 2);
    let data = if run_length_coded {
        1
    } else {
        row * u64::from(height_px)
    };
    if u64::from(header.data_at) + data > window.size_bytes() {
        return Err(truncated("its rows"));
    }
    let pixels = u64::from(width_px) * u64::from(height_px);
    Ok(Inspected {
        has_alpha: (header.bits < 16).then_some(false),
        decoder_bytes: pixels * 4 + row * 4 + (64 << 10),
        ..Inspected::still(MediaType::Bmp, width_px, height_px)
    })
}

struct Header {
    data_at: u32,
    width: u32,
    height: u32,
    bits: u16,
    compression: u32,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let data_at = le32(bytes, 10)?;
        if le32(bytes, 14)? == CORE_HEADER_LEN {
            return Some(Self {
                data_at,
                width: u32::from(le16(bytes, 18)?),
                height: u32::from(le16(bytes, 20)?),
                bits: le16(bytes, 24)?,
                compression: 0,
            });
        }
        Some(Self {
            data_at,
            width: le32(bytes, 18)?,
            // Negative when the rows start at the top.
            height: le32(bytes, 22)?.cast_signed().unsigned_abs(),
            bits: le16(bytes, 28)?,
            compression: le32(bytes, 30)?,
        })
    }
}

fn truncated(part: &'static str) -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Bmp,
        part,
    }
}

fn malformed(part: &'static str) -> ImagingError {
    ImagingError::Malformed {
        media: MediaType::Bmp,
        part,
    }
}
