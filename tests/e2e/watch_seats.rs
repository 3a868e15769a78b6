//! Watching seats: order, speed, coming back.

use std::time::Duration;

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{
    CancelBookingRequest, Hold, ReleaseHoldRequest, SeatCursor, SeatState,
};
use boxoffice_sdk::catalog::v1::{CreateEventRequest, GetVenueRequest, UnpublishEventRequest};
use boxoffice_sdk::{Code, ErrorReason, SeatView};
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id, scenarios};
use futures::StreamExt;
use futures::future::join_all;

use crate::catalog::event_draft;
use crate::watcher::{Watcher, changes, each};

/// Gives a hold back.
pub async fn release(person: &Person, hold: Hold) {
    let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
    person.release_hold(request).await.expect("it is released");
}

/// Holds a seat and gives it back, so many times.
pub async fn hold_and_release(person: &Person, event_id: &str, seat: &str, times: usize) {
    for _ in 0..times {
        release(person, person.hold(event_id, &[seat]).await.expect("it is free")).await;
    }
}

/// Where the stream of an event stands.
async fn cursor_now(person: &Person, stage: &Stage) -> SeatCursor {
    let watcher = Watcher::of_map(person, &stage.event_id).await;
    watcher.view.cursor().expect("a cursor")
}

/// Watches from a cursor that cannot be served and takes the new beginning.
async fn resynchronised(person: &Person, stage: &Stage, cursor: SeatCursor) -> SeatView {
    let mut stream = person.watch_seats(&stage.event_id, Some(cursor));
    let message = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
    let message = message.expect("a message").expect("it goes on").expect("no error");
    let Some(Update::Snapshot(snapshot)) = &message.update else { panic!("{message:?}") };
    assert!(snapshot.resynchronised, "from {cursor:?}");
    assert_eq!(message.cursor, Some(cursor_now(person, stage).await));
    let mut view = SeatView::default();
    assert_eq!(view.apply(&message), boxoffice_sdk::Fold::Applied);
    view
}

