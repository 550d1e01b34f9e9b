//! The rules of the image origin. Read top to bottom: each module uses only those above it.

pub mod model; // words: ids, media types, presets, options, URLs
pub mod imaging; // bytes -> pixels -> bytes
pub mod cpu; // where imaging runs, and how much memory it may take
pub mod blobs; // where bytes live
pub mod catalog; // what exists
pub mod fetch; // HTTP to others, never to where it must not go
pub mod origin; // what can be done
pub mod nginx; // what nginx is told
pub mod config; // what the operator says
