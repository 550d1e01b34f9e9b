//! `imgctl image convert`: plain files, without an origin.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use img_core::imaging::{Limits, inspect};
use img_core::model::media::MediaType;
use serde_json::Value;

use crate::harness::{json_lines, sample};

/// A directory with two images and one file that is none; commands run in it.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("sunset.jpg"), sample("sunset.jpg")).unwrap();
        fs::write(dir.path().join("wheel.png"), sample("wheel.png")).unwrap();
        fs::write(dir.path().join("notes.txt"), "no image").unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgctl"));
        command.args(["image", "convert"]).args(args);
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        for name in [
            "IMGCTL_DATA",
            "IMGCTL_CONFIG",
            "IMGCTL_SERVER",
            "IMGCTL_LOG",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn convert(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    fn convert_ok(&self, args: &[&str]) -> Output {
        let output = self.convert(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        output
    }

    /// Type and size of a file here.
    #[track_caller]
    fn seen(&self, name: &str) -> (MediaType, u32, u32) {
        seen(&fs::read(self.path(name)).unwrap())
    }

    /// Every file, hidden ones too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn seen(bytes: &[u8]) -> (MediaType, u32, u32) {
    let inspected = inspect(bytes, &Limits::default()).unwrap();
    (inspected.media, inspected.width_px, inspected.height_px)
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_fails(output: &Output, exit_code: i32, said: &str) {
    assert_eq!(output.status.code(), Some(exit_code), "{output:?}");
    assert!(stderr(output).contains(said), "{}", stderr(output));
}

#[test]
fn the_name_of_the_output_decides_the_format() {
    let desk = Desk::new();

    let said = desk.convert_ok(&["--width", "320", "sunset.jpg", "small.WebP"]);

    assert_eq!(desk.seen("small.WebP"), (MediaType::Webp, 320, 213));
    assert!(
        String::from_utf8(said.stdout)
            .unwrap()
            .starts_with("small.WebP  320x213  ")
    );
    let mode = fs::metadata(desk.path("small.WebP")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o644, "as other programs make files");
    assert!(!desk.path("data").exists(), "there is no origin");
}

#[test]
fn flags_and_options_are_one_language() {
    let desk = Desk::new();

    let flags = "--width 200 --height 100 --fit cover --gravity top --quality 60";
    let flags: Vec<&str> = flags.split(' ').collect();
    desk.convert_ok(&[&flags[..], &["sunset.jpg", "flags.jpg"]].concat());
    let text = "h=100,w=200,q=60,fit=cover,gravity=top";
    desk.convert_ok(&["--options", text, "sunset.jpg", "text.jpg"]);
    desk.convert_ok(&[
        "--options",
        "w=200,fit=cover",
        "--height=100",
        "--quality=60",
        "--gravity=top",
        "sunset.jpg",
        "both.jpg",
    ]);

    assert_eq!(desk.seen("flags.jpg"), (MediaType::Jpeg, 200, 100));
    let flags = fs::read(desk.path("flags.jpg")).unwrap();
    assert_eq!(fs::read(desk.path("text.jpg")).unwrap(), flags);
    assert_eq!(fs::read(desk.path("both.jpg")).unwrap(), flags);
    for (args, said) in [
        (
            &["--options", "w=200", "--width", "100"][..],
            "option `w` is given twice",
        ),
        (&["--options", "zoom=2"], "no option `zoom`"),
        (&["--width", "0"], "option `w` is `0`"),
        (&["--fit", "cover,q=3"], "without a comma"),
        (&["--sizes", "100,200", "--width", "100"], "--width"),
    ] {
        let refused = desk.convert(&[args, &["sunset.jpg", "refused.jpg"]].concat());
        assert_fails(&refused, 2, said);
    }
    assert!(!desk.path("refused.jpg").exists());
}

#[test]
fn without_a_size_it_stays_as_it_is() {
    let desk = Desk::new();
    desk.convert_ok(&["wheel.png", "wheel.jpg", "--background", "102030"]);
    assert_eq!(desk.seen("wheel.jpg"), (MediaType::Jpeg, 800, 800));
}

#[test]
fn several_sizes_come_from_one_image() {
    let desk = Desk::new();

    let output = desk.convert_ok(&[
        "--sizes",
        "64,128,256",
        "--json",
        "sunset.jpg",
        "s-{width}.jpg",
    ]);

    for (name, width, height) in [
        ("s-64.jpg", 64, 43),
        ("s-128.jpg", 128, 85),
        ("s-256.jpg", 256, 171),
    ] {
        assert_eq!(desk.seen(name), (MediaType::Jpeg, width, height));
    }
    let lines = json_lines(&output.stdout);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["status"], "made");
    assert_eq!(lines[1]["in"], "sunset.jpg");
    assert_eq!(lines[1]["out"], "s-128.jpg");
    assert_eq!(
        (&lines[1]["width"], &lines[1]["height"]),
        (&Value::from(128), &Value::from(85))
    );
    assert_eq!(
        lines[1]["bytes"],
        fs::metadata(desk.path("s-128.jpg")).unwrap().len()
    );
    assert_eq!(lines[3]["summary"]["made"], 3);

    assert_fails(
        &desk.convert(&["--sizes", "64,128", "sunset.jpg", "one.jpg"]),
        2,
        "{width}",
    );
    desk.convert_ok(&[
        "--sizes",
        "64,128",
        "--format",
        "webp",
        "sunset.jpg",
        "wheel.png",
        "many/",
    ]);
    assert_eq!(
        desk.seen("many/wheel-128.webp"),
        (MediaType::Webp, 128, 128)
    );
    assert_eq!(fs::read_dir(desk.path("many")).unwrap().count(), 4);
}

#[test]
fn of_many_images_the_bad_ones_are_told_and_the_others_made() {
    let desk = Desk::new();
    let all = [
        "--width",
        "90",
        "sunset.jpg",
        "notes.txt",
        "missing.jpg",
        "wheel.png",
        "out/",
    ];

    let output = desk.convert(&all);

    assert_fails(
        &output,
        3,
        "not converted: notes.txt: the bytes are no image of a known type",
    );
    assert!(stderr(&output).contains("not converted: missing.jpg: there is no such file"));
    assert!(stderr(&output).contains("2 failed"));
    assert_eq!(desk.seen("out/sunset.jpg"), (MediaType::Jpeg, 90, 60));
    assert_eq!(
        desk.seen("out/wheel.png"),
        (MediaType::Png, 90, 90),
        "its own format"
    );
    assert_eq!(fs::read_dir(desk.path("out")).unwrap().count(), 2);

    let output = desk.convert(&[&["--json", "--force", "--jobs", "1"], &all[..]].concat());
    let lines = json_lines(&output.stdout);
    assert_eq!(lines[1]["status"], "failed");
    assert_eq!(lines[1]["reason"], "not-an-image");
    assert_eq!(lines[4]["summary"]["images"], 2);
    assert_eq!(lines[4]["summary"]["failed_by_reason"]["vanished"], 1);
}

#[test]
fn one_image_that_fails_is_the_failure_of_the_command() {
    let desk = Desk::new();
    assert_fails(
        &desk.convert(&["notes.txt", "x.jpg"]),
        1,
        "error: notes.txt: the bytes are no image",
    );
    assert_fails(
        &desk.convert(&["--format", "tiff", "sunset.jpg", "x.jpg"]),
        2,
        "tiff",
    );
    assert_fails(
        &desk.convert(&["sunset.jpg", "x.doc"]),
        2,
        "the name x.doc tells no format",
    );
    assert_eq!(desk.names(), ["notes.txt", "sunset.jpg", "wheel.png"]);
}

#[test]
fn nothing_is_replaced_unless_forced_and_an_input_never() {
    let desk = Desk::new();
    fs::write(desk.path("x.jpg"), "precious").unwrap();

    let refused = desk.convert(&["--width=50", "sunset.jpg", "x.jpg"]);

    assert_fails(&refused, 1, "x.jpg is there already");
    assert!(stderr(&refused).contains("hint: --force"));
    assert_eq!(fs::read(desk.path("x.jpg")).unwrap(), b"precious");
    desk.convert_ok(&["--force", "--width=50", "sunset.jpg", "x.jpg"]);
    assert_eq!(desk.seen("x.jpg").1, 50);

    std::os::unix::fs::symlink("sunset.jpg", desk.path("link.jpg")).unwrap();
    for out in ["sunset.jpg", "./sunset.jpg", "link.jpg"] {
        let refused = desk.convert(&["--force", "--width=50", "sunset.jpg", out]);
        assert_fails(&refused, 1, "is read, and cannot be written");
    }
    // Neither by way of another input.
    let refused = desk.convert(&["--force", "--width=50", "x.jpg", "sunset.jpg", "."]);
    assert_fails(&refused, 3, "is read, and cannot be written");
    assert_eq!(
        fs::read(desk.path("sunset.jpg")).unwrap(),
        sample("sunset.jpg")
    );
    assert!(desk.names().iter().all(|name| !name.starts_with('.')));
}

#[test]
fn two_images_of_one_name_do_not_overwrite_each_other() {
    let desk = Desk::new();
    fs::create_dir(desk.path("other")).unwrap();
    fs::copy(desk.path("wheel.png"), desk.path("other/sunset.png")).unwrap();
    let args = [
        "--force",
        "--width=50",
        "--format=jpg",
        "--jobs=1",
        "sunset.jpg",
        "other/sunset.png",
        "out/",
    ];
    assert_fails(
        &desk.convert(&args),
        3,
        "another derivative is named out/sunset.jpg",
    );
    assert_eq!(desk.seen("out/sunset.jpg"), (MediaType::Jpeg, 50, 33));
}

#[test]
fn a_dry_run_says_what_would_be_made_and_makes_nothing() {
    let desk = Desk::new();
    let output = desk.convert_ok(&[
        "--dry-run",
        "--json",
        "--sizes=64,3000",
        "sunset.jpg",
        "wheel.png",
        "out/",
    ]);
    let lines = json_lines(&output.stdout);
    assert!(
        lines[..4]
            .iter()
            .all(|line| line["status"] == "would-be-made" && line["bytes"].is_null())
    );
    let large = lines
        .iter()
        .find(|line| line["out"] == "out/sunset-3000.jpg")
        .unwrap();
    assert_eq!(
        large["width"], 1600,
        "never larger than it is, unless asked"
    );
    assert_eq!(desk.names(), ["notes.txt", "sunset.jpg", "wheel.png"]);
}

#[test]
fn standard_input_and_output_are_files_like_others() {
    let desk = Desk::new();
    let piped = |args: &[&str]| {
        let mut command = desk.command(args);
        command.stdin(fs::File::open(desk.path("sunset.jpg")).unwrap());
        command.output().unwrap()
    };

    let output = piped(&["--width", "40", "--format", "png", "-", "-"]);

    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    assert_eq!(seen(&output.stdout), (MediaType::Png, 40, 27));
    assert_eq!(
        seen(&piped(&["--width", "40", "-", "-"]).stdout).0,
        MediaType::Jpeg
    );
    assert_fails(&piped(&["--json", "-", "-"]), 2, "either the image or JSON");
    assert_fails(&piped(&["-", "-", "out/"]), 2, "can be read once");
    assert_fails(&piped(&["-", "wheel.png", "-"]), 2, "cannot all become");
}

#[test]
fn limits_are_those_of_the_defaults_the_configuration_or_flags() {
    let desk = Desk::new();
    fs::write(desk.path("tight.toml"), "limits.pixels_max = 1000\n").unwrap();
    let config = ["--config", "tight.toml", "sunset.jpg", "x.jpg"];

    let refused = desk.convert(&config);

    assert_fails(&refused, 1, "above the limit of 1000");
    assert!(stderr(&refused).contains("hint: --limit-pixels 1707200 accepts it"));
    desk.convert_ok(&[&["--limit-pixels", "1707200"], &config[..]].concat());
    let size_bytes = fs::metadata(desk.path("sunset.jpg")).unwrap().len();
    for (flags, said) in [
        (
            ["--limit-bytes", "10KB"],
            format!("--limit-bytes {size_bytes}"),
        ),
        (["--limit-side", "1000"], "--limit-side 1600".to_owned()),
        (
            ["--limit-pixels", "1000"],
            "--limit-pixels 1707200".to_owned(),
        ),
    ] {
        let refused = desk.convert(&[&flags[..], &["sunset.jpg", "y.jpg"]].concat());
        assert_fails(&refused, 1, &said);
    }
    assert!(!Path::new(&desk.path("y.jpg")).exists());
}
