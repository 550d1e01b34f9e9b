//! The part of the contract that signing in relies on. Nobody is on record.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::access::OldAccess;
use crate::catalog::contract::{at_once, audited, entry};
use crate::catalog::contract_access::secret;
use crate::model::access::{Role, UserName};
use crate::model::grant::{PasswordHash, Session, User};

const NOW: i64 = 5000;

pub(super) async fn run(catalogs: &[Arc<dyn Catalog>]) {
    let catalog = &*catalogs[0];
    users_are_found_as_added(catalog).await;
    a_name_is_given_once(catalog).await;
    a_name_at_once_is_given_once(catalogs).await;
    a_session_is_found_until_it_is_over(catalog).await;
    a_session_is_of_a_user_on_record(catalog).await;
    a_new_password_ends_the_sessions(catalog).await;
    a_role_is_in_force_at_once(catalog).await;
    a_removed_user_has_no_sessions(catalog).await;
    who_signs_in_while_removed_is_gone(catalogs).await;
    sessions_that_are_over_are_forgotten(catalog).await;
}

async fn users_are_found_as_added(catalog: &dyn Catalog) {
    assert_eq!(catalog.list_users().await.unwrap(), []);
    let full = User {
        role: Role::Admin,
        password: PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        created_at: -1,
        created_by: "user:root@example.com".to_owned(),
        ..user("a.b")
    };
    // By the bytes of the name, whatever the language of the database.
    let expected = [user("a-b"), full, user("a_b"), user("ab")];
    for user in expected.iter().rev() {
        assert!(added(catalog, user).await);
        let found = catalog.find_user(&user.name).await.unwrap();
        assert_eq!(found.as_ref(), Some(user));
    }
    assert_eq!(catalog.list_users().await.unwrap(), expected);
    assert_eq!(catalog.find_user(&user_name("a")).await.unwrap(), None);
}

async fn a_name_is_given_once(catalog: &dyn Catalog) {
    let first = user("once");
    assert!(added(catalog, &first).await);
    let second = User {
        role: Role::Admin,
        ..first.clone()
    };
    assert!(!added(catalog, &second).await);
    let found = catalog.find_user(&first.name).await.unwrap();
    assert_eq!(found, Some(first));
    assert_eq!(audited(catalog, "once").await, ["user.create"]);
}

async fn a_name_at_once_is_given_once(catalogs: &[Arc<dyn Catalog>]) {
    let given = at_once(catalogs, 9, |_, catalog| async move {
        added(&*catalog, &user("at-once")).await
    });
    let given = given.await.into_iter().filter(|&given| given);
    assert_eq!(given.count(), 1);
    assert_eq!(audited(&*catalogs[0], "at-once").await, ["user.create"]);
}

async fn a_session_is_found_until_it_is_over(catalog: &dyn Catalog) {
    let eve = user("eve");
    assert!(added(catalog, &eve).await);
    let (first, second) = (session(&eve, 1), session(&eve, 2));
    assert!(begun(catalog, &first).await);
    assert!(begun(catalog, &second).await);
    let signed_in = User {
        last_login_at: Some(first.created_at),
        ..eve
    };
    let find = async |session: &Session, now| {
        let found = catalog.find_session(&session.secret, now).await;
        found.unwrap()
    };
    let last = first.expires_at - 1;
    assert_eq!(find(&first, last).await.as_ref(), Some(&signed_in));
    assert_eq!(find(&first, last + 1).await, None);
    assert_eq!(find(&session(&signed_in, 3), NOW).await, None);

    for _ in 0..2 {
        catalog.remove_session(&first.secret).await.unwrap();
        assert_eq!(find(&first, NOW).await, None);
    }
    assert_eq!(find(&second, NOW).await, Some(signed_in));
    let actions = audited(catalog, "eve").await;
    assert_eq!(actions, ["user.create", "user.login", "user.login"]);
}

async fn a_session_is_of_a_user_on_record(catalog: &dyn Catalog) {
    let nobody = session(&user("nobody"), 10);
    assert!(!begun(catalog, &nobody).await);
    let found = catalog.find_session(&nobody.secret, NOW).await.unwrap();
    assert_eq!(found, None);
    assert!(audited(catalog, "nobody").await.is_empty());
}

async fn a_new_password_ends_the_sessions(catalog: &dyn Catalog) {
    let (kim, other) = (user("kim"), user("kim2"));
    let sessions = [session(&kim, 20), session(&kim, 21), session(&other, 22)];
    assert!(added(catalog, &kim).await && added(catalog, &other).await);
    for session in &sessions {
        assert!(begun(catalog, session).await);
    }
    let password = PasswordHash("another".to_owned());
    let set = async |name: &str| {
        let (audit, name) = (entry("user.password", name), user_name(name));
        let set = catalog.set_password(&name, &password, &audit).await;
        set.unwrap()
    };
    assert!(set("kim").await);
    assert!(!set("nobody").await);
    assert_eq!(
        signed_in(catalog, &sessions).await,
        [None, None, Some(Role::Editor)]
    );
    let found = catalog.find_user(&kim.name).await.unwrap().unwrap();
    assert_eq!(found.password, password);
    let found = catalog.find_user(&other.name).await.unwrap().unwrap();
    assert_eq!(found.password, other.password);
    assert!(audited(catalog, "nobody").await.is_empty());
    let last = audited(catalog, "kim").await.pop();
    assert_eq!(last.as_deref(), Some("user.password"));
}

