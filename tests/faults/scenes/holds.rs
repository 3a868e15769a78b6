//! Who has a place, and for how long.

use std::time::Duration;

use boxoffice_sdk::Error;
use boxoffice_sdk::booking::v1::{
    ExtendHoldRequest, Hold, ReleaseHoldRequest, ReleaseHoldResponse, SeatState,
};
use boxoffice_sdk::catalog::v1::BlockSeatsRequest;
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id};

use crate::verdict::Findings;

/// How long holds of short events last, and how long they may.
const TTL: Duration = Duration::from_secs(60);
const LIFE_MAX: Duration = Duration::from_secs(90);

async fn release(person: &Person, hold: &Hold) -> Result<ReleaseHoldResponse, Error> {
    let hold_id = hold.hold_id.clone();
    person.release_hold(ReleaseHoldRequest { request_id: request_id(), hold_id }).await
}

/// Somebody wants what is not to be had.
pub async fn taken_places(world: &World, findings: &mut Findings) {
    let organizer = world.organizer().await;
    let plan = StagePlan { places_per_buyer_max: 2, ..StagePlan::default() };
    let stage = Stage::publish(&organizer, &plan).await;
    let (owner, other) = (world.guest().await, world.guest().await);
    let request = BlockSeatsRequest {
        request_id: request_id(),
        event_id: stage.event_id.clone(),
        seat_ids: vec![stage.seat(9).to_owned()],
    };
    organizer.block_seats(request).await.expect("it is free");
    let held = owner.hold(&stage.event_id, &[stage.seat(0), stage.seat(1)]).await;
    let hold = held.expect("they are free");
    let again = other.hold(&stage.event_id, &[stage.seat(0)]).await;
    findings.unless_refused(&again, "a held seat is held again");
    let blocked = other.hold(&stage.event_id, &[stage.seat(9)]).await;
    findings.unless_refused(&blocked, "a blocked seat is held");
    let third = owner.hold(&stage.event_id, &[stage.seat(2)]).await;
    findings.unless_refused(&third, "a buyer has more than the limit");
    findings.unless_refused(&release(&other, &hold).await, "a stranger releases a hold");
}

/// Holds whose time is over, one that was extended, and one that has minutes left.
pub async fn holds_that_end(world: &World, findings: &mut Findings) {
    let plan = StagePlan {
        standing: 20,
        hold_ttl: Some(TTL),
        hold_life_max: Some(LIFE_MAX),
        ..StagePlan::default()
    };
    let (short, long) = (world.stage(plan).await, world.stage(StagePlan::default()).await);
    let (buyer, other) = (world.guest().await, world.guest().await);
    let standing = short.standing.as_str();
    let hold_seat_and = async |person: &Person, seat: usize, quantity| {
        let places = [(standing, quantity)];
        person.hold_places(&short.event_id, &[short.seat(seat)], &places).await.expect("free")
    };
    let ending = hold_seat_and(&buyer, 0, 2).await;
    let extended = hold_seat_and(&other, 1, 3).await;
    hold_seat_and(&other, 2, 1).await;
    buyer.hold(&long.event_id, &[long.seat(0)]).await.expect("it is free");
    world.clock.advance(Duration::from_secs(50));
    let request = ExtendHoldRequest { request_id: request_id(), hold_id: extended.hold_id };
    let answer = other.extend_hold(request).await;
    findings.if_refused(&answer, "a hold ends before its time");
    if let Some(hold) = answer.ok().and_then(|answer| answer.hold) {
        let seconds = |time: Option<boxoffice_sdk::Timestamp>| time.expect("a time").seconds;
        let lasts_too_long = seconds(hold.expire_time) > seconds(hold.expire_time_max);
        findings.unless(!lasts_too_long, "a hold lasts too long");
    }
    world.clock.advance(Duration::from_secs(11));
    let late = buyer.book(&ending).await;
    findings.unless_refused(&late, "a hold that is over is booked");
    if late.is_err() {
        // The sweep ends what nobody asks about, and passes by what has time left.
        short.wait_for(&other, short.seat(2), SeatState::Available).await;
    }
    let taken = other.hold(&long.event_id, &[long.seat(0)]).await;
    findings.unless_refused(&taken, "a hold ends before its time");
}

/// A hold is booked when its seats are somebody else's.
pub async fn a_late_claim(world: &World, findings: &mut Findings) {
    let stage = world.stage(StagePlan { hold_ttl: Some(TTL), ..StagePlan::default() }).await;
    let (late, quick) = (world.guest().await, world.guest().await);
    let hold = late.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    world.clock.advance(TTL);
    stage.wait_for(&quick, stage.seat(0), SeatState::Available).await;
    quick.buy(&stage.event_id, &[stage.seat(0)]).await;
    findings.unless_refused(&late.book(&hold).await, "a hold that is over is booked");
}
