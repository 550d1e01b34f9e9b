//! `imgctl image tag`: words on an image.

use img_core::catalog::search::TagChange;
use img_core::model::tag::{InvalidTag, Tag};
use serde_json::json;

use crate::args::TagArgs;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::site::Site;

pub(super) async fn run(site: &Site, args: TagArgs, output: Output) -> Result<ExitStatus, Failure> {
    let set = args.set.as_deref().map(parse_set).transpose()?;
    let id = site.find_id(&args.image).await?;
    let reason = args.why.reason;
    let tags = if let Some(tags) = set {
        site.set_tags(id, tags, reason).await?.tags
    } else if args.add.is_empty() && args.remove.is_empty() {
        site.get_details(id).await?.tags
    } else {
        let change = TagChange {
            add: args.add,
            remove: args.remove,
        };
        site.change_tags(id, change, reason).await?.tags
    };
    if output.is_json() || !tags.is_empty() {
        output.item(
            || tags.join("\n"),
            || json!({"id": id.to_string(), "tags": tags}),
        );
    }
    Ok(ExitStatus::Success)
}

/// An empty word is none.
fn parse_set(words: &[String]) -> Result<Vec<Tag>, Failure> {
    let words = words.iter().filter(|word| !word.is_empty());
    let tags: Result<Vec<Tag>, InvalidTag> = words.map(|word| word.parse()).collect();
    tags.map_err(|error| Failure::usage(format!("--set: {error}")))
}
