//! `imgctl bench imaging`: thumbnails on this machine, by imgctl and by whatever else it has.

mod machine; // where it runs
mod material; // what is worked on
mod task; // what is made of it
mod tool; // by whom
mod cost; // at what price
mod report; // told

use std::thread;

use img_core::origin::ingest::StopFlag;

use crate::args::BenchImagingArgs;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::stop;

use cost::{Fault, measure};
use material::Material;
use report::Report;
use tool::Tool;

pub(super) fn run(args: &BenchImagingArgs, output: Output) -> Result<ExitStatus, Failure> {
    let stop = StopFlag::default();
    stop::on_interrupt(&stop, "what was measured so far is thrown away");
    // On a thread of its own: what it starts inherits the one core that it is held to.
    let bench = || {
        cost::hold_to_one_core().map_err(Failure::io("hold to one core"))?;
        bench(args, output, &stop)
    };
    thread::scope(|scope| match scope.spawn(bench).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn bench(args: &BenchImagingArgs, output: Output, stop: &StopFlag) -> Result<ExitStatus, Failure> {
    let work = tempfile::Builder::new()
        .prefix("imgctl-bench-")
        .tempdir()
        .map_err(Failure::io("make a temporary directory"))?;
    let tools = Tool::find_all()?;
    report::machine(output, &tools);
    let material = if args.paths.is_empty() {
        output.note("drawing images");
        Material::draw(work.path())?
    } else {
        Material::read(&args.paths, output)?
    };
    for task in task::all(&material, &args.sizes) {
        let mut report = Report::new(&task, &tools);
        for round in 0..args.rounds {
            for at in task::turns(tools.len(), round) {
                let commands = tools[at].commands(&task, &work.path().join("out"));
                match measure(&commands, &work.path().join("out"), stop) {
                    Err(Fault::Stopped) => return Ok(ExitStatus::Interrupted),
                    measured => report.add(at, measured),
                }
            }
        }
        report.tell(output);
    }
    Ok(ExitStatus::Success)
}
