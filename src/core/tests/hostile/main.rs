//! Files that are damaged at random, or small and made to cost much, through the whole pipeline: each ends soon, without a
//! panic, and within the memory that was announced for it.
//!
//! A process of its own, because it watches the most memory that the process has had; one test at a time, by a lock.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step is a failing test; helpers beside the tests fail with them"
)]

mod bombs; // small files that claim to be large
mod damage; // changes at random
mod memory; // of this process
mod mutated; // thousands of files of every kind
mod originals; // what is damaged

use std::sync::{Mutex, MutexGuard, PoisonError};

use img_core::imaging::{
    DeriveRequest, Encoded, ImagingError, Limits, NeverStop, SvgPolicy, derive,
};
use img_core::model::media::OutputFormat;
use img_core::model::options::Options;
use img_core::model::recipe::Recipe;
use img_core::model::watermark::Watermarks;

/// Memory is that of the process: whoever measures it must be alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The defaults, with SVG.
fn limits() -> Limits {
    Limits {
        svg: SvgPolicy::Accept,
        ..Limits::default()
    }
}

fn recipe(format: OutputFormat, options: &str) -> Recipe {
    options.parse::<Options>().unwrap().recipe(format)
}

fn derive_one(
    original: &[u8],
    recipe: Recipe,
    limits: &Limits,
) -> Result<Vec<Encoded>, ImagingError> {
    derive(&DeriveRequest {
        original,
        recipes: &[recipe],
        watermarks: &Watermarks::default(),
        limits,
        stop: &NeverStop,
    })
}
