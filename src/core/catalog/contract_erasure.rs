//! The part of the contract that erasing images relies on.

use std::sync::Arc;

use crate::catalog::contract::{alone, at_once, audited, entry, id, image, key, name};
use crate::catalog::contract_access::{added_key, api_key, used};
use crate::catalog::contract_removal::{block, former_aliases, record};
use crate::catalog::search::TagChange;
use crate::catalog::{Catalog, CatalogError, Failure, NewImage};
use crate::model::alias::AliasName;
use crate::model::audit::Tombstone;
use crate::model::grant::{Key, Quota, Usage};
use crate::model::media::{MediaType, OutputFormat};
use crate::model::perceptual_hash::PerceptualHash;
use crate::model::record::{Appearance, Derivative, Image};

const FORMAT: OutputFormat = OutputFormat::Webp;

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    an_erased_image_leaves_its_urls(catalog).await;
    an_erasure_gives_the_quota_back(catalog).await;
    a_tombstone_is_found_by_the_last_name(catalog).await;
    an_image_comes_back_once_its_files_are_gone(catalog).await;
    an_unknown_image_is_not_erased(catalog).await;
    an_image_at_once_is_erased_once(catalogs).await;
    an_image_is_erased_while_others_use_it(catalogs).await;
    unfinished_erasures_are_listed(catalog).await;
}

async fn an_erased_image_leaves_its_urls(catalog: &dyn Catalog) {
    let (alias, other) = (name(None, "/erased"), name(Some("b.example"), "/erased"));
    let media = MediaType::Gif;
    let recorded = NewImage {
        aliases: vec![alias.clone(), other.clone()],
        tags: vec!["erased".parse().unwrap()],
        ..alone(&Image {
            media,
            ..image(10_020)
        })
    };
    catalog.record_images(&[recorded]).await.unwrap();
    let variants = ["thumb~1", "w=320"];
    let ledger = variants.map(|variant| derivative(10_020, variant));
    catalog.record_derivatives(&ledger).await.unwrap();
    let appearance = Appearance {
        blurhash: "LEHV6nWB2yk8pyo0adR*".to_owned(),
        thumbhash: vec![1, 2, 3],
        dominant_rgb: [1, 2, 3],
        palette: Vec::new(),
        perceptual_hash: PerceptualHash(1),
        sharpness: 1,
    };
    let erased = id(10_020);
    let shown = catalog.record_appearance(erased, &appearance).await;
    shown.unwrap();
    let failure = Failure {
        code: "image-truncated".to_owned(),
        detail: String::new(),
        until_ms: i64::MAX,
    };
    let failed = key(10_020, "thumb~2", FORMAT);
    catalog.record_failure(&failed, &failure).await.unwrap();
    let before = catalog.totals().await.unwrap();

    let tombstone = Tombstone {
        media,
        ..tombstone(10_020)
    };
    let block = block(10_020);
    let audit = entry("image.erase", "erased");
    let done = catalog.erase_image(&tombstone, Some(&block), &audit).await;
    assert!(done.unwrap());

    assert_eq!(catalog.find_image(erased).await.unwrap(), None);
    assert_eq!(catalog.find_alias(&alias).await.unwrap(), None);
    assert_eq!(catalog.list_aliases_of(erased).await.unwrap(), []);
    assert_eq!(catalog.list_derivatives_of(erased).await.unwrap(), []);
    assert_eq!(catalog.list_tags_of(erased).await.unwrap(), []);
    assert_eq!(catalog.find_appearance(erased).await.unwrap(), None);
    let after = catalog.totals().await.unwrap();
    assert_eq!(after.failures, before.failures - 1);
    assert_eq!(former_aliases(catalog, 10_020).await, [alias, other]);
    let former = catalog.list_former_derivatives_of(erased).await.unwrap();
    assert_eq!(former, variants.map(|it| key(10_020, it, FORMAT)));
    let found = catalog.find_tombstone(erased).await.unwrap();
    assert_eq!(found, Some(tombstone));
    assert_eq!(catalog.find_blocked(&[erased]).await.unwrap(), [erased]);
    assert_eq!(audited(catalog, "erased").await, ["image.erase"]);
}

async fn an_erasure_gives_the_quota_back(catalog: &dyn Catalog) {
    let limited = Key {
        quota: Quota {
            bytes_max: Some(1 << 40),
            images_max: Some(10),
        },
        ..api_key(500)
    };
    let limited = added_key(catalog, limited).await;
    let other = added_key(catalog, api_key(501)).await;
    let usage = Usage {
        bytes: 100_000,
        images: 2,
    };
    for key in [&limited, &other] {
        assert!(catalog.charge_key(key.id, usage).await.unwrap());
    }
    let by_key = Image {
        ingested_by: format!("key:{}", limited.id),
        ..image(10_030)
    };
    catalog.record_images(&[alone(&by_key)]).await.unwrap();
    assert!(erase(catalog, 10_030).await);
    let left = usage.bytes - by_key.size_bytes;
    assert_eq!(used(catalog, &limited).await, (left, 1));
    assert!(!erase(catalog, 10_030).await);
    assert_eq!(used(catalog, &limited).await, (left, 1));
    assert_eq!(used(catalog, &other).await, (100_000, 2));
}

