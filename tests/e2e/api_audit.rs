//! The audit log: one entry for each act, found by who, what and when, and never changed.

use img_core::model::access::Role;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::api::{Client, expect_problem};
use crate::beside::{add_user, image, logged};
use crate::harness::{Response, Site, wait_until};

fn entries(admin: &Client, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("/api/v1/audit?{query}"));
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.json()["entries"].as_array().unwrap().clone()
}

/// Something that was done: as what it is to be found.
struct Done {
    action: &'static str,
    target: String,
    answer: Response,
}

fn done(action: &'static str, target: &str, answer: Response) -> Done {
    assert!(answer.status < 300, "{action}: {answer:?}");
    Done {
        action,
        target: target.to_owned(),
        answer,
    }
}

/// What is done with images, names and the block list.
fn act_on_images(admin: &Client) -> Vec<Done> {
    let made = admin.upload("?reason=because&looks=false", &image(1));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let name = "/api/v1/aliases?path=/a/b.jpg&reason=because";
    let url = format!("/api/v1/images/{id}");
    let tags = format!("{url}/tags?reason=because");
    let blocks = json!({"ids": [id], "reason": "because"});
    vec![
        done("image.ingest", &id, made),
        done(
            "alias.put",
            "/a/b.jpg",
            admin.json("PUT", name, &json!({"id": id})),
        ),
        done(
            "image.tag",
            &id,
            admin.json("PUT", &tags, &json!({"tags": ["x", "y"]})),
        ),
        done("alias.remove", "/a/b.jpg", admin.delete(name)),
        done(
            "image.erase",
            &id,
            admin.delete(&format!("{url}?reason=because")),
        ),
        done(
            "block.add",
            &id,
            admin.json("POST", "/api/v1/blocks", &blocks),
        ),
        done(
            "block.remove",
            &id,
            admin.delete(&format!("/api/v1/blocks/{id}?reason=because")),
        ),
    ]
}

/// What is done with keys and tickets.
fn act_on_access(admin: &Client) -> Vec<Done> {
    let why = json!({"reason": "because"});
    let key = json!({"name": "x", "verbs": ["read"], "reason": "because"});
    let key = admin.json("POST", "/api/v1/keys", &key);
    let key_id = key.json()["id"].as_str().unwrap().to_owned();
    let url = format!("/api/v1/keys/{key_id}");
    let ticket = admin.json("POST", "/api/v1/tickets", &why);
    let ticket_id = ticket.json()["id"].as_str().unwrap().to_owned();
    let end = format!("/api/v1/tickets/{ticket_id}?reason=because");
    vec![
        done("key.create", &key_id, key),
        done(
            "key.rotate",
            &key_id,
            admin.json("POST", &format!("{url}/rotate"), &why),
        ),
        done(
            "key.revoke",
            &key_id,
            admin.delete(&format!("{url}?reason=because")),
        ),
        done("ticket.create", &ticket_id, ticket),
        done("ticket.revoke", &ticket_id, admin.delete(&end)),
    ]
}

#[test]
fn every_act_leaves_one_entry_that_nginx_logged_too() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let mut acts = act_on_images(&admin);
    acts.extend(act_on_access(&admin));

    let all = entries(&admin, "limit=1000");

    assert_eq!(
        all.len(),
        acts.len() + 1,
        "and the key that was made beside"
    );
    for act in &acts {
        let Done {
            action,
            target,
            answer,
        } = act;
        let request_id = answer.header("x-request-id").unwrap();
        let found: Vec<&Value> = all
            .iter()
            .filter(|entry| entry["request_id"] == request_id)
            .collect();
        let [entry] = found[..] else {
            panic!("{action}: {found:?}")
        };
        assert_eq!(
            (&entry["action"], &entry["target"]),
            (&json!(action), &json!(target))
        );
        assert_eq!(entry["actor"], format!("key:{}", admin.key_id()));
        assert_eq!(entry["reason"], "because", "{action}");
        wait_until("nginx logged it", || logged(&site, request_id).len() == 1);
        let line = &logged(&site, request_id)[0];
        assert_eq!(line["status"], answer.status, "{action}");
    }
    let count = |action: &str, name: &str| {
        let entry = all.iter().find(|entry| entry["action"] == action).unwrap();
        entry["counts"][name].as_u64()
    };
    let size = Some(image(1).len() as u64);
    assert_eq!(
        (
            count("image.ingest", "bytes"),
            count("image.erase", "bytes")
        ),
        (size, size)
    );
    assert_eq!(count("image.tag", "added"), Some(2));
}

