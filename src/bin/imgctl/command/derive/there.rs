//! Through the API of a server: it makes what is missing, image by image.

use futures_util::stream::{self, StreamExt};
use img_api::image::{DeriveAhead, DerivedAhead, ImageList, ImageQuery, ListedImage};
use img_core::imaging::can_decode;
use img_core::model::image_id::ImageId;
use img_core::model::media::MediaType;
use img_core::origin::bulk::BulkReport;
use img_core::origin::error::chain;
use img_core::origin::ingest::Rejection;

use crate::args::DeriveArgs;
use crate::command::derive::{Derived, Run, preset_names};
use crate::exit::Failure;
use crate::remote::{RemoteError, Server};

/// Images worked on at once.
const JOBS: usize = 8;
/// Images listed at a time.
const PAGE: u32 = 200;

pub(super) async fn derive(
    server: &Server,
    args: &DeriveArgs,
    run: &mut Run,
) -> Result<BulkReport, Failure> {
    if !args.missing {
        return Err(
            Failure::usage("a server makes what is missing, and nothing again")
                .with_hint("add --missing"),
        );
    }
    if args.dry_run {
        return Err(Failure::usage(
            "--dry-run works on the machine of the origin only",
        ));
    }
    run.begin();
    let jobs = if args.jobs == 0 { JOBS } else { args.jobs };
    let wanted = DeriveAhead {
        presets: preset_names(args),
    };
    let mut query = ImageQuery {
        limit: Some(PAGE),
        since: args.since.clone(),
        ..ImageQuery::default()
    };
    loop {
        let page: ImageList = server.get("images", &query).await?;
        let stop = run.stop.clone();
        let mut making = stream::iter(page.images)
            .take_while(|_| std::future::ready(!stop.is_set()))
            .map(|image| derive_one(server, &wanted, image))
            .buffer_unordered(jobs);
        while let Some(made) = making.next().await {
            run.add(&made?);
        }
        query.cursor = page.next;
        if query.cursor.is_none() || run.stop.is_set() {
            return Ok(BulkReport {
                resumed_after: None,
                finished: !run.stop.is_set(),
            });
        }
    }
}

/// An error is one that no other image would escape.
async fn derive_one(
    server: &Server,
    wanted: &DeriveAhead,
    ListedImage { image, .. }: ListedImage,
) -> Result<Derived, RemoteError> {
    let id: ImageId = image.id.parse().map_err(|_| {
        RemoteError::conflict("server-answer", format!("`{}` is no image id", image.id))
    })?;
    let derived = |made, fault| Derived {
        id,
        made,
        bytes: None,
        fault,
    };
    // Types without a decoder are no news in every run: their originals are served, and that is all.
    let media = image.media.parse::<MediaType>();
    if media.is_ok_and(|media| !can_decode(media)) {
        return Ok(derived(0, None));
    }
    let path = format!("images/{id}/derivatives");
    match server
        .post_idempotent::<_, DerivedAhead>(&path, wanted)
        .await
    {
        Ok(ahead) => Ok(derived(ahead.made, None)),
        Err(error) if error.is_of_the_image() => {
            let fault = Rejection::new(error.code(), chain(&error));
            Ok(derived(0, Some(fault)))
        }
        Err(error) => Err(error),
    }
}
