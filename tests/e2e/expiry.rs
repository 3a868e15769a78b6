//! What nobody ends ends by itself, once.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    GetHoldRequest, Hold, ReleaseHoldRequest, SeatState, booking, hold,
};
use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_sdk::reporting::v1::GetBookingTimelineRequest;
use boxoffice_sdk::{Error, SeatView};
use boxoffice_tests::{Backend, Person, Stage, StagePlan, World, request_id, scenarios};
use futures::StreamExt;
use futures::future::join_all;

use crate::refusals::seats_taken;
use crate::seat_log::SeatLog;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

async fn state_of(person: &Person, hold: &Hold) -> hold::State {
    let request = GetHoldRequest { hold_id: hold.hold_id.clone() };
    person.get_hold(request).await.expect("it is there").hold.expect("a hold").state()
}

async fn release(person: &Person, hold: &Hold) -> Result<Hold, Error> {
    let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id.clone() };
    Ok(person.release_hold(request).await?.hold.expect("a hold"))
}

async fn revision(person: &Person, stage: &Stage) -> i64 {
    let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
    let map = person.get_seat_map(request).await.expect("a seat map");
    map.cursor.expect("a cursor").revision
}

/// Asks for every seat by itself, all at once, and answers with what was held.
async fn ask_for_each(person: &Person, stage: &Stage) -> Vec<Hold> {
    let calls = stage.seats.iter().map(|seat| async {
        let answer = person.hold(&stage.event_id, &[seat.as_str()]).await;
        if answer.is_err() {
            assert_eq!(seats_taken(answer), [seat.as_str()]);
            return None;
        }
        answer.ok()
    });
    join_all(calls).await.into_iter().flatten().collect()
}

