//! The programs that `imgctl up` starts: noted, watched, stopped, also after a run that was killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use img_core::config::Config;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::exit::Failure;
use crate::output::Output;
use crate::stop::Interrupts;

/// How soon the end of imgd or nginx is noticed.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// How long one that a killed run has left may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What this run has started, in order.
#[derive(Debug)]
pub(crate) struct Children {
    /// Where they are noted for the next run, should this one be killed.
    noted_at: PathBuf,
    started: Vec<(&'static str, Child)>,
}

impl Children {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            noted_at: children_path(config),
            started: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, name: &'static str, child: Child) -> Result<&mut Child, Failure> {
        self.started.push((name, child));
        let lines = self
            .started
            .iter()
            .filter_map(|(name, child)| Some(format!("{name} {}\n", child.id()?)));
        std::fs::write(&self.noted_at, lines.collect::<String>())
            .map_err(Failure::io(format!("write {}", self.noted_at.display())))?;
        let (_, child) = self.started.last_mut().expect("one was pushed above");
        Ok(child)
    }

    /// Returns at Ctrl-C; fails when one of them ends by itself.
    pub(crate) async fn watch(&mut self, interrupts: &mut Interrupts) -> Result<(), Failure> {
        loop {
            for (name, child) in &mut self.started {
                if let Ok(Some(status)) = child.try_wait() {
                    let message = format!("{name} ended by itself: {status}");
                    return Err(Failure::new("ended", message));
                }
            }
            tokio::select! {
                () = interrupts.next() => return Ok(()),
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
        }
    }

    /// The last one first, so that nginx finds imgd as long as it runs.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        for (name, child) in self.started.into_iter().rev() {
            stop(name, child).await?;
        }
        match std::fs::remove_file(&self.noted_at) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let action = format!("remove {}", self.noted_at.display());
                Err(Failure::io(action)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Stops what an `imgctl up` that was killed has left running. The lock says that none is alive.
pub(crate) async fn stop_orphans(config: &Config, output: Output) -> Result<(), Failure> {
    let noted = std::fs::read_to_string(children_path(config)).unwrap_or_default();
    for line in noted.lines() {
        let Some((name, pid)) = line.split_once(' ') else {
            continue;
        };
        // The number may have been given to another program since.
        let is_ours = || {
            let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let args = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let args = String::from_utf8_lossy(&args).into_owned();
            comm.trim() == name && args.contains(&*config.data.to_string_lossy())
        };
        let Some(id) = pid
            .parse()
            .ok()
            .and_then(Pid::from_raw)
            .filter(|_| is_ours())
        else {
            continue;
        };
        output.note(&format!("stopping the {name} that a killed run has left"));
        kill_process(id, Signal::TERM)
            .map_err(|errno| Failure::new("stop", format!("stop {name}: {errno}")))?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while is_ours() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

pub(crate) fn spawn(mut command: Command, program: &Path) -> Result<Child, Failure> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Ctrl-C reaches the whole group of the terminal; the order of stopping is ours.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::io(format!("start {}", program.display())))
}

/// Where a run notes what it has started, one line each: `<name> <pid>`.
fn children_path(config: &Config) -> PathBuf {
    config.run_dir().join("up.children")
}

/// TERM and wait: nginx closes its connections, imgd settles what it has made.
async fn stop(name: &str, mut child: Child) -> Result<(), Failure> {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    if let Some(pid) = pid {
        kill_process(pid, Signal::TERM)
            .map_err(|errno| Failure::new("stop", format!("stop {name}: {errno}")))?;
    }
    child
        .wait()
        .await
        .map_err(Failure::io(format!("stop {name}")))?;
    Ok(())
}
