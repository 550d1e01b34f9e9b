//! End to end: the real imgctl, imgd and nginx, on free ports, in temporary directories.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

mod harness; // a site to test, and an HTTP client that sends exactly what it is told

mod specimen; // images built byte by byte
mod report; // what `imgctl --json ingest` says
mod audit; // what must hold of a data directory at any time

mod smoke;

mod ingest;
mod ingest_paths;
mod ingest_alias;
mod ingest_runs;
mod bad_input;
mod metadata;
mod disk_full;
mod kill;

mod cli;
mod schema;
mod looking;
mod doctor;
mod derive_ahead;
mod on_postgres;
