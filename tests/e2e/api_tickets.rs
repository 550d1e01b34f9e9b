//! Uploads by ticket: whoever holds the URL may do what it says, as often as it says, and nothing else.

use std::io::Write;
use std::thread;
use std::time::SystemTime;

use img_core::imaging::noise_jpeg;
use serde_json::{Value, json};

use crate::api::{Client, expect_problem, new_key, receive};
use crate::api_upload::staged;
use crate::audit::recorded;
use crate::harness::{Response, Site, wait_until};
use crate::specimen::png;

pub(crate) const RAW: (&str, &str) = ("Content-Type", "image/png");
const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=x");

/// A ticket, and whoever holds its URL.
pub(crate) struct Holder {
    pub(crate) nobody: Client,
    issuer: Client,
    pub(crate) id: String,
    pub(crate) target: String,
}

impl Holder {
    #[track_caller]
    pub(crate) fn of(site: &Site, issuer: &Client, wishes: &Value) -> Self {
        let answer = issuer.json("POST", "/api/v1/tickets", wishes);
        assert_eq!(answer.status, 201, "{answer:?}");
        let ticket = answer.json();
        let url = ticket["url"].as_str().unwrap();
        let target = url.strip_prefix(&format!("http://127.0.0.1:{}", site.port()));
        Self {
            nobody: Client::without_key(site),
            issuer: issuer.clone(),
            id: ticket["id"].as_str().unwrap().to_owned(),
            target: target.unwrap().to_owned(),
        }
    }

    pub(crate) fn put(&self, more: &str, bytes: &[u8]) -> Response {
        let target = format!("{}{more}", self.target);
        self.nobody.send("PUT", &target, &[RAW], bytes)
    }

    pub(crate) fn post_form(
        &self,
        fields: &[(&str, &str)],
        bytes: &[u8],
        headers: &[(&str, &str)],
    ) -> Response {
        let mut form = Vec::new();
        for (name, value) in fields {
            let field = format!(
                "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            form.extend(field.as_bytes());
        }
        form.extend(
            b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        );
        form.extend([bytes, b"\r\n--x--\r\n"].concat());
        self.nobody
            .send("POST", &self.target, &[&[FORM], headers].concat(), &form)
    }

    pub(crate) fn uses_left(&self) -> u64 {
        let ticket = self
            .issuer
            .get(&format!("/api/v1/tickets/{}", self.id))
            .json();
        ticket["uses_left"].as_u64().unwrap()
    }
}

pub(crate) fn issuer(site: &Site) -> Client {
    Client::with_key(site, "ingest,alias,read", Some("/shop/"))
}

#[test]
fn a_ticket_is_used_as_often_as_it_says_in_any_way() {
    let site = Site::start();
    let issuer = issuer(&site);
    let ticket = Holder::of(&site, &issuer, &json!({"uses": 3}));
    assert_eq!(ticket.put("", &png(8, 8, 1)).status, 201);
    assert_eq!(ticket.post_form(&[], &png(8, 8, 2), &[]).status, 201);
    // The same again is a use too: something came of it.
    let raw = ticket
        .nobody
        .send("POST", &ticket.target, &[RAW], &png(8, 8, 2));
    assert_eq!(raw.status, 200, "{raw:?}");
    expect_problem(&ticket.put("", &png(8, 8, 3)), 403, "ticket-used-up");
    expect_problem(&ticket.nobody.get(&ticket.target), 403, "ticket-used-up");

    let ticket = Holder::of(&site, &issuer, &json!({"uses": 7}));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let uploads: Vec<_> = (0..20)
            .map(|seed| {
                scope.spawn({
                    let ticket = &ticket;
                    move || ticket.put("", &png(9, 9, seed)).status
                })
            })
            .collect();
        uploads
            .into_iter()
            .map(|upload| upload.join().unwrap())
            .collect()
    });
    let count = |status| statuses.iter().filter(|&&it| it == status).count();
    assert_eq!((count(201), count(403)), (7, 13), "{statuses:?}");
    assert_eq!((ticket.uses_left(), recorded(&site).len()), (0, 9));
    // In the name of whose key it is.
    let by = recorded(&site)
        .into_values()
        .all(|it| it["ingested_by"] == format!("key:{}", issuer.key_id()));
    assert!(by);
}

