//! Forms: one file, and a few short fields before or after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::stream;
use img_api::image::UploadOptions;
use img_core::config::ApiSettings;
use img_core::origin::ingest::upload::Upload;
use multer::{Field, Multipart};

use crate::body::Paced;
use crate::input::{content_type, parse};
use crate::problem::Problem;

/// The name of the field with the image.
const FILE: &str = "file";
/// Every option is shorter.
const FIELD_BYTES_MAX: usize = 4096;
/// There are fewer options.
const FIELDS_MAX: usize = 32;
/// What stands between two fields, or before the first: a boundary and a few headers.
const FRAME_BYTES_MAX: usize = 4 * PIECE_BYTES_MAX;
/// Given to the parser at a time.
const PIECE_BYTES_MAX: usize = 16 << 10;

pub(crate) fn is_multipart(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|given| given.eq_ignore_ascii_case("multipart/form-data"))
}

/// Receives a form. Its fields count like the query's, and come after it.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    api: &ApiSettings,
    upload: &mut Upload,
    options: &mut UploadOptions,
) -> Result<(), Problem> {
    let boundary = headers.get(header::CONTENT_TYPE);
    let boundary = boundary
        .and_then(|value| multer::parse_boundary(value.to_str().ok()?).ok())
        .ok_or_else(|| invalid("multipart-invalid", "the form has no boundary"))?;
    let unparsed = Arc::new(AtomicUsize::new(0));
    let parsed = || unparsed.store(0, Ordering::Relaxed);
    let body = pieces(Paced::new(body, api), Arc::clone(&unparsed));
    let mut form = Multipart::new(body, boundary);
    let mut files = 0;
    for _ in 0..FIELDS_MAX {
        let Some(mut field) = form.next_field().await.map_err(broken)? else {
            return match files {
                0 => {
                    let detail = format!("the form has no file: a field named `{FILE}`");
                    Err(invalid("multipart-no-file", detail))
                }
                _ => Ok(()),
            };
        };
        parsed();
        let is_file = field.name() == Some(FILE) || field.file_name().is_some();
        if !is_file {
            let name = field.name().unwrap_or_default().to_owned();
            let value = read_text(&mut field, &name).await?;
            parsed();
            set(options, &name, value)?;
            continue;
        }
        files += 1;
        if files > 1 {
            let detail = "a form brings one file: send a request for each";
            return Err(invalid("multipart-files", detail));
        }
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            parsed();
            upload.push(&piece).await?;
        }
    }
    let detail = format!("a form has {FIELDS_MAX} fields at most");
    Err(invalid("multipart-fields", detail))
}

/// A problem of ours travels through the parser as an error of the stream.
#[derive(Debug, thiserror::Error)]
#[error("the body")]
struct Broken(Problem);

/// The parser takes all that is ready before it looks at any of it, and keeps what it cannot make sense of yet without
/// limit: it gets a little at a time, and `unparsed` counts what nothing came of.
fn pieces(
    body: Paced,
    unparsed: Arc<AtomicUsize>,
) -> impl stream::Stream<Item = Result<Bytes, Broken>> {
    stream::try_unfold((body, Bytes::new()), move |(mut body, mut rest)| {
        let unparsed = Arc::clone(&unparsed);
        async move {
            tokio::task::yield_now().await;
            if unparsed.load(Ordering::Relaxed) > FRAME_BYTES_MAX {
                let detail = format!("more than {FRAME_BYTES_MAX} bytes stand between two fields");
                return Err(Broken(invalid("multipart-invalid", detail)));
            }
            if rest.is_empty() {
                let Some(piece) = body.next().await.map_err(Broken)? else {
                    return Ok(None);
                };
                rest = piece;
            }
            let piece = rest.split_to(rest.len().min(PIECE_BYTES_MAX));
            unparsed.fetch_add(piece.len(), Ordering::Relaxed);
            Ok(Some((piece, (body, rest))))
        }
    })
}

fn broken(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(source) => match source.downcast::<Broken>() {
            Ok(broken) => broken.0,
            Err(source) => invalid("body-incomplete", format!("the body broke off: {source}")),
        },
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteStream => {
            invalid("body-incomplete", "the form ends in the middle")
        }
        error => invalid("multipart-invalid", error.to_string()),
    }
}

async fn read_text(field: &mut Field<'_>, name: &str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        if bytes.len() + piece.len() > FIELD_BYTES_MAX {
            let detail = format!("field `{name}` has more than {FIELD_BYTES_MAX} bytes");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Problem::new(status, "multipart-field", detail));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes)
        .map_err(|_| invalid("multipart-field", format!("field `{name}` is not UTF-8")))
}

/// An empty field of a form is one that nobody filled in.
fn set(options: &mut UploadOptions, name: &str, value: String) -> Result<(), Problem> {
    if value.is_empty() {
        return Ok(());
    }
    match name {
        "alias" => options.alias = Some(value),
        "alias_host" => options.alias_host = Some(value),
        "tags" => options.tags = Some(value),
        "derive" => options.derive = Some(value),
        "metadata" => options.metadata = Some(value),
        "modified" => options.modified = Some(parse(name, &value)?),
        "looks" => options.looks = Some(parse(name, &value)?),
        "reason" => options.reason = Some(value),
        _ => {
            let detail = format!("there is no field `{name}`");
            return Err(invalid("multipart-field", detail));
        }
    }
    Ok(())
}

fn invalid(code: &str, detail: impl Into<String>) -> Problem {
    Problem::bad_request(code, detail)
}
