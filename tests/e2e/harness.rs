//! A site to test: a data directory, imgd and nginx of its own, and an HTTP client without opinions.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use img_test_port::free_port;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const IMGCTL: &str = env!("CARGO_BIN_EXE_imgctl");
const IMGD: &str = env!("CARGO_BIN_EXE_imgd");
/// Far above what anything takes on a busy machine: reached only when something hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A data directory with a configuration, and what runs on it. Everything ends and vanishes with the value.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    port: u16,
    imgd: Option<Child>,
    nginx: Option<Child>,
}

impl Site {
    /// `imgctl init`, a free port, two presets (`thumb`: 120×120 cover, `card`: 320 wide), nothing running.
    pub(crate) fn init() -> Self {
        Self::init_with("")
    }

    /// As [`Self::init`], with more lines for `imgctl.toml`. Top-level keys of sections that stand in
    /// [`Self::config_text`] already cannot be given again: use [`Self::write_config`].
    pub(crate) fn init_with(extra: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let site = Self {
            dir,
            port,
            imgd: None,
            nginx: None,
        };
        site.imgctl_ok(["init"]);
        site.write_config(&format!("{}\n{extra}\n", site.config_text()));
        site
    }

    /// A site that runs.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    pub(crate) fn start_with(extra: &str) -> Self {
        let mut site = Self::init_with(extra);
        site.start_imgd();
        site.start_nginx();
        site
    }

    /// The configuration of a test site, to be changed by replacing text.
    pub(crate) fn config_text(&self) -> String {
        // Temporary directories are closed to other users, so nginx's workers stay who the test is.
        let user = if rustix::process::getuid().is_root() {
            "user = \"root\""
        } else {
            ""
        };
        let port = self.port;
        format!(
            r#"
site.url = "http://127.0.0.1:{port}"
limits.free_bytes_min = 1
limits.free_inodes_min = 1
signing.keys = [{{ id = "k1", file = "keys/k1.key" }}]

[nginx]
listen = ["127.0.0.1:{port}"]
workers = 2
{user}

[presets.thumb]
width = 120
height = 120
fit = "cover"
formats = ["webp", "jpg"]

[presets.card]
width = 320
formats = ["webp", "jpg", "png"]
"#
        )
    }

    pub(crate) fn write_config(&self, text: &str) {
        fs::write(self.data().join("imgctl.toml"), text).unwrap();
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A directory beside the data directory, for input files.
    pub(crate) fn inbox(&self) -> PathBuf {
        let inbox = self.dir.path().join("inbox");
        fs::create_dir_all(&inbox).unwrap();
        inbox
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    // --- imgctl

    /// `imgctl --data … ARGS`, not yet started.
    pub(crate) fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(IMGCTL);
        command
            .arg("--data")
            .arg(self.data())
            .args(args)
            .stdin(Stdio::null());
        // Nothing of the caller's surroundings decides a test.
        command
            .env_remove("IMGCTL_DATA")
            .env_remove("IMGCTL_CONFIG")
            .env_remove("IMGCTL_SERVER")
            .env_remove("IMGCTL_KEY_FILE")
            .env_remove("IMGCTL_LOG");
        command
    }

    pub(crate) fn imgctl<I, S>(&self, args: I) -> Output
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command(args).output().unwrap()
    }

    /// Standard output of a run that must succeed.
    #[track_caller]
    pub(crate) fn imgctl_ok<I, S>(&self, args: I) -> String
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let output = self.imgctl(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON lines of a run, whatever its exit code, and that code.
    #[track_caller]
    pub(crate) fn imgctl_json<I, S>(&self, args: I) -> (Vec<Value>, i32)
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = self.command(["--json"]);
        let output = command.args(args).output().unwrap();
        (json_lines(&output.stdout), output.status.code().unwrap())
    }

    /// Ingests bytes by way of a file and answers the id.
    #[track_caller]
    pub(crate) fn ingest(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.inbox().join(name);
        fs::write(&path, bytes).unwrap();
        let (lines, code) = self.imgctl_json(["ingest".as_ref(), path.as_os_str()]);
        assert_eq!(code, 0, "{lines:?}");
        lines[0]["id"].as_str().unwrap().to_owned()
    }

    /// Ingests one of the pictures that `imgctl up` shows, and answers the id.
    #[track_caller]
    pub(crate) fn ingest_sample(&self, name: &str) -> String {
        self.ingest(name, &sample(name))
    }

    // --- imgd and nginx

    #[track_caller]
    pub(crate) fn start_imgd(&mut self) {
        assert!(self.imgd.is_none(), "imgd runs already");
        let mut command = Command::new(IMGD);
        command
            .arg("--data")
            .arg(self.data())
            .env("IMGCTL_LOG", "warn")
            .stdin(Stdio::null());
        self.imgd = Some(command.spawn().unwrap());
        let socket = self.data().join("run/imgd.sock");
        wait_until("imgd listens", || UnixStream::connect(&socket).is_ok());
    }

    /// SIGTERM, and waits for its end.
    pub(crate) fn stop_imgd(&mut self) {
        end(self.imgd.take(), Signal::TERM);
    }

    /// SIGKILL: no chance to clean up.
    pub(crate) fn kill_imgd(&mut self) {
        end(self.imgd.take(), Signal::KILL);
    }

    #[track_caller]
    pub(crate) fn start_nginx(&mut self) {
        assert!(self.nginx.is_none(), "nginx runs already");
        self.imgctl_ok(["nginx", "apply"]);
        let conf = self.data().join("nginx/current/nginx.conf");
        let mut command = Command::new("nginx");
        command
            .arg("-c")
            .arg(conf)
            .args(["-e", "stderr", "-g", "daemon off;"]);
        let started = command.stdin(Stdio::null()).spawn();
        self.nginx = Some(started.expect("nginx is installed; on Debian: apt install nginx"));
        wait_until("nginx listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    pub(crate) fn stop_nginx(&mut self) {
        end(self.nginx.take(), Signal::TERM);
    }

    // --- HTTP

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[])
    }

    /// Sends the path as it is, on a connection of its own.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        request(self.port, method, path.as_bytes(), headers)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        end(self.nginx.take(), Signal::TERM);
        end(self.imgd.take(), Signal::KILL);
    }
}

