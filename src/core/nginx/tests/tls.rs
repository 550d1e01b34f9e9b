//! The same site over TLS.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use img_test_port::free_port;

use crate::model::layout::ShardWidth;
use crate::nginx::settings::TlsSettings;
use crate::nginx::tests::http::{Answer, Request};
use crate::nginx::tests::site::{ID, MISSING, Site};

fn openssl(args: &[&str], input: &[u8]) -> (Vec<u8>, bool) {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test makes a certificate: install package `openssl`");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.stdout, output.status.success())
}

fn site_with_certificate() -> (Site, String) {
    let mut site = Site::prepare(ShardWidth::Three);
    let (certificate, key) = (site.dir.path().join("c.pem"), site.dir.path().join("k.pem"));
    let (_, made) = openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=cdn.example.com",
            "-out",
            certificate.to_str().unwrap(),
            "-keyout",
            key.to_str().unwrap(),
        ],
        b"",
    );
    assert!(made);
    let address = format!("127.0.0.1:{}", free_port());
    site.settings.tls = Some(TlsSettings {
        listen: vec![address.clone()],
        certificate,
        certificate_key: key,
        server_names: vec!["cdn.example.com".to_owned()],
    });
    site.start_imgd(Box::new(|_| MISSING.to_owned()));
    (site, address)
}

#[test]
fn the_site_is_the_same_over_tls() {
    let (mut site, address) = site_with_certificate();
    site.start_nginx();
    site.put(site.original("png"), "image");
    let url = format!("/i/{ID}.png");

    let request = Request::get(&url).bytes();
    let (answer, _) = openssl(&["s_client", "-quiet", "-connect", &address], &request);
    assert_eq!(Answer::parse(&answer).timeless(), site.get(&url).timeless());

    let (said, _) = openssl(&["s_client", "-alpn", "h2", "-connect", &address], b"");
    assert!(String::from_utf8_lossy(&said).contains("ALPN protocol: h2"));
    let old = [
        "s_client",
        "-tls1_1",
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-connect",
        &address,
    ];
    assert!(!openssl(&old, b"").1);
}

#[test]
fn tls_alone_opens_no_plain_port() {
    let (mut site, address) = site_with_certificate();
    site.settings.listen.clear();
    let release = site.start_nginx();
    let listens: Vec<_> = release.files[0]
        .content
        .lines()
        .filter(|line| line.trim_start().starts_with("listen "))
        .collect();
    assert_eq!(listens.len(), 2, "{listens:?}");
    assert!(listens[0].contains(&format!("{address} ssl http2")));
    fs::metadata(site.settings.status_socket()).unwrap();
}
