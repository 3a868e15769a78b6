use uuid::Uuid;

use crate::error::Reason;
use crate::identity::domain::account::{GuestOpening, User};
use crate::identity::service::{contact_email, fill_contact_email};
use crate::identity::tests::fixture::{EMAIL, Fixture, PASSWORD};
use crate::kernel::caller::{Role, Roles, SessionId};
use crate::kernel::id::{GuestId, UserId};
use crate::ports::clock::Clock;
use crate::store::{Event, Lease, RequestKey, claim_events};

fn roles(roles: &[Role]) -> Roles {
    roles.iter().copied().collect()
}

async fn registered(f: &Fixture) -> User {
    let made = f.register(EMAIL).await;
    made.expect("an account").user
}

fn key(f: &Fixture, request: u8, body: u8) -> RequestKey {
    let admin = UserId::new(f.clock.now(), [0; 10]);
    RequestKey {
        session: SessionId::User(admin),
        method: "SetUserRoles",
        request_id: Uuid::from_bytes([request; 16]),
        body_hash: vec![body].into(),
    }
}

async fn events(f: &Fixture) -> Vec<Event> {
    let mut tx = f.store.begin().await.expect("a transaction");
    let lease = Lease(Uuid::from_bytes([1; 16]));
    claim_events(&mut tx, lease, f.clock.now(), 100).await.expect("events")
}

fn kinds(events: &[Event]) -> Vec<(&str, i64)> {
    events.iter().map(|event| (event.kind.as_str(), event.aggregate_version)).collect()
}

