//! The block list on the wire.

use img_core::model::audit;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time;

/// Bytes that are not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Block {
    pub id: String,
    pub blocked_at: String,
    pub blocked_by: String,
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockList {
    pub blocks: Vec<Block>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What to refuse from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBlocks {
    /// At most 1000.
    #[schema(max_items = 1000)]
    pub ids: Vec<String>,
    /// Why, for the list and the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Block {
    pub fn of(block: &audit::Block) -> Self {
        Self {
            id: block.id.to_string(),
            blocked_at: time::format(block.blocked_at),
            blocked_by: block.blocked_by.clone(),
            reason: block.reason.clone(),
        }
    }
}
