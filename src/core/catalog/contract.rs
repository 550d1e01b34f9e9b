//! What every catalog must keep: one test for each sentence of the trait, on a database that starts empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::catalog::access::AuditPage;
use crate::catalog::{
    AliasOutcome, Catalog, ImagePage, NewImage, Recorded, Totals, contract_access, contract_audit,
    contract_derive, contract_erasure, contract_people, contract_removal, contract_requests,
    contract_search, contract_tickets,
};
use crate::model::alias::{AliasName, AliasPath};
use crate::model::audit::AuditEntry;
use crate::model::image_id::ImageId;
use crate::model::media::{MediaType, OutputFormat};
use crate::model::record::{Derivative, DerivativeKey, Image};

/// Runs the suite. `open` opens the same database each time, as another process would.
pub(super) async fn run(open: impl AsyncFn() -> Arc<dyn Catalog>) {
    let catalogs = [open().await, open().await, open().await];
    let catalog = &*catalogs[0];
    images_are_found_as_recorded(catalog).await;
    lists_go_by_id(catalog).await;
    known_images_are_left_as_they_are(catalog).await;
    a_batch_sees_its_own_entries(catalog).await;
    aliases_are_bytes_on_a_host(catalog).await;
    a_large_batch_is_recorded(catalog).await;
    an_image_at_once_is_new_once(&catalogs).await;
    contract_derive::run(&catalogs).await;
    contract_access::run(&catalogs).await;
    contract_tickets::run(&catalogs).await;
    contract_people::run(&catalogs).await;
    contract_audit::run(catalog).await;
    contract_requests::run(&catalogs).await;
    contract_removal::run(&catalogs).await;
    contract_erasure::run(&catalogs).await;
    contract_search::run(catalog).await;
    totals_count(catalog).await;
    what_is_closed_is_kept(&open, &catalogs).await;
}

async fn images_are_found_as_recorded(catalog: &dyn Catalog) {
    assert_eq!(catalog.record_images(&[]).await.unwrap(), []);
    let largest = Image {
        size_bytes: 1 << 60,
        width_px: u32::MAX,
        height_px: 0,
        frames: u32::MAX,
        recorded_at: -1,
        ingested_by: "local:zoë".to_owned(),
        ..image(1)
    };
    let recorded = catalog.record_images(&[alone(&largest)]).await.unwrap();
    assert_eq!(recorded, [new_image(-1)]);
    let found = catalog.find_image(largest.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&largest));
    assert_eq!(catalog.find_image(id(2)).await.unwrap(), None);

    for (n, media) in MediaType::ALL.into_iter().enumerate() {
        let other = Image {
            media,
            ..image(10 + n as u64)
        };
        catalog.record_images(&[alone(&other)]).await.unwrap();
        assert_eq!(catalog.find_image(other.id).await.unwrap(), Some(other));
    }
    let mut found = catalog
        .find_images(&[id(11), id(2), id(10), id(11)])
        .await
        .unwrap();
    found.sort_by_key(|image| image.id);
    let ids: Vec<ImageId> = found.iter().map(|image| image.id).collect();
    let mut expected = [id(10), id(11)];
    expected.sort();
    assert_eq!(ids, expected);
    assert_eq!(catalog.find_images(&[]).await.unwrap(), []);
}

async fn lists_go_by_id(catalog: &dyn Catalog) {
    let late = Image {
        ingested_at: 5000,
        ..image(30)
    };
    catalog.record_images(&[alone(&late)]).await.unwrap();
    let list = async |after, ingested_since, limit| {
        let page = ImagePage {
            after,
            ingested_since,
            limit,
        };
        let images = catalog.list_images(&page).await.unwrap();
        images.iter().map(|image| image.id).collect::<Vec<_>>()
    };
    let mut expected: Vec<ImageId> = [1, 30].into_iter().chain(10..20).map(id).collect();
    expected.sort();
    assert_eq!(list(None, None, 10_000).await, expected);
    assert_eq!(list(None, None, u32::MAX).await, expected);
    assert_eq!(list(None, None, 0).await, expected[..1]);
    assert_eq!(list(Some(expected[4]), None, 3).await, expected[5..8]);
    assert_eq!(list(Some(expected[4]), Some(1000), 3).await, expected[5..8]);
    assert_eq!(list(expected.last().copied(), None, 3).await, []);
    assert_eq!(list(None, Some(5000), 9).await, [late.id]);
    assert_eq!(list(None, Some(5001), 9).await, []);
    assert_eq!(list(Some(late.id), Some(5000), 9).await, []);

    let mut walked = Vec::new();
    while let [first, ..] = list(walked.last().copied(), None, 1).await[..] {
        walked.push(first);
    }
    assert_eq!(walked, expected);
}

async fn known_images_are_left_as_they_are(catalog: &dyn Catalog) {
    let again = Image {
        recorded_at: 999,
        size_bytes: 999,
        ..image(10)
    };
    let recorded = catalog.record_images(&[alone(&again)]).await.unwrap();
    let first_time = image(10).recorded_at;
    assert_eq!(recorded[0].recorded_at, first_time);
    assert!(!recorded[0].new);
    let found = catalog.find_image(again.id).await.unwrap().unwrap();
    assert_eq!(found.size_bytes, image(10).size_bytes);
}

