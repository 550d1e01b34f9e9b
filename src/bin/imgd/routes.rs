//! Which handler answers what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use img_core::config::Config;
use img_core::origin::Origin;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Mutex, Semaphore};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, Site};
use crate::drain;
use crate::handler::{
    alias, audit, block, image, key, miss, session, status, ticket, ticket_upload, upload,
};
use crate::measure;
use crate::problem::Problem;
use crate::who::COOKIE;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "imgctl",
        description = "Writes to an image origin, and tells what is in it. Images themselves are served by nginx.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "images", description = "Originals, and what is said about them"),
        (name = "aliases", description = "Public names"),
        (name = "upload", description = "Uploads by ticket, without a key"),
        (name = "tickets", description = "Permissions to upload, as URLs"),
        (name = "keys", description = "API keys, for administrators"),
        (name = "blocks", description = "What is not taken in, for administrators"),
        (name = "access", description = "People, and what was done"),
        (name = "status", description = "How imgd stands"),
    ),
)]
struct Described;

/// Everything below /api/, with its description.
pub(crate) fn api() -> (Router<App>, Document) {
    let mut document = Described::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("imgk_…");
    components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    OpenApiRouter::with_openapi(document)
        .routes(routes!(upload::upload, image::list))
        .routes(routes!(image::lookup))
        .routes(routes!(image::get, image::erase))
        .routes(routes!(image::set_tags, image::patch_tags))
        .routes(routes!(image::derive))
        .routes(routes!(alias::get, alias::put, alias::remove))
        .routes(routes!(
            ticket_upload::get,
            ticket_upload::post,
            ticket_upload::put,
            ticket_upload::options
        ))
        .routes(routes!(ticket::list, ticket::create))
        .routes(routes!(ticket::get, ticket::revoke))
        .routes(routes!(key::list, key::create))
        .routes(routes!(key::revoke))
        .routes(routes!(key::rotate))
        .routes(routes!(block::list, block::add))
        .routes(routes!(block::remove))
        .routes(routes!(audit::list))
        .routes(routes!(session::me))
        .routes(routes!(session::log_in, session::log_out))
        .routes(routes!(status::live))
        .routes(routes!(status::ready))
        .routes(routes!(status::metrics))
        .routes(routes!(status::status))
        .routes(routes!(status::presets))
        .routes(routes!(status::openapi))
        .split_for_parts()
}

pub(crate) fn router(origin: &Arc<Origin>, config: &Config, metrics: PrometheusHandle) -> Router {
    let (api, document) = api();
    let app = App {
        origin: Arc::clone(origin),
        site: Arc::new(Site {
            url: config.site_url.clone(),
            api: config.api.clone(),
            metrics,
            totals: Mutex::default(),
            openapi: document.to_json().unwrap_or_default(),
        }),
    };
    // The two do not take each other's places: uploads cannot keep images from being made, nor the other way round.
    let bounded = |places_max| {
        let places = Arc::new(Semaphore::new(places_max));
        middleware::from_fn_with_state(places, bound)
    };
    let api = api
        .route("/api/", axum::routing::any(nothing))
        .route("/api/{*rest}", axum::routing::any(nothing))
        .method_not_allowed_fallback(other_method)
        .layer(bounded(config.api.requests_max))
        .layer(middleware::from_fn(finish_acts))
        .layer(middleware::from_fn(render))
        .layer(middleware::from_fn(drain::finish_bodies));
    // Everything else is a miss: nginx passes on the paths of its own /i/ and of aliases as they came.
    let misses = Router::new()
        .fallback(miss::answer)
        .layer(bounded(config.imgd_requests_max));
    misses
        .merge(api)
        .layer(middleware::from_fn(measure::requests))
        .with_state(app)
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn other_method() -> Problem {
    Problem::method_not_allowed("this is not asked for in this way")
}

/// Refuses what is beyond the bound rather than queueing without end.
async fn bound(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Problem::busy().render_for(&request),
    }
}

/// What has begun is done to its end, also when the client goes away: half an erasure would leave files that nginx serves.
/// An upload whose body breaks off ends by itself.
async fn finish_acts(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Problem::busy().into_response(),
        },
    }
}

/// Gives problems their body, and every answer the id of its request.
async fn render(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id").cloned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let mut rendered = problem.render(id.as_ref());
        // Such as those that tell a browser who may read it.
        for (name, value) in response.headers() {
            if !rendered.headers().contains_key(name) && name != "content-length" {
                rendered.headers_mut().append(name.clone(), value.clone());
            }
        }
        return rendered;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_and_describes_every_operation() {
        let (_, document) = api();
        let json = serde_json::to_value(&document).unwrap();
        assert_eq!(json["openapi"], "3.1.0");
        let paths = json["paths"].as_object().unwrap();
        let operations: Vec<_> = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .collect();
        assert!(operations.len() > 25, "{}", operations.len());
        for operation in operations {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operation["summary"].as_str().is_some(), "{id}");
            assert!(operation["security"].is_array(), "{id}");
            assert!(
                !operation["responses"].as_object().unwrap().is_empty(),
                "{id}"
            );
        }
    }
}
