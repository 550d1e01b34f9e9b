//! All calls of libavif, behind types that keep its rules.
//!
//! An `Image` owns an `avifImage`; a `Decoder` borrows the file for as long as libavif reads it. Nothing else of C is
//! seen outside.
#![expect(unsafe_code, reason = "libavif is C")]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

use libavif_sys as sys;

use crate::decode::{Cicp, Expected};
use crate::encode::{Chroma, Depth, Picture, Settings};
use crate::{Channels, SIDE_MAX_PX};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the size is another than stated, or beyond what is supported")]
    Size,
    #[error("libavif has no memory")]
    Memory,
    #[error("libavif: {reason}")]
    Codec { reason: String },
}

fn check(result: sys::avifResult) -> Result<(), Fault> {
    if result == sys::AVIF_RESULT_OK {
        return Ok(());
    }
    // SAFETY: answers any number with a pointer to a constant of the library.
    let text = unsafe { sys::avifResultToString(result) };
    // SAFETY: that constant ends with zero and lives as long as the program.
    let text = unsafe { CStr::from_ptr(text) };
    Err(Fault::Codec {
        reason: text.to_string_lossy().into_owned(),
    })
}

/// A decoder of one file.
pub(crate) struct Decoder<'a> {
    /// From `avifDecoderCreate`, destroyed once, never null.
    decoder: NonNull<sys::avifDecoder>,
    /// What the decoder reads from, until it is destroyed.
    file: PhantomData<&'a [u8]>,
}

impl<'a> Decoder<'a> {
    /// Reads the boxes, within limits that follow from the expected size.
    pub(crate) fn open(file: &'a [u8], expected: Expected) -> Result<Self, Fault> {
        // SAFETY: no preconditions.
        let decoder = unsafe { sys::avifDecoderCreate() };
        let decoder = NonNull::new(decoder).ok_or(Fault::Memory)?;
        let mut this = Self {
            decoder,
            file: PhantomData,
        };
        // SAFETY: a live decoder that nobody else points to.
        let settings = unsafe { this.decoder.as_mut() };
        settings.codecChoice = sys::AVIF_CODEC_CHOICE_AOM;
        settings.maxThreads = 1;
        settings.requestedSource = sys::AVIF_DECODER_SOURCE_PRIMARY_ITEM;
        settings.ignoreExif = 1;
        settings.ignoreXMP = 1;
        settings.imageSizeLimit = expected.width_px * expected.height_px;
        settings.imageDimensionLimit = expected.width_px.max(expected.height_px);
        settings.imageCountLimit = 1;
        // Files by older libraries lack `pixi`, and `ispe` of alpha: they decode all the same.
        settings.strictFlags = sys::AVIF_STRICT_CLAP_VALID;
        // SAFETY: the range is that of a slice which outlives `this`; libavif only reads it.
        check(unsafe {
            sys::avifDecoderSetIOMemory(this.decoder.as_ptr(), file.as_ptr(), file.len())
        })?;
        // SAFETY: a live decoder with its input set.
        check(unsafe { sys::avifDecoderParse(this.decoder.as_ptr()) })?;
        Ok(this)
    }

    /// To be called once.
    pub(crate) fn first_image(&mut self) -> Result<ImageRef<'_>, Fault> {
        // SAFETY: a live decoder that has parsed its file.
        check(unsafe { sys::avifDecoderNextImage(self.decoder.as_ptr()) })?;
        // SAFETY: as above; `image` is owned by the decoder, and unchanged while `self` is borrowed.
        let image = unsafe { self.decoder.as_ref() }.image;
        // SAFETY: null, or a live image.
        let image = unsafe { image.as_ref() }.ok_or(Fault::Memory)?;
        Ok(ImageRef { image })
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: from `avifDecoderCreate`, and this is the only destruction.
        unsafe { sys::avifDecoderDestroy(self.decoder.as_ptr()) }
    }
}

/// A decoded image: its planes have the sizes that its fields state.
pub(crate) struct ImageRef<'a> {
    image: &'a sys::avifImage,
}

