//! A form to try a ticket by hand, and the page that follows it. Neither runs a script nor names its URL to anyone.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use img_api::image::Uploaded;
use img_api::time;
use img_core::model::grant::{Ticket, TicketAlias};

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}\
input,button{font:inherit;margin:.3rem 0;display:block}img{max-width:100%}code{word-break:break-all}";

/// Whether a browser asks, and not a program.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// `limit`: the origin's own, in bytes.
pub(crate) fn page(ticket: &Ticket, limit: u64) -> Response {
    let bytes_max = ticket.bytes_max.unwrap_or(limit).min(limit);
    let types: Vec<String> = ticket
        .types
        .iter()
        .map(|media| media.mime().to_owned())
        .collect();
    let accept = if types.is_empty() {
        "image/*".to_owned()
    } else {
        types.join(",")
    };
    let alias = match &ticket.alias {
        TicketAlias::None => String::new(),
        TicketAlias::Exact(name) => format!(
            "<p>Its name will be <code>{}</code>.</p>",
            text(&name.to_string())
        ),
        TicketAlias::Below { prefix, .. } => format!(
            "<label>Name, below {prefix}<input name=\"alias\" placeholder=\"{prefix}picture.jpg\"></label>",
            prefix = text(&prefix.to_string())
        ),
    };
    let body = format!(
        "<h1>Upload an image</h1>\
        <form method=\"post\" enctype=\"multipart/form-data\">{alias}\
        <input type=\"file\" name=\"file\" accept=\"{accept}\" required><button>Upload</button></form>\
        <p>Up to {bytes_max} bytes; {left} of {max} uploads left, until {until}.</p>",
        left = ticket.uses_left,
        max = ticket.uses_max,
        until = time::format(ticket.expires_at),
    );
    html(StatusCode::OK, "Upload an image", &body)
}

pub(crate) fn done(status: StatusCode, uploaded: &Uploaded) -> Response {
    let image = &uploaded.details.image;
    let mut rows = format!(
        "<p><code>{url}</code></p><p>{width} × {height} px, {bytes} bytes</p>",
        url = text(&image.url),
        width = image.width,
        height = image.height,
        bytes = image.bytes,
    );
    if let Some(alias) = &uploaded.alias {
        rows.push_str(&format!("<p><code>{}</code></p>", text(alias)));
    }
    // By its path: the page is of the same site, whatever its configured URL is.
    let src = image.url.find("/i/").map_or("", |at| &image.url[at..]);
    let body = format!(
        "<h1>Uploaded</h1><p><img src=\"{}\" alt=\"\"></p>{rows}",
        text(src)
    );
    html(status, "Uploaded", &body)
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
        <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
        <style>{STYLE}</style>{body}</html>\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
        // The URL is a secret: neither image nor link tells it.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Text in HTML, also within quotes.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            text("<a href='\"&\">"),
            "&lt;a href=&#39;&quot;&amp;&quot;&gt;"
        );
    }
}
