//! Images as bodies of requests: from memory, or from a file without holding it.

use std::io;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream::try_unfold;
use reqwest::Body;
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, Take};

use super::error::FetchError;

/// How much of a file is held at a time, in bytes: each read is a trip to another thread.
const CHUNK_BYTES: usize = 256 << 10;

/// Where the bytes of an image are.
#[derive(Clone, Debug)]
pub enum ScanBody<'a> {
    Bytes(Bytes),
    File(&'a Path),
}

impl ScanBody<'_> {
    /// A file must be as long as it was said to be: what is looked at is what is accepted.
    pub(super) async fn open(
        &self,
        size_bytes: u64,
        headers: &mut HeaderMap,
    ) -> Result<Body, FetchError> {
        let path = match self {
            Self::Bytes(bytes) => return Ok(bytes.clone().into()),
            Self::File(path) => *path,
        };
        let failed = |source| FetchError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).await.map_err(failed)?;
        let found = file.metadata().await.map_err(failed)?.len();
        if found != size_bytes {
            return Err(FetchError::FileSize {
                path: path.to_owned(),
                expected: size_bytes,
                found,
            });
        }
        // Many a receiver does not read chunked bodies; if the file shrinks, the request breaks off.
        headers.insert(CONTENT_LENGTH, size_bytes.into());
        Ok(Body::wrap_stream(try_unfold(
            file.take(size_bytes),
            next_chunk,
        )))
    }
}

async fn next_chunk(mut file: Take<File>) -> Result<Option<(Vec<u8>, Take<File>)>, io::Error> {
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    let read = file.read_buf(&mut chunk).await?;
    Ok((read > 0).then_some((chunk, file)))
}
