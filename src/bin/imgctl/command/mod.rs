//! One file for each noun or verb of the command line.

mod derive;
mod doctor;
mod image;
mod ingest;
mod init;
mod manual;
mod nginx;
mod schema;
mod sign;
mod status;
mod up;

use crate::args::{Cli, Command};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;

pub(crate) async fn run(cli: Cli, output: Output) -> Result<ExitStatus, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Up(args) => up::run(global, &args, output).await,
        Command::Init(args) => init::run(global, &args, output).await,
        Command::Ingest(args) => ingest::run(global, args, output).await,
        Command::Derive(args) => derive::run(global, &args, output).await,
        Command::Image(command) => image::run(global, command, output).await,
        Command::Sign(args) => sign::run(global, &args, output),
        Command::Nginx(command) => nginx::run(global, command, output),
        Command::Schema(command) => schema::run(global, &command, output).await,
        Command::Status => status::run(global, output).await,
        Command::Doctor => doctor::run(global, output).await,
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Manual { into } => manual::pages(&into, output),
    }
}
