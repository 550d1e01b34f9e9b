//! `imgd`: answers what nginx did not find.

mod answer; // what went well
mod app; // what every handler has at hand
mod body; // uploads, piece by piece
mod drain; // answers before the body has come
mod form; // to try a ticket by hand
mod handler; // one file for each resource
mod idempotency; // requests that are repeated
mod input; // JSON, queries, paths
mod measure; // metrics
mod problem; // what went wrong
mod routes; // which handler answers what
mod serve; // the socket
mod who; // who asks

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use img_core::config::{CONFIG_FILE, Config};
use img_core::origin::error::chain;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// The daemon of an image origin: makes what is missing, behind nginx, on a unix socket.
#[derive(Debug, Parser)]
#[command(name = "imgd", version, max_term_width = 100)]
struct Args {
    /// The data directory.
    #[arg(long, env = "IMGCTL_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// The configuration [default: imgctl.toml in the data directory].
    #[arg(long, env = "IMGCTL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    // nginx runs as another user and must read what is written here.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("IMGCTL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for people; a journal keeps the escapes.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ran: Result<(), Box<dyn std::error::Error>> = match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(error.into()),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("imgd stops: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let path = args
        .config
        .clone()
        .unwrap_or_else(|| args.data.join(CONFIG_FILE));
    let config = Config::load(&args.data, &path)?;
    let place = serve::reserve(&config.imgd_socket)?;
    let origin = config.open_origin().await?;
    let recovered = origin.recover().await?;
    if recovered.reaped.files + recovered.unsettled + recovered.erased > 0 {
        tracing::info!(
            staged.files = recovered.reaped.files,
            derived.files = recovered.unsettled,
            images.erased = recovered.erased,
            "cleaned up after an earlier run"
        );
    }
    // Only now: whoever waits for the socket, such as nginx's unit, serves nothing that a power loss tore.
    let socket = place.listen()?;
    tracing::info!("listening on {}", config.imgd_socket.display());
    let metrics = measure::install()?;
    let (stop, stopped) = watch::channel(false);
    let callbacks = tokio::spawn(Arc::clone(&origin).run_callbacks(stopped));
    serve::run(socket, routes::router(&origin, &config, metrics)).await?;
    // Callbacks that were not sent wait on record.
    let _ = stop.send(true);
    let _ = callbacks.await;
    origin.close().await;
    tracing::info!("stopped");
    Ok(())
}
