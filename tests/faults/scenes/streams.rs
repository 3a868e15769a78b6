//! Watchers of seats: one that stays, and some that come back.

use std::time::Duration;

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{ReleaseHoldRequest, SeatCursor, WatchSeatsResponse};
use boxoffice_sdk::catalog::v1::{GetSeatMapRequest, GetSeatMapResponse};
use boxoffice_sdk::{Fold, SeatStream, SeatView};
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id};
use futures::StreamExt;
use futures::future::join_all;

use crate::verdict::{By, Findings};

/// How long a message may take.
const MESSAGE_MAX: Duration = Duration::from_secs(10);
/// More changes than a watcher is told one by one.
const MANY: usize = 66;

/// A watcher and what it knows.
struct Watcher {
    stream: SeatStream,
    view: SeatView,
}

impl Watcher {
    /// Begins, or goes on from where a view stands.
    fn watch(person: &Person, stage: &Stage, view: SeatView) -> Self {
        Self { stream: person.watch_seats(&stage.event_id, view.cursor()), view }
    }

    async fn next(&mut self) -> WatchSeatsResponse {
        let message = tokio::time::timeout(MESSAGE_MAX, self.stream.next()).await;
        message.expect("a message in time").expect("it goes on").expect("no error")
    }

    /// Reads on to where the map stands, and compares.
    async fn read_to(&mut self, map: &GetSeatMapResponse, findings: &mut Findings) {
        let map = SeatView::of_map(map);
        let revision = |view: &SeatView| view.cursor().map(|at| at.revision);
        while revision(&self.view) < revision(&map) {
            let message = self.next().await;
            if self.view.apply(&message) == Fold::OutOfOrder {
                findings.add(By::Stream("out of order"), (self.view.cursor(), message.cursor));
                return;
            }
        }
        for (seat, state) in map.iter() {
            if self.view.state(seat) != Some(state) {
                findings.add(By::Stream("another state than the map's"), (seat, state));
            }
        }
    }

    fn compare_remainder(&self, map: &GetSeatMapResponse, findings: &mut Findings) {
        for offer in &map.offer_statuses {
            if self.view.available(&offer.offer_id) != Some(offer.available_count) {
                findings.add(By::Stream("another remainder than the map's"), offer);
            }
        }
    }
}

async fn map_of(person: &Person, stage: &Stage) -> GetSeatMapResponse {
    let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
    person.get_seat_map(request).await.expect("a seat map")
}

/// What watchers are told, who stay, come back after few changes, after many, and from nowhere.
pub async fn watchers(world: &World, findings: &mut Findings) {
    let plan = StagePlan {
        seats_a_row: 80,
        standing: 20,
        places_per_buyer_max: 100,
        ..StagePlan::default()
    };
    let stage = world.stage(plan).await;
    let buyer = world.guest().await;
    let begun = map_of(&buyer, &stage).await;
    let mut staying = Watcher::watch(&buyer, &stage, SeatView::default());
    let snapshot = staying.next().await;
    assert_eq!(staying.view.apply(&snapshot), Fold::Applied);
    let hold = async |seats: &[&str], standing: i32| {
        let places = [(stage.standing.as_str(), standing)];
        let places = if standing > 0 { &places[..] } else { &[] };
        buyer.hold_places(&stage.event_id, seats, places).await.expect("they are free")
    };
    let release = async |hold_id: &str| {
        let hold_id = hold_id.to_owned();
        let request = ReleaseHoldRequest { request_id: request_id(), hold_id };
        buyer.release_hold(request).await.expect("it is released");
    };
    hold(&[stage.seat(70), stage.seat(71)], 2).await;
    let given_back = hold(&[stage.seat(72), stage.seat(73)], 3).await;
    release(&given_back.hold_id).await;
    let few = map_of(&buyer, &stage).await;
    staying.read_to(&few, findings).await;
    staying.compare_remainder(&few, findings);
    let mut back = Watcher::watch(&buyer, &stage, SeatView::of_map(&begun));
    back.read_to(&few, findings).await;
    let held = join_all((0..MANY).map(async |seat| hold(&[stage.seat(seat)], 0).await)).await;
    release(&held[0].hold_id).await;
    let many = map_of(&buyer, &stage).await;
    let mut later = Watcher::watch(&buyer, &stage, SeatView::of_map(&begun));
    later.read_to(&many, findings).await;
    let SeatCursor { epoch, revision } = many.cursor.expect("a cursor");
    let beyond = Some(SeatCursor { epoch, revision: revision + 1_000 });
    let mut lost = buyer.watch_seats(&stage.event_id, beyond);
    let message = tokio::time::timeout(MESSAGE_MAX, lost.next()).await.expect("in time");
    let message = message.expect("it goes on").expect("no error");
    if !matches!(message.update, Some(Update::Snapshot(snapshot)) if snapshot.resynchronised) {
        findings.add(By::Stream("a new beginning that does not say so"), message.cursor);
    }
}
