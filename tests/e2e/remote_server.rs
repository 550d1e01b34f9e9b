//! Where `--server` leads, and where its key does not: no output, no log, no list of processes.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::elsewhere::{Remote, start_with_one_worker};
use crate::harness::{Site, files_below, json_lines};
use crate::ingest::fill;

#[test]
fn a_url_that_leads_nowhere_is_told_at_once() {
    let site = Site::start();
    let remote = Remote::new(&site, "admin");
    let port = site.port();
    let told = |url: &str| {
        let begun = Instant::now();
        let mut command = remote.command(["--json", "status", "--server", url]);
        let output = command.output().unwrap();
        assert!(begun.elapsed().as_secs() < 5, "{url}: {output:?}");
        let lines = json_lines(&output.stdout);
        (lines[0].clone(), output.status.code().unwrap())
    };
    for right in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}"),
    ] {
        let (status, code) = told(&right);
        assert_eq!((&status["images"], code), (&json!(0), 0), "{status}");
    }
    for path in ["/api/v1", "/origin", "/i/"] {
        let (status, code) = told(&format!("http://127.0.0.1:{port}{path}"));
        let error = &status["error"];
        assert_eq!(
            (&error["code"], code),
            (&json!("not-found"), 15),
            "{path}: {status}"
        );
        assert_eq!(error["hint"], "check that --server is the URL of an origin");
    }
    // A name is not missing only because the server is another one.
    let mut command = remote.command(["image", "url", "/a.jpg", "--server"]);
    let output = command
        .arg(format!("http://127.0.0.1:{port}/x"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(15), "{output:?}");
    // Plain HTTP is spoken there.
    let (status, code) = told(&format!("https://127.0.0.1:{port}"));
    assert_eq!(
        (&status["error"]["code"], code),
        (&json!("server-unreachable"), 15)
    );
    assert!(
        status["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("certificate")
    );
    for wrong in [
        "http://",
        "https://",
        "http://127.0.0.1:99999",
        "127.0.0.1",
        "http://[::1",
    ] {
        let (status, code) = told(wrong);
        assert_eq!(
            (&status["error"]["code"], code),
            (&json!("usage"), 2),
            "{wrong}"
        );
    }
}

#[test]
fn the_key_stands_nowhere() {
    let site = start_with_one_worker("");
    let remote = Remote::new(&site, "read,ingest");
    let dir = site.inbox().join("many");
    fill(&dir, 200);
    let mut command = remote.command(["--json", "ingest"]);
    let log = site.inbox().join("imgctl.log");
    command
        .env("IMGCTL_LOG", "trace")
        .arg(&dir)
        .stdout(fs::File::create(&log).unwrap());
    command.stderr(fs::File::options().append(true).open(&log).unwrap());
    let mut child = command.spawn().unwrap();
    let token = remote.client.token.clone().unwrap();
    let secret = token.rsplit('_').next().unwrap();
    let proc = Path::new("/proc").join(child.id().to_string());
    let status = loop {
        let cmdline = fs::read(proc.join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&cmdline).contains(secret));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success());
    remote.uploads();
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.lines().count() > 200 && !log.contains(secret));
    for file in files_below(&site.data()) {
        let bytes = fs::read(site.data().join(&file)).unwrap_or_default();
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the key", file.display());
    }
    let output = remote.output(["key", "list"]);
    assert!(!String::from_utf8(output.stderr).unwrap().contains(secret));
}
