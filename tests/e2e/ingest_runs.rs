//! Several runs of `imgctl ingest`: at once, one after another, interrupted, with nobody reading.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::audit::{check_acknowledged, check_nothing_staged, check_tree, recorded};
use crate::harness::{Site, files_below};
use crate::ingest::fill;
use crate::report::Report;
use crate::specimen::png;

fn start(site: &Site, flags: &[&str]) -> Child {
    let mut command = site.command(["--json", "ingest"]);
    command.args(flags).arg(site.inbox());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn two_runs_over_the_same_files_at_once_take_each_in_once() {
    let site = Site::init();
    fill(&site.inbox(), 120);

    let children = [(); 2].map(|()| start(&site, &["--alias-prefix", "x"]));
    let reports = children.map(|child| Report::of(&child.wait_with_output().unwrap()));

    for report in &reports {
        assert_eq!((report.code, report.items.len()), (0, 120), "{report:#?}");
        check_acknowledged(&site, &report.items);
    }
    assert_eq!(reports[0].count("new") + reports[1].count("new"), 120);
    check_nothing_staged(&site);
}

#[test]
fn a_run_that_starts_later_leaves_the_derivatives_of_an_earlier_one_alone() {
    let site = Site::init();
    fill(&site.inbox(), 120);

    let mut first = start(&site, &["--derive", "all"]);
    let mut stdout = BufReader::new(first.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    let second = start(&site, &["--derive", "all"]);
    let second = Report::of(&second.wait_with_output().unwrap());
    let rest = stdout.lines().count();

    assert_eq!((first.wait().unwrap().code(), rest), (Some(0), 119 + 1));
    assert_eq!((second.code, second.items.len()), (0, 120));
    assert_eq!(check_tree(&site.data()).len(), 120);
    assert_eq!(files_below(&site.data().join("derived")).len(), 120 * 5);
    check_nothing_staged(&site);
}

#[test]
fn a_reader_that_leaves_does_not_stop_the_work() {
    let site = Site::init();
    fill(&site.inbox(), 60);
    let mut command = site.command(["--json", "ingest", "--derive", "thumb"]);
    let mut child = command
        .arg(site.inbox())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(recorded(&site).len(), 60);
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

#[test]
fn an_interrupted_run_finishes_what_it_has_begun_and_the_next_one_completes() {
    let site = Site::init();
    fill(&site.inbox(), 150);
    let mut command = site.command(["--json", "ingest", "--derive", "thumb"]);
    let mut child = command
        .arg(site.inbox())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    interrupt(&child);
    let lines: Vec<Value> = std::iter::once(Ok(first))
        .chain(stdout.lines())
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();

    assert_eq!(child.wait().unwrap().code(), Some(130));
    let acknowledged: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line["id"].as_str())
        .collect();
    assert!(acknowledged.len() < 150);
    let summary = lines.last().unwrap()["summary"]["new"].as_u64();
    assert_eq!(summary, Some(acknowledged.len() as u64));
    check_acknowledged(&site, &lines);
    check_nothing_staged(&site);

    let rest = Report::ingest_ok(&site, &["--derive", "thumb"], &[site.inbox()]);
    assert_eq!(rest.count("known"), acknowledged.len());
    assert_eq!(recorded(&site).len(), 150);
}

#[test]
fn an_interrupt_is_heeded_while_nothing_arrives_on_standard_input() {
    let site = Site::init();
    let path = site.inbox().join("one.png");
    fs::write(&path, png(4, 4, 1)).unwrap();
    let mut command = site.command(["--json", "ingest", "--files-from", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", path.display()).unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // The list goes on, but what has come is taken in already.
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("new"), "{line}");

    interrupt(&child);

    // With its input still open, it ends when the output does.
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(stdout.lines().count()));
    let rest = ended.recv_timeout(Duration::from_secs(10));
    drop(stdin);
    assert_eq!((child.wait().unwrap().code(), rest), (Some(130), Ok(1)));
}
