//! The part of the contract that keys rely on. None is on record.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::access::Rotation;
use crate::catalog::contract::{at_once, audited, entry};
use crate::model::access::{KeyId, Verb, Verbs};
use crate::model::grant::{Key, Quota, Usage};
use crate::model::secret::SecretHash;

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    keys_are_found_as_added(catalog).await;
    a_change_that_fails_is_not_audited(catalog).await;
    a_key_is_revoked_once(catalog).await;
    a_rotated_key_keeps_the_secret_before(catalog).await;
    a_key_remembers_its_latest_use(catalog).await;
    a_key_is_charged_up_to_its_quota(catalog).await;
    charges_at_once_never_pass_the_quota(catalogs).await;
}

async fn keys_are_found_as_added(catalog: &dyn Catalog) {
    assert_eq!(catalog.list_keys().await.unwrap(), []);
    let plain = Key {
        created_at: 2,
        ..api_key(1)
    };
    let full = Key {
        name: "Fotograf „Süd“".to_owned(),
        verbs: Verbs::of(&[Verb::Read, Verb::Ingest, Verb::Erase]),
        prefix: Some("shop/söm mer".parse().unwrap()),
        quota: Quota {
            bytes_max: Some(1 << 60),
            images_max: Some(0),
        },
        rate_per_min: Some(u32::MAX),
        created_at: 1,
        created_by: "user:ana".to_owned(),
        expires_at: Some(-1),
        ..api_key(2)
    };
    let tied = Key {
        created_at: 2,
        ..api_key(3)
    };
    // The oldest first, and of one second by id.
    for key in [&tied, &plain, &full] {
        let audit = entry("key.create", &key.id.to_string());
        catalog.add_key(key, &audit).await.unwrap();
        let found = catalog.find_key(key.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(key));
    }
    assert_eq!(catalog.find_key(key_id(4)).await.unwrap(), None);
    assert!(
        catalog
            .revoke_key(tied.id, 9, &entry("key.revoke", ""))
            .await
            .unwrap()
    );

    let listed = catalog.list_keys().await.unwrap();
    let ids: Vec<KeyId> = listed.iter().map(|key| key.id).collect();
    assert_eq!(ids, [full.id, plain.id, tied.id]);
    assert_eq!(listed[..2], [full, plain]);
}

async fn a_change_that_fails_is_not_audited(catalog: &dyn Catalog) {
    let key = added_key(catalog, api_key(10)).await;
    let other = Key {
        name: "another".to_owned(),
        ..key.clone()
    };
    let audit = entry("key.create", &key.id.to_string());
    assert!(catalog.add_key(&other, &audit).await.is_err());
    assert_eq!(found_key(catalog, &key).await, key);
    assert_eq!(audited(catalog, &key.id.to_string()).await, ["key.create"]);
}

async fn a_key_is_revoked_once(catalog: &dyn Catalog) {
    let key = added_key(catalog, api_key(11)).await;
    let target = key.id.to_string();
    let revoke = async |id, at| {
        let audit = entry("key.revoke", &target);
        catalog.revoke_key(id, at, &audit).await.unwrap()
    };
    assert!(!revoke(key_id(9999), 5).await);
    assert!(revoke(key.id, 5).await);
    assert!(!revoke(key.id, 6).await);
    assert_eq!(found_key(catalog, &key).await.revoked_at, Some(5));
    assert_eq!(
        audited(catalog, &target).await,
        ["key.create", "key.revoke"]
    );
}

async fn a_rotated_key_keeps_the_secret_before(catalog: &dyn Catalog) {
    let key = added_key(catalog, api_key(12)).await;
    let target = key.id.to_string();
    let rotate = async |id, secret, previous_until| {
        let rotation = Rotation {
            id,
            secret,
            previous_until,
        };
        let audit = entry("key.rotate", &target);
        catalog.rotate_key(&rotation, &audit).await.unwrap()
    };
    assert!(rotate(key.id, secret(1012), 70).await);
    let expected = Key {
        secret: secret(1012),
        previous_secret: Some((key.secret, 70)),
        ..key.clone()
    };
    assert_eq!(found_key(catalog, &key).await, expected);
    assert!(rotate(key.id, secret(2012), 80).await);
    let expected = Key {
        secret: secret(2012),
        previous_secret: Some((secret(1012), 80)),
        ..key.clone()
    };
    assert_eq!(found_key(catalog, &key).await, expected);

    assert!(
        catalog
            .revoke_key(key.id, 9, &entry("key.revoke", ""))
            .await
            .unwrap()
    );
    assert!(!rotate(key.id, secret(3012), 90).await);
    assert!(!rotate(key_id(9999), secret(3012), 90).await);
    let found = found_key(catalog, &key).await;
    assert_eq!(found.secret, secret(2012));
    let actions = audited(catalog, &target).await;
    assert_eq!(actions, ["key.create", "key.rotate", "key.rotate"]);
}

