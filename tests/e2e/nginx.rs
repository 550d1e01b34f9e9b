//! `imgctl nginx apply`: in force without a failed request, or as it was before; and TLS.

use std::fs;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use img_test_port::free_port;
use serde_json::Value;

use crate::harness::{Site, files_below};

/// The one object that `imgctl nginx apply` prints, and its exit code.
#[track_caller]
fn apply(site: &Site) -> (Value, i32) {
    let (mut lines, code) = site.imgctl_json(["nginx", "apply"]);
    (lines.pop().unwrap_or_default(), code)
}

fn releases(site: &Site) -> usize {
    fs::read_dir(site.data().join("nginx/releases"))
        .unwrap()
        .count()
}

#[test]
fn a_reload_in_place_fails_no_request_and_the_same_again_changes_nothing() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let urls = [format!("/i/{id}.jpg"), format!("/i/{id}.thumb~1.webp")];
    let known = urls.each_ref().map(|url| site.get(url));
    assert_eq!(apply(&site).0["outcome"], "unchanged");

    let done = AtomicBool::new(false);
    let text = site.config_text();
    let served = thread::scope(|scope| {
        let clients = [0, 1].map(|index| {
            let (site, done, url, known) = (&site, &done, &urls[index], &known[index]);
            scope.spawn(move || {
                let mut served = 0;
                while !done.load(Ordering::Relaxed) {
                    let answer = site.get(url);
                    assert_eq!((answer.status, &answer.body), (200, &known.body));
                    served += 1;
                }
                served
            })
        });
        for rate in [11, 12, 13] {
            let tag = format!("[nginx]\ncache_tag_headers = [\"X-Tag-{rate}\"]");
            site.write_config(&text.replace("[nginx]", &tag));
            let (applied, code) = apply(&site);
            assert_eq!((applied["outcome"].as_str(), code), (Some("reloaded"), 0));
            // In force when the command ends, for every new connection.
            for _ in 0..20 {
                let answer = site.get(&urls[0]);
                let tagged = answer.header(&format!("x-tag-{rate}"));
                assert_eq!(tagged, Some(format!("i-{id}").as_str()));
            }
        }
        done.store(true, Ordering::Relaxed);
        clients
            .map(|client| client.join().unwrap())
            .iter()
            .sum::<usize>()
    });
    assert!(served > 10, "{served}");
    assert_eq!(apply(&site).0["outcome"], "unchanged");
}

#[test]
fn what_is_applied_while_nginx_is_down_is_in_force_when_it_starts() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    site.stop_nginx();
    let tag = "[nginx]\ncache_tag_headers = [\"X-Tag\"]";
    site.write_config(&site.config_text().replace("[nginx]", tag));

    let (applied, code) = apply(&site);

    assert_eq!(
        (applied["outcome"].as_str(), code),
        (Some("not-running"), 0)
    );
    site.start_nginx();
    let answer = site.get(&format!("/i/{id}.jpg"));
    assert_eq!(answer.header("x-tag"), Some(format!("i-{id}").as_str()));
}

#[test]
fn a_refused_setting_leaves_everything_as_it_was() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let url = format!("/i/{id}.jpg");
    let known = site.get(&url);
    let before = fs::read_link(site.data().join("nginx/current")).unwrap();
    let (text, tls) = (site.config_text(), free_port());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let no_certificate = format!(
        "[nginx.tls]\nlisten = [\"127.0.0.1:{tls}\"]\nserver_names = []\n\
         certificate = \"absent.crt\"\ncertificate_key = \"absent.key\"\n"
    );
    for (broken, said) in [
        (format!("{text}\n{no_certificate}"), "absent.crt"),
        (
            text.replace("listen = [", "server_names = [\"a b;\"]\nlisten = ["),
            "a b;",
        ),
        // Passes every test and fails on the machine: only the running nginx can tell.
        (
            text.replace("listen = [", &format!("listen = [\"127.0.0.1:{port}\", ")),
            "in use",
        ),
    ] {
        site.write_config(&broken);
        let refused = site.imgctl(["nginx", "apply"]);
        let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(14), "{stderr}");
        assert!(stderr.contains(said), "{said} is not in:\n{stderr}");
        let now = fs::read_link(site.data().join("nginx/current")).unwrap();
        assert_eq!(now, before);
        assert_eq!(site.get(&url), known);
    }
    assert!(
        releases(&site) <= 2,
        "{:?}",
        files_below(&site.data().join("nginx"))
    );
    // A check says the same and touches nothing.
    site.write_config(&format!("{text}\n{no_certificate}"));
    assert_eq!(site.imgctl(["nginx", "check"]).status.code(), Some(14));
    assert_eq!(
        site.imgctl(["nginx", "apply", "--dry-run"]).status.code(),
        Some(14)
    );
    site.write_config(&text);
    assert_eq!(apply(&site).1, 0);
    assert_eq!(site.get(&url), known);
}

#[test]
fn a_site_with_a_certificate_answers_over_tls_as_it_does_without() {
    let mut site = Site::init();
    let port = free_port();
    fs::create_dir(site.data().join("tls")).unwrap();
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=img.example",
            "-addext",
            "subjectAltName=DNS:img.example",
        ])
        .arg("-keyout")
        .arg(site.data().join("tls/site.key"))
        .arg("-out")
        .arg(site.data().join("tls/site.crt"))
        .output()
        .expect("openssl is installed; on Debian: apt install openssl");
    assert!(made.status.success(), "{made:?}");
    site.write_config(&format!(
        "{}\n[nginx.tls]\nlisten = [\"127.0.0.1:{port}\"]\nserver_names = [\"img.example\"]\n\
         certificate = \"tls/site.crt\"\ncertificate_key = \"tls/site.key\"\n",
        site.config_text()
    ));
    site.start_imgd();
    site.start_nginx();
    let id = site.ingest_sample("sunset.jpg");
    let url = format!("/i/{id}.thumb~1.webp");
    let get = |versions: &[&str]| -> Output {
        Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--cacert"])
            .arg(site.data().join("tls/site.crt"))
            .args(["--resolve", &format!("img.example:{port}:127.0.0.1")])
            .args(versions)
            .arg(format!("https://img.example:{port}{url}"))
            .output()
            .expect("curl is installed; on Debian: apt install curl")
    };

    let miss = get(&["--tlsv1.3"]);
    let hit = get(&["--tlsv1.2", "--tls-max", "1.2"]);

    assert!(
        miss.status.success() && hit.status.success(),
        "{miss:?} {hit:?}"
    );
    assert_eq!(miss.stdout, hit.stdout);
    assert_eq!(hit.stdout, site.get(&url).body);
    let old = get(&[
        "--tlsv1.0",
        "--tls-max",
        "1.1",
        "--ciphers",
        "DEFAULT@SECLEVEL=0",
    ]);
    assert!(!old.status.success(), "TLS 1.1 is answered");
}
