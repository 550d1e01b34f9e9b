//! Remote ingest while things go wrong: it is killed, interrupted, or the server goes away, for a while or for good.

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::audit::{check_acknowledged, check_nothing_staged, recorded};
use crate::elsewhere::Remote;
use crate::harness::{Site, end};
use crate::ingest::fill;
use crate::report::Report;

/// A run whose lines are read as they come.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// `imgctl --json ingest FLAGS DIR`, and the first `count` lines of it.
    fn start(command: &mut Command, count: usize) -> (Self, Vec<Value>) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut running = Self { child, lines };
        let first = running.take(count);
        assert_eq!(first.len(), count);
        (running, first)
    }

    fn take(&mut self, count: usize) -> Vec<Value> {
        let lines = self.lines.by_ref().take(count).map(Result::unwrap);
        // The last line of a process that was killed may be cut off.
        lines
            .map_while(|line| serde_json::from_str(&line).ok())
            .collect()
    }

    /// All lines to the end, the exit code, and what was said.
    fn finish(mut self) -> (Vec<Value>, i32, String) {
        let rest = self.take(usize::MAX);
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (rest, output.status.code().unwrap(), said)
    }
}

fn start_with_images(count: u16) -> (Site, Remote, PathBuf) {
    let site = Site::start();
    let remote = Remote::new(&site, "read,ingest,alias");
    let dir = site.inbox().join("images");
    fill(&dir, count);
    (site, remote, dir)
}

fn ingest(remote: &Remote, dir: &PathBuf, jobs: &str) -> Command {
    let flags = ["--json", "ingest", "--alias-prefix", "x", "--jobs", jobs];
    let mut command = remote.command(flags);
    command.arg(dir);
    command
}

fn summary(lines: &[Value]) -> &Value {
    let summary = lines.iter().find(|line| line.get("summary").is_some());
    &summary.unwrap_or(&Value::Null)["summary"]
}

#[test]
fn a_run_that_was_killed_is_completed_by_the_next_one() {
    let (mut site, remote, dir) = start_with_images(200);
    let mut told = Vec::new();
    for count in [1, 20, 40] {
        let (mut running, lines) = Running::start(&mut ingest(&remote, &dir, "8"), count);
        kill_process(Pid::from_child(&running.child), Signal::KILL).unwrap();
        told.extend(lines);
        told.extend(running.take(usize::MAX));
        running.child.wait().unwrap();
        check_acknowledged(&site, &told);
    }
    assert!(recorded(&site).len() < 200);

    let report = Report::remote(&remote, &["--alias-prefix", "x"], &[&dir]);

    assert_eq!((report.code, report.items.len()), (0, 200));
    assert!(report.count("known") >= told.iter().filter(|it| it["id"].is_string()).count() / 3);
    check_acknowledged(&site, &report.items);
    assert_eq!(recorded(&site).len(), 200);
    site.stop_imgd();
    check_nothing_staged(&site);
}

#[test]
fn a_server_that_restarts_costs_no_image() {
    let (mut site, remote, dir) = start_with_images(300);
    let (running, first) = Running::start(&mut ingest(&remote, &dir, "8"), 20);

    site.stop_imgd();
    thread::sleep(Duration::from_secs(3));
    site.start_imgd();

    let (mut lines, code, said) = running.finish();
    lines.extend(first);
    assert_eq!((code, said.as_str()), (0, ""), "{:?}", summary(&lines));
    assert_eq!(summary(&lines)["rejected"], 0);
    check_acknowledged(&site, &lines);
    assert_eq!(recorded(&site).len(), 300);
}

#[test]
fn a_server_that_is_killed_and_comes_back_costs_no_image() {
    let (mut site, remote, dir) = start_with_images(200);
    let (running, first) = Running::start(&mut ingest(&remote, &dir, "8"), 20);

    site.kill_imgd();
    thread::sleep(Duration::from_millis(500));
    site.start_imgd();
    // Not even a reload of nginx is felt.
    site.stop_nginx();
    site.start_nginx();

    let (mut lines, code, said) = running.finish();
    lines.extend(first);
    assert_eq!((code, said.as_str()), (0, ""), "{:?}", summary(&lines));
    check_acknowledged(&site, &lines);
    assert_eq!(recorded(&site).len(), 200);
}

#[test]
fn a_server_that_is_gone_for_good_is_given_up() {
    let (mut site, remote, dir) = start_with_images(300);
    let (running, mut lines) = Running::start(&mut ingest(&remote, &dir, "8"), 20);

    site.kill_imgd();
    let begun = Instant::now();
    let (rest, code, said) = running.finish();

    assert!(begun.elapsed() < Duration::from_secs(60));
    lines.extend(rest);
    let error = &lines.last().unwrap()["error"];
    assert_eq!(
        (&error["code"], code),
        (&json!("unavailable"), 15),
        "{error}"
    );
    let message = format!("{} answered 503 Service Unavailable", remote.url);
    assert_eq!(error["message"], message);
    assert!(said.contains(&format!("error: {message}\n")), "{said}");
    // What was done is told all the same.
    let told = lines.iter().filter(|line| line["status"] == "new").count();
    assert_eq!(summary(&lines)["new"], told);
    check_acknowledged(&site, &lines);
}

#[test]
fn ctrl_c_finishes_what_has_begun() {
    let (mut site, remote, dir) = start_with_images(400);
    let (running, mut lines) = Running::start(&mut ingest(&remote, &dir, "4"), 20);

    kill_process(Pid::from_child(&running.child), Signal::INT).unwrap();

    let (rest, code, said) = running.finish();
    lines.extend(rest);
    assert_eq!(code, 130, "{said}");
    assert!(
        said.contains("interrupted: finishing what has begun"),
        "{said}"
    );
    let told = lines.iter().filter(|line| line["status"] == "new").count();
    assert_eq!(summary(&lines)["new"], told);
    // All that was told is there, and nothing is there that was not told.
    check_acknowledged(&site, &lines);
    assert_eq!(recorded(&site).len(), told);
    assert!(told < 400);
    site.stop_imgd();
    check_nothing_staged(&site);
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let (mut site, remote, dir) = start_with_images(1);
    site.kill_imgd();
    let mut command = ingest(&remote, &dir, "1");
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It waits between attempts.
    thread::sleep(Duration::from_secs(1));
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    let status = child.try_wait().unwrap();
    if status.is_none() {
        end(Some(child), Signal::KILL);
    }
    assert_eq!(status.and_then(|status| status.code()), Some(130));
}
