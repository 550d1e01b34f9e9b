//! The command line itself: help, exit codes, where data and configuration are, what init makes, what is kept secret.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::{Site, files_below, json_lines, sample};

/// `imgctl ARGS` in surroundings that decide nothing.
fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgctl"));
    command.args(args).stdin(Stdio::null());
    for name in [
        "IMGCTL_DATA",
        "IMGCTL_CONFIG",
        "IMGCTL_SERVER",
        "IMGCTL_KEY_FILE",
        "IMGCTL_LOG",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    bare(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The help of a command and of all below it.
fn helps(path: &[&str], found: &mut Vec<String>) {
    let output = run(&[path, &["--help"]].concat());
    assert!(output.status.success(), "{path:?}");
    let help = stdout(&output);
    let listed = help
        .split_once("\nCommands:\n")
        .map_or("", |(_, rest)| rest);
    let names: Vec<String> = listed
        .lines()
        .take_while(|line| !line.is_empty())
        // A description that is wrapped goes on further to the right.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    found.push(format!("$ imgctl {}\n{help}", path.join(" ")));
    for name in names {
        helps(&[path, &[name.as_str()]].concat(), found);
    }
}

#[test]
fn every_command_says_what_it_is_for() {
    let mut found = Vec::new();
    helps(&[], &mut found);

    assert!(found.len() > 15, "{} commands", found.len());
    for help in &found {
        let first = help.lines().nth(1).unwrap();
        assert!(!first.starts_with("Usage") && first.len() > 10, "{help}");
    }
    assert!(found[0].contains("Exit codes:\n    0  everything asked for was done"));
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn a_command_line_that_is_not_understood_exits_2() {
    for args in [
        &[][..],
        &["--nonsense"],
        &["nonsense"],
        &["ingest", "--nonsense", "x"],
        &["image"],
        &["init", "--shards", "4"],
        &["derive"],
        &["derive", "--all", "--preset", "thumb"],
        &["derive", "--all", "--since", "yesterday"],
        &["image", "list", "--limit", "many"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

#[test]
fn without_a_data_directory_the_hint_names_the_commands_that_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("nowhere");
    let data = data.to_str().unwrap();
    for command in [
        &["status"][..],
        &["doctor"],
        &["ingest", "x.jpg"],
        &["derive", "--all"],
        &["image", "list"],
        &["nginx", "check"],
        &["schema", "status"],
    ] {
        let plain = run(&[&["--data", data], command].concat());
        let json = run(&[&["--json", "--data", data], command].concat());

        assert_eq!(plain.status.code(), Some(1), "{command:?}: {plain:?}");
        assert!(plain.stdout.is_empty());
        let said = stderr(&plain);
        assert!(
            said.starts_with("error: ") && said.contains("nowhere"),
            "{said}"
        );
        assert!(
            said.contains("hint: run `imgctl init` or `imgctl up`"),
            "{said}"
        );
        assert_eq!(json.status.code(), Some(1));
        let error = &json_lines(&json.stdout)[0]["error"];
        assert_eq!(error["code"], "config-unreadable");
        assert!(error["hint"].as_str().unwrap().contains("imgctl init"));
    }
    assert!(!Path::new(data).exists());
}

fn data_of(mut command: Command) -> String {
    let output = command.args(["--json", "status"]).output().unwrap();
    let status = &json_lines(&output.stdout)[0];
    status["data"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_data_directory_is_that_of_the_flag_then_the_environment_then_data_here() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    for name in ["flag", "environment", "data"] {
        let made = bare(&["init", "--data", name]).current_dir(here).output();
        assert!(made.unwrap().status.success());
    }
    let command = |args: &[&str]| {
        let mut command = bare(args);
        command.current_dir(here);
        command
    };
    let mut environment = command(&[]);
    environment.env("IMGCTL_DATA", "environment");
    let mut both = command(&["--data", "flag"]);
    both.env("IMGCTL_DATA", "environment");

    assert!(data_of(command(&[])).ends_with("/data"));
    assert!(data_of(environment).ends_with("/environment"));
    assert!(data_of(both).ends_with("/flag"));
}

#[test]
fn a_configuration_elsewhere_is_used_by_flag_then_environment_then_the_one_in_data() {
    let site = Site::init();
    let elsewhere = |name: &str| {
        let path = site.inbox().join(format!("{name}.toml"));
        let catalog = format!("catalog.url = \"sqlite:{name}.db\"\n");
        fs::write(&path, catalog + &site.config_text()).unwrap();
        path
    };
    let (flag, environment) = (elsewhere("flag"), elsewhere("environment"));
    let catalog = |args: &[&str], environment: Option<&Path>| {
        let mut command = site.command(args);
        command.args(["--json", "schema", "status"]);
        command.envs(environment.map(|path| ("IMGCTL_CONFIG", path)));
        let lines = json_lines(&command.output().unwrap().stdout);
        lines[0]["catalog"].as_str().unwrap().to_owned()
    };
    let flag = ["--config", flag.to_str().unwrap()];

    assert!(catalog(&[], None).ends_with("/data/catalog.db"));
    assert!(catalog(&[], Some(&environment)).ends_with("/data/environment.db"));
    assert!(catalog(&flag, Some(&environment)).ends_with("/data/flag.db"));
}

#[test]
fn a_new_data_directory_with_its_configuration_elsewhere_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("site.toml");
    fs::write(
        &config,
        "signing.keys = [{ id = \"k1\", file = \"keys/mine.key\" }]",
    )
    .unwrap();
    let (config, data) = (config.to_str().unwrap(), dir.path().join("data"));
    let global = ["--data", data.to_str().unwrap(), "--config", config];

    let init = run(&[&global[..], &["init"]].concat());
    let list = run(&[&global[..], &["image", "list"]].concat());

    assert!(init.status.success(), "{init:?}");
    assert!(list.status.success(), "{list:?}");
    assert!(!data.join("imgctl.toml").exists());
    assert!(data.join("keys/mine.key").exists());
}

#[test]
fn every_fault_of_a_configuration_is_told_at_once() {
    let site = Site::init();
    site.write_config(
        "site.url = 'example.com'\nlimits.pixels_max = 0\ncatalog.url = 'mysql://h/d'\n\
         [presets.Bad]\nwidth = 1\nformats = ['jpg']\n\
         [presets.thumb]\nfit = 'squeeze'\nformats = ['bmp']",
    );
    let output = site.imgctl(["status"]);
    let said = stderr(&output);
    for part in [
        "site.url",
        "limits.pixels_max",
        "catalog.url",
        "presets.Bad",
        "squeeze",
        "`bmp`",
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert!(said.contains("hint: docs/configuration.md"));
    assert_eq!(output.status.code(), Some(1));

    site.write_config("[limits]\npixel_max = 1");
    let (lines, code) = site.imgctl_json(["status"]);
    let error = &lines[0]["error"];
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("line 2") && message.contains("`pixel_max`"),
        "{message}"
    );
    assert_eq!((error["code"].as_str(), code), (Some("config-invalid"), 1));
}

#[test]
fn completions_and_manual_pages_are_produced() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&run(&["completions", shell]));
        assert!(
            script.contains("imgctl") && script.contains("files-from"),
            "{shell}"
        );
    }
    let pages = dir.path().join("man/man1");
    assert!(run(&["manual", pages.to_str().unwrap()]).status.success());
    for page in ["imgctl.1", "imgctl-ingest.1", "imgctl-image-url.1"] {
        let text = fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.starts_with(".ie") || text.contains(".TH"), "{page}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = bare(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn init_twice_changes_nothing() {
    let site = Site::init();
    let content = |path: &str| fs::read(site.data().join(path)).unwrap();
    let before = [
        content("imgctl.toml"),
        content("keys/k1.key"),
        content("LAYOUT"),
    ];
    let id = site.ingest_sample("wheel.png");

    site.imgctl_ok(["init"]);
    let other_shards = site.imgctl(["init", "--shards", "2/2"]);

    let after = [
        content("imgctl.toml"),
        content("keys/k1.key"),
        content("LAYOUT"),
    ];
    assert!(before == after);
    assert!(other_shards.status.success());
    assert!(stderr(&other_shards).contains("has shards 3 already"));
    assert!(site.imgctl_ok(["image", "show", &id]).contains(&id));
}

#[test]
fn init_leaves_a_directory_of_someone_else_untouched() {
    for theirs in ["holiday.jpg", "original/2020/cat.jpg"] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(theirs);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, sample("wheel.png")).unwrap();

        let output = run(&["--json", "init", "--data", dir.path().to_str().unwrap()]);

        assert_eq!(output.status.code(), Some(12), "{output:?}");
        let error = &json_lines(&output.stdout)[0]["error"];
        assert_eq!(error["code"], "data-directory-not-empty");
        assert!(
            error["hint"]
                .as_str()
                .unwrap()
                .contains("empty or a new directory")
        );
        assert_eq!(files_below(dir.path()), [Path::new(theirs)]);
    }
}

#[test]
fn two_level_shards_serve_like_one_level() {
    let mut site = Site::init();
    fs::remove_dir_all(site.data()).unwrap();
    site.imgctl_ok(["init", "--shards", "2/2"]);
    site.write_config(&site.config_text());
    let id = site.ingest_sample("wheel.png");
    site.start_imgd();
    site.start_nginx();

    let original = site.get(&format!("/i/{id}.png"));
    let first = site.get(&format!("/i/{id}.thumb~1.webp"));
    site.stop_imgd();

    assert_eq!((original.status, first.status), (200, 200));
    assert_eq!(original.body, sample("wheel.png"));
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")), first);
    let shard = format!("{}/{}", id.get(..2).unwrap(), id.get(2..4).unwrap());
    let data = site.data();
    assert!(data.join(format!("original/{shard}/{id}.png")).exists());
    assert!(
        data.join(format!("derived/{shard}/{id}.thumb~1.webp"))
            .exists()
    );
}

#[test]
fn secrets_are_in_no_output() {
    let mut site = Site::start();
    let id = site.ingest_sample("wheel.png");
    let key = fs::read_to_string(site.data().join("keys/k1.key")).unwrap();
    let sign = ["sign", &id, "w=80", "webp"];
    let commands: [&[&str]; 9] = [
        &["status"],
        &["doctor"],
        &["image", "show", &id],
        &["image", "url", &id],
        &["nginx", "render"],
        &["nginx", "check"],
        &["schema", "status"],
        &["derive", "--all"],
        &sign,
    ];
    let check = |secret: &str| {
        for command in commands {
            for format in [&["--json"][..], &[]] {
                let mut run = site.command(format);
                let output = run
                    .args(command)
                    .env("IMGCTL_LOG", "debug")
                    .output()
                    .unwrap();
                let all = stdout(&output) + &stderr(&output);
                assert!(!all.contains(secret), "{command:?} shows a secret:\n{all}");
            }
        }
    };
    check(key.trim());

    let short = "squeamish-ossifrage";
    fs::write(site.data().join("keys/k1.key"), short).unwrap();
    check(short);

    let config = site.config_text();
    for catalog in [
        "url = \"postgres://img:hunter2@127.0.0.1:1/origin\"",
        "url = \"postgres://img:hunter2@127.0.0.1:x/origin\"",
        "uri = \"postgres://img:hunter2@127.0.0.1:1/origin\"",
        "url = \"postgres://img:hunter2@127.0.0.1:1/origin",
    ] {
        site.write_config(&format!("{config}\n[catalog]\n{catalog}\n"));
        check("hunter2");
    }
    site.stop_imgd();
}
