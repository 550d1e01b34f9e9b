//! Of the data directory of this machine.

use img_core::model::clock::{Clock, SystemClock};
use img_core::origin::bulk::{BulkOptions, BulkOutcome, BulkReport, Since, Start, Which};
use img_core::origin::ingest::Effect;

use crate::args::DeriveArgs;
use crate::command::derive::{Derived, Run, preset_names};
use crate::context;
use crate::exit::Failure;
use crate::site::Here;
use crate::when;

pub(super) async fn derive(
    here: &Here,
    args: &DeriveArgs,
    since: Option<Since>,
    run: &mut Run,
) -> Result<BulkReport, Failure> {
    let origin = &here.origin;
    if !args.dry_run {
        origin.recover().await?;
    }
    let options = BulkOptions {
        presets: context::find_presets(origin, &preset_names(args))?,
        which: if args.missing {
            Which::Missing
        } else {
            Which::All
        },
        since,
        effect: if args.dry_run {
            Effect::DryRun
        } else {
            Effect::Apply
        },
        jobs: args.jobs,
        start: if args.restart || args.dry_run {
            Start::Anew
        } else {
            Start::Resume
        },
    };
    run.begin();
    if run.progress.is_shown() && options.since.is_none() {
        run.progress
            .set_total(origin.catalog.totals().await?.images);
    }
    let stop = run.stop.clone();
    let report = |outcome| run.add(&derived(outcome));
    let ran = origin.derive_all(&options, &stop, report).await;
    let noted = if args.dry_run {
        Ok(())
    } else {
        let (act, counts) = (
            context::local_act(args.why.reason.clone()),
            run.report.counts(),
        );
        origin.note(&act, "derive.run", "", counts).await
    };
    let ended = ran?;
    noted?;
    Ok(ended)
}

fn derived(outcome: BulkOutcome) -> Derived {
    Derived {
        id: outcome.id,
        made: outcome.made as u64,
        bytes: Some(outcome.bytes),
        fault: outcome.fault,
    }
}

pub(super) fn parse_since(asked: &str) -> Result<Since, Failure> {
    Ok(Since {
        at: when::parse_since(asked, SystemClock.now())?,
        asked: asked.to_owned(),
    })
}
