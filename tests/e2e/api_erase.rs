//! Erasing: all of an image and nothing else, at once and for good.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::api::{Client, expect_problem};
use crate::audit::{check_tree, recorded};
use crate::beside::{image, take_in};
use crate::harness::{Response, Site, files_below, request, sample, wait_until};

pub(crate) fn url(id: &str) -> String {
    format!("/api/v1/images/{id}")
}

/// Files below original/, derived/ and alias/ with this id in their name or their bytes at their name.
pub(crate) fn files_of(data: &Path, id: &str, bytes: &[u8]) -> Vec<String> {
    let named = ["original", "derived"].into_iter().flat_map(|dir| {
        let files = files_below(&data.join(dir)).into_iter();
        files.map(|file| file.display().to_string())
    });
    let named = named.filter(|file| file.contains(id));
    let aliases = data.join("alias");
    let aliased = files_below(&aliases).into_iter();
    let aliased = aliased.filter(|file| fs::read(aliases.join(file)).is_ok_and(|it| it == bytes));
    named
        .chain(aliased.map(|file| file.display().to_string()))
        .collect()
}

/// What is on record stands whole, and nothing else does.
#[track_caller]
pub(crate) fn check_consistent(site: &Site) -> BTreeSet<String> {
    let standing = check_tree(&site.data());
    let on_record: BTreeSet<String> = recorded(site).into_keys().collect();
    assert_eq!(standing, on_record);
    for file in files_below(&site.data().join("derived")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            on_record.contains(name.split('.').next().unwrap()),
            "{name}"
        );
    }
    on_record
}

/// An image with every kind of URL, and another one beside it.
struct Whole {
    site: Site,
    client: Client,
    bytes: Vec<u8>,
    id: String,
    other: String,
    /// All that answer on any host: derivatives by preset, original, free options, two aliases.
    paths: Vec<String>,
}

impl Whole {
    fn new() -> Self {
        let site = Site::start();
        let client = Client::with_key(&site, "admin", None);
        let bytes = sample("sunset.jpg");
        let id = take_in(&client, "?alias=/shop/a.jpg&derive=all&tags=x", &bytes);
        for target in ["path=/shop/b.jpg", "path=/shop/c.jpg&host=img.example"] {
            let target = format!("/api/v1/aliases?{target}");
            let put = client.json("PUT", &target, &json!({"id": id}));
            assert_eq!(put.status, 201, "{put:?}");
        }
        let (signed, _) = site.imgctl_json(["sign", &id, "w=77", "webp"]);
        let host = format!("http://127.0.0.1:{}", site.port());
        let path = |url: &Value| url.as_str().unwrap().replace(&host, "");
        let shown = client.get(&url(&id)).json();
        let presets = shown["presets"].as_array().unwrap().iter();
        let mut paths: Vec<String> = presets.map(|preset| path(&preset["url"])).collect();
        paths.extend([format!("/i/{id}.jpg"), path(&signed[0]["url"])]);
        paths.extend(["/shop/a.jpg".to_owned(), "/shop/b.jpg".to_owned()]);
        for path in &paths {
            assert_eq!(site.get(path).status, 200, "{path}");
        }
        let other = take_in(&client, "?alias=/shop/other.jpg&derive=thumb", &image(1));
        Self {
            site,
            client,
            bytes,
            id,
            other,
            paths,
        }
    }

    fn files(&self) -> Vec<String> {
        files_of(&self.site.data(), &self.id, &self.bytes)
    }

    fn erase(&self, query: &str) -> Response {
        self.client.delete(&format!("{}{query}", url(&self.id)))
    }

