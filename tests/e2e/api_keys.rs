//! Keys: which are taken, what each verb opens, how they end, and where their secrets do not stand.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use img_core::model::grant::Quota;
use img_core::origin::keys::NewKey;
use serde_json::{Value, json};

use crate::api::{Client, expect_problem, new_key};
use crate::beside::{Direct, act_beside, bare, files_with, image, take_in};
use crate::daemon::Daemon;
use crate::harness::{Site, wait_until};

const ME: &str = "/api/v1/me";
const ID: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9";

#[test]
fn only_a_right_key_in_its_header_opens_anything() {
    let site = Site::start();
    let client = Client::with_key(&site, "read", None);
    let token = client.token.clone().unwrap();
    let (id, secret) = token[5..].split_once('_').unwrap();
    let ask = |headers: &[(&str, &str)]| bare(&site, "GET", ME, headers);

    let missing = ask(&[]);
    expect_problem(&missing, 401, "key-missing");
    let scheme = missing.header("www-authenticate").unwrap();
    assert!(scheme.starts_with("Bearer"), "{scheme}");
    for right in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER    {token}  "),
    ] {
        assert_eq!(ask(&[("Authorization", &right)]).status, 200, "{right}");
    }
    let other = format!("{:016x}", 7);
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic dXNlcjpwYXNz",
        &token,
        &format!("Bearer\t{token}"),
        &format!("Bearer {}", &token[..token.len() - 1]),
        &format!("Bearer {token}0"),
        &format!("Bearer {}", token.to_uppercase()),
        &format!("Bearer imgk_{id}_{}", "0".repeat(64)),
        &format!("Bearer imgk_{other}_{secret}"),
        &format!("Bearer imgk_{id}_"),
        &format!("Bearer {token},{token}"),
        &format!("Bearer {token} {token}"),
        &format!("Bearer {}", "x".repeat(2000)),
    ] {
        let answer = ask(&[("Authorization", wrong)]);
        assert_eq!(answer.status, 401, "{wrong:?}: {answer:?}");
        assert!(answer.header("www-authenticate").is_some(), "{wrong:?}");
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert!(["key-wrong", "key-missing"].contains(&&*code), "{wrong:?}");
    }
    for target in [
        format!("{ME}?token={token}"),
        format!("{ME}?access_token={token}"),
        format!("{ME}?authorization=Bearer%20{token}"),
    ] {
        expect_problem(&bare(&site, "GET", &target, &[]), 401, "key-missing");
    }
    for (name, value) in [
        ("Cookie", format!("__Host-imgctl={token}")),
        ("Cookie", format!("token={token}")),
        ("Cookie", format!("__Host-imgctl={secret}")),
        ("X-Api-Key", token.clone()),
        ("Proxy-Authorization", format!("Bearer {token}")),
    ] {
        let answer = ask(&[(name, &value)]);
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
    }
}

