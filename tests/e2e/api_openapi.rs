//! The OpenAPI document: as committed, as routed, and as answered.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::beside::image;
use crate::harness::{Response, Site, sample};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

fn document(site: &Site) -> Value {
    let answer = site.get("/api/v1/openapi.json");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// With ids that are well formed and nobody's.
fn filled(path: &str) -> String {
    let len = match path.split('/').nth(3) {
        Some("keys") => 16,
        Some("tickets" | "upload") => 32,
        _ => 40,
    };
    path.replace("{id}", &"0".repeat(len))
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let site = Site::start();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let served = serde_json::to_string_pretty(&document(&site)).unwrap() + "\n";
    let committed = docs.join("openapi.json");
    // An empty file of this name asks for a new document, once.
    if fs::remove_file(docs.join("openapi.REWRITE")).is_ok() {
        fs::write(&committed, &served).unwrap();
    }
    let committed = fs::read_to_string(committed).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is another; `touch docs/openapi.REWRITE` and run this test again"
    );
}

#[test]
fn what_is_described_is_routed() {
    let site = Site::start();
    let document = document(&site);
    assert_eq!(document["openapi"], "3.1.0");
    let admin = Client::with_key(&site, "admin", None);
    let anyone = Client::without_key(&site);
    let mut operations = BTreeSet::new();
    for (path, described) in document["paths"].as_object().unwrap() {
        let target = filled(path);
        for method in METHODS {
            let operation = &described[method.to_lowercase()];
            let answer = admin.send(method, &target, &[], b"");
            if operation.is_null() {
                expect_problem(&answer, 405, "method-not-allowed");
                // TRACE is refused by nginx, which knows no routes.
                assert!(
                    answer.header("allow").is_some() || method == "TRACE",
                    "{method} {path}"
                );
                continue;
            }
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id.to_owned()), "{id} is there twice");
            assert_ne!(answer.status, 405, "{method} {path}");
            assert!(answer.status < 500, "{method} {path}: {answer:?}");
            if answer.status == 404 {
                let code = answer.json()["code"].as_str().unwrap().to_owned();
                assert!(
                    code.starts_with("unknown-") || code == "not-blocked",
                    "{method} {path}: {code}"
                );
            }
            let is_public = operation["security"] == json!([{}]);
            let answer = anyone.send(method, &target, &[], b"");
            if is_public {
                let needs_ticket = path.contains("/upload/") && method != "OPTIONS";
                assert_eq!(
                    answer.status == 403,
                    needs_ticket,
                    "{method} {path}: {answer:?}"
                );
            } else {
                assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
            }
            let documented = operation["responses"].as_object().unwrap();
            let known = documented.contains_key("default")
                || documented.contains_key(&answer.status.to_string());
            assert!(known, "{method} {path}: {}", answer.status);
        }
    }
    assert!(operations.len() > 25);
}

#[test]
fn nothing_else_is_routed() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    for path in [
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/images",
        "/api/v1/images/",
        "/api/v1/image",
        "/api/v1//images",
        "/api/V1/images",
        "/api/v1/images/x/y",
    ] {
        for method in METHODS.iter().filter(|method| **method != "TRACE") {
            let answer = admin.send(method, path, &[], b"");
            expect_problem(&answer, 404, "not-found");
        }
    }
    // Paths that are another's until they are normalised open nothing.
    for path in ["/x/../api/v1/me", "/%61pi/v1/me", "/api%2Fv1/me"] {
        assert_eq!(admin.get(path).status, 404, "{path}");
        assert_eq!(
            admin.delete(path).json()["code"],
            "method-not-allowed",
            "{path}"
        );
    }
}

/// The little of JSON Schema that the document uses. Answers what is wrong.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(&name[1..]).unwrap_or(&Value::Null);
        assert!(schema.is_object(), "{name}");
        return faults(document, schema, value, at);
    }
    let mut found = Vec::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(faults(document, part, value, at));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| faults(document, choice, value, at).is_empty();
        if choices.iter().filter(fits).count() != 1 {
            found.push(format!("{at}: {value} is not one of the choices"));
        }
    }
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        found.push(format!("{at}: {value} is not {}", schema["type"]));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            found.push(format!("{at}: no {name}"));
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            found.extend(faults(document, inner, value, &format!("{at}.{name}")));
        }
    }
    let others = &schema["additionalProperties"];
    if let (true, Some(values)) = (others.is_object(), value.as_object()) {
        for (name, value) in values {
            found.extend(faults(document, others, value, &format!("{at}.{name}")));
        }
    }
    if let (true, Some(values)) = (schema["items"].is_object(), value.as_array()) {
        for value in values {
            found.extend(faults(
                document,
                &schema["items"],
                value,
                &format!("{at}[]"),
            ));
        }
    }
    found
}