#[test]
fn signing_in_is_an_act_and_what_fails_is_none() {
    let site = Site::start();
    add_user(&site, "ana", Role::Viewer, "correct horse");
    let admin = Client::with_key(&site, "admin", None);
    let reader = Client::with_key(&site, "read", None);
    let anyone = Client::without_key(&site);
    let log_in = |password: &str| {
        let login = json!({"name": "ana", "password": password});
        anyone.json("POST", "/api/v1/session", &login)
    };
    let answer = log_in("correct horse");
    assert_eq!(answer.status, 201, "{answer:?}");
    let before = entries(&admin, "limit=1000");
    let begun = &before[0];
    assert_eq!(
        (&begun["action"], &begun["actor"]),
        (&json!("session.begin"), &json!("user:ana"))
    );
    assert_eq!(begun["request_id"].as_str(), answer.header("x-request-id"));
    let nobody = "0".repeat(40);
    for answer in [
        admin.delete(&format!("/api/v1/images/{nobody}")),
        admin.delete("/api/v1/aliases?path=/a/b.jpg"),
        admin.delete("/api/v1/keys/0123456789abcdef"),
        admin.delete(&format!("/api/v1/blocks/{nobody}")),
        admin.delete(&format!(
            "/api/v1/keys/{}?reason={}",
            admin.key_id(),
            "x".repeat(1001)
        )),
        admin.upload("", b"no image"),
        admin.json(
            "POST",
            "/api/v1/keys",
            &json!({"name": "", "verbs": ["read"]}),
        ),
        reader.delete(&format!("/api/v1/images/{nobody}")),
        log_in("wrong horse"),
    ] {
        assert!(answer.status >= 400, "{answer:?}");
    }
    assert_eq!(entries(&admin, "limit=1000"), before);
}

#[test]
fn entries_are_found_by_who_what_and_when() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let ids: Vec<String> = (0..12)
        .map(|name| {
            let key = json!({"name": format!("k{name}"), "verbs": ["read"]});
            let made = admin.json("POST", "/api/v1/keys", &key).json();
            made["id"].as_str().unwrap().to_owned()
        })
        .collect();
    admin.delete(&format!("/api/v1/keys/{}", ids[0]));
    let actor = format!("key:{}", admin.key_id());
    for (query, count) in [
        (format!("actor={actor}"), 13),
        (format!("actor={actor}&action=key.create"), 12),
        (format!("actor={actor}&action=key"), 13),
        (format!("action=key.revoke&target={}", ids[0]), 1),
        (format!("target={}", ids[0]), 2),
        ("action=ke".to_owned(), 0),
        ("action=key.".to_owned(), 0),
        ("action=key%25".to_owned(), 0),
        ("actor=key".to_owned(), 0),
        ("actor=local:test".to_owned(), 1),
        ("since=1h".to_owned(), 14),
        ("until=1h".to_owned(), 0),
        ("since=2999-01-01".to_owned(), 0),
        ("since=1h&until=2999-01-01&action=key.revoke".to_owned(), 1),
    ] {
        assert_eq!(entries(&admin, &query).len(), count, "{query}");
    }
}

#[test]
fn the_log_is_read_page_by_page_and_only_grows() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    for name in 0..13 {
        let key = json!({"name": format!("k{name}"), "verbs": ["read"]});
        assert_eq!(admin.json("POST", "/api/v1/keys", &key).status, 201);
    }
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/v1/audit?limit=5{cursor}")).json();
        numbers.extend(
            page["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["number"].as_i64().unwrap()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(numbers.len(), 14);
    assert!(
        numbers.windows(2).all(|pair| pair[0] > pair[1]),
        "the latest first"
    );
    for verbs in [
        "read",
        "ingest",
        "alias",
        "erase",
        "read,ingest,alias,erase",
    ] {
        let client = Client::with_key(&site, verbs, None);
        expect_problem(&client.get("/api/v1/audit"), 403, "verb-missing");
    }
    for (method, target) in [
        ("DELETE", "/api/v1/audit"),
        ("POST", "/api/v1/audit"),
        ("PUT", "/api/v1/audit"),
        ("PATCH", "/api/v1/audit"),
    ] {
        expect_problem(
            &admin.json(method, target, &json!({})),
            405,
            "method-not-allowed",
        );
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(site.data().join("catalog.db"));
        let mut catalog = options.connect().await.unwrap();
        for sql in [
            "UPDATE audit SET actor = 'nobody'",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE number = 1",
        ] {
            let refused = sqlx::query(sql).execute(&mut catalog).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
    });
}
