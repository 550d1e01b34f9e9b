//! `imgctl image`: what is on record of images.

use std::collections::BTreeMap;

use img_core::catalog::{Catalog, ImagePage};
use img_core::model::alias::{AliasName, AliasPath};
use img_core::model::clock::{Clock, SystemClock};
use img_core::model::image_id::ImageId;
use img_core::model::image_name::ImageName;
use img_core::model::record::{Derivative, Image};
use img_core::origin::Origin;
use img_core::origin::alias::ImageUrls;
use serde_json::{Value, json};

use crate::args::{Global, ImageCommand};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::when;

pub(crate) async fn run(
    global: &Global,
    command: ImageCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let config = context::load_config(global)?;
    let origin = context::open_origin(&config).await?;
    match command {
        ImageCommand::Show { image } => show(&origin, &image, output).await?,
        ImageCommand::List {
            limit,
            after,
            since,
        } => {
            let page = page(limit, after.as_deref(), since.as_deref())?;
            list(&origin, page, output).await?;
        }
        ImageCommand::Url { image } => {
            let image = find(&*origin.catalog, &image).await?;
            urls(&origin, &config.site_url, &image, output).await?;
        }
    }
    origin.close().await;
    Ok(ExitStatus::Success)
}

/// By id, by any URL below `/i/`, or by alias.
async fn find(catalog: &dyn Catalog, text: &str) -> Result<Image, Failure> {
    let (host, path) = split_url(text);
    let name = path.strip_prefix("/i/").unwrap_or(path);
    let name = name.split('?').next().unwrap_or(name);
    let id = match (name.parse::<ImageId>(), name.parse::<ImageName>()) {
        (Ok(id), _) => Some(id),
        (_, Ok(name)) => Some(name.id()),
        _ => find_alias(catalog, host, path).await?,
    };
    let image = match id {
        Some(id) => catalog.find_image(id).await?,
        None => None,
    };
    image.ok_or_else(|| {
        Failure::new("unknown-image", format!("there is no image `{text}`"))
            .with_hint("name it by id, URL or alias; `imgctl image list` shows what there is")
    })
}

