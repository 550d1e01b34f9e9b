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
mod decode; // bytes -> pixels
mod resize; // pixels -> fewer pixels
mod colour; // -> sRGB
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "no step of the pipeline calls all of them yet")
)]
mod op; // what else is done to pixels
mod encode; // pixels -> bytes
pub mod pipeline; // all of it, as a list of steps
mod look; // what is read off a small picture
pub mod appearance; // what to show before a picture is there
pub mod sample; // pictures of our own
#[cfg(test)]
mod fixture; // small files of every kind, for tests

pub use appearance::{Appearance, appearance, appearance_memory_needed};
pub use decode::can_decode;
pub use error::{ImagingError, Quantity};
pub use inspect::{Inspected, inspect, inspect_source};
pub use limits::{Limits, SvgPolicy};
pub use metadata::{
    MetadataMode, MetadataOutcome, Piece, StripPlan, Stripped, strip, strip_source,
};
pub use orient::Orientation;
pub use pipeline::{DeriveRequest, Encoded, derive, memory_needed};
pub use pixels::Canvas;
pub use place::{Crop, Placement, place, place_at};
pub use sample::{noise_jpeg, samples};
pub use sniff::sniff;
pub use source::Source;
pub use stop::{NeverStop, Stop};
