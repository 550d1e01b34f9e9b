//! `imgctl up`: the whole origin on this machine, until Ctrl-C.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use img_core::config::Config;
use img_core::config::init::FirstSite;
use img_core::imaging::{MetadataMode, samples};
use img_core::model::layout::ShardWidth;
use img_core::nginx::running::find_release;
use img_core::nginx::settings::{Mode, NginxSettings};
use img_core::origin::Origin;
use img_core::origin::ingest::{
    Candidate, Effect, IngestOptions, Ingested, Input, Outcome, StopFlag,
};
use tokio::process::{Child, Command};

use crate::args::{Global, UpArgs};
use crate::children::{self, Children};
use crate::command::ingest::{self, Report};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::paths::{Listing, shown};
use crate::stop::Interrupts;

/// Ports tried after the one asked for.
const PORTS_TRIED: u16 = 100;
const PORT: u16 = 8080;
/// How long imgd and nginx may take to answer, on a machine that has just built both.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Images whose URLs are printed.
const PRINTED_MAX: usize = 20;

pub(crate) async fn run(
    global: &Global,
    args: &UpArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let mut interrupts = Interrupts::listen()
        .ok_or_else(|| Failure::new("signals", "signals cannot be listened to"))?;
    // A new configuration gets a port that is free; an old one is asked first, below.
    let port = args.port.unwrap_or(PORT);
    let port = find_free_port(port).unwrap_or(port);
    let listen = format!("127.0.0.1:{port}");
    let url = format!("http://{listen}");
    let site = FirstSite {
        url: &url,
        listen: &listen,
    };
    let is_new = !context::config_path(global).exists();
    let mut config = super::init::ensure(global, ShardWidth::Three, &site).await?;
    let _lock = lock(&config)?;
    children::stop_orphans(&config, output).await?;
    settle_listen(&mut config, args.port.or(is_new.then_some(PORT)), output)?;
    let layout = context::open_tree(&config)?.layout();
    let mut settings = config.nginx_settings(layout);
    // Ours alone is started and stopped here, whatever a distribution's is configured to include.
    settings.mode = Mode::Standalone;
    if let Some(path) = config.closed_to_others() {
        let path = path.display();
        output.note(&format!(
            "{path} is closed to other users, so nginx's workers run as root; a real site wants a directory they can reach"
        ));
    }

    let mut children = Children::of(&config);
    let mut served = match start_all(global, &config, &settings, &mut children).await {
        Ok(()) => show(&config, args, &mut interrupts, output).await,
        Err(failure) => Err(failure),
    };
    if matches!(served, Ok(ExitStatus::Success | ExitStatus::Partial)) && !args.once {
        output.note("up; Ctrl-C stops it");
        if let Err(failure) = children.watch(&mut interrupts).await {
            served = Err(failure);
        }
        output.note("stopping");
    }
    // Also after a failure: an nginx that is killed leaves its workers running.
    children.stop().await?;
    served
}

/// imgd, then nginx; both answer when it returns.
async fn start_all(
    global: &Global,
    config: &Config,
    settings: &NginxSettings,
    children: &mut Children,
) -> Result<(), Failure> {
    let status_socket = settings.status_socket();
    refuse_running("imgd", &config.imgd_socket)?;
    refuse_running("nginx", &status_socket)?;
    let imgd = children.start("imgd", imgd(global, config)?)?;
    wait_for("imgd", imgd, || connects(&config.imgd_socket)).await?;
    super::nginx::apply(config, settings, Output::SILENT)?;
    remove_stale(&status_socket)?;
    let nginx = children.start("nginx", nginx(config))?;
    wait_for("nginx", nginx, || find_release(&status_socket).is_some()).await
}

/// Takes the images in and prints their URLs.
async fn show(
    config: &Config,
    args: &UpArgs,
    interrupts: &mut Interrupts,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let origin = context::open_origin(config).await?;
    let ingested = tokio::select! {
        ingested = take_in(&origin, &args.paths) => Some(ingested?),
        () = interrupts.next() => None,
    };
    let status = match &ingested {
        Some(ingested) => {
            print_urls(&origin, config, ingested, output).await?;
            ingested.status()
        }
        None => ExitStatus::Interrupted,
    };
    origin.close().await;
    Ok(status)
}

/// One `up` at a time for a data directory.
fn lock(config: &Config) -> Result<File, Failure> {
    let path = config.run_dir().join("up.lock");
    let lock = File::create(&path).map_err(Failure::io(format!("create {}", path.display())))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => Err(Failure::new(
            "already-up",
            format!("another `imgctl up` runs on {}", config.data.display()),
        )
        .with_hint("use that one, or name another directory with --data")),
    }
}

fn find_free_port(from: u16) -> Option<u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (from..=from.saturating_add(PORTS_TRIED)).find(is_free)
}

/// Takes the port asked for or configured, or the next free one, and says so.
fn settle_listen(config: &mut Config, asked: Option<u16>, output: Output) -> Result<(), Failure> {
    let configured = config.loopback_port();
    let (Some(wanted), true) = (
        asked.or(configured),
        asked.is_some() || configured.is_some(),
    ) else {
        return Ok(()); // the operator listens elsewhere, and knows why
    };
    let Some(port) = find_free_port(wanted) else {
        return Err(
            Failure::new("no-free-port", format!("ports from {wanted} on are in use"))
                .with_hint("choose another with --port"),
        );
    };
    if port != wanted {
        output.note(&format!("port {wanted} is in use; listening on {port}"));
    }
    config.listen_on_loopback(port);
    Ok(())
}

