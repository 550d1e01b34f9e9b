//! A catalog whose tables are missing or of another build is refused with the way out.

use std::fs;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, raw_sql};

use crate::harness::Site;

fn execute(catalog: &Path, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(catalog);
        let mut connection = options.connect().await.unwrap();
        raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

const NEED_THE_CATALOG: [&[&str]; 6] = [
    &["ingest", "/dev/null"],
    &["derive", "--all"],
    &["image", "list"],
    &["image", "show", "/cat.jpg"],
    &["image", "url", "/cat.jpg"],
    &["status"],
];

#[track_caller]
fn each_is_refused(site: &Site, hint: &str) {
    for command in NEED_THE_CATALOG {
        let (lines, code) = site.imgctl_json(command);
        let error = &lines[0]["error"];
        assert_eq!(code, 10, "{command:?}: {lines:?}");
        assert_eq!(error["code"], "catalog-schema");
        assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
    }
}

#[test]
fn without_tables_every_command_names_the_one_that_makes_them() {
    let site = Site::init();
    let catalog = site.data().join("catalog.db");
    for make_empty in [
        |catalog: &Path| fs::remove_file(catalog).unwrap(),
        |catalog: &Path| fs::write(catalog, b"").unwrap(),
    ] {
        make_empty(&catalog);
        each_is_refused(&site, "run `imgctl schema apply`");
        let (status, code) = site.imgctl_json(["schema", "status"]);
        assert_eq!((status[0]["schema"].as_u64(), code), (Some(0), 0));

        let (applied, code) = site.imgctl_json(["schema", "apply"]);

        assert_eq!((applied[0]["to"].as_u64(), code), (Some(3), 0));
        let (again, code) = site.imgctl_json(["schema", "apply"]);
        assert_eq!((again[0]["from"].as_u64(), code), (Some(3), 0));
        site.ingest_sample("wheel.png");
    }
}

#[test]
fn tables_of_a_newer_build_are_left_alone() {
    let site = Site::init();
    let catalog = site.data().join("catalog.db");
    execute(&catalog, "INSERT INTO schema_version (version) VALUES (99)");

    each_is_refused(&site, "a newer build made it");
    let (lines, code) = site.imgctl_json(["schema", "apply"]);
    assert_eq!(
        (lines[0]["error"]["code"].as_str(), code),
        (Some("catalog-schema"), 10)
    );
    let (lines, code) = site.imgctl_json(["schema", "status"]);
    assert_eq!((lines[0]["schema"].as_u64(), code), (Some(99), 0));
    let (lines, code) = site.imgctl_json(["init"]);
    assert_eq!(
        (lines[0]["error"]["code"].as_str(), code),
        (Some("catalog-schema"), 10)
    );
}

#[test]
fn a_file_that_is_no_database_is_told_apart() {
    let site = Site::init();
    fs::write(site.data().join("catalog.db"), [b'x'; 8192]).unwrap();

    let (lines, code) = site.imgctl_json(["status"]);

    let message = lines[0]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("catalog.db") && message.contains("not a database"),
        "{message}"
    );
    assert_eq!(code, 10);
}
