//! Names: given, asked for, taken away; of any bytes, of one host or all, and never out of their tree.

use serde_json::json;

use crate::api::{Client, expect_problem};
use crate::beside::{image, take_in};
use crate::harness::{Site, request};

fn at(query: &str) -> String {
    format!("/api/v1/aliases?{query}")
}

#[test]
fn a_name_is_given_once_and_taken_away() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let (one, two) = (image(1), image(2));
    let (first, second) = (take_in(&client, "", &one), take_in(&client, "", &two));
    let put =
        |id: &str, path: &str| client.json("PUT", &at(&format!("path={path}")), &json!({"id": id}));
    expect_problem(&client.get(&at("path=/shop/a.jpg")), 404, "unknown-alias");
    // Remembered as absent by nobody: the name works at once.
    assert_eq!(site.get("/shop/a.jpg").status, 404);

    let answer = put(&first, "/shop/a.jpg");

    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (201, &json!("new"))
    );
    assert_eq!(
        answer.json()["url"],
        format!("http://127.0.0.1:{}/shop/a.jpg", site.port())
    );
    assert_eq!(site.get("/shop/a.jpg").body, one);
    // The slash at its start is optional.
    let answer = put(&first, "shop/a.jpg");
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (200, &json!("same"))
    );
    expect_problem(&put(&second, "/shop/a.jpg"), 409, "alias-taken");
    assert_eq!(site.get("/shop/a.jpg").body, one);
    assert_eq!(put(&first, "/shop/b.jpg").status, 201);
    let asked = client.get(&at("path=/shop/a.jpg")).json();
    assert_eq!(
        (&asked["status"], &asked["id"]),
        (&json!("named"), &json!(first))
    );

    let removed = client.delete(&at("path=/shop/a.jpg&reason=moved"));

    assert_eq!(
        (removed.status, &removed.json()["id"]),
        (200, &json!(first))
    );
    assert_eq!(site.get("/shop/a.jpg").status, 404);
    assert!(!site.data().join("alias/_/shop/a.jpg").exists());
    expect_problem(
        &client.delete(&at("path=/shop/a.jpg")),
        404,
        "unknown-alias",
    );
    for path in ["/shop/b.jpg", &format!("/i/{first}.jpg")] {
        assert_eq!(site.get(path).body, one, "{path}");
    }
    assert_eq!(put(&second, "/shop/a.jpg").status, 201);
    assert_eq!(site.get("/shop/a.jpg").body, two);
    let nobody = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9";
    expect_problem(&put(nobody, "/shop/c.jpg"), 404, "unknown-image");
    for wrong in [
        "",
        "x",
        &nobody.to_uppercase(),
        &nobody[1..],
        "../../etc/passwd",
    ] {
        expect_problem(&put(wrong, "/shop/c.jpg"), 400, "value-invalid");
    }
    expect_problem(
        &client.json("PUT", &at(""), &json!({"id": first})),
        400,
        "query-invalid",
    );
    let unknown = client.json("PUT", &at("path=/x&force=true"), &json!({"id": first}));
    expect_problem(&unknown, 400, "query-invalid");
    let unknown = client.json("PUT", &at("path=/x"), &json!({"id": first, "force": true}));
    expect_problem(&unknown, 400, "json-invalid");
}

#[test]
fn names_of_any_bytes_come_back_as_they_were() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let id = take_in(&client, "", &image(1));
    // In the query, `%` is escaped once more; where it is not, what it stands for must be text.
    for (query, url) in [
        ("/n/%25D6%25D0.jpg", "/n/%D6%D0.jpg"),
        ("/n/%25FF%2520a.jpg", "/n/%FF%20a.jpg"),
        ("/n/%C3%A9t%C3%A9.jpg", "/n/%C3%A9t%C3%A9.jpg"),
        ("/n/a+b.jpg", "/n/a%20b.jpg"),
        ("/n/a%2Bb.jpg", "/n/a%2Bb.jpg"),
        ("/n/%2525.jpg", "/n/%25.jpg"),
        ("/n/%253Fa=b.jpg", "/n/%3Fa%3Db.jpg"),
        ("/n/%F0%9F%90%B1", "/n/%F0%9F%90%B1"),
        ("/n/%252e.jpg", ""),
        ("/n/'%22%3Cscript%3E.jpg", "/n/%27%22%3Cscript%3E.jpg"),
    ] {
        let put = client.json("PUT", &at(&format!("path={query}")), &json!({"id": id}));
        if url.is_empty() {
            expect_problem(&put, 400, "alias-invalid");
            continue;
        }
        assert_eq!(
            (put.status, &put.json()["path"]),
            (201, &json!(url)),
            "{query}"
        );
        assert_eq!(site.get(url).body, image(1), "{url}");
        assert_eq!(client.get(&at(&format!("path={query}"))).status, 200);
    }
    // Bytes that are no text are not taken for others.
    let put = client.json("PUT", &at("path=/n/%FF.jpg"), &json!({"id": id}));
    expect_problem(&put, 400, "query-invalid");
    let listed = client.get("/api/v1/images?alias_prefix=/n/").json();
    assert_eq!(listed["images"].as_array().unwrap().len(), 9);
}

