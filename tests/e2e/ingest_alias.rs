//! Public names given with `imgctl ingest --alias-prefix`, and what nginx answers for them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::audit::{check_acknowledged, check_tree, recorded};
use crate::harness::{Site, request};
use crate::report::Report;
use crate::specimen::png;

fn write(dir: &Path, name: &[u8], bytes: &[u8]) -> PathBuf {
    let path = dir.join(OsStr::from_bytes(name));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn names_of_every_kind_are_served() {
    let mut site = Site::start();
    let inbox = site.inbox();
    let names: [(&[u8], &str); 10] = [
        (b"plain.png", "plain.png"),
        (b"a b.png", "a%20b.png"),
        (b"100%.png", "100%25.png"),
        (b"100%41.png", "100%2541.png"),
        (b"who?.png", "who%3F.png"),
        (b"no#1.png", "no%231.png"),
        (
            b"back\\slash&amp;'\".png",
            "back%5Cslash%26amp%3B%27%22.png",
        ),
        (
            "blüte/日本.png".as_bytes(),
            "bl%C3%BCte/%E6%97%A5%E6%9C%AC.png",
        ),
        (b"\xd6\xd0.png", "%D6%D0.png"),
        (b"deep/er/still.JPG", "deep/er/still.JPG"),
    ];
    for (seed, (name, _)) in (0..).zip(names) {
        write(&inbox, name, &png(4, 4, seed));
    }

    let report = Report::ingest_ok(&site, &["--alias-prefix", "/shop/2020/"], &[&inbox]);
    site.stop_imgd();

    let mut aliases: Vec<&str> = report
        .items
        .iter()
        .map(|line| line["alias"].as_str().unwrap())
        .collect();
    aliases.sort_unstable();
    let mut expected = names.map(|(_, url)| format!("/shop/2020/{url}"));
    expected.sort_unstable();
    assert_eq!(aliases, expected);
    for (seed, (name, url)) in (0..).zip(names) {
        let answer = site.get(&format!("/shop/2020/{url}"));
        assert_eq!(
            (answer.status, answer.body),
            (200, png(4, 4, seed)),
            "{url}"
        );
        // The type is that of the content, whatever the name says; see also names_that_lie.
        let raw = [b"/shop/2020/", name].concat();
        let is_plain = name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(byte));
        if is_plain || !name.is_ascii() {
            assert_eq!(request(site.port(), "GET", &raw, &[]).status, 200, "{url}");
        }
    }
}

#[test]
fn names_that_could_shadow_or_climb_are_rejected_on_one_line() {
    let site = Site::init();
    let inbox = site.inbox();
    let names: [&[u8]; 9] = [
        b"a\nb.png",
        b"a\x1b[31mb.png",
        b"a\x7f.png",
        b".hidden.png",
        b".git/x.png",
        b"i/x.png",
        b"api/x.png",
        b"__store/x.png",
        b"good.png",
    ];
    for (seed, name) in (0..).zip(names) {
        write(&inbox, name, &png(4, 4, seed));
    }

    let report = Report::ingest(&site, &["--alias-prefix", "/"], &[&inbox]);

    assert_eq!(
        (report.code, report.count("new"), report.items.len()),
        (3, 1, 9)
    );
    for line in report
        .items
        .iter()
        .filter(|line| line["status"] == "rejected")
    {
        assert_eq!(line["reason"], "alias-invalid", "{line}");
        let message = line["message"].as_str().unwrap();
        assert!(message.contains("cannot be an alias: "), "{line}");
        assert!(!message.contains(char::is_control), "{line}");
    }
    let message = |name| report.line(name)["message"].as_str().unwrap();
    assert!(
        message("a\nb.png").contains("`/a%0Ab.png`"),
        "{}",
        message("a\nb.png")
    );
    let said = site.imgctl([
        "ingest".as_ref(),
        "--alias-prefix=/".as_ref(),
        inbox.as_os_str(),
    ]);
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        !said.contains(|c: char| c.is_control() && c != '\n'),
        "{said:?}"
    );
    assert_eq!(said.matches("rejected: ").count(), 8, "{said}");
    // What is rejected for its name is not stored at all.
    assert_eq!(recorded(&site).len(), 1);
}

