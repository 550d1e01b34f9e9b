//! Uploads by key, through nginx: what is answered, and what stands afterwards.

use crate::api::Client;
use crate::harness::{Site, sample};

#[test]
fn an_upload_is_answered_with_all_that_a_page_needs() {
    let site = Site::start();
    let client = Client::with_key(&site, "read,ingest,alias", None);
    let bytes = sample("sunset.jpg");

    let answer = client.upload(
        "?alias=/shop/sunset.jpg&tags=evening,sea&derive=thumb",
        &bytes,
    );

    assert_eq!(answer.status, 201, "{answer:?}");
    let image = answer.json();
    assert_eq!(image["status"], "new");
    assert_eq!(image["type"], "jpg");
    assert_eq!(image["mime"], "image/jpeg");
    assert_eq!(image["bytes"], bytes.len());
    assert_eq!(image["tags"], serde_json::json!(["evening", "sea"]));
    assert_eq!(image["derived"], 2);
    assert!(image["blurhash"].as_str().unwrap().len() >= 20);
    assert!(image["dominant"].as_str().unwrap().starts_with('#'));
    assert!(image["srcset"]["webp"].as_str().unwrap().contains(" 320w"));
    let id = image["id"].as_str().unwrap();
    assert_eq!(site.get(&format!("/i/{id}.jpg")).body, bytes);
    assert_eq!(site.get("/shop/sunset.jpg").body, bytes);
    // What was derived ahead is a file: it is served without imgd.
    let again = client.upload("", &bytes);
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["status"], "known");
}
