//! The PNG decoder against the crate `png` and plainly computed averages.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

mod file; // PNG files written by hand
mod reference; // what should come out
mod damage; // files that are cut off, corrupt or hostile
mod pixels; // files of every kind
