//! The same with the catalog in PostgreSQL: what depends on its locks, its text and its absence.

use std::fs;
use std::time::Instant;

use img_core::model::access::Role;
use img_test_postgres::TestPostgres;
use serde_json::json;

use crate::api::{Client, expect_problem};
use crate::beside::{act_beside, add_user, image, take_in};
use crate::harness::{Site, wait_until};
use crate::{api_erase_races, api_idempotency, api_keys, api_lists};

fn start(postgres: &TestPostgres, name: &str) -> Site {
    let url = postgres.create_database(name);
    let mut site = Site::init();
    site.write_config(&format!("catalog.url = \"{url}\"\n{}", site.config_text()));
    fs::remove_file(site.data().join("catalog.db")).unwrap();
    site.imgctl_ok(["schema", "apply"]);
    site.imgctl_ok(["init"]);
    site.start_imgd();
    site.start_nginx();
    site
}

#[test]
fn what_races_ends_well_on_postgres_too() {
    let postgres = TestPostgres::start();
    let site = start(&postgres, "races");
    api_keys::use_up_quotas(&site);
    api_idempotency::repeat_at_once(&site);
    api_erase_races::race_uploads(&site);
    api_erase_races::race_derivatives(&site);
}

#[test]
fn keys_names_lists_people_and_the_log_work_on_postgres() {
    let postgres = TestPostgres::start();
    let site = start(&postgres, "origin");
    api_lists::filter(&site);
    let admin = Client::with_key(&site, "admin", None);
    let key = json!({"name": "été", "verbs": ["read"], "prefix": "/a%FF/", "bytes_max": u64::MAX});
    let made = admin.json("POST", "/api/v1/keys", &key);
    assert_eq!(made.status, 201, "{made:?}");
    let made = Client::with_token(&site, made.json()["token"].as_str().unwrap());
    assert_eq!(made.get("/api/v1/me").json()["prefix"], "/a%FF/");
    let id = made.key_id().parse().unwrap();
    act_beside(&site, async |origin, act| {
        origin.revoke_key(act, id).await.unwrap();
    });
    wait_until("it is over", || made.get("/api/v1/me").status == 401);
    let id = take_in(&admin, "?tags=%E5%A4%8F&reason=a%00b", &image(1));
    let put = admin.json(
        "PUT",
        "/api/v1/aliases?path=/a/%25FF.jpg",
        &json!({"id": id}),
    );
    assert_eq!(put.status, 201, "{put:?}");
    assert_eq!(site.get("/a/%FF.jpg").status, 200);
    let remove = "/api/v1/aliases?path=/a/%25FF.jpg";
    assert_eq!(admin.delete(remove).status, 200);
    assert_eq!(site.get("/a/%FF.jpg").status, 404);
    add_user(&site, "ana", Role::Viewer, "correct horse");
    let login = json!({"name": "ana", "password": "correct horse"});
    let login = Client::without_key(&site).json("POST", "/api/v1/session", &login);
    assert_eq!(login.status, 201, "{login:?}");
    let erased = admin.delete(&format!("/api/v1/images/{id}?block=true"));
    assert_eq!(erased.status, 200, "{erased:?}");
    expect_problem(&admin.upload("", &image(1)), 403, "blocked");
    let log = admin.get("/api/v1/audit?since=1h&action=image").json();
    let last = &log["entries"][0];
    assert_eq!(
        (&last["action"], &last["target"]),
        (&json!("image.erase"), &json!(id))
    );
    let sql = "UPDATE audit SET actor = 'nobody'";
    let refused = std::panic::catch_unwind(|| postgres.query("origin", sql));
    assert!(refused.is_err(), "the log can be changed");

    drop(postgres);
    let asked = Instant::now();
    let ready = admin.get("/api/v1/health/ready");
    assert_eq!(ready.status, 503, "{ready:?}");
    assert_eq!(ready.json()["status"], "failing");
    assert!(ready.json()["checks"]["catalog"].is_string(), "{ready:?}");
    println!("not ready after {:?}", asked.elapsed());
    assert_eq!(admin.get("/api/v1/health/live").status, 200);
    let answer = admin.get("/api/v1/keys");
    assert!([500, 503].contains(&answer.status), "{answer:?}");
    let told = String::from_utf8(answer.body).unwrap();
    assert!(
        !told.contains("/tmp") && !told.contains("postgres"),
        "{told}"
    );
}
