//! Into the data directory of this machine.

use img_core::origin::Origin;
use img_core::origin::ingest::{Effect, IngestOptions};

use crate::args::IngestArgs;
use crate::command::ingest::{Report, Run, metadata_mode};
use crate::context;
use crate::exit::Failure;
use crate::paths::Listing;
use crate::site::Here;

pub(super) async fn ingest(
    here: &Here,
    args: &IngestArgs,
    listing: &Listing,
    run: &mut Run,
) -> Result<(), Failure> {
    let origin = &here.origin;
    if !args.dry_run {
        origin.recover().await?;
    }
    let options = IngestOptions {
        metadata: metadata_mode(&args.metadata),
        derive: context::find_presets(origin, &args.derive)?,
        actor: context::local_actor(),
        tags: args.tag.clone(),
        effect: if args.dry_run {
            Effect::DryRun
        } else {
            Effect::Apply
        },
        jobs: args.jobs,
    };
    let candidates = listing.candidates(here.config.origin.limits.bytes_max);
    run.begin(listing);
    let stop = run.stop.clone();
    let report = |outcome| run.add(&outcome);
    Ok(origin.ingest(candidates, options, stop, report).await?)
}

/// One entry for the whole run, however many files it had.
pub(crate) async fn note(
    origin: &Origin,
    reason: Option<String>,
    report: &Report,
) -> Result<(), Failure> {
    let act = context::local_act(reason);
    Ok(origin.note(&act, "ingest.run", "", report.counts()).await?)
}
