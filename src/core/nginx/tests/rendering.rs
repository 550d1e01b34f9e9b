//! Settings → text: the example in step, hostile values refused, nginx -t content.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::layout::{ShardWidth, TreeLayout};
use crate::model::media::OutputFormat;
use crate::nginx::check::check;
use crate::nginx::error::NginxError;
use crate::nginx::render::{RenderedFile, render};
use crate::nginx::settings::{
    AutoFormats, CacheTagHeader, Mode, NginxPaths, NginxSettings, OpenFileCache, RealIp,
    TagSeparator, TlsSettings, WorkerProcesses,
};
use crate::nginx::tests::site::{Site, nginx_binary};

/// The settings that `nginx/README.md` describes.
fn example(mode: Mode) -> NginxSettings {
    let paths = NginxPaths {
        data_dir: "/var/lib/imgctl/data".into(),
        run_dir: "/run/imgctl".into(),
        log_dir: "/var/log/imgctl".into(),
        imgd_socket: "/run/imgctl/imgd.sock".into(),
    };
    let layout = TreeLayout {
        shards: ShardWidth::Three,
    };
    let mut settings = NginxSettings::new(paths, layout);
    settings.mode = mode;
    if mode == Mode::Included {
        settings.listen = vec!["80".to_owned(), "[::]:80".to_owned()];
        settings.server_names = vec!["img.example.com".to_owned()];
        settings.real_ip = Some(RealIp {
            header: "X-Forwarded-For".to_owned(),
            trusted: vec!["10.0.0.0/8".to_owned()],
        });
        settings.auto_formats = vec![AutoFormats {
            preset: "card".parse().unwrap(),
            formats: vec![OutputFormat::Avif, OutputFormat::Webp, OutputFormat::Jpeg],
        }];
    }
    settings
}

#[test]
fn the_committed_example_is_what_is_rendered() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nginx/example");
    // The environment is not read in this package; the file asks to be rewritten instead.
    let rewrite = dir.join("REWRITE").exists();
    for mode in [Mode::Standalone, Mode::Included] {
        for RenderedFile { path, content } in render(&example(mode)).unwrap().files {
            let at = dir.join(path);
            if rewrite {
                std::fs::write(&at, &content).unwrap();
            }
            let committed = std::fs::read_to_string(&at).unwrap_or_default();
            assert!(
                committed == content,
                "nginx/example/{path} is out of step: `touch nginx/example/REWRITE`, run this test, remove it"
            );
        }
    }
}

#[test]
fn every_choice_at_once_passes_nginx_and_the_lints() {
    for mode in [Mode::Standalone, Mode::Included] {
        for shards in ShardWidth::ALL {
            let mut site = Site::prepare(shards);
            site.settings.mode = mode;
            let run = &site.settings.paths.run_dir;
            let unix = format!("unix:{}", run.join("in put.sock").display());
            site.settings
                .listen
                .extend([unix, format!("[::1]:{}", site.port)]);
            site.settings.server_names = vec!["a.example.com".into(), "*.b.example.com".into()];
            site.settings.open_file_cache = Some(OpenFileCache {
                files_max: 20_000,
                inactive: Duration::from_secs(10),
                valid: Duration::from_secs(5),
            });
            site.settings.real_ip = Some(RealIp {
                header: "CF-Connecting-IP".into(),
                trusted: vec!["10.0.0.0/8".into(), "2400:cb00::/32".into(), "::1".into()],
            });
            site.settings.worker_processes = WorkerProcesses::Auto;
            // As long as names can be, and more of them than anyone has.
            site.settings.auto_formats = (0..200)
                .map(|number| AutoFormats {
                    preset: format!("p{number:03}{}", "x".repeat(28)).parse().unwrap(),
                    formats: OutputFormat::ALL.to_vec(),
                })
                .collect();
            let report = check(&nginx_binary(), &render(&site.settings).unwrap()).unwrap();
            assert!(report.is_clean(), "{report:#?}");
            assert!(
                !report.nginx_said.contains("[warn]"),
                "{}",
                report.nginx_said
            );
        }
    }
}

