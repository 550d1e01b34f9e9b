//! End to end: the real imgctl, imgd and nginx, on free ports, in temporary directories.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

mod harness; // a site to test, and an HTTP client that sends exactly what it is told

mod smoke;

mod cli;
mod schema;
mod looking;
mod doctor;
mod derive_ahead;
mod on_postgres;