/// One of the pictures that `imgctl up` shows.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    /// Drawing them takes a second without optimisation.
    static SAMPLES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(img_core::imaging::samples);
    let known = SAMPLES.iter().find(|(known, _)| *known == name);
    known.unwrap().1.clone()
}

#[track_caller]
pub(crate) fn json_lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every file below a directory, relative to it, sorted.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn end(child: Option<Child>, signal: Signal) {
    let Some(mut child) = child else { return };
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    // It may have ended by itself, and then there is nothing to end.
    let _ = kill_process(pid, signal);
    child.wait().unwrap();
}

/// An answer; equal when all that a client can see is equal, but for the date.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case, in the order sent, without `date`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One request on one connection, its target sent as it is.
#[track_caller]
pub(crate) fn request(
    port: u16,
    method: &str,
    target: &[u8],
    headers: &[(&str, &str)],
) -> Response {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = method.as_bytes().to_vec();
    head.push(b' ');
    head.extend_from_slice(target);
    head.extend_from_slice(b" HTTP/1.1\r\nConnection: close\r\n");
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        head.extend_from_slice(format!("Host: 127.0.0.1:{port}\r\n").as_bytes());
    }
    for (name, value) in headers {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    parse(&answer)
}

#[track_caller]
pub(crate) fn parse(answer: &[u8]) -> Response {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .filter(|(name, _)| name != "date")
        .collect();
    let mut response = Response {
        status,
        headers,
        body: answer[end + 4..].to_vec(),
    };
    if response.header("transfer-encoding") == Some("chunked") {
        response.body = unchunk(&response.body);
    }
    response
}

fn unchunk(mut chunked: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunked.windows(2).position(|window| window == b"\r\n") {
        let size =
            usize::from_str_radix(std::str::from_utf8(&chunked[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&chunked[end + 2..end + 2 + size]);
        chunked = &chunked[end + 4 + size..];
    }
    body
}

/// As [`Site::init`], with these lines at the top of `imgctl.toml`: `limits.bytes_max = 1`.
pub(crate) fn init_with_keys(lines: &str) -> Site {
    let site = Site::init();
    site.write_config(&format!("{lines}\n{}", site.config_text()));
    site
}

/// The body as text where it is short text, else its length: images say nothing in numbers.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            headers,
            body,
        } = self;
        write!(f, "{status} {headers:?} ")?;
        match std::str::from_utf8(body) {
            Ok(text) if text.len() < 1000 => write!(f, "{text:?}"),
            Ok(_) | Err(_) => write!(f, "({} bytes)", body.len()),
        }
    }
}