async fn a_role_is_in_force_at_once(catalog: &dyn Catalog) {
    let lee = user("lee");
    let sessions = [session(&lee, 30)];
    assert!(added(catalog, &lee).await);
    assert!(begun(catalog, &sessions[0]).await);
    for role in Role::ALL {
        let audit = entry("user.role", "lee");
        assert!(catalog.set_role(&lee.name, role, &audit).await.unwrap());
        assert_eq!(signed_in(catalog, &sessions).await, [Some(role)]);
    }
    let nobody = user_name("nobody");
    let audit = entry("user.role", "nobody");
    let set = catalog.set_role(&nobody, Role::Admin, &audit).await;
    assert!(!set.unwrap());
    assert!(audited(catalog, "nobody").await.is_empty());
}

async fn a_removed_user_has_no_sessions(catalog: &dyn Catalog) {
    let (max, other) = (user("max"), user("max2"));
    let sessions = [session(&max, 40), session(&other, 41)];
    assert!(added(catalog, &max).await && added(catalog, &other).await);
    for session in &sessions {
        assert!(begun(catalog, session).await);
    }
    let remove = async || {
        let audit = entry("user.remove", "max");
        catalog.remove_user(&max.name, &audit).await.unwrap()
    };
    assert!(remove().await);
    assert!(!remove().await);
    assert_eq!(catalog.find_user(&max.name).await.unwrap(), None);
    assert_eq!(
        signed_in(catalog, &sessions).await,
        [None, Some(Role::Editor)]
    );
    let actions = audited(catalog, "max").await;
    assert_eq!(actions, ["user.create", "user.login", "user.remove"]);

    assert!(added(catalog, &max).await);
    assert!(remove().await, "a user without sessions is the rule");
}

async fn who_signs_in_while_removed_is_gone(catalogs: &[Arc<dyn Catalog>]) {
    for round in 0..4 {
        let pat = user("pat");
        assert!(added(&*catalogs[0], &pat).await);
        let done = at_once(catalogs, 12, |task, catalog| {
            let pat = pat.clone();
            async move {
                if task == 6 {
                    let audit = entry("user.remove", "pat");
                    return catalog.remove_user(&pat.name, &audit).await.unwrap();
                }
                let session = session(&pat, 1000 + round * 100 + task as u64);
                begun(&*catalog, &session).await;
                false
            }
        });
        assert!(done.await.contains(&true));
        for task in 0..12 {
            let secret = secret(1000 + round * 100 + task);
            let found = catalogs[0].find_session(&secret, NOW).await.unwrap();
            assert_eq!(found, None);
        }
    }
}

async fn sessions_that_are_over_are_forgotten(catalog: &dyn Catalog) {
    let ray = user("ray");
    let sessions = [session(&ray, 50)];
    let end = sessions[0].expires_at;
    let forget = async |sessions_before| {
        let old = OldAccess {
            tickets_before: 0,
            sessions_before,
            idempotent_before_ms: i64::MIN,
            callbacks_before: i64::MIN,
        };
        catalog.forget_old_access(&old).await.unwrap()
    };
    forget(i64::MAX).await;
    assert!(added(catalog, &ray).await);
    assert!(begun(catalog, &sessions[0]).await);
    assert_eq!(forget(end).await, 0);
    assert_eq!(signed_in(catalog, &sessions).await, [Some(Role::Editor)]);
    assert_eq!(forget(end + 1).await, 1);
    assert_eq!(signed_in(catalog, &sessions).await, [None]);
}

fn user_name(name: &str) -> UserName {
    name.parse().unwrap()
}

fn user(name: &str) -> User {
    User {
        name: user_name(name),
        role: Role::Editor,
        password: PasswordHash("first".to_owned()),
        created_at: 1000,
        created_by: "local:test".to_owned(),
        last_login_at: None,
    }
}

fn session(user: &User, n: u64) -> Session {
    Session {
        secret: secret(n),
        user: user.name.clone(),
        created_at: NOW - 10,
        expires_at: NOW + 10,
    }
}

async fn added(catalog: &dyn Catalog, user: &User) -> bool {
    let audit = entry("user.create", user.name.as_str());
    catalog.add_user(user, &audit).await.unwrap()
}

async fn begun(catalog: &dyn Catalog, session: &Session) -> bool {
    let audit = entry("user.login", session.user.as_str());
    catalog.add_session(session, &audit).await.unwrap()
}

/// The role of whoever is signed in by each of `sessions`.
async fn signed_in(catalog: &dyn Catalog, sessions: &[Session]) -> Vec<Option<Role>> {
    let mut roles = Vec::new();
    for session in sessions {
        let found = catalog.find_session(&session.secret, NOW).await.unwrap();
        roles.push(found.map(|user| user.role));
    }
    roles
}
