//! What is done to decoded pixels besides resizing them; in the order in which the pipeline does it.

pub(crate) mod trim; // the box inside a border of one colour
mod saliency; // how much each pixel draws the eye
pub(crate) mod focus; // where a crop looks
pub(crate) mod text; // letters of a font -> pixels
pub(crate) mod overlay; // a watermark laid onto the image
pub(crate) mod sharpen; // after shrinking
mod strip; // lanes of samples along a line, for filters
pub(crate) mod blur;
#[cfg(test)]
mod drawn; // images for the tests
#[cfg(test)]
mod speed; // what each costs, on demand
