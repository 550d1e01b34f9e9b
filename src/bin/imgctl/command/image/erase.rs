//! `imgctl image erase`: images with all their names and derivatives, for good.

use img_api::image::{EraseOptions, Erased};
use img_core::model::image_id::ImageId;

use crate::args::EraseArgs;
use crate::ask;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::site::Site;

pub(super) async fn run(
    site: &Site,
    args: EraseArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    if !args.dry_run && !args.yes && !ask::is_possible() {
        return Err(Failure::usage("there is no terminal to ask on")
            .with_hint("--yes erases without asking, --dry-run says what would go"));
    }
    let plan = plan(site, &args).await?;
    if args.dry_run {
        for erased in &plan {
            output.record(erased, |erased| text(erased, "would go"));
        }
        output.note(&total(&plan, "would go"));
        return Ok(ExitStatus::Success);
    }
    if !args.yes {
        for url in plan.iter().flat_map(|erased| &erased.urls) {
            output.note(url);
        }
        let question = format!("{} for good. Erase?", total(&plan, "would go"));
        if !ask::confirm(&question).await? {
            return Err(Failure::new("not-confirmed", "nothing was erased"));
        }
    }
    let options = EraseOptions {
        dry_run: None,
        block: args.block.then_some(true),
        reason: args.why.reason,
    };
    let mut done = Vec::new();
    for planned in &plan {
        let erased = site.erase_image(parse(&planned.id)?, &options).await?;
        output.record(&erased, |erased| text(erased, "erased"));
        done.push(erased);
    }
    if !output.is_json() {
        output.note(&total(&done, "erased"));
    }
    Ok(ExitStatus::Success)
}

/// Everything is found out before anything is erased; an image that is named twice goes once.
async fn plan(site: &Site, args: &EraseArgs) -> Result<Vec<Erased>, Failure> {
    let options = EraseOptions {
        dry_run: Some(true),
        block: args.block.then_some(true),
        reason: None,
    };
    let mut plan: Vec<Erased> = Vec::new();
    for text in &args.images {
        let id = site.find_id(text).await?;
        let erased = site.erase_image(id, &options).await?;
        if plan.iter().all(|known| known.id != erased.id) {
            plan.push(erased);
        }
    }
    Ok(plan)
}

fn parse(id: &str) -> Result<ImageId, Failure> {
    id.parse()
        .map_err(|_| Failure::new("server-answer", format!("`{id}` is no image id")))
}

fn text(erased: &Erased, verb: &str) -> String {
    let mut lines = vec![format!("{verb}: {}", erased.id)];
    lines.extend(erased.urls.iter().map(|url| format!("  {url}")));
    lines.join("\n")
}

fn total(plan: &[Erased], verb: &str) -> String {
    let sum = |of: fn(&Erased) -> u64| plan.iter().map(of).sum::<u64>();
    format!(
        "{} images, {} aliases, {} derivatives, {} {verb}",
        plan.len(),
        sum(|erased| erased.aliases),
        sum(|erased| erased.derivatives),
        human_bytes(sum(|erased| erased.bytes)),
    )
}
