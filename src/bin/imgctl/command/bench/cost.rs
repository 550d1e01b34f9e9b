//! CPU time of programs, from their start to their end, on one core.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use img_core::origin::ingest::StopFlag;
use nix::sys::resource::{UsageWho, getrusage};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::tool::Line;

/// Between two looks at a program that runs: long enough to cost nothing, and only its own time is counted.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) enum Fault {
    Stopped,
    /// What the program said last, or what the system did.
    Failed(String),
}

/// This thread and everything that it starts from now on run on the first core that it may use.
pub(super) fn hold_to_one_core() -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let Some(first) = (0..CpuSet::MAX_CPU).find(|&core| allowed.is_set(core)) else {
        return Ok(());
    };
    let mut one = CpuSet::new();
    one.set(first);
    Ok(sched_setaffinity(None, &one)?)
}

/// User and system time of all commands, run one after another; `out` is empty before and gone after.
pub(super) fn measure(commands: &[Line], out: &Path, stop: &StopFlag) -> Result<Duration, Fault> {
    let io = |error: io::Error| Fault::Failed(error.to_string());
    fs::create_dir_all(out).map_err(io)?;
    let before = children_cpu().map_err(io)?;
    let ran = commands.iter().try_for_each(|line| run(line, stop));
    let after = children_cpu().map_err(io)?;
    fs::remove_dir_all(out).map_err(io)?;
    ran?;
    Ok(after.saturating_sub(before))
}

fn run(line: &Line, stop: &StopFlag) -> Result<(), Fault> {
    let io = |error: io::Error| Fault::Failed(error.to_string());
    let [program, args @ ..] = line.as_slice() else {
        return Ok(());
    };
    let mut child = Command::new(program)
        .args(args)
        // One thread for one core; and imgctl as it is without a site.
        .env("VIPS_CONCURRENCY", "1")
        .env_remove("IMGCTL_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io)?;
    let said = last_words(&mut child);
    let status = loop {
        if stop.is_set() {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Fault::Stopped);
        }
        match child.try_wait().map_err(io)? {
            Some(status) => break status,
            None => thread::sleep(LOOK),
        }
    };
    let said = said.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(Fault::Failed(
        last.map_or_else(|| status.to_string(), str::to_owned),
    ))
}

/// Reads what a program says while it runs, so that it never waits for a reader; keeps the first 64 KiB.
fn last_words(child: &mut Child) -> thread::JoinHandle<String> {
    let stderr = child.stderr.take();
    thread::spawn(move || {
        let Some(mut stderr) = stderr else {
            return String::new();
        };
        let mut said = Vec::new();
        let kept = stderr.by_ref().take(64 << 10).read_to_end(&mut said);
        // What cannot be read is not shown.
        let _ = kept.and_then(|_| io::copy(&mut stderr, &mut io::sink()));
        String::from_utf8_lossy(&said).into_owned()
    })
}

/// Of all children that have ended and were waited for.
fn children_cpu() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: nix::sys::time::TimeVal| {
        let micros = i128::from(time.tv_sec()) * 1_000_000 + i128::from(time.tv_usec());
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    };
    Ok(micros(usage.user_time()) + micros(usage.system_time()))
}
