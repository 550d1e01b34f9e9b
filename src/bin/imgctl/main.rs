//! `imgctl`: what operators run.

mod args;
mod ask;
mod children;
mod command;
mod context;
mod exit;
mod output;
mod paths;
mod remote;
mod site;
mod stop;
mod when;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::Cli;
use crate::exit::ExitStatus;
use crate::output::Output;

fn main() -> ExitCode {
    // nginx runs as another user and must read what is written here.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    let filter = EnvFilter::try_from_env("IMGCTL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let status = match runtime {
        Ok(runtime) => runtime.block_on(command::run(cli, output)),
        Err(error) => Err(exit::Failure::io("start the runtime")(error)),
    };
    let status = match status {
        Ok(ExitStatus::Success) if !output::stdout_is_whole() => ExitStatus::Failure,
        Ok(status) => status,
        Err(failure) => {
            output.failure(&failure);
            failure.status
        }
    };
    ExitCode::from(status as u8)
}
