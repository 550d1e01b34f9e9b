//! A miss of nginx: the file is made or found and nginx is told where it is, so that the first answer equals all later ones.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use img_core::model::alias::{AliasName, AliasPath};
use img_core::model::image_name::ImageName;
use img_core::origin::Origin;
use img_core::origin::miss::{Elsewhere, Found};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

use crate::app::App;
use crate::problem::Problem;

/// `<id>.<variant>.<ext>`, captured by nginx from closed character classes. Absent for aliases.
const NAME_HEADER: &str = "x-img-name";
/// The request target as the client sent it.
const PATH_HEADER: &str = "x-img-path";
/// The internal location that serves any file of the tree with the headers of its kind.
const STORE: &str = "/__store/";

/// nginx percent-decodes the value of X-Accel-Redirect and takes `?` for the query.
const ACCEL_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

pub(crate) async fn answer(State(app): State<App>, request: Request) -> Response {
    let origin = &app.origin;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::method_not_allowed("images answer to GET and HEAD").render_for(&request);
    }
    let started = Instant::now();
    let found = find(origin, request.headers()).await;
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    match found {
        Ok(Found::File { path }) => {
            tracing::debug!(duration_ms, "found {}", String::from_utf8_lossy(&path));
            accel(&path)
        }
        Ok(Found::Elsewhere { url, why }) => redirect(&url, why),
        Err(problem) => problem.cacheable().render_for(&request),
    }
}

async fn find(origin: &Arc<Origin>, headers: &HeaderMap) -> Result<Found, Problem> {
    // As the client sent it: any bytes, also such as are no text.
    let target = headers
        .get(PATH_HEADER)
        .ok_or_else(Problem::not_found)?
        .as_bytes();
    let query = target
        .splitn(2, |&byte| byte == b'?')
        .nth(1)
        .unwrap_or_default();
    let query = String::from_utf8_lossy(query);
    if let Some(asked) = header_text(headers, NAME_HEADER) {
        let name: ImageName = asked
            .parse()
            .map_err(|error| Problem::invalid_name(&error))?;
        return Ok(origin.find_or_make(&asked, &name, &query).await?);
    }
    let path = AliasPath::from_request_uri(target).map_err(|_| Problem::not_found())?;
    // What is no plain name has no aliases of its own.
    let host = header_text(headers, header::HOST.as_str());
    let host = host.and_then(|host| host.split(':').next()?.parse().ok());
    Ok(origin.find_alias_file(AliasName { host, path }).await?)
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    (!text.is_empty()).then_some(text)
}

/// No body and no type: nginx takes both, and all other headers, from the file.
fn accel(path: &[u8]) -> Response {
    let target = format!("{STORE}{}", percent_encode(path, ACCEL_ESCAPES));
    let mut response = Response::new(Body::empty());
    response
        .headers_mut()
        .insert("x-accel-redirect", ascii(&target));
    response
}

fn redirect(url: &str, why: Elsewhere) -> Response {
    let (status, cache_control) = match why {
        Elsewhere::Canonical => (StatusCode::MOVED_PERMANENTLY, "public, max-age=86400"),
        Elsewhere::CurrentRevision => (StatusCode::FOUND, "public, max-age=60"),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::LOCATION, ascii(url));
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(cache_control),
    );
    response
}

/// Canonical names are ASCII; a query is as the client sent it, and what is not ASCII in it is escaped.
fn ascii(text: &str) -> HeaderValue {
    let escaped = utf8_percent_encode(text, CONTROLS).to_string();
    HeaderValue::try_from(escaped).expect("neither controls nor other than ASCII are left")
}
