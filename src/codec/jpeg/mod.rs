//! JPEG (ITU-T T.81), as far as an image origin needs it.

pub mod decode; // bytes to planes, no larger than wanted

mod tables; // constants of the format