#[tokio::test]
async fn every_version_of_a_user_has_its_event() {
    let f = Fixture::new().await;
    let user = registered(&f).await;
    let organizer = roles(&[Role::Organizer]);
    let changed = f.service.set_user_roles(&key(&f, 1, 1), user.user_id, organizer).await;
    assert_eq!(changed.expect("changed").version, 2);
    // Setting the roles the user has makes no version and no event.
    let same = f.service.set_user_roles(&key(&f, 2, 1), user.user_id, organizer).await;
    assert_eq!(same.expect("unchanged").version, 2);
    let customer = f.service.set_user_roles(&key(&f, 3, 2), user.user_id, Roles::default()).await;
    let customer = customer.expect("changed");
    assert_eq!((customer.version, customer.roles), (3, roles(&[Role::Customer])));
    let events = events(&f).await;
    let expected = [("UserRegistered", 1), ("UserRolesChanged", 2), ("UserRolesChanged", 3)];
    assert_eq!(kinds(&events), expected);
    assert!(events.iter().all(|event| event.aggregate_id == user.user_id.uuid()));
    assert!(events.iter().all(|event| event.context == "identity"));
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_shows_the_user_as_it_is_now() {
    let f = Fixture::new().await;
    f.service.ensure_admin("root@example.com", PASSWORD, "Root").await.expect("an admin");
    let user = registered(&f).await.user_id;
    let admin = roles(&[Role::Admin]);
    f.service.set_user_roles(&key(&f, 1, 1), user, admin).await.expect("changed");
    f.service.set_user_roles(&key(&f, 2, 2), user, Roles::default()).await.expect("changed");
    let again = f.service.set_user_roles(&key(&f, 1, 1), user, admin).await.expect("repeated");
    assert_eq!((again.version, again.roles), (3, roles(&[Role::Customer])));
    let reused = f.service.set_user_roles(&key(&f, 1, 9), user, admin).await;
    assert_eq!(reused.err().and_then(|e| e.reason()), Some(Reason::RequestIdReused));
    let own = events(&f).await.into_iter().filter(|event| event.aggregate_id == user.uuid());
    assert_eq!(own.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn repeats_that_run_at_the_same_time_wait_for_the_first() {
    let f = Fixture::new().await;
    let user = registered(&f).await.user_id;
    let key = key(&f, 1, 1);
    let repeats = (0..20).map(|_| {
        let (service, key) = (f.service.clone(), key.clone());
        let organizer = roles(&[Role::Organizer]);
        tokio::spawn(async move { service.set_user_roles(&key, user, organizer).await })
    });
    for outcome in futures::future::join_all(repeats).await {
        assert_eq!(outcome.expect("no panic").expect("an answer").version, 2);
    }
    assert_eq!(events(&f).await.len(), 2);
}

#[tokio::test]
async fn nobody_becomes_a_guest_and_unknown_users_are_not_found() {
    let f = Fixture::new().await;
    let user = registered(&f).await.user_id;
    let guest = f.service.set_user_roles(&key(&f, 1, 1), user, roles(&[Role::Guest])).await;
    assert_eq!(guest.err().and_then(|e| e.reason()), Some(Reason::InvalidFields));
    let unknown = UserId::new(f.clock.now(), [9; 10]);
    let unknown = f.service.set_user_roles(&key(&f, 1, 1), unknown, Roles::default()).await;
    assert_eq!(unknown.err().and_then(|e| e.reason()), Some(Reason::NotFound));
    // A refusal leaves the request id free.
    assert!(f.service.set_user_roles(&key(&f, 1, 1), user, Roles::default()).await.is_ok());
}

#[tokio::test]
async fn the_first_admin_is_made_once() {
    let f = Fixture::new().await;
    registered(&f).await;
    assert!(!f.service.has_admin().await.expect("an answer"));
    let weak = f.service.ensure_admin("root@example.com", "password", "Root").await;
    assert_eq!(weak.err().and_then(|e| e.reason()), Some(Reason::InvalidFields));
    let taken = f.service.ensure_admin(EMAIL, "another long one", "Root").await;
    assert_eq!(taken.err().and_then(|e| e.reason()), Some(Reason::EmailTaken));
    assert!(!f.service.has_admin().await.expect("an answer"));
    for made in [true, false] {
        let outcome = f.service.ensure_admin("root@example.com", "a long one", "Root").await;
        assert_eq!(outcome.expect("an answer"), made);
        assert!(f.service.has_admin().await.expect("an answer"));
    }
    // An admin whose name differs is an admin all the same.
    let other = f.service.ensure_admin("other@example.com", "a long one", "Other").await;
    assert!(!other.expect("an answer"));
    let root = f.login("root@example.com", "a long one").await.expect("signed in");
    assert_eq!((root.user.roles, root.user.version), (roles(&[Role::Customer, Role::Admin]), 2));
    let kinds: Vec<_> = events(&f).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "UserRegistered").count(), 2);
    assert_eq!(kinds.iter().filter(|kind| *kind == "UserRolesChanged").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_together_make_one_admin() {
    let f = Fixture::new().await;
    let starts = (0..4).map(|_| {
        let service = f.service.clone();
        tokio::spawn(async move { service.ensure_admin(EMAIL, PASSWORD, "Root").await })
    });
    let mut made = 0;
    for outcome in futures::future::join_all(starts).await {
        made += usize::from(outcome.expect("no panic").expect("an answer"));
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn an_ensured_user_is_made_once_and_left_alone_afterwards() {
    let f = Fixture::new().await;
    let organizer = roles(&[Role::Organizer]);
    let made = f.service.ensure_user(EMAIL, PASSWORD, "Ada", organizer).await.expect("a user");
    assert_eq!(made.roles, roles(&[Role::Customer, Role::Organizer]));
    let again =
        f.service.ensure_user(EMAIL, "another long one", "Eve", roles(&[Role::Admin])).await;
    assert!(again.expect("a user") == made);
    assert!(f.login(EMAIL, PASSWORD).await.is_ok());
    assert_eq!(kinds(&events(&f).await), [("UserRegistered", 1), ("UserRolesChanged", 2)]);
}

#[tokio::test]
async fn booking_learns_where_tickets_go() {
    let f = Fixture::new().await;
    let user = SessionId::User(registered(&f).await.user_id);
    let guest =
        f.service.create_guest_session(GuestOpening::default()).await.expect("a session").guest;
    let guest = SessionId::Guest(guest.guest_id);
    let unknown = SessionId::Guest(GuestId::new(f.clock.now(), [9; 10]));
    let mut tx = f.store.begin().await.expect("a transaction");
    assert_eq!(contact_email(&mut tx, user).await.expect("read").as_deref(), Some(EMAIL));
    assert_eq!(contact_email(&mut tx, guest).await.expect("read"), None);
    assert_eq!(contact_email(&mut tx, unknown).await.expect("read"), None);
    for (address, kept) in [("one@example.com", "one"), ("two@example.com", "one")] {
        fill_contact_email(&mut tx, guest, address).await.expect("written");
        fill_contact_email(&mut tx, user, address).await.expect("written");
        let now = contact_email(&mut tx, guest).await.expect("read").expect("an address");
        assert!(now.starts_with(kept), "{now}");
    }
    assert_eq!(contact_email(&mut tx, user).await.expect("read").as_deref(), Some(EMAIL));
}