scenarios! {
    async fn s_12_an_abandoned_hold_ends_by_itself(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (first, second) = (stage.seat(0), stage.seat(1));
        let (buyer, watcher) = (world.guest().await, world.anonymous().await);
        let mut log = SeatLog::begin(&watcher, &stage).await;
        let hold = buyer.hold(&stage.event_id, &[first, second]).await.expect("both are free");
        log.until_seat(first, SeatState::Held).await;
        world.clock.advance(10 * MINUTE + SECOND);
        log.until_seat(first, SeatState::Available).await;
        // It ended as a whole: one change brought both seats.
        assert_eq!(log.view.state(second), Some(SeatState::Available));
        assert_eq!(log.view.cursor().expect("a cursor").revision, 2);
        let states = stage.states(&watcher).await;
        assert!(states.values().all(|state| *state == SeatState::Available));
        assert_eq!(state_of(&buyer, &hold).await, hold::State::Expired);
        let next = world.guest().await;
        next.hold(&stage.event_id, &[second, first]).await.expect("both are free again");
    }

    async fn s_12_an_abandoned_booking_ends_by_itself(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (seat, marker) = (stage.seat(0), stage.seat(9));
        let (buyer, other) = (world.guest().await, world.guest().await);
        let mut log = SeatLog::begin(&world.anonymous().await, &stage).await;
        let hold = buyer.hold(&stage.event_id, &[seat]).await.expect("it is free");
        world.clock.advance(MINUTE);
        other.hold(&stage.event_id, &[marker]).await.expect("it is free");
        world.clock.advance(4 * MINUTE);
        let booking = buyer.book(&hold).await.expect("the hold is good");
        assert_eq!(booking.state(), booking::State::Pending);
        // The hold's time passes, a sweep goes by, and the seat is still claimed.
        world.clock.advance(6 * MINUTE + SECOND);
        log.until_seat(marker, SeatState::Held).await;
        log.until_seat(marker, SeatState::Available).await;
        assert_eq!(log.view.state(seat), Some(SeatState::Claimed));
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Pending);
        // The booking's own time passes.
        let mut bookings = buyer.watch_booking(&booking.booking_id);
        let now = bookings.next().await.expect("an item").expect("a message").booking;
        assert_eq!(now.expect("a booking").state(), booking::State::Pending);
        world.clock.advance(4 * MINUTE + SECOND);
        log.until_seat(seat, SeatState::Available).await;
        let then = tokio::time::timeout(20 * SECOND, bookings.next()).await.expect("in time");
        let then = then.expect("an item").expect("a message").booking.expect("a booking");
        assert_eq!(then.state(), booking::State::Expired);
        assert_eq!(then, buyer.look_at(&booking).await);
        assert_eq!(stage.states(&other).await[seat], SeatState::Available);
        let all = [SeatState::Held, SeatState::Claimed, SeatState::Available];
        assert_eq!(log.states_of(seat), all);
        world.assert_sound().await;
        let request = GetBookingTimelineRequest { booking_id: booking.booking_id };
        let steps = buyer.get_booking_timeline(request).await.expect("a timeline").steps;
        let types: Vec<&str> = steps.iter().map(|step| step.r#type.as_str()).collect();
        assert_eq!(types, ["BookingCreated", "BookingExpired"]);
        other.hold(&stage.event_id, &[seat]).await.expect("it is free again");
    }

    async fn s_13_a_hold_expires_once_and_the_next_holder_is_left_alone(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (seat, marker) = (stage.seat(0), stage.seat(9));
        let (first, second, third) =
            (world.guest().await, world.guest().await, world.guest().await);
        let mut log = SeatLog::begin(&world.anonymous().await, &stage).await;
        let old = first.hold(&stage.event_id, &[seat]).await.expect("it is free");
        world.clock.advance(MINUTE);
        third.hold(&stage.event_id, &[marker]).await.expect("it is free");
        world.clock.advance(9 * MINUTE + SECOND);
        let new = second.hold(&stage.event_id, &[seat]).await.expect("the hold is over");
        assert_eq!(release(&first, &old).await.expect("no error").state(), hold::State::Expired);
        // The marker's end shows that a sweep has gone by since.
        world.clock.advance(MINUTE + SECOND);
        log.until_seat(marker, SeatState::Held).await;
        log.until_seat(marker, SeatState::Available).await;
        assert_eq!(release(&first, &old).await.expect("no error").state(), hold::State::Expired);
        assert_eq!(state_of(&second, &new).await, hold::State::Active);
        let booking = second.book(&new).await.expect("the hold is good");
        second.pay(&booking, "tok_success").await.expect("the payment is taken");
        log.until_seat(seat, SeatState::Sold).await;
        use SeatState::{Available, Claimed, Held, Sold};
        assert_eq!(log.states_of(seat), [Held, Available, Held, Claimed, Sold]);
        assert_eq!(revision(&first, &stage).await, 7);
    }

    async fn s_13_an_expiry_that_the_sweep_and_buyers_meet_at_once_happens_once(world: &World) {
        let plan =
            StagePlan { rows: 4, places_per_buyer_max: 100, ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let (first, second, third) =
            (world.guest().await, world.guest().await, world.guest().await);
        assert_eq!(ask_for_each(&first, &stage).await.len(), 40);
        world.clock.advance(10 * MINUTE + SECOND);
        let (won, also_won) =
            tokio::join!(ask_for_each(&second, &stage), ask_for_each(&third, &stage));
        assert_eq!(won.len() + also_won.len(), 40);
        // Each seat was held, expired and held again; each of the three is one change.
        assert_eq!(revision(&first, &stage).await, 120);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_13_two_servers_expire_each_hold_once() {
    let world = World::start(Backend::Postgres).await;
    let replica = world.replica().await;
    let plan = StagePlan { rows: 6, places_per_buyer_max: 100, ..StagePlan::default() };
    let stage = world.stage(plan).await;
    let (first, second, third) = (world.guest().await, world.guest().await, world.guest().await);
    let third = replica.same(&third).await;
    let mut here = SeatLog::begin(&second, &stage).await;
    let mut there = SeatLog::begin(&third, &stage).await;
    let old = ask_for_each(&first, &stage).await;
    assert_eq!(old.len(), 60);
    world.clock.advance(10 * MINUTE + SECOND);
    replica.clock.advance(10 * MINUTE + SECOND);
    // Both sweep, and buyers of both meet what is over.
    let (won, also_won) = tokio::join!(ask_for_each(&second, &stage), ask_for_each(&third, &stage));
    assert_eq!(won.len() + also_won.len(), 60);
    assert_eq!(revision(&first, &stage).await, 180);
    let is_newest = |view: &SeatView| view.cursor().is_some_and(|at| at.revision == 180);
    here.until(is_newest).await;
    there.until(is_newest).await;
    assert_eq!(here.view.count(SeatState::Held), 60);
    assert_eq!(there.view.count(SeatState::Held), 60);
    // Whoever comes too late changes nothing, on either server.
    let late = replica.same(&first).await;
    for (index, hold) in old.iter().enumerate() {
        let person = if index % 2 == 0 { &first } else { &late };
        assert_eq!(release(person, hold).await.expect("no error").state(), hold::State::Expired);
    }
    assert_eq!(revision(&first, &stage).await, 180);
    replica.finish().await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_13_two_sweepers_expire_each_booking_once() {
    let world = World::start(Backend::Postgres).await;
    let replica = world.replica().await;
    let plan = StagePlan { rows: 3, places_per_buyer_max: 100, ..StagePlan::default() };
    let stage = world.stage(plan).await;
    let buyer = world.guest().await;
    let holds = ask_for_each(&buyer, &stage).await;
    let bookings = join_all(holds.iter().map(|hold| buyer.book(hold))).await;
    assert_eq!(revision(&buyer, &stage).await, 60);
    world.clock.advance(10 * MINUTE + SECOND);
    replica.clock.advance(10 * MINUTE + SECOND);
    for booking in bookings {
        let booking = booking.expect("the hold is good");
        let expired = buyer.wait_for(&booking, booking::State::Expired).await;
        assert_eq!(expired.version, booking.version + 1);
    }
    assert_eq!(revision(&buyer, &stage).await, 90);
    replica.finish().await;
    world.finish().await;
}
