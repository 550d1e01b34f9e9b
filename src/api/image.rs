//! Images on the wire.

use std::collections::BTreeMap;

use img_core::catalog::search::ImageMatch;
use img_core::imaging::MetadataOutcome;
use img_core::model::alias::AliasName;
use img_core::model::image_name::ImageName;
use img_core::model::record;
use img_core::origin::alias::ImageUrls;
use img_core::origin::erase::ErasePlan;
use img_core::origin::view::ImageView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::looks::Looks;
use crate::time;

/// An image on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// 40 hex digits: the first 20 bytes of BLAKE3 of the original, as `b3sum --length 20` prints them.
    #[schema(pattern = "^[0-9a-f]{40}$")]
    pub id: String,
    /// Of the original.
    pub url: String,
    /// The extension, by content: jpg, png, gif, webp, avif, tiff, bmp, heic, svg, jxl.
    #[serde(rename = "type")]
    pub media: String,
    /// As in `Content-Type`.
    pub mime: String,
    pub bytes: u64,
    /// In pixels, upright; 0 where the format has none.
    pub width: u32,
    pub height: u32,
    pub frames: u32,
    /// `Last-Modified` of the image and all that is derived from it.
    pub recorded_at: String,
    pub ingested_at: String,
    /// Who brought it first: `key:…`, `user:…`, `local:…`.
    pub ingested_by: String,
}

/// An image with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageDetails {
    #[serde(flatten)]
    pub image: Image,
    /// URLs by the current presets, made or not.
    pub presets: Vec<PresetUrl>,
    /// By format: what to put into `srcset` of `img` or `source`.
    pub srcset: BTreeMap<String, String>,
    /// Public names, as URLs.
    pub aliases: Vec<String>,
    pub tags: Vec<String>,
    #[serde(flatten)]
    pub looks: Looks,
    /// Derivatives beyond the current presets that were made once: older revisions, free options.
    pub others: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresetUrl {
    pub preset: String,
    /// jpg, png, webp, avif or gif.
    pub format: String,
    pub url: String,
    /// Width in pixels that it has or will have; none where the original's is not known.
    #[serde(default)]
    pub width: Option<u32>,
    /// Whether it was ever asked for.
    pub emitted: bool,
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    /// `new`, or `known` if the same bytes were here before.
    pub status: String,
    #[serde(flatten)]
    pub details: ImageDetails,
    /// What became of its metadata: `untouched`, `gps-removed`, `removed`, `unsupported`.
    pub metadata: String,
    /// The name that it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Derivatives made before this answer.
    pub derived: u64,
    /// Why none could be made, if some were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derive_error: Option<String>,
}

/// How an upload is to be taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UploadOptions {
    /// A public name: a path, percent-encoded where it is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "/shop/shoe.jpg")]
    pub alias: Option<String>,
    /// The name answers on this host only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_host: Option<String>,
    /// Words to find it by, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Presets to derive before the answer, separated by commas, or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derive: Option<String>,
    /// `strip-gps` (default), `strip-all` or `keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// When the file was last changed, in seconds since 1970 [default: now].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// `false` leaves what it looks like (from `blurhash` to `sharpness`) out of the answer, which saves decoding it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<bool>,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageList {
    /// May be fewer than asked for, even none, while there are more: go on until `next` is absent.
    pub images: Vec<ListedImage>,
    /// To be given as `cursor`, with the same filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedImage {
    #[serde(flatten)]
    pub image: Image,
    /// The name that it was found by, if names were searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// Which images, and which page: the newest first, unless names or a tag are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImageQuery {
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// 1 to 1000 [default: 50].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// An extension, such as `jpg`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_min: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// Ingested at this time or later: `2026-01-31`, `2026-01-31T12:00:00Z`, or `7d` ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Ingested before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Named below this directory; listed by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "/shop/")]
    pub alias_prefix: Option<String>,
    /// Names of this host [default: those of all hosts].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_host: Option<String>,
    /// With this tag; listed by id, unless names are searched too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Which of these are here?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// At most 1000.
    #[schema(max_items = 1000)]
    pub ids: Vec<String>,
}

/// Those that are here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Known {
    pub known: Vec<String>,
}

/// All tags of an image, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    #[schema(max_items = 64)]
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagPatch {
    #[serde(default)]
    #[schema(max_items = 64)]
    pub add: Vec<String>,
    #[serde(default)]
    #[schema(max_items = 64)]
    pub remove: Vec<String>,
}

