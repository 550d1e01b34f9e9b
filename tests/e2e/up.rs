//! `imgctl up`: the whole origin in one command, and nothing of it afterwards.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use img_test_port::free_port;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Response, Site, request, sample, wait_until};

/// A place for a data directory that does not exist yet.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// `imgctl up ARGS`, started; its output goes to files beside the data directory.
    fn up<S: AsRef<OsStr>>(&self, name: &str, args: &[S]) -> Up {
        let out = self.dir.path().join(format!("{name}.out"));
        let err = self.dir.path().join(format!("{name}.err"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgctl"));
        command.arg("--data").arg(self.data()).arg("up").args(args);
        for variable in ["IMGCTL_DATA", "IMGCTL_CONFIG", "IMGCTL_LOG"] {
            command.env_remove(variable);
        }
        command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap());
        let child = command.spawn().unwrap();
        Up { child, out, err }
    }

    /// A run that has printed its URLs, on a port that nobody else tries.
    #[track_caller]
    fn up_and_ready(&self, name: &str) -> Up {
        let up = self.up(name, &["--port", &free_port().to_string()]);
        up.wait_until_ready();
        up
    }

    /// Ids and names of the processes that work on the data directory: nginx's workers say so by their open files only.
    fn processes(&self) -> Vec<(Pid, String)> {
        let data = self.data();
        let names_it = |bytes: &[u8]| {
            let data = data.as_os_str().as_bytes();
            bytes.windows(data.len()).any(|window| window == data)
        };
        let works_here = |process: &Path| {
            let opened = fs::read_dir(process.join("fd")).into_iter().flatten();
            let mut links = opened.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
            fs::read(process.join("cmdline")).is_ok_and(|args| names_it(&args))
                || links.any(|link| names_it(link.as_os_str().as_bytes()))
        };
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let entry = entry.unwrap();
            let number = entry.file_name().to_string_lossy().parse().ok();
            if let Some(pid) = number.and_then(Pid::from_raw)
                && works_here(&entry.path())
            {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                found.push((pid, name.trim().to_owned()));
            }
        }
        found
    }

    fn find_process(&self, name: &str) -> Option<Pid> {
        let processes = self.processes();
        let found = processes.iter().find(|(_, known)| known == name);
        found.map(|(pid, _)| *pid)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for (pid, _) in self.processes() {
            // It may just have ended.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

struct Up {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Up {
    #[track_caller]
    fn wait_until_ready(&self) {
        wait_until("up is up", || {
            let said = self.said();
            assert!(!said.contains("error: "), "{said}");
            said.contains("up; Ctrl-C stops it")
        });
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    fn urls(&self) -> Vec<String> {
        let printed = fs::read_to_string(&self.out).unwrap();
        printed.lines().map(str::to_owned).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit code; `None` if it was killed.
    fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[track_caller]
fn get(url: &str) -> Response {
    let rest = url.strip_prefix("http://127.0.0.1:").unwrap();
    let (port, path) = rest.split_at(rest.find('/').unwrap());
    request(port.parse().unwrap(), "GET", path.as_bytes(), &[])
}

#[test]
fn urls_that_up_prints_answer_at_once_and_ctrl_c_leaves_nothing_running() {
    let place = Place::new();
    let mut first = place.up_and_ready("first");
    let urls = first.urls();
    let answers: Vec<Response> = urls.iter().map(|url| get(url)).collect();
    // Three samples, each with two formats of three presets.
    assert_eq!(urls.len(), 3 * (1 + 3 * 2), "{urls:?}");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(
        place.find_process("imgd").is_some(),
        "{:?}",
        place.processes()
    );

    first.signal(Signal::INT);
    assert_eq!(first.wait(), Some(0), "{}", first.said());
    assert_eq!(place.processes(), []);

    // The same data again, by no port of its own: the one that was written down, or the next.
    let mut again = place.up("again", &[] as &[&str]);
    again.wait_until_ready();
    let said = again.said();
    let site = said
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://127.0.0.1:"));
    let port = site.unwrap().trim_end_matches(';');
    for (url, answer) in urls.iter().zip(&answers) {
        let path = &url[url.find("/i/").unwrap()..];
        assert_eq!(get(&format!("http://127.0.0.1:{port}{path}")), *answer);
    }
    again.signal(Signal::TERM);
    assert_eq!(again.wait(), Some(0), "{}", again.said());
    assert_eq!(place.processes(), []);
}

#[test]
fn a_taken_port_is_replaced_by_the_next_one_and_up_says_so() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();

    let mut up = place.up("up", &["--port", &port.to_string()]);
    up.wait_until_ready();

    let told = format!("port {port} is in use; listening on ");
    assert!(up.said().contains(&told), "{}", up.said());
    let urls = up.urls();
    assert!(!urls[0].contains(&format!(":{port}/")), "{urls:?}");
    assert_eq!(get(&urls[0]).status, 200);
    up.signal(Signal::INT);
    assert_eq!(up.wait(), Some(0));
}

#[test]
fn a_second_up_on_the_same_data_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    let mut first = place.up_and_ready("first");

    let mut second = place.up("second", &[] as &[&str]);

    assert_eq!(second.wait(), Some(1));
    assert!(
        second.said().contains("another `imgctl up` runs on "),
        "{}",
        second.said()
    );
    assert!(second.said().contains("hint: "), "{}", second.said());
    for url in first.urls().iter().take(4) {
        assert_eq!(get(url).status, 200);
    }
    first.signal(Signal::INT);
    assert_eq!(first.wait(), Some(0), "{}", first.said());
    assert_eq!(place.processes(), []);
}

#[test]
fn after_a_kill_the_next_up_clears_away_what_was_left() {
    let place = Place::new();
    // In the midst of starting, as soon as there is something to be left.
    let mut early = place.up("early", &["--port", &free_port().to_string()]);
    wait_until("imgd was started", || place.find_process("imgd").is_some());
    early.signal(Signal::KILL);
    assert_eq!(early.wait(), None);

    let mut late = place.up_and_ready("late");
    let port = late.urls()[0].clone();
    late.signal(Signal::KILL);
    assert_eq!(late.wait(), None);
    assert!(place.find_process("nginx").is_some());
    assert_eq!(get(&port).status, 200);

    let mut last = place.up_and_ready("last");
    assert!(
        last.said()
            .contains("stopping the imgd that a killed run has left"),
        "{}",
        last.said()
    );
    assert!(
        last.said()
            .contains("stopping the nginx that a killed run has left"),
        "{}",
        last.said()
    );
    last.signal(Signal::INT);
    assert_eq!(last.wait(), Some(0), "{}", last.said());
    assert_eq!(place.processes(), []);
}

#[test]
fn up_ends_with_an_error_and_takes_nginx_along_when_imgd_dies() {
    let place = Place::new();
    let mut up = place.up_and_ready("up");

    kill_process(place.find_process("imgd").unwrap(), Signal::KILL).unwrap();

    assert_eq!(up.wait(), Some(1), "{}", up.said());
    assert!(
        up.said().contains("error: imgd ended by itself"),
        "{}",
        up.said()
    );
    assert_eq!(place.processes(), []);
    let mut again = place.up_and_ready("again");
    again.signal(Signal::INT);
    assert_eq!(again.wait(), Some(0), "{}", again.said());
}

#[test]
fn up_leaves_alone_what_someone_else_has_started() {
    let mut site = Site::start();
    let id = site.ingest_sample("waves.webp");
    let up = |site: &Site| {
        let output = site.imgctl(["up", "--once"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };

    assert!(up(&site).contains("imgd runs on this data directory already"));
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")).status, 200);
    site.stop_imgd();
    assert!(up(&site).contains("nginx runs on this data directory already"));
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")).status, 200);
}

#[test]
fn up_takes_in_what_it_is_given_and_names_what_it_cannot() {
    let place = Place::new();
    let photos = place.dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("good.webp"), sample("waves.webp")).unwrap();
    fs::write(photos.join("bad.jpg"), b"no picture at all").unwrap();
    let port = free_port().to_string();

    let mut up = place.up(
        "up",
        &[OsStr::new("--port"), port.as_ref(), photos.as_ref()],
    );
    up.wait_until_ready();

    let urls = up.urls();
    assert_eq!(urls.len(), 1 + 3 * 2, "{urls:?}");
    assert_eq!(get(&urls[0]).body, sample("waves.webp"));
    assert!(up.said().contains("bad.jpg"), "{}", up.said());
    let mut audit = Command::new(env!("CARGO_BIN_EXE_imgctl"));
    let audit = audit
        .arg("--data")
        .arg(place.data())
        .args(["audit", "log"])
        .output();
    let entries = String::from_utf8(audit.unwrap().stdout).unwrap();
    let told = ["ingest.run  ", "  new=1 ", "  rejected=1"];
    assert!(told.iter().all(|part| entries.contains(part)), "{entries}");
    up.signal(Signal::INT);
    assert_eq!(up.wait(), Some(3), "{}", up.said());
    assert_eq!(place.processes(), []);
}
