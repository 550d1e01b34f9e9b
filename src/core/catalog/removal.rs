//! What the catalog keeps of names given and taken, of images erased, and of bytes that are not wanted.

use async_trait::async_trait;

use crate::catalog::{AliasOutcome, CatalogError};
use crate::model::alias::AliasName;
use crate::model::audit::{AuditEntry, Block, Tombstone};
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::record::DerivativeKey;

/// Contract (tested by `contract_removal::run` and `contract_erasure::run` on SQLite and PostgreSQL), besides that of
/// [`super::Catalog`]:
/// * a change and its audit entry are one transaction, and what changed nothing is not audited;
/// * every alias and derivative that is taken off the record stays known as a former one: caches may hold its URL.
#[async_trait]
pub trait RemovalCatalog: Send + Sync {
    /// Names an image that is on record. An alias of another image is left as it is.
    async fn put_alias(
        &self,
        name: &AliasName,
        id: ImageId,
        audit: &AuditEntry,
    ) -> Result<AliasOutcome, CatalogError>;

    /// Takes a name from the image that it names; `false` if it does not name it.
    async fn remove_alias(
        &self,
        name: &AliasName,
        id: ImageId,
        at: UnixSeconds,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Takes an image off the record with all its names, tags and derivatives, and leaves a tombstone; what it took of
    /// a key's quota is given back. `false`: it is not on record.
    ///
    /// Until [`Self::finish_erasure`], the image cannot be recorded again ([`CatalogError::BeingErased`]).
    async fn erase_image(
        &self,
        tombstone: &Tombstone,
        block: Option<&Block>,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Its files are gone.
    async fn finish_erasure(&self, id: ImageId) -> Result<(), CatalogError>;

    /// At most `limit` images whose files may still stand.
    async fn list_unfinished_erasures(&self, limit: u32) -> Result<Vec<Tombstone>, CatalogError>;

    async fn find_tombstone(&self, id: ImageId) -> Result<Option<Tombstone>, CatalogError>;

    /// The tombstone of the image that `name` named last, if it was erased.
    async fn find_tombstone_of_alias(
        &self,
        name: &AliasName,
    ) -> Result<Option<Tombstone>, CatalogError>;

    async fn list_former_aliases_of(&self, id: ImageId) -> Result<Vec<AliasName>, CatalogError>;

    async fn list_former_derivatives_of(
        &self,
        id: ImageId,
    ) -> Result<Vec<DerivativeKey>, CatalogError>;

    /// Whether anyone is making a derivative of it.
    async fn is_claimed(&self, id: ImageId, now_ms: i64) -> Result<bool, CatalogError>;

    /// Those that are blocked already keep their first entry.
    async fn add_blocks(&self, blocks: &[Block], audit: &AuditEntry) -> Result<(), CatalogError>;

    async fn remove_block(&self, id: ImageId, audit: &AuditEntry) -> Result<bool, CatalogError>;

    /// At most `limit`, ascending by id, strictly after `after`.
    async fn list_blocks(
        &self,
        after: Option<ImageId>,
        limit: u32,
    ) -> Result<Vec<Block>, CatalogError>;

    /// Those of `ids` that are blocked.
    async fn find_blocked(&self, ids: &[ImageId]) -> Result<Vec<ImageId>, CatalogError>;
}
