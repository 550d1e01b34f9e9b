//! Bytes on disk: originals, derivatives, aliases, and what is being written.
//!
//! Each kind has its own type and its own root; nothing that removes derivatives can name an original.

pub mod error; // what can go wrong
pub mod tree; // the data directory as a whole
pub mod space; // how much is free
pub mod staging; // files being written
pub mod originals; // the truth
pub mod derived; // what can be made again
pub mod aliases; // hard links under public names
pub mod durable; // making batches of files survive power loss

pub use error::BlobError;
pub use tree::Tree;

/// Runs blocking file work off the async threads. The one place that may call `spawn_blocking`.
pub async fn blocking<T, F>(work: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(join) => std::panic::resume_unwind(join.into_panic()),
    }
}
