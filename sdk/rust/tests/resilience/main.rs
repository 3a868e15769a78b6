//! What the client does when a server falters: over a real connection, against a scripted server.

#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

mod gate;
mod renewal;
mod scripted;

use std::time::{Duration, Instant};

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{
    HoldSeatsRequest, SeatChanges, SeatCursor, SeatSnapshot, WatchSeatsResponse,
};
use boxoffice_sdk::identity::v1::{LoginRequest, LogoutRequest};
use boxoffice_sdk::{Client, Code, ErrorReason, Fold, SeatView};
use futures::future::join_all;
use futures::stream::StreamExt;
use scripted::{Scripted, refused, tokens, unavailable};

async fn start() -> (Scripted, Client) {
    let server = Scripted::default();
    let client = Client::connect(server.start().await).await.expect("a good address");
    (server, client)
}

#[tokio::test]
async fn an_unavailable_server_is_tried_again_with_the_same_request_id() {
    let (server, client) = start().await;
    server.script().holds.extend([unavailable(None), unavailable(None)]);
    client.hold_seats(HoldSeatsRequest::default()).await.expect("the third try succeeds");
    let held = &server.script().held;
    assert_eq!(held.len(), 3);
    assert!(!held.iter().any(|(request_id, _)| request_id.is_empty()));
    assert!(held.windows(2).all(|pair| pair.first() == pair.last()));
}

#[tokio::test]
async fn the_fifth_try_is_the_last() {
    let (server, client) = start().await;
    server.script().holds.extend((0..9).map(|_| unavailable(None)));
    let error = client.hold_seats(HoldSeatsRequest::default()).await.expect_err("no try succeeds");
    assert_eq!(error.reason(), ErrorReason::Unavailable);
    assert_eq!(server.script().held.len(), 5);
}

#[tokio::test]
async fn a_patient_client_tries_until_its_patience_is_over() {
    let (server, client) = start().await;
    let patient = client.with_patience(Duration::from_secs(10));
    server.script().holds.extend((0..6).map(|_| unavailable(None)));
    patient.hold_seats(HoldSeatsRequest::default()).await.expect("the seventh try succeeds");
    assert_eq!(server.script().held.len(), 7);

    let patience = Duration::from_millis(200);
    let hasty = patient.with_patience(patience);
    server.script().holds.extend((0..999).map(|_| unavailable(Some(patience / 10))));
    let begun = Instant::now();
    let error = hasty.hold_seats(HoldSeatsRequest::default()).await.expect_err("no try succeeds");
    assert_eq!(error.reason(), ErrorReason::Unavailable);
    assert!(begun.elapsed() < patience * 5, "it tried for {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_lost_race_is_an_answer_and_is_not_repeated() {
    let (server, client) = start().await;
    server.script().holds.push_back(refused(Code::Aborted, "SEATS_TAKEN"));
    let error = client.hold_seats(HoldSeatsRequest::default()).await.expect_err("seats are taken");
    assert_eq!(error.reason(), ErrorReason::SeatsTaken);
    assert_eq!(server.script().held.len(), 1);
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_is_kept_but_never_past_the_deadline() {
    let (server, client) = start().await;
    let delay = Duration::from_millis(300);
    server.script().holds.push_back(unavailable(Some(delay)));
    let begun = Instant::now();
    client.hold_seats(HoldSeatsRequest::default()).await.expect("the second try succeeds");
    assert!(begun.elapsed() >= delay);

    server.script().holds.push_back(unavailable(Some(Duration::from_secs(60))));
    let hasty = client.with_deadline(Duration::from_secs(5));
    let begun = Instant::now();
    let error = hasty.hold_seats(HoldSeatsRequest::default()).await.expect_err("no time is left");
    assert_eq!(error.code(), Code::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    drop(listener);
    let client = Client::connect(format!("http://{address}")).await.expect("a good address");
    let error = client.hold_seats(HoldSeatsRequest::default()).await.expect_err("nobody listens");
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.reason(), ErrorReason::Unspecified);
}

#[tokio::test]
async fn an_expiring_token_is_renewed_once_for_all_calls_that_want_it() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::from_secs(10))));
    server.script().checks_tokens = true;
    let calls = (0..20).map(|_| {
        let clone = client.clone();
        tokio::spawn(async move { clone.hold_seats(HoldSeatsRequest::default()).await })
    });
    for outcome in join_all(calls).await {
        outcome.expect("the call ends").expect("the call is made with the new token");
    }
    assert_eq!(server.script().refreshed, ["refresh-0"]);
    assert_eq!(client.tokens().map(|kept| kept.refresh_token).as_deref(), Some("refresh-1"));
}

