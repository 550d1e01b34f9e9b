//! The words of the HTTP API, said by imgd and understood by imgctl: JSON of requests and answers, errors, cursors.

pub mod problem; // errors (RFC 9457)
pub mod time; // RFC 3339
pub mod looks; // what an image looks like
pub mod image; // images, lists, uploads, tags, erasures
pub mod alias; // public names
pub mod cursor; // where a list goes on
pub mod key; // API keys
pub mod ticket; // uploads by URL
pub mod session; // people
pub mod audit; // what was done
pub mod block; // what is not wanted
pub mod status; // how much there is
