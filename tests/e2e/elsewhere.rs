//! `imgctl` on another machine: it has the URL of a server and a key, and no data directory.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::api::Client;
use crate::harness::{Site, json_lines, wait_until};

pub(crate) struct Remote {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) key_file: PathBuf,
    /// Of the server.
    log: PathBuf,
}

impl Remote {
    /// With a key of its own, made by `imgctl key create --verbs VERBS`.
    #[track_caller]
    pub(crate) fn new(site: &Site, verbs: &str) -> Self {
        Self::with_key(site, &["--verbs", verbs, "--rate", "1000/s"])
    }

    #[track_caller]
    pub(crate) fn with_key(site: &Site, args: &[&str]) -> Self {
        let client = Client::with_made_key(site, args);
        Self {
            url: format!("http://127.0.0.1:{}", site.port()),
            key_file: client.key_file(site),
            log: site.data().join("log/nginx-access.log"),
            client,
        }
    }

    /// `imgctl --server … --key-file … ARGS`, not yet started, with nothing of the site but the URL.
    pub(crate) fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgctl"));
        command.env_clear().stdin(Stdio::null());
        command.args(["--data", "/nonexistent", "--server", &self.url]);
        command.arg("--key-file").arg(&self.key_file).args(args);
        command
    }

    pub(crate) fn output<I, S>(&self, args: I) -> Output
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command(args).output().unwrap()
    }

    /// The JSON lines of a run, whatever its exit code, and that code.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> (Vec<Value>, i32) {
        let output = self.command(["--json"]).args(args).output().unwrap();
        (json_lines(&output.stdout), output.status.code().unwrap())
    }

    /// How many uploads have reached the server so far; its nginx has one worker.
    #[track_caller]
    pub(crate) fn uploads(&self) -> usize {
        self.count(|entry| entry["method"] == "POST" && entry["uri"] == "/api/v1/images")
    }

    /// How many requests were answered with this status; nginx has one worker.
    #[track_caller]
    pub(crate) fn refused_as(&self, status: u16) -> usize {
        self.count(|entry| entry["status"] == status)
    }

    fn count(&self, is_meant: impl Fn(&Value) -> bool) -> usize {
        // The log is written once in a second: what is asked last stands there last.
        let mark = format!("/api/v1/mark-{}", self.entries().len());
        self.client.get(&mark);
        wait_until("the log is written", || {
            self.entries()
                .iter()
                .any(|entry| entry["uri"] == mark.as_str())
        });
        self.entries()
            .iter()
            .filter(|entry| is_meant(entry))
            .count()
    }

    /// nginx's log; its last line may be being written.
    fn entries(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let entries = log.lines().map(serde_json::from_str);
        entries.filter_map(Result::ok).collect()
    }
}

/// What scripts see.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) stdout: String,
    pub(crate) code: Option<i32>,
}

pub(crate) fn seen(output: Output) -> Seen {
    // The request is told where there was one.
    let is_error = output.stdout.starts_with(b"{\"error\":");
    let mut stdout = String::from_utf8(output.stdout).unwrap();
    if is_error {
        let mut error: Value = serde_json::from_str(&stdout).unwrap();
        error["error"].as_object_mut().unwrap().remove("request_id");
        stdout = error.to_string();
    }
    Seen {
        stdout,
        code: output.status.code(),
    }
}

/// A site that runs, with these lines on top of its configuration, and whose log is in the order of its requests.
pub(crate) fn start_with_one_worker(lines: &str) -> Site {
    let mut site = Site::init();
    let text = site.config_text().replace("workers = 2", "workers = 1");
    site.write_config(&format!("{lines}\n{text}"));
    site.start_imgd();
    site.start_nginx();
    site
}

/// Text in which what differs from run to run is replaced by what it is: hosts, times, keys, tickets, signatures.
pub(crate) fn neutral(text: &str, port: u16) -> String {
    let is_word = |byte: char| byte.is_ascii_alphanumeric() || "_.:-".contains(byte);
    let text = text.replace(&format!("127.0.0.1:{port}"), "HOST");
    let (mut neutral, mut word) = (String::new(), String::new());
    for byte in text.chars().chain(['\n']) {
        if is_word(byte) {
            word.push(byte);
            continue;
        }
        neutral.push_str(kind_of(&word).unwrap_or(&word));
        neutral.push(byte);
        word.clear();
    }
    neutral.pop();
    neutral
}

fn kind_of(word: &str) -> Option<&'static str> {
    let is_time = word.len() >= 20 && word.starts_with("20") && word.ends_with('Z');
    let is_id =
        [16, 32].contains(&word.len()) && word.chars().all(|digit| digit.is_ascii_hexdigit());
    match word {
        _ if is_time && word.contains('T') => Some("TIME"),
        _ if is_id => Some("ID"),
        _ if word.len() == 10 && word.parse::<u32>().is_ok() => Some("TIME"),
        _ if word.starts_with("imgk_") => Some("TOKEN"),
        _ if word.starts_with("k1.") => Some("SIGNATURE"),
        _ if word.starts_with("local:") || word.starts_with("key:") => Some("WHO"),
        _ => None,
    }
}
