//! The part of the contract that repeated requests and callbacks rely on. There are none yet.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::access::{
    Callback, CallbackOutcome, Idempotent, IdempotentAnswer, IdempotentRequest, OldAccess,
};
use crate::catalog::contract::at_once;

const NOW_MS: i64 = 1_700_000_000_000;
const STALE_MS: i64 = NOW_MS - 60_000;
const LEASE_MS: i64 = NOW_MS + 60_000;
const ACTOR: &str = "key:00000000000000ff";

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    a_repeated_request_gets_the_first_answer(catalog).await;
    an_abandoned_request_was_never_asked(catalog).await;
    a_request_whose_process_is_gone_is_taken_over(catalogs).await;
    a_request_at_once_is_first_once(catalogs).await;
    a_callback_is_taken_when_due(catalog).await;
    a_callback_at_once_is_taken_once(catalogs).await;
    a_callback_is_settled(catalog).await;
    what_is_over_is_forgotten(catalog).await;
}

async fn a_repeated_request_gets_the_first_answer(catalog: &dyn Catalog) {
    let first = request("repeated");
    let answer = IdempotentAnswer {
        status: 201,
        body: "{\"alias\":\"/ü\\u0000\"}".to_owned(),
    };
    let different = IdempotentRequest {
        fingerprint: &[2; 32],
        ..first
    };
    assert_eq!(begin(catalog, &first).await, Idempotent::First);
    assert_eq!(begin(catalog, &first).await, Idempotent::InProgress);
    assert_eq!(begin(catalog, &different).await, Idempotent::Different);

    finish(catalog, "repeated", &answer).await;
    let answered = Idempotent::Answered(answer);
    assert_eq!(begin(catalog, &first).await, answered);
    assert_eq!(begin(catalog, &different).await, Idempotent::Different);
    let late = IdempotentRequest {
        now_ms: i64::MAX,
        stale_ms: i64::MAX,
        ..first
    };
    assert_eq!(begin(catalog, &late).await, answered);

    let other_actor = IdempotentRequest {
        actor: "user:ana",
        ..first
    };
    assert_eq!(begin(catalog, &other_actor).await, Idempotent::First);
    let other_token = request("Repeated");
    assert_eq!(begin(catalog, &other_token).await, Idempotent::First);
}

async fn an_abandoned_request_was_never_asked(catalog: &dyn Catalog) {
    let first = request("abandoned");
    let abandon = async || {
        let abandoned = catalog.abandon_idempotent(ACTOR, "abandoned").await;
        abandoned.unwrap();
    };
    abandon().await;
    assert_eq!(begin(catalog, &first).await, Idempotent::First);
    abandon().await;
    let different = IdempotentRequest {
        fingerprint: &[2; 32],
        ..first
    };
    assert_eq!(begin(catalog, &different).await, Idempotent::First);

    let answer = IdempotentAnswer {
        status: 204,
        body: String::new(),
    };
    finish(catalog, "abandoned", &answer).await;
    abandon().await;
    let answered = Idempotent::Answered(answer);
    assert_eq!(begin(catalog, &different).await, answered);
}

async fn a_request_whose_process_is_gone_is_taken_over(catalogs: &[Arc<dyn Catalog>]) {
    let gone = IdempotentRequest {
        now_ms: STALE_MS,
        ..request("gone")
    };
    assert_eq!(begin(&*catalogs[0], &gone).await, Idempotent::First);
    let next = request("gone");
    assert_eq!(begin(&*catalogs[0], &next).await, Idempotent::InProgress);
    let different = IdempotentRequest {
        stale_ms: STALE_MS + 1,
        fingerprint: &[2; 32],
        ..next
    };
    let outcome = begin(&*catalogs[0], &different).await;
    assert_eq!(outcome, Idempotent::Different);

    let outcomes = at_once(catalogs, 12, |_, catalog| async move {
        let next = IdempotentRequest {
            stale_ms: STALE_MS + 1,
            ..request("gone")
        };
        begin(&*catalog, &next).await
    });
    assert_eq!(counts(&outcomes.await), (1, 11));
}

async fn a_request_at_once_is_first_once(catalogs: &[Arc<dyn Catalog>]) {
    let outcomes = at_once(catalogs, 12, |_, catalog| async move {
        begin(&*catalog, &request("at once")).await
    });
    assert_eq!(counts(&outcomes.await), (1, 11));
}

async fn a_callback_is_taken_when_due(catalog: &dyn Catalog) {
    let soon = Callback {
        url: "https://shop.example/told?a=ü".to_owned(),
        body: "{\"id\":\"3f\"}".to_owned(),
        created_at: -1,
        attempts: 3,
        ..callback("soon", NOW_MS)
    };
    let (sooner, later) = (callback("sooner", 5), callback("later", NOW_MS + 1));
    for callback in [&later, &soon, &sooner] {
        catalog.add_callback(callback).await.unwrap();
    }
    assert!(catalog.add_callback(&soon).await.is_err());
    let take = async |now_ms, limit| {
        let taken = catalog.take_due_callbacks(now_ms, LEASE_MS, limit).await;
        taken.unwrap()
    };
    assert_eq!(take(4, 10).await, []);
    assert_eq!(take(NOW_MS, 1).await, [sooner]);
    assert_eq!(take(NOW_MS, 10).await, [soon]);
    assert_eq!(take(NOW_MS, 10).await, []);
    assert_eq!(take(NOW_MS + 1, 10).await, [later]);

    assert_eq!(take(LEASE_MS - 1, 10).await, []);
    let again = catalog.take_due_callbacks(LEASE_MS, LEASE_MS + 1, 10).await;
    let mut ids: Vec<String> = again.unwrap().into_iter().map(|one| one.id).collect();
    ids.sort();
    assert_eq!(ids, ["later", "soon", "sooner"]);
    for id in ids {
        settle(catalog, &id, &CallbackOutcome::Done).await;
    }
}