/// Every property that a schema knows, those of its parts included.
fn known(document: &Value, schema: &Value) -> BTreeSet<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return known(document, document.pointer(&name[1..]).unwrap());
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    let own = own.map(|(name, _)| name.clone());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| known(document, part)))
        .collect()
}

/// Checks that an answer has all that its schema wants, and nothing that it does not know.
#[track_caller]
fn check(document: &Value, name: &str, answer: &Response) -> Value {
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "{name}");
    let value = answer.json();
    let faults = faults(document, schema, &value, name);
    assert!(faults.is_empty(), "{faults:?} in {value}");
    let known = known(document, schema);
    let mut names = value.as_object().unwrap().keys();
    let unknown = names.find(|name| !known.contains(*name));
    assert_eq!(unknown, None, "{name}: {value}");
    value
}

#[test]
fn answers_about_images_are_as_described() {
    let site = Site::start();
    let document = document(&site);
    let admin = Client::with_key(&site, "admin", None);
    let check = |name: &str, answer: &Response| check(&document, name, answer);
    let uploaded = admin.upload("?alias=/a.jpg&tags=x&derive=thumb", &sample("sunset.jpg"));
    let id = check("Uploaded", &uploaded)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    check("Uploaded", &admin.upload("?looks=false", &image(1)));
    check("Uploaded", &admin.upload("", &image(1)));
    let url = format!("/api/v1/images/{id}");
    check("ImageDetails", &admin.get(&url));
    check("ImageList", &admin.get("/api/v1/images?limit=1"));
    check("ImageList", &admin.get("/api/v1/images?alias_prefix=/x/"));
    let post = |target: &str, body: Value| admin.json("POST", target, &body);
    check(
        "Known",
        &post("/api/v1/images/lookup", json!({"ids": [id]})),
    );
    let tags = admin.json("PUT", &format!("{url}/tags"), &json!({"tags": ["a"]}));
    check("Tags", &tags);
    let ahead = post(&format!("{url}/derivatives"), json!({"presets": ["all"]}));
    check("DerivedAhead", &ahead);
    let alias = "/api/v1/aliases?path=/b.jpg&host=a.example";
    check("Alias", &admin.json("PUT", alias, &json!({"id": id})));
    check("Erased", &admin.delete(&format!("{url}?dry_run=true")));
    check("Erased", &admin.delete(&format!("{url}?block=true")));
    check("BlockList", &admin.get("/api/v1/blocks"));
    for problem in [
        admin.get(&url),
        admin.get("/api/v1/x"),
        admin.json(
            "PUT",
            "/api/v1/aliases?path=/a",
            &json!({"id": "0".repeat(40)}),
        ),
        admin.upload("", b"no image"),
        Client::without_key(&site).get("/api/v1/me"),
        admin.send("TRACE", "/api/v1/me", &[], b""),
    ] {
        check("Problem", &problem);
    }
}

#[test]
fn answers_about_access_are_as_described() {
    let site = Site::start();
    let document = document(&site);
    let admin = Client::with_key(&site, "admin", None);
    let check = |name: &str, answer: &Response| check(&document, name, answer);
    let ticket = json!({"alias_prefix": "/t/", "types": ["jpg"], "tags": ["a"], "derive": ["all"]});
    let ticket = check("Ticket", &admin.json("POST", "/api/v1/tickets", &ticket));
    let ticket = format!("/api/v1/tickets/{}", ticket["id"].as_str().unwrap());
    check("Ticket", &admin.get(&ticket));
    check("TicketList", &admin.get("/api/v1/tickets"));
    let key = json!({"name": "k", "verbs": ["read"], "prefix": "/a/", "expires_in_s": 9});
    check("IssuedKey", &admin.json("POST", "/api/v1/keys", &key));
    check("KeyList", &admin.get("/api/v1/keys"));
    check("AuditList", &admin.get("/api/v1/audit?limit=1000"));
    check("Identity", &admin.get("/api/v1/me"));
    check("Status", &admin.get("/api/v1/status"));
    check("PresetList", &admin.get("/api/v1/presets"));
    check("Health", &admin.get("/api/v1/health/ready"));
}
