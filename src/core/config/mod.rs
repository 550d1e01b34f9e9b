//! `imgctl.toml`: read, checked whole, turned into what the other modules take.
//!
//! Precedence: flag, environment (both in the programs), file, default.

pub mod section; // presets and watermarks as they are written
pub mod file; // the file as it is written
pub mod error; // what is wrong with it
pub mod load; // file -> Config, every fault at once
mod check; // what it may not say
mod watermarks; // the section [watermarks], and its files
mod presets; // the section [presets]
pub mod open; // Config -> an open origin
pub mod init; // the file that a new data directory gets

pub use error::ConfigError;
pub use load::{ApiSettings, CONFIG_FILE, Config};
pub use open::OpenError;
