//! People: signing in and out over nginx, what each role may, and what ends a session.

use std::thread;
use std::time::{Duration, Instant};

use img_core::model::access::Role;
use img_core::origin::users::Password;
use serde_json::json;

use crate::api::{Client, expect_problem};
use crate::beside::{act_beside, add_user, image, take_in};
use crate::harness::{Response, Site, init_with_keys, wait_until};

const ME: &str = "/api/v1/me";
const PASSWORD: &str = "correct horse battery";

fn log_in(client: &Client, name: &str, password: &str) -> Response {
    let login = json!({"name": name, "password": password});
    client.json("POST", "/api/v1/session", &login)
}

/// Signs in and answers the cookie, as a browser would send it.
#[track_caller]
fn cookie(client: &Client, name: &str, password: &str) -> String {
    let answer = log_in(client, name, password);
    assert_eq!(answer.status, 201, "{answer:?}");
    let set = answer.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn ask(client: &Client, method: &str, target: &str, cookie: &str) -> Response {
    client.send(method, target, &[("Cookie", cookie)], b"")
}

#[test]
fn a_session_is_a_cookie_that_only_this_site_is_sent() {
    let site = Site::start();
    add_user(&site, "ana", Role::Viewer, PASSWORD);
    let client = Client::without_key(&site);

    let answer = log_in(&client, "ana", PASSWORD);

    assert_eq!(answer.status, 201, "{answer:?}");
    let set = answer.header("set-cookie").unwrap();
    let (pair, attributes) = set.split_once("; ").unwrap();
    let secret = pair.strip_prefix("__Host-imgctl=").unwrap();
    assert!(
        secret.len() == 64 && secret.bytes().all(|it| b"0123456789abcdef".contains(&it)),
        "{set}"
    );
    assert_eq!(
        attributes,
        "Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict"
    );
    assert_eq!(
        (&answer.json()["actor"], &answer.json()["verbs"]),
        (&json!("user:ana"), &json!(["read"]))
    );
    assert!(answer.json()["expires_at"].is_string());
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(!body.contains(secret));
    for among in [
        pair.to_owned(),
        format!("theme=dark; {pair}"),
        format!("{pair}; theme=dark"),
        format!("a=b;{pair};c=d"),
        format!("x__Host-imgctl=0; {pair}"),
    ] {
        let answer = ask(&client, "GET", ME, &among);
        assert_eq!(
            (answer.status, &answer.json()["actor"]),
            (200, &json!("user:ana")),
            "{among}"
        );
    }
    for wrong in [
        format!("__Host-imgctl={}", "0".repeat(64)),
        format!("__Host-imgctl={}", secret.to_uppercase()),
        format!("__host-imgctl={secret}"),
        format!("imgctl={secret}"),
        format!("{pair}0"),
        format!("\"{pair}\""),
    ] {
        assert_eq!(ask(&client, "GET", ME, &wrong).status, 401, "{wrong}");
    }
    // A key beside it decides.
    let key = Client::with_key(&site, "ingest", None);
    let answer = key.send("GET", ME, &[("Cookie", pair)], b"");
    assert!(answer.json()["actor"].as_str().unwrap().starts_with("key:"));
    let wrong = Client::with_token(&site, "imgk_x");
    expect_problem(
        &wrong.send("GET", ME, &[("Cookie", pair)], b""),
        401,
        "key-wrong",
    );

    let out = ask(&client, "DELETE", "/api/v1/session", pair);
    assert_eq!(out.status, 204);
    let unset = out.header("set-cookie").unwrap();
    assert!(
        unset.starts_with("__Host-imgctl=; Path=/; Max-Age=0;"),
        "{unset}"
    );
    expect_problem(&ask(&client, "GET", ME, pair), 401, "session-over");
}

#[test]
fn a_role_is_a_set_of_verbs() {
    let site = Site::start();
    let client = Client::without_key(&site);
    let id = take_in(&Client::with_key(&site, "ingest", None), "", &image(1));
    for (name, role) in [("v", Role::Viewer), ("e", Role::Editor), ("a", Role::Admin)] {
        add_user(&site, name, role, PASSWORD);
        let cookie = cookie(&client, name, PASSWORD);
        let headers = [
            ("Cookie", &*cookie),
            ("Content-Type", "application/json"),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        let may = |method: &str, target: &str, body: &str| {
            client
                .send(
                    method,
                    &format!("/api/v1{target}"),
                    &headers,
                    body.as_bytes(),
                )
                .status
                != 403
        };
        let (writes, rules) = (role != Role::Viewer, role == Role::Admin);
        assert!(may("GET", "/images", "") && may("GET", "/status", ""));
        assert_eq!(
            may("PUT", &format!("/images/{id}/tags"), r#"{"tags":[]}"#),
            writes,
            "{name}"
        );
        assert_eq!(
            may("PUT", "/aliases?path=/x", &format!(r#"{{"id":"{id}"}}"#)),
            writes,
            "{name}"
        );
        assert_eq!(
            may("DELETE", &format!("/images/{id}?dry_run=true"), ""),
            writes,
            "{name}"
        );
        assert_eq!(may("POST", "/tickets", "{}"), writes, "{name}");
        assert_eq!(may("GET", "/keys", ""), rules, "{name}");
        assert_eq!(may("GET", "/audit", ""), rules, "{name}");
        assert_eq!(
            may("POST", "/keys", r#"{"name":"x","verbs":["read"]}"#),
            rules,
            "{name}"
        );
        assert_eq!(
            may(
                "DELETE",
                &format!("/images/{id}?dry_run=true&block=true"),
                ""
            ),
            rules,
            "{name}"
        );
    }
}

#[test]
fn what_changes_about_a_person_is_in_force_with_the_next_request() {
    let site = Site::start();
    let client = Client::without_key(&site);
    add_user(&site, "e", Role::Editor, PASSWORD);
    let editor = cookie(&client, "e", PASSWORD);
    act_beside(&site, async |origin, act| {
        origin
            .set_role(act, &"e".parse().unwrap(), Role::Viewer)
            .await
            .unwrap();
    });
    expect_problem(
        &ask(&client, "GET", "/api/v1/tickets", &editor),
        403,
        "verb-missing",
    );
    act_beside(&site, async |origin, act| {
        let password = Password::new("another password".to_owned()).unwrap();
        origin
            .set_password(act, &"e".parse().unwrap(), password)
            .await
            .unwrap();
    });
    expect_problem(&ask(&client, "GET", ME, &editor), 401, "session-over");
    expect_problem(&log_in(&client, "e", PASSWORD), 401, "login-wrong");
    let editor = cookie(&client, "e", "another password");
    act_beside(&site, async |origin, act| {
        origin
            .remove_user(act, &"e".parse().unwrap())
            .await
            .unwrap();
    });
    expect_problem(&ask(&client, "GET", ME, &editor), 401, "session-over");
    expect_problem(
        &log_in(&client, "e", "another password"),
        401,
        "login-wrong",
    );
}

#[test]
fn a_page_of_another_site_does_nothing_in_ones_name() {
    let site = Site::start();
    add_user(&site, "ana", Role::Editor, PASSWORD);
    let client = Client::without_key(&site);
    let cookie = cookie(&client, "ana", PASSWORD);
    let own = format!("http://127.0.0.1:{}", site.port());
    let post = |more: &[(&str, &str)]| {
        let mut headers = vec![("Cookie", &*cookie), ("Content-Type", "application/json")];
        headers.extend(more);
        client.send("POST", "/api/v1/tickets", &headers, b"{}")
    };
    for other in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", &own)],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "http://127.0.0.1.evil.example")],
        &[("Origin", "http://evil.example:8080")],
    ] {
        expect_problem(&post(other), 403, "cross-site");
    }
    let ours: [&[(&str, &str)]; 4] = [
        &[],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", &own)],
    ];
    for headers in ours {
        let answer = post(headers);
        assert_eq!(answer.status, 201, "{headers:?}: {answer:?}");
    }
    let headers = [("Cookie", &*cookie), ("Sec-Fetch-Site", "cross-site")];
    let out = client.send("DELETE", "/api/v1/session", &headers, b"");
    expect_problem(&out, 403, "cross-site");
    // Nor does a form, which can say no type but its own.
    let login = format!(r#"{{"name":"ana","password":"{PASSWORD}"}}"#);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let answer = client.send(
            "POST",
            "/api/v1/session",
            &[("Content-Type", kind)],
            login.as_bytes(),
        );
        expect_problem(&answer, 415, "content-type");
    }
}

#[test]
fn whoever_guesses_learns_nothing_and_is_slowed_down() {
    let site = Site::start();
    for name in ["ana", "bob"] {
        add_user(&site, name, Role::Viewer, PASSWORD);
    }
    let client = Client::without_key(&site);
    let timed = |name: &str| {
        let started = Instant::now();
        let mut answer = log_in(&client, name, "wrong password");
        let took = started.elapsed();
        expect_problem(&answer, 401, "login-wrong");
        answer.headers.retain(|(name, _)| name != "x-request-id");
        answer.body.truncate(answer.body.len() - 40);
        (took, answer)
    };
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..7 {
        let (known, said) = timed("ana");
        let (unknown, told) = timed(&format!("nobody{round}"));
        assert_eq!(said, told);
        times[0].push(known);
        times[1].push(unknown);
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[3].as_secs_f64() * 1e3
    });
    println!("median: wrong password {known:.1} ms, unknown user {unknown:.1} ms");
    assert!(known < 2.0 * unknown && unknown < 2.0 * known);
    for _ in 7..10 {
        timed("ana");
    }
    // Ten of one name, whoever asks; also with the right password.
    let limited = log_in(&client, "ana", PASSWORD);
    expect_problem(&limited, 429, "login-limited");
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(log_in(&client, "bob", PASSWORD).status, 201);
    // Thirty of one address, whatever it asks and whoever it says to be.
    let codes: Vec<u16> = thread::scope(|scope| {
        let tries = (0..20).map(|_| {
            let client = &client;
            scope.spawn(move || {
                let login = json!({"name": "x".repeat(50_000), "password": "y"}).to_string();
                let headers = [
                    ("Content-Type", "application/json"),
                    ("X-Forwarded-For", "192.0.2.7"),
                ];
                client
                    .send("POST", "/api/v1/session", &headers, login.as_bytes())
                    .status
            })
        });
        let tries: Vec<_> = tries.collect();
        tries.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(
        codes.iter().all(|code| [401, 429].contains(code)),
        "{codes:?}"
    );
    expect_problem(&log_in(&client, "bob", PASSWORD), 429, "login-limited");
}

#[test]
fn a_session_ends_by_itself() {
    let mut site = init_with_keys("api.session_lifetime_s = 2");
    site.start_imgd();
    site.start_nginx();
    add_user(&site, "ana", Role::Viewer, PASSWORD);
    let client = Client::without_key(&site);
    let answer = log_in(&client, "ana", PASSWORD);
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=2;"));
    let cookie = cookie(&client, "ana", PASSWORD);
    assert_eq!(ask(&client, "GET", ME, &cookie).status, 200);
    let began = Instant::now();
    wait_until("it is over", || {
        ask(&client, "GET", ME, &cookie).status == 401
    });
    assert!(began.elapsed() < Duration::from_secs(4));
    for body in [
        r#"{"name":"ana"}"#,
        r#"{"name":"ana","password":1}"#,
        r#"{"name":"ana","password":"x","role":"admin"}"#,
    ] {
        let answer = client.send(
            "POST",
            "/api/v1/session",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        );
        expect_problem(&answer, 400, "json-invalid");
    }
}

#[test]
fn what_one_may_no_more_is_not_answered_from_record_either() {
    let site = Site::start();
    let client = Client::without_key(&site);
    add_user(&site, "g", Role::Editor, PASSWORD);
    let cookie = cookie(&client, "g", PASSWORD);
    let make = || {
        let headers = [
            ("Cookie", cookie.as_str()),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "one"),
        ];
        client.send("POST", "/api/v1/tickets", &headers, b"{}")
    };
    assert_eq!(make().status, 201);
    assert_eq!(make().status, 201);

    site.imgctl_ok(["user", "role", "g", "viewer"]);

    expect_problem(&make(), 403, "verb-missing");
}