async fn a_callback_at_once_is_taken_once(catalogs: &[Arc<dyn Catalog>]) {
    for n in 0..20 {
        let callback = callback(&format!("at-once-{n:02}"), NOW_MS);
        catalogs[0].add_callback(&callback).await.unwrap();
    }
    let taken = at_once(catalogs, 6, |_, catalog| async move {
        let taken = catalog.take_due_callbacks(NOW_MS, LEASE_MS, 100).await;
        taken.unwrap()
    });
    let mut ids: Vec<String> = taken
        .await
        .into_iter()
        .flatten()
        .map(|one| one.id)
        .collect();
    ids.sort();
    let expected: Vec<String> = (0..20).map(|n| format!("at-once-{n:02}")).collect();
    assert_eq!(ids, expected);
    for id in ids {
        settle(&*catalogs[0], &id, &CallbackOutcome::Done).await;
    }
}

async fn a_callback_is_settled(catalog: &dyn Catalog) {
    let due = async |now_ms| {
        let due = catalog.take_due_callbacks(now_ms, now_ms + 1, 10).await;
        due.unwrap()
    };
    for id in ["done", "retried", "given up"] {
        catalog.add_callback(&callback(id, 0)).await.unwrap();
    }
    settle(catalog, "done", &CallbackOutcome::Done).await;
    let retry = CallbackOutcome::Retry {
        next_ms: NOW_MS,
        fault: "the answer was 503: \0".to_owned(),
    };
    settle(catalog, "retried", &retry).await;
    settle(catalog, "given up", &given_up(7)).await;
    assert_eq!(due(NOW_MS - 1).await, []);
    let retried = Callback {
        attempts: 1,
        ..callback("retried", NOW_MS)
    };
    assert_eq!(due(NOW_MS).await, [retried]);

    settle(catalog, "retried", &given_up(7)).await;
    assert_eq!(due(i64::MAX - 1).await, []);
    settle(catalog, "unknown", &CallbackOutcome::Done).await;
}

async fn what_is_over_is_forgotten(catalog: &dyn Catalog) {
    let forget = async |before| {
        let old = OldAccess {
            tickets_before: 0,
            sessions_before: before,
            idempotent_before_ms: before,
            callbacks_before: before,
        };
        catalog.forget_old_access(&old).await.unwrap()
    };
    forget(i64::MAX).await;
    assert_eq!(forget(i64::MAX).await, 0);

    for id in ["stays", "goes"] {
        catalog.add_callback(&callback(id, NOW_MS)).await.unwrap();
    }
    settle(catalog, "goes", &given_up(NOW_MS)).await;
    let answered = request("old");
    assert_eq!(begin(catalog, &answered).await, Idempotent::First);
    assert_eq!(forget(NOW_MS).await, 0);
    assert_eq!(begin(catalog, &answered).await, Idempotent::InProgress);
    assert_eq!(forget(NOW_MS + 1).await, 2);
    assert_eq!(begin(catalog, &answered).await, Idempotent::First);
    let due = catalog.take_due_callbacks(NOW_MS, LEASE_MS, 10).await;
    assert_eq!(due.unwrap(), [callback("stays", NOW_MS)]);
}

fn request(token: &str) -> IdempotentRequest<'_> {
    IdempotentRequest {
        actor: ACTOR,
        token,
        fingerprint: &[1; 32],
        now_ms: NOW_MS,
        stale_ms: STALE_MS,
    }
}

async fn begin(catalog: &dyn Catalog, request: &IdempotentRequest<'_>) -> Idempotent {
    catalog.begin_idempotent(request).await.unwrap()
}

async fn finish(catalog: &dyn Catalog, token: &str, answer: &IdempotentAnswer) {
    let finished = catalog.finish_idempotent(ACTOR, token, answer).await;
    finished.unwrap();
}

/// How many were first, and how many found it in progress.
fn counts(outcomes: &[Idempotent]) -> (usize, usize) {
    let count = |wanted| outcomes.iter().filter(|one| **one == wanted).count();
    (count(Idempotent::First), count(Idempotent::InProgress))
}

fn callback(id: &str, next_ms: i64) -> Callback {
    Callback {
        id: id.to_owned(),
        url: "https://shop.example/told".to_owned(),
        body: "{}".to_owned(),
        created_at: 1000,
        attempts: 0,
        next_ms,
    }
}

fn given_up(at: i64) -> CallbackOutcome {
    CallbackOutcome::GivenUp {
        at,
        fault: "no answer".to_owned(),
    }
}

async fn settle(catalog: &dyn Catalog, id: &str, outcome: &CallbackOutcome) {
    catalog.settle_callback(id, outcome).await.unwrap();
}