    /// Asks for it in every way: it was erased, and the other image was not.
    fn check_gone(&self) {
        let (site, client, id) = (&self.site, &self.client, &self.id);
        assert!(self.files().is_empty());
        for path in &self.paths {
            let answer = site.get(path);
            assert_eq!(answer.status, 410, "{path}: {answer:?}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
            assert_eq!(answer.json()["code"], "erased");
        }
        let host = [("Host", "img.example")];
        assert_eq!(
            request(site.port(), "GET", b"/shop/c.jpg", &host).status,
            410
        );
        let ahead = format!("{}/derivatives", url(id));
        for answer in [
            client.get(&url(id)),
            self.erase(""),
            self.erase("?dry_run=true"),
            client.json("PUT", "/api/v1/aliases?path=/x.jpg", &json!({"id": id})),
            client.json("POST", &ahead, &json!({"presets": ["all"]})),
        ] {
            expect_problem(&answer, 410, "erased");
        }
        assert_eq!(site.get("/shop/other.jpg").status, 200);
        let derived = format!("/i/{}.thumb~1.webp", self.other);
        assert_eq!(site.get(&derived).status, 200);
    }
}

fn sorted(urls: &Value) -> Vec<String> {
    let urls = urls.as_array().unwrap().iter();
    let mut urls: Vec<String> = urls.map(|url| url.as_str().unwrap().to_owned()).collect();
    urls.sort();
    urls
}

#[test]
fn a_dry_run_names_all_and_takes_nothing() {
    let whole = Whole::new();
    let before = whole.files();
    assert_eq!(before.len(), 1 + 6 + 3, "{before:?}");

    let plan = whole.erase("?dry_run=true").json();

    let host = format!("http://127.0.0.1:{}", whole.site.port());
    let paths = whole.paths.iter();
    let full = paths.map(|path| format!("{host}{}", path.split('?').next().unwrap()));
    let mut expected: Vec<String> = full
        .chain(["//img.example/shop/c.jpg".to_owned()])
        .collect();
    expected.sort();
    assert_eq!(sorted(&plan["urls"]), expected);
    let numbers = [&plan["dry_run"], &plan["aliases"], &plan["derivatives"]];
    assert_eq!(numbers, [&json!(true), &json!(3), &json!(6)]);
    assert_eq!(whole.files(), before);
    for path in &whole.paths {
        assert_eq!(whole.site.get(path).status, 200, "{path}");
    }
    // To the byte, once the size of what was made on demand is on record.
    let data = whole.site.data();
    let files = ["original", "derived"].into_iter().flat_map(|dir| {
        let files = files_below(&data.join(dir)).into_iter();
        files
            .map(|file| data.join(dir).join(file))
            .collect::<Vec<_>>()
    });
    let files = files.filter(|file| file.to_str().unwrap().contains(&whole.id));
    let bytes: u64 = files.map(|file| fs::metadata(file).unwrap().len()).sum();
    wait_until("sizes are known", || {
        whole.erase("?dry_run=true").json()["bytes"].as_u64() == Some(bytes)
    });
    // And what it names is what goes.
    assert_eq!(sorted(&whole.erase("").json()["urls"]), expected);
}

#[test]
fn erasing_takes_all_of_one_image_and_nothing_else() {
    let mut whole = Whole::new();
    assert_eq!(whole.erase("?reason=asked").status, 200);
    whole.check_gone();
    whole.site.stop_imgd();
    whole.site.start_imgd();
    whole.check_gone();

    let again = whole.client.upload("", &whole.bytes);
    assert_eq!((again.status, &again.json()["id"]), (201, &json!(whole.id)));
    assert_eq!(again.json()["tags"], json!([]));
    let (names, others) = whole.paths.split_at(whole.paths.len() - 2);
    for path in names {
        assert_eq!(whole.site.get(path).status, 200, "{path}");
    }
    for path in others {
        assert_eq!(whole.site.get(path).status, 404, "{path}");
    }
    assert_eq!(whole.client.get(&url(&whole.id)).status, 200);

    assert_eq!(whole.erase("?block=true").json()["blocked"], true);
    expect_problem(&whole.client.upload("", &whole.bytes), 403, "blocked");
    let original = format!("/i/{}.jpg", whole.id);
    assert_eq!(whole.site.get(&original).status, 410);
    let block = format!("/api/v1/blocks/{}", whole.id);
    assert_eq!(whole.client.delete(&block).status, 204);
    assert_eq!(whole.client.upload("", &whole.bytes).status, 201);
    check_consistent(&whole.site);
}