/// Every route that needs a key: with what it is asked, and which verbs open it.
const ROUTES: [(&str, &str, &str, &[&str]); 28] = [
    ("GET", "/me", "", &["read", "ingest", "alias", "erase"]),
    (
        "DELETE",
        "/session",
        "",
        &["read", "ingest", "alias", "erase"],
    ),
    ("GET", "/images", "", &["read"]),
    ("GET", "/images/ID", "", &["read"]),
    ("GET", "/aliases?path=/a.jpg", "", &["read"]),
    ("GET", "/metrics", "", &["read"]),
    ("GET", "/status", "", &["read"]),
    (
        "POST",
        "/images/lookup",
        r#"{"ids":[]}"#,
        &["read", "ingest"],
    ),
    ("GET", "/presets", "", &["read", "ingest"]),
    ("POST", "/images", "", &["ingest"]),
    ("PUT", "/images/ID/tags", r#"{"tags":[]}"#, &["ingest"]),
    ("PATCH", "/images/ID/tags", r#"{"add":[]}"#, &["ingest"]),
    (
        "POST",
        "/images/ID/derivatives",
        r#"{"presets":[]}"#,
        &["ingest"],
    ),
    ("GET", "/tickets", "", &["ingest"]),
    ("POST", "/tickets", "{}", &["ingest"]),
    (
        "GET",
        "/tickets/0123456789abcdef0123456789abcdef",
        "",
        &["ingest"],
    ),
    (
        "DELETE",
        "/tickets/0123456789abcdef0123456789abcdef",
        "",
        &["ingest"],
    ),
    ("PUT", "/aliases?path=/a.jpg", r#"{"id":"ID"}"#, &["alias"]),
    ("DELETE", "/aliases?path=/a.jpg", "", &["alias"]),
    ("DELETE", "/images/ID", "", &["erase"]),
    ("GET", "/keys", "", &[]),
    ("POST", "/keys", r#"{"name":"x","verbs":["read"]}"#, &[]),
    ("DELETE", "/keys/0123456789abcdef", "", &[]),
    ("POST", "/keys/0123456789abcdef/rotate", "{}", &[]),
    ("GET", "/blocks", "", &[]),
    ("POST", "/blocks", r#"{"ids":["ID"]}"#, &[]),
    ("DELETE", "/blocks/ID", "", &[]),
    ("GET", "/audit", "", &[]),
];

#[test]
fn each_verb_opens_its_routes_and_no_others() {
    let site = Site::start();
    for verb in ["read", "ingest", "alias", "erase", "admin"] {
        let client = Client::with_key(&site, verb, None);
        for (method, path, body, open_to) in ROUTES {
            let target = format!("/api/v1{}", path.replace("ID", ID));
            let body = body.replace("ID", ID);
            let headers = [("Content-Type", "application/json")];
            let headers = if body.is_empty() { &[][..] } else { &headers };
            let answer = client.send(method, &target, headers, body.as_bytes());
            let asked = format!("{verb}: {method} {path}: {answer:?}");
            if verb == "admin" || open_to.contains(&verb) {
                assert!(![401, 403, 405].contains(&answer.status), "{asked}");
            } else {
                assert_eq!(answer.status, 403, "{asked}");
                expect_problem(&answer, 403, "verb-missing");
            }
            let anyone = Client::without_key(&site);
            let answer = anyone.send(method, &target, headers, body.as_bytes());
            expect_problem(&answer, 401, "key-missing");
        }
    }
    // With an alias, an upload gives a name too.
    let client = Client::with_key(&site, "ingest", None);
    let answer = client.upload("?alias=/a.jpg", &image(1));
    expect_problem(&answer, 403, "verb-missing");
}

#[test]
fn a_key_ends_when_it_is_to_end() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let client = Client::with_key(&site, "read", None);
    assert_eq!(client.get(ME).status, 200);
    let listed = |id: &str| -> Value {
        let keys = admin.get("/api/v1/keys").json();
        let keys = keys["keys"].as_array().unwrap();
        keys.iter().find(|key| key["id"] == id).unwrap().clone()
    };
    wait_until("its use is noted", || {
        !listed(&client.key_id())["last_used_at"].is_null()
    });

    // Here at once.
    let target = format!("/api/v1/keys/{}?reason=lost", client.key_id());
    assert_eq!(admin.delete(&target).status, 204);
    expect_problem(&client.get(ME), 401, "key-revoked");
    expect_problem(&admin.delete(&target), 404, "unknown-key");
    assert!(!listed(&client.key_id())["revoked_at"].is_null());
    let rotate = format!("/api/v1/keys/{}/rotate", client.key_id());
    expect_problem(&admin.json("POST", &rotate, &json!({})), 404, "unknown-key");

    // Elsewhere soon.
    let client = Client::with_key(&site, "read", None);
    assert_eq!(client.get(ME).status, 200);
    let id = client.key_id().parse().unwrap();
    act_beside(&site, async |origin, act| {
        origin.revoke_key(act, id).await.unwrap();
    });
    let revoked = Instant::now();
    wait_until("it is over", || client.get(ME).status == 401);
    assert!(revoked.elapsed() < Duration::from_millis(1500));

    // By itself.
    let made = json!({"name": "short", "verbs": ["read"], "expires_in_s": 1});
    let made = admin.json("POST", "/api/v1/keys", &made).json();
    let client = Client::with_token(&site, made["token"].as_str().unwrap());
    wait_until("it expired", || client.get(ME).status == 401);
    expect_problem(&client.get(ME), 401, "key-expired");
    for never in [u64::MAX, i64::MAX as u64, 300_000_000_000, 0] {
        let key = json!({"name": "x", "verbs": ["read"], "expires_in_s": never});
        let answer = admin.json("POST", "/api/v1/keys", &key);
        expect_problem(&answer, 400, "key-expires");
    }
}

#[test]
fn a_rotated_key_has_two_secrets_for_a_while() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let first = Client::with_key(&site, "read", None);
    let target = format!("/api/v1/keys/{}/rotate", first.key_id());
    let rotate = |overlap_s: u64| {
        let answer = admin.json("POST", &target, &json!({"overlap_s": overlap_s}));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["id"], first.key_id());
        Client::with_token(&site, answer.json()["token"].as_str().unwrap())
    };

    let second = rotate(2);
    assert_eq!((first.get(ME).status, second.get(ME).status), (200, 200));
    wait_until("the overlap ends", || first.get(ME).status == 401);
    expect_problem(&first.get(ME), 401, "key-wrong");
    assert_eq!(second.get(ME).status, 200);
    let third = rotate(0);
    expect_problem(&second.get(ME), 401, "key-wrong");
    // However long is asked for: it is answered, and soon.
    let fourth = rotate(u64::MAX);
    assert_eq!((third.get(ME).status, fourth.get(ME).status), (200, 200));
}

#[test]
fn a_wrong_secret_takes_as_long_as_an_unknown_key() {
    const ROUNDS: usize = 300;
    let site = Site::init();
    let daemon = Daemon::start(&site);
    let known = Client::with_key(&site, "read", None);
    let zeros = "0".repeat(64);
    let known = format!("Bearer imgk_{}_{zeros}", known.key_id());
    let unknown = format!("Bearer imgk_{}_{zeros}", "0123456789abcdef");
    let mut imgd = Direct::open(&daemon.socket());
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (times, token) in times.iter_mut().zip([&known, &unknown, "Bearer x"]) {
            let asked = Instant::now();
            assert_eq!(imgd.get(ME, token).status, 401);
            times.push(asked.elapsed());
        }
    }
    let [known, unknown, malformed] = times.map(|mut times| {
        times.sort();
        times[ROUNDS / 2].as_secs_f64() * 1e6
    });
    println!("median: known {known:.0} µs, unknown {unknown:.0} µs, malformed {malformed:.0} µs");
    for (one, other) in [(known, unknown), (known, malformed)] {
        assert!(one < 2.0 * other && other < 2.0 * one);
    }
}

#[test]
fn a_key_may_ask_so_often_and_no_oftener() {
    let site = Site::start();
    let key = NewKey {
        rate_per_min: Some(5),
        ..new_key("read", None)
    };
    let client = Client::with_new_key(&site, key);
    for _ in 0..5 {
        assert_eq!(client.get(ME).status, 200);
    }
    let answer = client.get(ME);
    expect_problem(&answer, 429, "rate-limited");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=13).contains(&wait), "{wait}");
    // Others are not held up.
    assert_eq!(Client::with_key(&site, "read", None).get(ME).status, 200);
}

