//! Watchers of seats: one that stays, and some that come back. What they hear is recorded, and
//! held against what is promised of streams.

use boxoffice_sdk::booking::v1::{ReleaseHoldRequest, SeatCursor};
use boxoffice_tests::streams::{Keeper, Recorder, channel, held_against};
use boxoffice_tests::{Stage, StagePlan, World, request_id};
use futures::future::join_all;
use tokio::sync::Notify;

use crate::verdict::{By, Findings};

/// More changes than a watcher is told one by one.
const MANY: usize = 66;
/// How far beyond the newest revision a cursor is that never was.
const BEYOND: i64 = 1_000;

fn watcher(world: &World, stage: &Stage, name: &str) -> Recorder {
    Recorder::new(name, channel(&world.url()), &stage.event_id, &world.clock)
}

/// Watches from a cursor until a revision was told.
async fn read_to(recorder: &mut Recorder, from: Option<SeatCursor>, revision: i64) {
    let began = Notify::new();
    let until = async {
        began.notified().await;
        Some(revision)
    };
    let pace = async |_| began.notify_one();
    recorder.watch_at_pace(from, until, pace).await;
}

/// Somebody holds places and gives some of them back, while others watch. Those who come back do
/// so after few changes, after many, and from nowhere.
pub async fn watchers(world: &World, findings: &mut Findings) {
    let plan = StagePlan {
        seats_a_row: 80,
        standing: 20,
        places_per_buyer_max: 100,
        ..StagePlan::default()
    };
    let stage = world.stage(plan).await;
    let keeper = Keeper::begin(&world.database, &stage.event_id).await;
    let buyer = world.guest().await;
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
    let newest = async || keeper.at_rest(&world.database).await.1;
    let (epoch, begun) = newest().await;
    let first = Some(SeatCursor { epoch, revision: begun });
    let (mut staying, mut back) = (watcher(world, &stage, "stays"), watcher(world, &stage, "back"));
    let (began, over) = (Notify::new(), Notify::new());
    let until = async {
        over.notified().await;
        Some(newest().await.1)
    };
    let watching = staying.watch_at_pace(None, until, async |_| began.notify_one());
    let holding = async {
        began.notified().await;
        hold(&[stage.seat(70), stage.seat(71)], 2).await;
        let given_back = hold(&[stage.seat(72), stage.seat(73)], 3).await;
        release(&given_back.hold_id).await;
        read_to(&mut back, first, newest().await.1).await;
        let held = join_all((0..MANY).map(async |seat| hold(&[stage.seat(seat)], 0).await)).await;
        release(&held[0].hold_id).await;
        let (_, revision) = newest().await;
        read_to(&mut back, first, revision).await;
        let beyond = Some(SeatCursor { epoch, revision: revision + BEYOND });
        read_to(&mut back, beyond, revision).await;
        over.notify_one();
    };
    tokio::join!(watching, holding);
    let logs = [staying.logs, back.logs].concat();
    let (_, breaches) = held_against(&logs, &keeper, &world.database).await;
    for breach in breaches {
        findings.add(By::Stream(breach.promise), breach);
    }
}