#[test]
fn a_missing_certificate_is_found_by_the_check_and_not_by_the_rendering() {
    let mut site = Site::prepare(ShardWidth::Three);
    site.settings.tls = Some(TlsSettings {
        listen: vec!["127.0.0.1:1".into()],
        certificate: "/nowhere/c.pem".into(),
        certificate_key: "/nowhere/k.pem".into(),
        server_names: Vec::new(),
    });
    let report = check(&nginx_binary(), &render(&site.settings).unwrap()).unwrap();
    assert!(!report.accepted);
    assert!(
        report.nginx_said.contains("/nowhere/c.pem"),
        "{}",
        report.nginx_said
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let site = Site::prepare(ShardWidth::Three);
    let error = check(
        Path::new("/nowhere/nginx"),
        &render(&site.settings).unwrap(),
    )
    .unwrap_err();
    assert!(matches!(error, NginxError::Program { .. }));
    assert!(error.to_string().contains("package `nginx`"));
}

#[track_caller]
fn refuses(setting: &str, change: impl FnOnce(&mut NginxSettings)) {
    let mut settings = example(Mode::Standalone);
    change(&mut settings);
    match render(&settings) {
        Err(NginxError::InvalidSetting { setting: found, .. }) => assert_eq!(found, setting),
        other => panic!("{setting}: {other:?}"),
    }
}

#[test]
fn paths_that_nginx_would_read_otherwise_are_refused() {
    for path in ["relative", "/a$b", "/a\nb", "/a\0b", "/a\u{7f}", ""] {
        refuses("data_dir", |s| {
            s.paths.data_dir = path.into();
        });
        refuses("log_dir", |s| {
            s.paths.log_dir = path.into();
        });
        refuses("imgd_socket", |s| {
            s.paths.imgd_socket = path.into();
        });
    }
    let long = |len| PathBuf::from(format!("/{}", "x".repeat(len)));
    refuses("imgd_socket", |s| {
        s.paths.imgd_socket = long(107);
    });
    refuses("run_dir", |s| {
        s.paths.run_dir = long(100);
    });
    let bytes = std::ffi::OsStr::from_bytes(b"/\xff");
    refuses("data_dir", |s| {
        s.paths.data_dir = bytes.into();
    });
}

#[test]
fn words_that_could_break_out_are_refused() {
    for address in [
        "",
        "0",
        "80; }",
        "80 default_server",
        "localhost:80",
        "1.2.3.4",
        "*:99999",
        "unix:x",
    ] {
        refuses("listen", |s| {
            s.listen = vec![address.into()];
        });
    }
    refuses("listen", |s| s.listen.clear());
    for name in ["", "a b", "a;b", "~^.*$", "a..b", "$host", "a\"b", ".a"] {
        refuses("server_names", |s| {
            s.server_names = vec![name.into()];
        });
    }
    for user in ["", "a b", "root;", "-x", "$u"] {
        refuses("user", |s| {
            s.user = Some(user.into());
        });
    }
    let real_ip = |header: &str, range: &str| {
        Some(RealIp {
            header: header.into(),
            trusted: vec![range.into()],
        })
    };
    refuses("real_ip.header", |s| {
        s.real_ip = real_ip("X_Real;", "10.0.0.1");
    });
    for range in [
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "10.0.0.0/33",
        "10/8",
        "all",
        "unix:",
    ] {
        refuses("real_ip.trusted", |s| {
            s.real_ip = real_ip("X-Real-IP", range);
        });
    }
    let separator = TagSeparator::Comma;
    let name = "A: b".to_owned();
    refuses("cache_tags", |s| {
        s.cache_tags = vec![CacheTagHeader { name, separator }];
    });
}

#[test]
fn numbers_that_nginx_would_not_take_are_refused() {
    refuses("worker_processes", |s| {
        s.worker_processes = WorkerProcesses::Count(0);
    });
    refuses("miss_limits.rate_per_s", |s| {
        s.miss_limits.rate_per_s = 0;
    });
    refuses("miss_timeouts.read", |s| {
        s.miss_timeouts.read = Duration::ZERO;
    });
    refuses("api_limits.body_bytes_max", |s| {
        s.api_limits.body_bytes_max = 0;
    });
    refuses("api_limits.connections", |s| {
        s.api_limits.connections = 0;
    });
    refuses("api_limits.body_timeout", |s| {
        s.api_limits.body_timeout = Duration::ZERO;
    });
    refuses("api_limits.read_timeout", |s| {
        s.api_limits.read_timeout = Duration::from_secs(100_000);
    });
}

#[test]
fn a_release_is_named_by_its_content() {
    let settings = example(Mode::Standalone);
    let first = render(&settings).unwrap();
    assert_eq!(first, render(&settings).unwrap());
    assert_eq!(first.id.len(), 16);
    assert!(
        first.files[0]
            .content
            .contains(&format!("return 200 \"{}\\n\"", first.id))
    );
    let mut other = settings;
    other.miss_limits.burst += 1;
    assert_ne!(first.id, render(&other).unwrap().id);
}
