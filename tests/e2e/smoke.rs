//! The main job in one test: photos in, nginx serves them.

use crate::harness::Site;

#[test]
fn an_ingested_image_and_its_thumbnail_are_served_without_imgd() {
    let mut site = Site::start();
    let id = site.ingest_sample("sunset.jpg");
    let original = site.get(&format!("/i/{id}.jpg"));
    let first = site.get(&format!("/i/{id}.thumb~1.webp"));

    site.stop_imgd();

    assert_eq!(site.get(&format!("/i/{id}.jpg")), original);
    assert_eq!(site.get(&format!("/i/{id}.thumb~1.webp")), first);
    assert_eq!((original.status, first.status), (200, 200));
    assert_eq!(first.header("content-type"), Some("image/webp"));
}
