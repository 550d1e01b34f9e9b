//! A PostgreSQL of its own for each test: a fresh cluster on a unix socket, gone afterwards.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const DEBIAN_DIR: &str = "/usr/lib/postgresql";
/// A cluster starts within a second; a machine that builds something else beside it needs more.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Stops and vanishes with the value.
#[derive(Debug)]
pub struct TestPostgres {
    server: Child,
    bin: PathBuf,
    /// Dropped after the server has stopped. Short, because the path of a socket has at most 107 bytes.
    dir: TempDir,
}

impl TestPostgres {
    /// An empty cluster that answers.
    #[must_use]
    pub fn start() -> Self {
        let bin = newest_bin();
        let dir = tempfile::Builder::new()
            .prefix("pg")
            .tempdir_in("/tmp")
            .unwrap();
        let data = dir.path().join("data");
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("postgres:").arg(dir.path()));
        }
        run(command(&bin.join("initdb"))
            .args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data));
        let server = command(&bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .current_dir("/")
            .args(["-c", "listen_addresses=", "-c", "max_connections=200"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { server, bin, dir };
        postgres.wait_until_ready();
        postgres
    }

    /// An empty database; answers its URL.
    #[must_use]
    pub fn create_database(&self, name: &str) -> String {
        run(self.client("createdb").arg(name));
        let socket = self.dir.path().display();
        format!("postgres:///{name}?host={socket}&user=postgres")
    }

    /// Runs statements, and answers what `psql` prints: rows without headings.
    #[must_use]
    pub fn query(&self, database: &str, sql: &str) -> String {
        let mut client = self.client("psql");
        client.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
        run(client.args(["-c", sql])).trim().to_owned()
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut ready = self.client("pg_isready");
        ready.stdout(Stdio::null()).stderr(Stdio::null());
        while !ready.status().unwrap().success() {
            assert!(Instant::now() < deadline, "PostgreSQL did not start");
            sleep(Duration::from_millis(50));
        }
    }

    fn client(&self, program: &str) -> Command {
        let mut client = Command::new(self.bin.join(program));
        client
            .arg("-h")
            .arg(self.dir.path())
            .args(["-U", "postgres"]);
        client
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        // SIGINT: disconnect clients and stop.
        if let Ok(pid) = i32::try_from(self.server.id()) {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::INT));
        }
        let _ = self.server.wait();
    }
}

fn newest_bin() -> PathBuf {
    let versions = std::fs::read_dir(DEBIAN_DIR)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.filter(|version| {
        let postgres = format!("{DEBIAN_DIR}/{version}/bin/postgres");
        Path::new(&postgres).exists()
    });
    match newest.max() {
        Some(version) => PathBuf::from(format!("{DEBIAN_DIR}/{version}/bin")),
        None => panic!("no PostgreSQL below {DEBIAN_DIR}: install the package `postgresql`"),
    }
}

/// PostgreSQL refuses to run as root, so root runs it as the user of the package.
fn command(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        .arg(program);
    command
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir("/").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}
