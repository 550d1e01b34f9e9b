//! What is read off the small picture of an original: blurs, colours, a hash of its shape, how sharp it is.

pub(crate) mod mean; // fewer pixels, each the mean of many
pub(crate) mod light; // bytes -> light, light -> what the eye tells apart
pub(crate) mod blurhash; // a blur as text
pub(crate) mod thumbhash; // a blur with its transparency, as bytes
pub(crate) mod histogram; // how often each colour occurs; the most common one
pub(crate) mod palette; // the few colours that make up most of it
pub(crate) mod luma; // without colour
pub(crate) mod perceptual_hash; // equal for copies that look alike
pub(crate) mod sharpness; // how much detail there is