async fn a_key_remembers_its_latest_use(catalog: &dyn Catalog) {
    let key = added_key(catalog, api_key(13)).await;
    for (at, expected) in [(50, 50), (40, 50), (60, 60)] {
        catalog.touch_key(key.id, at).await.unwrap();
        let found = found_key(catalog, &key).await;
        assert_eq!(found.last_used_at, Some(expected));
    }
    catalog.touch_key(key_id(9999), 1).await.unwrap();
}

async fn a_key_is_charged_up_to_its_quota(catalog: &dyn Catalog) {
    let quota = |bytes_max, images_max| Quota {
        bytes_max,
        images_max,
    };
    let of = async |n, quota| {
        let key = Key {
            quota,
            ..api_key(n)
        };
        added_key(catalog, key).await
    };
    let charge = async |key: &Key, bytes, images| {
        let usage = Usage { bytes, images };
        catalog.charge_key(key.id, usage).await.unwrap()
    };
    let by_bytes = of(14, quota(Some(100), None)).await;
    assert!(charge(&by_bytes, 99, 1).await);
    assert!(!charge(&by_bytes, 2, 1).await);
    assert!(charge(&by_bytes, 1, 1).await);
    assert!(!charge(&by_bytes, 1, 0).await);
    assert_eq!(used(catalog, &by_bytes).await, (100, 2));

    let by_images = of(15, quota(None, Some(2))).await;
    assert!(charge(&by_images, 1 << 50, 2).await);
    assert!(!charge(&by_images, 0, 1).await);
    assert_eq!(used(catalog, &by_images).await, (1 << 50, 2));

    let unlimited = of(16, quota(None, None)).await;
    assert!(charge(&unlimited, 1 << 50, 1 << 50).await);
    assert!(!charge(&api_key(9999), 1, 1).await);

    let refund = async |key: &Key, bytes, images| {
        let usage = Usage { bytes, images };
        catalog.refund_key(key.id, usage).await.unwrap();
    };
    refund(&by_bytes, 30, 1).await;
    assert_eq!(used(catalog, &by_bytes).await, (70, 1));
    assert!(charge(&by_bytes, 30, 0).await);
    refund(&by_bytes, 101, 1).await;
    assert_eq!(used(catalog, &by_bytes).await, (0, 0));
}

async fn charges_at_once_never_pass_the_quota(catalogs: &[Arc<dyn Catalog>]) {
    let quota = Quota {
        bytes_max: Some(100),
        images_max: Some(1000),
    };
    let key = Key {
        quota,
        ..api_key(17)
    };
    let key = added_key(&*catalogs[0], key).await;
    let id = key.id;
    let granted = at_once(catalogs, 50, |_, catalog| async move {
        let usage = Usage {
            bytes: 7,
            images: 1,
        };
        catalog.charge_key(id, usage).await.unwrap()
    });
    let granted = granted.await.into_iter().filter(|&granted| granted);
    assert_eq!(granted.count(), 14);
    assert_eq!(used(&*catalogs[0], &key).await, (98, 14));
}

/// A key without limits.
pub(super) fn api_key(n: u64) -> Key {
    Key {
        id: key_id(n),
        name: format!("key {n}"),
        verbs: Verbs::of(&[Verb::Ingest]),
        prefix: None,
        secret: secret(n),
        previous_secret: None,
        quota: Quota::default(),
        used: Usage::default(),
        rate_per_min: None,
        created_at: 1000,
        created_by: "local:test".to_owned(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

fn key_id(n: u64) -> KeyId {
    format!("{n:016x}").parse().unwrap()
}

pub(super) fn secret(n: u64) -> SecretHash {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    SecretHash::from_bytes(bytes)
}

pub(super) async fn added_key(catalog: &dyn Catalog, key: Key) -> Key {
    let audit = entry("key.create", &key.id.to_string());
    catalog.add_key(&key, &audit).await.unwrap();
    key
}

async fn found_key(catalog: &dyn Catalog, key: &Key) -> Key {
    catalog.find_key(key.id).await.unwrap().unwrap()
}

/// Bytes and images.
pub(super) async fn used(catalog: &dyn Catalog, key: &Key) -> (u64, u64) {
    let used = found_key(catalog, key).await.used;
    (used.bytes, used.images)
}
