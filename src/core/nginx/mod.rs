//! What nginx is told: its configuration rendered, checked and put in force. Knows nothing of catalogs or pixels.

pub mod error;
pub mod settings; // what an operator may choose
mod value; // settings -> text that cannot break out of its place
pub mod render; // settings -> files
mod syntax; // files -> directives
pub mod lint; // directives -> what nginx -t does not notice
pub mod check; // files -> nginx -t and lints
pub mod running; // the nginx that runs: pid file, status socket, log
pub mod apply; // a release put in force, or rolled back
pub mod floor; // which nginx is too old

#[cfg(test)]
mod tests;
