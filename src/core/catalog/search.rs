//! Lists of images by more than their id: newest first, by tag, by alias; and what is said about one image.

use async_trait::async_trait;

use crate::catalog::CatalogError;
use crate::model::access::AliasPrefix;
use crate::model::alias::{AliasName, AliasPath, HostName};
use crate::model::audit::AuditEntry;
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::media::MediaType;
use crate::model::record::{Appearance, Image};
use crate::model::tag::Tag;

/// Contract (tested by `contract_search::run` on SQLite and PostgreSQL): that of [`super::Catalog`].
#[async_trait]
pub trait SearchCatalog: Send + Sync {
    /// One page. It may hold fewer than `limit`, even none, and still not be the last: at most
    /// [`ImageSearch::EXAMINED_MAX`] images are looked at for each page.
    async fn search_images(&self, search: &ImageSearch) -> Result<ImageMatches, CatalogError>;

    /// Tags an image that is on record; `false`: it is not.
    async fn tag_image(
        &self,
        id: ImageId,
        change: &TagChange,
        audit: &AuditEntry,
    ) -> Result<bool, CatalogError>;

    /// Ascending.
    async fn list_tags_of(&self, id: ImageId) -> Result<Vec<Tag>, CatalogError>;

    /// None either where an older build recorded less than is known today: it is to be recorded anew.
    async fn find_appearance(&self, id: ImageId) -> Result<Option<Appearance>, CatalogError>;

    /// Of an image that is on record; the first one stays. Not durable.
    async fn record_appearance(
        &self,
        id: ImageId,
        appearance: &Appearance,
    ) -> Result<(), CatalogError>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSearch {
    pub order: SearchOrder,
    pub filter: ImageFilter,
    /// 1..=[`Self::LIMIT_MAX`]; another number counts as the nearest of these.
    pub limit: u32,
}

impl ImageSearch {
    pub const LIMIT_MAX: u32 = 1000;
    /// Some 50 ms of reading, so that a filter which nothing passes does not walk through ten million images.
    /// Few in the tests of this crate, where few images are to do.
    pub const EXAMINED_MAX: u32 = if cfg!(test) { 20 } else { 20_000 };
}

/// In which order, and after what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchOrder {
    /// By time of ingest, the latest first.
    Newest {
        after: Option<(UnixSeconds, ImageId)>,
    },
    /// Those that have it, by id.
    Tag { tag: Tag, after: Option<ImageId> },
    /// Those named below it, by name; an image with two names there comes twice.
    Alias {
        /// `None`: names that answer on every host.
        host: Option<HostName>,
        prefix: AliasPrefix,
        after: Option<AliasPath>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFilter {
    pub media: Option<MediaType>,
    pub bytes_min: Option<u64>,
    pub bytes_max: Option<u64>,
    /// Ingested at this time or later.
    pub since: Option<UnixSeconds>,
    /// Ingested before this time.
    pub until: Option<UnixSeconds>,
    pub tag: Option<Tag>,
}

impl ImageFilter {
    pub(super) fn passes(&self, image: &Image) -> bool {
        self.media.is_none_or(|media| image.media == media)
            && self.bytes_min.is_none_or(|min| image.size_bytes >= min)
            && self.bytes_max.is_none_or(|max| image.size_bytes <= max)
            && self.since.is_none_or(|since| image.ingested_at >= since)
            && self.until.is_none_or(|until| image.ingested_at < until)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageMatches {
    pub found: Vec<ImageMatch>,
    /// Where to go on; `None` after the last page.
    pub next: Option<SearchOrder>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageMatch {
    pub image: Image,
    /// The name it was found by, in the order of aliases.
    pub alias: Option<AliasName>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    pub add: Vec<Tag>,
    pub remove: Vec<Tag>,
}
