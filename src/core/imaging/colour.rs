//! Turns pixels from the colour profile of the original to sRGB, which is what derivatives are in.
//!
//! RGB profiles, grey profiles on grey pixels and CMYK profiles on inks are converted. A profile that cannot be read is
//! taken for sRGB; inks without one become RGB by the plain formula.

use memchr::memmem;
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics, TransformOptions,
};

use crate::imaging::pixels::{Channels, Pixels};

/// The name in the profiles that nearly all sRGB images carry; recognised, they cost nothing.
const SRGB_NAME: &[u8] = b"sRGB IEC61966-2";

/// The profile of an original, read once for all its derivatives.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    profile: Box<ColorProfile>,
}

impl Profile {
    /// `None` where there is nothing to convert.
    pub(crate) fn parse(icc: &[u8]) -> Option<Self> {
        // The name stands in one of the first tags; tables follow them.
        let head = &icc[..icc.len().min(4 << 10)];
        if memmem::find(head, SRGB_NAME).is_some() {
            return None;
        }
        let profile = Box::new(ColorProfile::new_from_slice(icc).ok()?);
        matches!(
            profile.color_space,
            DataColorSpace::Rgb | DataColorSpace::Gray | DataColorSpace::Cmyk
        )
        .then_some(Self { profile })
    }

    pub(crate) fn is_rgb(&self) -> bool {
        self.profile.color_space == DataColorSpace::Rgb
    }