impl ImageRef<'_> {
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.image.width, self.image.height)
    }

    pub(crate) fn channels(&self) -> Channels {
        let is_grey = self.image.yuvFormat == sys::AVIF_PIXEL_FORMAT_YUV400;
        match (is_grey, self.image.alphaPlane.is_null()) {
            (_, false) => Channels::Rgba,
            (true, true) => Channels::Grey,
            (false, true) => Channels::Rgb,
        }
    }

    pub(crate) fn cicp(&self) -> Cicp {
        Cicp {
            primaries: self.image.colorPrimaries,
            transfer: self.image.transferCharacteristics,
        }
    }

    pub(crate) fn icc(&self) -> Option<Vec<u8>> {
        let icc = &self.image.icc;
        if icc.data.is_null() || icc.size == 0 {
            return None;
        }
        // SAFETY: libavif keeps `size` bytes at `data` for as long as the image lives.
        Some(unsafe { slice::from_raw_parts(icc.data, icc.size) }.to_vec())
    }

    /// Luma as grey, by way of RGB: ranges and depths are converted there.
    pub(crate) fn to_grey(&self) -> Result<Vec<u8>, Fault> {
        let rgb = self.to_rgb(Channels::Rgb)?;
        Ok(rgb.chunks_exact(3).map(|pixel| pixel[0]).collect())
    }

    pub(crate) fn to_rgb(&self, channels: Channels) -> Result<Vec<u8>, Fault> {
        let (width, height) = self.size();
        if width.max(height) > SIDE_MAX_PX {
            return Err(Fault::Size);
        }
        let row = width as usize * channels.count();
        let mut bytes = vec![0; row * height as usize];
        let mut rgb = rgb_image(width, height, channels)?;
        rgb.pixels = bytes.as_mut_ptr();
        // SAFETY: `rgb` describes exactly `bytes`: `height` rows of `rowBytes`, which `rgb_image` has set to a whole
        // row; the image is live and has its planes.
        check(unsafe { sys::avifImageYUVToRGB(self.image, &raw mut rgb) })?;
        Ok(bytes)
    }
}

/// Of 8 bits; `pixels` is null and to be set.
fn rgb_image(width: u32, height: u32, channels: Channels) -> Result<sys::avifRGBImage, Fault> {
    let (format, step) = match channels {
        Channels::Rgb => (sys::AVIF_RGB_FORMAT_RGB, 3),
        Channels::Rgba => (sys::AVIF_RGB_FORMAT_RGBA, 4),
        Channels::Grey => return Err(Fault::Size),
    };
    Ok(sys::avifRGBImage {
        width,
        height,
        depth: 8,
        format,
        chromaUpsampling: sys::AVIF_CHROMA_UPSAMPLING_AUTOMATIC,
        chromaDownsampling: sys::AVIF_CHROMA_DOWNSAMPLING_AVERAGE,
        avoidLibYUV: 0,
        ignoreAlpha: sys::avifBool::from(step == 3),
        alphaPremultiplied: 0,
        isFloat: 0,
        maxThreads: 1,
        pixels: ptr::null_mut(),
        rowBytes: width * step,
    })
}

/// An image to be encoded.
pub(crate) struct Image {
    /// From `avifImageCreate`, destroyed once, never null.
    image: NonNull<sys::avifImage>,
}

impl Image {
    fn new(picture: &Picture<'_>, depth: u32, format: sys::avifPixelFormat) -> Result<Self, Fault> {
        let (width, height) = (picture.width_px, picture.height_px);
        // SAFETY: no preconditions; unfit sizes give null.
        let image = unsafe { sys::avifImageCreate(width, height, depth, format) };
        let image = NonNull::new(image).ok_or(Fault::Memory)?;
        let mut this = Self { image };
        let fields = this.fields();
        fields.yuvRange = sys::AVIF_RANGE_FULL;
        // BT.709 primaries with the curve of sRGB, luma by BT.601: what decoders assume where nothing is said.
        fields.colorPrimaries = 1;
        fields.transferCharacteristics = 13;
        fields.matrixCoefficients = 6;
        Ok(this)
    }

    fn fields(&mut self) -> &mut sys::avifImage {
        // SAFETY: a live image that nobody else points to.
        unsafe { self.image.as_mut() }
    }

