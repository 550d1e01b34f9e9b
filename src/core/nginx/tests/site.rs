//! A tree, a configuration, an nginx and an imgd, all in one temporary directory and gone when dropped.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use img_test_port::free_port;

use crate::model::layout::{ShardWidth, TreeLayout};
use crate::nginx::render::{Release, render};
use crate::nginx::running::wait_for_release;
use crate::nginx::settings::{NginxPaths, NginxSettings, WorkerProcesses};
use crate::nginx::tests::fake_imgd::{FakeImgd, Handler, Server};
use crate::nginx::tests::http::{Answer, Request};

pub(super) const ID: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9";
pub(super) const MTIME: Duration = Duration::from_secs(1_600_000_000);
pub(super) const MISSING: &str = "HTTP/1.1 404 Not Found\nContent-Type: application/problem+json\nCache-Control: public, max-age=60\n\n{}";

pub(super) fn nginx_binary() -> PathBuf {
    let found = Command::new("nginx").arg("-v").output();
    assert!(
        found.is_ok(),
        "these tests run the real nginx: install package `nginx`"
    );
    PathBuf::from("nginx")
}

pub(super) struct Site {
    pub settings: NginxSettings,
    pub port: u16,
    pub dir: tempfile::TempDir,
    pub imgd: Option<FakeImgd>,
    nginx: Option<Child>,
}

impl Site {
    /// Directories and settings; nothing runs.
    pub(super) fn prepare(shards: ShardWidth) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = NginxPaths {
            data_dir: dir.path().join("data with \"quotes\"; {x}"),
            run_dir: dir.path().join("run"),
            log_dir: dir.path().join("log"),
            imgd_socket: dir.path().join("imgd.sock"),
        };
        for made in [&paths.data_dir, &paths.run_dir, &paths.log_dir] {
            fs::create_dir(made).unwrap();
        }
        let port = free_port();
        let mut settings = NginxSettings::new(paths, TreeLayout { shards });
        settings.listen = vec![format!("127.0.0.1:{port}")];
        settings.worker_processes = WorkerProcesses::Count(1);
        // Workers of another user could not enter the temporary directory.
        settings.user = rustix::process::geteuid()
            .is_root()
            .then(|| "root".to_owned());
        Self {
            settings,
            port,
            dir,
            imgd: None,
            nginx: None,
        }
    }

    pub(super) fn start(shards: ShardWidth) -> Self {
        let mut site = Self::prepare(shards);
        site.start_imgd(Box::new(|_| MISSING.to_owned()));
        site.start_nginx();
        site
    }

    pub(super) fn start_imgd(&mut self, handler: Box<Handler>) {
        self.imgd = None;
        self.imgd = Some(FakeImgd::start(&self.settings.paths.imgd_socket, handler));
    }

    pub(super) fn start_raw_imgd(&mut self, server: Arc<Server>) {
        self.imgd = None;
        self.imgd = Some(FakeImgd::start_raw(
            &self.settings.paths.imgd_socket,
            server,
        ));
    }

    pub(super) fn start_nginx(&mut self) -> Release {
        let release = render(&self.settings).unwrap();
        let config = self.dir.path().join("nginx.conf");
        fs::write(&config, &release.files[0].content).unwrap();
        self.run_nginx(&config);
        let socket = self.settings.status_socket();
        assert!(
            wait_for_release(&socket, &release.id, 1, Duration::from_secs(5)),
            "nginx does not start: {}",
            self.error_log()
        );
        release
    }

    pub(super) fn run_nginx(&mut self, config: &Path) {
        let child = Command::new(nginx_binary())
            .args(["-e", "stderr", "-g", "daemon off;", "-c"])
            .arg(config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.nginx = Some(child);
    }

    pub(super) fn stop_nginx(&mut self) {
        if let Some(mut nginx) = self.nginx.take() {
            let pid = rustix::process::Pid::from_child(&nginx);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = nginx.wait();
        }
    }

    pub(super) fn error_log(&self) -> String {
        fs::read_to_string(self.settings.error_log()).unwrap_or_default()
    }

    /// The access log, once nginx has flushed a line that contains `text`.
    pub(super) fn access_log_with(&self, text: &str) -> Vec<u8> {
        for _ in 0..60 {
            let log = fs::read(self.settings.paths.log_dir.join("nginx-access.log")).unwrap();
            if String::from_utf8_lossy(&log).contains(text) {
                return log;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("`{text}` is not in the log");
    }

    pub(super) fn put(&self, path: impl AsRef<[u8]>, content: &str) {
        put(&self.settings.paths.data_dir, path.as_ref(), content);
    }

    pub(super) fn original(&self, extension: &str) -> String {
        format!("original/{}/{ID}.{extension}", self.shard())
    }

    pub(super) fn derived(&self, rest: &str) -> String {
        format!("derived/{}/{ID}.{rest}", self.shard())
    }

    pub(super) fn shard(&self) -> String {
        self.settings.layout.shards.shard(ID.parse().unwrap())
    }

    pub(super) fn get(&self, target: &(impl AsRef<[u8]> + ?Sized)) -> Answer {
        Request::get(target).send(self.port)
    }

    pub(super) fn imgd(&self) -> &FakeImgd {
        self.imgd.as_ref().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop_nginx();
    }
}

/// A file with the time every image of the tests has.
pub(super) fn put(data_dir: &Path, path: &[u8], content: &str) {
    let path = data_dir.join(std::ffi::OsStr::from_bytes(path));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + MTIME).unwrap();
}
