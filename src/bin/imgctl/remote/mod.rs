//! The API of a server as a client sees it: where it is, who we are, requests that are repeated until they are answered.

mod address; // which server
mod key_file; // with which key
mod error; // what it said
mod retry; // how often, and how long between
mod body; // what is sent
mod exchange; // one request, one answer
mod server; // what can be asked
#[cfg(test)]
mod listener; // a server for tests
#[cfg(test)]
mod tests;

pub(crate) use body::{Stamp, UploadBody};
pub(crate) use error::RemoteError;
pub(crate) use server::{Page, Reasoned, Server};