/// The host, if there is one, and the path of `https://host:port/path`, `//host/path` or `/path`.
fn split_url(text: &str) -> (Option<String>, &str) {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let Some(rest) = rest.or_else(|| text.strip_prefix("//")) else {
        return (None, text);
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.split(':').next().unwrap_or_default();
    (Some(host.to_ascii_lowercase()), path)
}

/// As nginx answers: an alias of the host itself comes before one of every host.
async fn find_alias(
    catalog: &dyn Catalog,
    host: Option<String>,
    path: &str,
) -> Result<Option<ImageId>, Failure> {
    let Ok(path) = AliasPath::from_request_uri(path.as_bytes()) else {
        return Ok(None);
    };
    let mut name = AliasName {
        host: host.and_then(|host| host.parse().ok()),
        path,
    };
    if name.host.is_some() {
        if let Some(id) = catalog.find_alias(&name).await? {
            return Ok(Some(id));
        }
        name.host = None;
    }
    Ok(catalog.find_alias(&name).await?)
}

fn describe(image: &Image) -> Value {
    json!({
        "id": image.id.to_string(),
        "type": image.media.extension(),
        "bytes": image.size_bytes,
        "width": image.width_px,
        "height": image.height_px,
        "frames": image.frames,
        "recorded_at": when::format_time(image.recorded_at),
        "ingested_at": when::format_time(image.ingested_at),
        "ingested_by": image.ingested_by,
    })
}

async fn show(origin: &Origin, text: &str, output: Output) -> Result<(), Failure> {
    let image = find(&*origin.catalog, text).await?;
    let aliases = origin.catalog.list_aliases_of(image.id).await?;
    let ledger = origin.catalog.list_derivatives_of(image.id).await?;
    let path = origin.tree.originals().path(image.id, image.media);
    let on_disk = origin
        .tree
        .originals()
        .is_whole(image.id, image.media, image.size_bytes);
    let derivative = |derivative: &Derivative| {
        json!({
            "path": ImageName::Derivative(derivative.key.clone()).url_path(),
            "bytes": derivative.size_bytes,
            "on_disk": origin.tree.derived().find_size(&derivative.key).is_some(),
            "recorded_at": when::format_time(derivative.recorded_at),
        })
    };
    output.item(
        || {
            let mut text = format!(
                "id          {}\ntype        {}\nsize        {} × {} px, {} ({} bytes)\nframes      {}\nrecorded    {}\ningested    {} by {}\nfile        {}{}",
                image.id,
                image.media.mime(),
                image.width_px,
                image.height_px,
                human_bytes(image.size_bytes),
                image.size_bytes,
                image.frames,
                when::format_time(image.recorded_at),
                when::format_time(image.ingested_at),
                image.ingested_by,
                path.display(),
                if on_disk { "" } else { "  LOST: not on disk as recorded" },
            );
            for alias in &aliases {
                text.push_str(&format!("\nalias       {alias}"));
            }
            for entry in &ledger {
                let bytes = match entry.size_bytes {
                    Some(bytes) if bytes > 0 => human_bytes(bytes),
                    _ => "not on disk".to_owned(),
                };
                let path = ImageName::Derivative(entry.key.clone()).url_path();
                text.push_str(&format!("\nderivative  {path}  {bytes}"));
            }
            text
        },
        || {
            let mut shown = describe(&image);
            shown["file"] = json!(path);
            shown["on_disk"] = json!(on_disk);
            shown["aliases"] = aliases.iter().map(ToString::to_string).collect();
            shown["derivatives"] = ledger.iter().map(derivative).collect();
            shown
        },
    );
    Ok(())
}

fn page(limit: u32, after: Option<&str>, since: Option<&str>) -> Result<ImagePage, Failure> {
    if limit == 0 {
        return Err(Failure::usage("--limit must be 1 or more"));
    }
    let after = after.map(str::parse).transpose();
    let after = after.map_err(|error: img_core::model::image_id::InvalidImageId| {
        Failure::usage(format!("--after: {error}"))
    })?;
    let since = since
        .map(|text| when::parse_since(text, SystemClock.now()))
        .transpose()?;
    Ok(ImagePage {
        after,
        ingested_since: since,
        limit,
    })
}

/// Images fetched at a time, whatever the limit.
const PAGE_MAX: u32 = 1000;

async fn list(origin: &Origin, wanted: ImagePage, output: Output) -> Result<(), Failure> {
    let mut page = wanted;
    let mut left = page.limit;
    while left > 0 {
        page.limit = left.min(PAGE_MAX);
        let images = origin.catalog.list_images(&page).await?;
        for image in &images {
            output.item(
                || {
                    format!(
                        "{}  {:<4}  {:>11}  {:>9}  {}  {}",
                        image.id,
                        image.media.extension(),
                        format!("{}×{}", image.width_px, image.height_px),
                        human_bytes(image.size_bytes),
                        when::format_time(image.ingested_at),
                        image.ingested_by,
                    )
                },
                || describe(image),
            );
        }
        let Some(last) = images.last() else {
            return Ok(());
        };
        page.after = Some(last.id);
        left -= page.limit.min(u32::try_from(images.len()).unwrap_or(left));
    }
    Ok(())
}

async fn urls(
    origin: &Origin,
    site_url: &str,
    image: &Image,
    output: Output,
) -> Result<(), Failure> {
    let urls = origin.list_urls(image).await?;
    let srcsets = srcsets(site_url, image, &urls);
    let full = |path: &String| format!("{site_url}{path}");
    let alias_url = |alias: &AliasName| match &alias.host {
        Some(host) => format!("//{host}{}", alias.path),
        None => format!("{site_url}{}", alias.path),
    };
    output.item(
        || {
            let mut lines = vec![full(&urls.original)];
            lines.extend(urls.presets.iter().map(|url| full(&url.path)));
            lines.extend(urls.others.iter().map(full));
            lines.extend(urls.aliases.iter().map(alias_url));
            for (format, srcset) in &srcsets {
                lines.push(format!("srcset {format}: {srcset}"));
            }
            lines.join("\n")
        },
        || {
            let presets = urls.presets.iter().map(|url| {
                json!({
                    "preset": url.preset, "format": url.format, "url": full(&url.path),
                    "width": url.width_px, "emitted": url.emitted,
                })
            });
            json!({
                "id": image.id.to_string(),
                "original": full(&urls.original),
                "presets": presets.collect::<Value>(),
                "others": urls.others.iter().map(full).collect::<Value>(),
                "aliases": urls.aliases.iter().map(alias_url).collect::<Value>(),
                "srcset": srcsets,
            })
        },
    );
    Ok(())
}

/// A `srcset` for each format: presets of known width, narrowest first, one for each width, none that was enlarged.
fn srcsets(site_url: &str, image: &Image, urls: &ImageUrls) -> BTreeMap<&'static str, String> {
    let mut by_format: BTreeMap<&'static str, BTreeMap<u32, &str>> = BTreeMap::new();
    for url in &urls.presets {
        let width_px = url.width_px.filter(|&width_px| width_px <= image.width_px);
        if let (true, Some(width_px)) = (url.keeps_ratio, width_px) {
            by_format
                .entry(url.format)
                .or_default()
                .entry(width_px)
                .or_insert(&url.path);
        }
    }
    let text = |by_width: BTreeMap<u32, &str>| {
        let entries: Vec<String> = by_width
            .into_iter()
            // A comma in a URL would end it: RFC 3986 lets it be escaped.
            .map(|(width_px, path)| format!("{site_url}{} {width_px}w", path.replace(',', "%2C")))
            .collect();
        entries.join(", ")
    };
    by_format
        .into_iter()
        .map(|(format, by_width)| (format, text(by_width)))
        .collect()
}