fn imgd(global: &Global, config: &Config) -> Result<Command, Failure> {
    let program = std::env::current_exe()
        .map_err(Failure::io("find this program"))?
        .with_file_name("imgd");
    let mut command = Command::new(&program);
    command.arg("--data").arg(&config.data);
    if let Some(config) = &global.config {
        command.arg("--config").arg(config);
    }
    command.env("IMGCTL_LOG", "warn");
    Ok(command)
}

fn nginx(config: &Config) -> Command {
    let conf = config.nginx_dir().join("current/nginx.conf");
    let mut command = Command::new(config.nginx_binary());
    command
        .arg("-c")
        .arg(conf)
        .arg("-e")
        .arg("stderr")
        .arg("-g")
        .arg("daemon off;");
    command
}

/// What was started by someone else is neither used nor stopped: the socket of one that is not ours would pass for ours.
fn refuse_running(name: &str, socket: &Path) -> Result<(), Failure> {
    if !connects(socket) {
        return Ok(());
    }
    let socket = socket.display();
    Err(Failure::new(
        &format!("{name}-runs"),
        format!("{name} runs on this data directory already: {socket} answers"),
    )
    .with_hint("stop it, or use `imgctl nginx apply` and `imgctl ingest` beside it"))
}

/// A killed nginx leaves its unix sockets behind, and the next one would not start.
fn remove_stale(socket: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::io(format!("remove {}", socket.display()))(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn connects(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

async fn wait_for(
    name: &str,
    child: &mut Child,
    answers: impl Fn() -> bool,
) -> Result<(), Failure> {
    let deadline = Instant::now() + START_TIMEOUT;
    while !answers() {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Failure::new(
                "start",
                format!("{name} ended at once: {status}"),
            ));
        }
        if Instant::now() > deadline {
            let waited = START_TIMEOUT.as_secs();
            return Err(Failure::new(
                "start",
                format!("{name} did not answer within {waited} s"),
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// What `up` took in, to be printed.
#[derive(Debug, Default)]
struct IngestedAll {
    images: Vec<Ingested>,
    more: usize,
    rejected: Vec<Outcome>,
}

impl IngestedAll {
    fn status(&self) -> ExitStatus {
        if self.rejected.is_empty() {
            ExitStatus::Success
        } else {
            ExitStatus::Partial
        }
    }
}

/// The images named; else samples, if there is nothing to show yet.
async fn take_in(origin: &Arc<Origin>, paths: &[PathBuf]) -> Result<IngestedAll, Failure> {
    let candidates: Box<dyn Iterator<Item = Candidate> + Send> = if paths.is_empty() {
        if origin.catalog.totals().await?.images > 0 {
            return Ok(IngestedAll::default());
        }
        Box::new(samples().into_iter().map(|(name, bytes)| Candidate {
            path: PathBuf::from(name),
            input: Input::Memory {
                bytes,
                modified: origin_time(),
            },
            alias: None,
        }))
    } else {
        let bytes_max = origin.settings.limits.bytes_max;
        Box::new(Listing::of_paths(paths).candidates(bytes_max))
    };
    let options = IngestOptions {
        metadata: MetadataMode::StripGps,
        derive: Vec::new(),
        actor: context::local_actor(),
        tags: Vec::new(),
        effect: Effect::Apply,
        jobs: 0,
    };
    let (mut all, mut counts) = (IngestedAll::default(), Report::new(false));
    let report = |outcome: Outcome| {
        counts.add(&outcome);
        match outcome.result {
            Ok(ingested) if all.images.len() < PRINTED_MAX => all.images.push(ingested),
            Ok(_) => all.more += 1,
            Err(_) => all.rejected.push(outcome),
        }
    };
    let ran = origin
        .ingest(candidates, options, StopFlag::default(), report)
        .await;
    ingest::note(origin, None, &counts).await?;
    ran?;
    Ok(all)
}

/// The samples are the same bytes on every machine, and so is their time: 2026-01-01.
fn origin_time() -> i64 {
    1_767_225_600
}

async fn print_urls(
    origin: &Origin,
    config: &Config,
    ingested: &IngestedAll,
    output: Output,
) -> Result<(), Failure> {
    for Outcome { path, result } in &ingested.rejected {
        if let Err(rejection) = result {
            output.note(&format!("rejected: {}: {}", shown(path), rejection.message));
        }
    }
    for Ingested { image, .. } in &ingested.images {
        let urls = origin.list_urls(image).await?;
        Output::line(&format!("{}{}", config.site_url, urls.original));
        for preset in &urls.presets {
            Output::line(&format!("{}{}", config.site_url, preset.path));
        }
    }
    if ingested.more > 0 {
        output.note(&format!(
            "and {} more; `imgctl image list` shows them",
            ingested.more
        ));
    }
    if ingested.images.is_empty() {
        output.note(&format!(
            "serving {}; `imgctl image list` shows what there is",
            config.site_url
        ));
    }
    Ok(())
}
