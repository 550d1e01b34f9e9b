//! What clients send, parsed at the edge: JSON, queries, paths.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::BytesMut;
use img_core::model::alias::{HostName, InvalidHostName};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::body::Paced;
use crate::problem::Problem;

/// A thousand ids, and some room.
const JSON_BYTES_MAX: usize = 64 << 10;

/// A JSON body, with its bytes.
#[derive(Debug)]
pub(crate) struct Json<T> {
    pub(crate) value: T,
    pub(crate) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let mut body = Paced::new(request.into_body(), &app.site.api);
        let bytes = read_limited(&mut body, JSON_BYTES_MAX).await?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::bad_request("json-invalid", error.to_string()))?;
        Ok(Self { value, bytes })
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = content_type(headers);
    if given.is_some_and(|given| given.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let detail = format!(
        "the body must be application/json, and is {}",
        given.unwrap_or("of no type")
    );
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Problem::new(status, "content-type", detail))
}

/// Without its parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

async fn read_limited(body: &mut Paced, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.next().await? {
        if bytes.len() + piece.len() > bytes_max {
            let detail = format!("a JSON body has {bytes_max} bytes at most");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Problem::new(status, "body-too-large", detail));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// A query, all of which is known.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        // Otherwise such bytes would be taken for U+FFFD, and a name for another.
        if percent_decode_str(text).decode_utf8().is_err() {
            let detail =
                "the query is not UTF-8; of a path, percent-encode the `%` of such bytes too";
            return Err(Problem::bad_request("query-invalid", detail));
        }
        let query = Query::<T>::try_from_uri(&parts.uri)
            .map_err(|error| Problem::bad_request("query-invalid", error.body_text()))?;
        Ok(Self(query.0))
    }
}

/// The one thing that a path names.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T> FromRequestParts<App> for Named<T>
where
    T: FromStr,
    T::Err: Display,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(text): Path<String> = Path::from_request_parts(parts, app)
            .await
            .map_err(|error: PathRejection| invalid_path(error.body_text()))?;
        text.parse()
            .map(Self)
            .map_err(|error: T::Err| invalid_path(error.to_string()))
    }
}

fn invalid_path(detail: impl Into<String>) -> Problem {
    Problem::bad_request("path-invalid", detail)
}

/// A field of a query or a body into what it means.
pub(crate) fn parse<T>(field: &str, text: &str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error: T::Err| Problem::bad_request("value-invalid", format!("{field}: {error}")))
}

/// The host of an alias.
pub(crate) fn parse_host(host: Option<&str>) -> Result<Option<HostName>, Problem> {
    let host = host.map(str::parse).transpose();
    host.map_err(|error: InvalidHostName| Problem::bad_request("alias-invalid", error.to_string()))
}

/// As [`parse`], of words between commas.
pub(crate) fn parse_words<T>(field: &str, text: Option<&str>) -> Result<Vec<T>, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    let words = text.unwrap_or_default().split(',');
    words
        .filter(|word| !word.is_empty())
        .map(|word| parse(field, word))
        .collect()
}

/// As [`parse`], of each text.
pub(crate) fn parse_all<T>(field: &str, texts: &[String]) -> Result<Vec<T>, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    texts.iter().map(|text| parse(field, text)).collect()
}
