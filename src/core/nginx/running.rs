//! The nginx that runs: whether it does, which release it serves, how it is told to read its files again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How nginx is told to read its configuration again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Names the master process. If there is none nginx is not running, which is no fault.
    pub pid_file: PathBuf,
    /// Such as `systemctl reload nginx`, program and arguments; without it the master process is sent HUP.
    pub command: Option<Vec<String>>,
}

#[derive(Debug)]
pub(super) enum Reloaded {
    Told,
    NotRunning,
}

/// One release answers within a second even on a busy machine; a silent socket must not hold us.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Enough for every line that one failed reload writes.
const LOG_BYTES_MAX: u64 = 16 * 1024;

pub(super) fn reload(how: &Reload) -> io::Result<Reloaded> {
    let Some(master) = find_master(&how.pid_file)? else {
        return Ok(Reloaded::NotRunning);
    };
    let Some(words) = &how.command else {
        return match rustix::process::kill_process(master, Signal::HUP) {
            Ok(()) => Ok(Reloaded::Told),
            Err(rustix::io::Errno::SRCH) => Ok(Reloaded::NotRunning),
            Err(error) => Err(error.into()),
        };
    };
    let (program, args) = words
        .split_first()
        .ok_or_else(|| io::Error::other("the reload command is empty"))?;
    let output = Command::new(program).args(args).output()?;
    if output.status.success() {
        return Ok(Reloaded::Told);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "`{}` says: {}",
        words.join(" "),
        said.trim()
    )))
}

/// The process that a pid file names. `nginx -t` leaves an empty one behind, a killed nginx a stale one.
fn find_master(pid_file: &Path) -> io::Result<Option<Pid>> {
    let text = match fs::read_to_string(pid_file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    // The number may have been given to another program since, and HUP would end most.
    match fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) {
        Ok(title) if title.starts_with(b"nginx: master process") => Ok(Some(pid)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The release that nginx serves; `None` if nobody answers.
pub fn find_release(status_socket: &Path) -> Option<String> {
    ask(status_socket).ok().flatten()
}

fn ask(status_socket: &Path) -> io::Result<Option<String>> {
    let mut stream = UnixStream::connect(status_socket)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(b"GET /release HTTP/1.0\r\nHost: imgctl-status\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim());
    Ok(body
        .filter(|_| answer.starts_with("HTTP/1.1 200"))
        .map(str::to_owned))
}

/// Whether `release` alone answers before `timeout` is over. Old and new workers share the socket for some 100 ms after
/// a reload, so one answer proves little; `answers_in_row` of them do.
pub(super) fn wait_for_release(
    status_socket: &Path,
    release: &str,
    answers_in_row: u32,
    timeout: Duration,
) -> bool {
    let deadline = Instant::now() + timeout;
    let mut in_row = 0;
    loop {
        if find_release(status_socket).as_deref() == Some(release) {
            in_row += 1;
        } else {
            in_row = 0;
        }
        if in_row >= answers_in_row {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// What nginx writes to its error log from now on.
#[derive(Debug)]
pub(super) struct LogTail {
    path: PathBuf,
    from: u64,
}

impl LogTail {
    pub(super) fn start(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            from: fs::metadata(path).map_or(0, |meta| meta.len()),
        }
    }

    /// Lines that tell of a failure; says so if the log cannot be read.
    pub(super) fn complaints(&self) -> String {
        let read = || -> io::Result<String> {
            let mut log = File::open(&self.path)?;
            log.seek(SeekFrom::Start(self.from))?;
            let mut bytes = Vec::new();
            log.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        match read() {
            Err(error) => format!("(error log {}: {error})", self.path.display()),
            Ok(text) => {
                let grave = ["[emerg]", "[alert]", "[crit]", "[error]"];
                let lines: Vec<_> = text
                    .lines()
                    .filter(|line| grave.iter().any(|level| line.contains(level)))
                    .collect();
                if lines.is_empty() {
                    format!("(nothing in error log {})", self.path.display())
                } else {
                    lines.join("\n")
                }
            }
        }
    }
}
