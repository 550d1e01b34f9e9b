//! `imgctl block`: what is not taken in here.

use std::path::PathBuf;

use img_api::block::Block;
use img_core::model::image_id::ImageId;
use img_core::origin::block::ids_of_file;
use serde_json::json;

use crate::args::{BlockCommand, Global};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::paths::shown;
use crate::site::Site;

pub(crate) async fn run(
    global: &Global,
    command: BlockCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let site = Site::open(global).await?;
    let done = act(&site, command, output).await;
    site.close().await;
    done.map(|()| ExitStatus::Success)
}

async fn act(site: &Site, command: BlockCommand, output: Output) -> Result<(), Failure> {
    match command {
        BlockCommand::Add { what, why } => add(site, &what, why.reason, output).await,
        BlockCommand::Remove { id, why } => {
            site.remove_block(id, why.reason).await?;
            output.summary(
                || format!("image {id} is blocked no more"),
                || json!({"id": id.to_string(), "status": "removed"}),
            );
            Ok(())
        }
        BlockCommand::List => site.list_blocks(|block| output.record(block, line)).await,
    }
}

async fn add(
    site: &Site,
    what: &[PathBuf],
    reason: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    // All files are read before anything is blocked.
    let mut meant: Vec<(ImageId, Option<&PathBuf>)> = Vec::new();
    for path in what {
        match path.to_str().and_then(|text| text.parse().ok()) {
            Some(id) => meant.push((id, None)),
            None => meant.extend(ids_of(path)?.into_iter().map(|id| (id, Some(path)))),
        }
    }
    let ids: Vec<ImageId> = meant.iter().map(|(id, _)| *id).collect();
    site.add_blocks(&ids, reason).await?;
    for (id, path) in &meant {
        output.item(
            || match path {
                Some(path) => format!("{id}  {}", shown(path)),
                None => id.to_string(),
            },
            || json!({"id": id.to_string(), "path": path.map(|path| path.to_string_lossy())}),
        );
    }
    for ids in ids.chunks(1000) {
        for id in site.find_known(ids).await? {
            output.note(&format!(
                "image {id} is here already and stays; `imgctl image erase {id}` removes it"
            ));
        }
    }
    Ok(())
}

fn ids_of(path: &PathBuf) -> Result<Vec<ImageId>, Failure> {
    let reading = Failure::io(format!("read {}", shown(path)));
    let bytes = std::fs::read(path).map_err(|error| {
        reading(error)
            .with_hint("an image id has 40 lower-case hex digits; anything else is a file")
    })?;
    Ok(ids_of_file(&bytes))
}

fn line(block: &Block) -> String {
    let (id, at, by) = (&block.id, &block.blocked_at, &block.blocked_by);
    match &block.reason {
        Some(reason) => format!("{id}  {at}  {by}  {reason}"),
        None => format!("{id}  {at}  {by}"),
    }
}
