//! `imgctl bench imaging`: beside tools that are scripts here, so that it does not matter what the machine has.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{json_lines, sample};

/// Tools, images, and a directory for temporary files that must be empty in the end.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["tools", "tmp"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("sunset.jpg"), sample("sunset.jpg")).unwrap();
        fs::write(dir.path().join("notes.txt"), "no image").unwrap();
        Self { dir }
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.dir.path().join("tools").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgctl"));
        command.args(["bench", "imaging"]).args(args);
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("PATH", self.dir.path().join("tools"));
        command.env("TMPDIR", self.tmp());
        command
    }

    fn tmp(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    #[track_caller]
    fn assert_cleaned_up(&self) {
        assert_eq!(fs::read_dir(self.tmp()).unwrap().count(), 0);
    }
}

/// Says its version; otherwise it works a little.
const BUSY: &str = "[ \"$1\" = --vips-version ] && { echo vips-8.0; exit; }\n\
    n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done";

#[test]
fn every_tool_on_the_path_is_measured_beside_imgctl() {
    let bench = Bench::new();
    bench.tool("vipsthumbnail", BUSY);
    bench.tool(
        "gm",
        "[ \"$1\" = version ] && { echo GraphicsMagick 1.3; exit; }\necho no delegate >&2; exit 1",
    );
    bench.tool("vips", "exit 1");

    let args = [
        "--json",
        "--rounds",
        "2",
        "--sizes",
        "40,80",
        "sunset.jpg",
        "notes.txt",
    ];
    let output = bench.command(&args).output().unwrap();

    assert!(output.status.success(), "{output:?}");
    let lines = json_lines(&output.stdout);
    let machine = &lines[0]["machine"];
    assert!(machine["cores"].as_u64().unwrap() > 0 && machine["processor"].is_string());
    let tools: Vec<&str> = machine["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["tool"].as_str().unwrap())
        .collect();
    assert_eq!(
        tools,
        ["imgctl", "vipsthumbnail", "gm"],
        "what cannot say its version is not there"
    );
    let row = |task: &str, tool: &str| {
        let found = lines
            .iter()
            .find(|line| line["task"] == task && line["tool"] == tool);
        found
            .unwrap_or_else(|| panic!("{task}, {tool}: {lines:?}"))
            .clone()
    };
    for task in [
        "jpg-320-jpg",
        "jpg-1024-jpg",
        "jpg-sizes-jpg",
        "jpg-320-webp",
    ] {
        let (ours, theirs) = (row(task, "imgctl"), row(task, "vipsthumbnail"));
        assert_eq!(ours["error"], serde_json::Value::Null, "{ours}");
        assert_eq!(ours["ratio"], 1.0);
        assert!(ours["cpu_ms_per_image"].as_f64().unwrap() > 1.0, "{ours}");
        assert_eq!(ours["rounds_ms"].as_array().unwrap().len(), 2);
        assert!(theirs["ratio"].as_f64().unwrap() > 0.0, "{theirs}");
        assert_eq!(row(task, "gm")["error"], "no delegate");
    }
    assert!(
        !lines.iter().any(|line| line["task"] == "png-320-jpg"),
        "there is no PNG"
    );
    bench.assert_cleaned_up();
}

#[test]
fn for_people_it_says_what_the_numbers_are() {
    let bench = Bench::new();
    let output = bench
        .command(&["--rounds", "1", "sunset.jpg", "notes.txt"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("CPU time of one image on one core, the start of the program included."),
        "{text}"
    );
    assert!(
        text.contains("1 jpg of 1.7 MP → 5 sizes, jpg q80\n  imgctl "),
        "{text}"
    );
    assert!(text.contains("1.00× (1.00–1.00)"), "{text}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("left out: notes.txt: the bytes are no image"),
        "{said}"
    );
}

#[test]
fn an_interrupt_ends_what_runs_and_leaves_nothing_behind() {
    let bench = Bench::new();
    bench.tool(
        "vipsthumbnail",
        "[ \"$1\" = --vips-version ] && { echo vips-8.0; exit; }\nexec /bin/sleep 600",
    );
    let mut command = bench.command(&["sunset.jpg"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while fs::read_dir(bench.tmp()).unwrap().count() == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it never began"
        );
        std::thread::sleep(Duration::from_millis(10));
    }

    kill_process(Pid::from_child(&child), Signal::INT).unwrap();

    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(300));
    bench.assert_cleaned_up();
}

#[test]
fn nothing_to_measure_is_a_failure() {
    let bench = Bench::new();
    for (args, code) in [
        (&["notes.txt"][..], 1),
        (&["missing.jpg"], 1),
        (&["--rounds", "0"], 2),
        (&["--sizes", "0"], 2),
    ] {
        let output = bench.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    bench.assert_cleaned_up();
}
