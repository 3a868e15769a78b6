//! Holds: how long they last, what they are refused for, and who may end them.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    ExtendHoldRequest, GetHoldRequest, Hold, HoldSeatsRequest, ReleaseHoldRequest, SeatState, hold,
};
use boxoffice_sdk::{Code, Error, ErrorReason, Timestamp};
use boxoffice_server::ports::clock::Clock;
use boxoffice_tests::{Person, StagePlan, World, request_id, scenarios};

use crate::refusals::{refused, seats_taken};
use crate::seat_log::SeatLog;

const MINUTE: Duration = Duration::from_secs(60);

fn micros(time: Option<Timestamp>) -> i64 {
    let time = time.expect("a time");
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000
}

fn micros_of(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).expect("a span that fits")
}

async fn look_at(person: &Person, hold: &Hold) -> Hold {
    let request = GetHoldRequest { hold_id: hold.hold_id.clone() };
    person.get_hold(request).await.expect("it is there").hold.expect("a hold")
}

async fn extend(person: &Person, hold: &Hold) -> Result<Hold, Error> {
    let request = ExtendHoldRequest { request_id: request_id(), hold_id: hold.hold_id.clone() };
    Ok(person.extend_hold(request).await?.hold.expect("a hold"))
}

async fn release(person: &Person, hold: &Hold) -> Result<Hold, Error> {
    let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id.clone() };
    Ok(person.release_hold(request).await?.hold.expect("a hold"))
}

/// A seat id that looks right and is no seat's.
fn unknown_seat(seat: &str) -> String {
    let (kept, last) = seat.split_at(seat.len() - 1);
    format!("{kept}{}", if last == "0" { "1" } else { "0" })
}

