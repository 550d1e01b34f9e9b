//! `imgctl completions` and `imgctl manual`: what packagers ask for.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;

pub(crate) fn completions(shell: Shell) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "imgctl", &mut script);
    Output::line(String::from_utf8_lossy(&script).trim_end());
    ExitStatus::Success
}

pub(crate) fn pages(into: &Path, output: Output) -> Result<ExitStatus, Failure> {
    super::init::create_dir(into)?;
    clap_mangen::generate_to(Cli::command(), into)
        .map_err(Failure::io(format!("write {}", into.display())))?;
    output.note(&format!("manual pages are in {}", into.display()));
    Ok(ExitStatus::Success)
}
