//! The rules of the image origin. Read top to bottom: each module uses only those above it.

pub mod model; // words: ids, media types, presets, options, URLs
