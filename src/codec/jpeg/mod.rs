//! JPEG (ITU-T T.81), as far as an image origin needs it.

pub mod decode; // bytes to planes, no larger than wanted
pub mod encode; // planes to bytes

mod tables; // constants of the format
