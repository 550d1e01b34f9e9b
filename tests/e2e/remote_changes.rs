//! `imgctl --server …`: what it changes changes as on the machine of the origin, for the same reasons on the audit log.

use std::fs;

use img_core::imaging::noise_jpeg;
use serde_json::{Value, json};

use crate::elsewhere::{Remote, neutral, seen};
use crate::harness::{Site, files_below, json_lines};
use crate::ingest::fill;

/// Two sites with the same data: one is changed here, the other from elsewhere.
struct Twins {
    here: Site,
    there: Site,
    remote: Remote,
}

impl Twins {
    fn start() -> Self {
        let [here, there] = [(); 2].map(|()| {
            let site = Site::start();
            site.ingest_sample("wheel.png");
            site
        });
        let remote = Remote::new(&there, "admin");
        // The other site has as many keys.
        Remote::new(&here, "admin");
        Self {
            here,
            there,
            remote,
        }
    }

    /// Runs a command on both; `{}` stands for what is another word on each, such as the id of a key.
    #[track_caller]
    fn check(&self, args: &[&str], words: [&str; 2]) -> [Vec<u8>; 2] {
        let [here, there] = words.map(|word| -> Vec<String> {
            args.iter().map(|arg| arg.replace("{}", word)).collect()
        });
        let outputs = [self.here.imgctl(here), self.remote.output(there)];
        let stdouts = outputs.each_ref().map(|output| output.stdout.clone());
        let [mut here, mut there] = outputs.map(seen);
        here.stdout = neutral(&here.stdout, self.here.port());
        there.stdout = neutral(&there.stdout, self.there.port());
        assert_eq!(here, there, "{args:?}");
        assert_eq!(here.code, Some(0), "{args:?}: {here:?}");
        stdouts
    }
}

fn field(stdout: &[u8], field: &str) -> String {
    json_lines(stdout)[0][field].as_str().unwrap().to_owned()
}

#[test]
fn whatever_is_changed_changes_in_the_same_way_from_elsewhere() {
    let twins = Twins::start();
    let sunset = twins.here.ingest_sample("sunset.jpg");
    twins.there.ingest_sample("sunset.jpg");
    let leaked = twins.here.inbox().join("leaked.jpg");
    fs::write(&leaked, noise_jpeg(16, 16, 9001)).unwrap();
    let leaked = leaked.to_str().unwrap();
    let blocked = "0".repeat(40);
    for json in [&[][..], &["--json"]] {
        let check = |args: &[&str], words| twins.check(&[json, args].concat(), words);
        for args in [
            &["alias", "put", "/a/b.jpg", &sunset, "--reason", "why ü"][..],
            &["alias", "put", "/a/b.jpg", &sunset],
            &["alias", "put", "--host", "b.example", "/c.jpg", "/a/b.jpg"],
            &["alias", "show", "/a/b.jpg"],
            &[
                "image", "tag", "/a/b.jpg", "--add", "x,夏 y", "--reason", "why",
            ],
            &["image", "tag", "/a/b.jpg", "--set", "z,x"],
            &["image", "tag", "/a/b.jpg", "--remove", "z"],
            &["image", "tag", "/a/b.jpg", "--set", ""],
            &["alias", "remove", "/a/b.jpg", "--reason", "why"],
            &["alias", "remove", "--host", "b.example", "/c.jpg"],
            &["block", "add", leaked, &blocked, "--reason", "not ours"],
            &["block", "add", &sunset],
            &["block", "list"],
            &["block", "remove", &blocked],
            &["block", "remove", &sunset, "--reason", "ours"],
        ] {
            check(args, [""; 2]);
        }
        check_grants(&twins, json);
        check(
            &[
                "image", "erase", "--yes", "--block", "--reason", "r", &sunset,
            ],
            [""; 2],
        );
        check(&["block", "remove", &sunset], [""; 2]);
        twins.here.ingest_sample("sunset.jpg");
        twins.there.ingest_sample("sunset.jpg");
    }
    // The same acts for the same reasons, by whom it was; only a request through the API has an id.
    let acts = |site: &Site| {
        let (mut acts, _) = site.imgctl_json(["audit", "log", "--limit", "1000"]);
        for act in &mut acts {
            act["request_id"] = Value::Null;
        }
        let acts: Vec<String> = acts.iter().map(ToString::to_string).collect();
        neutral(&acts.join("\n"), site.port())
    };
    assert_eq!(acts(&twins.here), acts(&twins.there));
}

/// Keys and tickets.
#[track_caller]
fn check_grants(twins: &Twins, json: &[&str]) {
    let check = |args: &[&str], words| twins.check(&[json, args].concat(), words);
    let key = ["--json", "key", "create", "--name=n", "--verbs=read,ingest"];
    let more = ["--prefix", "n/", "--max-bytes", "1GB", "--max-images", "9"];
    let keys = twins.check(&[&key[..], &more].concat(), [""; 2]);
    let keys = keys.map(|made| field(&made, "id"));
    let keys = keys.each_ref().map(String::as_str);
    check(&["key", "rotate", "{}", "--overlap", "1h"], keys);
    check(&["key", "revoke", "{}", "--reason", "left"], keys);
    let brief = ["key", "create", "--name=m", "--verbs=read", "--expires=90d"];
    check(&brief, [""; 2]);
    let tickets = twins.check(&["--json", "ticket", "create", "--derive", "all"], [""; 2]);
    let tickets = tickets.map(|made| field(&made, "id"));
    let tickets = tickets.each_ref().map(String::as_str);
    check(&["ticket", "show", "{}"], tickets);
    check(&["ticket", "revoke", "{}"], tickets);
    check(
        &["ticket", "create", "--alias", "/t.jpg", "--uses", "2"],
        [""; 2],
    );
}

#[test]
fn derivatives_are_made_ahead_from_elsewhere() {
    let twins = Twins::start();
    for site in [&twins.here, &twins.there] {
        fill(&site.inbox().join("many"), 205);
        site.imgctl_ok(["ingest".as_ref(), site.inbox().join("many").as_os_str()]);
    }
    let derive = ["--json", "derive", "--preset", "thumb", "--missing"];
    let outputs = [twins.here.imgctl(derive), twins.remote.output(derive)];
    let [here, there] = outputs.map(|output| {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let mut lines = json_lines(&output.stdout);
        let mut summary = lines.pop().unwrap();
        // The order is not promised, and sizes on disk are not told through the API.
        lines.sort_by_key(|line| line["id"].to_string());
        for line in &mut lines {
            line["bytes"] = Value::Null;
        }
        for field in ["duration_ms", "bytes"] {
            summary["summary"][field] = Value::Null;
        }
        (lines, summary)
    });
    assert_eq!(here, there);
    assert_eq!(
        (here.0.len(), &here.1["summary"]["made"]),
        (206, &json!(412))
    );
    let derived = |site: &Site| files_below(&site.data().join("derived"));
    assert_eq!(derived(&twins.here), derived(&twins.there));
    let (lines, code) = twins.remote.json(&derive[1..]);
    assert_eq!((&lines[206]["summary"]["made"], code), (&json!(0), 0));
}