/// Derive now, not when it is first asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeriveAhead {
    /// Names of presets, or `all`.
    #[schema(max_items = 100)]
    pub presets: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DerivedAhead {
    /// How many were made now; the others were there.
    pub made: u64,
    pub presets: Vec<PresetUrl>,
}

/// How to erase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EraseOptions {
    /// `true` only says what would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// `true` also puts it on the block list; needs the verb `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<bool>,
    /// Why, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What went, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    pub id: String,
    pub dry_run: bool,
    /// Of the original and its derivatives.
    pub bytes: u64,
    /// Every URL that answered for it.
    pub urls: Vec<String>,
    pub aliases: u64,
    pub derivatives: u64,
    pub blocked: bool,
}

impl Image {
    pub fn of(site_url: &str, image: &record::Image) -> Self {
        let name = ImageName::Original {
            id: image.id,
            media: image.media,
        };
        Self {
            id: image.id.to_string(),
            url: format!("{site_url}{}", name.url_path()),
            media: image.media.extension().to_owned(),
            mime: image.media.mime().to_owned(),
            bytes: image.size_bytes,
            width: image.width_px,
            height: image.height_px,
            frames: image.frames,
            recorded_at: time::format(image.recorded_at),
            ingested_at: time::format(image.ingested_at),
            ingested_by: image.ingested_by.clone(),
        }
    }
}

impl ListedImage {
    pub fn of(site_url: &str, found: &ImageMatch) -> Self {
        let alias = found.alias.as_ref();
        Self {
            image: Image::of(site_url, &found.image),
            alias: alias.map(|name| alias_url(site_url, name)),
        }
    }
}

impl ImageDetails {
    pub fn of(site_url: &str, view: &ImageView) -> Self {
        let full = |path: &String| format!("{site_url}{path}");
        Self {
            image: Image::of(site_url, &view.image),
            presets: preset_urls(site_url, &view.urls),
            srcset: srcsets(site_url, &view.image, &view.urls),
            aliases: view
                .urls
                .aliases
                .iter()
                .map(|name| alias_url(site_url, name))
                .collect(),
            tags: view.tags.iter().map(ToString::to_string).collect(),
            looks: view.appearance.as_ref().map(Looks::of).unwrap_or_default(),
            others: view.urls.others.iter().map(full).collect(),
        }
    }
}

impl Erased {
    pub fn of(site_url: &str, plan: &ErasePlan, options: &EraseOptions) -> Self {
        let original = Image::of(site_url, &plan.image).url;
        let derivatives = plan
            .derivatives
            .iter()
            .map(|path| format!("{site_url}{path}"));
        let aliases = plan.aliases.iter().map(|name| alias_url(site_url, name));
        Self {
            id: plan.image.id.to_string(),
            dry_run: options.dry_run.unwrap_or_default(),
            bytes: plan.bytes,
            urls: std::iter::once(original)
                .chain(derivatives)
                .chain(aliases)
                .collect(),
            aliases: plan.aliases.len() as u64,
            derivatives: plan.derivatives.len() as u64,
            blocked: options.block.unwrap_or_default(),
        }
    }
}

pub fn preset_urls(site_url: &str, urls: &ImageUrls) -> Vec<PresetUrl> {
    let of = |url: &img_core::origin::alias::PresetUrl| PresetUrl {
        preset: url.preset.clone(),
        format: url.format.to_owned(),
        url: format!("{site_url}{}", url.path),
        width: url.width_px,
        emitted: url.emitted,
    };
    urls.presets.iter().map(of).collect()
}

/// An alias of one host has no scheme of its own: the page's is right.
pub fn alias_url(site_url: &str, name: &AliasName) -> String {
    match &name.host {
        Some(host) => format!("//{host}{}", name.path),
        None => format!("{site_url}{}", name.path),
    }
}

pub fn metadata_word(outcome: MetadataOutcome) -> &'static str {
    match outcome {
        MetadataOutcome::Untouched => "untouched",
        MetadataOutcome::GpsRemoved => "gps-removed",
        MetadataOutcome::Removed => "removed",
        MetadataOutcome::Unsupported => "unsupported",
    }
}

/// A `srcset` for each format: presets of known width, narrowest first, one for each width, none that was enlarged.
fn srcsets(site_url: &str, image: &record::Image, urls: &ImageUrls) -> BTreeMap<String, String> {
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
        .map(|(format, by_width)| (format.to_owned(), text(by_width)))
        .collect()
}
