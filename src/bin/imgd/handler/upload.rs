//! Bytes into images: raw bodies and forms, streamed.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use img_api::image::{ImageDetails, UploadOptions, Uploaded, alias_url, metadata_word};
use img_api::problem;
use img_core::config::ApiSettings;
use img_core::origin::act::{ActError, Caller};
use img_core::origin::error::OriginError;
use img_core::origin::ingest::Ingested;
use img_core::origin::ingest::upload::{Upload, UploadSize};

use crate::answer;
use crate::app::App;
use crate::body::Paced;
use crate::handler::multipart;
use crate::handler::wish::{Afterwards, afterwards, wish};
use crate::input::{Params, content_type};
use crate::problem::Problem;
use crate::who::Who;

/// Take in one image.
///
/// The body is the image itself, or a form with one file. The type is found by content, never by name. The same bytes
/// are the same image, so a repeated upload does no harm.
#[utoipa::path(
    post, path = "/api/v1/images", tag = "images", operation_id = "upload_image",
    params(UploadOptions),
    request_body(
        content(
            (Vec<u8> = "application/octet-stream"),
            (Vec<u8> = "image/*"),
            (UploadForm = "multipart/form-data"),
        ),
        description = "The image, or a form with it in the field `file`."
    ),
    responses(
        (status = 201, body = Uploaded, description = "It is new, durable and on record."),
        (status = 200, body = Uploaded, description = "The same bytes were here before."),
        (status = "default", body = problem::Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn upload(
    State(app): State<App>,
    who: Who,
    Params(mut options): Params<UploadOptions>,
    request: Request,
) -> Result<Response, Problem> {
    let place = match &who.key {
        Some(holder) => Some(holder.begin_upload()?),
        None => None,
    };
    let act = who.act(options.reason.clone())?;
    // What cannot be is said before the bytes are sent.
    app.origin.check_wish(&act, &wish(&options)?)?;
    afterwards(&app.origin, &options)?;
    let (parts, body) = request.into_parts();
    let size = UploadSize {
        bytes_max: u64::MAX,
        declared_bytes: declared_bytes(&parts.headers),
    };
    let mut upload = app.origin.begin_upload(act, size)?;
    receive(
        &parts.headers,
        body,
        &app.site.api,
        &mut upload,
        &mut options,
    )
    .await?;
    // A form may have said more.
    upload.set_reason(who.act(options.reason.clone())?.reason);
    let then = afterwards(&app.origin, &options)?;
    let wish = wish(&options)?;
    to_the_end(async move {
        let _place = place;
        let ingested = upload.finish(wish).await?;
        tell(&app, &who.caller, ingested, &then).await
    })
    .await
}

/// Does what follows the last byte, also if nobody waits for the answer any more: it may be on record by then, and what
/// is being done keeps its place until it is done.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!("an upload was not finished: {error}");
        Err(Problem::internal())
    })
}

/// The form of an upload.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes a form, which is read field by field"
)]
pub(crate) struct UploadForm {
    /// The image.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    alias: Option<String>,
    alias_host: Option<String>,
    tags: Option<String>,
    derive: Option<String>,
    metadata: Option<String>,
    modified: Option<i64>,
    looks: Option<bool>,
    reason: Option<String>,
}

/// Of a raw body; a form is larger than its file.
pub(crate) fn declared_bytes(headers: &HeaderMap) -> Option<u64> {
    if multipart::is_multipart(headers) {
        return None;
    }
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// All of a body, into `upload`.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    api: &ApiSettings,
    upload: &mut Upload,
    options: &mut UploadOptions,
) -> Result<(), Problem> {
    if multipart::is_multipart(headers) {
        return multipart::receive(headers, body, api, upload, options).await;
    }
    require_image(headers)?;
    let mut body = Paced::new(body, api);
    while let Some(piece) = body.next().await? {
        upload.push(&piece).await?;
    }
    Ok(())
}

fn require_image(headers: &HeaderMap) -> Result<(), Problem> {
    let given = match headers.get(header::CONTENT_TYPE) {
        None => "application/octet-stream",
        Some(_) => content_type(headers).unwrap_or("no name"),
    };
    let given = given.to_ascii_lowercase();
    if given == "application/octet-stream" || given.starts_with("image/") {
        return Ok(());
    }
    let detail = format!("the body is of type {given}");
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", detail);
    Err(problem
        .with_hint("send application/octet-stream, image/… or multipart/form-data with a `file`"))
}

/// Everything an application needs to show the image.
pub(crate) async fn tell(
    app: &App,
    caller: &Caller,
    ingested: Ingested,
    then: &Afterwards,
) -> Result<Response, Problem> {
    let (uploaded, status) = describe(app, Viewer::Caller(caller), ingested, then).await?;
    Ok(answer::json(status, &uploaded))
}

/// Who is told of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Viewer<'a> {
    Caller(&'a Caller),
    /// Whoever holds a ticket: told of what they brought, not of what others made of it.
    Stranger,
}

pub(crate) async fn describe(
    app: &App,
    viewer: Viewer<'_>,
    ingested: Ingested,
    then: &Afterwards,
) -> Result<(Uploaded, StatusCode), Problem> {
    let origin = &app.origin;
    let image = ingested.image.clone();
    let (new, metadata, alias) = (ingested.new, ingested.metadata, ingested.alias.clone());
    metrics::counter!("imgd_upload_bytes_total").increment(image.size_bytes);
    let derived = match then.presets.as_slice() {
        [] => Ok(0),
        presets => origin
            .derive_ahead(&image, presets)
            .await
            .map_err(|error: OriginError| Problem::from(ActError::from(error)))?,
    };
    let view = match viewer {
        Viewer::Caller(caller) if !new || !then.presets.is_empty() => {
            origin.view_image(caller, image, then.looks).await?
        }
        Viewer::Caller(_) | Viewer::Stranger => {
            origin.view_as_brought(ingested, then.looks).await?
        }
    };
    let uploaded = Uploaded {
        status: if new { "new" } else { "known" }.to_owned(),
        details: ImageDetails::of(&app.site.url, &view),
        metadata: metadata_word(metadata).to_owned(),
        alias: alias.as_ref().map(|name| alias_url(&app.site.url, name)),
        derived: derived.as_ref().map_or(0, |made| *made as u64),
        derive_error: derived.err().map(|fault| fault.message),
    };
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((uploaded, status))
}
