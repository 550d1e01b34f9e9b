//! Opens an original: its pixels as planes, no larger than a derivative needs, with what says which colours they are.

use crate::imaging::colour::Profile;
use crate::imaging::decode::DecodeRequest;
use crate::imaging::decode_planes::{DecodedPlanes, Detail, decode_planes};
use crate::imaging::error::ImagingError;
use crate::imaging::picture::Picture;

/// A decoded original.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) picture: Picture,
    /// Of the colours, as stored in the original; `None`: taken for sRGB.
    pub(crate) icc: Option<Vec<u8>>,
    /// The same, read; `None` too where it is sRGB or of no use.
    pub(crate) profile: Option<Profile>,
}

pub(crate) fn open(request: &DecodeRequest<'_>, detail: Detail) -> Result<Opened, ImagingError> {
    let DecodedPlanes { picture, icc } = decode_planes(request, detail)?;
    Ok(Opened {
        picture,
        profile: icc.as_deref().and_then(Profile::parse),
        icc,
    })
}

impl Opened {
    /// Another frame of the same animation.
    pub(crate) fn of_frame(picture: Picture, first: &Self) -> Self {
        Self {
            picture,
            icc: None,
            profile: first.profile.clone(),
        }
    }

    /// Whether the profile says something true of pixels that are encoded as they are.
    pub(crate) fn can_keep_profile(&self) -> bool {
        let of_rgb = self.profile.as_ref().is_none_or(Profile::is_rgb);
        of_rgb && self.picture.model.is_rgb()
    }
}
