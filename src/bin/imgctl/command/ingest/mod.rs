//! `imgctl ingest`: from paths to originals, with progress and a report.

mod here; // into the data directory
mod batch; // many files, asked for together
mod prepare; // judged, stripped and hashed on this side
mod there; // through the API of a server
mod report; // what became of it

use img_core::imaging::MetadataMode;
use img_core::origin::ingest::{Outcome, StopFlag};

use crate::args::{Global, IngestArgs, MetadataArgs};
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, Progress};
use crate::paths::{self, Listing, Naming};
use crate::site::Site;
use crate::stop;

pub(crate) use here::note;
pub(crate) use report::Report;

pub(crate) async fn run(
    global: &Global,
    args: IngestArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let naming = Naming::parse(args.alias_prefix.as_deref(), args.alias_host.as_deref())?;
    let listing = Listing::from_args(&args, naming)?;
    let site = Site::open(global).await?;
    let mut run = Run::new(args.dry_run, output);
    let ran = match &site {
        Site::Here(here) => here::ingest(here, &args, &listing, &mut run).await,
        Site::There(server) => there::ingest(server, &args, &listing, &mut run).await,
    };
    run.progress.finish();
    let noted = match &site {
        Site::Here(here) if run.begun && !args.dry_run => {
            note(&here.origin, args.why.reason.clone(), &run.report).await
        }
        Site::Here(_) | Site::There(_) => Ok(()),
    };
    site.close().await;
    if run.begun {
        output.summary(|| run.report.text(), || run.report.json());
    }
    ran?;
    noted?;
    Ok(run.report.status(&run.stop))
}

/// A run as people and programs see it.
struct Run {
    output: Output,
    progress: Progress,
    report: Report,
    stop: StopFlag,
    /// Whether it came to the first file.
    begun: bool,
}

impl Run {
    fn new(dry_run: bool, output: Output) -> Self {
        Self {
            output,
            progress: output.progress("files"),
            report: Report::new(dry_run),
            stop: StopFlag::default(),
            begun: false,
        }
    }

    fn begin(&mut self, listing: &Listing) {
        self.begun = true;
        stop::on_interrupt(
            &self.stop,
            "finishing what has begun; once more to stop at once",
        );
        paths::count_ahead(listing, &self.progress);
    }

    fn add(&mut self, outcome: &Outcome) {
        self.progress.step();
        self.report.add(outcome);
        self.progress.message(self.report.brief());
        report::tell(self.output, &self.progress, outcome, self.report.dry_run);
    }
}

fn metadata_mode(args: &MetadataArgs) -> MetadataMode {
    if args.keep_metadata {
        MetadataMode::Keep
    } else if args.strip_all {
        MetadataMode::StripAll
    } else {
        MetadataMode::StripGps
    }
}