async fn a_batch_sees_its_own_entries(catalog: &dyn Catalog) {
    let (a, b) = (name(None, "/batch/a"), name(None, "/batch/b"));
    let entry = |n, recorded_at, aliases: &[&AliasName]| NewImage {
        image: Image {
            recorded_at,
            ..image(n)
        },
        aliases: aliases.iter().copied().cloned().collect(),
        tags: Vec::new(),
        audits: Vec::new(),
    };
    let batch = [
        entry(40, 7, &[&a, &a]),
        entry(41, 8, &[&a, &b]),
        entry(40, 9, &[&b, &a]),
        entry(10, 9, &[&b]),
    ];
    let outcome = |new, recorded_at, aliases: &[AliasOutcome]| Recorded {
        new,
        recorded_at,
        aliases: aliases.to_vec(),
    };
    let taken = |n| AliasOutcome::Taken { by: id(n) };
    let (new, same) = (AliasOutcome::New, AliasOutcome::Same);
    let known_time = image(10).recorded_at;
    let first = [
        outcome(true, 7, &[new.clone(), same.clone()]),
        outcome(true, 8, &[taken(40), new]),
        outcome(false, 7, &[taken(41), same.clone()]),
        outcome(false, known_time, &[taken(41)]),
    ];
    assert_eq!(catalog.record_images(&batch).await.unwrap(), first);
    let again = [
        outcome(false, 7, &[same.clone(), same.clone()]),
        outcome(false, 8, &[taken(40), same.clone()]),
        outcome(false, 7, &[taken(41), same]),
        outcome(false, known_time, &[taken(41)]),
    ];
    assert_eq!(catalog.record_images(&batch).await.unwrap(), again);
    assert_eq!(catalog.find_alias(&a).await.unwrap(), Some(id(40)));
    assert_eq!(catalog.find_alias(&b).await.unwrap(), Some(id(41)));
}

async fn aliases_are_bytes_on_a_host(catalog: &dyn Catalog) {
    let path = |bytes: &[u8]| AliasPath::from_decoded(bytes.to_vec()).unwrap();
    let on = |host: Option<&str>, bytes| AliasName {
        host: host.map(|host| host.parse().unwrap()),
        path: path(bytes),
    };
    let long = "/long".repeat(200);
    let mut names = vec![
        on(None, b"/\xd6\xd0.jpg"),
        on(None, b"/Z.jpg"),
        on(None, b"/a.jpg"),
        on(None, b"/'\"\\%.jpg"),
        on(Some("b.example"), b"/a.jpg"),
        on(Some("a-b.example"), b"/a.jpg"),
        on(Some("ab.example"), b"/a.jpg"),
        on(None, long.as_bytes()),
    ];
    let entry = NewImage {
        image: image(50),
        aliases: names.clone(),
        tags: Vec::new(),
        audits: Vec::new(),
    };
    let recorded = catalog.record_images(&[entry]).await.unwrap();
    assert_eq!(recorded[0].aliases, vec![AliasOutcome::New; names.len()]);

    names.sort();
    assert_eq!(catalog.list_aliases_of(id(50)).await.unwrap(), names);
    for name in &names {
        assert_eq!(catalog.find_alias(name).await.unwrap(), Some(id(50)));
    }
    let elsewhere = on(Some("c.example"), b"/a.jpg");
    assert_eq!(catalog.find_alias(&elsewhere).await.unwrap(), None);
    assert_eq!(catalog.list_aliases_of(id(51)).await.unwrap(), []);
}

async fn a_large_batch_is_recorded(catalog: &dyn Catalog) {
    let batch: Vec<NewImage> = (1000..3500)
        .map(|n| NewImage {
            image: image(n),
            aliases: vec![name(None, &format!("/large/{n}"))],
            tags: Vec::new(),
            audits: Vec::new(),
        })
        .collect();
    let recorded = catalog.record_images(&batch).await.unwrap();
    assert!(recorded.iter().all(|one| one.new));
    let ids: Vec<ImageId> = batch.iter().map(|entry| entry.image.id).collect();
    assert_eq!(catalog.find_images(&ids).await.unwrap().len(), ids.len());
}

