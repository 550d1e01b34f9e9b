//! The block list, for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use img_api::block::{Block, BlockList, NewBlocks};
use img_api::cursor;
use img_api::problem::Problem as ProblemDocument;
use img_core::model::image_id::ImageId;

use crate::answer;
use crate::app::App;
use crate::handler::image::Why;
use crate::handler::ticket::Page;
use crate::input::{Json, Named, Params, parse_all};
use crate::problem::Problem;
use crate::who::Who;

const LIST: &str = "blocks";
/// Of one request.
const IDS_MAX: usize = 1000;

/// What is not taken in.
#[utoipa::path(
    get, path = "/api/v1/blocks", tag = "blocks", operation_id = "list_blocks",
    params(Page),
    responses(
        (status = 200, body = BlockList),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    who: Who,
    Params(page): Params<Page>,
) -> Result<Response, Problem> {
    let (after, limit) = (page.after::<ImageId>(LIST)?, page.limit()?);
    let act = who.act(None)?;
    let blocks = app.origin.list_blocks(&act, after, limit).await?;
    let is_full = blocks.len() == limit as usize;
    let last = blocks.last().filter(|_| is_full);
    let list = BlockList {
        next: last.map(|last| cursor::encode(LIST, &last.id.to_string())),
        blocks: blocks.iter().map(Block::of).collect(),
    };
    Ok(answer::json(StatusCode::OK, &list))
}

/// Refuse these from now on. What is on record already stays: erase it.
#[utoipa::path(
    post, path = "/api/v1/blocks", tag = "blocks", operation_id = "add_blocks",
    request_body = NewBlocks,
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn add(
    State(app): State<App>,
    who: Who,
    blocks: Json<NewBlocks>,
) -> Result<StatusCode, Problem> {
    let ids: Vec<ImageId> = parse_all("ids", &blocks.value.ids)?;
    if !(1..=IDS_MAX).contains(&ids.len()) {
        let detail = format!("1 to {IDS_MAX} ids");
        return Err(Problem::bad_request("value-invalid", detail));
    }
    let act = who.act(blocks.value.reason)?;
    app.origin.block_images(&act, &ids).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take them in again.
#[utoipa::path(
    delete, path = "/api/v1/blocks/{id}", tag = "blocks", operation_id = "remove_block",
    params(("id" = String, Path, description = "40 hex digits", pattern = "^[0-9a-f]{40}$"), Why),
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("key" = []), ("session" = [])),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    who: Who,
    Named(id): Named<ImageId>,
    Params(why): Params<Why>,
) -> Result<StatusCode, Problem> {
    let act = who.act(why.reason)?;
    app.origin.unblock_image(&act, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
