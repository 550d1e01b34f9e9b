//! The part of the contract that removing relies on: names given and taken, and bytes that are not wanted.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::contract::{alone, at_once, audited, entry, id, image, key, name};
use crate::catalog::{AliasOutcome, Catalog, NewImage};
use crate::model::alias::AliasName;
use crate::model::audit::Block;
use crate::model::image_id::ImageId;
use crate::model::media::OutputFormat;

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    an_alias_is_put_once(catalog).await;
    an_alias_at_once_is_new_once(catalogs).await;
    an_alias_is_taken_from_its_image_only(catalog).await;
    an_image_is_claimed_until_its_claims_are_over(catalog).await;
    a_block_keeps_its_first_entry(catalog).await;
    blocks_at_once_are_audited_if_they_block(catalogs).await;
    blocks_are_listed_by_id(catalog).await;
    a_block_is_removed_once(catalog).await;
}

async fn an_alias_is_put_once(catalog: &dyn Catalog) {
    record(catalog, 10_000, &[]).await;
    record(catalog, 10_001, &[]).await;
    let alias = name(Some("b.example"), "/put");
    let put = async |name: &AliasName, id| {
        let audit = entry("alias.put", "put");
        catalog.put_alias(name, id, &audit).await
    };
    assert_eq!(put(&alias, id(10_000)).await.unwrap(), AliasOutcome::New);
    assert_eq!(put(&alias, id(10_000)).await.unwrap(), AliasOutcome::Same);
    let by = id(10_000);
    let taken = put(&alias, id(10_001)).await.unwrap();
    assert_eq!(taken, AliasOutcome::Taken { by });
    assert_eq!(catalog.find_alias(&alias).await.unwrap(), Some(by));

    let other = name(None, "/put");
    assert!(put(&other, id(9_999_999)).await.is_err());
    assert_eq!(catalog.find_alias(&other).await.unwrap(), None);
    assert_eq!(audited(catalog, "put").await, ["alias.put"]);
}

async fn an_alias_at_once_is_new_once(catalogs: &[Arc<dyn Catalog>]) {
    let outcomes = at_once(catalogs, 12, |task, catalog| async move {
        let id = id(10_000 + task as u64 % 2);
        let audit = entry("alias.put", "put at once");
        let alias = name(None, "/put-at-once");
        (id, catalog.put_alias(&alias, id, &audit).await.unwrap())
    });
    let outcomes = outcomes.await;
    let by = catalogs[0].find_alias(&name(None, "/put-at-once")).await;
    let by = by.unwrap().unwrap();
    let new = outcomes.iter().filter(|(_, is)| *is == AliasOutcome::New);
    assert_eq!(new.count(), 1);
    for (id, outcome) in outcomes {
        let is_taken = outcome == AliasOutcome::Taken { by };
        assert_eq!(is_taken, id != by);
    }
    let actions = audited(&*catalogs[0], "put at once").await;
    assert_eq!(actions, ["alias.put"]);
}

async fn an_alias_is_taken_from_its_image_only(catalog: &dyn Catalog) {
    let (alias, other) = (name(None, "/take"), name(Some("b.example"), "/take"));
    record(catalog, 10_010, &[&alias, &other]).await;
    record(catalog, 10_011, &[]).await;
    let remove = async |name: &AliasName, id, at| {
        let audit = entry("alias.remove", "take");
        catalog.remove_alias(name, id, at, &audit).await.unwrap()
    };
    assert!(!remove(&alias, id(10_011), 5).await);
    assert!(!remove(&name(None, "/take/no"), id(10_010), 5).await);
    assert!(former_aliases(catalog, 10_010).await.is_empty());
    assert!(audited(catalog, "take").await.is_empty());

    assert!(remove(&alias, id(10_010), 5).await);
    assert!(!remove(&alias, id(10_010), 6).await);
    assert_eq!(catalog.find_alias(&alias).await.unwrap(), None);
    assert_eq!(catalog.find_alias(&other).await.unwrap(), Some(id(10_010)));
    let former = former_aliases(catalog, 10_010).await;
    assert_eq!(former, std::slice::from_ref(&alias));
    assert_eq!(audited(catalog, "take").await, ["alias.remove"]);

    let audit = entry("alias.put", "take");
    let put = catalog.put_alias(&alias, id(10_011), &audit).await;
    assert_eq!(put.unwrap(), AliasOutcome::New);
    assert!(remove(&alias, id(10_011), 7).await);
    assert!(remove(&other, id(10_010), 8).await);
    assert_eq!(
        former_aliases(catalog, 10_010).await,
        [alias.clone(), other]
    );
    assert_eq!(former_aliases(catalog, 10_011).await, [alias]);
}

