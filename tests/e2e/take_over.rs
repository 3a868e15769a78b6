//! Guests who become users.

use std::time::Duration;

use boxoffice_sdk::identity::v1::{LoginRequest, RegisterRequest};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{PASSWORD, Person, World, scenarios};

use crate::refusals::refused;

const EMAIL: &str = "ada@example.com";
/// Told of a guest that was taken over, on the bus or on its way there.
const TOLD: &str = "select count(*) from (select kind from store_outbox
    union all select kind from store_event_log) e where kind = 'GuestTakenOver'";
const ACCOUNTS: &str = "select count(*) from identity_user";

fn refresh_token(person: &Person) -> String {
    person.tokens().expect("a session").refresh_token
}

async fn register(person: &Person, email: &str, guest: &str) -> Result<(), Error> {
    let request = RegisterRequest {
        email: email.into(),
        password: PASSWORD.into(),
        display_name: "Ada".into(),
        guest_refresh_token: guest.into(),
    };
    person.register(request).await.map(|_| ())
}

async fn login(person: &Person, email: &str, guest: &str) -> Result<(), Error> {
    let request = LoginRequest {
        email: email.into(),
        password: PASSWORD.into(),
        guest_refresh_token: guest.into(),
    };
    person.login(request).await.map(|_| ())
}

#[track_caller]
fn assert_refused(outcome: Result<(), Error>) {
    let error = refused(outcome, Code::InvalidArgument, ErrorReason::InvalidFields);
    assert_eq!(error.violations()[0].field, "guest_refresh_token");
}

scenarios! {
    async fn s_60_a_guest_becomes_the_user_who_has_its_token_and_nobody_else(world: &World) {
        let (guest, other) = (world.guest().await, world.guest().await);
        let (ada, eve) = (world.anonymous().await, world.anonymous().await);
        let accounts = world.database.count_by_hand(ACCOUNTS).await;
        // An access token is no proof, a made-up token neither; no account is made.
        let access_token = guest.tokens().expect("a session").access_token;
        for bad in [access_token.as_str(), "bor_made-up"] {
            assert_refused(register(&ada, EMAIL, bad).await);
        }
        assert!(ada.tokens().is_none());
        assert_eq!(world.database.count_by_hand(ACCOUNTS).await, accounts);
        let token = refresh_token(&guest);
        register(&ada, EMAIL, &token).await.expect("an account");
        let over = guest.refresh().await;
        refused(over, Code::Unauthenticated, ErrorReason::RefreshTokenInvalid);
        // The answer may have been lost: whoever repeats is signed in.
        login(&ada, EMAIL, &token).await.expect("signed in");
        register(&eve, "eve@example.com", "").await.expect("an account");
        assert_refused(login(&eve, "eve@example.com", &token).await);
        assert_refused(login(&eve, "eve@example.com", &refresh_token(&ada)).await);
        assert_eq!(world.database.count_by_hand(TOLD).await, 1);
        // One user may take over several guests, one by one.
        login(&ada, EMAIL, &refresh_token(&other)).await.expect("signed in");
        assert_eq!(world.database.count_by_hand(TOLD).await, 2);
    }

    async fn s_60_what_a_wrong_password_brings_along_stays_the_guests(world: &World) {
        let guest = world.guest().await;
        let person = world.anonymous().await;
        register(&person, EMAIL, "").await.expect("an account");
        let request = LoginRequest {
            email: EMAIL.into(),
            password: "not the password".into(),
            guest_refresh_token: refresh_token(&guest),
        };
        let answer = person.login(request).await;
        refused(answer, Code::Unauthenticated, ErrorReason::CredentialsWrong);
        guest.refresh().await.expect("the guest goes on");
        assert_eq!(world.database.count_by_hand(TOLD).await, 0);
    }
}

async fn told_once_more(backend: boxoffice_tests::Backend) {
    let world = World::start(backend).await;
    let (guest, person) = (world.guest().await, world.anonymous().await);
    register(&person, EMAIL, &refresh_token(&guest)).await.expect("an account");
    world.clock.advance(Duration::from_secs(16 * 60));
    // A server that starts tidies up at once.
    let world = world.restart().await;
    world.database.wait_by_hand(TOLD, |count| count == 2).await;
    let due = "select count(*) from identity_guest where tell_again_time is not null";
    world.database.wait_by_hand(due, |count| count == 0).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_60_what_the_guests_last_token_did_is_taken_over_too_on_sqlite() {
    told_once_more(boxoffice_tests::Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_60_what_the_guests_last_token_did_is_taken_over_too_on_postgres() {
    told_once_more(boxoffice_tests::Backend::Postgres).await;
}
