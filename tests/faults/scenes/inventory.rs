//! Bookings that nobody pays, and many who come at once.

use std::time::Duration;

use boxoffice_sdk::booking::v1::Hold;
use boxoffice_tests::{Person, StagePlan, World};
use futures::future::join_all;

use crate::verdict::{By, Findings};

/// Beyond the time to pay.
const PAY_BY_PASSED: Duration = Duration::from_secs(10 * 60 + 5);
/// How many come at once.
const CROWD: usize = 24;
/// How many seats two replicas are asked for at the same time.
const RACES: usize = 20;

/// One booking is cancelled, another is left until its time is over.
pub async fn unpaid_bookings(world: &World, findings: &mut Findings) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let book = async |seats: [usize; 2]| {
        let seats = seats.map(|seat| stage.seat(seat));
        let hold = buyer.hold(&stage.event_id, &seats).await.expect("they are free");
        buyer.book(&hold).await.expect("the hold is good")
    };
    let cancelled = book([0, 1]).await;
    book([2, 3]).await;
    findings.if_refused(&buyer.cancel(&cancelled).await, "a booking cannot be cancelled");
    world.clock.advance(PAY_BY_PASSED);
}

fn has(hold: &Hold, seat: &str) -> bool {
    hold.places.iter().any(|place| place.seat_id == seat)
}

/// Everybody holds a seat of their own at the same time.
pub async fn many_at_once(world: &World, findings: &mut Findings) {
    let stage = world.stage(StagePlan { seats_a_row: 50, ..StagePlan::default() }).await;
    let crowd = world.crowd(CROWD).await;
    let holds = join_all(crowd.iter().zip(&stage.seats).map(async |(person, seat)| {
        (seat, person.hold(&stage.event_id, &[seat]).await.expect("it is free"))
    }));
    for (seat, hold) in holds.await {
        if !has(&hold, seat) {
            findings.add(By::Answers("somebody gets another one's hold"), hold);
        }
    }
}

/// Two servers are asked for the same seats at the same time.
pub async fn two_replicas(world: &World, findings: &mut Findings) {
    let plan = StagePlan { seats_a_row: 50, places_per_buyer_max: 100, ..StagePlan::default() };
    let stage = world.stage(plan).await;
    let replica = world.replica().await;
    let (one, two) = (world.guest().await, replica.same(&world.guest().await).await);
    let hold = async |person: &Person, seat: &str| person.hold(&stage.event_id, &[seat]).await;
    for seat in stage.seats.iter().take(RACES) {
        let (first, second) = tokio::join!(hold(&one, seat), hold(&two, seat));
        if first.is_ok() && second.is_ok() {
            findings.add(By::Answers("two buyers hold one seat"), seat);
        }
    }
    replica.finish().await;
}