#[test]
fn names_too_long_or_with_dots_in_a_list_are_rejected() {
    let site = Site::init();
    let inbox = site.inbox();
    let deep = (0..5).fold(String::new(), |path, _| path + &"x".repeat(240) + "/");
    let names = [
        format!("{deep}deep.png"),
        format!("{}/../up.png", "x".repeat(240)),
        "y".repeat(300),
        "./fine.png".to_owned(),
    ];
    write(&inbox, names[0].as_bytes(), &png(4, 4, 1));
    write(&inbox, b"up.png", &png(4, 4, 2));
    write(&inbox, b"fine.png", &png(4, 4, 3));
    let list = write(&inbox, b"list", names.join("\n").as_bytes());

    let mut command = site.command(["--json", "ingest", "--alias-prefix", "x", "--files-from"]);
    let report = Report::of(&command.arg(list).current_dir(&inbox).output().unwrap());

    assert_eq!(report.line("fine.png")["alias"], "/x/fine.png");
    assert_eq!((report.code, report.reasons().len()), (3, 3));
    for (name, words) in [
        ("deep.png", "longer than 1024 bytes"),
        ("up.png", "`..` segment"),
        (&names[2], "longer than 255 bytes"),
    ] {
        let line = report.line(name);
        assert_eq!(line["reason"], "alias-invalid", "{line}");
        assert!(line["message"].as_str().unwrap().contains(words), "{line}");
    }
}

#[test]
fn a_name_keeps_its_image() {
    let site = Site::start();
    let (mine, other) = (site.inbox().join("mine"), site.inbox().join("other"));
    write(&mine, b"a.png", &png(4, 4, 1));
    write(&other, b"a.png", &png(4, 4, 2));
    write(&other, b"b.png", &png(4, 4, 3));
    Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&mine]);
    let served = site.get("/x/a.png");
    assert_eq!(served.body, png(4, 4, 1));

    let report = Report::ingest(&site, &["--alias-prefix", "x"], &[&other]);

    assert_eq!((report.code, report.count("new")), (3, 1));
    assert_eq!(report.reasons()["a.png"], "alias-taken");
    let message = report.line("a.png")["message"].as_str().unwrap();
    assert!(message.contains("alias /x/a.png names image "), "{message}");
    assert_eq!(site.get("/x/a.png"), served);
    let again = Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&mine]);
    assert_eq!(again.count("known"), 1);
    check_acknowledged(&site, &again.items);
    // Two of the same name in one run: the first one has it.
    let both = Report::ingest(
        &site,
        &["--alias-prefix", "y", "--jobs", "1"],
        &[&mine, &other],
    );
    assert_eq!(both.reasons()["a.png"], "alias-taken");
    assert_eq!(site.get("/y/a.png").body, png(4, 4, 1));
    check_tree(&site.data());
}

#[test]
fn a_name_is_never_a_directory_too() {
    let site = Site::init();
    let (dir, file) = (site.inbox().join("dir"), site.inbox().join("file"));
    write(&dir, b"a.png/b.png", &png(4, 4, 1));
    write(&dir, b"ok.png", &png(4, 4, 2));
    write(&file, b"a.png", &png(4, 4, 3));
    write(&file, b"ok.png/c.png", &png(4, 4, 4));
    write(&file, b"fine.png", &png(4, 4, 5));
    Report::ingest_ok(&site, &["--alias-prefix", "x"], &[&dir]);

    for _ in 0..2 {
        let report = Report::ingest(&site, &["--alias-prefix", "x"], &[&file]);
        assert_eq!((report.code, report.items.len()), (3, 3), "{report:#?}");
        let reasons = report.reasons();
        assert_eq!(reasons["a.png"], "alias-unusable", "{report:#?}");
        assert_eq!(reasons["c.png"], "alias-unusable", "{report:#?}");
        check_acknowledged(&site, &report.items);
    }
    let (shown, code) = site.imgctl_json(["image", "show", "/x/a.png"]);
    assert_eq!(
        (code, &shown[0]["error"]["code"]),
        (1, &"unknown-image".into())
    );
}

#[test]
fn a_name_on_one_host_answers_there_alone() {
    let site = Site::start();
    let path = write(&site.inbox(), b"a.png", &png(4, 4, 1));
    let flags = ["--alias-prefix", "x", "--alias-host", "Old.Example.com"];
    let report = Report::ingest_ok(&site, &flags, &[path]);
    assert_eq!(report.items[0]["alias"], "old.example.com/x/a.png");
    let status = |host| site.request("GET", "/x/a.png", &[("Host", host)]).status;
    assert_eq!(status("old.example.com"), 200);
    assert_eq!(status("new.example.com"), 404);
}