#[test]
fn names_that_climb_out_shadow_or_hold_control_bytes_are_refused() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let id = take_in(&client, "", &image(1));
    let long = format!("/{}", "x".repeat(256));
    let deep = "/x".repeat(600);
    for path in [
        "",
        "/",
        "//",
        "..",
        "/..",
        "/../x",
        "/a/../b",
        "/a/./b",
        "/a//b",
        "/a/",
        "/.a",
        "/a/.htaccess",
        "/%252e%252e/x",
        "/a/%252e%252e/%252e%252e/x",
        "/a%252f..%252f..%252fx",
        "/%25252e",
        "/i/x.jpg",
        "/i",
        "/%2569/x.jpg",
        "/api/x",
        "/api",
        "/%2561pi/x",
        "/__store/x",
        "/__x",
        "i/x",
        "api/v1/images",
        "/a%0Ab",
        "/a%250Ab",
        "/a%2500",
        "/a%00",
        "/a%257F",
        "/a%2509",
        &long,
        &deep,
    ] {
        let answers = [
            client.json("PUT", &at(&format!("path={path}")), &json!({"id": id})),
            client.get(&at(&format!("path={path}"))),
            client.delete(&at(&format!("path={path}"))),
        ];
        if path == "/%25252e" {
            // Decoded twice it is `%2e`: a name with a percent sign, and no dot.
            assert_eq!(answers[0].status, 201);
            continue;
        }
        for answer in answers {
            assert_eq!(answer.status, 400, "{path}: {answer:?}");
            expect_problem(&answer, 400, "alias-invalid");
        }
    }
    assert_eq!(site.get(&format!("/i/{id}.jpg")).status, 200);
}

#[test]
fn a_file_is_no_directory() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let id = take_in(&client, "", &image(1));
    assert_eq!(
        client
            .json("PUT", &at("path=/d/a.jpg"), &json!({"id": id}))
            .status,
        201
    );
    for conflict in ["/d", "/d/a.jpg/b", "/d/a.jpg/b/c"] {
        let put = client.json("PUT", &at(&format!("path={conflict}")), &json!({"id": id}));
        expect_problem(&put, 409, "alias-unusable");
        expect_problem(
            &client.get(&at(&format!("path={conflict}"))),
            404,
            "unknown-alias",
        );
    }
    assert_eq!(client.delete(&at("path=/d/a.jpg")).status, 200);
    assert_eq!(
        client
            .json("PUT", &at("path=/d"), &json!({"id": id}))
            .status,
        201
    );
    assert_eq!(site.get("/d").body, image(1));
}

#[test]
fn a_host_has_names_of_its_own_before_those_of_all() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let (one, two) = (
        take_in(&client, "", &image(1)),
        take_in(&client, "", &image(2)),
    );
    let get = |host: &str| request(site.port(), "GET", b"/h.jpg", &[("Host", host)]);
    let put = |query: &str, id: &str| client.json("PUT", &at(query), &json!({"id": id})).status;
    assert_eq!(put("path=/h.jpg", &one), 201);
    assert_eq!(put("path=/h.jpg&host=B.example", &two), 201);
    assert_eq!(get("a.example").body, image(1));
    for host in ["b.example", "B.EXAMPLE", "b.example:8080", "b.example."] {
        assert_eq!(get(host).body, image(2), "{host}");
    }
    assert_eq!(
        client.get(&at("path=/h.jpg&host=b.example")).json()["id"],
        two
    );
    assert_eq!(client.get(&at("path=/h.jpg")).json()["id"], one);
    expect_problem(
        &client.get(&at("path=/h.jpg&host=c.example")),
        404,
        "unknown-alias",
    );
    assert_eq!(client.delete(&at("path=/h.jpg&host=b.example")).status, 200);
    assert_eq!(get("b.example").body, image(1));
    assert_eq!(client.delete(&at("path=/h.jpg")).status, 200);
    assert_eq!(get("b.example").status, 404);
}
