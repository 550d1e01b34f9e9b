//! `imgctl image convert`: derivatives of plain files, without an origin.

mod wanted; // from flags to recipes
mod naming; // where derivatives go
mod work; // one image
mod report; // what became of it

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use img_core::imaging::{DamagedPolicy, Limits};
use img_core::model::watermark::Watermarks;
use img_core::origin::ingest::StopFlag;

use crate::args::{ConvertArgs, Global};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::stop;

use naming::Naming;
use report::Report;
use wanted::Wanted;
use work::Work;

pub(super) fn run(
    global: &Global,
    args: &ConvertArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let wanted = Wanted::from_args(args)?;
    let naming = Naming::from_args(args)?;
    if naming.is_stdout() && output.is_json() {
        return Err(
            Failure::usage("standard output holds either the image or JSON")
                .with_hint("name a file, or leave out --json"),
        );
    }
    let stop = StopFlag::default();
    let rules = Rules::load(global, args)?;
    let work = Work::new(args, &wanted, &naming, rules).stopped_by(&stop);
    if !args.dry_run {
        naming.prepare()?;
    }
    stop::on_interrupt(&stop, "what is finished stays; once more to stop at once");
    let mut report = Report::new(output, &naming, args);
    convert_all(&args.inputs, args.jobs, &work, &mut report);
    report.finish(stop.is_set())
}

/// What an origin has in its configuration.
#[derive(Debug)]
struct Rules {
    limits: Limits,
    watermarks: Arc<Watermarks>,
}

impl Rules {
    /// Those of the configuration named, else the defaults, with what flags say.
    fn load(global: &Global, args: &ConvertArgs) -> Result<Self, Failure> {
        let (limits, watermarks) = match global.config {
            Some(_) => {
                let settings = context::load_config(global)?.origin;
                (settings.limits, settings.watermarks)
            }
            None => (Limits::default(), Arc::default()),
        };
        let flags = &args.limits;
        let limits = Limits {
            bytes_max: flags.file_bytes.unwrap_or(limits.bytes_max),
            pixels_max: flags.pixels.unwrap_or(limits.pixels_max),
            output_side_px_max: flags.side_px.unwrap_or(limits.output_side_px_max),
            damaged: if args.accept_damaged {
                DamagedPolicy::Accept
            } else {
                limits.damaged
            },
            ..limits
        };
        Ok(Self { limits, watermarks })
    }
}

/// Images in parallel, reported in the order in which they are done. After an interrupt none is begun.
fn convert_all(inputs: &[PathBuf], jobs: usize, work: &Work<'_>, report: &mut Report) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = if jobs == 0 { cores } else { jobs }.min(inputs.len());
    let next = AtomicUsize::new(0);
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if work.is_stopped() {
                        return;
                    }
                    if done.send((input, work.convert(input))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (input, result) in finished {
            report.add(input, result);
        }
    });
}
