//! Images on record: looked at, tagged, erased, asked for by id.

use std::path::PathBuf;

use img_api::image::{EraseOptions, Erased, ImageDetails, Known, Lookup, TagPatch, Tags};
use img_core::catalog::search::TagChange;
use img_core::model::image_id::ImageId;
use img_core::model::image_name::ImageName;
use img_core::model::record::Derivative;
use img_core::model::tag::Tag;
use img_core::origin::erase::AndThen;
use img_core::origin::naming::TagWish;
use img_core::origin::view::Looks;
use serde::Serialize;

use crate::context;
use crate::exit::Failure;
use crate::remote::Reasoned;
use crate::site::{Here, Site};
use crate::when;

/// Everything that is known of an image.
#[derive(Debug)]
pub(crate) struct ImageShown {
    pub(crate) details: ImageDetails,
    /// What only the machine itself can tell.
    pub(crate) stored: Option<Stored>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Stored {
    pub(crate) file: PathBuf,
    pub(crate) on_disk: bool,
    pub(crate) derivatives: Vec<StoredDerivative>,
}

#[derive(Debug, Serialize)]
pub(crate) struct StoredDerivative {
    pub(crate) path: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) on_disk: bool,
    pub(crate) recorded_at: String,
}

impl Site {
    pub(crate) async fn show_image(&self, id: ImageId) -> Result<ImageShown, Failure> {
        match self {
            Self::Here(here) => here.show_image(id).await,
            Self::There(server) => Ok(ImageShown {
                details: server.get(&format!("images/{id}"), &()).await?,
                stored: None,
            }),
        }
    }

    /// Without what costs a decoding.
    pub(crate) async fn get_details(&self, id: ImageId) -> Result<ImageDetails, Failure> {
        match self {
            Self::Here(here) => here.details(id, Looks::Skipped).await,
            Self::There(server) => Ok(server.get(&format!("images/{id}"), &()).await?),
        }
    }

    pub(crate) async fn set_tags(
        &self,
        id: ImageId,
        tags: Vec<Tag>,
        reason: Option<String>,
    ) -> Result<Tags, Failure> {
        match self {
            Self::Here(here) => here.tag(id, TagWish::Set(tags), reason).await,
            Self::There(server) => {
                let (path, reason) = (format!("images/{id}/tags"), Reasoned { reason });
                Ok(server
                    .put(&path, &reason, &Tags { tags: words(&tags) })
                    .await?)
            }
        }
    }

    pub(crate) async fn change_tags(
        &self,
        id: ImageId,
        change: TagChange,
        reason: Option<String>,
    ) -> Result<Tags, Failure> {
        match self {
            Self::Here(here) => here.tag(id, TagWish::Change(change), reason).await,
            Self::There(server) => {
                let patch = TagPatch {
                    add: words(&change.add),
                    remove: words(&change.remove),
                };
                let (path, reason) = (format!("images/{id}/tags"), Reasoned { reason });
                Ok(server.patch(&path, &reason, &patch).await?)
            }
        }
    }

    pub(crate) async fn erase_image(
        &self,
        id: ImageId,
        options: &EraseOptions,
    ) -> Result<Erased, Failure> {
        match self {
            Self::Here(here) => here.erase(id, options).await,
            Self::There(server) => Ok(server.delete(&format!("images/{id}"), options).await?),
        }
    }

    /// Those of at most 1000 ids that are here.
    pub(crate) async fn find_known(&self, ids: &[ImageId]) -> Result<Vec<ImageId>, Failure> {
        match self {
            Self::Here(here) => {
                let found = here.origin.catalog.find_images(ids).await?;
                Ok(found.into_iter().map(|image| image.id).collect())
            }
            Self::There(server) => {
                let ids = ids.iter().map(ToString::to_string).collect();
                let Known { known } = server
                    .post_idempotent("images/lookup", &Lookup { ids })
                    .await?;
                Ok(known.iter().filter_map(|id| id.parse().ok()).collect())
            }
        }
    }
}

impl Here {
    async fn show_image(&self, id: ImageId) -> Result<ImageShown, Failure> {
        let image = self.origin.get_image(id).await?;
        let originals = self.origin.tree.originals();
        let on_disk = originals.is_whole(image.id, image.media, image.size_bytes);
        let ledger = self.origin.catalog.list_derivatives_of(id).await?;
        let stored = |entry: Derivative| StoredDerivative {
            on_disk: self.origin.tree.derived().find_size(&entry.key).is_some(),
            bytes: entry.size_bytes,
            recorded_at: when::format_time(entry.recorded_at),
            path: ImageName::Derivative(entry.key).url_path(),
        };
        let stored = Stored {
            file: originals.path(image.id, image.media),
            derivatives: ledger.into_iter().map(stored).collect(),
            on_disk,
        };
        let looks = if on_disk {
            Looks::Wanted
        } else {
            Looks::Skipped
        };
        Ok(ImageShown {
            details: self.details(id, looks).await?,
            stored: Some(stored),
        })
    }

    async fn details(&self, id: ImageId, looks: Looks) -> Result<ImageDetails, Failure> {
        let image = self.origin.get_image(id).await?;
        let caller = context::local_caller();
        let view = self.origin.view_image(&caller, image, looks).await?;
        Ok(ImageDetails::of(self.url(), &view))
    }

    async fn tag(
        &self,
        id: ImageId,
        wish: TagWish,
        reason: Option<String>,
    ) -> Result<Tags, Failure> {
        let tags = self
            .origin
            .tag_image(&context::local_act(reason), id, wish)
            .await?;
        Ok(Tags { tags: words(&tags) })
    }

    async fn erase(&self, id: ImageId, options: &EraseOptions) -> Result<Erased, Failure> {
        let act = context::local_act(options.reason.clone());
        let then = if options.block == Some(true) {
            AndThen::Block
        } else {
            AndThen::Nothing
        };
        let plan = if options.dry_run == Some(true) {
            self.origin.plan_erase(&act, id).await?
        } else {
            self.origin.erase_image(&act, id, then).await?
        };
        Ok(Erased::of(self.url(), &plan, options))
    }
}

fn words(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(ToString::to_string).collect()
}