#[test]
fn a_quota_is_used_up_to_the_last_byte_and_the_last_image() {
    use_up_quotas(&Site::start());
}

pub(crate) fn use_up_quotas(site: &Site) {
    let key = |bytes_max, images_max| NewKey {
        quota: Quota {
            bytes_max,
            images_max,
        },
        ..new_key("ingest,erase", None)
    };
    let (one, two) = (image(1), image(2));
    let size = one.len() as u64;
    let exact = Client::with_new_key(site, key(Some(size), None));
    let less = Client::with_new_key(site, key(Some(size - 1), None));
    expect_problem(&less.upload("", &one), 403, "quota-passed");
    let id = take_in(&exact, "", &one);
    expect_problem(&exact.upload("", &two), 403, "quota-passed");
    // What is here already costs nothing, whoever brought it.
    assert_eq!(exact.upload("", &one).status, 200);
    assert_eq!(less.upload("", &one).status, 200);
    assert_eq!(exact.delete(&format!("/api/v1/images/{id}")).status, 200);
    assert_eq!(exact.upload("", &one).status, 201);

    let ten = Client::with_new_key(site, key(None, Some(10)));
    let stored = thread::scope(|scope| {
        let uploads = (100..130).map(|seed| {
            let ten = &ten;
            scope.spawn(move || ten.upload("?looks=false", &image(seed)).status)
        });
        let uploads: Vec<_> = uploads.collect();
        let statuses: Vec<u16> = uploads.into_iter().map(|it| it.join().unwrap()).collect();
        assert!(
            statuses.iter().all(|it| [201, 403].contains(it)),
            "{statuses:?}"
        );
        statuses.iter().filter(|status| **status == 201).count()
    });
    assert_eq!(stored, 10);
    let admin = Client::with_key(site, "admin", None);
    let keys = admin.get("/api/v1/keys").json();
    let used = |client: &Client| {
        let keys = keys["keys"].as_array().unwrap().iter();
        let mut found = keys.filter(|key| key["id"] == client.key_id());
        let key = found.next().unwrap();
        [&key["bytes_used"], &key["images_used"]].map(|it| it.as_u64().unwrap())
    };
    assert_eq!(used(&ten)[1], 10);
    assert_eq!((used(&exact), used(&less)), ([size, 1], [0, 0]));
}

#[test]
fn secrets_stand_nowhere() {
    let mut site = Site::init();
    let daemon = Daemon::start(&site);
    site.start_nginx();
    let admin = Client::with_key(&site, "admin", None);
    let made = json!({"name": "other", "verbs": ["read"]});
    let made = admin.json("POST", "/api/v1/keys", &made).json();
    let other = made["token"].as_str().unwrap().to_owned();
    bare(&site, "GET", &format!("{ME}?token={other}"), &[]);
    bare(
        &site,
        "GET",
        &format!("/api/{other}"),
        &[("Authorization", "x")],
    );
    let wrong = format!("{other}x");
    expect_problem(&Client::with_token(&site, &wrong).get(ME), 401, "key-wrong");
    assert_eq!(Client::with_token(&site, &other).get(ME).status, 200);
    let cmdlines: Vec<u8> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok())
        .flatten()
        .collect();
    let log = daemon.log();
    site.stop_nginx();
    daemon.stop();

    for token in [admin.token.unwrap(), other] {
        let secret = token.rsplit('_').next().unwrap();
        let raw: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&secret[at..at + 2], 16).unwrap())
            .collect();
        assert!(!log.contains(secret));
        assert!(!String::from_utf8_lossy(&cmdlines).contains(secret));
        let known = files_with(&site, secret.as_bytes());
        // Only where the client itself put it into a path.
        let in_path = known.iter().all(|file| file.ends_with("nginx-access.log"));
        assert!(in_path && known.len() <= 1, "{known:?}");
        assert_eq!(
            files_with(&site, &raw),
            [""; 0].map(std::path::PathBuf::from)
        );
    }
}
