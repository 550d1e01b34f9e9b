//! `imgctl ingest`: where images come from, and what stands in the way.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::audit::{check_acknowledged, recorded};
use crate::harness::{Site, init_with_keys};
use crate::report::Report;
use crate::specimen::png;

fn write(dir: &Path, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// Runs it with these bytes on standard input.
fn fed(site: &Site, flags: &[&str], input: &[u8]) -> Output {
    let mut command = site.command(["--json", "ingest"]);
    command.args(flags).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have refused to read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn files_and_directories_are_ingested_at_any_depth_with_any_number_of_jobs() {
    let site = Site::init();
    let inbox = site.inbox();
    for seed in 0..20 {
        write(
            &inbox,
            format!("a/{}/{seed}.png", seed % 3),
            &png(4, 4, seed),
        );
    }
    let alone = write(&inbox, "alone.png", &png(4, 4, 20));

    let report = Report::ingest_ok(&site, &["--jobs", "3"], &[inbox.join("a"), alone]);

    assert_eq!(
        (report.count("new"), report.summary["new"].as_u64()),
        (21, Some(21))
    );
    check_acknowledged(&site, &report.items);
    let again = Report::ingest_ok(&site, &["--jobs", "1"], &[inbox]);
    assert_eq!((again.count("known"), recorded(&site).len()), (21, 21));
}

#[test]
fn an_image_is_read_from_standard_input() {
    let site = Site::init();
    let report = Report::of(&fed(&site, &["-"], &png(4, 4, 1)));
    assert_eq!((report.code, report.count("new")), (0, 1), "{report:#?}");
    assert_eq!(report.items[0]["path"], "-");
    let empty = Report::of(&fed(&site, &["-"], b""));
    assert_eq!((empty.code, empty.reasons()["-"]), (3, "image-empty"));
}

#[test]
fn standard_input_is_not_read_beyond_the_limit() {
    let site = init_with_keys("limits.bytes_max = 100000");
    let report = Report::of(&fed(&site, &["-"], &vec![0; 10 << 20]));
    assert_eq!((report.code, report.reasons()["-"]), (3, "limit-bytes"));
}

#[test]
fn lists_of_paths_end_with_newline_or_nul_and_come_from_a_file_or_standard_input() {
    let site = Site::init();
    let inbox = site.inbox();
    let (one, two) = (inbox.join("one.png"), inbox.join("two\nlines.png"));
    fs::write(&one, png(4, 4, 1)).unwrap();
    fs::write(&two, png(4, 4, 2)).unwrap();
    let list = write(
        &inbox,
        "list",
        format!("{}\n\n{}", one.display(), inbox.join("none.png").display()).as_bytes(),
    );
    let report = Report::ingest(&site, &["--files-from"], &[list]);
    assert_eq!((report.code, report.count("new")), (3, 1));
    assert_eq!(report.reasons()["none.png"], "vanished");

    let both = [
        one.as_os_str().as_bytes(),
        b"\0",
        two.as_os_str().as_bytes(),
        b"\0",
    ]
    .concat();
    let report = Report::of(&fed(&site, &["--files-from", "-", "--null"], &both));
    assert_eq!(
        (report.count("known"), report.count("new"), report.code),
        (1, 1, 0)
    );
    // Shown on one line all the same: a line break would forge a line of a report for people.
    let plain = site.imgctl(["ingest".as_ref(), two.with_extension("gif").as_os_str()]);
    let said = String::from_utf8(plain.stderr).unwrap();
    assert!(said.contains(r"two\nlines.gif"), "{said}");

    let missing = Report::ingest(&site, &["--files-from"], &[inbox.join("no-list")]);
    assert_eq!(
        (missing.code, missing.reasons()["no-list"]),
        (3, "unreadable")
    );
}

#[test]
fn symbolic_links_are_refused_or_followed_as_asked() {
    let site = Site::init();
    let inbox = site.inbox();
    let real = write(&inbox, "real/one.png", &png(4, 4, 1));
    let tree = inbox.join("tree");
    fs::create_dir(&tree).unwrap();
    symlink(&real, tree.join("file")).unwrap();
    symlink(inbox.join("real"), tree.join("dir")).unwrap();
    symlink(&tree, tree.join("loop")).unwrap();
    symlink("nowhere", tree.join("dangling")).unwrap();

    let refused = Report::ingest(&site, &[], &[&tree]);
    assert_eq!((refused.code, refused.items.len()), (3, 4));
    assert!(
        refused
            .reasons()
            .values()
            .all(|reason| *reason == "symlink")
    );
    let hint = refused.line("file")["hint"].as_str().unwrap();
    assert!(hint.contains("--follow-symlinks"), "{hint}");

    let followed = Report::ingest(&site, &["--follow-symlinks"], &[&tree]);
    assert_eq!(
        (
            followed.code,
            followed.count("new") + followed.count("known")
        ),
        (3, 2)
    );
    let reasons = followed.reasons();
    assert_eq!(reasons["loop"], "symlink-loop", "{followed:#?}");
    assert_eq!(reasons["dangling"], "vanished", "{followed:#?}");
}

#[test]
fn links_in_a_list_are_refused_or_followed_like_those_in_a_directory() {
    let site = Site::init();
    let inbox = site.inbox();
    let real = write(&inbox, "one.png", &png(4, 4, 1));
    symlink(&real, inbox.join("link")).unwrap();
    symlink(inbox.join("loop"), inbox.join("loop")).unwrap();
    let list = write(
        &inbox,
        "list",
        format!("{0}/link\n{0}/loop\n", inbox.display()).as_bytes(),
    );

    let refused = Report::ingest(&site, &["--files-from"], &[&list]);
    assert_eq!(refused.reasons()["link"], "symlink");
    assert_eq!(refused.line("link")["message"], "it is a symbolic link");
    let hint = refused.line("link")["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("--follow-symlinks"), "{refused:#?}");

    let followed = Report::ingest(&site, &["--follow-symlinks", "--files-from"], &[&list]);
    assert_eq!(followed.line("link")["status"], "new");
    assert_eq!(followed.reasons()["loop"], "symlink-loop");
}

#[test]
fn pipes_sockets_and_devices_are_passed_over_and_block_nothing() {
    let site = Site::init();
    let inbox = site.inbox();
    mknodat(CWD, inbox.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(inbox.join("socket")).unwrap();
    write(&inbox, "good.png", &png(4, 4, 1));
    let listed = ["/dev/zero".as_ref(), inbox.as_path()];
    let mut list: Vec<u8> = listed.map(|path| path.as_os_str().as_bytes()).join(&b'\n');
    for name in ["pipe", "socket"] {
        list.extend(format!("\n{}", inbox.join(name).display()).bytes());
    }

    let walked = Report::ingest(&site, &[], &[&inbox]);
    let by_list = Report::of(&fed(&site, &["--files-from", "-"], &list));

    assert_eq!((walked.count("new"), walked.code), (1, 3));
    assert_eq!((walked.reasons().len(), by_list.reasons().len()), (2, 4));
    for report in [walked, by_list] {
        let reasons = report.reasons();
        assert!(
            reasons.values().all(|reason| *reason == "not-a-file"),
            "{report:#?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_goes_in() {
    let site = Site::init();
    let inbox = site.inbox();
    write(&inbox, "good.png", &png(4, 4, 1));
    let locked = write(&inbox, "locked.png", &png(4, 4, 2));
    write(&inbox, "closed/hidden.png", &png(4, 4, 3));
    let close = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    close(&locked, 0);
    close(&inbox.join("closed"), 0);

    let gone = inbox.join("gone");
    let plain = site.command([
        "--json".as_ref(),
        "ingest".as_ref(),
        inbox.as_os_str(),
        gone.as_os_str(),
    ]);
    let report = Report::of(&without_privileges(&plain).output().unwrap());
    close(&inbox.join("closed"), 0o755);

    let reasons = report.reasons();
    assert_eq!((report.count("new"), report.code), (1, 3), "{report:#?}");
    assert_eq!(reasons["locked.png"], "unreadable");
    assert_eq!(reasons["closed"], "unreadable");
    assert_eq!(reasons["gone"], "vanished");
    let message = report.line("locked.png")["message"].as_str().unwrap();
    assert!(message.contains("Permission denied"), "{message}");
}

/// As a user whom permissions bind, which root is only without these capabilities.
fn without_privileges(command: &Command) -> Command {
    if !rustix::process::getuid().is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return same;
    }
    let mut bound = Command::new("setpriv");
    bound.args(["--bounding-set", "-dac_override,-dac_read_search"]);
    bound.arg(command.get_program()).args(command.get_args());
    bound
}

#[test]
fn command_lines_that_make_no_sense_are_refused_before_anything_is_read() {
    let site = Site::init();
    let none: [&str; 0] = [];
    let usage = |flags: &[&str]| Report::ingest(&site, flags, &none);
    for flags in [
        &[][..],
        &["--null", "x"],
        &["-", "--files-from", "-"],
        &["-", "--alias-prefix", "x"],
        &["--alias-prefix", "/i/", "x"],
        &["--alias-prefix", "api", "x"],
        &["--alias-host", "example.com", "x"],
        &["--keep-metadata", "--strip-all", "x"],
        &["--jobs", "-1", "x"],
        &["--no-such-flag", "x"],
    ] {
        let output = site.command(["ingest"]).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(!output.stderr.is_empty(), "{flags:?}");
    }
    let unknown = usage(&["--derive", "poster", "x"]);
    assert_eq!(
        (unknown.code, &unknown.items[0]["error"]["code"]),
        (2, &"usage".into())
    );
    let hint = unknown.items[0]["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("thumb"), "{hint}");
}

#[test]
fn names_that_are_no_text_are_reported_with_their_bytes() {
    let site = Site::init();
    let name = OsStr::from_bytes(b"\xd6\xd0.png");
    write(&site.inbox(), name, &png(4, 4, 1));
    let report = Report::ingest_ok(&site, &[], &[site.inbox()]);
    let hex = report.items[0]["path_hex"].as_str().unwrap();
    assert!(hex.ends_with("d6d02e706e67"), "{hex}");
}
