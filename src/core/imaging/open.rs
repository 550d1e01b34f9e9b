//! Opens an original: its pixels as planes, no larger than its derivatives need, with what says which colours they are.

use crate::imaging::colour::Profile;
use crate::imaging::decode::DecodeRequest;
use crate::imaging::decode_planes::{DecodedPlanes, decode_planes};
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
    /// What the picture was decoded for; see [`open`].
    density: f64,
}

/// `density` is the most samples that any derivative needs for a pixel of the original, along either side.
pub(crate) fn open(request: &DecodeRequest<'_>, density: f64) -> Result<Opened, ImagingError> {
    let DecodedPlanes { picture, icc } = decode_planes(request, density)?;
    Ok(Opened {
        picture,
        profile: icc.as_deref().and_then(Profile::parse),
        icc,
        density,
    })
}

impl Opened {
    /// Another frame of the same animation.
    pub(crate) fn of_frame(picture: Picture, first: &Self) -> Self {
        Self {
            picture,
            icc: None,
            profile: first.profile.clone(),
            density: first.density,
        }
    }

    /// Decodes once more if derivatives turn out to need more than was expected.
    pub(crate) fn reopen_for(
        self,
        request: &DecodeRequest<'_>,
        density: f64,
    ) -> Result<Self, ImagingError> {
        if density <= self.density {
            return Ok(self);
        }
        drop(self);
        open(request, density)
    }
}
