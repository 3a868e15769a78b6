//! Watching seats: streams that end, readers that are slow, servers that are two.

use std::time::Duration;

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_sdk::booking::v1::{
    SeatCursor, SeatState, WatchBookingRequest, WatchSeatsResponse, watch_seats_response::Update,
};
use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_sdk::{Client, Code, Error, ErrorReason, Fold, SeatView};
use boxoffice_server::app::App;
use boxoffice_server::parts::Parts;
use boxoffice_tests::streams::{narrow_channel, open_seats, with_token};
use boxoffice_tests::{Backend, Person, Stage, StagePlan, World, eventually, scenarios};
use futures::StreamExt;
use tonic::Streaming;

use crate::watch_seats::{hold_and_release, release};
use crate::watcher::{Watcher, changes, each};
use crate::wire::channel;

/// How long a stream may take to end once it should.
const END_MAX: Duration = Duration::from_secs(10);
/// How much the clock is turned on so that a fresh token has two or three seconds left.
const NEARLY_A_TOKEN: Duration = Duration::from_secs(15 * 60 - 3);

/// Reads a stream that stands at a cursor to its end: the last cursor and how it ended.
async fn read_to_end(
    mut stream: Streaming<WatchSeatsResponse>,
    mut cursor: Option<SeatCursor>,
) -> (Option<SeatCursor>, Error) {
    let end = async {
        loop {
            match stream.message().await {
                Ok(Some(message)) => cursor = message.cursor,
                Ok(None) => panic!("it ended without a status"),
                Err(status) => return Error::from(status),
            }
        }
    };
    let error = tokio::time::timeout(END_MAX, end).await.expect("it ends in time");
    (cursor, error)
}

fn assert_names(error: &Error, cursor: Option<SeatCursor>) {
    let cursor = cursor.expect("there was a message");
    assert_eq!(error.metadata()["epoch"], cursor.epoch.to_string());
    assert_eq!(error.metadata()["revision"], cursor.revision.to_string());
}

