//! The database of what exists: images, aliases, presets, derivatives. SQL lives here and nowhere else.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::alias::AliasName;
use crate::model::audit::AuditEntry;
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::preset::{PresetDefinition, PresetName};
use crate::model::record::{Derivative, DerivativeKey, Image};
use crate::model::tag::Tag;

pub mod error; // what can go wrong
pub mod url; // which database, from its URL
pub mod schema; // is it ours, and raising it
pub mod open; // from a URL to a catalog
mod sql; // what both databases read alike
mod rows; // rows into model values
mod batch; // what becomes of the entries of a batch
mod engine; // what the two databases do differently
mod relational; // the trait, over either engine
pub mod access; // keys, tickets, people, the audit log
mod access_rows; // rows into these
mod access_sql; // what both databases read alike of it
mod relational_access; // over either engine
pub mod removal; // names and images taken away, and bytes not wanted
mod relational_removal; // over either engine
pub mod search; // lists by more than id
mod relational_search; // over either engine
mod sqlite; // one machine
mod sqlite_batch; // many rows at once
mod postgres; // more than one
mod postgres_batch; // many rows at once
#[cfg(test)]
mod contract; // what both must keep
#[cfg(test)]
mod contract_derive; // the part of it that making derivatives relies on
#[cfg(test)]
mod contract_access; // the part of it that keys rely on
#[cfg(test)]
mod contract_tickets; // the part of it that upload tickets rely on
#[cfg(test)]
mod contract_people; // the part of it that signing in relies on
#[cfg(test)]
mod contract_audit; // the part of it that the audit log relies on
#[cfg(test)]
mod contract_requests; // the part of it that repeated requests and callbacks rely on
#[cfg(test)]
mod contract_removal; // the part of it that taking names and blocking rely on
#[cfg(test)]
mod contract_erasure; // the part of it that erasing images relies on
#[cfg(test)]
mod contract_search; // the part of it that searching and tagging rely on
#[cfg(test)]
mod contract_schema; // what both must keep before there is a catalog

pub use access::AccessCatalog;
pub use error::CatalogError;
pub use open::{CatalogSettings, open};
pub use removal::RemovalCatalog;
pub use schema::{SchemaReport, SchemaState, apply_schema, schema_state};
pub use search::SearchCatalog;
pub use url::CatalogUrl;

/// The schema version that this build reads and writes.
pub const SCHEMA_VERSION: u32 = 3;

/// What exists, and who is making what.
///
/// Contract (tested by `contract::run` on SQLite and PostgreSQL):
/// * a call that returns `Ok` has committed; unless its doc says "not durable", the commit survives power loss;
/// * a call that returns `Err` has changed nothing;
/// * every method may be called by many tasks and by several processes at once;
/// * a database with another schema than [`SCHEMA_VERSION`] is not opened: [`CatalogError::Schema`];
/// * lists are in ascending order of their key and continue strictly after the cursor given.
#[async_trait]
pub trait Catalog: AccessCatalog + RemovalCatalog + SearchCatalog + fmt::Debug {
    /// Records images and aliases, all or nothing, in one transaction.
    ///
    /// An image already on record is left as it is. An alias that names another image already is left as it is too, and
    /// answered as [`AliasOutcome::Taken`]. The outcome at an index belongs to the entry at that index; entries with the
    /// same id or alias within one batch see those before them. An image whose erasure is not finished is refused with
    /// [`CatalogError::BeingErased`].
    async fn record_images(&self, batch: &[NewImage]) -> Result<Vec<Recorded>, CatalogError>;

    async fn find_image(&self, id: ImageId) -> Result<Option<Image>, CatalogError>;

    /// Those of `ids` that are on record, in any order.
    async fn find_images(&self, ids: &[ImageId]) -> Result<Vec<Image>, CatalogError>;

    /// Images by ascending id.
    async fn list_images(&self, page: &ImagePage) -> Result<Vec<Image>, CatalogError>;

    async fn find_alias(&self, name: &AliasName) -> Result<Option<ImageId>, CatalogError>;

    /// Aliases of one image, ascending.
    async fn list_aliases_of(&self, id: ImageId) -> Result<Vec<AliasName>, CatalogError>;

    /// The revision of `definition` under `name`: the one it has already, else one above the highest.
    ///
    /// `now` is kept with a new revision.
    async fn ensure_preset(
        &self,
        name: &PresetName,
        definition: &PresetDefinition,
        now: UnixSeconds,
    ) -> Result<u32, CatalogError>;