async fn a_tombstone_is_found_by_the_last_name(catalog: &dyn Catalog) {
    let (alias, kept) = (name(None, "/last"), name(None, "/last/kept"));
    record(catalog, 10_040, &[&alias, &kept]).await;
    let found = async |name: &AliasName| {
        let found = catalog.find_tombstone_of_alias(name).await.unwrap();
        found.map(|tombstone| tombstone.id)
    };
    assert_eq!(found(&alias).await, None);
    assert!(erase(catalog, 10_040).await);
    assert_eq!(found(&alias).await, Some(id(10_040)));
    assert_eq!(found(&kept).await, Some(id(10_040)));
    assert_eq!(found(&name(Some("b.example"), "/last")).await, None);

    // It named another image since, which was not erased.
    record(catalog, 10_041, &[&alias]).await;
    let at = tombstone(10_040).erased_at + 1;
    let audit = entry("alias.remove", "");
    let removed = catalog.remove_alias(&alias, id(10_041), at, &audit).await;
    assert!(removed.unwrap());
    assert_eq!(found(&alias).await, None);
    assert!(erase(catalog, 10_041).await);
    assert_eq!(found(&alias).await, Some(id(10_041)));
    assert_eq!(found(&kept).await, Some(id(10_040)));
}

async fn an_image_comes_back_once_its_files_are_gone(catalog: &dyn Catalog) {
    let erased = id(10_050);
    record(catalog, 10_050, &[]).await;
    assert!(erase(catalog, 10_050).await);
    let alias = name(None, "/back");
    let of = |n| NewImage {
        aliases: vec![alias.clone()],
        tags: vec!["back".parse().unwrap()],
        audits: vec![entry("image.ingest", "back")],
        ..alone(&image(n))
    };
    let batch = [of(10_051), of(10_050), of(10_052)];
    let refused = catalog.record_images(&batch).await.unwrap_err();
    assert!(matches!(refused, CatalogError::BeingErased { id } if id == erased));
    let ids = [10_050, 10_051, 10_052].map(id);
    assert_eq!(catalog.find_images(&ids).await.unwrap(), []);
    assert_eq!(catalog.find_alias(&alias).await.unwrap(), None);
    assert!(audited(catalog, "back").await.is_empty());

    catalog.finish_erasure(erased).await.unwrap();
    catalog.finish_erasure(erased).await.unwrap();
    let found = catalog.find_tombstone(erased).await.unwrap();
    assert_eq!(found, Some(tombstone(10_050)));
    let recorded = catalog.record_images(&batch).await.unwrap();
    assert!(recorded.iter().all(|one| one.new));
    assert_eq!(catalog.find_tombstone(erased).await.unwrap(), None);
    assert_eq!(catalog.find_images(&ids).await.unwrap().len(), 3);

    assert!(erase(catalog, 10_050).await);
    let refused = catalog.record_images(&[alone(&image(10_050))]).await;
    assert_eq!(refused.unwrap_err().code(), "being-erased");
    catalog.finish_erasure(erased).await.unwrap();
}

async fn an_unknown_image_is_not_erased(catalog: &dyn Catalog) {
    assert!(!erase(catalog, 9_999_999).await);
    let unknown = id(9_999_999);
    assert_eq!(catalog.find_tombstone(unknown).await.unwrap(), None);
    assert_eq!(catalog.find_blocked(&[unknown]).await.unwrap(), []);
    assert!(audited(catalog, &unknown.to_string()).await.is_empty());
    catalog.finish_erasure(unknown).await.unwrap();
}

async fn an_image_at_once_is_erased_once(catalogs: &[Arc<dyn Catalog>]) {
    for n in 10_060..10_064 {
        record(&*catalogs[0], n, &[]).await;
        let erased = at_once(catalogs, 9, move |_, catalog| async move {
            erase(&*catalog, n).await
        });
        let erased = erased.await.into_iter().filter(|&erased| erased);
        assert_eq!(erased.count(), 1);
        let actions = audited(&*catalogs[0], &id(n).to_string()).await;
        assert_eq!(actions, ["image.erase"]);
    }
}

async fn an_image_is_erased_while_others_use_it(catalogs: &[Arc<dyn Catalog>]) {
    for n in 10_070..10_080 {
        let aliases: Vec<AliasName> = (0..8).map(|it| used_alias(n, it)).collect();
        record(&*catalogs[0], n, &aliases.iter().collect::<Vec<_>>()).await;
        let erased = at_once(catalogs, 24, move |task, catalog| async move {
            let task = task as u64;
            match task % 6 {
                0 => return task == 12 && erase(&*catalog, n).await,
                1 => take_alias(&*catalog, n, task / 6).await,
                2 => tag(&*catalog, n, task / 6).await,
                3 => put_alias(&*catalog, n, 100 + task).await,
                4 => record_again(&*catalog, n, 200 + task).await,
                _ => derive(&*catalog, n, task).await,
            }
            false
        });
        assert!(erased.await.contains(&true));
        let catalog = &*catalogs[0];
        let erased = id(n);
        assert_eq!(catalog.find_image(erased).await.unwrap(), None);
        assert_eq!(catalog.list_aliases_of(erased).await.unwrap(), []);
        assert_eq!(catalog.list_tags_of(erased).await.unwrap(), []);
        assert_eq!(catalog.list_derivatives_of(erased).await.unwrap(), []);
        let former = former_aliases(catalog, n).await;
        assert!(aliases.iter().all(|alias| former.contains(alias)));
    }
}

