//! A sign-in outlives answers that are lost and calls that run at the same time.

use std::time::{Duration, Instant};

use boxoffice_sdk::booking::v1::HoldSeatsRequest;
use boxoffice_sdk::identity::v1::ChangePasswordRequest;
use boxoffice_sdk::{Code, ErrorReason};

use super::scripted::{refused, tokens, unavailable};
use super::start;

/// How long a server gives the same successor for a refresh token that was used.
const REPEAT_GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_renewal_whose_answer_never_comes_is_repeated_while_the_server_still_allows_it() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::ZERO)));
    server.script().silent_refreshes = 1;
    let begun = Instant::now();
    client.hold_seats(HoldSeatsRequest::default()).await.expect("the repeat is answered");
    assert!(begun.elapsed() < REPEAT_GRACE, "{:?}", begun.elapsed());
    assert_eq!(server.script().refreshed, ["refresh-0", "refresh-0"]);
    let kept = client.tokens().expect("still signed in");
    assert_eq!(kept.refresh_token, "refresh-2");
}

#[tokio::test]
async fn a_renewal_is_repeated_even_if_its_caller_has_given_up() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::ZERO)));
    server.script().refreshes.push_back(unavailable(Some(Duration::from_millis(300))));
    let hasty = client.clone().with_deadline(Duration::from_millis(100));
    let error = hasty.hold_seats(HoldSeatsRequest::default()).await.expect_err("it gives up");
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let mut changes = client.token_changes();
    let renewed = changes
        .wait_for(|kept| kept.as_ref().is_some_and(|kept| kept.refresh_token == "refresh-2"));
    renewed.await.expect("the renewal went on");
    assert_eq!(server.script().refreshed, ["refresh-0", "refresh-0"]);
}

#[tokio::test]
async fn a_renewal_waits_while_a_password_is_changed() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::from_secs(900))));
    let changing = client.clone();
    let change =
        tokio::spawn(
            async move { changing.change_password(ChangePasswordRequest::default()).await },
        );
    server.change_begun.notified().await;
    // The change ends every sign-in, so that a renewal now would find none.
    server.script().holds.push_back(refused(Code::Unauthenticated, "TOKEN_EXPIRED"));
    let holding = client.clone();
    let mut hold =
        tokio::spawn(async move { holding.hold_seats(HoldSeatsRequest::default()).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut hold).await;
    assert!(early.is_err(), "it did not wait its turn");
    server.change_may_end.notify_one();
    change.await.expect("no panic").expect("it is changed");
    hold.await.expect("no panic").expect("it goes on with the new tokens");
    assert!(server.script().refreshed.is_empty());
    let kept = client.tokens().expect("still signed in");
    assert_eq!(kept.refresh_token, "refresh-100");
}

#[tokio::test]
async fn a_token_that_is_nearly_over_is_renewed_before_a_password_is_changed() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::ZERO)));
    server.change_may_end.notify_one();
    client.change_password(ChangePasswordRequest::default()).await.expect("it is changed");
    assert_eq!(server.script().refreshed, ["refresh-0"]);
    client.set_tokens(None);
    let over = refused(Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    client.set_tokens(Some(tokens(0, Duration::ZERO)));
    server.script().refreshes.push_back(over);
    let error = client.change_password(ChangePasswordRequest::default()).await;
    let error = error.expect_err("the sign-in is over");
    assert_eq!(error.reason(), ErrorReason::RefreshTokenInvalid);
}
