//! kill -9 at many points: what was acknowledged stands, nothing is half there, the next run completes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::audit::{check_acknowledged, check_nothing_staged, check_tree, recorded};
use crate::harness::{Site, end, files_below, request};
use crate::ingest::fill;
use crate::report::Report;

/// Whole lines printed before the end came.
fn printed(stdout: &Path) -> Vec<Value> {
    let text = fs::read_to_string(stdout).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Ingests and is killed after `delay`. Answers what it acknowledged.
fn ingest_killed(site: &Site, flags: &[&str], delay: Duration) -> Vec<Value> {
    let stdout = site.data().with_file_name("stdout");
    let mut command = site.command(["--json", "ingest", "--alias-prefix", "x"]);
    command.args(flags).arg(site.inbox());
    let child = command
        .stdout(File::create(&stdout).unwrap())
        .spawn()
        .unwrap();
    thread::sleep(delay);
    end(Some(child), Signal::KILL);
    printed(&stdout)
}

/// Kills at `kills` points, from the first moment to beyond the end, a few times on each data directory.
fn ingest_survives(images: u16, flags: &[&str], kills: u32) {
    const KILLS_EACH: u32 = 5;
    let whole = Site::init();
    fill(&whole.inbox(), images);
    let started = Instant::now();
    Report::ingest_ok(
        &whole,
        &[flags, &["--alias-prefix", "x"]].concat(),
        &[whole.inbox()],
    );
    let duration = started.elapsed().mul_f64(1.1);

    let mut cut_short = BTreeSet::new();
    for first in 0..kills / KILLS_EACH {
        let site = Site::init();
        fill(&site.inbox(), images);
        let mut acknowledged = Vec::new();
        // Neighbouring delays go to different directories, so that each point meets much that is new.
        for kill in (first..kills).step_by((kills / KILLS_EACH) as usize) {
            let lines = ingest_killed(&site, flags, duration * kill / kills);
            cut_short.insert(lines.len());
            acknowledged.extend(lines);
            check_acknowledged(&site, &acknowledged);
        }
        let report = Report::ingest_ok(
            &site,
            &[flags, &["--alias-prefix", "x"]].concat(),
            &[site.inbox()],
        );
        assert_eq!(report.items.len(), usize::from(images));
        check_acknowledged(&site, &report.items);
        assert_eq!(recorded(&site).len(), usize::from(images));
        let derived = files_below(&site.data().join("derived")).len();
        assert_eq!(
            derived,
            if flags.is_empty() {
                0
            } else {
                2 * usize::from(images)
            }
        );
        check_nothing_staged(&site);
    }
    // Otherwise the delays missed the work: from nothing at all to everything and its summary.
    assert!(
        cut_short.contains(&0) && cut_short.len() > 1,
        "{cut_short:?}"
    );
}

#[test]
fn an_ingest_killed_at_any_point_loses_nothing_acknowledged() {
    ingest_survives(300, &[], 25);
}

#[test]
fn an_ingest_with_derivatives_killed_at_any_point_loses_nothing_acknowledged() {
    ingest_survives(100, &["--derive", "thumb"], 20);
}

#[test]
fn deriving_that_was_killed_goes_on_where_it_was() {
    let site = Site::init();
    fill(&site.inbox(), 100);
    Report::ingest_ok(&site, &[], &[site.inbox()]);
    let mut seen = 0;
    for kill_after in [1, 20, 40] {
        let mut command = site.command(["--json", "derive", "--all"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        seen += stdout.lines().take(kill_after).count();
        end(Some(child), Signal::KILL);
        check_tree(&site.data());
    }

    let (mut lines, code) = site.imgctl_json(["derive", "--all"]);

    let summary = lines.pop().unwrap()["summary"].take();
    assert_eq!(
        (code, summary["finished"].as_bool()),
        (0, Some(true)),
        "{summary}"
    );
    assert!(summary["resumed_after"].is_string(), "{summary}");
    assert!(lines.len() < 100 - 40, "{} after {seen}", lines.len());
    assert_eq!(files_below(&site.data().join("derived")).len(), 100 * 5);
    check_tree(&site.data());
    check_nothing_staged(&site);
    let (lines, _) = site.imgctl_json(["derive", "--all", "--missing"]);
    assert_eq!(lines.last().unwrap()["summary"]["made"], 0);
}

/// Asks for URLs from several threads until none is left or imgd has been killed; answers what came with 200.
fn ask_until_killed(
    site: &mut Site,
    urls: &Mutex<Vec<String>>,
    delay: Duration,
) -> Vec<(String, Vec<u8>)> {
    let port = site.port();
    let answered = Mutex::new(Vec::new());
    let killed = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while !killed.load(Ordering::Relaxed) {
                    let Some(url) = urls.lock().unwrap().pop() else {
                        return;
                    };
                    let answer = request(port, "GET", url.as_bytes(), &[]);
                    if answer.status == 200 {
                        answered.lock().unwrap().push((url, answer.body));
                    }
                }
            });
        }
        thread::sleep(delay);
        site.kill_imgd();
        killed.store(true, Ordering::Relaxed);
    });
    answered.into_inner().unwrap()
}

/// The ledger of every image: URLs of derivatives.
fn ledger(site: &Site) -> BTreeSet<String> {
    let mut urls = BTreeSet::new();
    for id in recorded(site).into_keys() {
        let (shown, _) = site.imgctl_json(["image", "show", &id]);
        let derivatives = shown[0]["derivatives"].as_array().unwrap();
        urls.extend(
            derivatives
                .iter()
                .map(|entry| entry["path"].as_str().unwrap().to_owned()),
        );
    }
    urls
}

#[test]
fn whatever_imgd_answered_before_it_was_killed_is_whole_and_on_the_ledger() {
    const ROUNDS: u32 = 12;
    let mut site = Site::init();
    fill(&site.inbox(), 40);
    Report::ingest_ok(&site, &[], &[site.inbox()]);
    site.start_imgd();
    site.start_nginx();
    let variants = [
        "thumb~1.webp",
        "thumb~1.jpg",
        "card~1.webp",
        "card~1.jpg",
        "card~1.png",
    ];
    let urls = recorded(&site)
        .into_keys()
        .flat_map(|id| variants.map(|variant| format!("/i/{id}.{variant}")));
    let urls = Mutex::new(urls.collect());

    let mut answered = BTreeMap::new();
    for round in 0..ROUNDS {
        let delay = Duration::from_millis(u64::from(round) * 25);
        answered.extend(ask_until_killed(&mut site, &urls, delay));
        check_tree(&site.data());
        site.start_imgd();
    }

    let ledger = ledger(&site);
    assert!(answered.len() >= 10, "only {}", answered.len());
    for (url, body) in &answered {
        assert!(ledger.contains(url), "{url} was answered");
        assert_eq!(site.get(url).body, *body, "{url}");
    }
    // What stands there is answered by nginx, whether or not anybody has asked yet.
    for file in files_below(&site.data().join("derived")) {
        let url = format!("/i/{}", file.file_name().unwrap().to_str().unwrap());
        assert!(ledger.contains(&url), "{url} stands there");
    }
    site.stop_imgd();
    check_nothing_staged(&site);
}
