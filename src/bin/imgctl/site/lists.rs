//! Lists of images: by what is known of them, or by id.

use img_api::image::{ImageList, ImageQuery, ListedImage};
use img_core::catalog::search::{ImageFilter, ImageMatch, ImageSearch, SearchOrder};
use img_core::catalog::{Catalog, ImagePage};
use img_core::model::clock::{Clock, SystemClock};
use img_core::model::tag::Tag;

use crate::context;
use crate::exit::Failure;
use crate::site::{Here, Site};
use crate::when;

/// Images fetched at a time, whatever the limit.
const PAGE_MAX: u32 = ImageSearch::LIMIT_MAX;

impl Site {
    /// Page by page, at most `limit` of them.
    pub(crate) async fn list_images(
        &self,
        query: &ImageQuery,
        limit: u32,
        mut each: impl FnMut(&ListedImage),
    ) -> Result<(), Failure> {
        match self {
            Self::Here(here) => here.search(query, limit, each).await,
            Self::There(server) => {
                let mut query = query.clone();
                let mut left = limit;
                while left > 0 {
                    query.limit = Some(left.min(PAGE_MAX));
                    let page: ImageList = server.get("images", &query).await?;
                    page.images.iter().take(left as usize).for_each(&mut each);
                    left = left.saturating_sub(u32::try_from(page.images.len()).unwrap_or(left));
                    query.cursor = page.next;
                    if query.cursor.is_none() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// By ascending id: an order that stays the same while images come and go.
    pub(crate) async fn list_by_id(
        &self,
        page: ImagePage,
        each: impl FnMut(&ListedImage),
    ) -> Result<(), Failure> {
        match self {
            Self::Here(here) => here.list_by_id(page, each).await,
            Self::There(_) => Err(Failure::usage("--after is for lists on the machine itself")
                .with_hint("leave it out: --limit may be any number")),
        }
    }
}

impl Here {
    async fn search(
        &self,
        query: &ImageQuery,
        limit: u32,
        mut each: impl FnMut(&ListedImage),
    ) -> Result<(), Failure> {
        let (mut search, mut left) = (parse_search(query)?, limit);
        let caller = context::local_caller();
        while left > 0 {
            search.limit = left.min(PAGE_MAX);
            let page = self.origin.search_images(&caller, &search).await?;
            for found in &page.found {
                each(&ListedImage::of(self.url(), found));
            }
            left = left.saturating_sub(u32::try_from(page.found.len()).unwrap_or(left));
            match page.next {
                Some(next) => search.order = next,
                None => break,
            }
        }
        Ok(())
    }

    async fn list_by_id(
        &self,
        mut page: ImagePage,
        mut each: impl FnMut(&ListedImage),
    ) -> Result<(), Failure> {
        let catalog: &dyn Catalog = &*self.origin.catalog;
        let mut left = page.limit;
        while left > 0 {
            page.limit = left.min(PAGE_MAX);
            let images = catalog.list_images(&page).await?;
            left = left.saturating_sub(u32::try_from(images.len()).unwrap_or(left));
            let Some(last) = images.last() else { break };
            page.after = Some(last.id);
            for image in images {
                let found = ImageMatch { image, alias: None };
                each(&ListedImage::of(self.url(), &found));
            }
        }
        Ok(())
    }
}

/// Few have a tag, so those that do are listed by it; else the newest come first.
fn parse_search(query: &ImageQuery) -> Result<ImageSearch, Failure> {
    let now = SystemClock.now();
    let usage = |error: &dyn std::error::Error| Failure::usage(error.to_string());
    let time = |text: &Option<String>| {
        let at = text.as_deref().map(|text| when::parse_since(text, now));
        at.transpose()
    };
    let tag: Option<Tag> = query
        .tag
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| usage(&error))?;
    let media = query.media.as_deref().map(str::parse).transpose();
    let order = match (&query.alias_prefix, &tag) {
        (Some(prefix), _) => SearchOrder::Alias {
            host: query
                .alias_host
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error| usage(&error))?,
            prefix: prefix.parse().map_err(|error| usage(&error))?,
            after: None,
        },
        (None, Some(tag)) => SearchOrder::Tag {
            tag: tag.clone(),
            after: None,
        },
        (None, None) => SearchOrder::Newest { after: None },
    };
    let filter = ImageFilter {
        media: media.map_err(|error| usage(&error))?,
        bytes_min: query.bytes_min,
        bytes_max: query.bytes_max,
        since: time(&query.since)?,
        until: time(&query.until)?,
        tag,
    };
    Ok(ImageSearch {
        order,
        filter,
        limit: PAGE_MAX,
    })
}