async fn an_image_at_once_is_new_once(catalogs: &[Arc<dyn Catalog>]) {
    let mut tasks = JoinSet::new();
    for (task, catalog) in (0..12).zip(catalogs.iter().cycle()) {
        let catalog = Arc::clone(catalog);
        tasks.spawn(async move {
            let mut batch: Vec<NewImage> = (5000..5040)
                .map(|n| NewImage {
                    image: image(n),
                    aliases: vec![name(None, &format!("/at-once/{}", (n * 7 + task) % 60))],
                    tags: Vec::new(),
                    audits: Vec::new(),
                })
                .collect();
            // Each in another order: who locks row by row as they come waits for ever.
            batch.rotate_left(usize::try_from(task).unwrap() * 3);
            let recorded = catalog.record_images(&batch).await.unwrap();
            let new = recorded.iter().filter(|one| one.new).count();
            let names = recorded.iter().flat_map(|one| &one.aliases);
            let new_names = names.filter(|outcome| **outcome == AliasOutcome::New);
            (new, new_names.count())
        });
    }
    let counts = tasks.join_all().await;
    assert_eq!(counts.iter().map(|(new, _)| new).sum::<usize>(), 40);
    let mut named = 0;
    for n in 0..60 {
        let alias = name(None, &format!("/at-once/{n}"));
        let found = catalogs[0].find_alias(&alias).await.unwrap();
        named += usize::from(found.is_some());
    }
    assert_eq!(counts.iter().map(|(_, new)| new).sum::<usize>(), named);
}

async fn totals_count(catalog: &dyn Catalog) {
    let before = catalog.totals().await.unwrap();
    let entry = NewImage {
        image: image(60),
        aliases: vec![name(None, "/totals/a"), name(None, "/totals/b")],
        tags: Vec::new(),
        audits: Vec::new(),
    };
    catalog.record_images(&[entry]).await.unwrap();
    let made = |variant, size_bytes| Derivative {
        key: key(60, variant, OutputFormat::Jpeg),
        size_bytes,
        recorded_at: 1,
    };
    let ledger = [made("a~1", Some(10)), made("b~1", None)];
    catalog.record_derivatives(&ledger).await.unwrap();
    let expected = Totals {
        images: before.images + 1,
        image_bytes: before.image_bytes + image(60).size_bytes,
        aliases: before.aliases + 2,
        derivatives: before.derivatives + 2,
        derivative_bytes: before.derivative_bytes + 10,
        failures: before.failures,
    };
    assert_eq!(catalog.totals().await.unwrap(), expected);
}

async fn what_is_closed_is_kept(
    open: &impl AsyncFn() -> Arc<dyn Catalog>,
    catalogs: &[Arc<dyn Catalog>],
) {
    catalogs[0].set_cursor("last", Some("here")).await.unwrap();
    let before = catalogs[0].totals().await.unwrap();
    for catalog in catalogs {
        catalog.close().await;
    }
    assert!(catalogs[0].find_image(id(1)).await.is_err());
    let again = open().await;
    assert_eq!(again.totals().await.unwrap(), before);
    let last = again.find_cursor("last").await.unwrap();
    assert_eq!(last.as_deref(), Some("here"));
    again.close().await;
}

pub(super) fn id(n: u64) -> ImageId {
    ImageId::of(&n.to_le_bytes())
}

pub(super) fn image(n: u64) -> Image {
    Image {
        id: id(n),
        media: MediaType::Jpeg,
        size_bytes: 1000 + n,
        width_px: 640,
        height_px: 480,
        frames: 1,
        recorded_at: 1_600_000_000,
        ingested_at: 1000,
        ingested_by: "local:test".to_owned(),
    }
}

pub(super) fn alone(image: &Image) -> NewImage {
    NewImage {
        image: image.clone(),
        aliases: Vec::new(),
        tags: Vec::new(),
        audits: Vec::new(),
    }
}

fn new_image(recorded_at: i64) -> Recorded {
    Recorded {
        new: true,
        recorded_at,
        aliases: Vec::new(),
    }
}

pub(super) fn name(host: Option<&str>, path: &str) -> AliasName {
    AliasName {
        host: host.map(|host| host.parse().unwrap()),
        path: AliasPath::from_decoded(path.as_bytes().to_vec()).unwrap(),
    }
}

pub(super) fn key(n: u64, variant: &str, format: OutputFormat) -> DerivativeKey {
    DerivativeKey {
        id: id(n),
        variant: variant.parse().unwrap(),
        format,
    }
}

/// Lets each of `tasks` act at once, over the catalogs in turn.
pub(super) async fn at_once<T, F>(
    catalogs: &[Arc<dyn Catalog>],
    tasks: usize,
    act: impl Fn(usize, Arc<dyn Catalog>) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut set = JoinSet::new();
    for (task, catalog) in (0..tasks).zip(catalogs.iter().cycle()) {
        set.spawn(act(task, Arc::clone(catalog)));
    }
    set.join_all().await
}

pub(super) fn entry(action: &str, target: &str) -> AuditEntry {
    AuditEntry {
        at_ms: 1_700_000_000_123,
        actor: "local:test".to_owned(),
        action: action.to_owned(),
        target: target.to_owned(),
        reason: None,
        request_id: None,
        counts: BTreeMap::new(),
    }
}

/// What was audited of `target`, the first act first.
pub(super) async fn audited(catalog: &dyn Catalog, target: &str) -> Vec<String> {
    let page = AuditPage {
        target: Some(target.to_owned()),
        limit: 1000,
        ..AuditPage::default()
    };
    let entries = catalog.list_audit(&page).await.unwrap();
    let actions = entries.into_iter().rev().map(|one| one.entry.action);
    actions.collect()
}