scenarios! {
    async fn s_80_a_watcher_gets_every_change_within_a_second(world: &World) {
        let plan = StagePlan { hold_ttl: Some(Duration::from_secs(60)), ..Default::default() };
        let stage = world.stage(plan).await;
        let (event_id, seat) = (stage.event_id.as_str(), |index: usize| stage.seat(index));
        let buyer = world.guest().await;
        let anybody = world.anonymous().await;
        let mut watcher = Watcher::begin(&anybody, event_id).await;
        assert_eq!(watcher.view.count(SeatState::Available), 10);

        let seats = [seat(0), seat(1), seat(2)];
        let hold = buyer.hold(event_id, &seats).await.expect("they are free");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Held));
        let booking = buyer.book(&hold).await.expect("the hold is good");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Claimed));
        buyer.pay(&booking, "tok_success").await.expect("it is paid");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Sold));

        let seats = [seat(3), seat(4)];
        let hold = buyer.hold(event_id, &seats).await.expect("they are free");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Held));
        release(&buyer, hold).await;
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Available));

        let booking = buyer.hold(event_id, &seats).await.expect("they are free");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Held));
        let booking = buyer.book(&booking).await.expect("the hold is good");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Claimed));
        let (request_id, booking_id) = (request_id(), booking.booking_id);
        let cancel = CancelBookingRequest { request_id, booking_id };
        buyer.cancel_booking(cancel).await.expect("it is cancelled");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Available));

        buyer.hold(event_id, &seats).await.expect("they are free");
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Held));
        world.clock.advance(Duration::from_secs(61));
        assert_eq!(watcher.change(world).await, each(&seats, SeatState::Available));
        watcher.assert_equals_the_map().await;
    }

    async fn s_80_who_comes_back_with_its_cursor_misses_and_repeats_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (event_id, buyer) = (stage.event_id.as_str(), world.guest().await);
        let anybody = world.anonymous().await;
        let mut watcher = Watcher::begin(&anybody, event_id).await;
        let first = buyer.hold(event_id, &[stage.seat(0)]).await.expect("it is free");
        watcher.change(world).await;
        let mut back = watcher.reconnect();
        hold_and_release(&buyer, event_id, stage.seat(1), 3).await;
        let booking = buyer.book(&first).await.expect("the hold is good");
        buyer.pay(&booking, "tok_success").await.expect("it is paid");
        back.assert_equals_the_map().await;
        assert_eq!(back.seen.len(), 8, "six of the holds, a claim and a sale");

        // From wherever it went on, it would have seen the rest of the same.
        let messages = back.seen.clone();
        for (index, message) in messages.iter().enumerate() {
            let mut again = anybody.watch_seats(event_id, message.cursor);
            for expected in &messages[index + 1..] {
                let seen = again.next().await.expect("it goes on").expect("no error");
                assert_eq!(&seen, expected);
            }
        }
        // A cursor of the newest change brings nothing until there is another.
        let mut idle = Watcher::of_map(&anybody, event_id).await;
        buyer.hold(event_id, &[stage.seat(5)]).await.expect("it is free");
        assert_eq!(idle.change(world).await, each(&[stage.seat(5)], SeatState::Held));
        idle.assert_equals_the_map().await;
    }

    async fn s_80_a_cursor_that_cannot_be_served_gets_a_new_beginning(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (event_id, buyer) = (stage.event_id.as_str(), world.guest().await);
        hold_and_release(&buyer, event_id, stage.seat(1), 2).await;
        let SeatCursor { epoch, revision } = cursor_now(&buyer, &stage).await;
        for (epoch, revision) in [
            (epoch, revision + 1),
            (epoch, i64::MAX),
            (epoch + 1, revision),
            (epoch - 1, revision),
            (0, 0),
            (i64::MIN, i64::MIN),
            (i64::MAX, i64::MAX),
            (epoch, -1),
            (epoch, i64::MIN),
        ] {
            resynchronised(&buyer, &stage, SeatCursor { epoch, revision }).await;
        }
        let old = cursor_now(&buyer, &stage).await;
        hold_and_release(&buyer, event_id, stage.seat(2), 2).await;
        let oldest = old.revision + 1;
        let delete = format!("delete from booking_seat_change where revision <= {oldest}");
        assert!(world.database.by_hand(&delete).await > 0);
        let view = resynchronised(&buyer, &stage, old).await;
        // Nor can it be served when one in the middle is missing.
        let kept = SeatCursor { revision: oldest, ..old };
        let middle = format!("delete from booking_seat_change where revision = {}", oldest + 2);
        assert_eq!(world.database.by_hand(&middle).await, 1);
        resynchronised(&buyer, &stage, kept).await;
        // What is still kept is still served.
        let kept = SeatCursor { revision: oldest + 2, ..old };
        let mut stream = buyer.watch_seats(event_id, Some(kept));
        let next = stream.next().await.expect("it goes on").expect("no error");
        assert_eq!(next.cursor.expect("a cursor").revision, oldest + 3);
        // And from the new beginning it goes on as ever.
        let mut watcher = Watcher::with_view(&buyer, event_id, view);
        buyer.hold(event_id, &[stage.seat(3)]).await.expect("it is free");
        assert_eq!(watcher.change(world).await, each(&[stage.seat(3)], SeatState::Held));
        watcher.assert_equals_the_map().await;
    }

    async fn s_80_all_watchers_see_the_same_in_the_same_order(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let event_id = stage.event_id.as_str();
        let anybody = world.anonymous().await;
        let mut watchers = Vec::new();
        for _ in 0..5 {
            watchers.push(Watcher::begin(&anybody.another_session(), event_id).await);
        }
        let begin = watchers[0].view.cursor().expect("a cursor").revision;
        let buyers = join_all((0..4).map(|_| world.guest())).await;
        let sales = buyers.iter().enumerate().map(|(index, buyer)| {
            hold_and_release(buyer, event_id, stage.seat(index), 5)
        });
        join_all(sales).await;
        let end = begin + 4 * 5 * 2;
        for watcher in &mut watchers {
            watcher.assert_equals_the_map().await;
            assert_eq!(watcher.view.cursor().expect("a cursor").revision, end);
        }
        let (first, others) = watchers.split_first().expect("five watchers");
        assert!(others.iter().all(|other| other.seen == first.seen));
    }

    async fn s_80_who_joins_in_the_middle_of_a_rush_begins_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let event_id = stage.event_id.as_str();
        let buyers = join_all((0..4).map(|_| world.guest())).await;
        let rush = join_all(buyers.iter().enumerate().map(|(index, buyer)| {
            hold_and_release(buyer, event_id, stage.seat(index), 50)
        }));
        let anybody = world.anonymous().await;
        let joining = async {
            for _ in 0..40 {
                let mut watcher = Watcher::begin(&anybody, event_id).await;
                for _ in 0..3 {
                    // Only changes from now on; `changes` refuses anything else.
                    changes(&watcher.next().await);
                }
            }
        };
        tokio::select! {
            _ = rush => {}
            () = joining => {}
        }
        let mut last = Watcher::begin(&anybody, event_id).await;
        last.assert_equals_the_map().await;
    }

    async fn s_80_changes_that_were_forgotten_unread_are_made_up_for(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (event_id, buyer) = (stage.event_id.as_str(), world.guest().await);
        let mut watcher = Watcher::begin(&buyer, event_id).await;
        buyer.hold(event_id, &[stage.seat(0)]).await.expect("it is free");
        watcher.change(world).await;
        // As if this server had not reached the database for longer than changes are kept.
        world.database.by_hand("update booking_feed set revision = revision + 5").await;
        let message = watcher.next().await;
        let Some(Update::Snapshot(snapshot)) = &message.update else { panic!("{message:?}") };
        assert!(snapshot.resynchronised);
        buyer.hold(event_id, &[stage.seat(1)]).await.expect("it is free");
        assert_eq!(watcher.change(world).await, each(&[stage.seat(1)], SeatState::Held));
        watcher.assert_equals_the_map().await;
    }

    async fn s_80_only_published_events_can_be_watched(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let request = GetVenueRequest { venue_id: stage.venue_id.clone() };
        let venue = organizer.get_venue(request).await.expect("a venue").venue.expect("one");
        let draft = Some(event_draft(&venue, "A draft"));
        let request = CreateEventRequest { request_id: request_id(), event: draft };
        let draft = organizer.create_event(request).await.expect("a draft").event.expect("one");
        let unknown = format!("evt_{}", "0".repeat(32));
        for event_id in [draft.event_id, unknown] {
            // Not even its organizer can: there is nothing to see.
            for person in [&organizer, &world.anonymous().await] {
                let first = person.watch_seats(&event_id, None).next().await.expect("an answer");
                let error = first.expect_err("there is nothing to watch");
                assert_eq!((error.code(), error.reason()), (Code::NotFound, ErrorReason::NotFound));
            }
        }
        // One that is a draft again is as hidden as before, for those who watch it already as well.
        let guest = world.guest().await;
        let mut watched = guest.watch_seats(&stage.event_id, None);
        watched.next().await.expect("it goes on").expect("a snapshot");
        let cursor = cursor_now(&guest, &stage).await;
        let event_id = stage.event_id.clone();
        let request = UnpublishEventRequest { request_id: request_id(), event_id };
        organizer.unpublish_event(request).await.expect("nothing is sold");
        for mut stream in [
            watched,
            guest.watch_seats(&stage.event_id, None),
            guest.watch_seats(&stage.event_id, Some(cursor)),
        ] {
            let told = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
            let error = told.expect("in time").expect("an answer").expect_err("it is a draft");
            assert_eq!((error.code(), error.reason()), (Code::NotFound, ErrorReason::NotFound));
        }
        let first = organizer.watch_seats("nonsense", None).next().await.expect("an answer");
        let error = first.expect_err("it is no id");
        assert_eq!(error.violations()[0].field, "event_id");
    }
}