    /// The caller has compared the length of `bytes` with the size.
    pub(crate) fn from_rgb(picture: &Picture<'_>, settings: Settings) -> Result<Self, Fault> {
        let format = match settings.chroma {
            Chroma::Halved => sys::AVIF_PIXEL_FORMAT_YUV420,
            Chroma::Full => sys::AVIF_PIXEL_FORMAT_YUV444,
        };
        let depth = match settings.depth {
            Depth::Eight => 8,
            Depth::Ten => 10,
            Depth::Twelve => 12,
        };
        let this = Self::new(picture, depth, format)?;
        let mut rgb = rgb_image(picture.width_px, picture.height_px, picture.channels)?;
        let needed = rgb.rowBytes as usize * rgb.height as usize;
        if picture.bytes.len() < needed {
            return Err(Fault::Size);
        }
        // Only read, in spite of its type.
        rgb.pixels = picture.bytes.as_ptr().cast_mut();
        // SAFETY: `rgb` describes bytes that were just found to be there, and is not written to: it is passed as
        // constant. Planes are allocated by the call.
        check(unsafe { sys::avifImageRGBToYUV(this.image.as_ptr(), &raw const rgb) })?;
        Ok(this)
    }

    pub(crate) fn from_grey(picture: &Picture<'_>) -> Result<Self, Fault> {
        let mut this = Self::new(picture, 8, sys::AVIF_PIXEL_FORMAT_YUV400)?;
        // SAFETY: a live image.
        check(unsafe { sys::avifImageAllocatePlanes(this.image.as_ptr(), sys::AVIF_PLANES_YUV) })?;
        let fields = this.fields();
        let (plane, stride) = (fields.yuvPlanes[0], fields.yuvRowBytes[0] as usize);
        let (width, height) = (picture.width_px as usize, picture.height_px as usize);
        if plane.is_null() || stride < width {
            return Err(Fault::Memory);
        }
        for (y, from) in picture.bytes.chunks_exact(width).take(height).enumerate() {
            // SAFETY: libavif has allocated `stride` × `height` bytes for the plane, and `y` is less than `height`.
            let to = unsafe { plane.add(y * stride) };
            // SAFETY: `from` has `width` bytes, `to` has `stride` of them left, no fewer; the plane is nobody else's.
            unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to, width) };
        }
        Ok(this)
    }

    pub(crate) fn set_icc(&mut self, icc: &[u8]) -> Result<(), Fault> {
        // SAFETY: a live image; libavif copies the bytes of the slice.
        check(unsafe { sys::avifImageSetProfileICC(self.image.as_ptr(), icc.as_ptr(), icc.len()) })
    }

    pub(crate) fn set_exif(&mut self, exif: &[u8]) -> Result<(), Fault> {
        // SAFETY: as above.
        check(unsafe {
            sys::avifImageSetMetadataExif(self.image.as_ptr(), exif.as_ptr(), exif.len())
        })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: from `avifImageCreate`, and this is the only destruction.
        unsafe { sys::avifImageDestroy(self.image.as_ptr()) }
    }
}

pub(crate) struct Encoder {
    /// From `avifEncoderCreate`, destroyed once, never null.
    encoder: NonNull<sys::avifEncoder>,
}

impl Encoder {
    pub(crate) fn new(settings: Settings) -> Result<Self, Fault> {
        // SAFETY: no preconditions.
        let encoder = unsafe { sys::avifEncoderCreate() };
        let encoder = NonNull::new(encoder).ok_or(Fault::Memory)?;
        let mut this = Self { encoder };
        // SAFETY: a live encoder that nobody else points to.
        let fields = unsafe { this.encoder.as_mut() };
        fields.codecChoice = sys::AVIF_CODEC_CHOICE_AOM;
        fields.maxThreads = 1;
        fields.speed = i32::from(settings.speed.min(10));
        fields.quality = i32::from(settings.quality.min(100));
        fields.qualityAlpha = fields.quality;
        Ok(this)
    }

    pub(crate) fn encode(&mut self, image: &Image) -> Result<Vec<u8>, Fault> {
        let mut output = sys::avifRWData {
            data: ptr::null_mut(),
            size: 0,
        };
        // SAFETY: all three are live; the output is empty, as it must be.
        let result = unsafe {
            sys::avifEncoderWrite(self.encoder.as_ptr(), image.image.as_ptr(), &raw mut output)
        };
        let bytes = if output.data.is_null() {
            Vec::new()
        } else {
            // SAFETY: libavif has written `size` bytes there, and they live until freed below.
            unsafe { slice::from_raw_parts(output.data, output.size) }.to_vec()
        };
        // SAFETY: filled by libavif, or empty; freed once.
        unsafe { sys::avifRWDataFree(&raw mut output) };
        check(result)?;
        Ok(bytes)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: from `avifEncoderCreate`, and this is the only destruction.
        unsafe { sys::avifEncoderDestroy(self.encoder.as_ptr()) }
    }
}