async fn an_image_is_claimed_until_its_claims_are_over(catalog: &dyn Catalog) {
    let lease = Duration::from_millis(10);
    let claimed = async |now_ms| catalog.is_claimed(id(10_000), now_ms).await.unwrap();
    assert!(!claimed(100).await);
    for (variant, now_ms) in [("thumb~1", 100), ("thumb~2", 105)] {
        let key = key(10_000, variant, OutputFormat::Webp);
        let claim = catalog.claim_derivative(&key, "owner", now_ms, lease).await;
        claim.unwrap();
    }
    assert!(claimed(114).await);
    assert!(!claimed(115).await);
    assert!(!catalog.is_claimed(id(10_001), 100).await.unwrap());
    catalog.release_claims_of("owner").await.unwrap();
    assert!(!claimed(100).await);
}

async fn a_block_keeps_its_first_entry(catalog: &dyn Catalog) {
    assert_eq!(list_blocks(catalog, None, 1000).await, []);
    let first = Block {
        reason: Some("„spam“".to_owned()),
        ..block(10_200)
    };
    let other = Block {
        blocked_by: "user:zoë".to_owned(),
        ..block(10_200)
    };
    let plain = block(10_201);
    let add = async |blocks: &[Block]| {
        let audit = entry("image.block", "first entry");
        catalog.add_blocks(blocks, &audit).await.unwrap();
    };
    let actions = async || audited(catalog, "first entry").await.len();
    add(&[]).await;
    assert_eq!(actions().await, 0, "nothing changed");
    add(&[first.clone(), other.clone()]).await;
    let found = list_blocks(catalog, None, 9).await;
    assert_eq!(found, std::slice::from_ref(&first));
    assert_eq!(actions().await, 1);
    add(&[other.clone(), other.clone()]).await;
    assert_eq!(actions().await, 1, "nothing changed");
    add(&[other, plain.clone()]).await;
    assert_eq!(actions().await, 2);
    let mut expected = [first, plain];
    expected.sort_by_key(|block| block.id);
    assert_eq!(list_blocks(catalog, None, 9).await, expected);
}

async fn blocks_at_once_are_audited_if_they_block(catalogs: &[Arc<dyn Catalog>]) {
    at_once(catalogs, 12, |task, catalog| async move {
        let mut blocks: Vec<Block> = (10_210..10_220).map(block).collect();
        // Each in another order: who locks row by row as they come waits for ever.
        blocks.rotate_left(task % 10);
        let audit = entry("image.block", "block at once");
        catalog.add_blocks(&blocks, &audit).await.unwrap();
    })
    .await;
    let actions = audited(&*catalogs[0], "block at once").await;
    assert_eq!(actions, ["image.block"]);
}

async fn blocks_are_listed_by_id(catalog: &dyn Catalog) {
    let numbers = (10_200..10_202).chain(10_210..10_220);
    let mut expected: Vec<ImageId> = numbers.map(id).collect();
    expected.sort();
    let list = async |after, limit| {
        let blocks = list_blocks(catalog, after, limit).await;
        blocks.iter().map(|block| block.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 1000).await, expected);
    assert_eq!(list(None, 1).await, expected[..1]);
    assert_eq!(list(Some(expected[3]), 3).await, expected[4..7]);
    assert_eq!(list(expected.last().copied(), 3).await, []);

    let asked = [id(10_200), id(10_000), id(10_215), id(10_200)];
    let mut found = catalog.find_blocked(&asked).await.unwrap();
    found.sort();
    let mut expected = [id(10_200), id(10_215)];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(catalog.find_blocked(&[]).await.unwrap(), []);
}

async fn a_block_is_removed_once(catalog: &dyn Catalog) {
    let remove = async || {
        let audit = entry("image.unblock", "unblock");
        catalog.remove_block(id(10_200), &audit).await.unwrap()
    };
    assert!(remove().await);
    assert!(!remove().await);
    let asked = [id(10_200), id(10_201)];
    let found = catalog.find_blocked(&asked).await.unwrap();
    assert_eq!(found, [id(10_201)]);
    assert_eq!(audited(catalog, "unblock").await, ["image.unblock"]);
}

pub(super) async fn record(catalog: &dyn Catalog, n: u64, aliases: &[&AliasName]) {
    let new = NewImage {
        aliases: aliases.iter().copied().cloned().collect(),
        ..alone(&image(n))
    };
    let recorded = catalog.record_images(&[new]).await.unwrap();
    assert!(recorded[0].new);
    assert!(
        recorded[0]
            .aliases
            .iter()
            .all(|it| *it == AliasOutcome::New)
    );
}

pub(super) async fn former_aliases(catalog: &dyn Catalog, n: u64) -> Vec<AliasName> {
    catalog.list_former_aliases_of(id(n)).await.unwrap()
}

pub(super) fn block(n: u64) -> Block {
    Block {
        id: id(n),
        blocked_at: 2000,
        blocked_by: "user:ana".to_owned(),
        reason: None,
    }
}

async fn list_blocks(catalog: &dyn Catalog, after: Option<ImageId>, limit: u32) -> Vec<Block> {
    catalog.list_blocks(after, limit).await.unwrap()
}
