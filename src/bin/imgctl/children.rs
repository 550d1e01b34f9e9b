//! The programs that `imgctl up` starts: noted, watched, stopped, also after a run that was killed.

use std::path::PathBuf;
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

    /// Starts one. It is noted before, so that this run may be killed at any point.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        mut command: Command,
    ) -> Result<&mut Child, Failure> {
        self.note(Some(name))?;
        let program = command.as_std().get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Ctrl-C reaches the whole group of the terminal; the order of stopping is ours.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io(format!("start {}", program.display())))?;
        self.started.push((name, child));
        self.note(None)?;
        let (_, child) = self.started.last_mut().expect("one was pushed above");
        Ok(child)
    }

    /// One line each: `<name> <pid>`, or the name alone while it is being started.
    fn note(&self, starting: Option<&str>) -> Result<(), Failure> {
        let started = self
            .started
            .iter()
            .filter_map(|(name, child)| Some(format!("{name} {}\n", child.id()?)));
        let starting = starting.map(|name| format!("{name}\n"));
        let lines: String = started.chain(starting).collect();
        // In one step: the killed run's note is whole, whenever that was.
        let next = self.noted_at.with_extension("next");
        std::fs::write(&next, lines)
            .and_then(|()| std::fs::rename(&next, &self.noted_at))
            .map_err(Failure::io(format!("write {}", self.noted_at.display())))
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
        let orphan = match line.split_once(' ') {
            Some((name, pid)) => pid.parse().ok().map(|pid| (name, pid)),
            None => find_process(line, config).map(|pid| (line, pid)),
        };
        // The number may have been given to another program since.
        let Some((name, number)) = orphan.filter(|(name, pid)| is_ours(*pid, name, config)) else {
            continue;
        };
        let Some(pid) = Pid::from_raw(number) else {
            continue;
        };
        output.note(&format!("stopping the {name} that a killed run has left"));
        kill_process(pid, Signal::TERM)
            .map_err(|errno| Failure::new("stop", format!("stop {name}: {errno}")))?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while is_ours(number, name, config) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// Whether the process is the program of this name, at work on this data directory.
fn is_ours(pid: i32, name: &str, config: &Config) -> bool {
    let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let args = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let args = String::from_utf8_lossy(&args);
    let data = config.data.to_string_lossy();
    let names_it = args.split('\0').any(|arg| arg == data) || args.contains(&format!("{data}/"));
    comm.trim() == name && names_it
}

fn find_process(name: &str, config: &Config) -> Option<i32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let mut pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.find(|pid| is_ours(*pid, name, config))
}

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
