//! `imgctl image show` and `imgctl image url`: one image, and where it answers.

use img_api::image::ImageDetails;
use img_api::looks::Looks;
use serde_json::{Value, json};

use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::site::{ImageShown, Site, Stored, unknown_image};

pub(super) async fn show(site: &Site, text: &str, output: Output) -> Result<ExitStatus, Failure> {
    let id = site.find_id(text).await?;
    let shown = site.show_image(id).await;
    let shown = shown.map_err(|failure| named(failure, text))?;
    output.item(|| page(&shown), || describe(&shown));
    Ok(ExitStatus::Success)
}

pub(super) async fn urls(site: &Site, text: &str, output: Output) -> Result<ExitStatus, Failure> {
    let id = site.find_id(text).await?;
    let details = site.get_details(id).await;
    let details = details.map_err(|failure| named(failure, text))?;
    output.item(
        || url_lines(&details),
        || {
            json!({
                "id": details.image.id,
                "original": details.image.url,
                "presets": details.presets,
                "others": details.others,
                "aliases": details.aliases,
                "srcset": details.srcset,
            })
        },
    );
    Ok(ExitStatus::Success)
}

/// In the words that were typed.
fn named(failure: Failure, text: &str) -> Failure {
    if failure.code == "unknown-image" {
        unknown_image(text)
    } else {
        failure
    }
}

/// Aliases as names, as they are given: without scheme, and without the host of the site.
fn alias_names(details: &ImageDetails) -> Vec<&str> {
    let url = &details.image.url;
    let site = url.find("/i/").map_or(url.as_str(), |at| &url[..at]);
    let aliases = details.aliases.iter().map(String::as_str);
    aliases
        .map(|alias| {
            let of_site = alias.strip_prefix(site);
            of_site
                .or_else(|| alias.strip_prefix("//"))
                .unwrap_or(alias)
        })
        .collect()
}

fn describe(ImageShown { details, stored }: &ImageShown) -> Value {
    let mut shown = json!(details);
    shown["aliases"] = json!(alias_names(details));
    if let (Some(stored), Some(shown)) = (stored, shown.as_object_mut())
        && let Value::Object(stored) = json!(stored)
    {
        shown.extend(stored);
    }
    shown
}

fn page(ImageShown { details, stored }: &ImageShown) -> String {
    let image = &details.image;
    let mut lines = vec![
        format!("id          {}", image.id),
        format!("type        {}", image.mime),
        format!(
            "size        {} × {} px, {} ({} bytes)",
            image.width,
            image.height,
            human_bytes(image.bytes),
            image.bytes
        ),
        format!("frames      {}", image.frames),
        format!("recorded    {}", image.recorded_at),
        format!("ingested    {} by {}", image.ingested_at, image.ingested_by),
    ];
    match stored {
        Some(Stored { file, on_disk, .. }) => {
            let lost = if *on_disk {
                ""
            } else {
                "  LOST: not on disk as recorded"
            };
            lines.push(format!("file        {}{lost}", file.display()));
        }
        None => lines.push(format!("url         {}", image.url)),
    }
    lines.extend(look_lines(&details.looks));
    if !details.tags.is_empty() {
        lines.push(format!("tags        {}", details.tags.join(", ")));
    }
    for alias in alias_names(details) {
        lines.push(format!("alias       {alias}"));
    }
    lines.extend(derivative_lines(details, stored.as_ref()));
    lines.join("\n")
}

/// A server of an older build tells fewer.
fn look_lines(looks: &Looks) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(dominant), Some(blurhash)) = (&looks.dominant, &looks.blurhash) {
        lines.push(format!("looks       {dominant}, blurhash {blurhash}"));
    }
    if let Some(thumbhash) = &looks.thumbhash {
        lines.push(format!("thumbhash   {thumbhash}"));
    }
    if !looks.palette.is_empty() {
        let swatches = looks.palette.iter();
        let swatches: Vec<String> = swatches
            .map(|swatch| format!("{} {} %", swatch.rgb, swatch.percent))
            .collect();
        lines.push(format!("palette     {}", swatches.join(", ")));
    }
    if let Some(phash) = &looks.phash {
        lines.push(format!("phash       {phash}"));
    }
    if let Some(sharpness) = looks.sharpness {
        lines.push(format!("sharpness   {sharpness}"));
    }
    lines
}

/// With their sizes where they are known, else those that were ever asked for.
fn derivative_lines(details: &ImageDetails, stored: Option<&Stored>) -> Vec<String> {
    if let Some(stored) = stored {
        let line = |entry: &crate::site::StoredDerivative| {
            let bytes = match entry.bytes {
                Some(bytes) if bytes > 0 => human_bytes(bytes),
                _ => "not on disk".to_owned(),
            };
            format!("derivative  {}  {bytes}", entry.path)
        };
        return stored.derivatives.iter().map(line).collect();
    }
    let emitted = details.presets.iter().filter(|preset| preset.emitted);
    emitted
        .map(|preset| &preset.url)
        .chain(&details.others)
        .map(|url| format!("derivative  {url}"))
        .collect()
}

fn url_lines(details: &ImageDetails) -> String {
    let mut lines = vec![details.image.url.clone()];
    lines.extend(details.presets.iter().map(|preset| preset.url.clone()));
    lines.extend(details.others.iter().cloned());
    lines.extend(details.aliases.iter().cloned());
    for (format, srcset) in &details.srcset {
        lines.push(format!("srcset {format}: {srcset}"));
    }
    lines.join("\n")
}
