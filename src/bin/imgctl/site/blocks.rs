//! The block list: bytes that are not taken in.

use img_api::block::{Block, BlockList, NewBlocks};
use img_core::model::image_id::ImageId;

use crate::context::local_act;
use crate::exit::Failure;
use crate::remote::{Page, Reasoned};
use crate::site::Site;

/// Ids in one request, and in one answer.
const PAGE_MAX: u32 = 1000;

impl Site {
    pub(crate) async fn add_blocks(
        &self,
        ids: &[ImageId],
        reason: Option<String>,
    ) -> Result<(), Failure> {
        for ids in ids.chunks(PAGE_MAX as usize) {
            match self {
                Self::Here(here) => {
                    let act = local_act(reason.clone());
                    here.origin.block_images(&act, ids).await?;
                }
                Self::There(server) => {
                    let new = NewBlocks {
                        ids: ids.iter().map(ToString::to_string).collect(),
                        reason: reason.clone(),
                    };
                    server.post_only("blocks", &new).await?;
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn remove_block(
        &self,
        id: ImageId,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        match self {
            Self::Here(here) => Ok(here.origin.unblock_image(&local_act(reason), id).await?),
            Self::There(server) => {
                let path = format!("blocks/{id}");
                Ok(server.delete_only(&path, &Reasoned { reason }).await?)
            }
        }
    }

    pub(crate) async fn list_blocks(&self, mut each: impl FnMut(&Block)) -> Result<(), Failure> {
        match self {
            Self::Here(here) => {
                let (act, mut after) = (local_act(None), None);
                loop {
                    let blocks = here.origin.list_blocks(&act, after, PAGE_MAX).await?;
                    let Some(last) = blocks.last() else {
                        return Ok(());
                    };
                    after = Some(last.id);
                    for block in &blocks {
                        each(&Block::of(block));
                    }
                }
            }
            Self::There(server) => {
                let mut page = Page::first(PAGE_MAX);
                loop {
                    let list: BlockList = server.get("blocks", &page).await?;
                    list.blocks.iter().for_each(&mut each);
                    if !page.turn(list.next) {
                        return Ok(());
                    }
                }
            }
        }
    }
}