#[test]
fn no_character_of_a_ticket_can_be_another() {
    let site = Site::start();
    let ticket = Holder::of(&site, &issuer(&site), &json!({"uses": 1}));
    let start = "/api/v1/upload/".len();
    for at in start..ticket.target.len() {
        let mut altered = ticket.target.clone().into_bytes();
        altered[at] = if altered[at] == b'1' { b'2' } else { b'1' };
        let altered = String::from_utf8(altered).unwrap();
        let answer = ticket.nobody.send("PUT", &altered, &[RAW], &png(8, 8, 1));
        assert!(
            [400, 403, 404].contains(&answer.status),
            "{altered}: {answer:?}"
        );
        assert_eq!(answer.json()["request_id"].as_str().map(str::len), Some(32));
    }
    let (path, query) = ticket.target.split_once('?').unwrap();
    let (s, e) = query.split_once('&').unwrap();
    let never = format!("{path}?{s}&e=9999999999");
    let odd = [
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?{s}"),
        format!("{path}?{e}"),
        never,
        format!("{path}?{s}&e="),
        format!("{path}?{s}&e=x"),
        format!("{path}?{s}=&{e}"),
        format!("{path}?e=1&{query}"),
        ticket
            .target
            .to_uppercase()
            .replace("/API/V1/UPLOAD", "/api/v1/upload"),
    ];
    for target in odd {
        for method in ["PUT", "POST", "GET"] {
            let answer = ticket.nobody.send(method, &target, &[RAW], &png(8, 8, 1));
            assert!([400, 403].contains(&answer.status), "{target}: {answer:?}");
        }
    }
    assert_eq!((ticket.uses_left(), recorded(&site).len()), (1, 0));
    // The ticket of one id opens no other.
    let other = Holder::of(&site, &ticket.issuer, &json!({}));
    let mixed = ticket.target.replace(&ticket.id, &other.id);
    expect_problem(
        &ticket.nobody.send("PUT", &mixed, &[RAW], b""),
        403,
        "ticket-wrong",
    );
}

#[test]
fn a_ticket_ends_with_its_time_its_revocation_and_its_key() {
    let site = Site::start();
    let admin = Client::with_key(&site, "admin", None);
    let mut short = new_key("ingest", None);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    short.expires_at = Some(now.as_secs().cast_signed() + 3);
    let short = Holder::of(
        &site,
        &Client::with_new_key(&site, short),
        &json!({"uses": 9}),
    );
    let brief = Holder::of(&site, &admin, &json!({"expires_in_s": 1}));

    let revoked = Holder::of(&site, &issuer(&site), &json!({}));
    let target = format!("/api/v1/tickets/{}", revoked.id);
    // Another's is not there at all.
    expect_problem(&issuer(&site).delete(&target), 404, "unknown-ticket");
    assert_eq!(revoked.issuer.delete(&target).status, 204);
    expect_problem(&revoked.put("", &png(8, 8, 1)), 403, "ticket-revoked");

    let keyless = Holder::of(&site, &issuer(&site), &json!({"uses": 2}));
    assert_eq!(keyless.put("", &png(8, 8, 1)).status, 201);
    let key = format!("/api/v1/keys/{}", keyless.issuer.key_id());
    assert_eq!(admin.delete(&key).status, 204);
    expect_problem(&keyless.put("", &png(8, 8, 2)), 403, "ticket-wrong");

    let mut small = new_key("ingest", None);
    small.quota.images_max = Some(1);
    let quota = Holder::of(
        &site,
        &Client::with_new_key(&site, small),
        &json!({"uses": 9}),
    );
    assert_eq!(quota.put("", &png(8, 8, 3)).status, 201);
    expect_problem(&quota.put("", &png(8, 8, 4)), 403, "quota-passed");
    assert_eq!(quota.uses_left(), 8);

    let ended = |ticket: &Holder, code: &str| {
        let answer = ticket.put("", b"no image");
        answer.status == 403 && answer.json()["code"] == code
    };
    wait_until("the ticket expires", || ended(&brief, "ticket-expired"));
    wait_until("the key of the ticket expires", || {
        ended(&short, "ticket-wrong")
    });
    assert_eq!(recorded(&site).len(), 2);
}

