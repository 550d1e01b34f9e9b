//! One file for each noun or verb of the command line.

mod alias;
mod audit;
mod bench;
mod block;
mod derive;
mod doctor;
mod image;
mod ingest;
mod init;
mod key;
mod manual;
mod nginx;
mod schema;
mod sign;
mod status;
mod ticket;
mod up;
mod user;

use crate::args::{BenchCommand, Cli, Command, Global};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;

pub(crate) async fn run(cli: Cli, output: Output) -> Result<ExitStatus, Failure> {
    let global = &cli.global;
    refuse_elsewhere(global, &cli.command)?;
    match cli.command {
        Command::Up(args) => up::run(global, &args, output).await,
        Command::Init(args) => init::run(global, &args, output).await,
        Command::Ingest(args) => ingest::run(global, args, output).await,
        Command::Derive(args) => derive::run(global, &args, output).await,
        Command::Image(command) => image::run(global, command, output).await,
        Command::Alias(command) => alias::run(global, command, output).await,
        Command::Key(command) => key::run(global, command, output).await,
        Command::Ticket(command) => ticket::run(global, command, output).await,
        Command::User(command) => user::run(global, command, output).await,
        Command::Audit(command) => audit::run(global, command, output).await,
        Command::Block(command) => block::run(global, command, output).await,
        Command::Sign(args) => sign::run(global, &args, output),
        Command::Nginx(command) => nginx::run(global, command, output),
        Command::Schema(command) => schema::run(global, &command, output).await,
        Command::Status => status::run(global, output).await,
        Command::Doctor => doctor::run(global, output).await,
        Command::Bench(BenchCommand::Imaging(args)) => bench::run(&args, output),
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Manual { into } => manual::pages(&into, output),
    }
}

/// What works on the machine of the origin only says so, whatever else is wrong.
fn refuse_elsewhere(global: &Global, command: &Command) -> Result<(), Failure> {
    let name = match command {
        Command::Up(_) => "up",
        Command::Init(_) => "init",
        Command::Sign(_) => "sign",
        Command::User(_) => "user",
        Command::Nginx(_) => "nginx",
        Command::Schema(_) => "schema",
        Command::Doctor => "doctor",
        Command::Ingest(_)
        | Command::Derive(_)
        | Command::Image(_)
        | Command::Alias(_)
        | Command::Key(_)
        | Command::Ticket(_)
        | Command::Audit(_)
        | Command::Block(_)
        | Command::Status
        | Command::Bench(_)
        | Command::Completions { .. }
        | Command::Manual { .. } => return Ok(()),
    };
    if global.server.is_none() {
        return Ok(());
    }
    let message = format!("`imgctl {name}` works on the machine of the origin only");
    Err(Failure::usage(message).with_hint("leave out --server (or IMGCTL_SERVER)"))
}
