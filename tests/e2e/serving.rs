//! What stands on disk is served by nginx alone, and answered alike whoever made it appear.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::daemon::Daemon;
use crate::harness::{Response, Site, sample};

const YEAR: &str = "public, max-age=31536000, immutable";
const DAY: &str = "public, max-age=86400, stale-while-revalidate=604800";

/// Ingests `files` with aliases below `/shop/`, for every host or one.
#[track_caller]
fn ingest_with_aliases(site: &Site, files: &[(&[u8], &str)], host: Option<&str>) {
    let photos = site
        .inbox()
        .join(format!("photos-{}", host.unwrap_or("all")));
    for (name, picture) in files {
        let path = photos.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, sample(picture)).unwrap();
    }
    let mut command = site.command(["ingest", "--alias-prefix", "shop/"]);
    if let Some(host) = host {
        command.args(["--alias-host", host]);
    }
    let output = command.arg(&photos).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn derived_path(site: &Site, id: &str, rest: &str) -> PathBuf {
    site.data()
        .join(format!("derived/{}/{id}.{rest}", &id[..3]))
}

fn original_path(site: &Site, id: &str, extension: &str) -> PathBuf {
    site.data()
        .join(format!("original/{}/{id}.{extension}", &id[..3]))
}

#[track_caller]
fn assert_come_back_later(response: &Response) {
    assert_eq!(response.status, 503, "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.header("retry-after").is_some(), "{response:?}");
    assert_eq!(response.json()["status"], 503);
}

#[test]
fn all_that_exists_is_served_without_imgd_and_a_miss_asks_to_come_back() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let names: [(&[u8], &str); 4] = [
        (b"plain.jpg", "sunset.jpg"),
        (b"two words/a b+c.png", "wheel.png"),
        (b"caf\xe9.webp", "waves.webp"),
        ("Übergröße #1?.jpg".as_bytes(), "sunset.jpg"),
    ];
    ingest_with_aliases(&site, &names, None);
    let urls = [
        format!("/i/{id}.jpg"),
        format!("/i/{id}.thumb~1.webp"),
        format!("/i/{id}.card~1.png"),
        "/shop/plain.jpg".to_owned(),
        "/shop/two%20words/a%20b+c.png".to_owned(),
        "/shop/caf%E9.webp".to_owned(),
        "/shop/%C3%9Cbergr%C3%B6%C3%9Fe%20%231%3F.jpg?utm=x".to_owned(),
    ];
    let answers = urls.each_ref().map(|url| site.get(url));
    let absent = format!("/i/{id}.card~1.webp");

    site.stop_imgd();

    for (url, answer) in urls.iter().zip(&answers) {
        assert_eq!(answer.status, 200, "{url}: {answer:?}");
        assert_eq!(site.get(url), *answer, "{url}");
    }
    assert_come_back_later(&site.get(&absent));
    assert_come_back_later(&site.get("/shop/nothing.jpg"));

    // As after a crash: the socket stands, and nobody listens.
    site.start_imgd();
    site.kill_imgd();
    assert!(site.data().join("run/imgd.sock").exists());
    assert_come_back_later(&site.get(&absent));
    assert_eq!(site.get(&urls[1]), answers[1]);

    site.start_imgd();
    assert_eq!(site.get(&absent).status, 200);
    assert_eq!(site.get("/shop/nothing.jpg").status, 404);
}

