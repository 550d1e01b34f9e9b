//! Which handler answers what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use img_core::origin::Origin;
use tokio::sync::Semaphore;

use crate::handler::miss;
use crate::problem::Problem;

pub(crate) fn router(origin: Arc<Origin>, requests_max: usize) -> Router {
    let places = Arc::new(Semaphore::new(requests_max));
    // Everything is a miss: nginx passes on the paths of its own /i/ and of aliases as they came.
    Router::new()
        .fallback(miss::answer)
        .layer(middleware::from_fn_with_state(places, bound))
        .with_state(origin)
}

/// Refuses what is beyond the bound rather than queueing without end.
async fn bound(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Problem::busy().into_response_for(&request),
    }
}
