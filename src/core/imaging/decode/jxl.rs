//! JPEG XL: the first frame, as stored: the caller turns it.

use std::io::{self, IoSliceMut, Read};

use jxl::api::{
    AlphaMode, Event, ExtraChannel, JxlBitstreamInput, JxlColorEncoding, JxlColorProfile,
    JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat,
};

use crate::imaging::decode::{DecodeRequest, Decoded, check_size};
use crate::imaging::error::CodecFault;
use crate::imaging::pixels::{Channels, Pixels};
use crate::imaging::stop::StoppableBytes;

pub(super) fn decode(request: &DecodeRequest<'_>) -> Result<Decoded, CodecFault> {
    let mut input = Input(StoppableBytes::new(request.original, request.stop));
    let mut decoder = JxlDecoder::new(options(request));
    expect(decoder.process(&mut input, None, None)?, Event::BasicInfo)?;
    let info = decoder.basic_info().ok_or("no header")?;
    let (width, height) = info.size;
    check_size((width.try_into()?, height.try_into()?), request.inspected)?;
    let profile = decoder.embedded_color_profile().ok_or("no colour space")?;
    if profile.is_cmyk() {
        return Err("colours of print (CMYK)".into());
    }
    let extra = &info.extra_channels;
    let has_alpha = extra.iter().any(|one| one.ec_type == ExtraChannel::Alpha);
    let (colour, channels) = match (profile.channels(), has_alpha) {
        (1, false) => (JxlColorType::Grayscale, Channels::Grey),
        (1, true) => (JxlColorType::GrayscaleAlpha, Channels::GreyAlpha),
        (_, false) => (JxlColorType::Rgb, Channels::Rgb),
        (_, true) => (JxlColorType::Rgba, Channels::Rgba),
    };
    let format = JxlPixelFormat {
        color_type: colour,
        color_data_format: Some(JxlDataFormat::U8 { bit_depth: 8 }),
        extra_channel_format: vec![None; extra.len()],
    };
    decoder.set_pixel_format(format)?;
    expect(decoder.process(&mut input, None, None)?, Event::FrameHeader)?;
    let row = width * channels.count();
    let mut bytes = vec![0; row * height];
    let mut output = [JxlOutputBuffer::new(&mut bytes, height, row)];
    match decoder.process(&mut input, Some(&mut output), None)? {
        Event::FrameComplete { .. } => {}
        Event::NeedMoreInput { .. } => return Err("the codestream ends early".into()),
        Event::BasicInfo | Event::FrameHeader | Event::Complete => return Err(OUT_OF_ORDER.into()),
    }
    let icc = decoder.output_color_profile().and_then(icc);
    Ok(Decoded {
        pixels: Pixels {
            width_px: request.inspected.width_px,
            height_px: request.inspected.height_px,
            channels,
            bytes,
        },
        icc,
    })
}

const OUT_OF_ORDER: &str = "its parts are out of order";

fn options(request: &DecodeRequest<'_>) -> JxlDecoderOptions {
    /// Colours, alpha, and some more of depth or spot colours.
    const CHANNELS_MAX: u64 = 8;
    let inspected = request.inspected;
    let samples = u64::from(inspected.width_px) * u64::from(inspected.height_px) * CHANNELS_MAX;
    let mut options = JxlDecoderOptions::default();
    options.adjust_orientation = false;
    options.alpha_mode = AlphaMode::Unpremultiplied;
    options.sample_limit = usize::try_from(samples).ok();
    options
}

fn expect(found: Event, expected: Event) -> Result<(), CodecFault> {
    match found {
        _ if found == expected => Ok(()),
        Event::NeedMoreInput { .. } => Err("the codestream ends early".into()),
        Event::BasicInfo | Event::FrameHeader | Event::FrameComplete { .. } | Event::Complete => {
            Err(OUT_OF_ORDER.into())
        }
    }
}

/// `None` for sRGB.
fn icc(profile: &JxlColorProfile) -> Option<Vec<u8>> {
    let srgb = |grey| JxlColorProfile::Simple(JxlColorEncoding::srgb(grey));
    if profile.same_color_encoding(&srgb(false)) || profile.same_color_encoding(&srgb(true)) {
        return None;
    }
    profile.try_as_icc().map(|icc| icc.to_vec())
}

struct Input<'a>(StoppableBytes<'a>);

impl JxlBitstreamInput for Input<'_> {
    fn available_bytes(&mut self) -> io::Result<usize> {
        Ok(self.0.left())
    }

    /// Fills all of the buffers, as far as there are bytes.
    fn read(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut sum = 0;
        for buffer in buffers {
            let mut filled = 0;
            while filled < buffer.len() {
                let read = self.0.read(&mut buffer[filled..])?;
                if read == 0 {
                    return Ok(sum + filled);
                }
                filled += read;
            }
            sum += filled;
        }
        Ok(sum)
    }
}
