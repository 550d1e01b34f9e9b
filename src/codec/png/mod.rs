//! PNG for shrinking: rows are unfiltered as they are inflated and averaged in boxes on the way, so that the whole image
//! never stands in memory, unless it is interlaced or wanted whole.
//!
//! The format: W3C "Portable Network Graphics (PNG) Specification (Third Edition)"; chapter numbers refer to it.

mod error; // what is wrong with a file
mod request; // what is asked
mod chunk; // the walk through a file
mod header; // what is known before pixels
mod metadata; // colour space and EXIF
mod idat; // chunks to filtered rows, as one stream
mod unfilter; // filtered rows to bytes of pixels
mod paeth_avx2; // four rows of them at once
mod samples; // bytes of pixels to channels of 8 bits
mod sums; // the loops of shrinking
mod shrink; // rows of channels to planes
mod adam7; // rows of seven passes to rows
mod rows; // all of that in turn
mod decode; // limits, what stands around the pixels, what comes out

pub use decode::{Alpha, Decoded, decode, memory_needed};
pub use error::DecodeError;
pub use header::{ColourType, Header, Interlacing, read_header};
pub use metadata::{Chromaticities, Metadata};
pub use request::{Limits, Missing, Request};
