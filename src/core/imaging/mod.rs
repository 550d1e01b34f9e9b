//! Bytes → pixels → bytes: judges originals, strips metadata, makes derivatives. CPU only.
//!
//! Knows nothing of files, databases or time: same input, same pixels.

pub mod error; // what can go wrong
pub mod limits; // how much is too much
pub mod stop; // giving up in time
pub mod source; // where the bytes are
pub mod sniff; // what the bytes are
mod pixels; // decoded values
pub mod place; // sizes, crops, padding: arithmetic
pub mod orient; // standing upright
pub mod metadata; // EXIF, XMP and texts, removed without loss
mod container; // the structure of each format
pub mod inspect; // whole, within limits, how large
mod picture; // decoded planes
mod decode; // bytes -> pixels
mod decode_planes; // bytes -> planes, as few as are needed
mod colour; // -> sRGB
mod open; // an original, decoded, with its profile
mod scene; // what recipes share
mod op; // what is done to pixels
mod render; // planes -> the pixels of a scene
mod sight; // what only pixels tell of a scene
mod watermark; // what is laid over a scene
mod encode; // pixels -> bytes
mod quality; // how good, how large
mod finish; // a scene -> the bytes of a derivative
mod animate; // all frames of it
pub mod pipeline; // all of it, as a list of steps
mod look; // what is read off a small picture
pub mod appearance; // what to show before a picture is there
pub mod sample; // pictures of our own
#[cfg(test)]
mod fixture; // small files of every kind, for tests
#[cfg(test)]
mod drawn_font; // a font, for tests

#[cfg(test)]
pub(crate) use drawn_font::drawn_font;

pub use appearance::{Appearance, appearance, appearance_memory_needed};
pub use decode::can_decode;
pub use error::{ImagingError, Quantity};
pub use inspect::{Inspected, inspect, inspect_source};
pub use limits::{DamagedPolicy, Limits, SvgPolicy};
pub use metadata::{
    MetadataMode, MetadataOutcome, Piece, StripPlan, Stripped, strip, strip_source,
};
pub(crate) use op::text::check as check_text;
pub use orient::Orientation;
pub use pipeline::{DeriveRequest, Encoded, derive, memory_needed};
pub use pixels::Canvas;
pub use place::{Crop, Placement, place, place_at};
pub use sample::{noise_jpeg, photo, samples};
pub use sniff::sniff;
pub use source::Source;
pub use stop::{NeverStop, Stop};
