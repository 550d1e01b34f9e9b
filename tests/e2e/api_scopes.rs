//! A key with a prefix, and what it tries beyond it.

use img_api::cursor;
use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::beside::{image, take_in};
use crate::harness::{Site, request};

/// A site with keys of two shops and one without bounds, each with an image, an alias and a tag.
struct Shops {
    site: Site,
    shop: Client,
    other: Client,
    whole: Client,
    of_shop: String,
    of_other: String,
    of_whole: String,
}

const VERBS: &str = "read,ingest,alias,erase";

fn shops() -> Shops {
    let site = Site::start();
    let shop = Client::with_key(&site, VERBS, Some("/shop/"));
    let other = Client::with_key(&site, VERBS, Some("/blog/"));
    let whole = Client::with_key(&site, "admin", None);
    let of_shop = take_in(&shop, "?alias=/shop/a.jpg&tags=x", &image(1));
    let of_other = take_in(&other, "?alias=/blog/a.jpg&tags=x", &image(2));
    let of_whole = take_in(&whole, "?tags=x", &image(3));
    Shops {
        site,
        shop,
        other,
        whole,
        of_shop,
        of_other,
        of_whole,
    }
}

fn listed(client: &Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/api/v1/images{query}"));
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let images = answer.json()["images"].take();
    let images = images.as_array().unwrap().iter();
    images
        .map(|image| image["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_list_ends_where_the_prefix_does() {
    let shops = shops();
    let Shops { shop, .. } = &shops;
    assert_eq!(listed(shop, ""), [&*shops.of_shop]);
    assert_eq!(listed(shop, "?tag=x"), [&*shops.of_shop]);
    assert_eq!(listed(shop, "?alias_prefix=shop"), [&*shops.of_shop]);
    assert!(listed(shop, "?alias_prefix=/shop/sub/").is_empty());
    for outside in [
        "/blog/",
        "/",
        "/sho/",
        "/shopping/",
        "/SHOP/",
        "/%73hop/../blog/",
        "/blog/%2fshop/",
        "/shop/../blog/",
        "//shop/",
        "/shop//x/",
    ] {
        let answer = shop.get(&format!("/api/v1/images?alias_prefix={outside}"));
        assert!([400, 403].contains(&answer.status), "{outside}: {answer:?}");
    }
    let answer = shop.get("/api/v1/images?alias_prefix=/blog/&alias_host=img.example");
    expect_problem(&answer, 403, "outside-prefix");
}

#[test]
fn a_cursor_leads_nobody_out_of_the_prefix() {
    let shops = shops();
    let Shops { shop, other, .. } = &shops;
    take_in(other, "?alias=/blog/b.jpg", &image(4));
    // Of another key, for the same words.
    let theirs = other.get("/api/v1/images?limit=1").json()["next"].take();
    let theirs = theirs.as_str().unwrap();
    let answer = shop.get(&format!("/api/v1/images?cursor={theirs}"));
    expect_problem(&answer, 400, "cursor-invalid");
    let whole = shops.whole.get("/api/v1/images?limit=1").json()["next"].take();
    let answer = shop.get(&format!(
        "/api/v1/images?cursor={}",
        whole.as_str().unwrap()
    ));
    expect_problem(&answer, 400, "cursor-invalid");
    // Made up by someone who has read our code.
    for (query, list) in [
        ("", "{}"),
        ("&alias_prefix=/shop/", r#"{"alias_prefix":"/shop/"}"#),
    ] {
        for position in [
            "/a",
            "/blog/",
            "/blog/a.jpg",
            "/",
            "",
            "/shop/..",
            "/shop/%2e%2e/a",
        ] {
            let forged = cursor::encode(list, position);
            let answer = shop.get(&format!("/api/v1/images?cursor={forged}{query}"));
            expect_problem(&answer, 400, "cursor-invalid");
        }
        let honest = cursor::encode(list, "/shop/0");
        let answer = listed(shop, &format!("?cursor={honest}{query}"));
        assert_eq!(answer, [&*shops.of_shop]);
    }
}

#[test]
fn names_outside_are_neither_given_nor_taken_nor_told() {
    let shops = shops();
    let Shops { shop, .. } = &shops;
    let target = json!({"id": shops.of_shop});
    for path in [
        "/blog/a.jpg",
        "/blog/new.jpg",
        "/x.jpg",
        "/shop",
        "/shopping/a.jpg",
        "/SHOP/a.jpg",
        "/blog/%2e%2e/shop/a.jpg",
        "/shop/../blog/b.jpg",
        "/shop/%252e%252e/x",
        "/shop/%2e%2e/b.jpg",
        "/%2fshop/a.jpg",
        "//shop/a.jpg",
        "/shop//a.jpg",
        "/shop/.x",
        "/./shop/a.jpg",
        "/shop/a%00.jpg",
        "/shop%2f..%2fblog%2fc.jpg",
    ] {
        // Once as the API decodes it, once with the encoding of the query around it.
        for path in [path.to_owned(), path.replace('%', "%25")] {
            let target_of = format!("/api/v1/aliases?path={path}");
            let put = shop.json("PUT", &target_of, &target);
            if put.status == 201 && path.contains("%25252e") {
                // A name with percent signs in it, within the prefix.
                continue;
            }
            assert!([400, 403].contains(&put.status), "{path}: {put:?}");
            for answer in [shop.get(&target_of), shop.delete(&target_of)] {
                assert!([400, 403].contains(&answer.status), "{path}: {answer:?}");
            }
            let upload = shop.upload(&format!("?alias={path}"), &image(9));
            assert!([400, 403].contains(&upload.status), "{path}: {upload:?}");
        }
    }
}

#[test]
fn a_host_is_no_way_around_the_prefix() {
    let shops = shops();
    let Shops { shop, .. } = &shops;
    let target = json!({"id": shops.of_shop});
    // Hosts are no way around: a name of one host is below the prefix too, and a host is no path.
    for host in [
        "_",
        "..",
        "../original",
        "_/blog",
        "img.example/blog",
        "a:80",
        "",
        "a%00",
        "%2e%2e",
    ] {
        let target_of = format!("/api/v1/aliases?path=/shop/h.jpg&host={host}");
        let put = shop.json("PUT", &target_of, &target);
        expect_problem(&put, 400, "alias-invalid");
        let upload = shop.upload(&format!("?alias=/shop/h.jpg&alias_host={host}"), &image(9));
        expect_problem(&upload, 400, "alias-invalid");
        let ticket = json!({"alias": "/shop/h.jpg", "alias_host": host});
        let answer = shop.json("POST", "/api/v1/tickets", &ticket);
        if !host.contains('%') {
            expect_problem(&answer, 400, "alias-invalid");
        }
    }
    let put = shop.json(
        "PUT",
        "/api/v1/aliases?path=/blog/h.jpg&host=img.example",
        &target,
    );
    expect_problem(&put, 403, "outside-prefix");
    let put = shop.json(
        "PUT",
        "/api/v1/aliases?path=/shop/h.jpg&host=IMG.Example",
        &target,
    );
    assert_eq!(
        (put.status, put.json()["host"].as_str()),
        (201, Some("img.example"))
    );
    let host = [("Host", "img.example")];
    assert_eq!(
        request(shops.site.port(), "GET", b"/shop/h.jpg", &host).status,
        200
    );
    assert_eq!(shops.site.get("/shop/h.jpg").status, 404);
}

#[test]
fn names_of_others_are_not_told() {
    let shops = shops();
    let Shops { shop, .. } = &shops;
    let put = shop.json(
        "PUT",
        "/api/v1/aliases?path=/shop/b.jpg",
        &json!({"id": shops.of_other}),
    );
    assert_eq!(put.status, 201);
    let url = format!("/api/v1/images/{}", shops.of_other);
    let seen = shop.get(&url).json();
    let aliases: Vec<&str> = seen["aliases"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        matches!(&aliases[..], [one] if one.ends_with("/shop/b.jpg")),
        "{aliases:?}"
    );
    for answer in [
        shop.get(&url),
        shop.delete(&url),
        shop.delete(&format!("{url}?dry_run=true")),
    ] {
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("/blog/"),
            "{answer:?}"
        );
    }
}

#[test]
fn images_of_others_are_neither_erased_nor_tagged() {
    let shops = shops();
    let Shops { shop, .. } = &shops;
    let url = |id: &str| format!("/api/v1/images/{id}");
    for id in [&shops.of_other, &shops.of_whole] {
        for named in [false, true] {
            if named {
                // A name of one's own makes it no more one's own.
                let name = format!("/api/v1/aliases?path=/shop/{id}.jpg");
                assert_eq!(shop.json("PUT", &name, &json!({"id": id})).status, 201);
            }
            let tags = format!("{}/tags", url(id));
            for answer in [
                shop.delete(&url(id)),
                shop.delete(&format!("{}?dry_run=true", url(id))),
                shop.json("PUT", &tags, &json!({"tags": []})),
                shop.json("PATCH", &tags, &json!({"remove": ["x"]})),
            ] {
                expect_problem(&answer, 403, "not-yours");
            }
        }
    }
    // One's own, unless someone else relies on it.
    let name = "/api/v1/aliases?path=/blog/theirs.jpg";
    let put = shops.other.json("PUT", name, &json!({"id": shops.of_shop}));
    assert_eq!(put.status, 201);
    let answer = shop.delete(&url(&shops.of_shop));
    expect_problem(&answer, 403, "image-shared");
    assert!(
        !String::from_utf8_lossy(&answer.body).contains("theirs"),
        "{answer:?}"
    );
    assert_eq!(shops.other.delete(name).status, 200);
    let answer = shop.delete(&format!("{}?block=true", url(&shops.of_shop)));
    expect_problem(&answer, 403, "verb-missing");
    let answer = shop.delete(&format!("{}?block=true&dry_run=true", url(&shops.of_shop)));
    expect_problem(&answer, 403, "verb-missing");
    // Another key of the same shop, or one for all of it and more, may act for it.
    let heir = Client::with_key(&shops.site, VERBS, Some("/shop/"));
    let below = Client::with_key(&shops.site, VERBS, Some("/shop/new/"));
    let tags = format!("{}/tags", url(&shops.of_shop));
    let tag = json!({"add": ["sale"]});
    expect_problem(&below.json("PATCH", &tags, &tag), 403, "not-yours");
    assert_eq!(heir.json("PATCH", &tags, &tag).status, 200);
    assert_eq!(heir.delete(&url(&shops.of_shop)).status, 200);
}

#[test]
fn an_administrator_of_one_prefix_gets_no_further() {
    let shops = shops();
    let admin = Client::with_key(&shops.site, "admin", Some("/shop/"));
    let create = |prefix: Option<&str>| {
        let key = json!({"name": "x", "verbs": ["admin"], "prefix": prefix});
        admin.json("POST", "/api/v1/keys", &key)
    };
    for wider in [
        None,
        Some("/blog/"),
        Some("/sho/"),
        Some("/shopping/"),
        Some("/SHOP/"),
    ] {
        expect_problem(&create(wider), 403, "more-than-own");
    }
    for wrong in ["/", "", "..", "/shop/../", "/i/", "/api/"] {
        expect_problem(&create(Some(wrong)), 400, "value-invalid");
    }
    assert_eq!(create(Some("/shop/")).status, 201);
    assert_eq!(create(Some("/shop/new/")).status, 201);
    // The secret of a wider key is worth as much as a wider key.
    for wider in [&shops.whole, &shops.other] {
        let key = format!("/api/v1/keys/{}", wider.key_id());
        let rotated = admin.json("POST", &format!("{key}/rotate"), &json!({}));
        expect_problem(&rotated, 403, "more-than-own");
        expect_problem(&admin.delete(&key), 403, "more-than-own");
        assert_eq!(wider.get("/api/v1/me").status, 200);
    }
    let keys = admin.get("/api/v1/keys").json()["keys"].take();
    let prefixes = keys.as_array().unwrap().iter().map(|key| &key["prefix"]);
    let own = |prefix: &Value| prefix.as_str().is_some_and(|it| it.starts_with("/shop/"));
    assert_eq!(
        prefixes.filter(|prefix| own(prefix)).count(),
        keys.as_array().unwrap().len()
    );
    // So is the URL of a ticket for elsewhere.
    let ticket = json!({"alias": "/blog/ticket.jpg"});
    let ticket = shops.other.json("POST", "/api/v1/tickets", &ticket).json();
    let ticket = format!("/api/v1/tickets/{}", ticket["id"].as_str().unwrap());
    expect_problem(&admin.get(&ticket), 404, "unknown-ticket");
    expect_problem(&admin.delete(&ticket), 404, "unknown-ticket");
    assert!(
        admin.get("/api/v1/tickets").json()["tickets"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    for ticket in [
        json!({"alias": "/blog/x.jpg"}),
        json!({"alias_prefix": "/blog/"}),
        json!({"alias_prefix": "/shopping/"}),
    ] {
        let answer = admin.json("POST", "/api/v1/tickets", &ticket);
        expect_problem(&answer, 403, "outside-prefix");
    }
    // What concerns everyone.
    let id = &shops.of_other;
    for answer in [
        admin.get("/api/v1/blocks"),
        admin.json("POST", "/api/v1/blocks", &json!({"ids": [id]})),
        admin.delete(&format!("/api/v1/blocks/{id}")),
        admin.get("/api/v1/audit"),
    ] {
        expect_problem(&answer, 403, "outside-prefix");
    }
    expect_problem(
        &admin.delete(&format!("/api/v1/images/{id}")),
        403,
        "not-yours",
    );
}
