//! `imgctl derive`: derivatives ahead of time.

mod here; // of the data directory
mod there; // through the API of a server
mod report; // what became of it

use img_core::origin::ingest::StopFlag;

use crate::args::{DeriveArgs, Global};
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, Progress};
use crate::site::Site;
use crate::stop;

use report::{Derived, Report};

pub(crate) async fn run(
    global: &Global,
    args: &DeriveArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let since = args.since.as_deref().map(here::parse_since).transpose()?;
    let site = Site::open(global).await?;
    let mut run = Run {
        output,
        progress: output.progress("images"),
        report: Report::default(),
        stop: StopFlag::default(),
    };
    let ran = match &site {
        Site::Here(here) => here::derive(here, args, since, &mut run).await,
        Site::There(server) => there::derive(server, args, &mut run).await,
    };
    run.progress.finish();
    site.close().await;
    let ended = ran?;
    output.summary(
        || run.report.text(&ended, args.dry_run),
        || run.report.json(&ended, args.dry_run),
    );
    Ok(run.report.status(&ended))
}

/// A run as people and programs see it.
struct Run {
    output: Output,
    progress: Progress,
    report: Report,
    stop: StopFlag,
}

impl Run {
    fn begin(&self) {
        stop::on_interrupt(
            &self.stop,
            "finishing what has begun; the same command goes on from there",
        );
    }

    fn add(&mut self, derived: &Derived) {
        self.progress.step();
        self.report.add(derived);
        report::tell(self.output, &self.progress, derived);
    }
}

fn preset_names(args: &DeriveArgs) -> Vec<String> {
    if args.all {
        vec!["all".to_owned()]
    } else {
        args.preset.clone()
    }
}
