//! The same origin with its catalog in PostgreSQL: everything works, and two nodes answer alike.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use img_test_port::free_port;
use img_test_postgres::TestPostgres;
use rustix::process::Signal;

use crate::harness::{Site, end, request, sample, wait_until};

/// A site whose catalog is at `url`; nothing has been made there yet.
fn on(url: &str) -> Site {
    let site = Site::init();
    site.write_config(&config_on(&site, url));
    fs::remove_file(site.data().join("catalog.db")).unwrap();
    site
}

fn config_on(site: &Site, url: &str) -> String {
    format!("catalog.url = \"{url}\"\n{}", site.config_text())
}

#[test]
fn an_origin_works_on_postgres_from_the_first_command_to_the_second_node() {
    let postgres = TestPostgres::start();
    let url = postgres.create_database("origin");
    let mut site = on(&url);
    let (lines, code) = site.imgctl_json(["ingest", "/dev/null"]);
    assert_eq!(
        (lines[0]["error"]["code"].as_str(), code),
        (Some("catalog-schema"), 10)
    );
    site.imgctl_ok(["schema", "apply"]);
    site.imgctl_ok(["init"]);

    let path = site.inbox().join("cat.jpg");
    fs::write(&path, sample("sunset.jpg")).unwrap();
    let path = path.to_str().unwrap();
    let (lines, code) =
        site.imgctl_json(["ingest", "--alias-prefix", "shop", "--derive", "card", path]);
    assert_eq!(
        (&lines[0]["status"], &lines[0]["derived"], code),
        (&"new".into(), &3.into(), 0)
    );
    let id = lines[0]["id"].as_str().unwrap().to_owned();
    let (lines, _) = site.imgctl_json(["ingest", path]);
    assert_eq!(lines[0]["status"], "known");
    let (lines, code) = site.imgctl_json(["derive", "--all", "--missing"]);
    assert_eq!((&lines[1]["summary"]["made"], code), (&2.into(), 0));

    fs::remove_dir_all(site.data().join("derived")).unwrap();
    fs::remove_dir_all(site.data().join("alias")).unwrap();
    site.start_imgd();
    site.start_nginx();
    let nodes = [site.port(), free_port()];
    let _second = SecondNode::start(&site, &url, nodes[1]);
    for path in [
        format!("/i/{id}.jpg"),
        format!("/i/{id}.thumb~1.webp"),
        format!("/i/{id}.card~1.png"),
        "/shop/cat.jpg".to_owned(),
    ] {
        // Both at once, when neither has it.
        let [one, other] = std::thread::scope(|scope| {
            nodes
                .map(|port| {
                    let path = path.as_bytes();
                    let host = [("Host", "img.example")];
                    scope.spawn(move || request(port, "GET", path, &host))
                })
                .map(|node| node.join().unwrap())
        });
        assert_eq!(one.status, 200, "{path}");
        assert_eq!(one, other, "{path}");
    }

    let (status, code) = site.imgctl_json(["status"]);
    let numbers = ["images", "aliases", "derivatives"].map(|name| status[0][name].as_u64());
    assert_eq!((numbers, code), ([Some(1), Some(1), Some(5)], 0));
    assert!(
        status[0]["catalog"]
            .as_str()
            .unwrap()
            .starts_with("postgres:///origin")
    );
    assert_eq!(postgres.query("origin", "SELECT count(*) FROM image"), "1");
    let (findings, _) = site.imgctl_json(["doctor"]);
    let catalog = findings
        .iter()
        .find(|finding| finding["check"] == "catalog");
    assert_eq!(catalog.unwrap()["verdict"], "ok");
    assert!(!site.data().join("catalog.db").exists());
}

/// Another imgd and nginx, with a configuration of their own, on the same data and catalog.
struct SecondNode {
    imgd: Option<Child>,
    nginx: Option<Child>,
}

impl SecondNode {
    fn start(site: &Site, catalog_url: &str, port: u16) -> Self {
        let own_places = "[imgd]\nsocket = \"run2/imgd.sock\"\n\n[nginx]\n\
             dir = \"nginx2\"\nrun_dir = \"run2\"\nlog_dir = \"log2\"";
        let config = config_on(site, catalog_url)
            .replace(
                &format!("[\"127.0.0.1:{}\"]", site.port()),
                &format!("[\"127.0.0.1:{port}\"]"),
            )
            .replace("[nginx]", own_places);
        let path = site.inbox().join("second.toml");
        fs::write(&path, config).unwrap();
        for dir in ["run2", "log2", "nginx2"] {
            fs::create_dir(site.data().join(dir)).unwrap();
        }
        let mut imgd = Command::new(env!("CARGO_BIN_EXE_imgd"));
        imgd.arg("--data")
            .arg(site.data())
            .arg("--config")
            .arg(&path);
        let imgd = imgd
            .env("IMGCTL_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut node = Self {
            imgd: Some(imgd),
            nginx: None,
        };
        let socket = site.data().join("run2/imgd.sock");
        wait_until("the second imgd listens", || {
            UnixStream::connect(&socket).is_ok()
        });
        site.imgctl_ok(["--config", path.to_str().unwrap(), "nginx", "apply"]);
        let mut nginx = Command::new("nginx");
        nginx
            .arg("-c")
            .arg(site.data().join("nginx2/current/nginx.conf"));
        nginx
            .args(["-e", "stderr", "-g", "daemon off;"])
            .stdin(Stdio::null());
        node.nginx = Some(nginx.spawn().unwrap());
        wait_until("the second nginx listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        node
    }
}

impl Drop for SecondNode {
    fn drop(&mut self) {
        end(self.nginx.take(), Signal::TERM);
        end(self.imgd.take(), Signal::KILL);
    }
}

#[test]
fn what_postgres_refuses_is_told_in_its_words() {
    let postgres = TestPostgres::start();
    let url = postgres.create_database("origin");
    let site = on(&format!("{url}&sslmode=require&password=hunter2"));
    let refused = |words: &str| {
        let (lines, code) = site.imgctl_json(["schema", "apply"]);
        let error = &lines[0]["error"];
        let message = error["message"].as_str().unwrap();
        assert_eq!(
            (error["code"].as_str(), code),
            (Some("catalog-unavailable"), 10)
        );
        assert!(
            message.contains(words) && !message.contains("hunter2"),
            "{message}"
        );
        assert!(error["hint"].as_str().unwrap().contains("catalog.url"));
    };
    refused("does not support TLS");

    site.write_config(&config_on(&site, &url.replace("origin", "elsewhere")));
    refused("\"elsewhere\" does not exist");

    site.write_config(&config_on(&site, &url));
    site.imgctl_ok(["schema", "apply"]);
    let newer = "INSERT INTO schema_version (version) VALUES (99)";
    assert_eq!(postgres.query("origin", newer), "INSERT 0 1");
    let (lines, code) = site.imgctl_json(["status"]);
    assert_eq!(
        (lines[0]["error"]["code"].as_str(), code),
        (Some("catalog-schema"), 10)
    );

    drop(postgres);
    refused("open catalog");
}