scenarios! {
    async fn s_02_a_hold_lasts_ten_minutes_and_stream_and_hold_agree(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, seat) = (world.guest().await, stage.seat(0));
        let mut log = SeatLog::begin(&world.anonymous().await, &stage).await;
        let before = world.clock.now().micros();
        let hold = buyer.hold(&stage.event_id, &[seat]).await.expect("the seat is free");
        let after = world.clock.now().micros();
        let (made, ends) = (micros(hold.create_time), micros(hold.expire_time));
        assert_eq!(ends - made, micros_of(10 * MINUTE));
        assert!(before <= made && made <= after);
        assert_eq!(micros(hold.expire_time_max) - made, micros_of(30 * MINUTE));
        assert_eq!(look_at(&buyer, &hold).await, hold);
        log.until_seat(seat, SeatState::Held).await;
        let held = micros(log.changes.last().map(|(.., time)| *time));
        assert!((held - made).abs() < 1_000_000, "the stream says {held}, the hold {made}");
        // Half a minute before its end the hold is still its buyer's, and then nobody's.
        world.clock.advance(10 * MINUTE - Duration::from_secs(30));
        let other = world.guest().await;
        assert_eq!(seats_taken(other.hold(&stage.event_id, &[seat]).await), [seat]);
        world.clock.advance(Duration::from_secs(31));
        log.until_seat(seat, SeatState::Available).await;
        let freed = micros(log.changes.last().map(|(.., time)| *time));
        assert!(freed >= ends, "freed at {freed}, before {ends}");
    }

    async fn s_02_a_hold_is_extended_up_to_its_limit_and_no_further(world: &World) {
        let plan = StagePlan { hold_life_max: Some(15 * MINUTE), ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        world.clock.advance(2 * MINUTE);
        let longer = extend(&buyer, &hold).await.expect("there is time to gain");
        let gained = micros(longer.expire_time) - micros(hold.expire_time);
        assert!(gained >= micros_of(2 * MINUTE), "{gained}");
        world.clock.advance(6 * MINUTE);
        let longest = extend(&buyer, &hold).await.expect("there is time to gain");
        assert_eq!(longest.expire_time, hold.expire_time_max);
        let at_limit = extend(&buyer, &hold).await;
        refused(at_limit, Code::FailedPrecondition, ErrorReason::HoldAtLimit);
        assert_eq!(look_at(&buyer, &hold).await, longest);
        world.clock.advance(8 * MINUTE);
        let over = extend(&buyer, &hold).await;
        refused(over, Code::FailedPrecondition, ErrorReason::HoldExpired);
        stage.wait_for(&buyer, stage.seat(0), SeatState::Available).await;
        assert_eq!(look_at(&buyer, &hold).await.state(), hold::State::Expired);
    }

    async fn s_03_a_seat_that_is_not_the_events_is_refused_and_nothing_is_held(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let elsewhere = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let (first, second) = (stage.seat(0), stage.seat(1));
        let (foreign, unknown) = (elsewhere.seat(2), unknown_seat(first));
        let wishes: [(&[&str], &str); 5] = [
            (&[foreign], foreign),
            (&[first, foreign, second], foreign),
            (&[first, unknown.as_str()], unknown.as_str()),
            (&[first, first], first),
            (&[second, first, second], second),
        ];
        for (seats, wrong) in wishes {
            let answer = buyer.hold(&stage.event_id, seats).await;
            let error = refused(answer, Code::InvalidArgument, ErrorReason::SeatUnknown);
            assert_eq!(error.metadata()["seat_id"], wrong);
        }
        for malformed in ["", "sea_1", stage.event_id.as_str()] {
            let answer = buyer.hold(&stage.event_id, &[first, malformed]).await;
            let error = refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
            assert_eq!(error.violations()[0].field, "seat_ids[1]");
        }
        for place in [&stage, &elsewhere] {
            let states = place.states(&buyer).await;
            assert!(states.values().all(|state| *state == SeatState::Available), "{states:?}");
        }
        buyer.hold(&stage.event_id, &[first, second]).await.expect("both are free");
    }

    async fn s_06_a_late_release_does_not_touch_the_next_holder(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let seat = stage.seat(0);
        let (first, second) = (world.guest().await, world.guest().await);
        let old = first.hold(&stage.event_id, &[seat]).await.expect("the seat is free");
        world.clock.advance(10 * MINUTE + Duration::from_secs(1));
        let new = second.hold(&stage.event_id, &[seat]).await.expect("the hold is over");
        let late = release(&first, &old).await.expect("what is over is no error");
        assert_eq!(late.state(), hold::State::Expired);
        assert_eq!(stage.states(&first).await[seat], SeatState::Held);
        assert_eq!(look_at(&second, &new).await, new);
        // Nor do strangers release what is not theirs, or learn that it is there.
        let foreign = release(&first, &new).await;
        let foreign = refused(foreign, Code::NotFound, ErrorReason::NotFound);
        let absent = Hold { hold_id: "hld_00000000000000000000000000000001".into(), ..new.clone() };
        let absent = release(&first, &absent).await;
        let absent = refused(absent, Code::NotFound, ErrorReason::NotFound);
        assert_eq!(foreign.to_string(), absent.to_string());
        assert_eq!(look_at(&second, &new).await, new);
        second.book(&new).await.expect("it is still the second's");
    }

    async fn s_06_a_release_frees_the_seats_for_others_at_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let seats: Vec<&str> = (0..3).map(|index| stage.seat(index)).collect();
        let (first, second) = (world.guest().await, world.guest().await);
        let mut log = SeatLog::begin(&second, &stage).await;
        let hold = first.hold(&stage.event_id, &seats).await.expect("the seats are free");
        let released = release(&first, &hold).await.expect("it is the first's");
        assert_eq!(released.state(), hold::State::Released);
        let again = release(&first, &hold).await.expect("what is over is no error");
        assert_eq!(again, released);
        second.hold(&stage.event_id, &seats).await.expect("they are free again");
        log.until(|view| view.cursor().is_some_and(|at| at.revision == 3)).await;
        for seat in seats {
            let all = [SeatState::Held, SeatState::Available, SeatState::Held];
            assert_eq!(log.states_of(seat), all);
        }
        let error = first.book(&hold).await;
        let error = refused(error, Code::FailedPrecondition, ErrorReason::HoldNotActive);
        assert_eq!(error.metadata()["state"], "RELEASED");
    }

    async fn s_12_nothing_is_booked_from_an_expired_hold(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        world.clock.advance(10 * MINUTE + Duration::from_secs(1));
        // At once, when it may not have been swept, and when it certainly has.
        let at_once = buyer.book(&hold).await;
        refused(at_once, Code::FailedPrecondition, ErrorReason::HoldExpired);
        stage.wait_for(&buyer, stage.seat(0), SeatState::Available).await;
        let later = buyer.book(&hold).await;
        refused(later, Code::FailedPrecondition, ErrorReason::HoldExpired);
    }

    async fn s_17_a_hold_that_is_over_is_never_shown_as_alive(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let request = HoldSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: vec![stage.seat(0).to_owned()], general_admission: Vec::new() };
        let held = buyer.hold_seats(request.clone()).await.expect("it is free");
        let hold = held.hold.expect("a hold");
        assert_eq!(hold.state(), hold::State::Active);
        world.clock.advance(10 * MINUTE + Duration::from_secs(1));
        assert_eq!(look_at(&buyer, &hold).await.state(), hold::State::Expired);
        let again = buyer.hold_seats(request).await.expect("a repeat").hold.expect("a hold");
        assert_eq!(again.hold_id, hold.hold_id);
        assert_eq!(again.state(), hold::State::Expired);
    }

    async fn s_89_no_buyer_gets_more_places_than_the_limit(world: &World) {
        let plan = StagePlan { rows: 2, ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let buyer = world.guest().await;
        let seats: Vec<&str> = stage.seats.iter().map(String::as_str).collect();
        let too_many = async |seats: &[&str]| {
            let answer = buyer.hold(&stage.event_id, seats).await;
            let error = refused(answer, Code::FailedPrecondition, ErrorReason::TooManyPlaces);
            assert_eq!(error.metadata()["limit"], "10");
        };
        too_many(&seats[..11]).await;
        let states = stage.states(&buyer).await;
        assert!(states.values().all(|state| *state == SeatState::Available));
        // What is held, claimed and sold counts together.
        buyer.buy(&stage.event_id, &seats[..3]).await;
        let hold = buyer.hold(&stage.event_id, &seats[3..6]).await.expect("six are allowed");
        buyer.book(&hold).await.expect("the hold is good");
        let last = buyer.hold(&stage.event_id, &seats[6..10]).await.expect("ten are allowed");
        too_many(&seats[10..11]).await;
        let other = world.guest().await;
        other.hold(&stage.event_id, &seats[10..12]).await.expect("the limit is each buyer's own");
        release(&buyer, &last).await.expect("it is the buyer's");
        too_many(&[&seats[6..10], &seats[12..13]].concat()).await;
        buyer.hold(&stage.event_id, &seats[6..10]).await.expect("what was released is free");
    }

    async fn s_89_the_limit_holds_for_holds_made_at_once(world: &World) {
        let plan = StagePlan { rows: 3, ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let buyer = world.guest().await;
        let calls = stage.seats.iter().map(|seat| async {
            buyer.hold(&stage.event_id, &[seat.as_str()]).await
        });
        let answers = futures::future::join_all(calls).await;
        let (held, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((held.len(), refusals.len()), (10, 20));
        for answer in refusals {
            refused(answer, Code::FailedPrecondition, ErrorReason::TooManyPlaces);
        }
    }
}
