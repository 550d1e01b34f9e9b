//! What both databases must keep before there is a catalog.

use std::error::Error;

use crate::catalog::contract::{alone, id, image};
use crate::catalog::{
    CatalogError, CatalogSettings, CatalogUrl, SCHEMA_VERSION, SchemaReport, SchemaState,
    apply_schema, open, schema_state,
};
use crate::model::perceptual_hash::PerceptualHash;
use crate::model::record::Appearance;

/// `create` makes an empty database; `execute` runs one statement in it.
pub(super) async fn run(
    create: impl AsyncFn(&'static str) -> CatalogUrl,
    execute: impl AsyncFn(&CatalogUrl, &'static str),
) {
    let url = create("one").await;
    an_empty_database_is_refused_until_applied(&url).await;
    applying_again_changes_nothing(&url).await;
    looks_of_an_older_build_are_made_anew(&url, &execute).await;
    execute(&url, "INSERT INTO schema_version (version) VALUES (9999)").await;
    a_newer_schema_is_refused(&url).await;
    two_at_once_apply_once(&create("two").await).await;

    let url = create("three").await;
    execute(&url, "CREATE TABLE image (theirs TEXT)").await;
    a_step_is_made_whole_or_not_at_all(&url).await;
}

async fn an_empty_database_is_refused_until_applied(url: &CatalogUrl) {
    assert_eq!(schema_state(url).await.unwrap(), SchemaState::Empty);
    let refused = open(url, &CatalogSettings::default()).await.unwrap_err();
    assert_eq!(refused.code(), "catalog-schema");
    assert!(refused.to_string().contains("is empty"), "{refused}");
    assert!(refused.hint().unwrap().contains("imgctl schema apply"));

    let report = apply_schema(url).await.unwrap();

    let expected = SchemaReport {
        from: SchemaState::Empty,
        to: SCHEMA_VERSION,
        applied: (1..=SCHEMA_VERSION).collect(),
    };
    assert_eq!(report, expected);
    assert_eq!(schema_state(url).await.unwrap(), SchemaState::Current);
    let catalog = open(url, &CatalogSettings::default()).await.unwrap();
    catalog.close().await;
}

async fn applying_again_changes_nothing(url: &CatalogUrl) {
    let report = apply_schema(url).await.unwrap();
    assert_eq!(report.from, SchemaState::Current);
    assert!(report.applied.is_empty());
}

async fn looks_of_an_older_build_are_made_anew(
    url: &CatalogUrl,
    execute: &impl AsyncFn(&CatalogUrl, &'static str),
) {
    let catalog = open(url, &CatalogSettings::default()).await.unwrap();
    catalog.record_images(&[alone(&image(1))]).await.unwrap();
    let older = Appearance {
        blurhash: "L6PZfSi_.AyE_3t7t7R**0o#DgR4".to_owned(),
        thumbhash: vec![1],
        dominant_rgb: [1, 2, 3],
        palette: Vec::new(),
        perceptual_hash: PerceptualHash(1),
        sharpness: 1,
    };
    catalog.record_appearance(id(1), &older).await.unwrap();
    let as_before = "UPDATE appearance
        SET thumbhash = NULL, palette = NULL, phash = NULL, sharpness = NULL";
    execute(url, as_before).await;
    assert_eq!(catalog.find_appearance(id(1)).await.unwrap(), None);

    let anew = Appearance {
        blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned(),
        sharpness: 2,
        ..older
    };
    catalog.record_appearance(id(1), &anew).await.unwrap();

    assert_eq!(catalog.find_appearance(id(1)).await.unwrap(), Some(anew));
    catalog.close().await;
}

async fn a_newer_schema_is_refused(url: &CatalogUrl) {
    let newer = SchemaState::Newer { found: 9999 };
    assert_eq!(schema_state(url).await.unwrap(), newer);
    for refused in [
        open(url, &CatalogSettings::default()).await.unwrap_err(),
        apply_schema(url).await.unwrap_err(),
    ] {
        assert!(matches!(refused, CatalogError::Schema { state, .. } if state == newer));
        assert!(refused.to_string().contains("has schema 9999"), "{refused}");
        assert!(!refused.hint().unwrap().contains("schema apply"));
    }
}

async fn two_at_once_apply_once(url: &CatalogUrl) {
    let (one, two, three) = tokio::join!(apply_schema(url), apply_schema(url), apply_schema(url));
    let reports = [one.unwrap(), two.unwrap(), three.unwrap()];
    let mut applied: Vec<u32> = reports.into_iter().flat_map(|r| r.applied).collect();
    applied.sort_unstable();
    assert_eq!(applied, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    assert_eq!(schema_state(url).await.unwrap(), SchemaState::Current);
}

async fn a_step_is_made_whole_or_not_at_all(url: &CatalogUrl) {
    let error = apply_schema(url).await.unwrap_err();
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("already exists")
    );
    assert_eq!(schema_state(url).await.unwrap(), SchemaState::Empty);
}