#[test]
fn bytes_of_an_original_are_those_that_were_ingested() {
    let site = Site::start();
    let picture = sample("waves.webp");
    let id = site.ingest("a.webp", &picture);

    let answer = site.get(&format!("/i/{id}.webp"));

    assert_eq!(answer.body, picture);
    assert_eq!(answer.header("content-type"), Some("image/webp"));
    assert_eq!(answer.header("cache-control"), Some(YEAR));
    assert_eq!(answer.header("cache-tag"), Some(format!("i-{id}").as_str()));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Every kind of request, first while `forget` has removed the file, then while it stands.
#[track_caller]
fn assert_first_equals_later(site: &Site, path: &str, forget: &dyn Fn()) {
    let known = site.get(path);
    assert_eq!(known.status, 200, "{known:?}");
    let etag = known.header("etag").unwrap();
    let modified = known.header("last-modified").unwrap();
    let long_ago = "Mon, 01 Jan 2001 00:00:00 GMT";
    let requests: [(&str, Headers<'_>, u16); 15] = [
        ("GET", &[], 200),
        ("HEAD", &[], 200),
        ("GET", &[("Range", "bytes=0-9")], 206),
        ("GET", &[("Range", "bytes=-10")], 206),
        ("GET", &[("Range", "bytes=10-")], 206),
        ("GET", &[("Range", "bytes=99999999-")], 416),
        ("GET", &[("Range", "bytes=0-1,4-5")], 200),
        ("HEAD", &[("Range", "bytes=0-9")], 206),
        ("GET", &[("If-None-Match", etag)], 304),
        ("HEAD", &[("If-None-Match", etag)], 304),
        ("GET", &[("If-None-Match", "\"other\"")], 200),
        ("GET", &[("If-Modified-Since", modified)], 304),
        ("GET", &[("If-Modified-Since", long_ago)], 200),
        ("GET", &[("Range", "bytes=0-9"), ("If-Range", etag)], 206),
        (
            "GET",
            &[("Range", "bytes=0-9"), ("If-Range", "\"other\"")],
            200,
        ),
    ];
    for (method, headers, status) in requests {
        forget();
        let first = site.request(method, path, headers);
        let later = site.request(method, path, headers);
        assert_eq!(
            first.status, status,
            "{method} {path} {headers:?}: {first:?}"
        );
        assert_eq!(first, later, "{method} {path} {headers:?}");
        if status == 200 && method == "GET" {
            assert_eq!(first, known, "{method} {path} {headers:?}");
        }
    }
}

#[test]
fn the_first_answer_equals_every_later_one() {
    let site = Site::start();
    // Small: it is derived fifteen times.
    let id = site.ingest("noise.jpg", &img_core::imaging::noise_jpeg(300, 200, 1));
    ingest_with_aliases(&site, &[(b"a b.jpg", "sunset.jpg")], None);

    let thumb = derived_path(&site, &id, "thumb~1.webp");
    assert_first_equals_later(&site, &format!("/i/{id}.thumb~1.webp"), &|| {
        fs::remove_file(&thumb).unwrap();
    });
    let alias = site.data().join("alias");
    assert_first_equals_later(&site, "/shop/a%20b.jpg", &|| {
        fs::remove_dir_all(&alias).unwrap();
    });
}

#[test]
fn the_time_of_all_files_of_an_image_is_its_recorded_time_and_makes_the_etag() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    ingest_with_aliases(&site, &[(b"a.jpg", "sunset.jpg")], None);
    let thumb = site.get(&format!("/i/{id}.thumb~1.jpg"));
    let original = site.get(&format!("/i/{id}.jpg"));
    let alias = site.get("/shop/a.jpg");

    let time = |path: &Path| fs::metadata(path).unwrap().mtime();
    let recorded_at = time(&original_path(&site, &id, "jpg"));
    assert_eq!(time(&derived_path(&site, &id, "thumb~1.jpg")), recorded_at);
    assert_eq!(time(&site.data().join("alias/_/shop/a.jpg")), recorded_at);
    for answer in [&thumb, &original, &alias] {
        let etag = format!("\"{recorded_at:x}-{:x}\"", answer.body.len());
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert_eq!(
            answer.header("last-modified"),
            original.header("last-modified")
        );
    }
    let (shown, _) = site.imgctl_json(["image", "show", &id]);
    let shown = shown[0]["recorded_at"].as_str().unwrap().to_owned();
    let day = shown.split(['-', 'T']).nth(2).unwrap();
    let modified = original.header("last-modified").unwrap();
    assert!(
        modified.contains(&format!(", {day} ")),
        "{shown} {modified}"
    );
}

#[test]
fn a_lost_original_is_an_error_for_operators_and_serves_again_once_restored() {
    let mut site = Site::init();
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let id = site.ingest_sample("sunset.jpg");
    ingest_with_aliases(&site, &[(b"a.jpg", "sunset.jpg")], None);
    let (url, thumb) = (format!("/i/{id}.jpg"), format!("/i/{id}.thumb~1.webp"));
    let before = site.get(&url);
    let (path, aside) = (original_path(&site, &id, "jpg"), site.inbox().join("aside"));

    fs::rename(&path, &aside).unwrap();
    fs::remove_dir_all(site.data().join("alias")).unwrap();

    for url in [url.as_str(), &thumb, "/shop/a.jpg"] {
        let lost = site.get(url);
        assert_eq!(lost.status, 500, "{url}: {lost:?}");
        assert_eq!(lost.header("cache-control"), Some("no-store"), "{url}");
        let told = String::from_utf8_lossy(&lost.body).into_owned();
        assert!(!told.contains("original/"), "{told} names a path");
    }
    assert_eq!(imgd.logged("ERROR"), 3, "{}", imgd.log());
    fs::rename(&aside, &path).unwrap();
    assert_eq!(site.get(&url), before);
    assert_eq!(site.get(&thumb).status, 200);
    assert_eq!(site.get("/shop/a.jpg").body, before.body);
}

#[test]
fn an_alias_tree_that_was_removed_heals_by_being_asked() {
    let site = Site::start();
    ingest_with_aliases(&site, &[(b"a b/caf\xe9 1.jpg", "sunset.jpg")], None);
    let url = "/shop/a%20b/caf%E9%201.jpg";
    let before = site.get(url);
    assert_eq!(before.header("cache-control"), Some(DAY));

    fs::remove_dir_all(site.data().join("alias")).unwrap();

    // Any spelling that nginx takes for the same path, and bytes that are no text sent raw.
    let raw = crate::harness::request(site.port(), "GET", b"/shop//a%20b/./caf\xe9%201.jpg", &[]);
    assert_eq!(raw, before);
    assert_eq!(site.get(url), before);
    assert_eq!(site.get("/shop/x/../a%20b/caf%e9%201.jpg"), before);
}

#[test]
fn an_alias_of_one_host_wins_there_and_is_unknown_elsewhere() {
    let site = Site::start();
    ingest_with_aliases(&site, &[(b"both.jpg", "sunset.jpg")], None);
    let own: [(&[u8], &str); 2] = [(b"both.jpg", "wheel.png"), (b"own.png", "wheel.png")];
    ingest_with_aliases(&site, &own, Some("a.example"));
    let get = |host: &str, path: &str| site.request("GET", path, &[("Host", host)]);

    for _ in 0..2 {
        let own = get("a.example", "/shop/own.png");
        assert_eq!(own.body, sample("wheel.png"));
        assert_eq!(get("A.Example:8080", "/shop/own.png"), own);
        assert_eq!(get("b.example", "/shop/own.png").status, 404);
        assert_eq!(get("a.example", "/shop/both.jpg").body, own.body);
        assert_eq!(
            get("b.example", "/shop/both.jpg").body,
            sample("sunset.jpg")
        );
        // Once more, from the catalog.
        fs::remove_dir_all(site.data().join("alias")).unwrap();
    }
}

#[test]
fn nothing_but_images_is_ever_served() {
    let site = Site::start();
    site.ingest_sample("sunset.jpg");
    fs::write(site.data().join("staging/leak.jpg"), b"the secret").unwrap();
    fs::create_dir_all(site.data().join("alias/_/.git")).unwrap();
    fs::write(site.data().join("alias/_/.git/config"), b"the secret").unwrap();
    fs::write(site.data().join("alias/_/.env"), b"the secret").unwrap();
    for path in [
        "/",
        "/catalog.db",
        "/imgctl.toml",
        "/LAYOUT",
        "/keys/k1.key",
        "/staging/leak.jpg",
        "/original/",
        "/alias/_/x.jpg",
        "/_/.env",
        "/.env",
        "/.git/config",
        "/x/..%2f.env",
        "/%2egit/config",
        "/__store/original/000/x.jpg",
        "/__store/alias/_/.env",
        "/__miss",
        "/__failed",
        "/__absent",
        "/i",
        "/i/",
        "/i/../catalog.db",
        "/i/..%2fcatalog.db",
        "/i/%2e%2e/keys/k1.key",
        "/shop/../../keys/k1.key",
        "/..%2f..%2fetc/passwd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/x%00.jpg",
        "/i/x.jpg",
        "/i/0123.jpg",
        "/api",
    ] {
        let answer = site.get(path);
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("the secret"));
        if answer.status == 404 {
            let ttl = answer.header("cache-control");
            assert_eq!(ttl, Some("public, max-age=60"), "{path}");
        }
    }
}

#[test]
fn only_get_and_head_are_answered_with_an_image() {
    let site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    ingest_with_aliases(&site, &[(b"a.jpg", "sunset.jpg")], None);
    let urls = [
        format!("/i/{id}.jpg"),
        format!("/i/{id}.thumb~1.webp"),
        format!("/i/{id}.thumb.webp"),
        format!("/i/{id}.w=10.webp"),
        "/shop/a.jpg".to_owned(),
        "/nothing.jpg".to_owned(),
    ];
    for url in &urls {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "MKCOL"] {
            let refused = site.request(method, url, &[("Content-Length", "0")]);
            assert!(
                [403, 405].contains(&refused.status),
                "{method} {url}: {refused:?}"
            );
            assert_eq!(refused.header("cache-control"), Some("no-store"), "{url}");
        }
    }
    assert!(!derived_path(&site, &id, "thumb~1.webp").exists());
}
