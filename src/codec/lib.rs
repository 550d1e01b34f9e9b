//! Codecs of our own, for shrinking: they make no more of an image than its thumbnail needs.
//!
//! Pure: bytes and planes in, planes and bytes out; no files, no clock, no threads, nothing kept between two images.

pub mod plane; // one channel of samples
pub mod stop; // giving up in time
pub mod colour; // planes and interleaved pixels
pub mod resample; // planes to another size
pub mod jpeg; // ITU-T T.81
pub mod png; // the PNG specification, third edition
