//! What an upload is to become: from a query or the fields of a form.

use std::collections::BTreeSet;

use img_api::alias::parse_alias;
use img_api::image::UploadOptions;
use img_core::imaging::MetadataMode;
use img_core::model::clock::UnixSeconds;
use img_core::model::preset::Preset;
use img_core::model::time::LATEST;
use img_core::origin::Origin;
use img_core::origin::ingest::upload::UploadWish;
use img_core::origin::view::Looks;

use crate::input::{parse, parse_words};
use crate::problem::Problem;

/// Of one request; there are fewer.
const PRESETS_MAX: usize = 100;

/// What happens to the image after it is on record.
#[derive(Debug)]
pub(crate) struct Afterwards {
    pub(crate) presets: Vec<Preset>,
    pub(crate) looks: Looks,
}

pub(crate) fn wish(options: &UploadOptions) -> Result<UploadWish, Problem> {
    let alias = options.alias.as_deref().filter(|alias| !alias.is_empty());
    let alias = alias
        .map(|alias| parse_alias(alias, options.alias_host.as_deref()))
        .transpose()
        .map_err(|error| Problem::bad_request("alias-invalid", error.to_string()))?;
    if alias.is_none() && options.alias_host.is_some() {
        let detail = "alias_host says nothing without alias";
        return Err(Problem::bad_request("value-invalid", detail));
    }
    Ok(UploadWish {
        alias,
        tags: parse_words("tags", options.tags.as_deref())?,
        metadata: metadata_mode(options.metadata.as_deref())?,
        types: Vec::new(),
        modified: options.modified.map(modified).transpose()?,
    })
}

pub(crate) fn afterwards(origin: &Origin, options: &UploadOptions) -> Result<Afterwards, Problem> {
    let words = options.derive.as_deref().unwrap_or_default();
    let words: Vec<String> = words
        .split(',')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    Ok(Afterwards {
        presets: find_presets(origin, &words)?,
        looks: match options.looks {
            Some(false) => Looks::Skipped,
            Some(true) | None => Looks::Wanted,
        },
    })
}

/// Presets by name, or every preset for `all`.
pub(crate) fn find_presets(origin: &Origin, words: &[String]) -> Result<Vec<Preset>, Problem> {
    if words.len() > PRESETS_MAX {
        let detail = format!("{PRESETS_MAX} presets at most");
        return Err(Problem::bad_request("value-invalid", detail));
    }
    if words.iter().any(|word| word == "all") {
        return Ok(origin.presets.current().cloned().collect());
    }
    let find = |word: &String| {
        let name = parse("preset", word)?;
        origin.presets.find(&name).cloned().ok_or_else(|| {
            let detail = format!("there is no preset `{name}`");
            Problem::bad_request("unknown-preset", detail)
        })
    };
    // Each once, however often it is named.
    let words: BTreeSet<&String> = words.iter().collect();
    words.into_iter().map(find).collect()
}

/// It becomes `Last-Modified`, which ends with the year 9999.
fn modified(at: i64) -> Result<UnixSeconds, Problem> {
    if (0..=LATEST).contains(&at) {
        return Ok(at);
    }
    let detail = format!("modified: {at} is not within 0 and {LATEST}");
    Err(Problem::bad_request("value-invalid", detail))
}

fn metadata_mode(word: Option<&str>) -> Result<MetadataMode, Problem> {
    match word {
        None | Some("" | "strip-gps") => Ok(MetadataMode::StripGps),
        Some("strip-all") => Ok(MetadataMode::StripAll),
        Some("keep") => Ok(MetadataMode::Keep),
        Some(other) => {
            let detail = format!("metadata: `{other}` is none of strip-gps, strip-all, keep");
            Err(Problem::bad_request("value-invalid", detail))
        }
    }
}
