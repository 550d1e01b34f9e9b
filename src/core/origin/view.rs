//! Everything that is told of one image, and lists of many.

use std::sync::Arc;

use crate::catalog::search::{ImageMatches, ImageSearch, SearchOrder};
use crate::model::access::Verb;
use crate::model::alias::AliasName;
use crate::model::record::{Appearance, Image};
use crate::model::tag::Tag;
use crate::origin::Origin;
use crate::origin::act::{ActError, Caller};
use crate::origin::alias::ImageUrls;
use crate::origin::ingest::Ingested;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageView {
    pub image: Image,
    pub urls: ImageUrls,
    pub tags: Vec<Tag>,
    pub appearance: Option<Appearance>,
}

/// Whether it is wanted what the image looks like: the first time they cost a decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    Wanted,
    Skipped,
}

impl Origin {
    /// As far as the caller may see: names outside of their prefix are not told, nor what others say about an image that
    /// is not theirs and has no name there.
    pub async fn view_image(
        self: &Arc<Self>,
        caller: &Caller,
        image: Image,
        looks: Looks,
    ) -> Result<ImageView, ActError> {
        let mut urls = self.list_urls(&image).await?;
        let mut tags = self.catalog.list_tags_of(image.id).await?;
        if let Some(prefix) = &caller.prefix {
            urls.aliases
                .retain(|name: &AliasName| prefix.covers(&name.path));
            let own = image.ingested_by == caller.actor.to_string();
            if urls.aliases.is_empty() && !own {
                // Whoever has the id has the pixels, but not what others say about them.
                tags.clear();
                urls.others.clear();
            }
        }
        Ok(ImageView {
            tags,
            appearance: match looks {
                Looks::Wanted => self.ensure_appearance(&image).await?,
                Looks::Skipped => None,
            },
            urls,
            image,
        })
    }

    /// With what it was brought with and nothing else. For an image that is new that is all there is, and the catalog need
    /// not be asked; for any other, it is all that a stranger may see.
    pub async fn view_as_brought(
        self: &Arc<Self>,
        ingested: Ingested,
        looks: Looks,
    ) -> Result<ImageView, ActError> {
        let Ingested {
            image, alias, tags, ..
        } = ingested;
        let aliases = alias.into_iter().collect();
        Ok(ImageView {
            urls: self.urls_of(&image, Vec::new(), aliases),
            tags,
            appearance: match looks {
                Looks::Wanted => self.ensure_appearance(&image).await?,
                Looks::Skipped => None,
            },
            image,
        })
    }

    /// One page. A key with a prefix lists by names below it, and nothing else.
    pub async fn search_images(
        &self,
        caller: &Caller,
        search: &ImageSearch,
    ) -> Result<ImageMatches, ActError> {
        caller.require(Verb::Read)?;
        match (&search.order, &caller.prefix) {
            (SearchOrder::Alias { prefix, after, .. }, _) => {
                caller.require_prefix(prefix)?;
                // Where a list goes on, it is another client that says: before its beginning are the names of others.
                if let Some(after) = after {
                    caller.require_alias(after)?;
                }
            }
            (SearchOrder::Newest { .. } | SearchOrder::Tag { .. }, Some(prefix)) => {
                return Err(ActError::Prefix {
                    alias: "a list of all images".to_owned(),
                    prefix: prefix.clone(),
                });
            }
            (SearchOrder::Newest { .. } | SearchOrder::Tag { .. }, None) => {}
        }
        Ok(self.catalog.search_images(search).await?)
    }
}
