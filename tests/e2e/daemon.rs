//! An imgd with a log to read, to which one can also talk without nginx.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::harness::{Response, Site, end, parse, wait_until};

/// Longer than any derivation takes on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// Ends with the value.
pub(crate) struct Daemon {
    child: Option<Child>,
    socket: PathBuf,
    log: PathBuf,
}

impl Daemon {
    /// The imgd that the site's nginx talks to.
    #[track_caller]
    pub(crate) fn start(site: &Site) -> Self {
        Self::launch(site, "imgctl.toml", "imgd")
    }

    /// Another one on the same data, with a socket of its own.
    #[track_caller]
    pub(crate) fn start_second(site: &Site) -> Self {
        let first = fs::read_to_string(site.data().join("imgctl.toml")).unwrap();
        let second = format!("imgd.socket = \"run/imgd2.sock\"\n{first}");
        fs::write(site.data().join("imgd2.toml"), second).unwrap();
        Self::launch(site, "imgd2.toml", "imgd2")
    }

    #[track_caller]
    fn launch(site: &Site, config: &str, name: &str) -> Self {
        let socket = site.data().join(format!("run/{name}.sock"));
        let log = site.inbox().with_file_name(format!("{name}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgd"));
        command.arg("--data").arg(site.data());
        command.arg("--config").arg(site.data().join(config));
        command.env("IMGCTL_LOG", "warn,imgd=debug,img_core=debug");
        command.stdin(Stdio::null()).stderr(
            File::options()
                .create(true)
                .append(true)
                .open(&log)
                .unwrap(),
        );
        let child = Some(command.spawn().unwrap());
        wait_until("imgd listens", || UnixStream::connect(&socket).is_ok());
        Self { child, socket, log }
    }

    /// SIGTERM, and waits for its end.
    pub(crate) fn stop(mut self) {
        end(self.child.take(), Signal::TERM);
    }

    /// SIGKILL: no chance to clean up.
    pub(crate) fn kill(&mut self) {
        end(self.child.take(), Signal::KILL);
    }

    /// All that it and its predecessors at this socket have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// How many lines of the log hold `text`.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(self.child.take(), Signal::KILL);
    }
}

/// Asks imgd for `/i/<name>` as nginx does. `None` if it ends before it has answered.
pub(crate) fn ask(socket: &PathBuf, name: &str) -> Option<Response> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
    let request = format!(
        "GET /__miss HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         X-Img-Path: /i/{name}\r\nX-Img-Name: {name}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    (!answer.is_empty()).then(|| parse(&answer))
}
