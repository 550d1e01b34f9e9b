//! `imgctl image list`: images by what is known of them.

use img_api::image::{ImageQuery, ListedImage};
use img_core::catalog::ImagePage;
use img_core::model::access::AliasPrefix;
use img_core::model::clock::{Clock, SystemClock};
use img_core::model::image_id::InvalidImageId;

use crate::args::ListArgs;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::paths::parse_host;
use crate::site::Site;
use crate::when;

pub(super) async fn run(
    site: &Site,
    args: ListArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    if args.limit == 0 {
        return Err(Failure::usage("--limit must be 1 or more"));
    }
    let each = |image: &ListedImage| output.record(image, line);
    if let Some(after) = &args.after {
        let page = page_after(after, &args)?;
        site.list_by_id(page, each).await?;
    } else {
        let limit = args.limit;
        site.list_images(&query(args)?, limit, each).await?;
    }
    Ok(ExitStatus::Success)
}

fn page_after(after: &str, args: &ListArgs) -> Result<ImagePage, Failure> {
    let after = after
        .parse()
        .map_err(|error: InvalidImageId| Failure::usage(format!("--after: {error}")))?;
    let since = args.since.as_deref();
    let since = since.map(|text| when::parse_since(text, SystemClock.now()));
    Ok(ImagePage {
        after: Some(after),
        ingested_since: since.transpose()?,
        limit: args.limit,
    })
}

fn query(args: ListArgs) -> Result<ImageQuery, Failure> {
    // Told before anything is asked for.
    let now = SystemClock.now();
    for time in [&args.since, &args.until].into_iter().flatten() {
        when::parse_since(time, now)?;
    }
    let prefix = args.alias_prefix.as_deref().map(str::parse::<AliasPrefix>);
    let prefix = prefix
        .transpose()
        .map_err(|error| Failure::usage(format!("--alias-prefix: {error}")))?;
    let host = args.alias_host.as_deref();
    let host = host.map(|host| parse_host(host, "--alias-host"));
    Ok(ImageQuery {
        cursor: None,
        limit: None,
        media: args.media.map(|media| media.to_string()),
        bytes_min: args.min_bytes,
        bytes_max: args.max_bytes,
        since: args.since,
        until: args.until,
        alias_prefix: prefix.map(|prefix| prefix.to_string()),
        alias_host: host.transpose()?.map(|host| host.to_string()),
        tag: args.tag.map(|tag| tag.to_string()),
    })
}

fn line(ListedImage { image, alias }: &ListedImage) -> String {
    let size = format!("{}×{}", image.width, image.height);
    let mut line = format!(
        "{}  {:<4}  {size:>11}  {:>9}  {}  {}",
        image.id,
        image.media,
        human_bytes(image.bytes),
        image.ingested_at,
        image.ingested_by,
    );
    if let Some(alias) = alias {
        line.push_str(&format!("  {alias}"));
    }
    line
}
