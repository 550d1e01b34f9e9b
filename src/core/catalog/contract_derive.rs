//! The part of the contract that making derivatives relies on. Images 10 to 13 are on record.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::catalog::contract::{id, key};
use crate::catalog::{Catalog, Claim, Failure};
use crate::model::media::OutputFormat;
use crate::model::preset::{PresetDefinition, PresetName};
use crate::model::record::Derivative;

const LEASE: Duration = Duration::from_secs(10);
const NOW_MS: i64 = 1_700_000_000_000;

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    presets_have_one_revision_for_each_definition(catalog).await;
    a_preset_at_once_has_one_revision(catalogs).await;
    a_claim_is_held_until_released_or_expired(catalog).await;
    a_claim_at_once_is_granted_once(catalogs).await;
    an_owner_that_is_gone_holds_nothing(catalog).await;
    unsettled_is_what_has_no_size_and_no_claim(catalog).await;
    failures_are_answered_until_they_expire(catalog).await;
    the_ledger_keeps_its_first_time_and_last_size(catalog).await;
    a_failed_call_changes_nothing(catalog).await;
    cursors_are_kept(catalog).await;
}

async fn presets_have_one_revision_for_each_definition(catalog: &dyn Catalog) {
    let (thumb, card) = (preset("thumb"), preset("card"));
    let ensure = async |name, width| catalog.ensure_preset(name, &definition(width), 1).await;
    assert_eq!(ensure(&thumb, 100).await.unwrap(), 1);
    assert_eq!(ensure(&thumb, 200).await.unwrap(), 2);
    assert_eq!(ensure(&thumb, 100).await.unwrap(), 1);
    assert_eq!(ensure(&thumb, 300).await.unwrap(), 3);
    assert_eq!(ensure(&card, 300).await.unwrap(), 1);
    let find = async |name, revision| catalog.find_preset(name, revision).await.unwrap();
    assert_eq!(find(&thumb, 2).await, Some(definition(200)));
    assert_eq!(find(&thumb, 4).await, None);
    assert_eq!(find(&card, 2).await, None);
}

async fn a_preset_at_once_has_one_revision(catalogs: &[Arc<dyn Catalog>]) {
    let mut tasks = JoinSet::new();
    for (task, catalog) in (0..24).zip(catalogs.iter().cycle()) {
        let catalog = Arc::clone(catalog);
        let width = 100 + task % 4;
        tasks.spawn(async move {
            let name = preset("at-once");
            let ensured = catalog.ensure_preset(&name, &definition(width), 1).await;
            (ensured.unwrap(), width)
        });
    }
    let mut revisions = tasks.join_all().await;
    revisions.sort_unstable();
    revisions.dedup();
    let numbers: Vec<u32> = revisions.iter().map(|(revision, _)| *revision).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    for (revision, width) in revisions {
        let found = catalogs[0].find_preset(&preset("at-once"), revision).await;
        assert_eq!(found.unwrap(), Some(definition(width)));
    }
}

async fn a_claim_is_held_until_released_or_expired(catalog: &dyn Catalog) {
    let key = key(10, "thumb~1", OutputFormat::Webp);
    let claim = async |owner, now_ms| {
        let claim = catalog.claim_derivative(&key, owner, now_ms, LEASE).await;
        claim.unwrap()
    };
    let until_ms = NOW_MS + 10_000;
    assert_eq!(claim("a", NOW_MS).await, Claim::Granted);
    assert_eq!(claim("b", NOW_MS + 1).await, Claim::Held { until_ms });
    assert_eq!(claim("a", NOW_MS + 1).await, Claim::Held { until_ms });

    catalog.release_claim(&key, "b").await.unwrap();
    assert_eq!(claim("b", NOW_MS + 1).await, Claim::Held { until_ms });
    catalog.release_claim(&key, "a").await.unwrap();
    catalog.release_claim(&key, "a").await.unwrap();
    assert_eq!(claim("b", NOW_MS).await, Claim::Granted);

    assert_eq!(claim("c", until_ms - 1).await, Claim::Held { until_ms });
    assert_eq!(claim("c", until_ms).await, Claim::Granted);
    catalog.release_claim(&key, "b").await.unwrap();
    let until_ms = until_ms + 10_000;
    assert_eq!(claim("d", until_ms - 1).await, Claim::Held { until_ms });

    assert_eq!(catalog.forget_expired(until_ms - 1).await.unwrap(), 0);
    assert_eq!(catalog.forget_expired(until_ms).await.unwrap(), 1);
}

