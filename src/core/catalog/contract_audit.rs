//! The part of the contract that the audit log relies on.

use crate::catalog::Catalog;
use crate::catalog::access::AuditPage;
use crate::catalog::contract::entry;
use crate::model::audit::{AuditEntry, Audited};

/// Nobody else acts under this name.
const ACTOR: &str = "user:zoë";

pub(super) async fn run(catalog: &dyn Catalog) {
    entries_are_listed_as_written(catalog).await;
    the_latest_entry_comes_first(catalog).await;
    entries_are_found_by_time(catalog).await;
    entries_are_found_by_actor_and_target(catalog).await;
    entries_are_found_by_action_or_its_first_words(catalog).await;
    filters_narrow_each_other(catalog).await;
}

async fn entries_are_listed_as_written(catalog: &dyn Catalog) {
    let plain = of_zoe(1, "image.ingest", "");
    let full = AuditEntry {
        reason: Some("„wrong“ colours".to_owned()),
        request_id: Some("7f".repeat(16)),
        counts: [("bytes".to_owned(), u64::MAX), ("ünits".to_owned(), 0)].into(),
        ..of_zoe(-2, "image.erase", "3f")
    };
    let quoting = AuditEntry {
        reason: Some("a \0 of the file".to_owned()),
        ..of_zoe(3, "image.ingest", "\0")
    };
    let written = [plain, full, quoting];
    catalog.append_audit(&[]).await.unwrap();
    catalog.append_audit(&written).await.unwrap();

    let found = list(catalog, &page()).await;
    let entries: Vec<&AuditEntry> = found.iter().rev().map(|one| &one.entry).collect();
    assert_eq!(entries[..2], [&written[0], &written[1]]);
    let shown = AuditEntry {
        reason: Some("a \u{fffd} of the file".to_owned()),
        target: "\u{fffd}".to_owned(),
        ..written[2].clone()
    };
    assert_eq!(*entries[2], shown);
    assert_eq!(entries.len(), 3);
}

async fn the_latest_entry_comes_first(catalog: &dyn Catalog) {
    let more: Vec<AuditEntry> = (0..5)
        .map(|n| of_zoe(100 - n, "key.create", &n.to_string()))
        .collect();
    catalog.append_audit(&more).await.unwrap();
    let all = list(catalog, &page()).await;
    assert!(all.is_sorted_by(|one, next| one.number > next.number));
    let latest: Vec<&AuditEntry> = all.iter().map(|one| &one.entry).take(5).collect();
    assert_eq!(latest, more.iter().rev().collect::<Vec<_>>());

    let mut walked: Vec<Audited> = Vec::new();
    loop {
        let next = AuditPage {
            before: walked.last().map(|one| one.number),
            limit: 3,
            ..page()
        };
        let found = list(catalog, &next).await;
        if found.is_empty() {
            break;
        }
        assert!(found.len() <= 3);
        walked.extend(found);
    }
    assert_eq!(walked, all);
}

async fn entries_are_found_by_time(catalog: &dyn Catalog) {
    let since = async |since_ms, until_ms| {
        let page = AuditPage {
            since_ms,
            until_ms,
            ..page()
        };
        let mut times: Vec<i64> = list(catalog, &page)
            .await
            .iter()
            .map(|one| one.entry.at_ms)
            .collect();
        times.sort_unstable();
        times
    };
    assert_eq!(since(Some(98), None).await, [98, 99, 100]);
    assert_eq!(since(None, Some(96)).await, [-2, 1, 3]);
    assert_eq!(since(Some(3), Some(97)).await, [3, 96]);
}

async fn entries_are_found_by_actor_and_target(catalog: &dyn Catalog) {
    let find = async |actor: &str, target: &str| {
        let page = AuditPage {
            actor: Some(actor.to_owned()),
            target: Some(target.to_owned()),
            ..page()
        };
        list(catalog, &page).await.len()
    };
    assert_eq!(find(ACTOR, "3f").await, 1);
    assert_eq!(find(ACTOR, "3").await, 1);
    assert_eq!(find(ACTOR, "33").await, 0);
    assert_eq!(find(ACTOR, "").await, 1, "the origin itself");
    assert_eq!(find("user:zo", "3f").await, 0);
    assert_eq!(find("USER:ZOË", "3f").await, 0);
    assert_eq!(find("", "3f").await, 0);
}

async fn entries_are_found_by_action_or_its_first_words(catalog: &dyn Catalog) {
    let actions = [
        "keyring.x",
        "key",
        "key.rotate",
        "key.rotate.all",
        "key-x",
        "key/x",
        "Key.x",
    ];
    let entries = actions.map(|action| of_zoe(200, action, "by action"));
    catalog.append_audit(&entries).await.unwrap();
    let find = async |action: &str| {
        let page = AuditPage {
            action: Some(action.to_owned()),
            target: Some("by action".to_owned()),
            ..page()
        };
        let mut found: Vec<String> = list(catalog, &page)
            .await
            .into_iter()
            .map(|one| one.entry.action)
            .collect();
        found.sort();
        found
    };
    assert_eq!(find("key").await, ["key", "key.rotate", "key.rotate.all"]);
    assert_eq!(find("key.rotate").await, ["key.rotate", "key.rotate.all"]);
    assert_eq!(find("key.rotate.all").await, ["key.rotate.all"]);
    assert_eq!(find("keyring").await, ["keyring.x"]);
    for none in ["k", "key.", "key.rot", "%", "ke_", "image"] {
        assert!(find(none).await.is_empty(), "{none}");
    }
}

async fn filters_narrow_each_other(catalog: &dyn Catalog) {
    let page = AuditPage {
        since_ms: Some(97),
        until_ms: Some(100),
        action: Some("key".to_owned()),
        ..page()
    };
    let found = list(catalog, &page).await;
    let targets: Vec<&str> = found.iter().map(|one| one.entry.target.as_str()).collect();
    assert_eq!(targets, ["3", "2", "1"]);
    let next = AuditPage {
        before: Some(found[0].number),
        limit: 1,
        ..page
    };
    assert_eq!(list(catalog, &next).await, found[1..2]);
}

fn of_zoe(at_ms: i64, action: &str, target: &str) -> AuditEntry {
    AuditEntry {
        at_ms,
        actor: ACTOR.to_owned(),
        ..entry(action, target)
    }
}

fn page() -> AuditPage {
    AuditPage {
        actor: Some(ACTOR.to_owned()),
        limit: 1000,
        ..AuditPage::default()
    }
}

async fn list(catalog: &dyn Catalog, page: &AuditPage) -> Vec<Audited> {
    catalog.list_audit(page).await.unwrap()
}