async fn stop_ends_streams(world: World) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let channel = channel(&world.url()).await;
    let mut stream = open_seats(&channel, &stage.event_id, None, None).await.expect("a stream");
    let begun = stream.message().await.expect("no error").expect("the snapshot").cursor;
    let request = WatchBookingRequest { booking_id: booking.booking_id.clone() };
    let mut stub = BookingServiceClient::new(channel);
    let watched = stub.watch_booking(with_token(request, Some(&buyer))).await;
    let mut watched = watched.expect("a stream").into_inner();
    watched.message().await.expect("no error").expect("the booking");
    let seats = tokio::spawn(read_to_end(stream, begun));
    let bookings = tokio::spawn(async move { watched.message().await });
    let world = world.restart().await;

    let (cursor, error) = seats.await.expect("it is read");
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, ErrorReason::Unavailable));
    assert!(error.retry_after().is_some());
    assert_names(&error, cursor);
    let error = Error::from(bookings.await.expect("it is read").expect_err("the end"));
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, ErrorReason::Unavailable));

    // With the new server it goes on as if nothing had been.
    let anybody = world.anonymous().await;
    anybody.set_tokens(buyer.tokens());
    let mut stream = anybody.watch_seats(&stage.event_id, cursor);
    anybody.pay(&booking, "tok_success").await.expect("it is paid");
    let message = stream.next().await.expect("it goes on").expect("no error");
    assert_eq!(Some(changes(&message).from_revision), cursor.map(|at| at.revision));
    assert_eq!(changes(&message).seats[0].state(), SeatState::Sold);
    drop(stream);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_a_server_that_stops_ends_streams_with_their_cursor_on_sqlite() {
    stop_ends_streams(World::start(Backend::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_a_server_that_stops_ends_streams_with_their_cursor_on_postgres() {
    stop_ends_streams(World::start(Backend::Postgres).await).await;
}

/// Changes that are swept are no longer served. The sweep's first round comes with the start.
async fn swept_changes(world: World) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let old = Watcher::of_map(&buyer, &stage.event_id).await.view.cursor();
    hold_and_release(&buyer, &stage.event_id, stage.seat(0), 2).await;
    world.clock.advance(Duration::from_secs(11 * 60));
    let world = world.restart().await;
    let anybody = world.anonymous().await;
    let snapshot = eventually(async || {
        let mut stream = anybody.watch_seats(&stage.event_id, old);
        let message = stream.next().await.expect("it goes on").expect("no error");
        match message.update {
            Some(Update::Snapshot(snapshot)) => Ok(snapshot),
            _ => Err("they are still kept"),
        }
    })
    .await;
    assert!(snapshot.resynchronised);
    assert_eq!(snapshot.seats.len(), stage.seats.len());
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_a_cursor_of_eleven_minutes_ago_gets_a_new_beginning_on_sqlite() {
    swept_changes(World::start(Backend::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_a_cursor_of_eleven_minutes_ago_gets_a_new_beginning_on_postgres() {
    swept_changes(World::start(Backend::Postgres).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_watchers_at_a_second_server_see_the_same_within_a_second() {
    let world = World::start(Backend::Postgres).await;
    let parts = Parts::of(&world.config, world.clock.clone()).expect("parts");
    let second = App::start_on(&world.config, parts).await.expect("it starts");
    let elsewhere = Client::connect(format!("http://{}", second.address())).await.expect("one");
    let stage = world.stage(StagePlan::default()).await;
    let (event_id, buyer) = (stage.event_id.as_str(), world.guest().await);
    elsewhere.set_tokens(buyer.tokens());
    let anybody = world.anonymous().await;
    let mut here = Watcher::begin(&anybody, event_id).await;
    let mut there = Watcher::begin(&elsewhere, event_id).await;
    for index in 0..5 {
        let seats = [stage.seat(index), stage.seat(index + 5)];
        let hold = buyer.hold(event_id, &seats).await.expect("they are free");
        assert_eq!(there.change(&world).await, each(&seats, SeatState::Held));
        assert_eq!(here.change(&world).await, each(&seats, SeatState::Held));
        let release = boxoffice_sdk::booking::v1::ReleaseHoldRequest {
            request_id: String::new(),
            hold_id: hold.hold_id,
        };
        elsewhere.release_hold(release).await.expect("it is released");
        assert_eq!(here.change(&world).await, each(&seats, SeatState::Available));
        assert_eq!(there.change(&world).await, each(&seats, SeatState::Available));
    }
    assert_eq!(here.seen[1..], there.seen[1..]);
    // A cursor of one server is good at the other.
    let mut moved = Watcher::with_view(&elsewhere, event_id, here.view.clone());
    buyer.buy(event_id, &[stage.seat(0)]).await;
    moved.assert_equals_the_map().await;
    here.assert_equals_the_map().await;
    assert_eq!(moved.seen[..], here.seen[here.seen.len() - 3..]);
    drop((moved, there));
    second.stop().await.expect("it stops");
    world.finish().await;
}

async fn map_of(person: &Person, stage: &Stage) -> SeatView {
    let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
    SeatView::of_map(&person.get_seat_map(request).await.expect("a seat map"))
}

scenarios! {
    async fn s_81_who_reads_late_gets_changes_folded_and_disturbs_nobody(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (event_id, buyer) = (stage.event_id.as_str(), world.guest().await);
        let narrow = narrow_channel(&world.url());
        let mut slow = open_seats(&narrow, event_id, None, None).await.expect("a stream");
        let mut view = SeatView::default();
        let first = slow.message().await.expect("no error").expect("a snapshot");
        assert_eq!(view.apply(&first), Fold::Applied);
        let anybody = world.anonymous().await;
        let mut quick = Watcher::begin(&anybody, event_id).await;
        for _ in 0..150 {
            let hold = buyer.hold(event_id, &[stage.seat(0)]).await.expect("it is free");
            quick.change(world).await;
            release(&buyer, hold).await;
            quick.change(world).await;
        }
        let sold = buyer.buy(event_id, &[stage.seat(1)]).await;
        quick.assert_equals_the_map().await;

        // Now it reads: what it could not take before comes folded.
        let last = quick.view.cursor().expect("a cursor").revision;
        let (mut messages, mut folded) = (0, 0);
        while view.cursor().is_none_or(|at| at.revision < last) {
            let message = tokio::time::timeout(END_MAX, slow.message()).await.expect("in time");
            let message = message.expect("no error").expect("it goes on");
            let revision = message.cursor.expect("a cursor").revision;
            let changed = changes(&message);
            messages += 1;
            folded += usize::from(changed.from_revision < revision - 1);
            assert_eq!(view.apply(&message), Fold::Applied);
        }
        assert!(folded > 0, "{messages} messages, none of them folded");
        assert!(messages < 250, "{messages} messages were kept for it");
        let map = map_of(&buyer, &stage).await;
        assert_eq!(crate::watcher::all(&view), crate::watcher::all(&map));
        assert_eq!(view.state(&sold.places[0].seat_id), Some(SeatState::Sold));
    }

    async fn s_80_a_stream_ends_with_its_token_and_the_client_goes_on(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (event_id, buyer) = (stage.event_id.as_str(), world.guest().await);
        let customer = world.customer().await;
        let channel = channel(&world.url()).await;
        world.clock.advance(NEARLY_A_TOKEN);
        let stream = open_seats(&channel, event_id, None, Some(&customer)).await.expect("a stream");
        let stranger = open_seats(&channel, event_id, None, None).await.expect("a stream");
        let mut watcher = Watcher::begin(&customer, event_id).await;
        let (cursor, error) = read_to_end(stream, None).await;
        assert_eq!(error.code(), Code::Unauthenticated);
        assert_eq!(error.reason(), ErrorReason::TokenExpired);
        assert_names(&error, cursor);
        // The expired token opens no other stream, though anybody else may.
        let refused = open_seats(&channel, event_id, cursor, Some(&customer)).await;
        assert_eq!(refused.err().map(|e| e.reason()), Some(ErrorReason::TokenExpired));
        // The client gets another token by itself; a stream without a token is not concerned.
        buyer.hold(event_id, &[stage.seat(0)]).await.expect("it is free");
        assert_eq!(watcher.change(world).await, each(&[stage.seat(0)], SeatState::Held));
        watcher.assert_equals_the_map().await;
        let mut stranger = stranger;
        stranger.message().await.expect("no error").expect("the snapshot");
        let next = stranger.message().await.expect("no error").expect("the change");
        assert_eq!(changes(&next).seats[0].seat_id, stage.seat(0));
    }
}