async fn a_claim_at_once_is_granted_once(catalogs: &[Arc<dyn Catalog>]) {
    // Round 0 is on a free key, the others take over the expired lease of the round before.
    for round in 0..5 {
        let now_ms = NOW_MS + round * 60_000;
        let mut tasks = JoinSet::new();
        for task in 0..16 {
            let catalog = Arc::clone(&catalogs[task % catalogs.len()]);
            tasks.spawn(async move {
                let key = key(10, "w=320,h=240", OutputFormat::Jpeg);
                let owner = format!("task-{task}");
                let claim = catalog.claim_derivative(&key, &owner, now_ms, LEASE).await;
                claim.unwrap()
            });
        }
        let claims = tasks.join_all().await;
        let held = Claim::Held {
            until_ms: now_ms + 10_000,
        };
        let count = |wanted: &Claim| claims.iter().filter(|claim| *claim == wanted).count();
        assert_eq!((count(&Claim::Granted), count(&held)), (1, 15));
    }
    catalogs[0].forget_expired(i64::MAX).await.unwrap();
}

async fn an_owner_that_is_gone_holds_nothing(catalog: &dyn Catalog) {
    let (one, two) = (
        key(10, "gone~1", OutputFormat::Webp),
        key(11, "gone~1", OutputFormat::Webp),
    );
    for (key, owner) in [(&one, "gone"), (&two, "lives")] {
        let claim = catalog.claim_derivative(key, owner, NOW_MS, LEASE).await;
        assert_eq!(claim.unwrap(), Claim::Granted);
    }

    catalog.release_claims_of("gone").await.unwrap();

    let claim = async |key| {
        catalog
            .claim_derivative(key, "next", NOW_MS, LEASE)
            .await
            .unwrap()
    };
    assert_eq!(claim(&one).await, Claim::Granted);
    assert_eq!(
        claim(&two).await,
        Claim::Held {
            until_ms: NOW_MS + 10_000
        }
    );
    catalog.forget_expired(i64::MAX).await.unwrap();
}

async fn unsettled_is_what_has_no_size_and_no_claim(catalog: &dyn Catalog) {
    let entry = |variant, size_bytes| Derivative {
        key: key(10, variant, OutputFormat::Webp),
        size_bytes,
        recorded_at: 7,
    };
    let (torn, claimed) = (entry("torn~1", None), entry("torn~2", None));
    let entries = [torn.clone(), claimed.clone(), entry("torn~3", Some(1))];
    catalog.record_derivatives(&entries).await.unwrap();
    catalog
        .claim_derivative(&claimed.key, "a", NOW_MS, LEASE)
        .await
        .unwrap();
    let unsettled = async |now_ms, limit| {
        let mut keys = catalog.list_unsettled(now_ms, limit).await.unwrap();
        keys.sort_by_key(|derivative| derivative.key.variant.to_string());
        keys
    };

    assert_eq!(unsettled(NOW_MS, 10).await, std::slice::from_ref(&torn));
    assert_eq!(unsettled(NOW_MS + 10_000, 10).await, [torn, claimed]);
    assert_eq!(unsettled(NOW_MS + 10_000, 1).await.len(), 1);

    let settled = [entry("torn~1", Some(0)), entry("torn~2", Some(5))];
    catalog.record_derivatives(&settled).await.unwrap();
    assert_eq!(unsettled(i64::MAX, 10).await, []);
    catalog.forget_expired(i64::MAX).await.unwrap();
}

async fn failures_are_answered_until_they_expire(catalog: &dyn Catalog) {
    let key = key(10, "thumb~2", OutputFormat::Png);
    let failure = |code: &str, until_ms| Failure {
        code: code.to_owned(),
        detail: "could not decode: caffè".to_owned(),
        until_ms,
    };
    let claim = async |now_ms| {
        let claim = catalog.claim_derivative(&key, "a", now_ms, LEASE).await;
        claim.unwrap()
    };
    assert_eq!(claim(NOW_MS).await, Claim::Granted);
    let record = async |failure: Failure| {
        let recorded = catalog.record_failure(&key, &failure).await;
        recorded.unwrap();
    };
    record(failure("image-truncated", NOW_MS + 5)).await;
    let truncated = failure("image-truncated", NOW_MS + 5);
    assert_eq!(claim(NOW_MS).await, Claim::Failed(truncated));
    record(failure("image-too-large", NOW_MS + 9)).await;
    let too_large = failure("image-too-large", NOW_MS + 9);
    assert_eq!(claim(NOW_MS + 8).await, Claim::Failed(too_large));

    catalog.release_claim(&key, "a").await.unwrap();
    assert_eq!(claim(NOW_MS + 9).await, Claim::Granted);
    catalog.release_claim(&key, "a").await.unwrap();
    assert_eq!(catalog.totals().await.unwrap().failures, 1);
    assert_eq!(catalog.forget_expired(NOW_MS + 8).await.unwrap(), 0);
    assert_eq!(catalog.forget_expired(NOW_MS + 9).await.unwrap(), 1);

    let nul = Failure {
        detail: "quotes a \0 of the file".to_owned(),
        ..failure("image-broken", NOW_MS + 5)
    };
    record(nul).await;
    assert!(matches!(claim(NOW_MS).await, Claim::Failed(_)));
    assert_eq!(catalog.forget_expired(NOW_MS + 5).await.unwrap(), 1);
}

