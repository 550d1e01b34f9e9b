//! Turns pixels from the colour profile of the original to sRGB, which is what derivatives are in.
//!
//! RGB profiles, grey profiles on grey pixels and CMYK profiles on inks are converted. A profile that cannot be read is
//! taken for sRGB; inks without one become RGB by the plain formula.

use memchr::memmem;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::imaging::pixels::{Channels, Pixels};

/// The name in the profiles that nearly all sRGB images carry; recognised, they cost nothing.
const SRGB_NAME: &[u8] = b"sRGB IEC61966-2";

/// The profile of an original, read once for all its derivatives.
#[derive(Debug)]
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
    fn what_is_no_profile_changes_nothing() {
        assert!(Profile::parse(b"").is_none());
        assert!(Profile::parse(&[7; 500]).is_none());
    }
}
