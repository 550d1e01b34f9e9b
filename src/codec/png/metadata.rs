//! What a file says of its colours and of its making, for whoever converts the one and reads the other.

use zlib_rs::{Inflate, InflateFlush, Status};

use super::chunk::Chunk;

/// Chunks of colour space (11.3.2) and EXIF (11.3.4.5). What is malformed is left out, as other readers do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The profile of iCCP, inflated.
    pub icc_profile: Option<Vec<u8>>,
    /// Of gAMA: the exponent of encoding, 0.45455 for the usual.
    pub gamma: Option<f64>,
    /// Of cHRM.
    pub chromaticities: Option<Chromaticities>,
    /// Of sRGB: the rendering intent, 0 to 3.
    pub srgb_intent: Option<u8>,
    /// Of cICP: colour primaries, transfer function, matrix coefficients, full range, as ITU-T H.273 numbers them.
    pub cicp: Option<[u8; 4]>,
    /// The content of eXIf: a TIFF header and its directories.
    pub exif: Option<Vec<u8>>,
}

/// x and y of CIE 1931.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chromaticities {
    pub white: [f64; 2],
    pub red: [f64; 2],
    pub green: [f64; 2],
    pub blue: [f64; 2],
}

impl Metadata {
    /// Whether `take` would look at a chunk of this name.
    pub(super) fn wants(name: [u8; 4]) -> bool {
        matches!(
            &name,
            b"iCCP" | b"gAMA" | b"cHRM" | b"sRGB" | b"cICP" | b"eXIf"
        )
    }

    /// The first of a kind counts; none is kept that is longer than `bytes_max`.
    pub(super) fn take(&mut self, chunk: &Chunk<'_>, bytes_max: usize) {
        let content = chunk.content;
        match &chunk.name {
            b"iCCP" => {
                let found = || inflated_profile(content, bytes_max);
                self.icc_profile = self.icc_profile.take().or_else(found);
            }
            b"gAMA" => self.gamma = self.gamma.or_else(|| gamma(content)),
            b"cHRM" => {
                self.chromaticities = self.chromaticities.or_else(|| chromaticities(content));
            }
            b"sRGB" => {
                let found = || content.first().copied().filter(|intent| *intent < 4);
                self.srgb_intent = self.srgb_intent.or_else(found);
            }
            b"cICP" => self.cicp = self.cicp.or_else(|| content.try_into().ok()),
            b"eXIf" if content.len() <= bytes_max => {
                self.exif = self.exif.take().or_else(|| Some(content.to_vec()));
            }
            _ => {}
        }
    }
}

/// Values of gAMA and cHRM are stored times 100000.
fn fixed(bytes: [u8; 4]) -> f64 {
    f64::from(u32::from_be_bytes(bytes)) / 100_000.0
}

fn gamma(content: &[u8]) -> Option<f64> {
    let gamma = fixed(content.try_into().ok()?);
    (gamma > 0.0).then_some(gamma)
}

fn chromaticities(content: &[u8]) -> Option<Chromaticities> {
    let (numbers, []) = content.as_chunks::<4>() else {
        return None;
    };
    let [wx, wy, rx, ry, gx, gy, bx, by] = *<&[[u8; 4]; 8]>::try_from(numbers).ok()?;
    Some(Chromaticities {
        white: [wx, wy].map(fixed),
        red: [rx, ry].map(fixed),
        green: [gx, gy].map(fixed),
        blue: [bx, by].map(fixed),
    })
}

/// iCCP (11.3.2.3): a name of 1 to 79 bytes, a zero, compression method 0, a zlib stream.
fn inflated_profile(content: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let name = content.iter().take(80).position(|byte| *byte == 0)?;
    let [0, stream @ ..] = &content[name + 1..] else {
        return None;
    };
    let mut inflate = Inflate::new(true, 15);
    let mut profile = Vec::new();
    let mut stream = stream;
    loop {
        let (read, made) = (inflate.total_in(), profile.len());
        // One byte more than allowed, to notice what is longer.
        let room = (made * 2).clamp(4096, bytes_max.saturating_add(1).max(4096));
        profile.resize(room, 0);
        let status = inflate
            .decompress(stream, &mut profile[made..], InflateFlush::NoFlush)
            .ok()?;
        let total = usize::try_from(inflate.total_out()).ok()?;
        let moved = total > made || inflate.total_in() > read;
        profile.truncate(total);
        stream = &stream[usize::try_from(inflate.total_in() - read).ok()?..];
        if total > bytes_max {
            return None;
        }
        match status {
            Status::StreamEnd => return Some(profile),
            Status::Ok | Status::BufError if moved => {}
            Status::Ok | Status::BufError => return None,
        }
    }
}