    /// Of ink, 255 for all of it, interleaved as C, M, Y, K; `None` if the profile is of another kind, or of no use.
    pub(crate) fn inks_to_srgb(&self, inks: &[u8]) -> Option<Vec<u8>> {
        if self.profile.color_space != DataColorSpace::Cmyk {
            return None;
        }
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        // Four channels of ink pass under the name of RGBA.
        let (from, to) = (Layout::Rgba, Layout::Rgb);
        let transform = self.profile.create_transform_8bit(from, &srgb, to, options);
        let mut bytes = vec![0; inks.len() / 4 * 3];
        transform.ok()?.transform(inks, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Leaves the pixels as they are if the profile is of another kind, or of no use.
    pub(crate) fn to_srgb(&self, pixels: Pixels) -> Pixels {
        let is_grey = matches!(pixels.channels, Channels::Grey | Channels::GreyAlpha);
        let pixels = match self.profile.color_space {
            DataColorSpace::Gray if is_grey => pixels,
            DataColorSpace::Rgb => pixels.into_coloured(),
            _ => return pixels,
        };
        let (from, to, channels) = match pixels.channels {
            Channels::Grey => (Layout::Gray, Layout::Rgb, Channels::Rgb),
            Channels::GreyAlpha => (Layout::GrayAlpha, Layout::Rgba, Channels::Rgba),
            Channels::Rgb => (Layout::Rgb, Layout::Rgb, Channels::Rgb),
            Channels::Rgba => (Layout::Rgba, Layout::Rgba, Channels::Rgba),
        };
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        let Ok(transform) = self.profile.create_transform_8bit(from, &srgb, to, options) else {
            return pixels;
        };
        let area = pixels.bytes.len() / pixels.channels.count();
        let mut bytes = vec![0; area * channels.count()];
        if transform.transform(&pixels.bytes, &mut bytes).is_err() {
            return pixels;
        }
        Pixels {
            channels,
            bytes,
            ..pixels
        }
    }
}

/// The profile that code points of ITU-T H.273 stand for; `None` for sRGB, for what is unspecified or unknown, and for the
/// curves of HDR (PQ and HLG), which would have to be tone-mapped.
pub(crate) fn profile_from_cicp(primaries: u16, transfer: u16) -> Option<Vec<u8>> {
    /// BT.709, unspecified.
    const SRGB_PRIMARIES: [u16; 3] = [0, 1, 2];
    /// BT.709, unspecified, BT.601, sRGB, BT.2020: all of them are shown with the curve of sRGB by browsers.
    const SRGB_TRANSFERS: [u16; 7] = [0, 1, 2, 6, 13, 14, 15];
    const HDR_TRANSFERS: [u16; 2] = [16, 18];
    let has_srgb_curve = SRGB_TRANSFERS.contains(&transfer);
    if SRGB_PRIMARIES.contains(&primaries) && has_srgb_curve || HDR_TRANSFERS.contains(&transfer) {
        return None;
    }
    let code = |value: u16| u8::try_from(value).ok();
    let primaries = if SRGB_PRIMARIES.contains(&primaries) {
        CicpColorPrimaries::Bt709
    } else {
        CicpColorPrimaries::try_from(code(primaries)?).ok()?
    };
    let transfer = if has_srgb_curve {
        TransferCharacteristics::Srgb
    } else {
        TransferCharacteristics::try_from(code(transfer)?).ok()?
    };
    let mut profile = ColorProfile::new_srgb();
    // Set again where the code points are known; what the call itself answers is always `false`.
    profile.cicp = None;
    let _ = profile.update_rgb_colorimetry_from_cicp(CicpProfile {
        color_primaries: primaries,
        transfer_characteristics: transfer,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.cicp.is_some().then(|| encode(profile)).flatten()
}

/// The profile that gAMA and cHRM of a PNG stand for; `None` for sRGB and for what makes no sense.
///
/// Both as stored, in units of 1/100,000; cHRM has x and y of white, red, green and blue.
pub(crate) fn profile_from_png(gama: Option<u32>, chrm: Option<[u32; 8]>) -> Option<Vec<u8>> {
    /// 1/2.2, which stands for sRGB in practice.
    const SRGB_GAMA: u32 = 45_455;
    const SRGB_CHRM: [u32; 8] = [
        31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
    ];
    /// Writers round differently.
    const TOLERANCE: u32 = 500;
    let near = |found: u32, expected: u32| found.abs_diff(expected) <= TOLERANCE;
    let srgb_gama = gama.is_none_or(|gama| near(gama, SRGB_GAMA));
    let srgb_chrm = chrm.is_none_or(|chrm| {
        let mut pairs = chrm.into_iter().zip(SRGB_CHRM);
        pairs.all(|(found, expected)| near(found, expected))
    });
    if srgb_gama && srgb_chrm {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some(chrm) = chrm {
        let [white, red, green, blue] = points(chrm)?;
        profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    }
    if !srgb_gama {
        let exponent = exponent(gama?)?;
        let curve = ToneReprCurve::Parametric(vec![exponent]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
    }
    encode(profile)
}

/// Without the name of sRGB, by which it would be taken for it.
fn encode(mut profile: ColorProfile) -> Option<Vec<u8>> {
    profile.description = None;
    profile.cicp = None;
    profile.encode().ok()
}

/// Of the decoding curve; files with 0.1 to 10 are all that make sense.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a ratio between 0.1 and 10"
)]
fn exponent(gama: u32) -> Option<f32> {
    (10_000..=1_000_000)
        .contains(&gama)
        .then(|| (100_000.0 / f64::from(gama)) as f32)
}

/// White, red, green, blue; `None` if one is outside of the diagram, or if the primaries are on a line.
fn points(chrm: [u32; 8]) -> Option<[Chromaticity; 4]> {
    let mut xy = [(0.0, 0.0); 4];
    for (point, pair) in xy.iter_mut().zip(chrm.chunks_exact(2)) {
        let (x, y) = (f64::from(pair[0]) / 1e5, f64::from(pair[1]) / 1e5);
        // Blue of wide spaces lies a little below 0, which PNG cannot say.
        if y <= 0.0 || x + y > 1.0 {
            return None;
        }
        *point = (x, y);
    }
    let [_, red, green, blue] = xy;
    let area = (green.0 - red.0) * (blue.1 - red.1) - (blue.0 - red.0) * (green.1 - red.1);
    if area.abs() < 0.01 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
    Some(xy.map(|(x, y)| Chromaticity {
        x: x as f32,
        y: y as f32,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(channels: Channels, bytes: Vec<u8>) -> Pixels {
        Pixels {
            width_px: 1,
            height_px: 1,
            channels,
            bytes,
        }
    }

    #[test]
    fn a_wide_gamut_colour_is_brought_to_srgb() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let profile = Profile::parse(&icc).unwrap();
        let converted = profile.to_srgb(pixel(Channels::Rgba, vec![150, 200, 100, 77]));
        // The same colour has less red and more green when named in the narrower space.
        assert!(converted.bytes[0] < 140, "{:?}", converted.bytes);
        assert!(converted.bytes[1] >= 200);
        assert_eq!(converted.bytes[3], 77);
    }

    #[test]
    fn grey_stays_grey() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let profile = Profile::parse(&icc).unwrap();
        let converted = profile.to_srgb(pixel(Channels::Grey, vec![128]));
        for &value in &converted.bytes {
            assert!(value.abs_diff(128) <= 2, "{:?}", converted.bytes);
        }
    }

    #[test]
    fn a_grey_profile_converts_grey_and_leaves_colour() {
        let icc = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        let profile = Profile::parse(&icc).unwrap();
        // Half the light is 188 of 255 in sRGB.
        let converted = profile.to_srgb(pixel(Channels::Grey, vec![128]));
        assert!(converted.bytes.iter().all(|value| value.abs_diff(188) <= 2));
        let converted = profile.to_srgb(pixel(Channels::GreyAlpha, vec![128, 9]));
        assert_eq!((converted.bytes.len(), converted.bytes[3]), (4, 9));
        let coloured = profile.to_srgb(pixel(Channels::Rgb, vec![1, 2, 3]));
        assert_eq!(coloured.bytes, [1, 2, 3]);
    }

    #[test]
    fn gamma_and_primaries_of_a_png_are_a_profile() {
        // Linear light: half of it is 188 of 255 in sRGB.
        let icc = profile_from_png(Some(100_000), None).unwrap();
        let linear = Profile::parse(&icc).unwrap();
        let converted = linear.to_srgb(pixel(Channels::Rgb, vec![128, 128, 128]));
        assert!(converted.bytes.iter().all(|value| value.abs_diff(188) <= 2));
        // The primaries of Display P3 give what its profile gives.
        let p3 = [
            31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000,
        ];
        let icc = profile_from_png(Some(45_455), Some(p3)).unwrap();
        let of_png = Profile::parse(&icc).unwrap();
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let known = Profile::parse(&icc).unwrap();
        let colour = || pixel(Channels::Rgb, vec![150, 200, 100]);
        let (one, other) = (
            of_png.to_srgb(colour()).bytes,
            known.to_srgb(colour()).bytes,
        );
        assert!(
            one.iter().zip(&other).all(|(a, b)| a.abs_diff(*b) <= 2),
            "{one:?} {other:?}"
        );
        let icc = profile_from_cicp(12, 13).unwrap();
        let of_cicp = Profile::parse(&icc).unwrap().to_srgb(colour()).bytes;
        assert!(
            of_cicp.iter().zip(&other).all(|(a, b)| a.abs_diff(*b) <= 2),
            "{of_cicp:?}"
        );
    }

    #[test]
    fn srgb_and_nonsense_need_no_profile() {
        let srgb = [
            31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
        ];
        assert_eq!(profile_from_png(None, None), None);
        assert_eq!(profile_from_png(Some(45_455), Some(srgb)), None);
        assert_eq!(profile_from_png(Some(0), None), None);
        assert_eq!(profile_from_png(Some(u32::MAX), None), None);
        assert_eq!(profile_from_png(None, Some([0; 8])), None);
        assert_eq!(profile_from_png(None, Some([u32::MAX; 8])), None);
        assert_eq!(profile_from_png(None, Some([30_000; 8])), None);
        assert_eq!(profile_from_cicp(1, 13), None);
        assert_eq!(profile_from_cicp(2, 2), None);
        assert_eq!(profile_from_cicp(9, 16), None);
        assert_eq!(profile_from_cicp(300, 13), None);
    }

    #[test]
    fn what_is_no_profile_changes_nothing() {
        assert!(Profile::parse(b"").is_none());
        assert!(Profile::parse(&[7; 500]).is_none());
    }
}