    async fn find_preset(
        &self,
        name: &PresetName,
        revision: u32,
    ) -> Result<Option<PresetDefinition>, CatalogError>;

    /// Asks for the right to make a derivative, for `lease`. Not durable.
    ///
    /// At most one caller at a time holds it, over all processes: to its own owner too, a claim is answered
    /// [`Claim::Held`]. A lease is over at its last millisecond, and may then be taken over. A remembered failure whose
    /// time has not passed is answered before any claim. `now_ms` is in milliseconds since the epoch.
    async fn claim_derivative(
        &self,
        key: &DerivativeKey,
        owner: &str,
        now_ms: i64,
        lease: Duration,
    ) -> Result<Claim, CatalogError>;

    /// Gives the right back if `owner` holds it. Not durable.
    async fn release_claim(&self, key: &DerivativeKey, owner: &str) -> Result<(), CatalogError>;

    /// Gives back every right that `owner` holds: its process is known to be gone. Not durable.
    async fn release_claims_of(&self, owner: &str) -> Result<(), CatalogError>;

    /// Puts derivatives on the ledger of emitted URLs, in one transaction; `size_bytes` of one already there is
    /// overwritten, also by `None`: it is being made again. Its `recorded_at` is kept. The images must be on record. Of entries with the same
    /// key within one batch, the later one counts as recorded after the earlier.
    async fn record_derivatives(&self, made: &[Derivative]) -> Result<(), CatalogError>;

    /// The ledger of one image, ascending by variant text, then format.
    async fn list_derivatives_of(&self, id: ImageId) -> Result<Vec<Derivative>, CatalogError>;

    /// At most `limit` ledger entries without a size that nobody holds a claim on, the oldest first.
    async fn list_unsettled(
        &self,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Derivative>, CatalogError>;

    /// Remembers that a derivative could not be made, until `failure.until_ms`. Not durable.
    async fn record_failure(
        &self,
        key: &DerivativeKey,
        failure: &Failure,
    ) -> Result<(), CatalogError>;

    /// Removes failures and claims that have expired. Not durable. Answers how many.
    async fn forget_expired(&self, now_ms: i64) -> Result<u64, CatalogError>;

    /// Where a resumable job stands. The text is the job's own.
    async fn find_cursor(&self, job: &str) -> Result<Option<String>, CatalogError>;

    /// Sets, or with `None` removes, where a resumable job stands. Not durable.
    async fn set_cursor(&self, job: &str, cursor: Option<&str>) -> Result<(), CatalogError>;

    /// Counts and sums for `status`. May scan.
    async fn totals(&self) -> Result<Totals, CatalogError>;

    /// Waits until commits that were not durable are, and closes the connections.
    async fn close(&self);
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    pub image: Image,
    pub aliases: Vec<AliasName>,
    pub tags: Vec<Tag>,
    /// Written in the same transaction, in this order.
    pub audits: Vec<AuditEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "the column has this name everywhere"
)]
pub struct Recorded {
    /// Whether this entry put it on record.
    pub new: bool,
    /// As on record: the first `recorded_at` wins.
    pub recorded_at: UnixSeconds,
    /// One for each alias of the entry, in order.
    pub aliases: Vec<AliasOutcome>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasOutcome {
    New,
    /// It named this image already.
    Same,
    /// It names another image, and goes on doing so.
    Taken {
        by: ImageId,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImagePage {
    /// Strictly after this id.
    pub after: Option<ImageId>,
    /// Ingested at this time or later.
    pub ingested_since: Option<UnixSeconds>,
    /// At most this many, 1..=[`Self::LIMIT_MAX`]; another number counts as the nearest of these.
    pub limit: u32,
}

impl ImagePage {
    pub const LIMIT_MAX: u32 = 10_000;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The caller makes it, and releases the claim.
    Granted,
    /// Someone else is making it, at the latest until then.
    Held { until_ms: i64 },
    /// It failed lately.
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable code of the error, such as `image-truncated`.
    pub code: String,
    /// For people: the error and its causes.
    pub detail: String,
    pub until_ms: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub images: u64,
    pub image_bytes: u64,
    pub aliases: u64,
    pub derivatives: u64,
    pub derivative_bytes: u64,
    pub failures: u64,
}
