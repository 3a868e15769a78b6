use std::time::Duration;

use crate::error::{Reason, Result};
use crate::identity::domain::account::GuestOpening;
use crate::identity::service::TokenPair;
use crate::identity::tests::fixture::{EMAIL, Fixture, PASSWORD, secret, secrets};
use crate::identity::tokens::RefreshSecret;
use crate::kernel::caller::Role;
use crate::ports::clock::Clock;
use crate::secret::Secrets;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn signed_in(f: &Fixture) -> String {
    let made = f.register(EMAIL).await;
    made.expect("an account").tokens.refresh_token
}

async fn guest(f: &Fixture) -> String {
    f.service
        .create_guest_session(GuestOpening::default())
        .await
        .expect("a session")
        .tokens
        .refresh_token
}

async fn refreshed(f: &Fixture, token: &str) -> String {
    f.service.refresh(token).await.expect("the next pair").refresh_token
}

fn reason(outcome: Result<TokenPair>) -> Option<Reason> {
    outcome.err().map(|error| error.reason().expect("a refusal"))
}

async fn refusal(f: &Fixture, token: &str) -> Option<Reason> {
    reason(f.service.refresh(token).await)
}

#[tokio::test]
async fn each_token_gets_the_next_pair() {
    let f = Fixture::new().await;
    let mut token = signed_in(&f).await;
    for _ in 0..5 {
        f.clock.advance(Duration::from_secs(900));
        let pair = f.service.refresh(&token).await.expect("the next pair");
        let caller = f.tokens.verify(&pair.access_token, f.clock.now()).expect("a caller");
        assert_eq!(caller.token_expire_time, pair.access_expire_time);
        assert_eq!(pair.refresh_expire_time, f.clock.now() + 30 * DAY);
        assert_ne!(pair.refresh_token, token);
        token = pair.refresh_token;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_uses_of_one_token_at_once_make_one_chain() {
    let f = Fixture::new().await;
    let first = signed_in(&f).await;
    let uses = (0..50).map(|_| {
        let (service, token) = (f.service.clone(), first.clone());
        tokio::spawn(async move { service.refresh(&token).await })
    });
    let mut successors: Vec<String> = Vec::new();
    for outcome in futures::future::join_all(uses).await {
        successors.push(outcome.expect("no panic").expect("the next pair").refresh_token);
    }
    assert_eq!(successors.len(), 50);
    successors.dedup();
    assert_eq!(successors.len(), 1, "a fork");
    let third = refreshed(&f, &successors[0]).await;
    let mut tx = f.store.read().await.expect("a transaction");
    for (parent, child) in [(&first, &successors[0]), (&successors[0], &third)] {
        let parent = RefreshSecret::parse(parent).expect("a token").hash();
        let child = RefreshSecret::parse(child).expect("a token").hash();
        let state = tx.refresh_token(&parent).await.expect("read").expect("a token");
        assert_eq!(state.successor.map(|next| next.hash), Some(child));
    }
}

#[tokio::test]
async fn a_lost_answer_can_be_had_again_while_its_token_is_unused() {
    let f = Fixture::new().await;
    let first = signed_in(&f).await;
    let second = refreshed(&f, &first).await;
    f.clock.advance(Duration::from_secs(10));
    let again = f.service.refresh(&first).await.expect("the same pair");
    assert_eq!(again.refresh_token, second);
    assert!(f.tokens.verify(&again.access_token, f.clock.now()).is_ok());
    assert_ne!(refreshed(&f, &second).await, second);
}

#[tokio::test]
async fn a_repeat_after_the_successor_was_used_ends_the_sign_in_for_good() {
    let f = Fixture::new().await;
    let first = signed_in(&f).await;
    let second = refreshed(&f, &first).await;
    let third = refreshed(&f, &second).await;
    assert_eq!(refusal(&f, &first).await, Some(Reason::RefreshTokenReused));
    for token in [&third, &second, &first] {
        assert_eq!(refusal(&f, token).await, Some(Reason::RefreshTokenInvalid));
    }
    // Another sign-in of the same user goes on.
    let other = f.login(EMAIL, PASSWORD).await.expect("signed in");
    assert!(f.service.refresh(&other.tokens.refresh_token).await.is_ok());
}

#[tokio::test]
async fn a_repeat_after_the_grace_ends_the_sign_in_though_the_successor_is_unused() {
    let f = Fixture::new().await;
    let first = signed_in(&f).await;
    let second = refreshed(&f, &first).await;
    f.clock.advance(Duration::from_micros(10_000_001));
    assert_eq!(refusal(&f, &first).await, Some(Reason::RefreshTokenReused));
    assert_eq!(refusal(&f, &second).await, Some(Reason::RefreshTokenInvalid));
}

#[tokio::test]
async fn logout_ends_the_sign_in_by_any_of_its_tokens() {
    let f = Fixture::new().await;
    let first = signed_in(&f).await;
    let second = refreshed(&f, &first).await;
    f.service.logout(&first).await.expect("logged out");
    for token in [&first, &second] {
        assert_eq!(refusal(&f, token).await, Some(Reason::RefreshTokenInvalid));
        f.service.logout(token).await.expect("no error");
    }
    for unknown in ["", "bor_", "x", &RefreshSecret::random([3; 32]).into_text()] {
        f.service.logout(unknown).await.expect("no error");
    }
}

#[tokio::test]
async fn made_up_tokens_are_invalid() {
    let f = Fixture::new().await;
    let real = signed_in(&f).await;
    let other = RefreshSecret::random([3; 32]).into_text();
    for token in ["", "bor_", &real[4..], &real.to_uppercase(), &format!("{real} "), &other] {
        assert_eq!(refusal(&f, token).await, Some(Reason::RefreshTokenInvalid), "{token}");
    }
    assert!(f.service.refresh(&real).await.is_ok());
}

#[tokio::test]
async fn an_idle_sign_in_ends() {
    for (user, days) in [(true, 30), (false, 1)] {
        let f = Fixture::new().await;
        let token = if user { signed_in(&f).await } else { guest(&f).await };
        f.clock.advance(days * DAY - Duration::from_micros(1));
        let next = refreshed(&f, &token).await;
        f.clock.advance(days * DAY);
        assert_eq!(refusal(&f, &next).await, Some(Reason::RefreshTokenInvalid));
    }
}

#[tokio::test]
async fn a_busy_sign_in_ends_too() {
    for (user, days) in [(true, 90), (false, 7)] {
        let f = Fixture::new().await;
        let mut token = if user { signed_in(&f).await } else { guest(&f).await };
        let end = f.clock.now() + days * DAY;
        for _ in 0..(2 * days - 1) {
            f.clock.advance(DAY / 2);
            let pair = f.service.refresh(&token).await.expect("the next pair");
            assert!(pair.refresh_expire_time <= end);
            token = pair.refresh_token;
        }
        f.clock.advance(DAY / 2);
        assert_eq!(refusal(&f, &token).await, Some(Reason::RefreshTokenInvalid));
    }
}

#[tokio::test]
async fn new_roles_count_from_the_next_access_token_on() {
    let f = Fixture::new().await;
    let made = f.register(EMAIL).await;
    let made = made.expect("an account");
    let promoted = made.user.with_roles([Role::Customer, Role::Admin].into_iter().collect());
    let mut tx = f.store.begin().await.expect("a transaction");
    assert!(tx.update_user(&promoted.expect("a change")).await.expect("written"));
    tx.commit().await.expect("committed");
    let pair = f.service.refresh(&made.tokens.refresh_token).await.expect("the next pair");
    let before = f.tokens.verify(&made.tokens.access_token, f.clock.now()).expect("a caller");
    let after = f.tokens.verify(&pair.access_token, f.clock.now()).expect("a caller");
    assert_eq!((before.is_admin(), after.is_admin()), (false, true));
}

#[tokio::test]
async fn a_lost_answer_can_be_had_from_a_replica_with_a_newer_secret() {
    let f = Fixture::new().await;
    let first = signed_in(&f).await;
    let second = refreshed(&f, &first).await;
    let newer = Secrets { current: secret("fedcba9876543210"), previous: vec![secrets().current] };
    let again = f.replica(&newer).refresh(&first).await.expect("the same pair");
    assert_eq!(again.refresh_token, second);
    let third = f.replica(&newer).refresh(&second).await.expect("the next pair").refresh_token;
    assert!(f.service.refresh(&third).await.is_ok());
}

#[tokio::test]
async fn the_sweep_forgets_sign_ins_whose_time_is_over_and_no_others() {
    let f = Fixture::new().await;
    let (user, guest) = (signed_in(&f).await, guest(&f).await);
    let user = refreshed(&f, &user).await;
    f.clock.advance(7 * DAY - Duration::from_micros(1));
    assert_eq!(f.service.sweep().await.expect("swept"), 0);
    f.clock.advance(Duration::from_micros(1));
    assert_eq!(f.service.sweep().await.expect("swept"), 1);
    assert_eq!(f.service.sweep().await.expect("swept"), 0);
    let hash = RefreshSecret::parse(&guest).expect("a token").hash();
    let mut tx = f.store.read().await.expect("a transaction");
    assert_eq!(tx.family_of_token(&hash).await.expect("read"), None);
    assert!(f.service.refresh(&user).await.is_ok());
}