async fn take_alias(catalog: &dyn Catalog, n: u64, nth: u64) {
    let (alias, audit) = (used_alias(n, nth), entry("alias.remove", ""));
    let removed = catalog.remove_alias(&alias, id(n), 5, &audit);
    removed.await.unwrap();
}

async fn tag(catalog: &dyn Catalog, n: u64, nth: u64) {
    let change = TagChange {
        add: vec!["used".parse().unwrap()],
        remove: vec![format!("used {nth}").parse().unwrap()],
    };
    let audit = entry("image.tag", "");
    catalog.tag_image(id(n), &change, &audit).await.unwrap();
}

/// Refused if the image was erased before; what is put and then erased is known as a former alias.
async fn put_alias(catalog: &dyn Catalog, n: u64, nth: u64) {
    let (alias, audit) = (used_alias(n, nth), entry("alias.put", ""));
    match catalog.put_alias(&alias, id(n), &audit).await {
        Ok(_) => {
            let is_current = catalog.find_alias(&alias).await.unwrap().is_some();
            assert!(is_current || former_aliases(catalog, n).await.contains(&alias));
        }
        Err(refused) => waited_in_turn(&refused),
    }
}

/// Refused while the image is being erased; the caller may try again.
async fn record_again(catalog: &dyn Catalog, n: u64, nth: u64) {
    let again = NewImage {
        aliases: vec![used_alias(n, nth), used_alias(n, 0)],
        tags: vec!["used".parse().unwrap(), "used again".parse().unwrap()],
        ..alone(&image(n))
    };
    if let Err(refused) = catalog.record_images(&[again]).await {
        assert!(refused.is_retryable(), "{refused:?}");
        waited_in_turn(&refused);
    }
}

#[track_caller]
fn waited_in_turn(refused: &CatalogError) {
    assert!(!format!("{refused:?}").contains("deadlock"), "{refused:?}");
}

/// Refused if the image was erased before; what is made and then erased is known as a former derivative.
async fn derive(catalog: &dyn Catalog, n: u64, nth: u64) {
    for round in 0..4 {
        let made = [
            derivative(n, &format!("p~{nth}{round}")),
            derivative(n, "p~1"),
        ];
        match catalog.record_derivatives(&made).await {
            Ok(()) => {
                let known = catalog.list_derivatives_of(id(n)).await.unwrap();
                let former = catalog.list_former_derivatives_of(id(n)).await.unwrap();
                let key = &made[0].key;
                let is_known = known.iter().any(|one| one.key == *key);
                assert!(is_known || former.contains(key));
            }
            Err(refused) => waited_in_turn(&refused),
        }
    }
}

async fn unfinished_erasures_are_listed(catalog: &dyn Catalog) {
    let list = async |limit| catalog.list_unfinished_erasures(limit).await.unwrap();
    for tombstone in list(1000).await {
        catalog.finish_erasure(tombstone.id).await.unwrap();
    }
    assert_eq!(list(1000).await, []);
    let first = tombstone(10_090);
    let second = Tombstone {
        erased_at: 0,
        reason: None,
        ..tombstone(10_091)
    };
    for (n, tombstone) in [(10_090, &first), (10_091, &second)] {
        record(catalog, n, &[]).await;
        let audit = entry("image.erase", "");
        let erased = catalog.erase_image(tombstone, None, &audit).await;
        assert!(erased.unwrap());
    }
    assert_eq!(list(10).await, [second.clone(), first.clone()]);
    assert_eq!(list(1).await, std::slice::from_ref(&second));
    catalog.finish_erasure(second.id).await.unwrap();
    assert_eq!(list(10).await, [first]);
}

async fn erase(catalog: &dyn Catalog, n: u64) -> bool {
    let audit = entry("image.erase", &id(n).to_string());
    let erased = catalog.erase_image(&tombstone(n), None, &audit).await;
    erased.unwrap()
}

fn tombstone(n: u64) -> Tombstone {
    Tombstone {
        id: id(n),
        media: MediaType::Jpeg,
        erased_at: 2000,
        erased_by: "user:ana".to_owned(),
        reason: Some("asked for by „them“".to_owned()),
    }
}

fn used_alias(n: u64, nth: u64) -> AliasName {
    name(None, &format!("/used/{n}/{nth}"))
}

fn derivative(n: u64, variant: &str) -> Derivative {
    Derivative {
        key: key(n, variant, FORMAT),
        size_bytes: Some(1),
        recorded_at: 1,
    }
}