#[tokio::test]
async fn a_token_that_the_server_calls_expired_is_renewed_and_the_call_repeated_once() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(7, Duration::from_secs(900))));
    server.script().checks_tokens = true;
    client.hold_seats(HoldSeatsRequest::default()).await.expect("the second try succeeds");
    assert_eq!(server.script().refreshed, ["refresh-7"]);

    server.script().holds.extend((0..3).map(|_| refused(Code::Unauthenticated, "TOKEN_EXPIRED")));
    let error = client.hold_seats(HoldSeatsRequest::default()).await.expect_err("it expires again");
    assert_eq!(error.reason(), ErrorReason::TokenExpired);
    assert_eq!(server.script().refreshed.len(), 2);
}

#[tokio::test]
async fn a_sign_in_that_is_over_is_told_and_forgotten() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::ZERO)));
    let over = refused(Code::Unauthenticated, "REFRESH_TOKEN_REUSED");
    server.script().refreshes.push_back(over);
    let error = client.hold_seats(HoldSeatsRequest::default()).await.expect_err("it is over");
    assert_eq!(error.reason(), ErrorReason::RefreshTokenReused);
    assert!(client.tokens().is_none());
    assert!(server.script().held.is_empty());
}

#[tokio::test]
async fn signing_in_is_tried_once_and_sends_no_token() {
    let (server, client) = start().await;
    server.script().logins.push_back(unavailable(None));
    let error = client.login(LoginRequest::default()).await.expect_err("the server is not ready");
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(server.script().login_count, 1);

    client.login(LoginRequest::default()).await.expect("it is ready now");
    assert!(client.tokens().is_some());
    client.logout(LogoutRequest::default()).await.expect("signed out");
    assert!(client.tokens().is_none());
}

fn snapshot(revision: i64) -> WatchSeatsResponse {
    let update = Some(Update::Snapshot(SeatSnapshot::default()));
    WatchSeatsResponse { cursor: Some(SeatCursor { epoch: 1, revision }), update }
}

fn change(revision: i64) -> WatchSeatsResponse {
    let from_revision = revision - 1;
    let update = Some(Update::Changes(SeatChanges { from_revision, ..Default::default() }));
    WatchSeatsResponse { cursor: Some(SeatCursor { epoch: 1, revision }), update }
}

#[tokio::test]
async fn a_seat_stream_goes_on_from_its_last_message_without_loss_or_repeat() {
    let (server, client) = start().await;
    server.script().streams.extend([
        Ok(vec![Ok(snapshot(5)), Ok(change(6)), Err(unavailable(None))]),
        Err(unavailable(None)),
        Ok(vec![Ok(change(7))]),
        Ok(vec![Ok(change(8)), Err(refused(Code::NotFound, "NOT_FOUND"))]),
    ]);
    let mut stream = client.watch_seats("evt_1", None);
    let mut view = SeatView::default();
    for _ in 0..4 {
        let message = stream.next().await.expect("an item").expect("a message");
        assert_eq!(view.apply(&message), Fold::Applied);
    }
    assert_eq!(view.cursor(), Some(SeatCursor { epoch: 1, revision: 8 }));
    let error = stream.next().await.expect("an item").expect_err("the event is gone");
    assert_eq!(error.reason(), ErrorReason::NotFound);
    assert!(stream.next().await.is_none());
    let revisions: Vec<Option<i64>> =
        server.script().cursors.iter().map(|cursor| cursor.map(|at| at.revision)).collect();
    assert_eq!(revisions, [None, Some(6), Some(6), Some(7)]);
}

#[tokio::test]
async fn a_seat_stream_whose_token_expires_goes_on_with_a_new_one() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(0, Duration::from_secs(900))));
    let expired = || refused(Code::Unauthenticated, "TOKEN_EXPIRED");
    server.script().streams.extend([
        Ok(vec![Ok(snapshot(5)), Err(expired())]),
        Err(expired()),
        Ok(vec![Ok(change(6))]),
    ]);
    let mut stream = client.watch_seats("evt_1", None);
    for _ in 0..2 {
        stream.next().await.expect("an item").expect("a message");
    }
    assert_eq!(server.script().refreshed, ["refresh-0", "refresh-1"]);
}

#[tokio::test]
async fn a_renewal_that_the_server_is_not_ready_for_is_tried_again() {
    let (server, client) = start().await;
    client.set_tokens(Some(tokens(7, Duration::from_secs(900))));
    server.script().checks_tokens = true;
    server.script().refreshes.push_back(unavailable(None));
    client.hold_seats(HoldSeatsRequest::default()).await.expect("the second renewal succeeds");
    assert_eq!(server.script().refreshed, ["refresh-7", "refresh-7"]);
}