async fn the_ledger_keeps_its_first_time_and_last_size(catalog: &dyn Catalog) {
    let made = |variant, format, size_bytes, recorded_at| Derivative {
        key: key(11, variant, format),
        size_bytes,
        recorded_at,
    };
    let (jpeg, webp) = (OutputFormat::Jpeg, OutputFormat::Webp);
    catalog.record_derivatives(&[]).await.unwrap();
    let batch = [
        made("thumb~1", webp, None, 5),
        made("thumb~1", jpeg, Some(100), 6),
        made("z~1", jpeg, None, 1),
        made("w=320", jpeg, Some(1), 7),
        made("w=320", jpeg, None, 8),
        made("w=320", jpeg, Some(2), 9),
        made("thumb~10", jpeg, Some(10), 1),
    ];
    catalog.record_derivatives(&batch).await.unwrap();
    let expected = [
        made("thumb~1", jpeg, Some(100), 6),
        made("thumb~1", webp, None, 5),
        made("thumb~10", jpeg, Some(10), 1),
        made("w=320", jpeg, Some(2), 7),
        made("z~1", jpeg, None, 1),
    ];
    assert_eq!(catalog.list_derivatives_of(id(11)).await.unwrap(), expected);

    let again = [
        made("thumb~1", webp, Some(50), 50),
        made("thumb~1", jpeg, None, 60),
        made("w=320", jpeg, Some(3), 70),
    ];
    catalog.record_derivatives(&again).await.unwrap();
    // A new attempt makes the old size void, else a torn second file would pass for whole.
    let expected = [
        made("thumb~1", jpeg, None, 6),
        made("thumb~1", webp, Some(50), 5),
        made("thumb~10", jpeg, Some(10), 1),
        made("w=320", jpeg, Some(3), 7),
        made("z~1", jpeg, None, 1),
    ];
    assert_eq!(catalog.list_derivatives_of(id(11)).await.unwrap(), expected);
    assert_eq!(catalog.list_derivatives_of(id(12)).await.unwrap(), []);
}

async fn a_failed_call_changes_nothing(catalog: &dyn Catalog) {
    let made = |n| Derivative {
        key: key(n, "thumb~1", OutputFormat::Jpeg),
        size_bytes: Some(1),
        recorded_at: 1,
    };
    let unknown = 777_777;
    let refused = catalog.record_derivatives(&[made(13), made(unknown)]).await;
    assert_eq!(refused.unwrap_err().code(), "catalog-query");
    assert_eq!(catalog.list_derivatives_of(id(13)).await.unwrap(), []);
}

async fn cursors_are_kept(catalog: &dyn Catalog) {
    assert_eq!(catalog.find_cursor("verify").await.unwrap(), None);
    for position in ["3fa", "", "{\"after\":\"ü\"}"] {
        catalog.set_cursor("verify", Some(position)).await.unwrap();
        let found = catalog.find_cursor("verify").await.unwrap();
        assert_eq!(found.as_deref(), Some(position));
    }
    assert_eq!(catalog.find_cursor("reap").await.unwrap(), None);
    catalog.set_cursor("verify", None).await.unwrap();
    catalog.set_cursor("verify", None).await.unwrap();
    assert_eq!(catalog.find_cursor("verify").await.unwrap(), None);
}

fn preset(name: &str) -> PresetName {
    name.parse().unwrap()
}

fn definition(width_px: u32) -> PresetDefinition {
    let text = format!(
        "w={width_px} h=auto fit=contain gravity=centre enlarge=0 background=ffffff jpg:80"
    );
    text.parse().unwrap()
}