#[test]
fn a_use_of_which_nothing_came_is_given_back() {
    let site = Site::start();
    let ticket = Holder::of(
        &site,
        &issuer(&site),
        &json!({"bytes_max": 600_000, "types": ["png", "gif"]}),
    );
    let large = noise_jpeg(900, 900, 1);
    expect_problem(&ticket.put("", b"no image"), 415, "not-an-image");
    expect_problem(&ticket.put("", &large[..100_000]), 422, "image-truncated");
    expect_problem(&ticket.put("", &large), 415, "type-refused");
    let too_large = ticket.put("", &vec![1; 600_001]);
    expect_problem(&too_large, 413, "limit-bytes");
    assert_eq!(too_large.json()["hint"], Value::Null);
    expect_problem(
        &ticket.put("&alias=/x.png", &png(8, 8, 1)),
        400,
        "ticket-alias",
    );
    expect_problem(
        &ticket.post_form(&[("tags", "a")], &png(8, 8, 1), &[]),
        400,
        "ticket-field",
    );
    assert_eq!(ticket.uses_left(), 1);
    let image = png(600, 600, 1);
    for part in [0, 1000, 300_000] {
        let mut stream = ticket
            .nobody
            .open("PUT", &ticket.target, &[RAW], Some(image.len()));
        stream.write_all(&image[..part]).unwrap();
        wait_until("it has been taken", || ticket.uses_left() == 0);
        drop(stream);
        wait_until("who went away has given it back", || {
            ticket.uses_left() == 1
        });
    }
    assert_eq!((recorded(&site).len(), staged(&site).len()), (0, 0));
}

#[test]
fn a_ticket_decides_the_alias_or_where_it_may_be() {
    let site = Site::start();
    let issuer = issuer(&site);
    let exact = json!({"alias": "/shop/a.png", "tags": ["b", "a"], "derive": ["thumb"], "uses": 2});
    let exact = Holder::of(&site, &issuer, &exact);
    let answer = exact.put("&modified=1000000000", &png(8, 8, 1)).json();
    assert!(answer["alias"].as_str().unwrap().ends_with("/shop/a.png"));
    assert_eq!(
        (&answer["tags"], &answer["derived"]),
        (&json!(["a", "b"]), &json!(2))
    );
    expect_problem(&exact.put("", &png(8, 8, 2)), 409, "alias-taken");
    assert_eq!(exact.uses_left(), 1);

    let below = Holder::of(
        &site,
        &issuer,
        &json!({"alias_prefix": "/shop/up/", "uses": 100}),
    );
    let none = below.put("", &png(8, 8, 3));
    assert_eq!((none.status, &none.json()["alias"]), (201, &Value::Null));
    let inside = below.put("&alias=/shop/up/b+c.png", &png(8, 8, 4));
    assert_eq!(inside.status, 201, "{inside:?}");
    assert_eq!(site.get("/shop/up/b%20c.png").status, 200);
    let by_form = below.post_form(&[("alias", "shop/up/d.png")], &png(8, 8, 5), &[]);
    assert_eq!(by_form.status, 201, "{by_form:?}");
    for outside in ["/a.png", "/shop/a2.png", "/shop/upper.png", "/shop/up"] {
        let by_form = below.post_form(&[("alias", outside)], &png(8, 8, 6), &[]);
        expect_problem(&by_form, 403, "outside-prefix");
        // In the query it is said before the body is sent.
        let target = format!("{}&alias={outside}", below.target);
        let stream = below.nobody.open("PUT", &target, &[RAW], Some(1000));
        expect_problem(&receive(stream), 403, "outside-prefix");
    }
    for climbing in [
        "/shop/up/../a.png",
        "/shop/up/%252e%252e/a.png",
        "/shop/up//a.png",
    ] {
        expect_problem(
            &below.put(&format!("&alias={climbing}"), &png(8, 8, 6)),
            400,
            "alias-invalid",
        );
    }
    assert_eq!(recorded(&site).len(), 4);
    for (wishes, status, code) in [
        (json!({"alias": "/a.png"}), 403, "outside-prefix"),
        (json!({"alias_prefix": "/sho/"}), 403, "outside-prefix"),
        (
            json!({"alias_prefix": "/shop/", "alias_host": "../keys"}),
            400,
            "alias-invalid",
        ),
        (
            json!({"alias": "/shop/x.png", "alias_host": ".."}),
            400,
            "alias-invalid",
        ),
        (json!({"uses": 0}), 400, "ticket-uses"),
        (json!({"expires_in_s": 0}), 400, "ticket-expires"),
        (json!({"expires_in_s": u64::MAX}), 400, "ticket-expires"),
        (json!({"derive": ["poster"]}), 400, "unknown-preset"),
        (json!({"callback_url": "ftp://a/"}), 400, "value-invalid"),
        (json!({"user": "x"}), 400, "json-invalid"),
    ] {
        expect_problem(
            &issuer.json("POST", "/api/v1/tickets", &wishes),
            status,
            code,
        );
    }
}
