//! Questions to whoever sits at the terminal, and secrets from elsewhere.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::stop::Interrupts;

/// Longest line read: more than any answer has, less than a file that was meant for something else.
const LINE_BYTES_MAX: u64 = 4096;

/// Whether someone can be asked.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Yes or no; anything but a clear yes is no.
pub(crate) async fn confirm(question: &str) -> Result<bool, Failure> {
    Output::prompt(&format!("{question} [y/N] "));
    let answer = read_line(|| first_line(io::stdin().lock())).await?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Asked twice without echo; where nobody can be asked, the first line of standard input.
pub(crate) async fn password() -> Result<String, Failure> {
    if !is_possible() {
        return first_line(io::stdin().lock());
    }
    let first = hidden("password: ").await?;
    let second = hidden("once more: ").await?;
    if first == second {
        Ok(first)
    } else {
        Err(Failure::usage("the two are not the same"))
    }
}

/// Of a file that holds a secret.
pub(crate) fn first_line_of(path: &Path) -> Result<String, Failure> {
    let file = File::open(path).map_err(Failure::io(format!("read {}", path.display())))?;
    first_line(BufReader::new(file))
}

fn first_line(reader: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    let read = reader.take(LINE_BYTES_MAX).read_line(&mut line);
    read.map_err(Failure::io("read a line"))?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

async fn hidden(question: &str) -> Result<String, Failure> {
    let _silence = Silence::begin()
        .map_err(|error| Failure::new("terminal", format!("turn the echo off: {error}")))?;
    Output::prompt(question);
    let typed = read_line(|| first_line(io::stdin().lock())).await;
    Output::prompt("\n");
    typed
}

/// On a thread that nobody waits for: an interrupt ends the program, and the terminal is as it was.
async fn read_line(
    read: impl FnOnce() -> Result<String, Failure> + Send + 'static,
) -> Result<String, Failure> {
    let interrupted = || Failure {
        status: ExitStatus::Interrupted,
        ..Failure::new("interrupted", "interrupted")
    };
    let (send, line) = oneshot::channel();
    std::thread::spawn(move || send.send(read()));
    let Some(mut interrupts) = Interrupts::listen() else {
        return line.await.unwrap_or_else(|_| Err(interrupted()));
    };
    tokio::select! {
        line = line => line.unwrap_or_else(|_| Err(interrupted())),
        () = interrupts.next() => Err(interrupted()),
    }
}

/// No echo while it lives.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> rustix::io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin.as_fd(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing else can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &self.before);
    }
}
