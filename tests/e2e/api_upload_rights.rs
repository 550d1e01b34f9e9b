//! What a key may name and keep.

use img_core::model::image_id::ImageId;
use serde_json::{Value, json};

use crate::api::{Client, expect_problem, new_key, receive};
use crate::api_upload::{check_untouched, staged, usage};
use crate::audit::{check_tree, recorded};
use crate::harness::Site;
use crate::specimen::png;

#[test]
fn an_alias_never_leaves_the_tree_or_shadows_what_is_ours() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", None);
    let (long, longer) = ("x".repeat(256), "/x".repeat(600));
    let paths = [
        "../x.jpg",
        "/../x.jpg",
        "/a/../../x.jpg",
        "/a/./x.jpg",
        "%252e%252e/x.jpg",
        "/a%252f..%252fx",
        "/i/x.jpg",
        "/i",
        "%252fi/x.jpg",
        "/api/v1/images",
        "/api",
        "/__store/x.jpg",
        "/%2569/x.jpg",
        "/a%0Ab.jpg",
        "/a%250Ab.jpg",
        "/a%2500.jpg",
        "/a%257f.jpg",
        "/.htaccess",
        "/a/.git/x",
        "/",
        "//",
        "//a.jpg",
        "/a//b.jpg",
        "/a/",
        &long,
        &longer,
    ];
    for path in paths {
        let answer = client.upload(&format!("?alias={path}"), &png(8, 8, 1));
        expect_problem(&answer, 400, "alias-invalid");
    }
    // A host is a directory too.
    let host_long = "x".repeat(254);
    let hosts = [
        "..",
        "../..",
        "../keys",
        "../../inbox",
        "_",
        "",
        ".",
        "a/b",
        "a%00",
        "a:80",
        "a%20b",
        "%2e%2e",
        &host_long,
    ];
    for host in hosts {
        let answer = client.upload(&format!("?alias=/k1.key&alias_host={host}"), &png(8, 8, 1));
        expect_problem(&answer, 400, "alias-invalid");
    }
    check_untouched(&site, &client);
}

#[test]
fn an_alias_may_have_any_bytes_and_a_host_of_its_own() {
    let site = Site::start();
    let client = Client::with_key(&site, "ingest,alias", None);
    // An empty one is none, as in a form that nobody filled in.
    assert_eq!(
        client.upload("?alias=", &png(8, 8, 1)).json()["alias"],
        Value::Null
    );
    let odd = client.upload(
        "?alias=shop/a%20b%252B%25FF.png&alias_host=IMG.example",
        &png(8, 8, 1),
    );
    assert_eq!(odd.status, 200, "{odd:?}");
    let host = [("Host", "img.example")];
    assert_eq!(
        site.request("GET", "/shop/a%20b+%FF.png", &host).status,
        200
    );
    assert_eq!(site.get("/shop/a%20b+%FF.png").status, 404);
}

#[test]
fn an_alias_belongs_to_one_image_and_to_whose_prefix_it_is() {
    let site = Site::start();
    let all = Client::with_key(&site, "ingest,alias", None);
    let shop = Client::with_key(&site, "ingest,alias", Some("/shop/"));
    let (first, second) = (png(8, 8, 1), png(8, 8, 2));
    assert_eq!(all.upload("?alias=/shop/a.png", &first).status, 201);
    assert_eq!(all.upload("?alias=/shop/a.png", &first).status, 200);

    let taken = shop.upload("?alias=/shop/a.png", &second);
    expect_problem(&taken, 409, "alias-taken");
    for (path, code) in [
        ("/shop/a.png/b.png", "alias-unusable"),
        ("/shop", "outside-prefix"),
    ] {
        let answer = shop.upload(&format!("?alias={path}"), &second);
        let status = if code == "outside-prefix" { 403 } else { 409 };
        expect_problem(&answer, status, code);
    }
    expect_problem(&all.upload("?alias=/shop", &second), 409, "alias-unusable");
    for outside in ["/a.png", "/shopper/a.png", "/shop.png", "/Shop/a.png"] {
        let target = format!("/api/v1/images?alias={outside}");
        // Before the body is sent.
        let stream = shop.open("POST", &target, &[], Some(1000));
        expect_problem(&receive(stream), 403, "outside-prefix");
    }
    let nameless = Client::with_key(&site, "ingest", None);
    expect_problem(
        &nameless.upload("?alias=/b.png", &second),
        403,
        "verb-missing",
    );
    expect_problem(
        &Client::with_key(&site, "read", None).upload("", &second),
        403,
        "verb-missing",
    );

    assert_eq!(recorded(&site).len(), 1);
    assert_eq!(
        check_tree(&site.data()).len(),
        1,
        "nothing of the second is stored"
    );
    assert_eq!(usage(&site, &shop), (0, 0));
    assert_eq!(staged(&site).len(), 0);
}

#[test]
fn a_quota_counts_what_is_kept_and_nothing_else() {
    let site = Site::start();
    let mut key = new_key("ingest,alias", None);
    key.quota.images_max = Some(2);
    let client = Client::with_new_key(&site, key);
    let admin = Client::with_key(&site, "admin", None);
    let [first, second, third, blocked] = [1, 2, 3, 4].map(|seed| png(8, 8, seed));
    let ids = json!({"ids": [ImageId::of(&blocked).to_string()]});
    assert_eq!(admin.json("POST", "/api/v1/blocks", &ids).status, 204);

    assert_eq!(client.upload("", &first).status, 201);
    for _ in 0..3 {
        expect_problem(&client.upload("", &blocked), 403, "blocked");
        expect_problem(&client.upload("", b"no image"), 415, "not-an-image");
        assert_eq!(usage(&site, &client), (first.len() as u64, 1));
    }
    assert_eq!(client.upload("", &second).status, 201);
    expect_problem(&client.upload("", &third), 403, "quota-passed");
    // What is here already needs none.
    assert_eq!(client.upload("?alias=/a.png", &first).status, 200);
    assert_eq!(usage(&site, &client).1, 2);
    assert_eq!(check_tree(&site.data()).len(), 2);
}
