//! The part of the contract that upload tickets rely on. None is on record.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::contract::{at_once, audited, entry};
use crate::catalog::contract_access::api_key;
use crate::model::access::TicketId;
use crate::model::alias::{AliasName, AliasPath};
use crate::model::grant::{Ticket, TicketAlias};
use crate::model::media::MediaType;

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    tickets_are_found_as_added(catalog).await;
    tickets_are_listed_by_id(catalog).await;
    a_ticket_is_revoked_once(catalog).await;
    a_use_is_taken_of_an_open_ticket_only(catalog).await;
    uses_at_once_are_taken_as_often_as_there_are(catalogs).await;
    no_more_uses_are_given_back_than_there_were(catalog).await;
}

async fn tickets_are_found_as_added(catalog: &dyn Catalog) {
    let exact = |host: Option<&str>, path: &[u8]| {
        TicketAlias::Exact(AliasName {
            host: host.map(|host| host.parse().unwrap()),
            path: AliasPath::from_decoded(path.to_vec()).unwrap(),
        })
    };
    let below = |host: Option<&str>, prefix: &str| TicketAlias::Below {
        host: host.map(|host| host.parse().unwrap()),
        prefix: prefix.parse().unwrap(),
    };
    let aliases = [
        TicketAlias::None,
        exact(None, b"/a.jpg"),
        exact(Some("b.example"), b"/\xd6\xd0,'.jpg"),
        below(None, "shop"),
        below(Some("b.example"), "shop/%D6%D0"),
    ];
    for (n, alias) in (100..).zip(aliases) {
        let plain = Ticket { alias, ..ticket(n) };
        let full = Ticket {
            id: ticket_id(n + 100),
            created_by: "user:ana".to_owned(),
            key: Some(api_key(1).id),
            uses_max: u32::MAX,
            uses_left: 0,
            bytes_max: Some(1 << 60),
            types: MediaType::ALL.to_vec(),
            tags: vec!["two words".parse().unwrap(), "夏".parse().unwrap()],
            presets: vec!["thumb".parse().unwrap(), "card".parse().unwrap()],
            callback_url: Some("https://shop.example/told?a=1,2".to_owned()),
            ..plain.clone()
        };
        for ticket in [plain, full] {
            let ticket = added_ticket(catalog, ticket).await;
            let found = catalog.find_ticket(ticket.id).await.unwrap();
            assert_eq!(found, Some(ticket));
        }
    }
    assert_eq!(catalog.find_ticket(ticket_id(9999)).await.unwrap(), None);
}

async fn tickets_are_listed_by_id(catalog: &dyn Catalog) {
    let list = async |after, limit| {
        let tickets = catalog.list_tickets(after, limit).await.unwrap();
        tickets.iter().map(|ticket| ticket.id).collect::<Vec<_>>()
    };
    let expected: Vec<TicketId> = (100..105).chain(200..205).map(ticket_id).collect();
    assert_eq!(list(None, 1000).await, expected);
    assert_eq!(list(None, 3).await, expected[..3]);
    assert_eq!(list(Some(expected[2]), 3).await, expected[3..6]);
    assert_eq!(list(Some(ticket_id(150)), 1).await, expected[5..6]);
    assert_eq!(list(Some(expected[9]), 3).await, []);
}

async fn a_ticket_is_revoked_once(catalog: &dyn Catalog) {
    let ticket = added_ticket(catalog, ticket(300)).await;
    let target = ticket.id.to_string();
    let revoke = async |id, at| {
        let audit = entry("ticket.revoke", &target);
        catalog.revoke_ticket(id, at, &audit).await.unwrap()
    };
    assert!(!revoke(ticket_id(9999), 5).await);
    assert!(revoke(ticket.id, 5).await);
    assert!(!revoke(ticket.id, 6).await);
    let found = catalog.find_ticket(ticket.id).await.unwrap().unwrap();
    assert_eq!(found.revoked_at, Some(5));
    assert_eq!(
        audited(catalog, &target).await,
        ["ticket.create", "ticket.revoke"]
    );
}

async fn a_use_is_taken_of_an_open_ticket_only(catalog: &dyn Catalog) {
    let expires_at = ticket(0).expires_at;
    let open = added_ticket(catalog, ticket(301)).await;
    let take = async |id, now| catalog.take_use(id, now).await.unwrap();
    assert!(!take(open.id, expires_at + 1).await);
    assert!(take(open.id, expires_at).await);
    assert!(take(open.id, 0).await);
    assert!(!take(open.id, 0).await);
    assert!(!take(ticket_id(9999), 0).await);

    let revoked = added_ticket(catalog, ticket(302)).await;
    let audit = entry("ticket.revoke", &revoked.id.to_string());
    assert!(catalog.revoke_ticket(revoked.id, 5, &audit).await.unwrap());
    assert!(!take(revoked.id, 0).await);
    assert_eq!(uses_left(catalog, revoked.id).await, 2);
}

async fn uses_at_once_are_taken_as_often_as_there_are(catalogs: &[Arc<dyn Catalog>]) {
    let ticket = Ticket {
        uses_max: 5,
        uses_left: 5,
        ..ticket(303)
    };
    let id = added_ticket(&*catalogs[0], ticket).await.id;
    let taken = at_once(catalogs, 20, |_, catalog| async move {
        catalog.take_use(id, 0).await.unwrap()
    });
    let taken = taken.await.into_iter().filter(|&taken| taken);
    assert_eq!(taken.count(), 5);
    assert_eq!(uses_left(&*catalogs[0], id).await, 0);
}

async fn no_more_uses_are_given_back_than_there_were(catalog: &dyn Catalog) {
    let id = added_ticket(catalog, ticket(304)).await.id;
    catalog.give_back_use(id).await.unwrap();
    assert_eq!(uses_left(catalog, id).await, 2);
    assert!(catalog.take_use(id, 0).await.unwrap());
    assert_eq!(uses_left(catalog, id).await, 1);
    for _ in 0..2 {
        catalog.give_back_use(id).await.unwrap();
        assert_eq!(uses_left(catalog, id).await, 2);
    }
    catalog.give_back_use(ticket_id(9999)).await.unwrap();
}

/// For two uploads of any kind.
fn ticket(n: u64) -> Ticket {
    Ticket {
        id: ticket_id(n),
        created_by: "local:test".to_owned(),
        key: None,
        created_at: 1000,
        expires_at: 2000,
        revoked_at: None,
        uses_max: 2,
        uses_left: 2,
        bytes_max: None,
        types: Vec::new(),
        alias: TicketAlias::None,
        tags: Vec::new(),
        presets: Vec::new(),
        callback_url: None,
    }
}

fn ticket_id(n: u64) -> TicketId {
    format!("{n:032x}").parse().unwrap()
}

async fn added_ticket(catalog: &dyn Catalog, ticket: Ticket) -> Ticket {
    let audit = entry("ticket.create", &ticket.id.to_string());
    catalog.add_ticket(&ticket, &audit).await.unwrap();
    ticket
}

async fn uses_left(catalog: &dyn Catalog, id: TicketId) -> u32 {
    catalog.find_ticket(id).await.unwrap().unwrap().uses_left
}
