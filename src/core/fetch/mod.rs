//! HTTP to others, never to where it must not go.
//!
//! Knows how to speak and to whom not; what is said, and what follows from the answer, is for others to know.

pub mod error; // what can go wrong
pub mod range; // ranges of addresses
pub mod guard; // which addresses may be spoken to
pub mod url; // where to, checked at the edge
mod resolve; // names into addresses that pass the guard
pub mod tls; // whose certificates are believed
pub mod client; // the one door to HTTP
pub mod webhook; // telling others what happened
pub mod scan; // asking others whether an image may be accepted
mod upload; // images as bodies
#[cfg(test)]
mod listener; // servers for tests

pub use client::{Fetcher, Reach};
pub use error::FetchError;
pub use guard::AddressGuard;
pub use range::IpRange;
pub use url::FetchUrl;
